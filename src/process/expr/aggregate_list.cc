// FIRST_VALUE, LAST_VALUE, LISTAGG, COLLECT, ARRAY_AGG, SINGLE_VALUE and the JSON aggregates:
// accumulators that keep values, as the bytes of value_codec.h.
#include <absl/container/btree_map.h>

#include "process/expr/aggregate_state.h"

namespace mainstem::process {
namespace {

// ---- FIRST_VALUE, LAST_VALUE without retraction
// ---------------------------------------------------

struct OneValueState {
  std::string value;                                           // encoded; empty = none yet
  Status Merge(const OneValueState&) { return Status::OK(); }  // decided by the aggregate
  void Put(std::string* out) const { PutBytes(value, out); }
  Status Take(std::string_view* bytes) {
    ASSIGN_OR_RETURN(const std::string_view taken, TakeBytes(bytes));
    value = taken;
    return Status::OK();
  }
  size_t heap_bytes() const { return HeapOf(value); }
};

class OneValueAggregate final : public StatefulAggregate<OneValueAggregate, OneValueState> {
 public:
  OneValueAggregate(LogicalType result, bool first)
      : StatefulAggregate(std::move(result)), first_(first) {}
  bool depends_on_order() const override { return true; }
  template <typename Run>
  auto Feed(const AggregateInput& input, Run run) const {
    const arrow::ArrayData& data = *input.columns[0]->data();
    return run(&data, [&](OneValueState& state, int64_t row, int) {
      if (first_ && !state.value.empty()) return;
      state.value.clear();
      EncodeValue(data, row, &state.value);
    });
  }
  Status Merge(std::byte* target, const std::byte* source) const override {
    auto& to = StateAt<OneValueState>(target);
    const auto& from = StateAt<OneValueState>(source);
    if (!from.value.empty() && (!first_ || to.value.empty())) to.value = from.value;
    return Status::OK();
  }
  Status Append(const OneValueState& state, const ResultColumn& out) const {
    if (state.value.empty()) return out.builder->AppendNull();
    std::string_view bytes = state.value;
    return DecodeValue(&bytes, out.builder);
  }

 private:
  bool first_;
};

// ---- Values in order of arrival
// ------------------------------------------------------------------

struct OrderedState {
  std::deque<std::string> values;  // encoded
  size_t bytes = 0;

  void Add(std::string value) {
    bytes += sizeof(std::string) + HeapOf(value);
    values.push_back(std::move(value));
  }
  // Takes back the oldest equal value; one that never came is ignored.
  void Remove(const std::string& value) {
    const auto at = std::find(values.begin(), values.end(), value);
    if (at == values.end()) return;
    bytes -= sizeof(std::string) + HeapOf(*at);
    values.erase(at);
  }
  Status Merge(const OrderedState& other) {
    for (const std::string& value : other.values) Add(value);
    return Status::OK();
  }
  void Put(std::string* out) const {
    PutFixed64(values.size(), out);
    for (const std::string& value : values) PutBytes(value, out);
  }
  Status Take(std::string_view* in) {
    ASSIGN_OR_RETURN(const uint64_t size, TakeFixed64(in));
    for (uint64_t i = 0; i < size; ++i) {
      ASSIGN_OR_RETURN(const std::string_view value, TakeBytes(in));
      Add(std::string(value));
    }
    return Status::OK();
  }
  size_t heap_bytes() const { return bytes; }
};

enum class OrderedResult : uint8_t {
  kFirst,
  kLast,
  kJoined,
  kArray,
  kSingle,
  kJsonArray,
  kJsonObject
};

constexpr size_t kTextHeaderBytes = 5;  // validity and length of an encoded text

// "a":1 of {"a":1}; empty if there is nothing in it.
std::string_view InsideJson(const std::string& encoded) {
  const std::string_view text = std::string_view(encoded).substr(kTextHeaderBytes);
  return text.size() < 2 ? std::string_view() : text.substr(1, text.size() - 2);
}

// The key of "a":1, with its quotes.
std::string_view KeyOfMember(std::string_view member) {
  size_t end = 1;
  while (end < member.size() && member[end] != '"') end += member[end] == '\\' ? 2 : 1;
  return member.substr(0, end + 1);
}

class OrderedAggregate final : public StatefulAggregate<OrderedAggregate, OrderedState> {
 public:
  OrderedAggregate(LogicalType result, OrderedResult kind, std::string separator)
      : StatefulAggregate(std::move(result)), kind_(kind), separator_(std::move(separator)) {}
  bool depends_on_order() const override { return true; }
  template <typename Run>
  auto Feed(const AggregateInput& input, Run run) const {
    const arrow::ArrayData& data = *input.columns[0]->data();
    // ARRAY_AGG and SINGLE_VALUE keep NULLs, the others leave them out.
    const bool keeps_nulls = kind_ == OrderedResult::kArray || kind_ == OrderedResult::kSingle;
    const arrow::ArrayData* skip_nulls_of = keeps_nulls ? nullptr : &data;
    return run(skip_nulls_of, [&](OrderedState& state, int64_t row, int sign) {
      std::string value;
      EncodeValue(data, row, &value);
      if (sign > 0) {
        state.Add(std::move(value));
      } else {
        state.Remove(value);
      }
    });
  }
  Status Append(const OrderedState& state, const ResultColumn& out) const {
    if (kind_ == OrderedResult::kJsonArray || kind_ == OrderedResult::kJsonObject) {
      return AppendJson(state, out.builder);
    }
    if (state.values.empty()) return out.builder->AppendNull();
    if (kind_ == OrderedResult::kArray) {
      auto* list = static_cast<arrow::ListBuilder*>(out.builder);
      RETURN_IF_ERROR(list->Append());
      for (std::string_view value : state.values) {
        RETURN_IF_ERROR(DecodeValue(&value, list->value_builder()));
      }
      return Status::OK();
    }
    if (kind_ == OrderedResult::kJoined) return AppendJoined(state, out.builder);
    if (kind_ == OrderedResult::kSingle && state.values.size() > 1) {
      return MakeError(
          ErrorCode::kEvaluationError,
          {.message = "a subquery that stands for one value gave more than one row",
           .hint = "aggregate its rows, with MAX(..) for example, or join it in FROM"});
    }
    std::string_view value =
        kind_ == OrderedResult::kFirst ? state.values.front() : state.values.back();
    return DecodeValue(&value, out.builder);
  }

 private:
  // A key that comes again replaces the value; members are in the order of their keys.
  Status AppendJson(const OrderedState& state, arrow::ArrayBuilder* builder) const {
    const bool object = kind_ == OrderedResult::kJsonObject;
    std::vector<std::string_view> members;
    std::map<std::string_view, std::string_view> by_key;
    for (const std::string& value : state.values) {
      const std::string_view member = InsideJson(value);
      if (member.empty()) continue;  // NULL, which is to be absent
      if (object) {
        by_key[KeyOfMember(member)] = member;
      } else {
        members.push_back(member);
      }
    }
    for (const auto& [key, member] : by_key) members.push_back(member);
    std::string text(1, object ? '{' : '[');
    for (const std::string_view member : members) {
      if (text.size() > 1) text += ',';
      text += member;
    }
    text += object ? '}' : ']';
    return static_cast<arrow::StringBuilder*>(builder)->Append(text);
  }

  Status AppendJoined(const OrderedState& state, arrow::ArrayBuilder* builder) const {
    std::string joined;
    for (const std::string& value : state.values) {
      if (&value != &state.values.front()) joined += separator_;
      joined.append(value, kTextHeaderBytes);
    }
    return static_cast<arrow::StringBuilder*>(builder)->Append(joined);
  }

  OrderedResult kind_;
  std::string separator_;
};

// ---- COLLECT
// -------------------------------------------------------------------------------------

struct BagState {
  absl::btree_map<std::string, int64_t> counts;
  size_t bytes = 0;

  void Add(const std::string& value, int64_t count) {
    const auto [at, inserted] = counts.try_emplace(value, 0);
    if (inserted) bytes += sizeof(std::string) + sizeof(int64_t) + HeapOf(at->first);
    at->second += count;
    if (at->second == 0) {
      bytes -= sizeof(std::string) + sizeof(int64_t) + HeapOf(at->first);
      counts.erase(at);
    }
  }
  Status Merge(const BagState& other) {
    for (const auto& [value, count] : other.counts) Add(value, count);
    return Status::OK();
  }
  void Put(std::string* out) const {
    PutFixed64(counts.size(), out);
    for (const auto& [value, count] : counts) {
      PutBytes(value, out);
      PutFixed64(static_cast<uint64_t>(count), out);
    }
  }
  Status Take(std::string_view* in) {
    ASSIGN_OR_RETURN(const uint64_t size, TakeFixed64(in));
    for (uint64_t i = 0; i < size; ++i) {
      ASSIGN_OR_RETURN(const std::string_view value, TakeBytes(in));
      ASSIGN_OR_RETURN(const uint64_t count, TakeFixed64(in));
      Add(std::string(value), static_cast<int64_t>(count));
    }
    return Status::OK();
  }
  size_t heap_bytes() const { return bytes; }
};

class CollectAggregate final : public StatefulAggregate<CollectAggregate, BagState> {
 public:
  using StatefulAggregate::StatefulAggregate;
  template <typename Run>
  auto Feed(const AggregateInput& input, Run run) const {
    const arrow::ArrayData& data = *input.columns[0]->data();
    std::string value;
    return run(&data, [&](BagState& state, int64_t row, int sign) {
      value.clear();
      EncodeValue(data, row, &value);
      state.Add(value, sign);
    });
  }
  Status Append(const BagState& state, const ResultColumn& out) const {
    auto* map = static_cast<arrow::MapBuilder*>(out.builder);
    RETURN_IF_ERROR(map->Append());
    for (const auto& [value, count] : state.counts) {
      if (count <= 0) continue;
      std::string_view bytes = value;
      RETURN_IF_ERROR(DecodeValue(&bytes, map->key_builder()));
      RETURN_IF_ERROR(static_cast<arrow::Int32Builder*>(map->item_builder())
                          ->Append(static_cast<int32_t>(count)));
    }
    return Status::OK();
  }
};

}  // namespace

Result<AggregatePtr> MakePositionAggregate(const AggregateCall& call, const LogicalType& result) {
  const bool first = call.name == "FIRST_VALUE";
  if (!call.needs_retract) return AggregatePtr(std::make_unique<OneValueAggregate>(result, first));
  const OrderedResult kind = first ? OrderedResult::kFirst : OrderedResult::kLast;
  return AggregatePtr(std::make_unique<OrderedAggregate>(result, kind, ""));
}

Result<AggregatePtr> MakeListAggregate(const AggregateCall& call, const LogicalType& result) {
  if (call.name == "COLLECT") return AggregatePtr(std::make_unique<CollectAggregate>(result));
  OrderedResult kind = OrderedResult::kArray;
  if (call.name == "LISTAGG") kind = OrderedResult::kJoined;
  if (call.name == "SINGLE_VALUE") kind = OrderedResult::kSingle;
  if (call.name == "JSON_ARRAYAGG") kind = OrderedResult::kJsonArray;
  if (call.name == "JSON_OBJECTAGG") kind = OrderedResult::kJsonObject;
  return AggregatePtr(std::make_unique<OrderedAggregate>(result, kind, call.separator));
}

}  // namespace mainstem::process

// FIRST_VALUE, LAST_VALUE, LISTAGG, COLLECT, ARRAY_AGG and DISTINCT: accumulators that keep values,
// as the bytes of value_codec.h.
#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>

#include "process/expr/aggregate_state.h"

namespace mainstem::process {
namespace {

size_t HeapOf(const std::string& text) { return text.capacity() > 15 ? text.capacity() + 1 : 0; }

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
  Status Accumulate(const AggregateInput& input, size_t offset) const override {
    const arrow::ArrayData& data = *input.columns[0]->data();
    ForEachRow<OneValueState>(input, offset, &data, [&](OneValueState& state, int64_t row, int) {
      if (first_ && !state.value.empty()) return;
      state.value.clear();
      EncodeValue(data, row, &state.value);
    });
    return Status::OK();
  }
  Status Merge(std::byte* target, const std::byte* source) const override {
    auto& to = StateAt<OneValueState>(target);
    const auto& from = StateAt<OneValueState>(source);
    if (!from.value.empty() && (!first_ || to.value.empty())) to.value = from.value;
    return Status::OK();
  }
  Status Append(const OneValueState& state, arrow::ArrayBuilder* builder) const {
    if (state.value.empty()) return builder->AppendNull();
    std::string_view bytes = state.value;
    return DecodeValue(&bytes, builder);
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

enum class OrderedResult : uint8_t { kFirst, kLast, kJoined, kArray };

class OrderedAggregate final : public StatefulAggregate<OrderedAggregate, OrderedState> {
 public:
  OrderedAggregate(LogicalType result, OrderedResult kind, std::string separator)
      : StatefulAggregate(std::move(result)), kind_(kind), separator_(std::move(separator)) {}
  Status Accumulate(const AggregateInput& input, size_t offset) const override {
    const arrow::ArrayData& data = *input.columns[0]->data();
    // ARRAY_AGG keeps NULLs, the others leave them out.
    const arrow::ArrayData* skip_nulls_of = kind_ == OrderedResult::kArray ? nullptr : &data;
    ForEachRow<OrderedState>(input, offset, skip_nulls_of,
                             [&](OrderedState& state, int64_t row, int sign) {
                               std::string value;
                               EncodeValue(data, row, &value);
                               if (sign > 0) {
                                 state.Add(std::move(value));
                               } else {
                                 state.Remove(value);
                               }
                             });
    return Status::OK();
  }
  Status Append(const OrderedState& state, arrow::ArrayBuilder* builder) const {
    if (state.values.empty()) return builder->AppendNull();
    if (kind_ == OrderedResult::kArray) {
      auto* list = static_cast<arrow::ListBuilder*>(builder);
      RETURN_IF_ERROR(list->Append());
      for (std::string_view value : state.values) {
        RETURN_IF_ERROR(DecodeValue(&value, list->value_builder()));
      }
      return Status::OK();
    }
    if (kind_ == OrderedResult::kJoined) return AppendJoined(state, builder);
    std::string_view value =
        kind_ == OrderedResult::kFirst ? state.values.front() : state.values.back();
    return DecodeValue(&value, builder);
  }

 private:
  Status AppendJoined(const OrderedState& state, arrow::ArrayBuilder* builder) const {
    constexpr size_t kHeaderBytes = 5;  // validity and length of an encoded text
    std::string joined;
    for (const std::string& value : state.values) {
      if (&value != &state.values.front()) joined += separator_;
      joined.append(value, kHeaderBytes);
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
  Status Accumulate(const AggregateInput& input, size_t offset) const override {
    const arrow::ArrayData& data = *input.columns[0]->data();
    std::string value;
    ForEachRow<BagState>(input, offset, &data, [&](BagState& state, int64_t row, int sign) {
      value.clear();
      EncodeValue(data, row, &value);
      state.Add(value, sign);
    });
    return Status::OK();
  }
  Status Append(const BagState& state, arrow::ArrayBuilder* builder) const {
    auto* map = static_cast<arrow::MapBuilder*>(builder);
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

// ---- DISTINCT
// ------------------------------------------------------------------------------------

struct SeenState {
  absl::flat_hash_map<std::string, int64_t> counts;
  size_t bytes = 0;
};

// Lets a value through to `inner` when it appears and when its last copy goes. The inner state
// follows the set of seen values.
class DistinctAggregate final : public Aggregate {
 public:
  explicit DistinctAggregate(AggregatePtr inner)
      : Aggregate(inner->result_type(), kInnerOffset + inner->state_bytes(), true),
        inner_(std::move(inner)) {}

  void Init(std::byte* state) const override {
    new (state) SeenState();
    inner_->Init(state + kInnerOffset);
  }
  void Destroy(std::byte* state) const override {
    inner_->Destroy(state + kInnerOffset);
    StateAt<SeenState>(state).~SeenState();
  }
  Status Accumulate(const AggregateInput& input, size_t offset) const override {
    std::vector<uint8_t> mask(static_cast<size_t>(input.row_count), 0);
    std::vector<int8_t> signs(static_cast<size_t>(input.row_count), 1);
    std::string key;
    ForEachRow<SeenState>(input, offset, nullptr, [&](SeenState& state, int64_t row, int sign) {
      key.clear();
      for (const auto& column : input.columns) {
        if (column->IsNull(row)) return;
        EncodeValue(*column->data(), row, &key);
      }
      mask[static_cast<size_t>(row)] = Count(state, key, sign);
      signs[static_cast<size_t>(row)] = static_cast<int8_t>(sign);
    });
    AggregateInput passed = input;
    passed.mask = mask.data();
    passed.signs = signs.data();
    return inner_->Accumulate(passed, offset + kInnerOffset);
  }
  // Values that only `source` has seen are decoded and fed to the inner aggregate.
  Status Merge(std::byte* target, const std::byte* source) const override {
    auto& to = StateAt<SeenState>(target);
    for (const auto& [key, count] : StateAt<SeenState>(source).counts) {
      if (!Count(to, key, static_cast<int>(count))) continue;
      ASSIGN_OR_RETURN(const auto type_builder, arrow::MakeBuilder(ArgumentType()));
      std::string_view bytes = key;
      RETURN_IF_ERROR(DecodeValue(&bytes, type_builder.get()));
      ASSIGN_OR_RETURN(const std::shared_ptr<arrow::Array> value, type_builder->Finish());
      std::byte* block = target + kInnerOffset;
      const AggregateInput one{.columns = {&value, 1}, .row_count = 1, .group_states = &block};
      RETURN_IF_ERROR(inner_->Accumulate(one, 0));
    }
    return Status::OK();
  }
  Result<std::shared_ptr<arrow::Array>> Values(std::span<std::byte* const> group_states,
                                               size_t offset) const override {
    return inner_->Values(group_states, offset + kInnerOffset);
  }
  void Serialize(const std::byte* state, std::string* out) const override {
    const auto& seen = StateAt<SeenState>(state);
    out->push_back(static_cast<char>(kAggregateStateVersion));
    PutFixed64(seen.counts.size(), out);
    for (const auto& [key, count] : seen.counts) {
      PutBytes(key, out);
      PutFixed64(static_cast<uint64_t>(count), out);
    }
    inner_->Serialize(state + kInnerOffset, out);
  }
  Status Deserialize(std::string_view* bytes, std::byte* state) const override {
    if (bytes->empty() || bytes->front() != static_cast<char>(kAggregateStateVersion)) {
      return MakeError(ErrorCode::kCorruptStorage, "aggregate state of an unknown version");
    }
    bytes->remove_prefix(1);
    ASSIGN_OR_RETURN(const uint64_t size, TakeFixed64(bytes));
    for (uint64_t i = 0; i < size; ++i) {
      ASSIGN_OR_RETURN(const std::string_view key, TakeBytes(bytes));
      ASSIGN_OR_RETURN(const uint64_t count, TakeFixed64(bytes));
      Count(StateAt<SeenState>(state), std::string(key), static_cast<int64_t>(count));
    }
    return inner_->Deserialize(bytes, state + kInnerOffset);
  }
  size_t HeapBytes(const std::byte* state) const override {
    return StateAt<SeenState>(state).bytes + inner_->HeapBytes(state + kInnerOffset);
  }
  void set_argument(LogicalType type) { argument_ = std::move(type); }

 private:
  static constexpr size_t kInnerOffset =
      (sizeof(SeenState) + kStateAlignment - 1) / kStateAlignment * kStateAlignment;

  std::shared_ptr<arrow::DataType> ArgumentType() const { return ToArrowType(argument_); }

  // Changes the count; true if the value has just appeared or gone.
  static bool Count(SeenState& state, const std::string& key, int64_t change) {
    const auto [at, inserted] = state.counts.try_emplace(key, 0);
    const int64_t before = at->second;
    at->second += change;
    if (inserted) state.bytes += sizeof(std::string) + sizeof(int64_t) + HeapOf(at->first);
    const bool passes = (before <= 0) != (at->second <= 0);
    if (at->second == 0) {
      state.bytes -= sizeof(std::string) + sizeof(int64_t) + HeapOf(at->first);
      state.counts.erase(at);
    }
    return passes;
  }

  AggregatePtr inner_;
  LogicalType argument_;
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
  const OrderedResult kind =
      call.name == "LISTAGG" ? OrderedResult::kJoined : OrderedResult::kArray;
  return AggregatePtr(std::make_unique<OrderedAggregate>(result, kind, call.separator));
}

AggregatePtr MakeDistinctAggregate(AggregatePtr inner, const LogicalType& argument) {
  auto aggregate = std::make_unique<DistinctAggregate>(std::move(inner));
  aggregate->set_argument(argument);
  return aggregate;
}

}  // namespace mainstem::process

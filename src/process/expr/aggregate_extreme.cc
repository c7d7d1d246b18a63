// MIN and MAX: one value without retraction, a value -> count map with it.
#include <cmath>

#include <absl/container/btree_map.h>

#include "process/expr/aggregate_state.h"

namespace mainstem::process {
namespace {

// How a value is held and stored: numbers as they are, text as std::string.
template <typename T>
struct Held {
  using Type = T;
  static void Put(const T& value, std::string* out) {
    out->append(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  static Result<T> Take(std::string_view* bytes) {
    if (bytes->size() < sizeof(T)) return CorruptValue();
    T value;
    std::memcpy(&value, bytes->data(), sizeof(T));
    bytes->remove_prefix(sizeof(T));
    return value;
  }
  static size_t heap_bytes(const T&) { return 0; }
  static Status Append(const T& value, const ResultColumn& out) { return AppendNumber(out, value); }
};
template <>
struct Held<std::string_view> {
  using Type = std::string;
  static void Put(const std::string& value, std::string* out) { PutBytes(value, out); }
  static Result<std::string> Take(std::string_view* bytes) {
    ASSIGN_OR_RETURN(const std::string_view taken, TakeBytes(bytes));
    return std::string(taken);
  }
  static size_t heap_bytes(const std::string& value) {
    return value.capacity() > 15 ? value.capacity() + 1 : 0;
  }
  static Status Append(const std::string& value, const ResultColumn& out) {
    return static_cast<arrow::BinaryBuilder*>(out.builder)->Append(value);
  }
};

template <typename T, bool kMax>
struct ExtremeState {
  typename Held<T>::Type value{};
  bool has_value = false;

  void Offer(const T& candidate) {
    if (!has_value || (kMax ? value < candidate : candidate < value)) {
      value = candidate;
      has_value = true;
    }
  }
  Status Merge(const ExtremeState& other) {
    if (other.has_value) Offer(other.value);
    return Status::OK();
  }
  void Put(std::string* out) const {
    out->push_back(has_value ? '\1' : '\0');
    if (has_value) Held<T>::Put(value, out);
  }
  Status Take(std::string_view* bytes) {
    if (bytes->empty()) return CorruptValue();
    has_value = bytes->front() == '\1';
    bytes->remove_prefix(1);
    if (!has_value) return Status::OK();
    ASSIGN_OR_RETURN(value, Held<T>::Take(bytes));
    return Status::OK();
  }
  size_t heap_bytes() const { return Held<T>::heap_bytes(value); }
};

template <typename T, bool kMax>
class ExtremeAggregate final
    : public StatefulAggregate<ExtremeAggregate<T, kMax>, ExtremeState<T, kMax>> {
  using State = ExtremeState<T, kMax>;

 public:
  explicit ExtremeAggregate(LogicalType result)
      : StatefulAggregate<ExtremeAggregate<T, kMax>, State>(std::move(result)) {}
  template <typename Run>
  auto Feed(const AggregateInput& input, Run run) const {
    const arrow::ArrayData& data = *input.columns[0]->data();
    const Column<T> values(data);
    return run(&data, [&](State& state, int64_t row, int) { state.Offer(values[row]); });
  }
  Status Append(const State& state, const ResultColumn& out) const {
    return state.has_value ? Held<T>::Append(state.value, out) : out.builder->AppendNull();
  }
};

// A total order: NaN is the greatest number. Finds text by view.
struct Less {
  using is_transparent = void;
  template <typename A, typename B>
  bool operator()(const A& a, const B& b) const {
    if constexpr (std::is_floating_point_v<A>) {
      if (std::isnan(a) || std::isnan(b)) return !std::isnan(a) && std::isnan(b);
    }
    return a < b;
  }
};

// A count may be negative for a moment: a retraction can overtake its insertion across inputs.
template <typename T>
struct CountedState {
  using Value = typename Held<T>::Type;
  absl::btree_map<Value, int64_t, Less> counts;
  size_t bytes = 0;

  template <typename V>
  void Add(const V& value, int64_t count) {
    auto at = counts.find(value);
    if (at == counts.end()) {
      at = counts.emplace(Value(value), 0).first;
      bytes += sizeof(Value) + sizeof(int64_t) + Held<T>::heap_bytes(at->first);
    }
    at->second += count;
    if (at->second == 0) {
      bytes -= sizeof(Value) + sizeof(int64_t) + Held<T>::heap_bytes(at->first);
      counts.erase(at);
    }
  }
  Status Merge(const CountedState& other) {
    for (const auto& [value, count] : other.counts) Add(value, count);
    return Status::OK();
  }
  void Put(std::string* out) const {
    PutFixed64(counts.size(), out);
    for (const auto& [value, count] : counts) {
      Held<T>::Put(value, out);
      PutFixed64(static_cast<uint64_t>(count), out);
    }
  }
  Status Take(std::string_view* in) {
    ASSIGN_OR_RETURN(const uint64_t size, TakeFixed64(in));
    for (uint64_t i = 0; i < size; ++i) {
      ASSIGN_OR_RETURN(const Value value, Held<T>::Take(in));
      ASSIGN_OR_RETURN(const uint64_t count, TakeFixed64(in));
      Add(value, static_cast<int64_t>(count));
    }
    return Status::OK();
  }
  size_t heap_bytes() const { return bytes; }
};

template <typename T, bool kMax>
class RetractableExtreme final
    : public StatefulAggregate<RetractableExtreme<T, kMax>, CountedState<T>> {
  using State = CountedState<T>;

 public:
  explicit RetractableExtreme(LogicalType result)
      : StatefulAggregate<RetractableExtreme<T, kMax>, State>(std::move(result)) {}
  template <typename Run>
  auto Feed(const AggregateInput& input, Run run) const {
    const arrow::ArrayData& data = *input.columns[0]->data();
    const Column<T> values(data);
    return run(&data, [&](State& state, int64_t row, int sign) { state.Add(values[row], sign); });
  }
  Status Append(const State& state, const ResultColumn& out) const {
    const auto present = [](const auto& entry) { return entry.second > 0; };
    if constexpr (kMax) {
      const auto at = std::find_if(state.counts.rbegin(), state.counts.rend(), present);
      if (at == state.counts.rend()) return out.builder->AppendNull();
      return Held<T>::Append(at->first, out);
    } else {
      const auto at = std::find_if(state.counts.begin(), state.counts.end(), present);
      if (at == state.counts.end()) return out.builder->AppendNull();
      return Held<T>::Append(at->first, out);
    }
  }
};

template <typename T>
AggregatePtr MakeTyped(const AggregateCall& call, const LogicalType& result) {
  const bool max = call.name == "MAX";
  if (call.needs_retract) {
    if (max) return std::make_unique<RetractableExtreme<T, true>>(result);
    return std::make_unique<RetractableExtreme<T, false>>(result);
  }
  if (max) return std::make_unique<ExtremeAggregate<T, true>>(result);
  return std::make_unique<ExtremeAggregate<T, false>>(result);
}

}  // namespace

Result<AggregatePtr> MakeExtremeAggregate(const AggregateCall& call, const LogicalType& result) {
  switch (call.args[0].root()) {
    case TypeRoot::kBoolean: return MakeTyped<bool>(call, result);
    case TypeRoot::kTinyInt: return MakeTyped<int8_t>(call, result);
    case TypeRoot::kSmallInt: return MakeTyped<int16_t>(call, result);
    case TypeRoot::kInteger:
    case TypeRoot::kDate:
    case TypeRoot::kTime:
    case TypeRoot::kIntervalYearMonth: return MakeTyped<int32_t>(call, result);
    case TypeRoot::kBigInt:
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
    case TypeRoot::kIntervalDayTime: return MakeTyped<int64_t>(call, result);
    case TypeRoot::kFloat: return MakeTyped<float>(call, result);
    case TypeRoot::kDouble: return MakeTyped<double>(call, result);
    case TypeRoot::kDecimal: return MakeTyped<Int128>(call, result);
    default: return MakeTyped<std::string_view>(call, result);
  }
}

}  // namespace mainstem::process

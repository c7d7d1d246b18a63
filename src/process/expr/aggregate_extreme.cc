// MIN and MAX: one value without retraction, a value -> count map with it.
#include "process/expr/aggregate_counted.h"

namespace mainstem::process {
namespace {

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

template <typename T>
class RetractableExtreme final : public StatefulAggregate<RetractableExtreme<T>, CountedState<T>> {
  using State = CountedState<T>;

 public:
  RetractableExtreme(LogicalType result, bool max)
      : StatefulAggregate<RetractableExtreme<T>, State>(std::move(result)), max_(max) {}
  template <typename Run>
  auto Feed(const AggregateInput& input, Run run) const {
    const arrow::ArrayData& data = *input.columns[0]->data();
    const Column<T> values(data);
    return run(&data, [&](State& state, int64_t row, int sign) { state.Add(values[row], sign); });
  }
  Status Append(const State& state, const ResultColumn& out) const {
    const auto append_first = [&out](auto at, auto end) {
      at = std::find_if(at, end, [](const auto& entry) { return entry.second > 0; });
      return at == end ? out.builder->AppendNull() : Held<T>::Append(at->first, out);
    };
    return max_ ? append_first(state.counts.rbegin(), state.counts.rend())
                : append_first(state.counts.begin(), state.counts.end());
  }

 private:
  const bool max_;
};

template <typename T>
AggregatePtr MakeTyped(const AggregateCall& call, const LogicalType& result) {
  const bool max = call.name == "MAX";
  if (call.needs_retract) return std::make_unique<RetractableExtreme<T>>(result, max);
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

// PERCENTILE(value, percentage [, frequency]): as Flink 2.3 finds it, between the
// values around place 1 + p * (n - 1).
#include <algorithm>

#include "process/expr/aggregate_counted.h"

namespace mainstem::process {
namespace {

// `counts` has a value at least. Values are taken as often as they are counted, from 1 on.
double PercentileOf(const absl::btree_map<double, int64_t, Less>& counts, int64_t total, double p) {
  const double position = p * static_cast<double>(total - 1) + 1;
  const double lower = std::floor(position);
  const double upper = std::ceil(position);
  auto at = counts.begin();
  auto passed = static_cast<double>(at->second);
  while (passed < lower && std::next(at) != counts.end()) {
    ++at;
    passed += static_cast<double>(at->second);
  }
  const auto next = std::next(at);
  if (passed >= upper || next == counts.end()) return at->first;
  return (upper - position) * at->first + (position - lower) * next->first;
}

class PercentileAggregate final
    : public StatefulAggregate<PercentileAggregate, CountedState<double>> {
  using State = CountedState<double>;

 public:
  PercentileAggregate(const AggregateCall& call, LogicalType result)
      : StatefulAggregate<PercentileAggregate, State>(std::move(result)),
        percentages_(call.percentages),
        is_array_(call.percentages_are_array) {}

  template <typename Run>
  auto Feed(const AggregateInput& input, Run run) const {
    const arrow::ArrayData& data = *input.columns[0]->data();
    const Column<double> values(data);
    const auto* frequencies = input.columns.size() > 1
                                  ? static_cast<const arrow::Int64Array*>(input.columns[1].get())
                                  : nullptr;
    return run(&data, [=](State& state, int64_t row, int sign) {
      int64_t count = 1;
      if (frequencies != nullptr) count = frequencies->IsNull(row) ? 0 : frequencies->Value(row);
      if (count > 0) state.Add(values[row], sign * count);
    });
  }

  Status Append(const State& state, const ResultColumn& out) const {
    int64_t total = 0;
    for (const auto& [value, count] : state.counts) total += count;
    if (total <= 0 || percentages_.empty()) return out.builder->AppendNull();
    if (!is_array_) {
      return AppendNumber(out, PercentileOf(state.counts, total, percentages_[0]));
    }
    auto* const list = static_cast<arrow::ListBuilder*>(out.builder);
    RETURN_IF_ERROR(list->Append());
    auto* const items = static_cast<arrow::DoubleBuilder*>(list->value_builder());
    for (const double p : percentages_) {
      RETURN_IF_ERROR(items->Append(PercentileOf(state.counts, total, p)));
    }
    return Status::OK();
  }

 private:
  const std::vector<double> percentages_;
  const bool is_array_;
};

}  // namespace

Result<AggregatePtr> MakePercentileAggregate(const AggregateCall& call, const LogicalType& result) {
  return std::make_unique<PercentileAggregate>(call, result);
}

}  // namespace mainstem::process

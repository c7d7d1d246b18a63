// COUNT, SUM, AVG, STDDEV and VAR: accumulators that are a few numbers.
#include <cmath>

#include "process/expr/aggregate_state.h"
#include "process/expr/decimal_math.h"

namespace mainstem::process {
namespace {

// ---- COUNT
// ---------------------------------------------------------------------------------------

struct CountState : PlainState<CountState> {
  int64_t count = 0;
  Status Merge(const CountState& other) {
    count += other.count;
    return Status::OK();
  }
};

// COUNT(*), COUNT(x), COUNT(x, y): rows in which no argument is NULL.
class CountAggregate final : public StatefulAggregate<CountAggregate, CountState> {
 public:
  using StatefulAggregate::StatefulAggregate;
  template <typename Run>
  auto Feed(const AggregateInput& input, Run run) const {
    if (input.columns.size() <= 1) {
      const arrow::ArrayData* argument =
          input.columns.empty() ? nullptr : input.columns[0]->data().get();
      return run(argument, [](CountState& state, int64_t, int sign) { state.count += sign; });
    }
    return run(nullptr, [&](CountState& state, int64_t row, int sign) {
      for (const auto& column : input.columns) {
        if (column->IsNull(row)) return;
      }
      state.count += sign;
    });
  }
  Status Append(const CountState& state, const ResultColumn& out) const {
    return AppendNumber(out, state.count);
  }
  // HOT PATH: a count is never NULL, so it needs no builder.
  Result<std::shared_ptr<arrow::Array>> Running(const AggregateInput& input,
                                                size_t offset) const override {
    ASSIGN_OR_RETURN(
        std::shared_ptr<arrow::Buffer> buffer,
        arrow::AllocateBuffer(input.row_count * static_cast<int64_t>(sizeof(int64_t))));
    auto* next = reinterpret_cast<int64_t*>(buffer->mutable_data());
    const auto append = [&](const CountState& state) {
      *next++ = state.count;
      return Status::OK();
    };
    RETURN_IF_ERROR(Feed(input, [&](const arrow::ArrayData* argument, auto f) {
      return ForEachRowRunning<CountState>(input, offset, argument, f, append);
    }));
    return std::make_shared<arrow::Int64Array>(input.row_count, std::move(buffer));
  }
};

// ---- SUM, AVG
// ------------------------------------------------------------------------------------

// `Sum` is int64_t for all integers (wrapping as their own type would), float, double or Int128.
template <typename Sum>
struct SumState : PlainState<SumState<Sum>> {
  Sum sum = 0;
  int64_t count = 0;
  int64_t overflowed = 0;  // decimals: 1 once the sum has left 38 digits; the result is NULL then

  void Add(Sum value, int sign) {
    if constexpr (std::is_same_v<Sum, int64_t>) {
      sum = static_cast<int64_t>(static_cast<uint64_t>(sum) +
                                 static_cast<uint64_t>(value) * static_cast<uint64_t>(sign));
    } else if constexpr (std::is_same_v<Sum, Int128>) {
      Int128 next;
      if (__builtin_add_overflow(sum, sign < 0 ? -value : value, &next)) {
        overflowed = 1;
      } else {
        sum = next;
      }
    } else {
      sum += sign < 0 ? -value : value;
    }
    count += sign;
  }
  Status Merge(const SumState& other) {
    const int64_t total = count + other.count;
    Add(other.sum, 1);
    count = total;
    overflowed |= other.overflowed;
    return Status::OK();
  }
};

template <typename T>
using SumOf = std::conditional_t<std::is_integral_v<T>, int64_t, T>;

template <typename T>
class SumAggregate final : public StatefulAggregate<SumAggregate<T>, SumState<SumOf<T>>> {
  using State = SumState<SumOf<T>>;

 public:
  explicit SumAggregate(LogicalType result)
      : StatefulAggregate<SumAggregate<T>, State>(std::move(result)) {}
  template <typename Run>
  auto Feed(const AggregateInput& input, Run run) const {
    const arrow::ArrayData& data = *input.columns[0]->data();
    const Column<T> values(data);
    return run(&data, [&](State& state, int64_t row, int sign) {
      state.Add(static_cast<SumOf<T>>(values[row]), sign);
    });
  }
  Status Append(const State& state, const ResultColumn& out) const {
    if (state.count == 0) return out.builder->AppendNull();
    if constexpr (std::is_same_v<T, Int128>) {
      if (state.overflowed != 0 || !FitsPrecision(state.sum, 38)) return out.builder->AppendNull();
    }
    return AppendNumber(out, state.sum);
  }
};

template <typename T>
class AverageAggregate final : public StatefulAggregate<AverageAggregate<T>, SumState<SumOf<T>>> {
  using State = SumState<SumOf<T>>;

 public:
  AverageAggregate(LogicalType result, int scale)
      : StatefulAggregate<AverageAggregate<T>, State>(std::move(result)), scale_(scale) {}
  template <typename Run>
  auto Feed(const AggregateInput& input, Run run) const {
    const arrow::ArrayData& data = *input.columns[0]->data();
    const Column<T> values(data);
    return run(&data, [&](State& state, int64_t row, int sign) {
      state.Add(static_cast<SumOf<T>>(values[row]), sign);
    });
  }
  Status Append(const State& state, const ResultColumn& out) const {
    if (state.count == 0) return out.builder->AppendNull();
    if constexpr (std::is_same_v<T, Int128>) {
      if (state.overflowed != 0) return out.builder->AppendNull();
      const LogicalType& type = this->result_type();
      const auto average =
          DecimalDivide(state.sum, scale_, state.count, 0, {type.precision(), type.scale()});
      return average ? AppendNumber(out, *average) : out.builder->AppendNull();
    } else if constexpr (std::is_integral_v<T>) {
      return AppendNumber(out, state.sum / state.count);
    } else {
      return AppendNumber(out, state.sum / static_cast<T>(state.count));
    }
  }

 private:
  int scale_;  // of the argument, if a DECIMAL
};

// ---- STDDEV, VAR
// ---------------------------------------------------------------------------------

// Sums of the values and of their squares, so that rows can be taken back.
struct MomentState : PlainState<MomentState> {
  double sum = 0;
  double sum_of_squares = 0;
  int64_t count = 0;
  void Add(double value, int sign) {
    sum += sign * value;
    sum_of_squares += sign * value * value;
    count += sign;
  }
  Status Merge(const MomentState& other) {
    sum += other.sum;
    sum_of_squares += other.sum_of_squares;
    count += other.count;
    return Status::OK();
  }
};

struct VarianceOptions {
  bool sample = false;
  bool root = false;
  int scale = 0;  // of a DECIMAL argument
};

template <typename T>
class VarianceAggregate final : public StatefulAggregate<VarianceAggregate<T>, MomentState> {
 public:
  VarianceAggregate(LogicalType result, VarianceOptions options)
      : StatefulAggregate<VarianceAggregate<T>, MomentState>(std::move(result)),
        options_(options) {}
  template <typename Run>
  auto Feed(const AggregateInput& input, Run run) const {
    const arrow::ArrayData& data = *input.columns[0]->data();
    const Column<T> values(data);
    return run(&data, [&](MomentState& state, int64_t row, int sign) {
      if constexpr (std::is_same_v<T, Int128>) {
        state.Add(DecimalToDouble(values[row], options_.scale), sign);
      } else {
        state.Add(static_cast<double>(values[row]), sign);
      }
    });
  }
  Status Append(const MomentState& state, const ResultColumn& out) const {
    const int64_t divisor = state.count - (options_.sample ? 1 : 0);
    if (state.count == 0 || divisor == 0) return out.builder->AppendNull();
    const double n = static_cast<double>(state.count);
    const double spread = state.sum_of_squares - state.sum * state.sum / n;
    double result = std::max(spread, 0.0) / static_cast<double>(divisor);
    if (options_.root) result = std::sqrt(result);
    if constexpr (std::is_same_v<T, Int128>) {
      const LogicalType& type = this->result_type();
      const auto decimal = DecimalFromDouble(result, {type.precision(), type.scale()});
      return decimal ? AppendNumber(out, *decimal) : out.builder->AppendNull();
    } else {
      return AppendNumber(out, result);
    }
  }

 private:
  VarianceOptions options_;
};

// Calls f(T{}) with the C type of a number column.
template <typename F>
Result<AggregatePtr> WithNumberType(const LogicalType& type, F f) {
  switch (type.root()) {
    case TypeRoot::kTinyInt: return f(int8_t{});
    case TypeRoot::kSmallInt: return f(int16_t{});
    case TypeRoot::kInteger: return f(int32_t{});
    case TypeRoot::kBigInt: return f(int64_t{});
    case TypeRoot::kFloat: return f(float{});
    case TypeRoot::kDouble: return f(double{});
    default: CHECK(type.root() == TypeRoot::kDecimal); return f(Int128{});
  }
}

}  // namespace

Result<AggregatePtr> MakeCountAggregate(const AggregateCall&, const LogicalType& result) {
  return AggregatePtr(std::make_unique<CountAggregate>(result));
}

Result<AggregatePtr> MakeSumAggregate(const AggregateCall& call, const LogicalType& result) {
  return WithNumberType(call.args[0], [&](auto zero) -> Result<AggregatePtr> {
    return AggregatePtr(std::make_unique<SumAggregate<decltype(zero)>>(result));
  });
}

Result<AggregatePtr> MakeAverageAggregate(const AggregateCall& call, const LogicalType& result) {
  return WithNumberType(call.args[0], [&](auto zero) -> Result<AggregatePtr> {
    return AggregatePtr(
        std::make_unique<AverageAggregate<decltype(zero)>>(result, call.args[0].scale()));
  });
}

Result<AggregatePtr> MakeVarianceAggregate(const AggregateCall& call, const LogicalType& result) {
  const bool population = call.name == "STDDEV_POP" || call.name == "VAR_POP";
  const VarianceOptions options{.sample = !population,
                                .root = call.name.starts_with("STDDEV"),
                                .scale = call.args[0].scale()};
  return WithNumberType(call.args[0], [&](auto zero) -> Result<AggregatePtr> {
    return AggregatePtr(std::make_unique<VarianceAggregate<decltype(zero)>>(result, options));
  });
}

}  // namespace mainstem::process

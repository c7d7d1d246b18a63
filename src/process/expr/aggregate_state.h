// What the aggregate functions share: the loop over a batch, fixed-size and heap-owning states, and
// writing result columns. Internal to expr/.
#pragma once

#include <new>

#include <arrow/api.h>

#include "process/expr/aggregate.h"
#include "process/expr/value_codec.h"
#include "process/expr/vector.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {

inline constexpr uint8_t kAggregateStateVersion = 1;

// What a string owns beyond itself.
inline size_t HeapOf(const std::string& text) {
  return text.capacity() > 15 ? text.capacity() + 1 : 0;
}

// Calls f(State&, row, sign) for each row that counts: not masked, and its argument not NULL
// (`argument` may be null: COUNT(*)). HOT PATH: signs, mask and nulls are decided outside the loop.
template <typename State, typename F>
void ForEachRow(const AggregateInput& input, size_t offset, const arrow::ArrayData* argument, F f) {
  std::optional<Validity> validity;
  if (argument != nullptr) validity.emplace(*argument);
  const bool may_have_nulls = validity && validity->may_have_nulls();
  const auto loop = [&](auto checked, auto grouped) {
    for (int64_t row = 0; row < input.row_count; ++row) {
      int sign = 1;
      if constexpr (checked) {
        if (input.mask != nullptr && input.mask[row] == 0) continue;
        if (may_have_nulls && !(*validity)[row]) continue;
        if (input.signs != nullptr) sign = input.signs[row];
      }
      std::byte* block = input.group_states[0];
      if constexpr (grouped) block = input.group_states[input.group_of_row[row]];
      f(*reinterpret_cast<State*>(block + offset), row, sign);
    }
  };
  const bool checked = input.mask != nullptr || input.signs != nullptr || may_have_nulls;
  const bool grouped = input.group_of_row != nullptr;
  using Yes = std::true_type;
  using No = std::false_type;
  if (checked) {
    grouped ? loop(Yes{}, Yes{}) : loop(Yes{}, No{});
  } else {
    grouped ? loop(No{}, Yes{}) : loop(No{}, No{});
  }
}

// As ForEachRow, and calls append(State&) after every row, whether it counts or not.
template <typename State, typename F, typename Append>
Status ForEachRowRunning(const AggregateInput& input, size_t offset,
                         const arrow::ArrayData* argument, F f, Append append) {
  std::optional<Validity> validity;
  if (argument != nullptr) validity.emplace(*argument);
  const bool may_have_nulls = validity && validity->may_have_nulls();
  for (int64_t row = 0; row < input.row_count; ++row) {
    std::byte* block = input.group_states[input.group_of_row ? input.group_of_row[row] : 0];
    auto& state = *reinterpret_cast<State*>(block + offset);
    const bool masked = input.mask != nullptr && input.mask[row] == 0;
    if (!masked && !(may_have_nulls && !(*validity)[row])) {
      f(state, row, input.signs != nullptr ? input.signs[row] : 1);
    }
    RETURN_IF_ERROR(append(state));
    if (input.reset_after != nullptr && input.reset_after[row] != 0) {
      state.~State();
      new (&state) State();
    }
  }
  return Status::OK();
}

// Where results go; knows the builder's type, which the builder itself tells only slowly.
struct ResultColumn {
  arrow::ArrayBuilder* builder;
  arrow::Type::type id;
};

template <typename State>
State& StateAt(std::byte* state) {
  return *reinterpret_cast<State*>(state);
}
template <typename State>
const State& StateAt(const std::byte* state) {
  return *reinterpret_cast<const State*>(state);
}

// An Aggregate around two functions of Derived: `Status Append(const State&, const ResultColumn&)`
// and `auto Feed(const AggregateInput&, run)`, which returns run(argument, f) with the column whose
// NULLs are left out (or nullptr) and f(State&, row, sign), which takes one row.
// `State` has: void Put(std::string*) const; Status Take(std::string_view*); size_t heap_bytes()
// const; Status Merge(const State&).
template <typename Derived, typename State>
class StatefulAggregate : public Aggregate {
 public:
  explicit StatefulAggregate(LogicalType result_type)
      : Aggregate(std::move(result_type), sizeof(State), !std::is_trivially_destructible_v<State>) {
  }

  void Init(std::byte* state) const override { new (state) State(); }
  void Destroy(std::byte* state) const override { StateAt<State>(state).~State(); }
  Status Merge(std::byte* target, const std::byte* source) const override {
    return StateAt<State>(target).Merge(StateAt<State>(source));
  }
  Status Accumulate(const AggregateInput& input, size_t offset) const override {
    return derived().Feed(input, [&](const arrow::ArrayData* argument, auto f) {
      ForEachRow<State>(input, offset, argument, f);
      return Status::OK();
    });
  }
  Result<std::shared_ptr<arrow::Array>> Running(const AggregateInput& input,
                                                size_t offset) const override {
    ASSIGN_OR_RETURN(auto builder, arrow::MakeBuilder(ToArrowType(result_type())));
    RETURN_IF_ERROR(builder->Reserve(input.row_count));
    const ResultColumn out{builder.get(), builder->type()->id()};
    const auto append = [&](const State& state) { return derived().Append(state, out); };
    RETURN_IF_ERROR(derived().Feed(input, [&](const arrow::ArrayData* argument, auto f) {
      return ForEachRowRunning<State>(input, offset, argument, f, append);
    }));
    return builder->Finish();
  }
  Result<std::shared_ptr<arrow::Array>> Values(std::span<std::byte* const> group_states,
                                               size_t offset) const override {
    ASSIGN_OR_RETURN(auto builder, arrow::MakeBuilder(ToArrowType(result_type())));
    RETURN_IF_ERROR(builder->Reserve(static_cast<int64_t>(group_states.size())));
    const ResultColumn out{builder.get(), builder->type()->id()};
    for (std::byte* block : group_states) {
      RETURN_IF_ERROR(derived().Append(StateAt<State>(block + offset), out));
    }
    return builder->Finish();
  }
  void Serialize(const std::byte* state, std::string* out) const override {
    out->push_back(static_cast<char>(kAggregateStateVersion));
    StateAt<State>(state).Put(out);
  }
  Status Deserialize(std::string_view* bytes, std::byte* state) const override {
    if (bytes->empty() || bytes->front() != static_cast<char>(kAggregateStateVersion)) {
      return MakeError(ErrorCode::kCorruptStorage, "aggregate state of an unknown version");
    }
    bytes->remove_prefix(1);
    return StateAt<State>(state).Take(bytes);
  }
  size_t HeapBytes(const std::byte* state) const override {
    return StateAt<State>(state).heap_bytes();
  }

 private:
  const Derived& derived() const { return *static_cast<const Derived*>(this); }
};

// A state that is plain bytes.
template <typename Derived>
struct PlainState {
  void Put(std::string* out) const {
    out->append(reinterpret_cast<const char*>(static_cast<const Derived*>(this)), sizeof(Derived));
  }
  Status Take(std::string_view* bytes) {
    if (bytes->size() < sizeof(Derived)) return CorruptValue();
    std::memcpy(static_cast<void*>(static_cast<Derived*>(this)), bytes->data(), sizeof(Derived));
    bytes->remove_prefix(sizeof(Derived));
    return Status::OK();
  }
  size_t heap_bytes() const { return 0; }
};

// Appends a number to the builder of its own type, whatever SQL type that stands for.
template <typename T>
Status AppendNumber(const ResultColumn& out, T value) {
  arrow::ArrayBuilder* const builder = out.builder;
  if constexpr (std::is_same_v<T, Int128>) {
    return static_cast<arrow::Decimal128Builder*>(builder)->Append(
        arrow::Decimal128(static_cast<int64_t>(value >> 64), static_cast<uint64_t>(value)));
  } else {
    switch (out.id) {
      case arrow::Type::BOOL:
        return static_cast<arrow::BooleanBuilder*>(builder)->Append(static_cast<bool>(value));
      case arrow::Type::INT8:
        return static_cast<arrow::Int8Builder*>(builder)->Append(static_cast<int8_t>(value));
      case arrow::Type::INT16:
        return static_cast<arrow::Int16Builder*>(builder)->Append(static_cast<int16_t>(value));
      case arrow::Type::INT32:
        return static_cast<arrow::Int32Builder*>(builder)->Append(static_cast<int32_t>(value));
      case arrow::Type::DATE32:
        return static_cast<arrow::Date32Builder*>(builder)->Append(static_cast<int32_t>(value));
      case arrow::Type::TIME32:
        return static_cast<arrow::Time32Builder*>(builder)->Append(static_cast<int32_t>(value));
      case arrow::Type::INT64:
        return static_cast<arrow::Int64Builder*>(builder)->Append(static_cast<int64_t>(value));
      case arrow::Type::TIMESTAMP:
        return static_cast<arrow::TimestampBuilder*>(builder)->Append(static_cast<int64_t>(value));
      case arrow::Type::DURATION:
        return static_cast<arrow::DurationBuilder*>(builder)->Append(static_cast<int64_t>(value));
      case arrow::Type::FLOAT:
        return static_cast<arrow::FloatBuilder*>(builder)->Append(static_cast<float>(value));
      default:
        return static_cast<arrow::DoubleBuilder*>(builder)->Append(static_cast<double>(value));
    }
  }
}

// ---- Makers, one for each file
// ---------------------------------------------------------------------
using AggregatePtr = std::unique_ptr<Aggregate>;
Result<AggregatePtr> MakeCountAggregate(const AggregateCall& call, const LogicalType& result);
Result<AggregatePtr> MakeSumAggregate(const AggregateCall& call, const LogicalType& result);
Result<AggregatePtr> MakeAverageAggregate(const AggregateCall& call, const LogicalType& result);
Result<AggregatePtr> MakeVarianceAggregate(const AggregateCall& call, const LogicalType& result);
Result<AggregatePtr> MakeExtremeAggregate(const AggregateCall& call, const LogicalType& result);
Result<AggregatePtr> MakePositionAggregate(const AggregateCall& call, const LogicalType& result);
Result<AggregatePtr> MakePercentileAggregate(const AggregateCall& call, const LogicalType& result);
Result<AggregatePtr> MakeListAggregate(const AggregateCall& call, const LogicalType& result);
AggregatePtr MakeDistinctAggregate(AggregatePtr inner, const LogicalType& argument,
                                   bool counts_nulls);

}  // namespace mainstem::process

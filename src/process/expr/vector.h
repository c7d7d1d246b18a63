// The columns that kernels see, and the loops that run a row function over them.
// HOT PATH: a kernel costs one virtual call per batch; RunDense and RunStrict compile to tight
// loops. Internal to expr/ (kernels and evaluator). Everything here lives for one call, on one
// thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <arrow/util/bit_util.h>

#include "core/status.h"
#include "process/expr/bound_expr.h"
#include "process/expr/evaluator.h"
#include "process/expr/text_sink.h"

namespace mainstem::process {

using Int128 = __int128;

// A column of a batch; `constant` = one value (data->length == 1) that stands for every row.
struct Vector {
  std::shared_ptr<arrow::ArrayData> data;
  bool constant = false;

  bool IsConstantNull() const { return constant && data->GetNullCount() == 1; }
};

// What a kernel gets besides its arguments.
class KernelScope {
 public:
  KernelScope(const BoundExpr& expr, const EvalContext& context, int64_t row_count,
              std::shared_ptr<void>* state, const int32_t* root_rows, EvalFailure* failure)
      : expr_(expr),
        context_(context),
        row_count_(row_count),
        state_(state),
        root_rows_(root_rows),
        failure_(failure) {}

  const BoundExpr& expr() const { return expr_; }
  const LogicalType& type() const { return expr_.type(); }
  const LogicalType& arg_type(size_t i) const { return expr_.args()[i]->type(); }
  const EvalContext& context() const { return context_; }
  arrow::MemoryPool* pool() const {
    return context_.pool != nullptr ? context_.pool : arrow::default_memory_pool();
  }
  int64_t row_count() const { return row_count_; }
  // TRY_CAST: a row that fails is NULL.
  bool failure_is_null() const { return expr_.is_try(); }
  // Kept from batch to batch for this node (compiled patterns, random generators).
  template <typename T>
  T& State() {
    if (*state_ == nullptr) *state_ = std::make_shared<T>();
    return *static_cast<T*>(state_->get());
  }
  // Of the function, or CAST: for messages.
  std::string_view function_name() const;
  // Records which row of the batch failed, and makes the error.
  Status Fail(int64_t row, std::string message);
  // The same for a sink that has failed at the row.
  Status Fail(int64_t row, const TextSink& sink);

 private:
  const BoundExpr& expr_;
  const EvalContext& context_;
  int64_t row_count_;
  std::shared_ptr<void>* state_;
  const int32_t* root_rows_;
  EvalFailure* failure_;
};

// ---- Reading
// -------------------------------------------------------------------------------------

// Which rows are not NULL. A null bitmap means all are.
class Validity {
 public:
  explicit Validity(const Vector& vector) : Validity(*vector.data, vector.constant) {}
  explicit Validity(const arrow::ArrayData& data, bool constant = false)
      : step_(constant ? 0 : 1), offset_(data.offset) {
    if (data.type->id() == arrow::Type::NA) {
      all_null_ = true;
    } else if (data.buffers[0] != nullptr && data.null_count != 0) {
      bits_ = data.buffers[0]->data();
    }
  }
  bool operator[](int64_t row) const {
    if (bits_ == nullptr) return !all_null_;
    return arrow::bit_util::GetBit(bits_, offset_ + row * step_);
  }
  bool may_have_nulls() const { return bits_ != nullptr || all_null_; }

 private:
  const uint8_t* bits_ = nullptr;
  bool all_null_ = false;
  int64_t step_;
  int64_t offset_;
};

// Values of a column as T; the value of a NULL row is unspecified but readable.
template <typename T>
class Column {
 public:
  using Value = T;
  explicit Column(const Vector& vector) : Column(*vector.data, vector.constant) {}
  explicit Column(const arrow::ArrayData& data, bool constant = false)
      : values_(data.buffers[1]->data() + data.offset * static_cast<int64_t>(sizeof(T))),
        step_(constant ? 0 : 1) {}
  T operator[](int64_t row) const {
    T value;
    std::memcpy(&value, values_ + row * step_ * static_cast<int64_t>(sizeof(T)), sizeof(T));
    return value;
  }
  bool constant() const { return step_ == 0; }
  const uint8_t* raw() const { return values_; }

 private:
  const uint8_t* values_;
  int64_t step_;
};

template <>
class Column<bool> {
 public:
  using Value = bool;
  explicit Column(const Vector& vector) : Column(*vector.data, vector.constant) {}
  explicit Column(const arrow::ArrayData& data, bool constant = false)
      : bits_(data.buffers[1]->data()), offset_(data.offset), step_(constant ? 0 : 1) {}
  bool operator[](int64_t row) const {
    return arrow::bit_util::GetBit(bits_, offset_ + row * step_);
  }
  bool constant() const { return step_ == 0; }

 private:
  const uint8_t* bits_;
  int64_t offset_;
  int64_t step_;
};

template <>
class Column<std::string_view> {
 public:
  using Value = std::string_view;
  explicit Column(const Vector& vector) : Column(*vector.data, vector.constant) {}
  explicit Column(const arrow::ArrayData& data, bool constant = false)
      : offsets_(reinterpret_cast<const int32_t*>(data.buffers[1]->data()) + data.offset),
        bytes_(data.buffers[2] == nullptr ? ""
                                          : reinterpret_cast<const char*>(data.buffers[2]->data())),
        step_(constant ? 0 : 1) {}
  std::string_view operator[](int64_t row) const {
    const int32_t begin = offsets_[row * step_];
    return {bytes_ + begin, static_cast<size_t>(offsets_[row * step_ + 1] - begin)};
  }
  bool constant() const { return step_ == 0; }

 private:
  const int32_t* offsets_;
  const char* bytes_;
  int64_t step_;
};

// ---- Writing
// -------------------------------------------------------------------------------------

// Rows that are valid in every argument: a bitmap from bit 0, or nullptr if all rows are.
Result<std::shared_ptr<arrow::Buffer>> CombineValidity(std::span<const Vector> args,
                                                       int64_t row_count, arrow::MemoryPool* pool);

// Collects one row's failure; the loop looks at it after each row.
class RowErrors {
 public:
  void Fail(std::string message) {
    failed_ = true;
    message_ = std::move(message);
  }
  bool failed() const { return failed_; }
  std::string Take() {
    failed_ = false;
    return std::move(message_);
  }

 private:
  bool failed_ = false;
  std::string message_;
};

Vector MakeVector(const LogicalType& type, int64_t length, bool constant,
                  arrow::BufferVector buffers);
Vector ConstantNull(const LogicalType& type);
Result<std::shared_ptr<arrow::Buffer>> AllocateBits(int64_t length, bool value,
                                                    arrow::MemoryPool* pool);

inline bool AnyConstantNull(std::span<const Vector> args) {
  for (const Vector& arg : args) {
    if (arg.IsConstantNull()) return true;
  }
  return false;
}
inline bool AllConstant(std::span<const Vector> args) {
  for (const Vector& arg : args) {
    if (!arg.constant) return false;
  }
  return !args.empty();
}

// ---- Loops
// ---------------------------------------------------------------------------------------

namespace internal {

template <typename R, typename F>
void FillFixed(uint8_t* out, int64_t count, F&& at) {
  if constexpr (std::is_same_v<R, bool>) {
    int64_t row = 0;
    for (; row + 64 <= count; row += 64) {
      uint64_t word = 0;
      for (int64_t bit = 0; bit < 64; ++bit) word |= static_cast<uint64_t>(at(row + bit)) << bit;
      std::memcpy(out + row / 8, &word, 8);
    }
    for (; row < count; ++row) arrow::bit_util::SetBitTo(out, row, at(row));
  } else {
    R* values = reinterpret_cast<R*>(out);
    for (int64_t row = 0; row < count; ++row) values[row] = at(row);
  }
}

template <typename R>
int64_t BytesFor(int64_t count) {
  if constexpr (std::is_same_v<R, bool>) return (count + 7) / 8;
  return count * static_cast<int64_t>(sizeof(R));
}

// Two arguments of fixed width: a loop for each of column/column, column/constant, constant/column.
template <typename R, typename A, typename B, typename F>
void FillBinary(uint8_t* out, int64_t count, const Column<A>& a, const Column<B>& b, F& f) {
  if (a.constant() == b.constant()) {
    FillFixed<R>(out, count, [&](int64_t row) { return f(a[row], b[row]); });
  } else if (a.constant()) {
    const A left = a[0];
    const uint8_t* right = b.raw();
    FillFixed<R>(out, count, [&](int64_t row) {
      B value;
      std::memcpy(&value, right + row * static_cast<int64_t>(sizeof(B)), sizeof(B));
      return f(left, value);
    });
  } else {
    const B right = b[0];
    const uint8_t* left = a.raw();
    FillFixed<R>(out, count, [&](int64_t row) {
      A value;
      std::memcpy(&value, left + row * static_cast<int64_t>(sizeof(A)), sizeof(A));
      return f(value, right);
    });
  }
}

template <typename T>
inline constexpr bool kPlainValue =
    !std::is_same_v<T, bool> && !std::is_same_v<T, std::string_view>;

template <typename... A, size_t... kIndex>
std::tuple<Column<A>...> ColumnsOf(std::span<const Vector> args, std::index_sequence<kIndex...>) {
  return {Column<A>(args[kIndex])...};
}

// What a row function returns, apart from optional<>.
template <typename T>
struct Unwrapped {
  using Type = T;
  static constexpr bool kOptional = false;
};
template <typename T>
struct Unwrapped<std::optional<T>> {
  using Type = T;
  static constexpr bool kOptional = true;
};

}  // namespace internal

// R f(A...) with a fixed-width result, run on every row, NULL ones too (so f must not fail or
// mind). NULL in, NULL out.
template <typename R, typename... A, typename F>
Result<Vector> RunDense(KernelScope& scope, std::span<const Vector> args, F f) {
  if (AnyConstantNull(args)) return ConstantNull(scope.type());
  const bool constant = AllConstant(args);
  const int64_t count = constant ? 1 : scope.row_count();
  ASSIGN_OR_RETURN(auto validity, CombineValidity(args, count, scope.pool()));
  ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> values,
                   arrow::AllocateBuffer(internal::BytesFor<R>(count), scope.pool()));
  uint8_t* out = values->mutable_data();
  const auto columns = internal::ColumnsOf<A...>(args, std::index_sequence_for<A...>());
  if constexpr (sizeof...(A) == 2 && (internal::kPlainValue<A> && ...)) {
    internal::FillBinary<R>(out, count, std::get<0>(columns), std::get<1>(columns), f);
  } else {
    internal::FillFixed<R>(out, count, [&](int64_t row) {
      return std::apply([&](const auto&... column) { return f(column[row]...); }, columns);
    });
  }
  return MakeVector(scope.type(), count, constant, {validity, values});
}

// The general loop, run on rows without a NULL argument. f is one of
//   R f([RowErrors&,] A...) or optional<R> f([RowErrors&,] A...)       fixed-width result, or
//   void|bool f([RowErrors&,] TextSink&, A...)   STRING or BYTES result (R = std::string_view);
// an empty optional and false mean NULL. A failure ends the batch (TRY_CAST: NULL).
template <typename R, typename... A, typename F>
Result<Vector> RunStrict(KernelScope& scope, std::span<const Vector> args, F f) {
  constexpr bool kText = std::is_same_v<R, std::string_view>;
  if (AnyConstantNull(args)) return ConstantNull(scope.type());
  const bool constant = AllConstant(args);
  const int64_t count = constant ? 1 : scope.row_count();
  arrow::MemoryPool* pool = scope.pool();
  ASSIGN_OR_RETURN(auto arguments_validity, CombineValidity(args, count, pool));
  const uint8_t* valid = arguments_validity == nullptr ? nullptr : arguments_validity->data();
  std::shared_ptr<arrow::Buffer> validity = arguments_validity;
  uint8_t* result_valid = nullptr;  // made at the first row that turns out to be NULL
  const auto set_null = [&](int64_t row) -> Status {
    if (result_valid == nullptr) {
      ASSIGN_OR_RETURN(validity, AllocateBits(count, true, pool));
      result_valid = validity->mutable_data();
      if (valid != nullptr) std::memcpy(result_valid, valid, static_cast<size_t>((count + 7) / 8));
    }
    arrow::bit_util::ClearBit(result_valid, row);
    return Status::OK();
  };
  const auto columns = internal::ColumnsOf<A...>(args, std::index_sequence_for<A...>());
  RowErrors errors;
  TextSink sink;
  std::shared_ptr<arrow::Buffer> values;
  uint8_t* out = nullptr;
  if constexpr (kText) {
    RETURN_IF_ERROR(sink.Init(count, pool));
  } else {
    ASSIGN_OR_RETURN(values, arrow::AllocateBuffer(internal::BytesFor<R>(count), pool));
    out = values->mutable_data();
    if constexpr (std::is_same_v<R, bool>) std::memset(out, 0, static_cast<size_t>(values->size()));
  }
  const auto store = [&](int64_t row, R value) {
    if constexpr (std::is_same_v<R, bool>) {
      arrow::bit_util::SetBitTo(out, row, value);
    } else if constexpr (!kText) {
      reinterpret_cast<R*>(out)[row] = value;
    }
  };
  // Returns false for NULL.
  const auto run_row = [&](int64_t row) -> bool {
    return std::apply(
        [&](const auto&... column) -> bool {
          if constexpr (kText) {
            if constexpr (std::is_invocable_v<F&, RowErrors&, TextSink&, A...>) {
              if constexpr (std::is_void_v<std::invoke_result_t<F&, RowErrors&, TextSink&, A...>>) {
                f(errors, sink, column[row]...);
                return true;
              } else {
                return f(errors, sink, column[row]...);
              }
            } else if constexpr (std::is_void_v<std::invoke_result_t<F&, TextSink&, A...>>) {
              f(sink, column[row]...);
              return true;
            } else {
              return f(sink, column[row]...);
            }
          } else {
            const auto result = [&] {
              if constexpr (std::is_invocable_v<F&, RowErrors&, A...>) {
                return f(errors, column[row]...);
              } else {
                return f(column[row]...);
              }
            }();
            if constexpr (internal::Unwrapped<std::decay_t<decltype(result)>>::kOptional) {
              if (!result) return false;
              store(row, *result);
            } else {
              store(row, result);
            }
            return true;
          }
        },
        columns);
  };
  for (int64_t row = 0; row < count; ++row) {
    if (valid == nullptr || arrow::bit_util::GetBit(valid, row)) {
      bool has_value = run_row(row);
      if (errors.failed()) [[unlikely]] {
        std::string message = errors.Take();
        if (!scope.failure_is_null()) return scope.Fail(row, std::move(message));
        has_value = false;
      }
      if (!has_value) {
        RETURN_IF_ERROR(set_null(row));
        if constexpr (kText) sink.Discard();
        if constexpr (!kText) store(row, R{});
      }
    } else if constexpr (!kText) {
      store(row, R{});
    }
    if constexpr (kText) {
      sink.EndRow();
      if (sink.failed()) [[unlikely]]
        return scope.Fail(row, sink);
    }
  }
  arrow::BufferVector buffers{validity, values};
  if constexpr (kText) RETURN_IF_ERROR(sink.Finish(scope.function_name(), &buffers));
  return MakeVector(scope.type(), count, constant, std::move(buffers));
}

// Kernels made of a row function that needs nothing of the scope.
template <typename R, typename... A, typename F>
auto DenseKernel(F f) {
  return [f](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    return RunDense<R, A...>(scope, args, f);
  };
}
template <typename R, typename... A, typename F>
auto StrictKernel(F f) {
  return [f](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    return RunStrict<R, A...>(scope, args, f);
  };
}

// ---- Whole columns
// -------------------------------------------------------------------------------

// The rows `rows[0..count)` of a vector; a constant stays one.
Result<Vector> Take(const Vector& vector, const int32_t* rows, int64_t count,
                    arrow::MemoryPool* pool);
// A constant becomes a column of row_count rows.
Result<Vector> Flatten(const Vector& vector, int64_t row_count, arrow::MemoryPool* pool);
std::shared_ptr<arrow::Array> ToArray(const Vector& vector);
Vector FromArray(const arrow::Array& array);
Result<Vector> FromScalar(const arrow::Scalar& scalar, const LogicalType& type);

// Row r of the result is the next unread row of sources[choice[r]] if `compact[choice[r]]`, else
// row r of it. Sources are of one type.
Result<Vector> Merge(const LogicalType& type, std::span<const Vector> sources,
                     std::span<const uint8_t> compact, std::span<const uint32_t> choice,
                     arrow::MemoryPool* pool);

}  // namespace mainstem::process

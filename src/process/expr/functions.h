// How the built-in functions are declared: families of arguments, overloads, result types.
// Internal to expr/: one functions_*.cc for each group, all added by MakeBuiltinRegistry.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "process/expr/function_registry.h"
#include "process/expr/vector.h"

namespace mainstem::process {

void AddLogicFunctions(FunctionRegistry* registry);
void AddComparisonFunctions(FunctionRegistry* registry);
void AddArithmeticFunctions(FunctionRegistry* registry);
void AddMathFunctions(FunctionRegistry* registry);
void AddStringFunctions(FunctionRegistry* registry);
void AddPatternFunctions(FunctionRegistry* registry);
void AddEncodingFunctions(FunctionRegistry* registry);
void AddTimeFunctions(FunctionRegistry* registry);
void AddClockFunctions(FunctionRegistry* registry);
void AddJsonFunctions(FunctionRegistry* registry);
void AddCollectionFunctions(FunctionRegistry* registry);
void AddArrayFunctions(FunctionRegistry* registry);
void AddCheckFunctions(FunctionRegistry* registry);

using Text = std::string_view;

// What an argument may be; it is cast to the type in brackets.
enum class Arg : uint8_t {
  kText,     // CHAR, VARCHAR (as it is)
  kInteger,  // TINYINT..BIGINT (BIGINT)
  kDouble,   // any number (DOUBLE)
  kDecimal,  // DECIMAL (as it is)
  kBoolean,
  kBinary,
  kDate,
  kTime,
  kTimestamp,     // TIMESTAMP (as it is)
  kTimestampLtz,  // TIMESTAMP_LTZ (as it is)
  kIntervalMonths,
  kIntervalMillis,
  kArray,
  kMap,
  kRow,
  kSymbol,
  kAny,  // as it is
};
bool MatchesArg(const LogicalType& type, Arg arg);
LogicalType WantedType(const LogicalType& type, Arg arg);

// Result types. Nullability: as the arguments' unless said otherwise.
using ResultType = std::function<LogicalType(const CallSite&)>;
ResultType Returns(LogicalType type);          // nullable if an argument is
ResultType ReturnsNullable(LogicalType type);  // always nullable
inline const ResultType kText = Returns(LogicalType::String());
inline const ResultType kTextNullable = ReturnsNullable(LogicalType::String());
ResultType ReturnsNotNull(LogicalType type);  // never NULL
ResultType ReturnsArgument(size_t index);     // the type of an argument; nullable if any is
ResultType ReturnsVarChar(size_t index);      // VARCHAR as long as a text argument

struct Overload {
  std::vector<Arg> args;
  ResultType result;
  Kernel kernel;
  bool variadic = false;  // the last argument may repeat, or be absent
};
struct FunctionSpec {
  std::string name;
  std::vector<Overload> overloads;
  FunctionFlags flags = {};
  // For functions that fail only on some constants (a wrong pattern): false where the call cannot.
  std::function<bool(const CallSite&)> can_fail = {};
  // Refuses calls whose constants can't be right.
  std::function<Status(const CallSite&)> check = {};
};
void Define(FunctionRegistry* registry, FunctionSpec spec);
// The same under further names.
void DefineAs(FunctionRegistry* registry, std::initializer_list<std::string_view> names,
              FunctionSpec spec);
// A function that is an expression of others.
void DefineRewrite(FunctionRegistry* registry, std::string name, int args_min, int args_max,
                   Rewrite rewrite);
// Inference of its own.
void DefineInfer(FunctionRegistry* registry, std::string name, int args_min, int args_max,
                 Infer infer, FunctionFlags flags = {}, CallForm form = CallForm::kEager);

// A kernel of two arguments, given them the other way round.
Kernel Swapped(Kernel kernel);

inline constexpr FunctionFlags kCanFail{.can_fail = true};
// Date pattern in argument `index`, if given: true unless it is a literal that compiles.
bool DatePatternCanFail(const CallSite& site, size_t index);
// An ERROR behaviour among the arguments.
bool AnyErrorSymbol(const CallSite& site);

// For results that an Arrow builder makes (lists, maps): f(row, Builder&) -> Status appends one
// value for each row; rows with a NULL argument are NULL if `strict`.
template <typename Builder, typename F>
Result<Vector> RunBuilder(KernelScope& scope, std::span<const Vector> args, bool strict, F f);
Result<std::unique_ptr<arrow::ArrayBuilder>> MakeResultBuilder(const KernelScope& scope);
Result<Vector> FinishBuilder(arrow::ArrayBuilder* builder, bool constant);
Status AppendNullTo(arrow::ArrayBuilder* builder);

template <typename Builder, typename F>
Result<Vector> RunBuilder(KernelScope& scope, std::span<const Vector> args, bool strict, F f) {
  if (strict && AnyConstantNull(args)) return ConstantNull(scope.type());
  const bool constant = AllConstant(args);
  const int64_t count = constant ? 1 : scope.row_count();
  std::vector<Validity> valid;
  for (const Vector& arg : args) valid.emplace_back(arg);
  ASSIGN_OR_RETURN(auto builder, MakeResultBuilder(scope));
  for (int64_t row = 0; row < count; ++row) {
    bool has_null = false;
    if (strict) {
      for (const Validity& v : valid) has_null |= !v[row];
    }
    if (has_null) {
      RETURN_IF_ERROR(AppendNullTo(builder.get()));
    } else {
      RETURN_IF_ERROR(f(row, static_cast<Builder&>(*builder)));
    }
  }
  return FinishBuilder(builder.get(), constant);
}

// For texts of arguments that may be NULL: f(row, TextSink&) -> Result<bool> writes the text of
// each row; false: NULL.
template <typename F>
Result<Vector> RunText(KernelScope& scope, std::span<const Vector> args, F f) {
  const bool constant = AllConstant(args);
  const int64_t count = constant ? 1 : scope.row_count();
  std::shared_ptr<arrow::Buffer> validity;  // made at the first NULL
  TextSink sink;
  RETURN_IF_ERROR(sink.Init(count, scope.pool()));
  for (int64_t row = 0; row < count; ++row) {
    ASSIGN_OR_RETURN(const bool has_value, f(row, sink));
    if (!has_value) {
      if (validity == nullptr) {
        ASSIGN_OR_RETURN(validity, AllocateBits(count, true, scope.pool()));
      }
      arrow::bit_util::ClearBit(validity->mutable_data(), row);
      sink.Discard();
    }
    sink.EndRow();
    if (sink.failed()) return scope.Fail(row, sink);
  }
  arrow::BufferVector buffers{validity};
  RETURN_IF_ERROR(sink.Finish(scope.function_name(), &buffers));
  return MakeVector(scope.type(), count, constant, std::move(buffers));
}

// ---- UTF-8
// ---------------------------------------------------------------------------------------
bool IsAscii(Text text);
int64_t CharacterCount(Text text);
// Byte offset of character `index` (0-based), or text.size() if there are fewer.
size_t CharacterOffset(Text text, int64_t index);

}  // namespace mainstem::process

// AND, OR, NOT, IS ..., CASE, COALESCE and what is made of them.
#include <algorithm>

#include <arrow/util/bitmap_ops.h>
#include <fmt/format.h>

#include "process/expr/functions.h"
#include "process/types/type_coercion.h"

namespace mainstem::process {
namespace {

Infer InferConnective() {
  return [](const CallSite& site) -> Result<Signature> {
    Signature signature{.result = LogicalType::Boolean().WithNullable(site.AnyNullable())};
    for (size_t i = 0; i < site.size(); ++i) {
      if (!MatchesArg(site.type(i), Arg::kBoolean)) {
        return site.CannotApply(fmt::format("'<BOOLEAN> {} <BOOLEAN>'", site.name()));
      }
      signature.args.push_back(LogicalType::Boolean());
    }
    return signature;
  };
}

// BOOLEAN NOT NULL by row: f(is_valid, value).
template <typename F>
Result<Vector> TestTruth(KernelScope& scope, const Vector& arg, F f) {
  const int64_t count = arg.constant ? 1 : scope.row_count();
  ASSIGN_OR_RETURN(auto bits, AllocateBits(count, false, scope.pool()));
  const Validity valid(arg);
  const Column<bool> values(arg);
  internal::FillFixed<bool>(bits->mutable_data(), count,
                            [&](int64_t row) { return f(valid[row], values[row]); });
  return MakeVector(scope.type(), count, arg.constant, {nullptr, bits});
}

Kernel NullTest(bool want_null) {
  return [want_null](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    const Vector& arg = args[0];
    const int64_t count = arg.constant ? 1 : scope.row_count();
    const Validity valid(arg);
    const bool constant = arg.constant || !valid.may_have_nulls();
    const int64_t length = constant ? 1 : count;
    ASSIGN_OR_RETURN(auto bits, AllocateBits(length, false, scope.pool()));
    internal::FillFixed<bool>(bits->mutable_data(), length,
                              [&](int64_t row) { return valid[row] != want_null; });
    return MakeVector(scope.type(), length, constant, {nullptr, bits});
  };
}

template <typename F>
void DefineTruthTest(FunctionRegistry* registry, std::string name, F f) {
  Define(registry,
         {.name = std::move(name),
          .overloads = {{{Arg::kBoolean},
                         ReturnsNotNull(LogicalType::Boolean()),
                         [f](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
                           return TestTruth(scope, args[0], f);
                         }}}});
}

// Common type of the value arguments of CASE / COALESCE.
Result<LogicalType> CommonOrError(const CallSite& site, std::span<const LogicalType> types) {
  auto common = LeastCommonType(types);
  if (!common) {
    return MakeError(ErrorCode::kSemanticError,
                     {.message = fmt::format("Illegal mixing of types in {} statement: {}",
                                             site.name(), site.Signature())});
  }
  return *common;
}

Result<Signature> InferCase(const CallSite& site) {
  if (site.size() % 2 == 0) return site.CannotApply("'CASE(when, then, ..., else)'");
  std::vector<LogicalType> values;
  for (size_t i = 0; i + 1 < site.size(); i += 2) {
    if (!MatchesArg(site.type(i), Arg::kBoolean)) {
      return MakeError(ErrorCode::kSemanticError,
                       {.message = fmt::format("Expected a boolean type in {}, not {}", site.name(),
                                               site.type(i).ToErrorString())});
    }
    values.push_back(site.type(i + 1));
  }
  values.push_back(site.type(site.size() - 1));
  ASSIGN_OR_RETURN(const LogicalType common, CommonOrError(site, values));
  Signature signature{.result = common};
  for (size_t i = 0; i + 1 < site.size(); i += 2) {
    signature.args.push_back(LogicalType::Boolean());
    signature.args.push_back(common);
  }
  signature.args.push_back(common);
  return signature;
}

// As CASE, but nullable where any argument is, the condition too.
Result<Signature> InferIf(const CallSite& site) {
  ASSIGN_OR_RETURN(Signature signature, InferCase(site));
  for (size_t i = 0; i < site.size(); ++i) {
    if (site.type(i).nullable()) signature.result = signature.result.WithNullable(true);
  }
  return signature;
}

Result<Signature> InferCoalesce(const CallSite& site) {
  std::vector<LogicalType> types = site.types();
  // Other than CASE and UNION, it takes a DATE beside a TIMESTAMP.
  const auto timestamp = std::ranges::find_if(types, &LogicalType::IsTimestamp);
  if (timestamp != types.end()) {
    const LogicalType widest = *timestamp;
    for (LogicalType& type : types) {
      if (type.root() == TypeRoot::kDate) type = widest.WithNullable(type.nullable());
    }
  }
  ASSIGN_OR_RETURN(LogicalType common, CommonOrError(site, types));
  bool nullable = true;
  for (const LogicalType& type : types) nullable &= type.nullable();
  common = common.WithNullable(nullable);
  return Signature{.result = common, .args = std::vector<LogicalType>(site.size(), common)};
}

std::vector<ExprPtr> ArgsOf(const CallSite& site) {
  return {site.args().begin(), site.args().end()};
}

Result<ExprPtr> RewriteBetween(const FunctionRegistry& registry, const CallSite& site,
                               SourceSpan span) {
  const std::vector<ExprPtr> args = ArgsOf(site);
  const bool negated = site.name() == "NOT BETWEEN";
  ASSIGN_OR_RETURN(ExprPtr low, registry.Bind(negated ? "<" : ">=", {args[0], args[1]}, span));
  ASSIGN_OR_RETURN(ExprPtr high, registry.Bind(negated ? ">" : "<=", {args[0], args[2]}, span));
  return registry.Bind(negated ? "OR" : "AND", {low, high}, span);
}

Result<ExprPtr> RewriteNullIf(const FunctionRegistry& registry, const CallSite& site,
                              SourceSpan span) {
  const std::vector<ExprPtr> args = ArgsOf(site);
  ASSIGN_OR_RETURN(ExprPtr equal, registry.Bind("=", {args[0], args[1]}, span));
  return registry.Bind("CASE", {equal, MakeNullLiteral(args[0]->type(), span), args[0]}, span);
}

}  // namespace

void AddLogicFunctions(FunctionRegistry* registry) {
  DefineInfer(registry, "AND", 2, -1, InferConnective(), {}, CallForm::kAnd);
  DefineInfer(registry, "OR", 2, -1, InferConnective(), {}, CallForm::kOr);
  Define(registry, {.name = "NOT",
                    .overloads = {{{Arg::kBoolean},
                                   Returns(LogicalType::Boolean()),
                                   DenseKernel<bool, bool>([](bool value) { return !value; })}}});
  Define(registry,
         {.name = "IS NULL",
          .overloads = {{{Arg::kAny}, ReturnsNotNull(LogicalType::Boolean()), NullTest(true)}}});
  Define(registry,
         {.name = "IS NOT NULL",
          .overloads = {{{Arg::kAny}, ReturnsNotNull(LogicalType::Boolean()), NullTest(false)}}});
  DefineTruthTest(registry, "IS TRUE", [](bool valid, bool value) { return valid && value; });
  DefineTruthTest(registry, "IS NOT TRUE", [](bool valid, bool value) { return !valid || !value; });
  DefineTruthTest(registry, "IS FALSE", [](bool valid, bool value) { return valid && !value; });
  DefineTruthTest(registry, "IS NOT FALSE", [](bool valid, bool value) { return !valid || value; });
  DefineTruthTest(registry, "IS UNKNOWN", [](bool valid, bool) { return !valid; });
  DefineTruthTest(registry, "IS NOT UNKNOWN", [](bool valid, bool) { return valid; });
  DefineInfer(registry, "CASE", 3, -1, InferCase, {}, CallForm::kCase);
  DefineInfer(registry, "IF", 3, 3, InferIf, {}, CallForm::kCase);
  DefineInfer(registry, "COALESCE", 1, -1, InferCoalesce, {}, CallForm::kCoalesce);
  DefineInfer(registry, "IFNULL", 2, 2, InferCoalesce, {}, CallForm::kCoalesce);
  DefineRewrite(registry, "NULLIF", 2, 2, RewriteNullIf);
  DefineRewrite(registry, "BETWEEN", 3, 3, RewriteBetween);
  DefineRewrite(registry, "NOT BETWEEN", 3, 3, RewriteBetween);
}

}  // namespace mainstem::process

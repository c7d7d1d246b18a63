#include <fmt/format.h>

#include "process/expr/cast.h"
#include "process/types/type_coercion.h"

namespace mainstem::process {
namespace {

Status NoSuchCast(const LogicalType& from, const LogicalType& to) {
  return MakeError(
      ErrorCode::kSemanticError,
      {.message = fmt::format("Cast function cannot convert value of type {} to type {}",
                              from.ToErrorString(), to.ToErrorString())});
}

Result<ExprPtr> Bind(ExprPtr operand, const LogicalType& type, bool is_try, SourceSpan span) {
  const LogicalType& from = operand->type();
  if (!IsExplicitlyCastable(from, type)) return NoSuchCast(from, type);
  if (from.EqualsIgnoreNullability(type)) return operand;
  const LogicalType result = type.WithNullable(is_try || from.nullable());
  if (operand->IsNullLiteral()) return MakeNullLiteral(type, span);
  return MakeUncheckedCast(std::move(operand), result, is_try, span);
}

}  // namespace

Result<ExprPtr> BindCast(ExprPtr operand, LogicalType type, SourceSpan span) {
  return Bind(std::move(operand), type, false, span);
}

Result<ExprPtr> BindTryCast(ExprPtr operand, LogicalType type, SourceSpan span) {
  return Bind(std::move(operand), type, true, span);
}

Result<ExprPtr> BindImplicitCast(ExprPtr operand, const LogicalType& type) {
  const LogicalType& from = operand->type();
  if (!IsImplicitlyCastable(from, type)) {
    return MakeError(
        ErrorCode::kSemanticError,
        {.message = fmt::format("implicit type conversion between {} and {} is not supported",
                                from.ToErrorString(), type.ToErrorString()),
         .hint = "write CAST(... AS ...)"});
  }
  const SourceSpan span = operand->span();
  return Bind(std::move(operand), type, false, span);
}

ExprPtr WithFractionDigits(ExprPtr value, int digits) {
  const LogicalType& type = value->type();
  if (!type.IsTimestamp() || type.precision() >= digits) return value;
  const LogicalType wider = type.root() == TypeRoot::kTimestamp ? LogicalType::Timestamp(digits)
                                                                : LogicalType::TimestampLtz(digits);
  const SourceSpan span = value->span();
  return MakeUncheckedCast(std::move(value), wider.WithNullable(type.nullable()), false, span);
}

}  // namespace mainstem::process

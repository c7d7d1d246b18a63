// CAST and TRY_CAST: binding, literals made from text, and the text form of every type.
#pragma once

#include <string>
#include <string_view>

#include "core/status.h"
#include "process/expr/bound_expr.h"

namespace mainstem::process {

// CAST(operand AS type). The result's nullability follows the operand (TRY_CAST: nullable). Returns
// the operand itself if it has that type already. SemanticError if the matrix has no such cast.
Result<ExprPtr> BindCast(ExprPtr operand, LogicalType type, SourceSpan span = {});
Result<ExprPtr> BindTryCast(ExprPtr operand, LogicalType type, SourceSpan span = {});
// A cast the dialect makes by itself; the operand must be implicitly castable.
Result<ExprPtr> BindImplicitCast(ExprPtr operand, const LogicalType& type);
// A TIMESTAMP or TIMESTAMP_LTZ with so many digits of the second at least; others as they are.
ExprPtr WithFractionDigits(ExprPtr value, int digits);

// DATE '..', TIME '..', TIMESTAMP '..' literals; TIME and TIMESTAMP take the precision from the
// text.
Result<ExprPtr> MakeDateLiteral(std::string_view text, SourceSpan span = {});
Result<ExprPtr> MakeTimeLiteral(std::string_view text, SourceSpan span = {});
Result<ExprPtr> MakeTimestampLiteral(std::string_view text, SourceSpan span = {});
// An exact numeric literal: INT, BIGINT or DECIMAL(digits, scale) by its digits.
Result<ExprPtr> MakeExactNumberLiteral(std::string_view text, SourceSpan span = {});

}  // namespace mainstem::process

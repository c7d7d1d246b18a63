// Literals from the text of a statement.
#include <algorithm>

#include <arrow/scalar.h>
#include <arrow/util/decimal.h>
#include <fmt/format.h>

#include "process/expr/cast.h"
#include "process/expr/text.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {
namespace {

Status IllegalLiteral(std::string_view kind, std::string_view text, std::string_view pattern) {
  return MakeError(
      ErrorCode::kSemanticError,
      {.message = fmt::format("Illegal {} literal '{}': not in format '{}'", kind, text, pattern)});
}

// Digits after the last '.', at most `max`.
int FractionDigits(std::string_view text, int max) {
  text = TrimSpaces(text);
  const size_t dot = text.rfind('.');
  if (dot == std::string_view::npos) return 0;
  return std::min(static_cast<int>(text.size() - dot - 1), max);
}

}  // namespace

Result<ExprPtr> MakeDateLiteral(std::string_view text, SourceSpan span) {
  const auto parsed = ParseDate(text);
  if (!parsed.value || TrimSpaces(text).find(' ') != text.npos) {
    return IllegalLiteral("DATE", text, "yyyy-MM-dd");
  }
  return MakeLiteral(std::make_shared<arrow::Date32Scalar>(*parsed.value),
                     LogicalType::Date().NotNull(), span);
}

Result<ExprPtr> MakeTimeLiteral(std::string_view text, SourceSpan span) {
  const auto parsed = ParseTime(text);
  if (!parsed.value || std::ranges::count(text, ':') != 2) {
    return IllegalLiteral("TIME", text, "HH:mm:ss");
  }
  const LogicalType type = LogicalType::Time(FractionDigits(text, 3)).NotNull();
  return MakeLiteral(std::make_shared<arrow::Time32Scalar>(*parsed.value, arrow::TimeUnit::MILLI),
                     type, span);
}

Result<ExprPtr> MakeTimestampLiteral(std::string_view text, SourceSpan span) {
  const int precision = FractionDigits(text, 9);
  const LogicalType type = LogicalType::Timestamp(precision).NotNull();
  const auto parsed = ParseTimestamp(text, type.UnitsPerSecond(), precision);
  if (!parsed.value) return IllegalLiteral("TIMESTAMP", text, "yyyy-MM-dd HH:mm:ss");
  return MakeLiteral(std::make_shared<arrow::TimestampScalar>(*parsed.value, ToArrowType(type)),
                     type, span);
}

Result<ExprPtr> MakeExactNumberLiteral(std::string_view text, SourceSpan span) {
  const auto out_of_range = [&] {
    return MakeError(ErrorCode::kSemanticError,
                     {.message = fmt::format("Numeric literal '{}' out of range", text),
                      .hint = "write CAST('...' AS DECIMAL(p, s))"});
  };
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.find('.') == std::string_view::npos) {
    const auto parsed = ParseInteger(text, INT64_MIN, INT64_MAX);
    if (!parsed.value) return out_of_range();
    if (*parsed.value >= INT32_MIN && *parsed.value <= INT32_MAX) {
      return MakeIntLiteral(static_cast<int32_t>(*parsed.value), span);
    }
    return MakeBigIntLiteral(*parsed.value, span);
  }
  const int scale = FractionDigits(text, 38);
  const auto parsed = ParseDecimal(text, {38, scale});
  if (!parsed.value || *parsed.value > INT64_MAX || *parsed.value < INT64_MIN)
    return out_of_range();
  // Digits without leading zeros, but at least those of the fraction and one more.
  char digits[kTextMax];
  const size_t size = FormatDecimal(AbsoluteValue(*parsed.value), scale, digits);
  // .5 has one digit, 0.5 two.
  const int leading = text.starts_with('.') ? 1 : 0;
  const int precision = static_cast<int>(size) - (scale > 0 ? 1 : 0) - leading;
  const LogicalType type = LogicalType::Decimal(precision, scale).NotNull();
  return MakeLiteral(std::make_shared<arrow::Decimal128Scalar>(
                         arrow::Decimal128(static_cast<int64_t>(*parsed.value >> 64),
                                           static_cast<uint64_t>(*parsed.value)),
                         ToArrowType(type)),
                     type, span);
}

}  // namespace mainstem::process

// Casts against results of the reference engine (case 053 and the facts on casts).
#include "process/expr/expr_test_support.h"

namespace mainstem::process::testing {
namespace {

using T = LogicalType;

TEST(Cast, FailsWithTheReferenceTexts) {
  const std::vector<std::pair<ExprPtr, std::string>> cases = {
      {Cast(S("abc"), T::Int()), "For input string: 'abc'. Invalid character found."},
      {Cast(S("99999999999"), T::Int()), "For input string: '99999999999'. Overflow."},
      {Cast(S(""), T::Int()), "For input string: ''. Input is empty."},
      {Cast(S("maybe"), T::Boolean()), "Cannot parse 'maybe' as BOOLEAN."},
      {Cast(S("2026-02-30"), T::Date()), "For input string: '2026-02-30'."},
      {Cast(S("2026-13-01 00:00:00"), T::Timestamp(3)),
       "Invalid value for MonthOfYear (valid values 1 - 12): 13"},
      {Cast(S("12345.678"), T::Decimal(5, 2)), "For input string: '12345.678'. Overflow."},
      {Cast(S("25:00:00"), T::Time(0)),
       "Invalid time format: '25:00:00'. Expected format: HH:mm:ss[.fff] where HH is 00-23, mm is "
       "00-59, ss is 00-59"},
      {Cast(S("1e3"), T::Int()), "For input string: '1e3'. Invalid character found."},
  };
  for (const auto& [expr, message] : cases) {
    EXPECT_EQ(Folded(expr), "error: " + message);
    EXPECT_EQ(OverColumns(expr), "error: " + message);
  }
}

TEST(Cast, TryCastGivesNullInstead) {
  Check({{TryCast(S("abc"), T::Int()), "INTEGER", "NULL"},
         {TryCast(S("99999999999"), T::Int()), "INTEGER", "NULL"},
         {TryCast(S("1.5"), T::Int()), "INTEGER", "1"},
         {TryCast(S("maybe"), T::Boolean()), "BOOLEAN", "NULL"},
         {TryCast(S("2026-02-30"), T::Date()), "DATE", "NULL"},
         {TryCast(S("2026-13-01 00:00:00"), T::Timestamp(3)), "TIMESTAMP_WITHOUT_TIME_ZONE(3)",
          "NULL"},
         {TryCast(S("12345.678"), T::Decimal(5, 2)), "DECIMAL(5,2)", "NULL"},
         {TryCast(S("NaN"), T::Double()), "DOUBLE", "NaN"},
         {TryCast(S("1e400"), T::Double()), "DOUBLE", "Infinity"},
         {TryCast(S("25:00:00"), T::Time(0)), "TIME_WITHOUT_TIME_ZONE(0)", "NULL"},
         {TryCast(S(" true"), T::Boolean()), "BOOLEAN", "NULL"},
         {TryCast(S(" 2026-01-02 03:04:05"), T::Timestamp(3)), "", "NULL"},
         {TryCast(Fn("ARRAY", {S("a"), S("1")}), T::Array(T::Int())), "ARRAY", "NULL"},
         {TryCast(Fn("ARRAY", {S("2"), S("1")}), T::Array(T::Int())), "ARRAY", "[2, 1]"}});
}

TEST(Cast, ReadsText) {
  Check({{Cast(S("1.5"), T::Int()), "INTEGER NOT NULL", "1"},
         {Cast(S(" 12 "), T::Int()), "INTEGER NOT NULL", "12"},
         {Cast(S("NaN"), T::Double()), "DOUBLE NOT NULL", "NaN"},
         {Cast(S("1e400"), T::Double()), "DOUBLE NOT NULL", "Infinity"},
         {Cast(S("YES"), T::Boolean()), "BOOLEAN NOT NULL", "TRUE"},
         {Cast(S("2026-1-2"), T::Date()), "DATE NOT NULL", "2026-01-02"},
         {Cast(S("2026-01-02 10:00:00.123"), T::Date()), "DATE NOT NULL", "2026-01-02"},
         {Cast(S("10"), T::Time(0)), "TIME_WITHOUT_TIME_ZONE(0) NOT NULL", "10:00:00"},
         {Cast(S("10:11:12.120"), T::Time(3)), "", "10:11:12.12"},
         {Cast(S("10:11:12"), T::Time(3)), "", "10:11:12.0"},
         {Cast(S("-1.005"), T::Decimal(5, 2)), "", "-1.01"},
         {Cast(S("1.5e2"), T::Decimal(5, 2)), "", "150.00"},
         {Cast(S("2026-01-01"), T::Timestamp(3)), "", "2026-01-01 00:00:00.000"},
         {Cast(S("2026-01-01 10:11:12.123456789"), T::Timestamp(9)), "",
          "2026-01-01 10:11:12.123456789"}});
  EXPECT_EQ(Folded(Cast(S("2026-01-01T10:00:00Z"), T::Timestamp(3))).substr(0, 6), "error:");
  EXPECT_EQ(Folded(Cast(S("2026-01-01 10:00"), T::Timestamp(3))).substr(0, 6), "error:");
}

TEST(Cast, NarrowsNumbersAsTheReferenceDoes) {
  Check({{Cast(I(300), T::TinyInt()), "TINYINT NOT NULL", "44"},
         {Cast(L(123456789012), T::Int()), "", "-1097262572"},
         {Cast(F(1e20), T::Int()), "", "2147483647"},
         {Cast(F(-1e20), T::BigInt()), "", "-9223372036854775808"},
         {Cast(F(2.9), T::Int()), "", "2"},
         {Cast(Num("12345.678"), T::Decimal(5, 2)), "", "NULL"},
         {Cast(Num("2.345"), T::Decimal(5, 2)), "", "2.35"},
         {Cast(I(0), T::Boolean()), "", "FALSE"},
         {Cast(B(true), T::Int()), "", "1"}});
}

TEST(Cast, WritesText) {
  const auto text = [](ExprPtr value) { return Cast(std::move(value), T::String()); };
  Check({{text(F(1e20)), "VARCHAR NOT NULL", "1.0E20"},
         {text(F(0.001)), "", "0.001"},
         {text(F(1.0E-5)), "", "1.0E-5"},
         {text(F(1234567.5)), "", "1234567.5"},
         {text(F(12345678.5)), "", "1.23456785E7"},
         {text(Cast(F(1.1), T::Float())), "", "1.1"},
         {text(B(true)), "", "TRUE"},
         {text(Cast(Ts("2026-01-01 00:00:00"), T::Timestamp(3))), "", "2026-01-01 00:00:00.000"},
         {text(Millis(93784500)), "", "+1 02:03:04.500"},
         {text(Months(-14)), "", "-1-02"},
         {text(Dec("-0.05", 5, 2)), "", "-0.05"},
         {Cast(S("abc"), T::Char(5)), "CHAR(5) NOT NULL", "abc  "},
         {Cast(S("héllo"), T::VarChar(2)), "VARCHAR(2) NOT NULL", "hé"},
         {Cast(I(12345), T::VarChar(3)), "", "123"},
         {text(Cast(S("é"), T::Bytes())), "", "é"}});
}

TEST(Cast, MovesBetweenZonesAndTakesTheLaterTimeInAGap) {
  EvalContext context = UtcContext();
  context.time_zone = *ParseTimeZone("America/New_York");
  const ExprPtr gap = Cast(Ts("2026-03-08 02:30:00"), T::TimestampLtz(3));
  EXPECT_EQ(Folded(gap, context), "2026-03-08 03:30:00.000");
  const ExprPtr overlap = Cast(Ts("2026-11-01 01:30:00"), T::TimestampLtz(3));
  EXPECT_EQ(Folded(Fn("UNIX_TIMESTAMP", {S("2026-11-01 01:30:00")}), context), "1793511000");
  EXPECT_EQ(Folded(overlap, context), "2026-11-01 01:30:00.000");
  EXPECT_EQ(Folded(Cast(overlap, T::Timestamp(3)), context), "2026-11-01 01:30:00.000");
  EXPECT_EQ(OverColumns(Cast(gap, T::Date()), context), "2026-03-08");
}

TEST(Cast, RefusesPairsOutsideTheMatrix) {
  EXPECT_FALSE(BindCast(Date("2026-01-01"), T::Int()).ok());
  EXPECT_FALSE(BindCast(B(true), T::Date()).ok());
  EXPECT_FALSE(BindImplicitCast(Cast(S("1"), T::String()), T::Int()).ok());
}

TEST(Literals, TakeTheirTypesFromTheDigits) {
  EXPECT_EQ(Num("1.5")->type().ToResultString(), "DECIMAL(2,1) NOT NULL");
  EXPECT_EQ(Num("2147483648")->type().ToResultString(), "BIGINT NOT NULL");
  EXPECT_FALSE(MakeExactNumberLiteral("9223372036854775808").ok());
  EXPECT_FALSE(MakeExactNumberLiteral("99999999999999999999.99").ok());
  EXPECT_EQ(S("abc")->type().ToResultString(), "CHAR(3) NOT NULL");
  EXPECT_EQ(Ts("2024-02-29 23:59:59.987")->type().precision(), 3);
  EXPECT_FALSE(MakeDateLiteral("2026-02-30").ok());
}

// Rows: ['1'], NULL over a hidden 'x', ['2', 'y'].
std::shared_ptr<arrow::Array> ListsWithHiddenText() {
  arrow::ListBuilder builder(arrow::default_memory_pool(),
                             std::make_shared<arrow::StringBuilder>());
  auto* items = static_cast<arrow::StringBuilder*>(builder.value_builder());
  for (const std::vector<std::string>& row :
       std::vector<std::vector<std::string>>{{"1"}, {"x"}, {"2", "y"}}) {
    EXPECT_TRUE(builder.Append().ok());
    EXPECT_TRUE(items->AppendValues(row).ok());
  }
  auto data = (*builder.Finish())->data()->Copy();
  auto valid = *arrow::AllocateEmptyBitmap(3);
  arrow::bit_util::SetBit(valid->mutable_data(), 0);
  arrow::bit_util::SetBit(valid->mutable_data(), 2);
  data->buffers[0] = std::move(valid);
  data->null_count = 1;
  return arrow::MakeArray(data);
}

TEST(Cast, LooksAtShownElementsOnly) {
  const ExprPtr list = MakeInputRef(0, T::Array(T::String()));
  const auto run = [&](const ExprPtr& expr, const std::shared_ptr<arrow::Array>& column,
                       EvalFailure* failure) {
    auto program = ExprProgram::Make({expr}, UtcContext());
    const auto columns = (*program)->Evaluate({column}, column->length(), UtcContext(), failure);
    if (!columns.ok()) return TextOf(columns.status()).message;
    EXPECT_TRUE((*columns)[0]->ValidateFull().ok());
    const auto text = *ToText((*columns)[0], expr->type(), UtcContext());
    std::string rows;
    for (int64_t row = 0; row < text->length(); ++row) {
      rows +=
          text->IsNull(row) ? "NULL" : static_cast<const arrow::StringArray&>(*text).GetString(row);
      rows += ' ';
    }
    return rows;
  };
  const auto lists = ListsWithHiddenText();
  EvalFailure failure;
  EXPECT_EQ(run(Cast(list, T::Array(T::Int())), lists->Slice(0, 2), &failure), "[1] NULL ");
  EXPECT_EQ(run(Cast(list, T::Array(T::Int())), lists->Slice(1, 1), &failure), "NULL ");
  EXPECT_EQ(run(TryCast(list, T::Array(T::Int())), lists, &failure), "[1] NULL NULL ");
  EXPECT_EQ(run(Cast(list, T::Array(T::Int())), lists, &failure),
            "For input string: 'y'. Invalid character found.");
  EXPECT_EQ(failure.row, 2);
  // The same of ROWs: the second is NULL.
  arrow::StringBuilder texts;
  EXPECT_TRUE(texts.AppendValues({"1", "x"}).ok());
  auto valid = *arrow::AllocateEmptyBitmap(2);
  arrow::bit_util::SetBit(valid->mutable_data(), 0);
  const auto rows = arrow::MakeArray(arrow::ArrayData::Make(
      ToArrowType(T::Row({{"a", T::String()}})), 2,
      {std::shared_ptr<arrow::Buffer>(std::move(valid))}, {(*texts.Finish())->data()}, 1));
  const ExprPtr row = MakeInputRef(0, T::Row({{"a", T::String()}}));
  EXPECT_EQ(run(Cast(row, T::Row({{"a", T::Int()}})), rows, &failure), "(1) NULL ");
}

}  // namespace
}  // namespace mainstem::process::testing

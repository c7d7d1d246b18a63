// Arithmetic and numeric functions against results of the reference engine (cases 055 and 057).
#include "process/expr/expr_test_support.h"

namespace mainstem::process::testing {
namespace {

ExprPtr TinyInt(int32_t value) { return Cast(I(value), LogicalType::TinyInt()); }

TEST(Arithmetic, DecimalsFollowTheDialectsTypesAndRounding) {
  Check({
      {Fn("+", {Dec("1.10", 5, 2), Dec("2.345", 6, 3)}), "DECIMAL(7,3) NOT NULL", "3.445"},
      {Fn("*", {Dec("1.10", 5, 2), Dec("2.345", 6, 3)}), "DECIMAL(12,5) NOT NULL", "2.57950"},
      {Fn("/", {Dec("1", 10, 2), Dec("3", 10, 2)}), "DECIMAL(23,13) NOT NULL", "0.3333333333333"},
      {Fn("/", {Dec("10", 38, 10), Dec("3", 38, 10)}), "DECIMAL(38,6) NOT NULL", "3.333333"},
      {Fn("*", {Dec("99999999999999999999.99", 38, 18), Dec("10", 38, 18)}),
       "DECIMAL(38,6) NOT NULL", "999999999999999999999.900000"},
      {Fn(">", {Dec("1.10", 5, 2), Dec("1.095", 6, 3)}), "BOOLEAN NOT NULL", "TRUE"},
      {Fn(">=", {Dec("1.10", 5, 2), Dec("1.101", 6, 3)}), "BOOLEAN NOT NULL", "FALSE"},
      {Fn(">=", {Dec("1.10", 5, 2), Dec("1.100", 6, 3)}), "BOOLEAN NOT NULL", "TRUE"},
      {Fn("<", {Dec("1.10", 5, 2), Dec("1.095", 6, 3)}), "BOOLEAN NOT NULL", "FALSE"},
      {Fn("<=", {Dec("1.10", 5, 2), Dec("1.101", 6, 3)}), "BOOLEAN NOT NULL", "TRUE"},
      {Fn("-", {Dec("7.5", 5, 2), I(1)}), "DECIMAL(13,2) NOT NULL", "6.50"},
      {Fn("MOD", {Dec("7.5", 5, 2), I(2)}), "DECIMAL(5,2) NOT NULL", "1.50"},
      {Fn("MOD", {Dec("-12345678901234567891", 20, 0), I(7)}), "INTEGER NOT NULL", "-2"},
      {Fn("MOD", {Dec("10", 20, 0), Dec("4", 10, 0)}), "DECIMAL(10,0) NOT NULL", "2"},
      {Fn("*", {Cast(I(3), LogicalType::Float()), Cast(I(2), LogicalType::Double())}),
       "FLOAT NOT NULL", "6.0"},
      {Fn("*", {Cast(I(3), LogicalType::Double()), Cast(I(2), LogicalType::Float())}),
       "DOUBLE NOT NULL", "6.0"},
      {Fn("/", {Dec("-7.5", 5, 2), I(2)}), "DECIMAL(16,13) NOT NULL", "-3.7500000000000"},
      {Fn("/", {Num("1.0"), I(3)}), "DECIMAL(13,12) NOT NULL", "0.333333333333"},
      {Fn("*", {I(2), Num("0.908")}), "DECIMAL(15,3) NOT NULL", "1.816"},
      {Fn("+", {Dec("99.99", 4, 2), Dec("99.99", 4, 2)}), "DECIMAL(5,2) NOT NULL", "199.98"},
      {Fn("=", {Dec("1.1", 3, 1), Dec("1.10", 5, 2)}), "BOOLEAN NOT NULL", "TRUE"},
      {Fn("+", {Dec("1.5", 3, 1), F(1)}), "DOUBLE NOT NULL", "2.5"},
      {Fn("*", {Dec("1234567890123456789", 38, 0), Dec("1234567890123456789", 38, 0)}),
       "DECIMAL(38,0) NOT NULL", "1524157875323883675019051998750190521"},
      {Fn("*", {Dec("12345678901234567890", 38, 0), Dec("12345678901234567890", 38, 0)}), "",
       "NULL"},
  });
}

TEST(Arithmetic, DecimalFunctionsFollowTheDialectsTypes) {
  Check({
      {Fn("ROUND", {Dec("2.345", 6, 3), I(2)}), "DECIMAL(6,2) NOT NULL", "2.35"},
      {Fn("ROUND", {Dec("-2.5", 3, 1)}), "DECIMAL(3,0) NOT NULL", "-3"},
      {Fn("TRUNCATE", {Dec("2.349", 6, 3), I(2)}), "DECIMAL(6,2) NOT NULL", "2.34"},
      {Fn("CEIL", {Dec("2.01", 5, 2)}), "DECIMAL(5,0) NOT NULL", "3"},
      {Fn("FLOOR", {Dec("-2.01", 5, 2)}), "DECIMAL(5,0) NOT NULL", "-3"},
      {Fn("ABS", {Dec("-2.01", 5, 2)}), "DECIMAL(5,2) NOT NULL", "2.01"},
      {Fn("ROUND", {Num("2.5")}), "DECIMAL(2,0) NOT NULL", "3"},
      {Fn("ROUND", {Num("1234.567"), I(-2)}), "DECIMAL(5,0) NOT NULL", "1200"},
      {Fn("TRUNCATE", {Num("42.345"), I(2)}), "DECIMAL(5,2) NOT NULL", "42.34"},
  });
}

TEST(Arithmetic, IntegersWrapAndDivideTowardZero) {
  Check({
      {Fn("+", {I(2147483647), I(1)}), "INTEGER NOT NULL", "-2147483648"},
      {Fn("+", {L(9223372036854775807), I(1)}), "BIGINT NOT NULL", "-9223372036854775808"},
      {Fn("+", {TinyInt(100), TinyInt(100)}), "TINYINT NOT NULL", "-56"},
      {Fn("/", {I(7), I(2)}), "INTEGER NOT NULL", "3"},
      {Fn("/", {I(-7), I(2)}), "INTEGER NOT NULL", "-3"},
      {Fn("MOD", {I(-7), I(3)}), "INTEGER NOT NULL", "-1"},
      {Fn("%", {I(7), I(-3)}), "INTEGER NOT NULL", "1"},
      {Fn("/", {I(INT32_MIN), I(-1)}), "", "-2147483648"},
      {Fn("ABS", {I(INT32_MIN)}), "INTEGER NOT NULL", "-2147483648"},
      {Fn("NEGATE", {I(5)}), "INTEGER NOT NULL", "-5"},
  });
}

TEST(Arithmetic, WrapsAsTwosComplementForRandomIntegers) {
  uint64_t seed = 12345;
  for (int i = 0; i < 200; ++i) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    const int32_t a = static_cast<int32_t>(seed >> 32);
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    const int32_t b = static_cast<int32_t>(seed >> 32);
    const auto wrapped = [](int64_t value) { return std::to_string(static_cast<int32_t>(value)); };
    EXPECT_EQ(Folded(Fn("+", {I(a), I(b)})), wrapped(static_cast<int64_t>(a) + b));
    EXPECT_EQ(Folded(Fn("-", {I(a), I(b)})), wrapped(static_cast<int64_t>(a) - b));
    EXPECT_EQ(Folded(Fn("*", {I(a), I(b)})), wrapped(static_cast<int64_t>(a) * b));
  }
}

TEST(Arithmetic, DivisionByZeroFailsExceptForDoubleColumns) {
  EXPECT_EQ(Folded(Fn("/", {I(1), I(0)})), "error: Division by zero");
  EXPECT_EQ(OverColumns(Fn("/", {I(1), I(0)})), "error: Division by zero");
  EXPECT_EQ(Folded(Fn("MOD", {I(5), I(0)})), "error: / by zero");
  EXPECT_EQ(Folded(Fn("/", {Dec("5", 5, 2), I(0)})), "error: Division by zero");
  EXPECT_EQ(Folded(Fn("/", {F(1), I(0)})), "error: Division by zero");
  EXPECT_EQ(OverColumns(Fn("/", {F(1), I(0)})), "Infinity");
  EXPECT_EQ(OverColumns(Fn("/", {F(0), I(0)})), "NaN");
}

TEST(Arithmetic, SaysWhichOperandsItTakes) {
  auto status = Functions().Bind("+", {I(1), Cast(S("a"), LogicalType::String())}).status();
  EXPECT_EQ(TextOf(status).message,
            "Cannot apply '+' to arguments of type '<INTEGER> + <VARCHAR(2147483647)>'");
  status = Functions().Bind("=", {Cast(S("a"), LogicalType::String()), I(5)}).status();
  EXPECT_EQ(TextOf(status).message,
            "implicit type conversion between VARCHAR and INTEGER is not supported now");
  status = Functions().Bind(">", {Ts("2026-01-01 00:00:00"), Date("2025-12-31")}).status();
  EXPECT_EQ(TextOf(status).message,
            "Cannot apply '>' to arguments of type '<TIMESTAMP(0)> > <DATE>'");
  status = Functions().Bind("UNKNOWN_FN", {I(5)}).status();
  EXPECT_EQ(TextOf(status).message, "No match found for function signature UNKNOWN_FN(<NUMERIC>)");
  status = Functions().Bind("UPER", {S("a")}).status();
  EXPECT_EQ(TextOf(status).hint, "did you mean UPPER?");
  status = Functions().Bind("coutn", {I(1)}).status();
  EXPECT_EQ(TextOf(status).hint, "did you mean COUNT, COT?");
  status = Functions().Bind("ROW_NUMBR", {}).status();
  EXPECT_EQ(TextOf(status).hint, "did you mean ROW_NUMBER?");
}

TEST(FunctionNames, HoldAggregatesAndWhatClausesTake) {
  std::vector<std::string> names = Functions().Names();
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  for (const char* name : {"COUNT", "SUM", "UPPER", "ROW_NUMBER", "TUMBLE", "RAND"}) {
    EXPECT_EQ(std::count(names.begin(), names.end(), name), 1) << name;
  }
}

TEST(Math, FunctionsGiveTheReferenceResults) {
  Check({
      {Fn("POWER", {I(2), I(10)}), "DOUBLE NOT NULL", "1024.0"},
      {Fn("SQRT", {I(2)}), "DOUBLE NOT NULL", "1.4142135623730951"},
      {Fn("LN", {I(10)}), "DOUBLE NOT NULL", "2.302585092994046"},
      {Fn("LOG10", {I(1000)}), "DOUBLE NOT NULL", "3.0"},
      {Fn("EXP", {I(1)}), "DOUBLE NOT NULL", "2.718281828459045"},
      {Fn("SIGN", {I(-3)}), "INTEGER NOT NULL", "-1"},
      {Fn("GREATEST", {I(1), I(5), I(3)}), "INTEGER NOT NULL", "5"},
      {Fn("LEAST", {I(2), N(LogicalType::Int())}), "INTEGER", "NULL"},
      {Fn("PI", {}), "DOUBLE NOT NULL", "3.141592653589793"},
      {Fn("SQRT", {I(-1)}), "DOUBLE NOT NULL", "NaN"},
      {Fn("LN", {I(0)}), "DOUBLE NOT NULL", "-Infinity"},
      {Fn("ROUND", {F(2.675), I(2)}), "DOUBLE NOT NULL", "2.68"},
      {Fn("FLOOR", {F(-1.5)}), "DOUBLE NOT NULL", "-2.0"},
  });
}

TEST(Decimals, TakeAnyExponent) {
  Check({
      {TryCast(S("1e-2147483648"), LogicalType::Decimal(10, 2)), "", "0.00"},
      {TryCast(S("1e2147483647"), LogicalType::Decimal(10, 2)), "", "NULL"},
      {TryCast(S("0e2147483647"), LogicalType::Decimal(10, 2)), "", "0.00"},
      {TryCast(S("0.05e2"), LogicalType::Decimal(10, 2)), "", "5.00"},
      {TryCast(S("123456789012345678901234567890123456789e-39"), LogicalType::Decimal(10, 2)), "",
       "0.12"},
      {TryCast(S("0." + std::string(1500, '0') + "25e1501"), LogicalType::Decimal(10, 2)), "",
       "2.50"},
  });
}

TEST(Decimals, DivisionThatDoesNotFitIsNull) {
  Check({
      {Fn("/", {Dec("12345678901234567890123456789012345678", 38, 0),
                Dec("0.79999999999999999999999999999999999999", 38, 38)}),
       "", "NULL"},
      {Fn("/", {Dec("0", 38, 0), Dec("0.79999999999999999999999999999999999999", 38, 38)}), "",
       "0.000000"},
      {Fn("/", {Dec("12345678901234567890123456789012", 38, 0),
                Dec("0.50000000000000000000000000000000000000", 38, 38)}),
       "", "24691357802469135780246913578024.000000"},
  });
}

TEST(Decimals, RoundToTheDigitsOfTheRow) {
  const auto decimals = [](const std::vector<const char*>& texts) {
    auto builder = *arrow::MakeBuilder(arrow::decimal128(10, 3));
    for (const char* text : texts) {
      EXPECT_TRUE(static_cast<arrow::Decimal128Builder&>(*builder)
                      .Append(*arrow::Decimal128::FromString(text))
                      .ok());
    }
    return *builder->Finish();
  };
  arrow::Int64Builder digits;
  EXPECT_TRUE(digits.AppendValues({1, -1, 0, 7, INT64_MIN, INT64_MAX}).ok());
  EXPECT_TRUE(digits.AppendNull().ok());
  const auto values = decimals({"12.345", "15.000", "2.500", "1.234", "1.234", "1.234", "1.234"});
  const ExprPtr value = MakeInputRef(0, LogicalType::Decimal(10, 3));
  const ExprPtr places = MakeInputRef(1, LogicalType::BigInt());
  const std::vector<std::pair<const char*, std::string>> cases = {
      {"ROUND", "12.300 20.000 3.000 1.234 0.000 1.234 NULL "},
      {"TRUNCATE", "12.300 10.000 2.000 1.234 0.000 1.234 NULL "}};
  for (const auto& [name, expected] : cases) {
    const ExprPtr call = Fn(name, {value, places});
    EXPECT_EQ(call->type().ToResultString(), "DECIMAL(10,3)");
    auto program = ExprProgram::Make({call}, UtcContext());
    const auto columns = (*program)->Evaluate({values, *digits.Finish()}, 7, UtcContext());
    ASSERT_TRUE(columns.ok()) << columns.status();
    EXPECT_TRUE(digits.AppendValues({1, -1, 0, 7, INT64_MIN, INT64_MAX}).ok());
    EXPECT_TRUE(digits.AppendNull().ok());
    const auto text = *ToText((*columns)[0], call->type(), UtcContext());
    std::string rows;
    for (int64_t row = 0; row < 7; ++row) {
      rows +=
          text->IsNull(row) ? "NULL" : static_cast<const arrow::StringArray&>(*text).GetString(row);
      rows += ' ';
    }
    EXPECT_EQ(rows, expected);
  }
  Check({{Fn("ROUND", {F(1.25), L(INT64_MIN)}), "", "0.0"},
         {Fn("ROUND", {Dec("1.25", 5, 2), N(LogicalType::Int())}), "", "NULL"}});
  EXPECT_FALSE(Functions().Bind("ROUND", {Dec("1.25", 5, 2), S("1")}).ok());
}

}  // namespace
}  // namespace mainstem::process::testing

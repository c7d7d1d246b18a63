// Lazy branches, three-valued logic, shared subexpressions, failures that name their row.
#include "process/expr/expr_test_support.h"

namespace mainstem::process::testing {
namespace {

using T = LogicalType;

template <typename Builder, typename Value>
std::shared_ptr<arrow::Array> Column(const std::vector<std::optional<Value>>& values) {
  Builder builder;
  for (const auto& value : values) {
    EXPECT_TRUE((value ? builder.Append(*value) : builder.AppendNull()).ok());
  }
  return *builder.Finish();
}
std::shared_ptr<arrow::Array> Ints(const std::vector<std::optional<int32_t>>& values) {
  return Column<arrow::Int32Builder>(values);
}
std::shared_ptr<arrow::Array> Strings(const std::vector<std::optional<std::string>>& values) {
  return Column<arrow::StringBuilder>(values);
}

std::string Evaluated(const ExprPtr& expr,
                      const std::vector<std::shared_ptr<arrow::Array>>& columns,
                      EvalFailure* failure = nullptr) {
  auto program = ExprProgram::Make({expr}, UtcContext());
  EXPECT_TRUE(program.ok()) << program.status().ToString();
  auto result = (*program)->Evaluate(columns, columns[0]->length(), UtcContext(), failure);
  if (!result.ok()) return "error: " + TextOf(result.status()).message;
  EXPECT_TRUE((*result)[0]->ValidateFull().ok());
  std::string text;
  const auto strings = *ToText((*result)[0], expr->type(), UtcContext());
  for (int64_t row = 0; row < strings->length(); ++row) {
    if (row > 0) text += "|";
    text += strings->IsNull(row) ? "NULL"
                                 : static_cast<const arrow::StringArray&>(*strings).GetString(row);
  }
  return text;
}

const ExprPtr kX = MakeInputRef(0, T::Int(), "x");
const ExprPtr kS = MakeInputRef(0, T::String(), "s");

TEST(Evaluator, CaseRunsABranchThatFailsOnlyWhereItIsReached) {
  const ExprPtr safe = Fn("CASE", {Fn("<>", {kX, I(0)}), Fn("/", {I(10), kX}), I(-1)});
  EXPECT_EQ(Evaluated(safe, {Ints({0, 2, std::nullopt, 5})}), "-1|5|-1|2");
  const ExprPtr nested = Fn(
      "CASE", {Fn("=", {kX, I(1)}), Fn("CASE", {Fn("<>", {kX, I(0)}), Fn("/", {I(7), kX}), I(0)}),
               Fn("=", {kX, I(0)}), I(100), Fn("/", {I(9), kX})});
  EXPECT_EQ(Evaluated(nested, {Ints({1, 0, 3, 1})}), "7|100|3|7");
}

TEST(Evaluator, AndStopsBeforeAFailureWhereTheLeftSideIsFalse) {
  const ExprPtr guarded = Fn("AND", {Fn("<>", {kX, I(0)}), Fn(">", {Fn("/", {I(10), kX}), I(3)})});
  EXPECT_EQ(Evaluated(guarded, {Ints({0, 2, 5, std::nullopt})}), "FALSE|TRUE|FALSE|NULL");
  const ExprPtr either = Fn("OR", {Fn("=", {kX, I(0)}), Fn(">", {Fn("/", {I(10), kX}), I(3)})});
  EXPECT_EQ(Evaluated(either, {Ints({0, 2, 5, std::nullopt})}), "TRUE|TRUE|FALSE|NULL");
}

TEST(Evaluator, CoalesceReadsTheNextArgumentOnlyForNulls) {
  const ExprPtr first = Fn("NULLIF", {kX, I(3)});
  const ExprPtr expr = Fn("COALESCE", {first, Fn("/", {I(6), Fn("-", {kX, I(1)})}), I(0)});
  EXPECT_EQ(Evaluated(expr, {Ints({1, 3, 4, std::nullopt})}), "1|3|4|0");
}

TEST(Evaluator, FailureNamesRowExpressionAndValue) {
  const ExprPtr cast = Cast(kS, T::Int());
  EvalFailure failure;
  const std::string result =
      Evaluated(Fn("+", {cast, I(1)}), {Strings({"1", "2", "abc", "4"})}, &failure);
  EXPECT_EQ(result, "error: For input string: 'abc'. Invalid character found.");
  EXPECT_EQ(failure.row, 2);
  EXPECT_EQ(failure.expression, "CAST(s AS INT)");
}

TEST(Evaluator, FailureInABranchNamesTheRowOfTheBatch) {
  const ExprPtr expr = Fn("CASE", {Fn("<>", {kS, S("skip")}), Cast(kS, T::Int()), I(0)});
  EvalFailure failure;
  Evaluated(expr, {Strings({"skip", "1", "skip", "bad"})}, &failure);
  EXPECT_EQ(failure.row, 3);
}

TEST(Evaluator, AConstantThatFailsOnlyMattersIfARowReachesIt) {
  const ExprPtr bad = Fn("/", {I(1), I(0)});
  const ExprPtr expr = Fn("CASE", {Fn(">", {kX, I(100)}), bad, kX});
  EXPECT_EQ(Evaluated(expr, {Ints({1, 2})}), "1|2");
  EXPECT_EQ(Evaluated(expr, {Ints({1, 200})}), "error: Division by zero");
}

TEST(Evaluator, KeepsThreeValuedLogic) {
  const ExprPtr a = MakeInputRef(0, T::Boolean(), "a"), b = MakeInputRef(1, T::Boolean(), "b");
  const auto left = Column<arrow::BooleanBuilder, bool>(
      {true, true, true, false, false, false, std::nullopt, std::nullopt, std::nullopt});
  const auto right = Column<arrow::BooleanBuilder, bool>(
      {true, false, std::nullopt, true, false, std::nullopt, true, false, std::nullopt});
  EXPECT_EQ(Evaluated(Fn("AND", {a, b}), {left, right}),
            "TRUE|FALSE|NULL|FALSE|FALSE|FALSE|NULL|FALSE|NULL");
  EXPECT_EQ(Evaluated(Fn("OR", {a, b}), {left, right}),
            "TRUE|TRUE|TRUE|TRUE|FALSE|NULL|TRUE|NULL|NULL");
  EXPECT_EQ(Evaluated(Fn("IS NOT TRUE", {a}), {left, right}),
            "FALSE|FALSE|FALSE|TRUE|TRUE|TRUE|TRUE|TRUE|TRUE");
  EXPECT_EQ(Evaluated(Fn("IS DISTINCT FROM", {a, b}), {left, right}),
            "FALSE|TRUE|TRUE|TRUE|FALSE|TRUE|TRUE|TRUE|FALSE");
}

TEST(Evaluator, InTreatsNullsAsUnknown) {
  const ExprPtr few = Fn("IN", {kX, I(1), I(2)});
  EXPECT_EQ(Evaluated(few, {Ints({1, 3, std::nullopt})}), "TRUE|FALSE|NULL");
  const ExprPtr many = Fn("NOT IN", {kX, I(1), I(2), I(3), I(4), I(5), I(6), I(7), N(T::Int())});
  EXPECT_EQ(Evaluated(many, {Ints({1, 30, std::nullopt})}), "FALSE|NULL|NULL");
  const ExprPtr words = Fn("IN", {kS, S("a"), S("bb"), S("c"), S("d"), S("e"), S("f"), S("g")});
  EXPECT_EQ(Evaluated(words, {Strings({"bb", "x", std::nullopt})}), "TRUE|FALSE|NULL");
}

TEST(Evaluator, CaseTakesTheWidestTextType) {
  const ExprPtr expr =
      Fn("CASE", {Fn(">", {kX, I(9)}), S("big"), Fn("IS NULL", {kX}), S("null"), S("small")});
  EXPECT_EQ(expr->type().ToResultString(), "VARCHAR(5) NOT NULL");
  EXPECT_EQ(Evaluated(expr, {Ints({10, std::nullopt, 5})}), "big|null|small");
}

TEST(Evaluator, FilterKeepsOnlyTrueRows) {
  auto program = *ExprProgram::Make({Fn(">", {kX, I(2)})}, UtcContext());
  std::vector<int32_t> rows;
  ASSERT_TRUE(program->Filter({Ints({1, 3, std::nullopt, 4})}, 4, UtcContext(), &rows).ok());
  EXPECT_EQ(rows, (std::vector<int32_t>{1, 3}));
}

TEST(Evaluator, TimesOfOneMinuteOrDayAreFormattedOnce) {
  const ExprPtr text = Fn("FROM_UNIXTIME", {MakeInputRef(0, T::BigInt(), "t"), S("dd HH:mm")});
  const auto times =
      Column<arrow::Int64Builder, int64_t>({0, 59, 60, std::nullopt, -1, 119, 86'400, 86'401, 0});
  EXPECT_EQ(Evaluated(text, {times}),
            "01 00:00|01 00:00|01 00:01|NULL|31 23:59|01 00:01|02 00:00|02 00:00|01 00:00");
  const ExprPtr by_row = Fn("FROM_UNIXTIME", {L(90'061), kS});
  EXPECT_EQ(Evaluated(by_row, {Strings({"dd", "HH", "ss", "dd HH", "dd"})}), "02|01|01|02 01|02");
}

TEST(Evaluator, ReadsSlicedColumns) {
  const auto column = Strings({"zero", std::nullopt, "two", "three"})->Slice(1);
  EXPECT_EQ(Evaluated(Fn("UPPER", {kS}), {column}), "NULL|TWO|THREE");
  const auto ints = Ints({0, std::nullopt, 2, 3})->Slice(1);
  EXPECT_EQ(Evaluated(Fn("+", {kX, I(1)}), {ints}), "NULL|3|4");
}

TEST(Evaluator, EmptyBatchesGiveEmptyColumns) {
  EXPECT_EQ(Evaluated(Fn("/", {I(1), kX}), {Ints({})}), "");
  EXPECT_EQ(Evaluated(Fn("CASE", {Fn("=", {kX, I(1)}), S("a"), S("b")}), {Ints({})}), "");
}

TEST(BoundExpr, PrintsAndComparesByStructure) {
  const ExprPtr a = Fn("AND", {Fn(">", {kX, I(1)}), Fn("IS NOT NULL", {kX})});
  const ExprPtr b =
      Fn("AND", {Fn(">", {MakeInputRef(0, T::Int(), "y"), I(1)}), Fn("IS NOT NULL", {kX})});
  EXPECT_EQ(a->ToString(), "((x > 1) AND x IS NOT NULL)");
  EXPECT_TRUE(a->Equals(*b));
  EXPECT_FALSE(a->Equals(*Fn(">", {kX, I(2)})));
  std::vector<ExprPtr> conjuncts;
  SplitConjunction(a, &conjuncts);
  EXPECT_EQ(conjuncts.size(), 2u);
  EXPECT_FALSE(IsDeterministic(*Fn("NOW", {})));
  EXPECT_TRUE(IsConstant(*Fn("+", {I(1), I(2)})));
}

TEST(Evaluator, TakesListsOfManyThousandConstants) {
  std::vector<ExprPtr> args = {kX};
  for (int32_t i = 0; i < 20'000; ++i) args.push_back(I(2 * i));
  const auto column = Ints({0, 39'998, 3, std::nullopt, 40'000});
  EXPECT_EQ(Evaluated(Fn("IN", args), {column}), "TRUE|TRUE|FALSE|NULL|FALSE");
  args.push_back(N(T::Int()));
  EXPECT_EQ(Evaluated(Fn("NOT IN", args), {column}), "FALSE|FALSE|NULL|NULL|NULL");
  // Of another type than the column's, and one that has no value.
  args = {MakeInputRef(0, T::BigInt(), "x")};
  for (int32_t i = 0; i < 10; ++i) args.push_back(I(i));
  args.push_back(Cast(S("none"), T::Int()));
  EXPECT_EQ(Evaluated(Fn("IN", args), {Column<arrow::Int64Builder, int64_t>({7})}),
            "error: For input string: 'none'. Invalid character found.");
}

TEST(Evaluator, CountsMoreBranchesThan16Bits) {
  std::vector<ExprPtr> args = {Fn("=", {kX, I(5)}), I(-5)};
  for (int32_t i = 0; i < 66'000; ++i) {
    args.push_back(B(false));
    args.push_back(I(1));
  }
  args.push_back(kX);
  EXPECT_EQ(Evaluated(Fn("CASE", args), {Ints({5, 7, std::nullopt})}), "-5|7|NULL");
}

}  // namespace
}  // namespace mainstem::process::testing

// Aggregates on append-only and on retracting input, stored and read back (cases 011, 013, 063).
#include "process/expr/aggregate.h"

#include <cstdlib>
#include <new>
#include <random>

#include "process/expr/decimal_math.h"
#include "process/expr/expr_test_support.h"

namespace mainstem::process::testing {
namespace {

using T = LogicalType;

// State blocks of one aggregate at offset 16, to see that offsets are respected.
class Groups {
 public:
  static constexpr size_t kOffset = 16;
  Groups(const Aggregate& aggregate, size_t count) : aggregate_(aggregate) {
    for (size_t i = 0; i < count; ++i) {
      blocks_.push_back(
          static_cast<std::byte*>(std::aligned_alloc(16, kOffset + aggregate.state_bytes())));
      aggregate.Init(blocks_.back() + kOffset);
    }
  }
  ~Groups() {
    for (std::byte* block : blocks_) {
      aggregate_.Destroy(block + kOffset);
      std::free(block);
    }
  }
  std::byte* const* blocks() const { return blocks_.data(); }
  std::byte* state(size_t i) const { return blocks_[i] + kOffset; }
  // Texts of all groups, joined by '|'.
  std::string Values() const {
    auto array = aggregate_.Values(blocks_, kOffset);
    EXPECT_TRUE(array.ok()) << array.status().ToString();
    EXPECT_TRUE((*array)->ValidateFull().ok());
    EXPECT_TRUE((*array)->type()->Equals(*ToArrowType(aggregate_.result_type())));
    const auto text = *ToText(*array, aggregate_.result_type(), UtcContext());
    std::string joined;
    for (int64_t i = 0; i < text->length(); ++i) {
      if (i > 0) joined += "|";
      joined +=
          text->IsNull(i) ? "NULL" : static_cast<const arrow::StringArray&>(*text).GetString(i);
    }
    return joined;
  }

 private:
  const Aggregate& aggregate_;
  std::vector<std::byte*> blocks_;
};

std::unique_ptr<Aggregate> Make(AggregateCall call) {
  auto aggregate = Aggregate::Make(call);
  EXPECT_TRUE(aggregate.ok()) << aggregate.status().ToString();
  return *std::move(aggregate);
}

std::shared_ptr<arrow::Array> FromTexts(const LogicalType& type,
                                        const std::vector<std::optional<std::string>>& texts) {
  auto builder = *arrow::MakeBuilder(ToArrowType(type));
  for (const auto& text : texts) {
    if (!text) {
      EXPECT_TRUE(builder->AppendNull().ok());
      continue;
    }
    const auto scalar = EvaluateConstant(Cast(Cast(S(*text), T::String()), type), UtcContext());
    EXPECT_TRUE(scalar.ok()) << scalar.status().ToString();
    EXPECT_TRUE(builder->AppendScalar(**scalar).ok());
  }
  return *builder->Finish();
}

// Running gives after each row what feeding that row alone, and then asking for the value, gives.
void ExpectRunningEqualsSteps(const Aggregate& aggregate, const AggregateInput& input,
                              size_t group_count) {
  Groups stepped(aggregate, group_count);
  Groups run(aggregate, group_count);
  arrow::ArrayVector expected;
  for (int64_t row = 0; row < input.row_count; ++row) {
    const auto one = input.columns[0]->Slice(row, 1);
    const uint32_t group = input.group_of_row == nullptr ? 0 : input.group_of_row[row];
    AggregateInput step{.columns = {&one, 1}, .row_count = 1, .group_states = stepped.blocks()};
    step.group_of_row = &group;
    if (input.signs != nullptr) step.signs = input.signs + row;
    ASSERT_TRUE(aggregate.Accumulate(step, Groups::kOffset).ok());
    std::byte* const block = stepped.blocks()[group];
    expected.push_back(*aggregate.Values({&block, 1}, Groups::kOffset));
  }
  AggregateInput whole = input;
  whole.group_states = run.blocks();
  const auto running = aggregate.Running(whole, Groups::kOffset);
  ASSERT_TRUE(running.ok()) << running.status().ToString();
  EXPECT_TRUE((*running)->Equals(**arrow::Concatenate(expected))) << (*running)->ToString();
  EXPECT_EQ(run.Values(), stepped.Values());
}

// Feeds rows to two groups (row i to group i % 2 if `split`), stores and reads back, gives Values.
std::string Aggregated(const AggregateCall& call,
                       const std::vector<std::optional<std::string>>& rows,
                       const std::vector<int8_t>& signs = {}, bool split = false) {
  const auto aggregate = Make(call);
  const auto column = FromTexts(call.args[0], rows);
  std::vector<uint32_t> group_of_row;
  for (size_t i = 0; i < rows.size(); ++i) group_of_row.push_back(split ? i % 2 : 0);
  Groups groups(*aggregate, split ? 2 : 1);
  const AggregateInput input{.columns = {&column, 1},
                             .row_count = column->length(),
                             .group_states = groups.blocks(),
                             .group_of_row = split ? group_of_row.data() : nullptr,
                             .signs = signs.empty() ? nullptr : signs.data()};
  EXPECT_TRUE(aggregate->Accumulate(input, Groups::kOffset).ok());
  const std::string before = groups.Values();
  ExpectRunningEqualsSteps(*aggregate, input, split ? 2 : 1);
  // Stored, read back into fresh states, the values are the same; a cut-off form is refused.
  Groups restored(*aggregate, split ? 2 : 1);
  for (size_t i = 0; i < (split ? 2 : 1); ++i) {
    std::string bytes;
    aggregate->Serialize(groups.state(i), &bytes);
    bytes += "rest";
    std::string_view view = bytes;
    EXPECT_TRUE(aggregate->Deserialize(&view, restored.state(i)).ok());
    EXPECT_EQ(view, "rest");
    Groups broken(*aggregate, 1);
    std::string_view cut(bytes.data(), bytes.size() - 5);
    EXPECT_FALSE(aggregate->Deserialize(&cut, broken.state(0)).ok());
  }
  EXPECT_EQ(restored.Values(), before);
  return before;
}

TEST(Aggregate, SumsCountsAndAveragesLeaveNullsOut) {
  EXPECT_EQ(Aggregated({"SUM", {T::Int()}}, {"10", "20", std::nullopt, "5"}), "35");
  EXPECT_EQ(Aggregated({"COUNT", {T::Int()}}, {"10", "20", std::nullopt, "5"}), "3");
  EXPECT_EQ(Aggregated({"AVG", {T::Int()}}, {"10", "20", std::nullopt, "5"}), "11");
  EXPECT_EQ(Aggregated({"SUM", {T::Int()}}, {std::nullopt}), "NULL");
  EXPECT_EQ(Aggregated({"COUNT", {T::Int()}}, {std::nullopt}), "0");
  EXPECT_EQ(Aggregated({"SUM", {T::Int()}}, {"2147483647", "1"}), "-2147483648");
  EXPECT_EQ(Aggregated({"SUM", {T::Int()}}, {"1", "2", "3", "4"}, {}, true), "4|6");
  EXPECT_EQ(Aggregated({"SUM", {T::Double()}}, {"1.5", "2"}), "3.5");
}

TEST(Aggregate, RunningBeginsAnewAfterAReset) {
  for (const AggregateCall& call :
       {AggregateCall{"SUM", {T::Int()}}, AggregateCall{"COUNT", {T::Int()}, true},
        AggregateCall{"MAX", {T::Int()}, false, true}, AggregateCall{"LISTAGG", {T::String()}}}) {
    const auto aggregate = Make(call);
    const auto column = FromTexts(call.args[0], {"3", "3", "5", "3"});
    const std::vector<int8_t> signs = {1, -1, 1, 1};
    const std::vector<uint8_t> reset_after = {0, 1, 0, 0};
    Groups groups(*aggregate, 1);
    Groups fresh(*aggregate, 1);
    AggregateInput input{.columns = {&column, 1}, .row_count = 4, .group_states = groups.blocks()};
    input.signs = signs.data();
    input.reset_after = reset_after.data();
    ASSERT_TRUE(aggregate->Running(input, Groups::kOffset).ok());
    const auto rest = column->Slice(2);
    const AggregateInput last{
        .columns = {&rest, 1}, .row_count = 2, .group_states = fresh.blocks()};
    ASSERT_TRUE(aggregate->Accumulate(last, Groups::kOffset).ok());
    EXPECT_EQ(groups.Values(), fresh.Values()) << call.name;
  }
}

TEST(Aggregate, DecimalsGetTheDialectsTypes) {
  const AggregateCall sum{"SUM", {T::Decimal(10, 2)}}, average{"AVG", {T::Decimal(10, 2)}};
  EXPECT_EQ(Aggregate::ResultType(sum)->ToResultString(), "DECIMAL(38,2)");
  EXPECT_EQ(Aggregate::ResultType(average)->ToResultString(), "DECIMAL(38,6)");
  EXPECT_EQ(Aggregated(sum, {"10.50", "20.00", "5.25"}), "35.75");
  EXPECT_EQ(Aggregated(average, {"10.50", "20.00", "5.25"}), "11.916667");
}

TEST(Aggregate, RetractionTakesRowsBack) {
  const std::vector<std::optional<std::string>> rows = {"10", "30", "7", "30"};
  const std::vector<int8_t> signs = {1, 1, 1, -1};
  const auto retracting = [](const char* name, LogicalType type) {
    return AggregateCall{.name = name, .args = {std::move(type)}, .needs_retract = true};
  };
  EXPECT_EQ(Aggregated(retracting("SUM", T::Int()), rows, signs), "17");
  EXPECT_EQ(Aggregated(retracting("COUNT", T::Int()), rows, signs), "2");
  EXPECT_EQ(Aggregated(retracting("AVG", T::Int()), rows, signs), "8");
  EXPECT_EQ(Aggregated(retracting("MAX", T::Int()), rows, signs), "10");
  EXPECT_EQ(Aggregated(retracting("MIN", T::Int()), rows, signs), "7");
  EXPECT_EQ(Aggregated(retracting("MAX", T::String()), {"Ann", "Cid", "Cid"}, {1, 1, -1}), "Ann");
  EXPECT_EQ(Aggregated(retracting("SUM", T::Int()), {"5", "5"}, {1, -1}), "NULL");
  EXPECT_EQ(Aggregated(retracting("FIRST_VALUE", T::String()), {"Ann", "Cid", "Ann"}, {1, 1, -1}),
            "Cid");
  EXPECT_EQ(Aggregated(retracting("LAST_VALUE", T::String()), {"Ann", "Cid", "Cid"}, {1, 1, -1}),
            "Ann");
  EXPECT_EQ(
      Aggregated(retracting("LISTAGG", T::String()), {"Ann", "Cid", "Bob", "Ann"}, {1, 1, 1, -1}),
      "Cid,Bob");
}

TEST(Aggregate, ExtremesFirstAndLastOfAppends) {
  EXPECT_EQ(Aggregated({"MAX", {T::Int()}}, {"10", std::nullopt, "30", "-1"}), "30");
  EXPECT_EQ(Aggregated({"MIN", {T::Int()}}, {"10", std::nullopt, "30", "-1"}), "-1");
  EXPECT_EQ(Aggregated({"MIN", {T::String()}}, {"b", "a", "c"}), "a");
  EXPECT_EQ(Aggregated({"MAX", {T::Decimal(10, 2)}}, {"1.50", "-2.00"}), "1.50");
  EXPECT_EQ(Aggregated({"MAX", {T::Timestamp(3)}}, {"2026-01-01 00:00:00", "2025-01-01 00:00:00"}),
            "2026-01-01 00:00:00.000");
  EXPECT_EQ(Aggregated({"FIRST_VALUE", {T::Int()}}, {std::nullopt, "2", "3"}), "2");
  EXPECT_EQ(Aggregated({"LAST_VALUE", {T::Int()}}, {"2", "3", std::nullopt}), "3");
  EXPECT_EQ(Aggregated({"MAX", {T::Int()}}, {std::nullopt}), "NULL");
}

TEST(Aggregate, CollectsValues) {
  AggregateCall joined{"LISTAGG", {T::String()}};
  joined.separator = "|";
  EXPECT_EQ(Aggregated(joined, {"10", "30", std::nullopt, "1"}), "10|30|1");
  EXPECT_EQ(Aggregated({"ARRAY_AGG", {T::Int()}}, {"20", "7", std::nullopt}), "[20, 7, NULL]");
  EXPECT_EQ(Aggregated({"COLLECT", {T::Int()}}, {"10", "30", "1", "10"}), "{1=1, 10=2, 30=1}");
  EXPECT_EQ(Aggregate::ResultType({"COLLECT", {T::Int()}})->ToResultString(), "MULTISET NOT NULL");
}

TEST(Aggregate, DistinctCountsAValueOnceUntilItsLastCopyGoes) {
  const AggregateCall count{.name = "COUNT", .args = {T::Int()}, .distinct = true};
  EXPECT_EQ(Aggregated(count, {"1", "2", "1", std::nullopt}), "2");
  EXPECT_EQ(Aggregated(count, {"1", "1", "1", "2"}, {1, 1, -1, 1}), "2");
  EXPECT_EQ(Aggregated(count, {"1", "1", "1", "1"}, {1, 1, -1, -1}), "0");
  const AggregateCall sum{.name = "SUM", .args = {T::Int()}, .distinct = true};
  EXPECT_EQ(Aggregated(sum, {"5", "5", "7"}), "12");
  const AggregateCall list{.name = "LISTAGG", .args = {T::String()}, .distinct = true};
  EXPECT_EQ(Aggregated(list, {"a", "a", "b"}), "a,b");
}

// What was stored, and then what has changed since, make the same state; few values are stored
// whole.
TEST(Aggregate, DistinctIsStoredByItsChanges) {
  for (const T& type : {T::BigInt(), T::String()}) {
    const auto aggregate = Make({.name = "COUNT", .args = {type}, .distinct = true});
    ASSERT_TRUE(aggregate->keeps_changes());
    Groups groups(*aggregate, 1), stored(*aggregate, 1);
    std::mt19937 random(11);
    int changes_count = 0, whole_count = 0;
    for (int round = 0; round < 60; ++round) {
      std::vector<std::optional<std::string>> rows;
      std::vector<int8_t> signs;
      for (int i = 0; i < (round % 20 == 0 ? 3000 : 30); ++i) {
        rows.emplace_back(std::to_string(random() % 4000));
        signs.push_back(round % 3 == 2 ? -1 : 1);
      }
      const auto column = FromTexts(type, rows);
      ASSERT_TRUE(aggregate
                      ->Accumulate({.columns = {&column, 1},
                                    .row_count = column->length(),
                                    .group_states = groups.blocks(),
                                    .signs = signs.data()},
                                   Groups::kOffset)
                      .ok());
      (aggregate->HasChanges(groups.state(0)) ? changes_count : whole_count) += 1;
      std::string bytes;
      aggregate->SerializeChanges(groups.state(0), &bytes);
      if (round > 0 && round % 20 != 0) {
        EXPECT_LT(bytes.size(), 1500u);
      }
      aggregate->OnStored(groups.state(0));
      bytes += "rest";
      std::string_view view = bytes;
      ASSERT_TRUE(aggregate->ApplyChanges(&view, stored.state(0)).ok());
      EXPECT_EQ(view, "rest");
      EXPECT_EQ(stored.Values(), groups.Values());
      std::string_view cut(bytes.data(), bytes.size() - 5);
      Groups broken(*aggregate, 1);
      EXPECT_FALSE(aggregate->ApplyChanges(&cut, broken.state(0)).ok());
    }
    EXPECT_GE(whole_count, 1);
    EXPECT_GT(changes_count, 40);
  }
}

TEST(Aggregate, MergesStates) {
  for (const bool distinct : {false, true}) {
    const auto aggregate = Make({.name = "SUM", .args = {T::Int()}, .distinct = distinct});
    Groups groups(*aggregate, 2);
    const auto column = FromTexts(T::Int(), {"1", "1", "2", "5"});
    const uint32_t group_of_row[] = {0, 1, 1, 0};
    const AggregateInput input{.columns = {&column, 1},
                               .row_count = 4,
                               .group_states = groups.blocks(),
                               .group_of_row = group_of_row};
    ASSERT_TRUE(aggregate->Accumulate(input, Groups::kOffset).ok());
    ASSERT_TRUE(aggregate->Merge(groups.state(0), groups.state(1)).ok());
    EXPECT_EQ(groups.Values(), distinct ? "8|3" : "9|3");
  }
}

TEST(Aggregate, MaskLeavesRowsOut) {
  const auto aggregate = Make({"COUNT"});
  Groups groups(*aggregate, 1);
  const uint8_t mask[] = {1, 0, 1};
  const AggregateInput input{
      .columns = {}, .row_count = 3, .group_states = groups.blocks(), .mask = mask};
  ASSERT_TRUE(aggregate->Accumulate(input, Groups::kOffset).ok());
  EXPECT_EQ(groups.Values(), "2");
  EXPECT_EQ(aggregate->result_type().ToResultString(), "BIGINT NOT NULL");
}

TEST(Aggregate, VarianceFollowsTheArgumentsType) {
  EXPECT_EQ(Aggregated({"VAR_POP", {T::Double()}}, {"2", "4", "4", "4", "5", "5", "7", "9"}),
            "4.0");
  EXPECT_EQ(Aggregated({"STDDEV_POP", {T::Double()}}, {"2", "4", "4", "4", "5", "5", "7", "9"}),
            "2.0");
  EXPECT_EQ(Aggregated({"VAR_SAMP", {T::Double()}}, {"1"}), "NULL");
  EXPECT_EQ(Aggregated({"STDDEV_POP", {T::Int()}}, {"1", "5"}), "2");
}

TEST(Aggregate, RefusesWrongArguments) {
  EXPECT_FALSE(Aggregate::Make({"SUM", {T::String()}}).ok());
  EXPECT_FALSE(Aggregate::Make({"NO_SUCH", {T::Int()}}).ok());
  EXPECT_FALSE(Aggregate::Make({"SUM"}).ok());
  EXPECT_EQ(Aggregate::ResultType({"SUM", {T::Int().NotNull()}})->ToResultString(), "INTEGER");
  AggregateCall grouped{"SUM", {T::Int().NotNull()}};
  grouped.is_grouped = true;
  EXPECT_EQ(Aggregate::ResultType(grouped)->ToResultString(), "INTEGER NOT NULL");
}

}  // namespace
}  // namespace mainstem::process::testing

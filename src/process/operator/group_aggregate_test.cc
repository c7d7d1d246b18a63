#include "process/operator/group_aggregate.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/operator/operator_test_support.h"

namespace mainstem::process {
namespace {

using optest::MakeBatch;
using optest::OperatorBench;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Input (k STRING, v BIGINT); output k, COUNT(*), SUM(v).
GroupAggregateOptions CountOptions() {
  GroupAggregateOptions options;
  options.keys = {0};
  options.key_types = {arrow::utf8()};
  plan::AggregateSpec count, sum;
  count.call.name = "COUNT";
  count.call.needs_retract = true;
  sum.call.name = "SUM";
  sum.call.args = {LogicalType::BigInt()};
  sum.call.needs_retract = true;
  sum.args = {1};
  options.aggregates = {count, sum};
  options.output_schema =
      arrow::schema({arrow::field("k", arrow::utf8()), arrow::field("c", arrow::int64()),
                     arrow::field("s", arrow::int64())});
  return options;
}

Element GroupRows(const std::vector<std::vector<std::string>>& rows) {
  return Element::Batch(MakeBatch("sl", rows));
}

TEST(GroupAggregateTest, SendsEveryChangeOfABatchInOrder) {
  OperatorBench bench(std::make_unique<GroupAggregateOperator>(CountOptions()));
  EXPECT_THAT(bench.Push(GroupRows(
                  {{"+I", "a", "1"}, {"+I", "b", "-"}, {"+I", "a", "2"}, {"+I", "-", "3"}})),
              ElementsAre("+I a 1 1", "+I b 1 -", "-U a 1 1", "+U a 2 3", "+I - 1 3"));
}

TEST(GroupAggregateTest, AGroupGoesWithItsLastRowAndMayComeBackInTheSameBatch) {
  OperatorBench bench(std::make_unique<GroupAggregateOperator>(CountOptions()));
  EXPECT_THAT(bench.Push(GroupRows({{"+I", "a", "1"}, {"-D", "a", "1"}, {"+I", "a", "7"}})),
              ElementsAre("+I a 1 1", "-D a 1 1", "+I a 1 7"));
  EXPECT_THAT(bench.Push(GroupRows({{"-D", "a", "7"}})), ElementsAre("-D a 1 7"));
  EXPECT_EQ(bench.metrics().state_entries, 0);
  EXPECT_THAT(bench.Push(GroupRows({{"+I", "a", "2"}})), ElementsAre("+I a 1 2"));
}

TEST(GroupAggregateTest, IgnoresWhatTakesBackARowThatNeverCame) {
  OperatorBench bench(std::make_unique<GroupAggregateOperator>(CountOptions()));
  EXPECT_THAT(bench.Push(GroupRows({{"-D", "a", "1"}})), IsEmpty());
  EXPECT_THAT(bench.Push(GroupRows({{"+I", "a", "1"}})), ElementsAre("+I a 1 1"));
}

TEST(GroupAggregateTest, AnUpdateThatChangesNothingSendsNothing) {
  GroupAggregateOptions options = CountOptions();
  options.aggregates.erase(options.aggregates.begin());
  options.output_schema =
      arrow::schema({arrow::field("k", arrow::utf8()), arrow::field("s", arrow::int64())});
  OperatorBench bench(std::make_unique<GroupAggregateOperator>(std::move(options)));
  EXPECT_THAT(bench.Push(GroupRows({{"+I", "a", "1"}, {"+I", "a", "0"}, {"+I", "a", "-"}})),
              ElementsAre("+I a 1"));
}

TEST(GroupAggregateTest, FoldingSendsOneChangeAGroupAndBatch) {
  GroupAggregateOptions options = CountOptions();
  options.fold = true;
  options.send_update_before = false;
  OperatorBench bench(std::make_unique<GroupAggregateOperator>(std::move(options)));
  EXPECT_THAT(bench.Push(GroupRows({{"+I", "a", "1"}, {"+I", "b", "5"}, {"+I", "a", "2"}})),
              ElementsAre("+I a 2 3", "+I b 1 5"));
  EXPECT_THAT(bench.Push(GroupRows(
                  {{"+I", "a", "1"}, {"-D", "b", "5"}, {"+I", "c", "1"}, {"-D", "c", "1"}})),
              ElementsAre("+U a 3 4", "-D b 1 5"));
}

TEST(GroupAggregateTest, GoesOnFromACheckpoint) {
  auto factory = MakeMemoryStateBackendFactory();
  {
    OperatorBench bench(std::make_unique<GroupAggregateOperator>(CountOptions()), {}, {},
                        factory.get());
    bench.Push(GroupRows({{"+I", "a", "1"}, {"+I", "b", "2"}}));
    bench.Checkpoint("/one");
    bench.Push(GroupRows({{"+I", "a", "100"}}));
  }
  OperatorBench bench(std::make_unique<GroupAggregateOperator>(CountOptions()), {}, {"/one"},
                      factory.get());
  EXPECT_THAT(bench.Push(GroupRows({{"+I", "a", "4"}})), ElementsAre("-U a 1 1", "+U a 2 5"));
}

// SELECT COUNT(*), SUM(v), in batch mode.
GroupAggregateOptions GlobalOptions() {
  GroupAggregateOptions options = CountOptions();
  options.keys.clear();
  options.key_types.clear();
  options.output_schema =
      arrow::schema({arrow::field("c", arrow::int64()), arrow::field("s", arrow::int64())});
  options.fold = true;
  options.counts_nothing = true;
  return options;
}

TEST(GroupAggregateTest, NoRowsHaveAResultWhereTheInputEnds) {
  OperatorBench bench(std::make_unique<GroupAggregateOperator>(GlobalOptions()));
  EXPECT_THAT(bench.Push(Element::End()), ElementsAre("+I 0 -", "end"));
  OperatorBench some(std::make_unique<GroupAggregateOperator>(GlobalOptions()));
  some.Push(GroupRows({{"+I", "a", "1"}}));
  EXPECT_THAT(some.Push(Element::End()), ElementsAre("end"));
  OperatorBench gone(std::make_unique<GroupAggregateOperator>(GlobalOptions()));
  gone.Push(GroupRows({{"+I", "a", "1"}}));
  gone.Push(GroupRows({{"-D", "a", "1"}}));
  EXPECT_THAT(gone.Push(Element::End()), ElementsAre("+I 0 -", "end"));
}

// An operator that had ended is in no checkpoint: it begins again without its rows and its blob.
TEST(GroupAggregateTest, TheResultOfNoRowsIsNotSentAgainAfterARestore) {
  OperatorBench running(std::make_unique<GroupAggregateOperator>(GlobalOptions()));
  const std::string blob = running.Checkpoint("/chk");
  ASSERT_FALSE(blob.empty());
  OperatorBench restored(std::make_unique<GroupAggregateOperator>(GlobalOptions()), {blob},
                         {"/nothing"});
  EXPECT_THAT(restored.Push(Element::End()), ElementsAre("+I 0 -", "end"));
  OperatorBench ended(std::make_unique<GroupAggregateOperator>(GlobalOptions()), {}, {"/nothing"});
  EXPECT_THAT(ended.Push(Element::End()), ElementsAre("end"));
}

}  // namespace
}  // namespace mainstem::process

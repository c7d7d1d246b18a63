// Goal: a batch costs a partition one computation, whose results go out in pieces, and others on
// the shard have their turns meanwhile.
#include "process/operator/over_updating.h"

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

struct OverUpdatingInput : plan::PlanNode {
  OverUpdatingInput() : PlanNode(plan::NodeKind::kValues) {
    columns = {{"k", LogicalType::BigInt()}, {"v", LogicalType::BigInt()}};
  }
};

// k, v, SUM(v) OVER (ORDER BY k), LAG(v, 2, k) OVER (ORDER BY k)
plan::OverNode SumAndLag(bool rows) {
  plan::OverNode node;
  node.inputs = {std::make_shared<OverUpdatingInput>()};
  node.columns = node.inputs[0]->columns;
  node.columns.emplace_back("s", LogicalType::BigInt());
  node.columns.emplace_back("l", LogicalType::BigInt());
  node.order = {{.column = 0}};
  node.rows = rows;
  plan::AggregateSpec& sum = node.functions.emplace_back();
  sum.call.name = "SUM";
  sum.call.args = {LogicalType::BigInt()};
  sum.args = {1};
  plan::AggregateSpec& lag = node.functions.emplace_back();
  lag.call.name = "LAG";
  lag.call.args = {LogicalType::BigInt(), LogicalType::BigInt()};
  lag.call.offset = 2;
  lag.args = {1, 0};
  node.changelog.update_before = true;
  return node;
}

Element OverBatch(const std::vector<std::vector<std::string>>& rows) {
  return Element::Batch(MakeBatch("ll", rows));
}

// `count` rows with k from `first` on, v = 1.
Element RowsFrom(int first, int count) {
  std::vector<std::vector<std::string>> rows;
  for (int i = first; i < first + count; ++i) rows.push_back({"+I", std::to_string(i), "1"});
  return OverBatch(rows);
}

TEST(OverUpdatingTest, SendsWhatABatchHasChangedInTheEnd) {
  OperatorBench bench(std::make_unique<UpdatingOverOperator>(SumAndLag(false)));
  EXPECT_THAT(bench.Push(OverBatch({{"+I", "2", "20"}, {"+I", "4", "40"}})),
              ElementsAre("+I 2 20 20 2", "+I 4 40 60 4"));
  EXPECT_THAT(bench.Push(OverBatch({{"+I", "3", "30"}, {"-D", "4", "40"}, {"+I", "5", "50"}})),
              ElementsAre("-D 4 40 60 4", "+I 3 30 50 3", "+I 5 50 100 20"));
  // What comes and goes within a batch was never there; an update stays one.
  EXPECT_THAT(bench.Push(OverBatch({{"+I", "1", "7"}, {"-D", "1", "7"}})), IsEmpty());
  EXPECT_THAT(bench.Push(OverBatch({{"-U", "3", "30"}, {"+U", "3", "31"}})),
              ElementsAre("-D 3 30 50 3", "+U 3 31 51 3", "-U 5 50 100 20", "+U 5 50 101 20"));
  EXPECT_THAT(bench.Push(OverBatch({{"-D", "5", "50"}, {"-D", "2", "20"}, {"-D", "3", "31"}})),
              ElementsAre("-D 5 50 101 20", "-D 2 20 20 2", "-D 3 31 51 3"));
  EXPECT_EQ(bench.metrics().state_entries, 0);
}

TEST(OverUpdatingTest, RowsOfOneSortKeyHaveOneResultUnlessRowsAreCounted) {
  for (const bool rows : {false, true}) {
    OperatorBench bench(std::make_unique<UpdatingOverOperator>(SumAndLag(rows)));
    bench.Push(OverBatch({{"+I", "1", "10"}, {"+I", "2", "20"}}));
    const auto lines = bench.Push(OverBatch({{"+I", "2", "21"}}));
    if (rows) {
      EXPECT_THAT(lines, ElementsAre("+I 2 21 51 10"));
    } else {
      EXPECT_THAT(lines, ElementsAre("-U 2 20 30 2", "+U 2 20 51 10", "+I 2 21 51 10"));
    }
  }
}

TEST(OverUpdatingTest, LagMayLookAtTheRowItself) {
  plan::OverNode node = SumAndLag(true);
  node.functions[1].call.offset = 0;
  OperatorBench bench(std::make_unique<UpdatingOverOperator>(node));
  EXPECT_THAT(bench.Push(OverBatch({{"+I", "1", "10"}, {"+I", "2", "20"}})),
              ElementsAre("+I 1 10 10 10", "+I 2 20 30 20"));
}

TEST(OverUpdatingTest, EachRowIsSentAnewOnceForABatch) {
  OperatorBench bench(std::make_unique<UpdatingOverOperator>(SumAndLag(false)));
  bench.Push(RowsFrom(1000, 3000));
  const auto lines = bench.Push(RowsFrom(0, 100));
  EXPECT_EQ(lines.size(), 100u + 2 * 3000u);
  EXPECT_EQ(lines.back(), "+U 3999 1 3100 1");
  // Rows before the first that changed are as they were.
  EXPECT_EQ(bench.Push(RowsFrom(5000, 1)).size(), 1u);
}

TEST(OverUpdatingTest, OthersHaveTheirTurnsWithinABatch) {
  OperatorBench bench(std::make_unique<UpdatingOverOperator>(SumAndLag(false)));
  bench.Push(RowsFrom(1, 20'000));
  std::vector<std::string> lines;
  EXPECT_GE(bench.TurnsOfOthers(RowsFrom(0, 1), &lines), 20);
  EXPECT_EQ(lines.size(), 1u + 2 * 20'000u);
}

TEST(OverUpdatingTest, GoesOnFromACheckpoint) {
  auto factory = MakeMemoryStateBackendFactory();
  {
    OperatorBench bench(std::make_unique<UpdatingOverOperator>(SumAndLag(false)), {}, {},
                        factory.get());
    bench.Push(RowsFrom(10, 300));
    bench.Checkpoint("/one");
    bench.Push(RowsFrom(400, 2));
    bench.Checkpoint("/two");
  }
  OperatorBench restored(std::make_unique<UpdatingOverOperator>(SumAndLag(false)), {}, {"/two"},
                         factory.get());
  EXPECT_THAT(restored.Push(OverBatch({{"-D", "401", "1"}, {"+I", "500", "5"}})),
              ElementsAre("-D 401 1 302 1", "+I 500 5 306 1"));
}

}  // namespace
}  // namespace mainstem::process

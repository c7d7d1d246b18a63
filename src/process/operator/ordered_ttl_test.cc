// Goal: state of operators over time goes when its time is over, though its key never comes again.
#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/operator/conflict_check.h"
#include "process/operator/match_recognize.h"
#include "process/operator/operator_test_support.h"
#include "process/operator/over.h"
#include "process/operator/upsert_materialize.h"

namespace mainstem::process {
namespace {

using optest::MakeBatch;
using optest::OperatorBench;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct TimedInput : plan::PlanNode {
  TimedInput() : PlanNode(plan::NodeKind::kValues) {
    columns = {{"k", LogicalType::String()}, {"v", LogicalType::BigInt()}};
  }
};

plan::OverNode SumByProcessingTime(bool rows, int64_t preceding) {
  plan::OverNode node;
  node.inputs = {std::make_shared<TimedInput>()};
  node.columns = node.inputs[0]->columns;
  node.columns.emplace_back("s", LogicalType::BigInt());
  node.partition = {0};
  node.order = {{.column = 1}};
  node.time = plan::OverTime::kProctime;
  node.rows = rows;
  node.preceding = preceding;
  plan::AggregateSpec& sum = node.functions.emplace_back();
  sum.call.name = "SUM";
  sum.call.args = {LogicalType::BigInt()};
  sum.args = {1};
  return node;
}

Element TimedRow(const std::string& key, const std::string& value) {
  return Element::Batch(MakeBatch("sl", {{"+I", key, value}}));
}

// What the subtask's clock does.
constexpr int64_t kBenchBegin = 1'767'229'200'000;
Element Tick(int64_t after_ms) { return Element::Time(kBenchBegin + after_ms); }

TEST(OrderedTtlTest, ARangeOfProcessingTimeForgetsPartitions) {
  auto factory = MakeMemoryStateBackendFactory();
  {
    OperatorBench bench(std::make_unique<OverOperator>(SumByProcessingTime(false, 1000)), {}, {},
                        factory.get());
    EXPECT_THAT(bench.Push(TimedRow("a", "1")), ElementsAre("+I a 1 1"));
    bench.Wait(milliseconds(700));
    EXPECT_THAT(bench.Push(TimedRow("b", "2")), ElementsAre("+I b 2 2"));
    bench.Push(Tick(1400));
    EXPECT_THAT(bench.Push(TimedRow("a", "5")), ElementsAre("+I a 5 6"));
    bench.Checkpoint("/one");
  }
  // The timers are restored.
  OperatorBench bench(std::make_unique<OverOperator>(SumByProcessingTime(false, 1000)), {},
                      {"/one"}, factory.get());
  bench.Wait(milliseconds(2000));
  bench.Push(Tick(2300));
  EXPECT_THAT(bench.Push(TimedRow("c", "1")), ElementsAre("+I c 1 1"));
  EXPECT_EQ(bench.metrics().state_entries, 1);  // a and b went
  bench.Push(Tick(60'000));
  EXPECT_EQ(bench.metrics().state_entries, 0);
}

TEST(OrderedTtlTest, WhatLagLooksBackToOutlivesTheRangeUntilTheTimeToLive) {
  plan::OverNode node = SumByProcessingTime(false, 1000);
  node.state_ttl_ms = 60'000;
  node.columns.emplace_back("l", LogicalType::BigInt());
  plan::AggregateSpec& lag = node.functions.emplace_back();
  lag.call.name = "LAG";
  lag.call.args = {LogicalType::BigInt()};
  lag.call.offset = 1;
  lag.args = {1};
  auto factory = MakeMemoryStateBackendFactory();
  {
    OperatorBench bench(std::make_unique<OverOperator>(node), {}, {}, factory.get());
    EXPECT_THAT(bench.Push(TimedRow("a", "1")), ElementsAre("+I a 1 1 -"));
    EXPECT_THAT(bench.Push(TimedRow("a", "2")), ElementsAre("+I a 2 3 1"));
    bench.Wait(milliseconds(3000));
    bench.Push(Tick(3000));
    EXPECT_THAT(bench.Push(TimedRow("a", "5")), ElementsAre("+I a 5 5 2"));
    bench.Wait(milliseconds(3000));
    bench.Push(Tick(6000));
    bench.Checkpoint("/one");
  }
  OperatorBench bench(std::make_unique<OverOperator>(node), {}, {"/one"}, factory.get());
  bench.Wait(milliseconds(7000));
  EXPECT_THAT(bench.Push(TimedRow("a", "7")), ElementsAre("+I a 7 7 5"));
  bench.Push(Tick(7000 + 3000));
  bench.Wait(milliseconds(70'000));
  EXPECT_THAT(bench.Push(TimedRow("b", "1")), ElementsAre("+I b 1 1 -"));
  EXPECT_EQ(bench.metrics().state_entries, 1);
}

TEST(OrderedTtlTest, RowsPrecedingGoWithTheTimeToLive) {
  plan::OverNode node = SumByProcessingTime(true, 2);
  node.state_ttl_ms = 1000;
  OperatorBench bench(std::make_unique<OverOperator>(node));
  bench.Push(TimedRow("a", "1"));
  bench.Wait(milliseconds(1500));
  bench.Push(TimedRow("b", "2"));
  EXPECT_EQ(bench.metrics().state_entries, 1);
  EXPECT_THAT(bench.Push(TimedRow("a", "5")), ElementsAre("+I a 5 5"));
}

// PATTERN (A B) WITHIN 1 s, and no row is a B.
TEST(OrderedTtlTest, PartialMatchesEndByTheClock) {
  plan::MatchNode node;
  node.inputs = {std::make_shared<TimedInput>()};
  node.columns = {node.inputs[0]->columns[0], {"m", LogicalType::Boolean()}};
  node.partition = {0};
  node.order = {{.column = 1}};
  node.event_time = false;
  node.pattern = {{.variable = "A"}, {.variable = "B"}};
  node.within_ms = 1000;
  node.conditions = {nullptr, MakeBoolLiteral(false)};
  node.measures = {MakeBoolLiteral(true)};
  OperatorBench bench(std::make_unique<MatchOperator>(node));
  bench.Push(TimedRow("a", "1"));
  EXPECT_EQ(bench.metrics().state_entries, 1);
  bench.Push(Tick(999));
  EXPECT_EQ(bench.metrics().state_entries, 1);
  bench.Push(Tick(1000));
  EXPECT_EQ(bench.metrics().state_entries, 0);
}

TEST(OrderedTtlTest, RowsOfAnUpsertSinkGoWithTheTimeToLive) {
  const UpsertMaterializeOperator::Options options{
      .columns = TimedInput().columns, .primary_key = {0}, .state_ttl_ms = 1000};
  OperatorBench bench(std::make_unique<UpsertMaterializeOperator>(options));
  EXPECT_THAT(bench.Push(TimedRow("a", "1")), ElementsAre("+I a 1"));
  bench.Wait(milliseconds(1500));
  EXPECT_THAT(bench.Push(TimedRow("b", "2")), ElementsAre("+I b 2"));
  EXPECT_EQ(bench.metrics().state_entries, 1);
}

TEST(OrderedTtlTest, AnUpsertSinkShowsTheRowBeforeTheOneThatIsTakenBack) {
  const UpsertMaterializeOperator::Options options{.columns = TimedInput().columns,
                                                   .primary_key = {0}};
  OperatorBench bench(std::make_unique<UpsertMaterializeOperator>(options));
  const auto change = [&](const std::string& kind, const std::string& value) {
    return bench.Push(Element::Batch(MakeBatch("sl", {{kind, "a", value}})));
  };
  for (const char* value : {"1", "2", "1", "3"}) change("+I", value);
  EXPECT_THAT(change("-D", "9"), IsEmpty());
  EXPECT_THAT(change("-D", "2"), IsEmpty());
  EXPECT_THAT(change("-D", "3"), ElementsAre("+U a 1"));
  EXPECT_THAT(change("-D", "1"), IsEmpty());  // the first of the two
  EXPECT_THAT(change("-D", "1"), ElementsAre("-D a 1"));
  EXPECT_EQ(bench.metrics().state_entries, 0);
}

TEST(OrderedTtlTest, WhatAConflictIsSeenByGoesWithTheTimeToLive) {
  ConflictCheckOperator::Options options;
  options.columns = TimedInput().columns;
  options.primary_key = {0};
  options.table_name = "t";
  options.state_ttl_ms = 1000;
  OperatorBench bench(std::make_unique<ConflictCheckOperator>(options));
  const auto row = [](const std::string& key, const std::string& stamp) {
    return Element::Batch(MakeBatch("sll", {{"+I", key, "1", stamp}}));
  };
  bench.Push(row("a", "5"));
  EXPECT_THAT(bench.Push(Element::Watermark(10)), ElementsAre("+I a 1", "wm 10"));
  bench.Wait(milliseconds(1500));
  bench.Push(row("b", "15"));
  EXPECT_THAT(bench.Push(Element::Watermark(20)), ElementsAre("+I b 1", "wm 20"));
  bench.Push(row("c", "25"));
  EXPECT_EQ(bench.metrics().state_entries, 2);  // b is shown, c waits
}

}  // namespace
}  // namespace mainstem::process

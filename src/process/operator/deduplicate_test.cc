#include "process/operator/deduplicate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/operator/operator_test_support.h"

namespace mainstem::process {
namespace {

using optest::MakeBatch;
using optest::OperatorBench;
using std::chrono::milliseconds;
using ::testing::ElementsAre;

struct KeyedTimes : plan::PlanNode {
  KeyedTimes() : PlanNode(plan::NodeKind::kValues) {
    columns = {{"k", LogicalType::String()}, {"ts", LogicalType::Timestamp(3)}};
  }
};

Element KeyAt(const std::string& time) {
  return Element::Batch(MakeBatch("st", {{"+I", "a", time}}));
}

TEST(DeduplicateTest, AKeyLivesWhileItsFirstRowWaitsAndForItsTimeAfterThat) {
  plan::RankNode node;
  node.inputs = {std::make_shared<KeyedTimes>()};
  node.columns = node.inputs[0]->columns;
  node.strategy = plan::RankStrategy::kFirstTime;
  node.partition = {0};
  node.order = {{.column = 1}};
  node.state_ttl_ms = 1000;
  OperatorBench bench(std::make_unique<DeduplicateOperator>(node));
  bench.Push(KeyAt("5"));
  bench.Wait(milliseconds(2000));
  bench.Push(KeyAt("7"));
  EXPECT_THAT(bench.Push(Element::Watermark(10)), ElementsAre("+I a 5", "wm 10"));
  bench.Wait(milliseconds(900));
  bench.Push(KeyAt("12"));
  EXPECT_THAT(bench.Push(Element::Watermark(20)), ElementsAre("wm 20"));
  bench.Wait(milliseconds(2000));
  bench.Push(KeyAt("25"));
  EXPECT_THAT(bench.Push(Element::Watermark(30)), ElementsAre("+I a 25", "wm 30"));
}

}  // namespace
}  // namespace mainstem::process

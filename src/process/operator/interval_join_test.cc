#include "process/operator/interval_join.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/operator/operator_test_support.h"

namespace mainstem::process {
namespace {

using optest::MakeBatch;
using optest::OperatorBench;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct TimedRows : plan::PlanNode {
  TimedRows() : PlanNode(plan::NodeKind::kValues) {
    columns = {{"k", LogicalType::String()}, {"ts", LogicalType::Timestamp(3)}};
  }
};

// l LEFT JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts - 5 s AND l.ts + 5 s
std::unique_ptr<Operator> WithinFiveSeconds() {
  plan::JoinNode node;
  node.type = plan::JoinType::kLeft;
  node.time = plan::JoinTime::kInterval;
  node.left_keys = {0};
  node.right_keys = {0};
  node.left_time = 1;
  node.right_time = 1;
  node.lower_ms = -5000;
  node.upper_ms = 5000;
  const auto left = std::make_shared<TimedRows>();
  const auto right = std::make_shared<TimedRows>();
  node.inputs = {left, right};
  node.columns = left->columns;
  node.columns.insert(node.columns.end(), right->columns.begin(), right->columns.end());
  return std::make_unique<IntervalJoinOperator>(node);
}

Element TimedRow(const std::string& time) {
  return Element::Batch(MakeBatch("st", {{"+I", "k", time}}));
}

TEST(IntervalJoinTest, AnEqualRowWithoutAPartnerTakesNoneFromTheFirst) {
  OperatorBench bench(WithinFiveSeconds());
  EXPECT_THAT(bench.Push(TimedRow("9000"), 1), IsEmpty());
  EXPECT_THAT(bench.Push(TimedRow("10000"), 0), ElementsAre("+I k 10000 k 9000"));
  bench.Push(Element::Watermark(14'999));
  EXPECT_THAT(bench.Push(TimedRow("10000"), 0), IsEmpty());
  EXPECT_THAT(bench.Push(Element::Watermark(kEndOfTime)),
              ElementsAre("+I k 10000 - -", "wm 9223372036854775807"));
}

TEST(IntervalJoinTest, APartnerIsForAllEqualRowsThatWait) {
  OperatorBench bench(WithinFiveSeconds());
  EXPECT_THAT(bench.Push(TimedRow("10000"), 0), IsEmpty());
  EXPECT_THAT(bench.Push(TimedRow("10000"), 0), IsEmpty());
  EXPECT_THAT(bench.Push(TimedRow("9000"), 1),
              ElementsAre("+I k 10000 k 9000", "+I k 10000 k 9000"));
  EXPECT_THAT(bench.Push(Element::Watermark(kEndOfTime)), ElementsAre("wm 9223372036854775807"));
}

}  // namespace
}  // namespace mainstem::process

#include "process/operator/regular_join.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/operator/operator_test_support.h"

namespace mainstem::process {
namespace {

using optest::MakeBatch;
using optest::OperatorBench;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct JoinedRows : plan::PlanNode {
  JoinedRows() : PlanNode(plan::NodeKind::kValues) {
    columns = {{"k", LogicalType::String()}, {"v", LogicalType::BigInt()}};
  }
};

// Of two inputs (k STRING, v BIGINT) by k.
std::unique_ptr<Operator> JoinByK(plan::JoinType type, int64_t state_ttl_ms = 0) {
  plan::JoinNode node;
  node.state_ttl_ms.fill(state_ttl_ms);
  node.type = type;
  node.left_keys = {0};
  node.right_keys = {0};
  const auto left = std::make_shared<JoinedRows>();
  const auto right = std::make_shared<JoinedRows>();
  node.inputs = {left, right};
  node.columns = left->columns;
  node.columns.insert(node.columns.end(), right->columns.begin(), right->columns.end());
  return std::make_unique<RegularJoinOperator>(node);
}

Element JoinRowsElement(const std::vector<std::vector<std::string>>& rows) {
  return Element::Batch(MakeBatch("sl", rows));
}

TEST(RegularJoinTest, KeepsNothingForASideThatHasEnded) {
  OperatorBench bench(JoinByK(plan::JoinType::kInner));
  EXPECT_THAT(bench.Push(JoinRowsElement({{"+I", "a", "1"}}), 0), IsEmpty());
  EXPECT_THAT(bench.Push(JoinRowsElement({{"+I", "a", "7"}, {"+I", "b", "8"}}), 1),
              ElementsAre("+I a 1 a 7"));
  EXPECT_EQ(bench.metrics().state_entries, 3);
  bench.Push(Element::InputEnd(1));
  EXPECT_THAT(bench.Push(JoinRowsElement({{"+I", "b", "2"}, {"+I", "c", "3"}}), 0),
              ElementsAre("+I b 2 b 8"));
  EXPECT_EQ(bench.metrics().state_entries, 3);
  EXPECT_THAT(bench.Push(JoinRowsElement({{"-U", "b", "2"}, {"+U", "b", "4"}}), 0),
              ElementsAre("-U b 2 b 8", "+U b 4 b 8"));
  EXPECT_EQ(bench.metrics().state_entries, 3);
}

// The side that has ended still learns which of its rows have a partner.
TEST(RegularJoinTest, ASideThatHasEndedIsPaddedRightly) {
  OperatorBench bench(JoinByK(plan::JoinType::kRight));
  EXPECT_THAT(bench.Push(JoinRowsElement({{"+I", "a", "7"}, {"+I", "b", "8"}}), 1),
              ElementsAre("+I - - a 7", "+I - - b 8"));
  bench.Push(Element::InputEnd(1));
  EXPECT_THAT(bench.Push(JoinRowsElement({{"+I", "a", "1"}, {"+I", "a", "2"}}), 0),
              ElementsAre("-D - - a 7", "+I a 1 a 7", "+I a 2 a 7"));
  EXPECT_THAT(bench.Push(JoinRowsElement({{"-D", "a", "1"}}), 0), ElementsAre("-D a 1 a 7"));
  EXPECT_THAT(bench.Push(JoinRowsElement({{"-D", "a", "2"}}), 0),
              ElementsAre("-D a 2 a 7", "+I - - a 7"));
  EXPECT_EQ(bench.metrics().state_entries, 2);
}

TEST(RegularJoinTest, ASideWhoseOtherOneHasEndedIsPaddedAtOnce) {
  OperatorBench bench(JoinByK(plan::JoinType::kLeft));
  bench.Push(JoinRowsElement({{"+I", "a", "7"}}), 1);
  bench.Push(Element::InputEnd(1));
  EXPECT_THAT(
      bench.Push(JoinRowsElement({{"+I", "a", "1"}, {"+I", "b", "2"}, {"-D", "b", "2"}}), 0),
      ElementsAre("+I a 1 a 7", "+I b 2 - -", "-D b 2 - -"));
  EXPECT_EQ(bench.metrics().state_entries, 1);
}

// However often its key comes.
TEST(RegularJoinTest, ARowGoesWhenItsOwnTimeIsOver) {
  OperatorBench bench(JoinByK(plan::JoinType::kInner, 1000));
  bench.Push(JoinRowsElement({{"+I", "a", "1"}}), 0);
  bench.Wait(std::chrono::milliseconds(700));
  bench.Push(JoinRowsElement({{"+I", "a", "2"}}), 0);
  bench.Wait(std::chrono::milliseconds(700));
  EXPECT_THAT(bench.Push(JoinRowsElement({{"+I", "a", "7"}}), 1), ElementsAre("+I a 2 a 7"));
}

TEST(RegularJoinTest, AKeyOfWhichAllRowsAreOverGoes) {
  OperatorBench bench(JoinByK(plan::JoinType::kLeft, 1000));
  bench.Push(JoinRowsElement({{"+I", "a", "1"}}), 0);
  bench.Wait(std::chrono::milliseconds(950));
  // The match renews the row, as any write does.
  EXPECT_THAT(bench.Push(JoinRowsElement({{"+I", "a", "7"}}), 1),
              ElementsAre("-D a 1 - -", "+I a 1 a 7"));
  bench.Wait(std::chrono::milliseconds(950));
  EXPECT_THAT(bench.Push(JoinRowsElement({{"+I", "a", "8"}}), 1), ElementsAre("+I a 1 a 8"));
  bench.Wait(std::chrono::milliseconds(1500));
  EXPECT_THAT(bench.Push(JoinRowsElement({{"+I", "a", "9"}}), 1), IsEmpty());
  EXPECT_EQ(bench.metrics().state_entries, 1);
}

}  // namespace
}  // namespace mainstem::process

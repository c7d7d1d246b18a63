#include "process/operator/rank.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/operator/operator_test_support.h"

namespace mainstem::process {
namespace {

using optest::MakeBatch;
using optest::OperatorBench;
using ::testing::ElementsAre;

struct RankedInput : plan::PlanNode {
  RankedInput() : PlanNode(plan::NodeKind::kValues) {
    columns = {{"k", LogicalType::String()},
               {"id", LogicalType::BigInt()},
               {"points", LogicalType::BigInt()},
               {"note", LogicalType::BigInt()}};
  }
};

TEST(RankTest, CountsTheMemoryOfRowsThatStayInTheirPlace) {
  plan::RankNode node;
  node.inputs = {std::make_shared<RankedInput>()};
  node.columns = node.inputs[0]->columns;
  node.strategy = plan::RankStrategy::kUpdate;
  node.partition = {0};
  node.row_key = {1};
  node.order = {{.column = 2}};
  node.end = 2;
  node.changelog.update_before = false;
  OperatorBench bench(std::make_unique<RankOperator>(RankOptions(node)));
  bench.Push(Element::Batch(MakeBatch("slll", {{"+I", "a", "1", "5", "0"}})));
  const int64_t bytes = bench.metrics().state_bytes;
  for (int i = 1; i <= 20; ++i) {
    const std::string note = std::to_string(i);
    EXPECT_THAT(bench.Push(Element::Batch(MakeBatch("slll", {{"+U", "a", "1", "5", note}}))),
                ElementsAre("+U a 1 5 " + note));
  }
  EXPECT_LT(bench.metrics().state_bytes, 10'000);
  EXPECT_EQ(bench.metrics().state_bytes, bytes);
}

}  // namespace
}  // namespace mainstem::process

#include "process/operator/changelog_normalize.h"

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

struct None : plan::PlanNode {
  None() : PlanNode(plan::NodeKind::kValues) {}
};

// Over (k STRING, v BIGINT), of which k is the key.
std::unique_ptr<Operator> Normalize(bool update_before = true) {
  plan::RankNode node;
  node.strategy = plan::RankStrategy::kNewest;
  node.partition = {0};
  node.columns = {{"k", LogicalType::String()}, {"v", LogicalType::BigInt()}};
  node.changelog = {.update_before = update_before, .update_after = true, .deletes = true};
  auto input = std::make_shared<None>();
  input->columns = node.columns;
  node.inputs = {input};
  return std::make_unique<ChangelogNormalizeOperator>(node);
}

Element NormalizedRows(const std::vector<std::vector<std::string>>& rows) {
  return Element::Batch(MakeBatch("sl", rows));
}

TEST(ChangelogNormalizeTest, TellsWhatWasBefore) {
  OperatorBench bench(Normalize());
  EXPECT_THAT(bench.Push(NormalizedRows({{"+U", "a", "1"}, {"+U", "b", "1"}, {"+U", "a", "2"}})),
              ElementsAre("+I a 1", "+I b 1", "-U a 1", "+U a 2"));
  EXPECT_THAT(bench.Push(NormalizedRows({{"-D", "a", "-"}, {"+I", "b", "5"}})),
              ElementsAre("-D a 2", "-U b 1", "+U b 5"));
}

TEST(ChangelogNormalizeTest, AKeyThatComesBackIsNew) {
  OperatorBench bench(Normalize());
  EXPECT_THAT(bench.Push(NormalizedRows(
                  {{"+U", "a", "1"}, {"-D", "a", "-"}, {"-D", "a", "-"}, {"+U", "a", "2"}})),
              ElementsAre("+I a 1", "-D a 1", "+I a 2"));
  EXPECT_EQ(bench.metrics().state_entries, 1);
  EXPECT_THAT(bench.Push(NormalizedRows({{"-D", "a", "-"}})), ElementsAre("-D a 2"));
  EXPECT_EQ(bench.metrics().state_entries, 0);
  EXPECT_THAT(bench.Push(NormalizedRows({{"-D", "a", "-"}})), IsEmpty());
}

TEST(ChangelogNormalizeTest, TheSameRowAgainChangesNothing) {
  OperatorBench bench(Normalize());
  bench.Push(NormalizedRows({{"+U", "a", "1"}}));
  EXPECT_THAT(bench.Push(NormalizedRows({{"+U", "a", "1"}, {"-U", "a", "1"}})), IsEmpty());
}

TEST(ChangelogNormalizeTest, LeavesOldRowsOutWhereNobodyWantsThem) {
  OperatorBench bench(Normalize(false));
  EXPECT_THAT(bench.Push(NormalizedRows({{"+U", "a", "1"}, {"+U", "a", "2"}, {"-D", "a", "-"}})),
              ElementsAre("+I a 1", "+U a 2", "-D a 2"));
}

TEST(ChangelogNormalizeTest, GoesOnFromACheckpoint) {
  auto factory = MakeMemoryStateBackendFactory();
  {
    OperatorBench bench(Normalize(), {}, {}, factory.get());
    bench.Push(NormalizedRows({{"+U", "a", "1"}, {"+U", "b", "2"}, {"-D", "b", "-"}}));
    bench.Checkpoint("/one");
  }
  OperatorBench bench(Normalize(), {}, {"/one"}, factory.get());
  EXPECT_THAT(bench.Push(NormalizedRows({{"+U", "a", "3"}, {"+U", "b", "4"}})),
              ElementsAre("-U a 1", "+U a 3", "+I b 4"));
}

}  // namespace
}  // namespace mainstem::process

#include "process/checkpoint/state_match.h"

#include <gtest/gtest.h>

namespace mainstem::process {
namespace {

using Named = CheckpointManifest::Name;
using Partners = std::map<std::string, std::string>;

Named Count(std::string id, uint64_t upstream, std::string sinks) {
  return {std::move(id), "GroupAggregate(keys=[k], select=[COUNT(*)])", "k INT", upstream,
          std::move(sinks)};
}

TEST(StateMatchTest, FindsAnOwnerWhereverItStandsInThePlan) {
  EXPECT_EQ(MatchNames({Count("3", 1, "a")}, {Count("7", 2, "b")}), (Partners{{"3", "7"}}));
}

TEST(StateMatchTest, PrefersWhatReadsTheSameOverWhatLeadsToTheSame) {
  // Two counts over different filters change places.
  const Partners found = MatchNames({Count("1", 10, "a"), Count("2", 20, "b")},
                                    {Count("1", 20, "a"), Count("2", 10, "b")});
  EXPECT_EQ(found, (Partners{{"1", "2"}, {"2", "1"}}));
}

TEST(StateMatchTest, GoesByTheTablesWhereFiltersHaveChanged) {
  const Partners found = MatchNames({Count("1", 10, "a"), Count("2", 20, "b")},
                                    {Count("5", 11, "b"), Count("6", 21, "a")});
  EXPECT_EQ(found, (Partners{{"1", "6"}, {"2", "5"}}));
}

TEST(StateMatchTest, LeavesWhatIsAmbiguous) {
  const Partners found = MatchNames({Count("1", 10, "a"), Count("2", 20, "b")},
                                    {Count("5", 11, "c"), Count("6", 21, "d")});
  EXPECT_TRUE(found.empty());
  // One of two has gone: which one can't be told.
  EXPECT_TRUE(
      MatchNames({Count("1", 10, "a"), Count("2", 20, "b")}, {Count("5", 11, "c")}).empty());
}

TEST(StateMatchTest, TakesThoseAlikeInEverythingInTheirOrder) {
  const Partners found = MatchNames({Count("1", 10, "a"), Count("2", 10, "a")},
                                    {Count("3", 10, "a"), Count("4", 10, "a")});
  EXPECT_EQ(found, (Partners{{"1", "3"}, {"2", "4"}}));
}

CheckpointManifest Manifest() {
  CheckpointManifest manifest;
  manifest.state_names = {Count("1", 10, "a"), {"2", "Rank(x)", "v INT", 10, "a"}};
  manifest.source_names = {{"scan-1", "source t (kafka)", "", 0, "a"}};
  manifest.operators = {{"1", {"one"}}, {"2", {"two"}}, {"9", {"a sink's"}}};
  manifest.states = {{"v1-0", {"0", "1", "2"}}};
  manifest.splits = {{.node_id = "scan-1", .split_id = "t/0", .position = "5"}};
  return manifest;
}

TEST(StateMatchTest, RefusesStateThatNobodyTakesOverAndNamesIt) {
  const StateNames sources = {{"scan-2", "source t (kafka)", "", 0, "a"}};
  const StateNames states = {Count("4", 10, "a"), {"5", "Rank(x)", "v BIGINT", 10, "a"}};
  const Status status = FitManifest(Manifest(), states, sources, {.what = "savepoint /s"}).status();
  EXPECT_TRUE(Is(status, ErrorCode::kInvalidArgument));
  const ErrorText text = TextOf(status);
  EXPECT_EQ(text.detail, "Rank(x) (its columns were [v INT], now they are [v BIGINT])");
  EXPECT_NE(text.hint.find("execution.state-recovery.ignore-unclaimed-state"), std::string::npos);
}

TEST(StateMatchTest, LeavesOutWhatNobodyTakesOverWhenThatIsFine) {
  const StateNames sources = {{"scan-2", "source t (kafka)", "", 0, "a"}};
  const FittedManifest fitted = FitManifest(Manifest(), {Count("4", 10, "a")}, sources,
                                            {.what = "savepoint /s", .ignore_unclaimed = true})
                                    .ValueOrDie();
  EXPECT_EQ(fitted.operator_before, (Partners{{"4", "1"}}));
  ASSERT_EQ(fitted.manifest.operators.size(), 1u);
  EXPECT_EQ(fitted.manifest.operators[0].node_id, "4");
  EXPECT_EQ(fitted.manifest.states[0].node_ids, std::vector<std::string>{"4"});
  EXPECT_EQ(fitted.manifest.splits[0].node_id, "scan-2");
}

TEST(StateMatchTest, RefusesPositionsOfASourceThatIsGone) {
  const Status status =
      FitManifest(Manifest(), Manifest().state_names, {{"scan-1", "source u (kafka)", "", 0, "a"}},
                  {.what = "savepoint /s"})
          .status();
  EXPECT_EQ(TextOf(status).detail, "source t (kafka)");
}

}  // namespace
}  // namespace mainstem::process

#include "process/operator/match_progress.h"

#include <gtest/gtest.h>

namespace mainstem::process {
namespace {

// Feeds letters to the automaton: a row fits a variable when `fits` says so. Gives the matches as
// text: "0:AAB" is one that begins with row 0.
class Feeder {
 public:
  explicit Feeder(const plan::MatchNode& node) : node_(node), automaton_(node) {}

  Status Feed(const std::string& rows) {
    for (const char row : rows) {
      const int64_t id = progress_.next_id();
      progress_.Expire(id, node_.within_ms);
      RETURN_IF_ERROR(Take());
      progress_.rows.push_back({id, {}});
      std::vector<MatchState> states = std::move(progress_.partial);
      progress_.partial.clear();
      states.push_back(automaton_.Begin(id, id));
      const auto fits = [&](const MatchState&, size_t element) {
        const std::string& variable = node_.pattern[element].variable;
        return variable == "X" || row == variable[0] || row == '*';
      };
      for (const MatchState& state : states) {
        automaton_.Step(state, fits, &progress_.partial, &progress_.completed);
      }
      RETURN_IF_ERROR(Take());
    }
    return Status::OK();
  }
  std::vector<std::string> matches;
  MatchProgress& progress() { return progress_; }

 private:
  Status Take() {
    std::vector<MatchState> found;
    RETURN_IF_ERROR(automaton_.TakeMatches(&progress_, &found));
    for (const MatchState& match : found) {
      std::string variables;
      for (size_t i = 0; i < match.counts.size(); ++i) {
        variables +=
            std::string(static_cast<size_t>(match.counts[i]), node_.pattern[i].variable[0]);
      }
      matches.push_back(std::to_string(match.start_id) + ":" + variables);
    }
    return Status::OK();
  }

  plan::MatchNode node_;
  MatchAutomaton automaton_;
  MatchProgress progress_;
};

plan::MatchNode Pattern(std::vector<plan::PatternElement> pattern, plan::MatchSkip skip) {
  plan::MatchNode node;
  node.pattern = std::move(pattern);
  node.skip = skip;
  return node;
}

using Matches = std::vector<std::string>;

TEST(MatchAutomaton, TakesRowsThatFollowEachOther) {
  Feeder feeder(Pattern({{"A"}, {"B"}}, plan::MatchSkip::kPastLastRow));
  ASSERT_TRUE(feeder.Feed("ABAABCBA").ok());
  EXPECT_EQ(feeder.matches, (Matches{"0:AB", "3:AB"}));
}

TEST(MatchAutomaton, GreedyVariablesTakeWhatFitsThem) {
  Feeder feeder(Pattern({{"A", 1, -1, true}, {"B"}}, plan::MatchSkip::kPastLastRow));
  // '*' fits both: a greedy A takes it, and the match ends at the plain B.
  ASSERT_TRUE(feeder.Feed("A*AB").ok());
  EXPECT_EQ(feeder.matches, (Matches{"0:AAAB"}));
}

TEST(MatchAutomaton, ReluctantVariablesLetTheNextOneTryFirst) {
  Feeder feeder(Pattern({{"A", 1, -1, false}, {"B"}}, plan::MatchSkip::kPastLastRow));
  ASSERT_TRUE(feeder.Feed("A*AB").ok());
  EXPECT_EQ(feeder.matches, (Matches{"0:AB", "2:AB"}));
}

TEST(MatchAutomaton, SkipsToTheNextRowFindOverlappingMatches) {
  Feeder feeder(Pattern({{"A", 1, -1, true}, {"B"}}, plan::MatchSkip::kToNextRow));
  ASSERT_TRUE(feeder.Feed("AAAB").ok());
  EXPECT_EQ(feeder.matches, (Matches{"0:AAAB", "1:AAB", "2:AB"}));
}

TEST(MatchAutomaton, AMatchWaitsForPartialOnesThatBeganEarlier) {
  // From row 0 on the pattern needs three A; row 1 is done first, but may be skipped.
  Feeder feeder(
      Pattern({{"A", 0, 2, false}, {"B", 1, 1}, {"C", 0, 1}}, plan::MatchSkip::kPastLastRow));
  ASSERT_TRUE(feeder.Feed("AAB").ok());
  EXPECT_EQ(feeder.matches, (Matches{"0:AAB"}));
  EXPECT_TRUE(feeder.progress().completed.empty());
}

TEST(MatchAutomaton, WithinEndsPartialMatches) {
  plan::MatchNode node =
      Pattern({{"A"}, {"X", 0, -1, false}, {"B"}}, plan::MatchSkip::kPastLastRow);
  node.within_ms = 3;  // rows are 1 ms apart
  Feeder feeder(node);
  ASSERT_TRUE(feeder.Feed("ACCBACB").ok());
  EXPECT_EQ(feeder.matches, (Matches{"4:AXB"}));
}

TEST(MatchAutomaton, RefusesToSkipToTheFirstRowOfAMatch) {
  plan::MatchNode node = Pattern({{"A"}, {"B"}}, plan::MatchSkip::kToFirst);
  node.skip_element = 0;
  Feeder feeder(node);
  const Status status = feeder.Feed("AB");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(CodeOf(status), ErrorCode::kEvaluationError);
}

TEST(MatchAutomaton, ForgetsRowsThatNoMatchNeeds) {
  Feeder feeder(Pattern({{"A"}, {"B"}}, plan::MatchSkip::kPastLastRow));
  ASSERT_TRUE(feeder.Feed("CCCCA").ok());
  feeder.progress().DropRowsBefore(feeder.progress().NeededFrom());
  EXPECT_EQ(feeder.progress().rows.size(), 1u);
  EXPECT_EQ(feeder.progress().first_id, 4);
}

}  // namespace
}  // namespace mainstem::process

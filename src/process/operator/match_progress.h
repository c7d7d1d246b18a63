// The automaton of MATCH_RECOGNIZE for the rows of one partition, one after the other. Rows are
// numbered; all that a partial match needs to know is where it began and how many rows in a row it
// gave to each variable. What is tried, what a greedy quantifier leaves out, and which matches are
// dropped after one is found, is as in Flink's CEP library. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "core/status.h"
#include "process/plan/match_node.h"

namespace mainstem::process {

struct MatchState {
  int64_t start_id = 0;         // of its first row
  int64_t start_time_ms = 0;    // of that row
  uint32_t element = 0;         // of the pattern: where it is
  std::vector<int32_t> counts;  // of each element: its rows; they follow each other
  int64_t row_count() const;
  // Where the rows of an element begin.
  int64_t BeginOf(size_t index) const;
};

struct MatchProgress {
  struct Row {
    int64_t time_ms = 0;
    std::string bytes;
  };
  int64_t first_id = 0;               // of rows.front()
  std::deque<Row> rows;               // that some partial match may still need
  std::vector<MatchState> partial;    // by start, ascending
  std::vector<MatchState> completed;  // that wait for a partial match that began earlier
  int64_t next_id() const { return first_id + static_cast<int64_t>(rows.size()); }
  // The first row that is still needed; next_id() if none is.
  int64_t NeededFrom() const;
  void DropRowsBefore(int64_t id);
  // Ends partial matches that may take no row of this time any more (WITHIN).
  void Expire(int64_t time_ms, int64_t within_ms);
};

class MatchAutomaton {
 public:
  // Whether the row at hand can be of an element, as the next row of the match.
  using Test = std::function<bool(const MatchState& state, size_t element)>;

  explicit MatchAutomaton(const plan::MatchNode& node)
      : pattern_(node.pattern), skip_(node.skip), skip_element_(node.skip_element) {}

  // A match that begins with the row `id`.
  MatchState Begin(int64_t id, int64_t time_ms) const;
  // Calls `visit` for each element that `state` may give the next row to; visits more than it will
  // try when a greedy one takes the row.
  void VisitElements(const MatchState& state, const std::function<void(size_t)>& visit) const;
  // What becomes of `state` with the next row.
  void Step(const MatchState& state, const Test& test, std::vector<MatchState>* partial,
            std::vector<MatchState>* found) const;
  // Takes the matches that are due out of `progress`: those that no partial match began before.
  // EvaluationError when AFTER MATCH SKIP has nowhere to go.
  Status TakeMatches(MatchProgress* progress, std::vector<MatchState>* matches) const;

 private:
  bool IsFinal(const MatchState& state) const;
  bool HasNext(const MatchState& state) const;
  // Matches that began before this row are dropped.
  Result<int64_t> SkipTo(const MatchState& match) const;

  std::vector<plan::PatternElement> pattern_;
  plan::MatchSkip skip_;
  int skip_element_;
};

}  // namespace mainstem::process

// Top-N and deduplication out of numbered rows, and how each is to be run.
#pragma once

#include <optional>

#include "process/plan/ordered_nodes.h"

namespace mainstem::process::plan {

// Filters on ROW_NUMBER() OVER (..) become Rank nodes. A condition that the others leave out
// stays a filter. Whether there is a new one.
bool FormRanks(Plan* plan);
// Whether `predicate`, over the output of `node`, bounds the number of rows that are numbered
// there, below projections and filters.
bool BoundsNumber(const PlanNode& node, const ExprPtr& predicate);

// Sets `strategy` and `row_key` by what the input sends, which must be known.
void DecideStrategy(RankNode* rank);

// The columns of a node's output that are the bounds of the windows its rows belong to.
struct WindowBounds {
  int start = -1;
  int end = -1;
  bool is_local = false;  // in the session's time zone
};
std::optional<WindowBounds> WindowBoundsOf(const PlanNode& node);

}  // namespace mainstem::process::plan

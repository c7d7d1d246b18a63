// Rewrites a bound plan into a cheaper one with the same results: projections merged, filters below
// projections, window functions fused with their aggregates, columns (and fields of ROW columns)
// nobody asks for left out down to the scan. Also gives nodes their ids. Pure.
#pragma once

#include "process/plan/logical_plan.h"

namespace mainstem::process::plan {

void Optimize(Plan* plan);

// The single rules, in the order in which Optimize applies them.
void SimplifyProjections(Plan* plan);
void FuseWindows(Plan* plan);
void PruneColumns(Plan* plan);
void NarrowRows(Plan* plan);
void AssignIds(Plan* plan);

}  // namespace mainstem::process::plan

// Rewrites a bound plan into a cheaper one with the same results: projections merged, filters below
// projections and into joins, equal keys of joins found, window functions fused with their
// aggregates, columns (and fields of ROW columns) nobody asks for left out down to the scan. Also
// gives nodes their ids. Pure.
#pragma once

#include "process/expr/function_registry.h"
#include "process/plan/logical_plan.h"
#include "process/sql/diagnostic.h"

namespace mainstem::process::plan {

// SemanticError where a join takes away a time that a window above it needs. `source` is for that.
Status Optimize(Plan* plan, const FunctionRegistry& functions, const sql::SourceText& source);

// The single rules, in the order in which Optimize applies them.
void SimplifyProjections(Plan* plan);
// Whether a condition got into a join, or below one.
bool PlanJoins(Plan* plan);
void FuseWindows(Plan* plan);
Status ExpandSessions(Plan* plan, const FunctionRegistry& functions);
void PruneColumns(Plan* plan);
void NarrowRows(Plan* plan);
void AssignIds(Plan* plan);

// What a join that pads with NULLs makes of its inputs' columns.
void MakeJoinNullable(JoinType type, size_t left_count, Columns* columns);

}  // namespace mainstem::process::plan

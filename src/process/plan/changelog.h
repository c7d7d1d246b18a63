// Which row kinds travel on each edge of a plan, which keys identify rows, and whether each sink
// can take what reaches it. Fills PlanNode::upsert_keys and ::changelog, AggregateCall's
// needs_retract and SinkNode::materialize.
#pragma once

#include "core/status.h"
#include "process/plan/logical_plan.h"
#include "process/plan/settings.h"
#include "process/sql/source_text.h"

namespace mainstem::process::plan {

// SemanticError, at the sink's name in `source`, for a sink that cannot take its input.
Status InferChangelog(Plan* plan, const Settings& settings, const sql::SourceText& source);

}  // namespace mainstem::process::plan

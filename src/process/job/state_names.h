// Names the operators of a graph that keep state, and its sources, by what they are: by these names
// a savepoint finds them in another plan (checkpoint/state_match.h).
#pragma once

#include "process/job/job_graph.h"
#include "process/plan/logical_plan.h"

namespace mainstem::process {

// Fills in names and fingerprint. `graph` was built from `plan`.
void NameStates(const plan::Plan& plan, JobGraph* graph);

}  // namespace mainstem::process

// Calls an API destination with what a rule takes of its bus: each event at least once, one call at
// a time, each with an id that is the same for every try. Events whose call has failed wait by
// themselves, up to a hundred, while others go on; their places are committed with the reader's.
// Home shard; calls run on a thread of the task's own.
#pragma once

#include "gateway/events/rules/rule_task.h"

namespace mainstem::gateway::events {

// Cancelled, it ends when the one call that has begun has an answer or no time left, at most 5
// seconds, with what was done committed.
std::unique_ptr<aws::StandingTask> MakeApiTask(RuleTaskParts parts, EventTaker taker,
                                               Target target);

}  // namespace mainstem::gateway::events

// What /metrics tells of topics and jobs: looked at when a scrape comes, not counted on the way.
// The names stand in docs/admin-api.md. Pure.
#pragma once

#include "core/metrics.h"
#include "process/job/job_description.h"
#include "server/admin/topic_sampler.h"

namespace mainstem::server {

// `into` is of this scrape alone: what is gone by the next one is not told any more.
void AddTopics(const NodeSample& sample, Metrics* into);
// With its operators and sinks. `now_ms`: for how far a watermark lies behind.
void AddJob(const process::JobDescription& job, int64_t now_ms, Metrics* into);

}  // namespace mainstem::server

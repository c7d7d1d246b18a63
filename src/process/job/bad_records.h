// The table options that say what happens with records that can't be decoded ('scan.bad-records')
// and rows that a destination refuses ('sink.bad-records'), and how many of them are borne
// ('...max'). Read when a job's graph is made.
#pragma once

#include <string>

#include "connector/table.h"
#include "process/operator/source_feed.h"

namespace mainstem::process {

// Of a sink that says nothing: a destination that refuses more than this does not fit the query.
inline constexpr int64_t kRefusedRowsMax = 1000;

// kInvalidConfig, naming table and option, for what is none of fail, skip and quarantine.
Result<RejectPolicy> RejectPolicyOf(const connector::TableDescriptor& table,
                                    const std::string& option, RejectPolicy fallback);
// kInvalidConfig unless it is a whole number from 0.
Result<int64_t> RejectedMaxOf(const connector::TableDescriptor& table, const std::string& option,
                              int64_t fallback);

}  // namespace mainstem::process

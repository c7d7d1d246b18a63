// The table options that say what happens with records that can't be decoded ('scan.bad-records')
// and rows that a destination refuses ('sink.bad-records'), and how many of them are borne
// ('...max'). Read when a job's graph is made.
#pragma once

#include <string>

#include "connector/table.h"
#include "process/operator/reject_rule.h"

namespace mainstem::process {

// Of a sink that says nothing: a destination that refuses more than this does not fit the query.
inline constexpr int64_t kRefusedRowsMax = 1000;

// What `option` and `option`.max say, `fallback` where they don't. kInvalidConfig, naming table and
// option, for a policy that is none of fail, skip and quarantine, or a limit that is no whole
// number from 0.
Result<RejectRule> RejectRuleOf(const connector::TableDescriptor& table, const std::string& option,
                                RejectRule fallback);

}  // namespace mainstem::process

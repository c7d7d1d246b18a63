// The topics that a job makes in the log. For itself: one for each sink outside, and one for what
// could not be decoded or delivered. Made when they are needed; removed with the job, but for the
// quarantine, which is the user's to look at and to delete.
#pragma once

#include <string>
#include <string_view>

#include "storage/log.h"

namespace mainstem::process {

// "<prefix><job>[.<rest>]"; characters that a topic's name may not hold become '-'.
std::string JobTopicName(std::string_view prefix, const std::string& job, const std::string& rest);

// Partition 0 takes the job's bad records, one record each: the original bytes (or the row as
// text), with the headers origin, stage ("decode", "deliver") and cause.
std::string QuarantineTopicName(const std::string& job);

// The topic of that name, without limits of retention when it has to be made. Any shard.
Task<storage::TopicInfo> FindOrMakeJobTopic(storage::Log* log, std::string name,
                                            int partition_count);

// The topic of the setting 'mainstem.late-rows.topic'; one that is made keeps the last 256 MiB.
// InvalidConfig for one that is compacted: late rows have no key. Any shard.
Task<storage::TopicInfo> FindOrMakeLateRowsTopic(storage::Log* log, std::string name);

}  // namespace mainstem::process

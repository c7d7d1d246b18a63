// Records of a topic as `mainstem consume TOPIC --json` prints them, put into a log again: the same
// partitions, keys, values, headers and times, at offsets of their own.
#pragma once

#include <string>

#include "sqltest/fixture.h"
#include "storage/log.h"

namespace mainstem::sqltest {

// Whether every line is such a record.
Status CheckTopicRecords(const Fixture& fixture);

// Makes the topic with the partitions that the records name. `log` outlives the task.
Task<> FillTopic(storage::Log* log, std::string topic, std::shared_ptr<const Fixture> fixture);

}  // namespace mainstem::sqltest

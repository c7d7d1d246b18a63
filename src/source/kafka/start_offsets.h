// Where reading of each partition begins and ends, from the scan options. Private to kafka.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "connector/options.h"
#include "source/kafka/kafka_topics.h"

namespace mainstem::source {

struct ScanBoundary {
  enum class Mode : uint8_t { kGroup, kEarliest, kLatest, kTimestamp, kSpecific, kNone };
  Mode mode = Mode::kNone;
  int64_t timestamp_ms = 0;
  std::map<int32_t, Offset> offsets;  // by partition
};

// `prefix`: 'scan.startup' or 'scan.bounded'.
ScanBoundary ReadStartBoundary(connector::TableOptions* options);
ScanBoundary ReadEndBoundary(connector::TableOptions* options);

struct BoundaryContext {
  KafkaTopics* topics = nullptr;
  std::string table;  // for messages
  std::string group;
  std::string reset;  // auto.offset.reset: earliest, latest, none
};
// `groups` lives until the task has ended.
Task<Offset> ResolveStart(BoundaryContext context, ScanBoundary boundary, PartitionName partition,
                          const GroupOffsets* groups);
// nullopt: never ends.
Task<std::optional<Offset>> ResolveEnd(BoundaryContext context, ScanBoundary boundary,
                                       PartitionName partition, const GroupOffsets* groups);

}  // namespace mainstem::source

// Finds events of a group in order of time, as GetLogEvents and FilterLogEvents answer them: a page
// at a time, of bounded memory and work. Home shard.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/logging.h"
#include "gateway/aws/visit_batch.h"
#include "gateway/logs/filter_pattern.h"
#include "gateway/logs/log_event.h"
#include "gateway/logs/log_group.h"
#include "storage/log.h"

namespace mainstem::gateway::logs {

// Amazon's of an answer: messages, and 26 bytes an event.
inline constexpr int64_t kPageBytes = 1 << 20;
inline constexpr int64_t kEventOverhead = 26;
// And ours: what the answer takes as JSON, with names of streams and escapes.
inline constexpr int64_t kAnswerBytes = 4 << 20;
// No event that is put is longer; a Kafka client's are cut here.
inline constexpr size_t kMessageBytesMax = kPageBytes - kEventOverhead;

struct EventQuery {
  int64_t begin_ms = INT64_MIN;
  int64_t end_ms = INT64_MAX;  // does not belong to it
  // The newest first; the page itself is in order of time all the same.
  bool backwards = false;
  std::optional<EventPosition> beyond{};  // only what lies behind it, in the query's direction
  size_t limit = 10'000;
  // Both empty: all streams of the group.
  std::set<std::string, std::less<>> streams{};
  std::string stream_prefix{};
  FilterPattern* pattern = nullptr;  // null: every event
  // A page ends when so much was read, whatever was found.
  size_t scan_bytes = 64 << 20;
};

struct FoundEvent {
  EventPosition position;
  int64_t ingestion_ms = 0;
  std::string stream;
  std::string message;
};

struct EventPage {
  std::vector<FoundEvent> events;
  // At most what the events take in an answer. More than kAnswerBytes only of a single event.
  int64_t answer_bytes = 0;
  // Where the next page goes on; nothing when this one is the last.
  std::optional<EventPosition> resume;
};

// Both: `topic` is the group's. The group must be held by the caller.
// Takes what has come since the last call into the group's zones and its streams' times. Batches
// that can't be decoded are logged, once until the node starts again.
Task<> CatchUp(storage::Log* log, Logger logger, storage::TopicInfo topic, LogGroupPtr group);
// Catches up first. kUnknownTopicId when the topic is deleted meanwhile.
Task<EventPage> FindEvents(storage::Log* log, Logger logger, storage::TopicInfo topic,
                           LogGroupPtr group, EventQuery query);

using aws::kUnpackedBytesMax;
using aws::TakeRecord;
using aws::VisitBatch;
using aws::VisitedBatch;
// Calls `take` with every record from `from` to before `to`, and `open_batch` (may be empty) before
// those of each batch; yields between batches.
struct BatchExtent {
  Offset begin;
  Offset end;
  size_t bytes = 0;
};
struct RecordVisitor {
  std::function<void(const BatchExtent& batch)> open_batch{};
  TakeRecord take;
  std::function<void(Offset log_start)> jump{};      // retention took what is before; may be empty
  std::function<void(const Status& broken)> skip{};  // of the batch that is open; may be empty
};
Task<> VisitRecords(storage::Log* log, storage::TopicPartition partition, Offset from, Offset to,
                    RecordVisitor visitor);

}  // namespace mainstem::gateway::logs

// Writes the events of one request: chooses partitions, builds one append per partition, and waits
// until all are durable.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/http/event_body.h"
#include "storage/log.h"

namespace mainstem::gateway::http {

struct EventWrite {
  storage::TopicInfo topic;
  std::vector<Event> events;       // values must live until the write ends
  std::optional<std::string> key;  // for events without a key of their own
  int64_t timestamp_ms = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<PartitionId> partition;  // nothing: by key, else in turn
  size_t batch_bytes = 0;
};

struct WrittenRange {
  PartitionId partition;
  Offset base_offset;
  int64_t count = 0;
};

// Remembers where the last request without a key went: each goes whole to the next partition. One
// executor; borrows the log.
class EventWriter {
 public:
  explicit EventWriter(storage::Log* log) : log_(log) {}
  // Events of one partition keep their order and get consecutive offsets. Sorted by partition.
  Task<std::vector<WrittenRange>> Write(EventWrite write);

 private:
  PartitionId Choose(const EventWrite& write, const Event& event, PartitionId turn) const;

  storage::Log* log_;
  uint32_t next_turn_ = 0;
};

}  // namespace mainstem::gateway::http

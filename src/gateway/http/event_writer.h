// Writes the events of one request in two steps: chooses partitions and builds their batches, which
// tells whether the topic takes them; then appends them and waits until all are durable.
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
  std::vector<Event> events;
  std::optional<std::string> key;  // for events without a key of their own
  int64_t timestamp_ms = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<PartitionId> partition;  // nothing: by key, else in turn
  size_t batch_bytes = 0;
};

// What one partition gets.
struct PartitionWrite {
  std::vector<std::byte> batches;
  int64_t count = 0;
};
using PreparedWrite = std::map<PartitionId, PartitionWrite>;

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
  // Copies the events. kMessageTooLarge when the topic does not take one of them. Events of a
  // partition keep their order.
  Result<PreparedWrite> Prepare(const EventWrite& write, const storage::TopicInfo& topic);
  // Events of one partition get consecutive offsets. Sorted by partition.
  Task<std::vector<WrittenRange>> Write(storage::TopicId topic, PreparedWrite write);

 private:
  storage::Log* log_;
  uint32_t next_turn_ = 0;
};

}  // namespace mainstem::gateway::http

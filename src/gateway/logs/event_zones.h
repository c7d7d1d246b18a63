// What times and which streams lie where in a group's topic, so that a search reads little: the
// partition is cut into zones of about a MiB, each with the least and the greatest time of its
// events. Taken from the log itself when somebody first asks, and kept up as it grows; of bounded
// size, because neighbours are joined when there are many. Plain values; the home shard.
#pragma once

#include <bitset>
#include <cstdint>
#include <string_view>
#include <vector>

#include "storage/log.h"

namespace mainstem::gateway::logs {

struct EventZone {
  Offset begin;
  Offset end;
  int64_t min_ms = INT64_MAX;
  int64_t max_ms = INT64_MIN;
  size_t bytes = 0;
  std::bitset<256> streams{};  // by StreamBit; a set bit may mean another stream

  bool empty() const { return min_ms > max_ms; }
};

size_t StreamBit(std::string_view stream);

class EventZones {
 public:
  // What has been taken so far ends here.
  Offset next() const { return next_; }
  const std::vector<EventZone>& zones() const { return zones_; }
  const storage::TopicId& topic_id() const { return topic_id_; }

  // Begins anew.
  void Reset(storage::TopicId topic_id);
  // Batches come in order; their events after OpenBatch.
  void OpenBatch(Offset begin, Offset end, size_t bytes);
  void AddEvent(std::string_view stream, int64_t timestamp_ms);
  // Everything before is gone.
  void Trim(Offset log_start);

 private:
  void JoinNeighbours();

  storage::TopicId topic_id_{};
  Offset next_{0};
  std::vector<EventZone> zones_;
  size_t zone_bytes_ = 1 << 20;
};

}  // namespace mainstem::gateway::logs

#include "gateway/logs/event_zones.h"

#include <algorithm>

#include "core/fnv1a.h"

namespace mainstem::gateway::logs {
namespace {

constexpr size_t kZonesMax = 4096;

void JoinZone(const EventZone& from, EventZone* into) {
  into->end = from.end;
  into->min_ms = std::min(into->min_ms, from.min_ms);
  into->max_ms = std::max(into->max_ms, from.max_ms);
  into->bytes += from.bytes;
  into->streams |= from.streams;
}

}  // namespace

size_t StreamBit(std::string_view stream) { return Fnv1a(stream) >> 7 & 255; }

void EventZones::Reset(storage::TopicId topic_id) {
  *this = EventZones();
  topic_id_ = topic_id;
}

void EventZones::OpenBatch(Offset begin, Offset end, size_t bytes) {
  if (zones_.empty() || zones_.back().bytes >= zone_bytes_) {
    if (zones_.size() == kZonesMax) JoinNeighbours();
    zones_.push_back({.begin = begin, .end = end});
  }
  zones_.back().end = end;
  zones_.back().bytes += bytes;
  next_ = end;
}

void EventZones::AddEvent(std::string_view stream, int64_t timestamp_ms) {
  EventZone& zone = zones_.back();
  zone.min_ms = std::min(zone.min_ms, timestamp_ms);
  zone.max_ms = std::max(zone.max_ms, timestamp_ms);
  zone.streams.set(StreamBit(stream));
}

void EventZones::JoinNeighbours() {
  size_t kept = 0;
  for (size_t i = 0; i < zones_.size(); i += 2, ++kept) {
    if (kept != i) zones_[kept] = zones_[i];
    if (i + 1 < zones_.size()) JoinZone(zones_[i + 1], &zones_[kept]);
  }
  zones_.resize(kept);
  zone_bytes_ *= 2;
}

void EventZones::Trim(Offset log_start) {
  next_ = std::max(next_, log_start);
  auto first = std::find_if(zones_.begin(), zones_.end(),
                            [&](const EventZone& zone) { return zone.end > log_start; });
  zones_.erase(zones_.begin(), first);
}

}  // namespace mainstem::gateway::logs

// Log groups and their streams as this node keeps them. Used on the home shard only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "core/status.h"
#include "core/sync.h"
#include "gateway/logs/event_zones.h"
#include "gateway/logs/subscription_filter.h"

namespace mainstem::gateway::logs {

inline constexpr int64_t kMillisPerDay = 86'400'000;

// What is known of events: from the log, as far as it has been read.
struct EventTimes {
  int64_t first_ms = 0;
  int64_t last_ms = 0;
  int64_t last_ingestion_ms = 0;
};

struct LogStream {
  int64_t created_ms = 0;
  // Events before it are of a stream of that name that was deleted.
  Offset begin{0};
  std::optional<EventTimes> times{};  // not kept
};

// Kept as JSON under "g/NAME".
struct GroupDefinition {
  std::string id;     // new for a group that is made again
  std::string topic;  // where its events lie
  // Another topic of that name is none of the group's. All zero: not known, because the group's
  // making was cut off, or by records of before 2026-11-29.
  storage::TopicId topic_id{};
  bool making = false;  // its topic is not known to have been made
  int64_t created_ms = 0;
  std::optional<int64_t> retention_days{};
  std::string group_class = "STANDARD";
  bool deletion_protection = false;
  std::map<std::string, std::string> tags{};
  bool operator==(const GroupDefinition&) const = default;
};
std::string EncodeGroup(const GroupDefinition& group);
Result<GroupDefinition> DecodeGroup(std::string_view text);
// Under "s/GROUP ID/NAME".
std::string EncodeStream(const LogStream& stream);
Result<LogStream> DecodeStream(std::string_view text);

struct LogGroup {
  std::string name;
  GroupDefinition definition;
  std::map<std::string, LogStream, std::less<>> streams{};
  std::map<std::string, SubscriptionFilter, std::less<>> filters{};
  EventZones zones{};
  std::shared_ptr<Event> catching_up{};  // while somebody reads what has come; tells of the end
  bool deleted = false;

  const LogStream* FindStream(std::string_view stream) const {
    auto found = streams.find(stream);
    return found == streams.end() ? nullptr : &found->second;
  }
  // Older events are gone for readers, though their segment may still be there.
  int64_t OldestMs(int64_t now_ms) const {
    return definition.retention_days ? now_ms - *definition.retention_days * kMillisPerDay
                                     : INT64_MIN;
  }
};
using LogGroupPtr = std::shared_ptr<LogGroup>;

}  // namespace mainstem::gateway::logs

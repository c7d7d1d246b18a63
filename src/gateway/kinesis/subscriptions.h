// Who is subscribed to which shard: one stream of events for each consumer and shard. A new one
// within five seconds is refused, a later one takes over. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "core/executor.h"

namespace mainstem::gateway::kinesis {

class Subscriptions {
 public:
  using Key = std::pair<std::string, int32_t>;  // consumer's ARN, shard

  // A number for the new subscription; nothing when another one is too fresh.
  std::optional<uint64_t> Begin(const Key& key, TimePoint now);
  // False when another one has taken over.
  bool IsCurrent(const Key& key, uint64_t number) const;
  void End(const Key& key, uint64_t number);

 private:
  struct Entry {
    uint64_t number = 0;
    TimePoint began;
  };
  mutable std::mutex mutex_;  // guards the rest
  std::map<Key, Entry> entries_;
  uint64_t last_number_ = 0;
};

}  // namespace mainstem::gateway::kinesis

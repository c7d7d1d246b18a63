// Offsets that were committed inside transactions which have not ended: invisible until theirs
// commits, gone when it aborts. The log keeps the same durably (storage/transactions.h). Used on
// the shard of its coordinator.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "storage/log.h"

namespace mainstem::gateway::kafka {

class PendingOffsets {
 public:
  using Key = storage::Log::OffsetKey;

  void Add(const std::string& transactional_id, const Key& key, storage::CommittedOffset offset) {
    by_transaction_[transactional_id][key] = std::move(offset);
  }
  // An offset was committed or deleted outside: what was said later counts.
  void Erase(const Key& key) {
    for (auto& [id, offsets] : by_transaction_) offsets.erase(key);
  }
  std::map<Key, storage::CommittedOffset> Take(const std::string& transactional_id) {
    auto taken = by_transaction_.extract(transactional_id);
    if (taken.empty()) return {};
    return std::move(taken.mapped());
  }
  void EraseTopic(const std::string& topic) {
    for (auto& [id, offsets] : by_transaction_) {
      std::erase_if(offsets, [&](const auto& entry) { return entry.first.topic == topic; });
    }
  }
  std::set<std::pair<std::string, PartitionId>> OfGroup(const std::string& group) const {
    std::set<std::pair<std::string, PartitionId>> partitions;
    for (const auto& [id, offsets] : by_transaction_) {
      for (auto it = offsets.lower_bound({group, "", PartitionId(INT32_MIN)});
           it != offsets.end() && it->first.group == group; ++it) {
        partitions.emplace(it->first.topic, it->first.partition);
      }
    }
    return partitions;
  }
  bool HasGroup(const std::string& group) const {
    for (const auto& [id, offsets] : by_transaction_) {
      auto first = offsets.lower_bound({group, "", PartitionId(INT32_MIN)});
      if (first != offsets.end() && first->first.group == group) return true;
    }
    return false;
  }
  std::set<std::string> Groups() const {
    std::set<std::string> groups;
    for (const auto& [id, offsets] : by_transaction_) {
      for (const auto& [key, offset] : offsets) groups.insert(key.group);
    }
    return groups;
  }

 private:
  std::map<std::string, std::map<Key, storage::CommittedOffset>> by_transaction_;
};

}  // namespace mainstem::gateway::kafka

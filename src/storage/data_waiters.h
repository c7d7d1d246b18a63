// Who waits for data in one partition, each beyond an offset of its own. They are told in the order
// in which they came, so that one seed of the simulation is one run. On the partition's shard.
#pragma once

#include <cstdint>
#include <memory>

#include <absl/container/flat_hash_map.h>

#include "core/ids.h"
#include "core/sync.h"

namespace mainstem::storage {

// Somebody who waits for data in any of several partitions, perhaps of several shards.
struct DataWaiter {
  explicit DataWaiter(Executor executor) : executor(executor), event(executor) {}
  const Executor executor;
  Event event;         // executor's thread only
  bool fired = false;  // executor's thread only
};

class DataWaiters {
 public:
  void Add(const std::shared_ptr<DataWaiter>& waiter, Offset beyond) {
    waiting_[waiter] = {beyond, ++last_number_};
  }
  void Remove(const std::shared_ptr<DataWaiter>& waiter) { waiting_.erase(waiter); }
  // Tells those whose offset lies before `end`; they are then no longer here.
  void FireBefore(Offset end);
  void FireAll();

 private:
  struct Wait {
    Offset beyond;
    uint64_t number = 0;
  };
  absl::flat_hash_map<std::shared_ptr<DataWaiter>, Wait> waiting_;
  uint64_t last_number_ = 0;
};

}  // namespace mainstem::storage

// Small texts by key that a service keeps: definitions of groups, rules, targets. In memory, and in
// a compacted topic of the log from which they are read at start. Made for what an administrator
// writes; changes are durable when they return. A table is written up to an eighth of the memory
// that all share.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/memory_budget.h"
#include "core/sync.h"
#include "storage/changes_in_turn.h"
#include "storage/log.h"

namespace mainstem::gateway::aws {

// Everything on the home shard. Borrows env, log and budget.
class RecordTable {
 public:
  using Records = std::map<std::string, std::string, std::less<>>;
  // Reads topic `topic` ("__mainstem_..."), if it is there; Write makes it. kResourceExhausted.
  static Task<std::unique_ptr<RecordTable>> Open(Env* env, storage::Log* log, MemoryBudget* budget,
                                                 std::string topic);

  const Records& records() const { return records_; }
  // Nothing erases the key.
  struct Change {
    std::string key;
    std::optional<std::string> value{};
  };
  // All or none, in the order of the calls. Once begun it is ended, whether the caller waits or
  // not. kResourceExhausted when memory is short.
  Task<> Write(std::vector<Change> changes);
  Task<> Put(std::string key, std::string value);
  Task<> Erase(std::string key);

 private:
  RecordTable(Env* env, storage::Log* log, MemoryBudget* budget, std::string topic);
  Task<> Load();
  Task<> WriteHere(std::vector<Change> changes);
  Task<> Append(const std::vector<Change>* changes);
  void Apply(const std::string& key, std::optional<std::string> value);

  Env* const env_;
  storage::Log* const log_;
  MemoryBudget* const budget_;
  const std::string topic_;
  storage::TopicPartition partition_{};  // of no topic until something is written
  Records records_;
  int64_t bytes_ = 0;
  MemoryLease memory_;
  storage::ChangesInTurn writes_;
};

}  // namespace mainstem::gateway::aws

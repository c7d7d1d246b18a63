// All tables: in memory, and in the log (stored_record_format.h), from which they are read at
// start. Reads see what is durable; writes to different items go on beside each other, those to one
// item one after the other. Tables take a part of the memory only, for all else on the node needs
// some, too: writes fill a quarter of what is shared, and what is there is loaded up to a half, so
// that a node with less memory than before can still give some back.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/env.h"
#include "core/logging.h"
#include "core/memory_budget.h"
#include "core/sync.h"
#include "gateway/dynamodb/table.h"
#include "storage/log.h"

namespace mainstem::gateway::dynamodb {

// Everything on the home shard. Borrows env, log and budget. Does not limit how long a transaction
// may wait for its items.
class Store {
 public:
  // kResourceExhausted, with the bytes, when the tables do not fit into memory. A record that can't
  // be read is told to `logger` and passed over; then nothing is erased that seems to be left over.
  static Task<std::unique_ptr<Store>> Open(Env* env, storage::Log* log, MemoryBudget* budget,
                                           Logger logger);

  // Null when there is none, or it is being deleted.
  const Table* Find(std::string_view table) const;
  const std::map<std::string, std::unique_ptr<Table>, std::less<>>& tables() const {
    return tables_;
  }

  // Creates the table, or gives it another definition. Durable when it returns. kResourceExhausted
  // when memory is short for its new indexes.
  Task<> PutTable(TableDefinition definition);
  Task<> DeleteTable(std::string table);

  struct Place {
    std::string table_id;
    ItemKey key;
    auto operator<=>(const Place&) const = default;
  };
  struct Write {
    std::string table;
    ItemKey key;
    ItemPtr item;  // null: it goes
  };
  // Says what to write, by what the items are; an error: nothing. Runs once, when nobody else
  // writes to any of the places. Must not wait.
  using Decide = std::function<Result<std::vector<Write>>()>;
  // All writes or none, durable when it returns. kResourceExhausted when memory is short; what
  // takes no more than the items before may be written even when the tables have all they may.
  Task<> WriteItems(std::vector<Place> places, Decide decide);

 private:
  Store(Env* env, storage::Log* log, MemoryBudget* budget);
  // What the log's records say, until all are read: a table's newest record may lie behind those of
  // its items.
  struct Loaded;
  enum class Share : uint8_t { kWrites, kLoading };
  Task<> Load(Loaded* loaded, Logger logger);
  Status TakeRecord(std::string_view key, std::optional<std::string_view> value, Loaded* loaded);
  // Makes tables of it; what belongs to none is of a deletion that a crash cut off, which is ended.
  Task<> TakeLoaded(Loaded* loaded);
  using Records = std::vector<std::pair<std::string, std::optional<std::string>>>;
  // As one batch.
  Task<> Append(Records records);
  Task<> Commit(std::vector<Write> writes);
  Task<> MakeTopic();
  Task<> AppendAndErase(std::string table);
  Task<> SetWithin(TableDefinition definition);
  Task<> AppendAndSet(TableDefinition definition);
  Task<> Erase(std::string table_id, std::vector<ItemKey> keys);
  // Leases what the tables and the writes on their way take; less than before always fits.
  Status FitMemory(Share share);
  int64_t MostMemory(Share share) const;
  Status FitLoaded(Loaded* loaded);
  Status TooLargeToLoad() const;
  Task<> CommitWithin(std::vector<Write> writes, Records records);
  bool AnyLocked(const std::vector<Place>& places) const;
  bool HasLocks(const std::string& table_id) const;

  Env* const env_;
  storage::Log* const log_;
  MemoryBudget* const budget_;
  const Executor home_;
  storage::TopicPartition partition_{};  // of no topic until there is a table
  std::map<std::string, std::unique_ptr<Table>, std::less<>> tables_;
  std::set<Place> locked_;
  Event unlocked_;
  MemoryLease memory_;
  int64_t pending_memory_ = 0;  // of writes that are on their way, or of what is being loaded
  int64_t pending_freed_ = 0;   // what those writes will give back
};

}  // namespace mainstem::gateway::dynamodb

// Archives of event buses: topics with a retention of their own, "archives.NAME", into which the
// events that an archive takes are copied as targets get them (rules/target_delivery.h): once each,
// through crashes. Replays put them on their bus again. Home shard only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/env.h"
#include "core/logging.h"
#include "gateway/events/bus_catalog.h"
#include "gateway/events/definition_table.h"
#include "storage/changes_in_turn.h"
#include "storage/log.h"

namespace mainstem::gateway::events {

class TargetDelivery;

// What an archive's or replay's definition says, beside the API's input.
struct ArchiveState {
  std::string bus;
  std::string topic;
  int64_t retention_days = 0;  // 0: for ever
};
Result<ArchiveState> ArchiveStateOf(const Definition& archive);

class Archives {
 public:
  struct Parts {
    Env* env;
    storage::Log* log;
    BusCatalog* buses;
    std::string account;
  };
  static Task<std::unique_ptr<Archives>> Open(Parts parts);

  const DefinitionTable& table() const { return *table_; }
  // Begins to archive; once, before the first change. Borrows the delivery.
  Task<> Start(TargetDelivery* delivery);

  // Changes come one after the other. `input`: as CreateArchive takes it, checked. Archives what
  // comes from now on; changed, it goes on where it was.
  Task<> Create(std::string name, std::string region, const aws::Value* input);
  Task<> Update(std::string name, const aws::Value* input);
  Task<> Delete(std::string name);  // of one that is not there: nothing

  // Where its events lie; the topic is made when it is not there. Nothing when there is no such
  // archive.
  Task<std::optional<storage::TopicPartition>> PartitionOf(std::string name);
  // The same, if the topic is there.
  std::optional<storage::TopicPartition> FindPartition(std::string_view name) const;

 private:
  explicit Archives(Parts parts) : parts_(std::move(parts)), changes_(parts_.env->shard(0)) {}
  Task<> StartOne(std::string name);
  Task<> CreateHere(std::string name, std::string region, const aws::Value* input);
  Task<> UpdateHere(std::string name, const aws::Value* input);
  Task<> DeleteHere(std::string name);

  const Parts parts_;
  std::unique_ptr<DefinitionTable> table_;
  TargetDelivery* delivery_ = nullptr;
  storage::ChangesInTurn changes_;
};

// The pattern of what an archive takes: `pattern` (empty: everything), but nothing that a replay
// has put. kInvalidArgument.
Result<std::string> ArchivePattern(std::string_view pattern);

}  // namespace mainstem::gateway::events

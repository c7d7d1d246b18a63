// Event buses: names for topics of one partition, "events.NAME", in which their events lie. The
// bus "default" is always there. Definitions lie in "__mainstem_event_buses"
// (gateway/aws/record_table.h). Home shard only; changes come one after the other, are ended once
// begun, and are durable when they return.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/env.h"
#include "core/logging.h"
#include "core/memory_budget.h"
#include "gateway/aws/record_table.h"
#include "storage/changes_in_turn.h"

namespace mainstem::gateway::events {

inline constexpr std::string_view kDefaultBus = "default";
// The name of the topic in which its events lie.
std::string BusTopic(std::string_view bus);

struct EventBus {
  int64_t created_ms = 0;
  int64_t modified_ms = 0;
  std::string description{};
  std::map<std::string, std::string> tags{};
  bool operator==(const EventBus&) const = default;
};
std::string EncodeBus(const EventBus& bus);
Result<EventBus> DecodeBus(std::string_view text);

class BusCatalog {
 public:
  // Borrows env and log. A bus whose record can't be read is told to `logger` and not there.
  static Task<std::unique_ptr<BusCatalog>> Open(Env* env, storage::Log* log, MemoryBudget* budget,
                                                Logger logger);

  using Buses = std::map<std::string, EventBus, std::less<>>;
  const Buses& buses() const { return buses_; }
  bool Has(std::string_view name) const { return buses_.find(name) != buses_.end(); }
  // Made when it is first asked for. kNotFound when there is no such bus.
  Task<storage::TopicPartition> PartitionOf(std::string name);

  Task<> Create(std::string name, EventBus bus);  // kAlreadyExists
  Task<> Delete(std::string name);                // of one that is not there: nothing
  using Change = std::function<Status(EventBus* bus)>;
  Task<> Update(std::string name, Change change);  // kNotFound

 private:
  BusCatalog(Env* env, storage::Log* log);
  Task<> Load(MemoryBudget* budget, Logger logger);
  Task<> CreateHere(std::string name, EventBus bus);
  Task<> DeleteHere(std::string name);
  Task<> UpdateHere(std::string name, Change change);
  Task<> MakeTopicHere(std::string name);

  Env* const env_;
  storage::Log* const log_;
  std::unique_ptr<aws::RecordTable> table_;
  Buses buses_;
  storage::ChangesInTurn changes_;
};

}  // namespace mainstem::gateway::events

// Replays: events of an archive are put on their bus again, each with "replay-name", to all its
// rules or to those that were named. A task each; its place in the archive is committed with what
// it puts (aws::CommittedReader): once each, through crashes. Home shard only.
#pragma once

#include <memory>
#include <string>

#include "core/env.h"
#include "core/logging.h"
#include "core/memory_budget.h"
#include "gateway/aws/named_tasks.h"
#include "gateway/events/archives/archives.h"

namespace mainstem::gateway::events {

class Replays {
 public:
  struct Parts {
    Env* env;
    storage::Log* log;
    MemoryBudget* budget;
    Logger logger;
    BusCatalog* buses;
    Archives* archives;
  };
  // Goes on with what a restart has interrupted.
  static Task<std::unique_ptr<Replays>> Open(Parts parts);

  const DefinitionTable& table() const { return *table_; }
  // `input`: as StartReplay takes it, checked. kAlreadyExists. Forgets those that have ended more
  // than 90 days ago, as Amazon does.
  Task<> Start(std::string name, const aws::Value* input);
  // kNotFound; kInvalidArgument when it has ended.
  Task<> Cancel(std::string name);
  Task<> Stop();

 private:
  class ReplayTask;
  explicit Replays(Parts parts);
  Status StartTask(const std::string& name);
  Task<> ForgetOld();
  // Members of the definition: "State", "EndMs", "LastMs".
  Task<> SetState(std::string name, std::string json);

  const Parts parts_;
  std::unique_ptr<DefinitionTable> table_;
  aws::NamedTasks running_;  // by name
};

// "STARTING", "RUNNING", "COMPLETED", "CANCELLED", "FAILED".
std::string ReplayStateOf(const aws::Value& definition);
bool IsReplayActive(std::string_view state);

}  // namespace mainstem::gateway::events

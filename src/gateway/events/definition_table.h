// Connections, API destinations, archives and replays as they are kept: each a JSON text under a
// name, in the log's small values (Log::PutMeta) and not in a topic, because connections hold
// secrets, which no Kafka client shall read. Home shard only; changes come one after the other and
// are durable when they return.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/env.h"
#include "gateway/aws/value.h"
#include "storage/changes_in_turn.h"
#include "storage/log.h"

namespace mainstem::gateway::events {

struct Definition {
  std::string id;  // behind the name in its ARN; new for one that is made again
  int64_t created_ms = 0;
  int64_t modified_ms = 0;
  std::string json{};  // the API's input, and what the service adds to it
};
std::string EncodeDefinition(const Definition& definition);
Result<Definition> DecodeDefinition(std::string_view text);

class DefinitionTable {
 public:
  // `prefix`: of the keys, "event-connections/". Borrows env and log.
  static Task<std::unique_ptr<DefinitionTable>> Open(Env* env, storage::Log* log,
                                                     std::string prefix);

  using Definitions = std::map<std::string, Definition, std::less<>>;
  const Definitions& definitions() const { return definitions_; }
  const Definition* Find(std::string_view name) const;

  // Gives the new definition; `now` is null where there is none. Its failure is the call's. A
  // LimitExceededException beyond 1,000 definitions, or 64 KiB of JSON.
  using Change = std::function<Result<Definition>(const Definition* now)>;
  Task<> Update(std::string name, Change change);
  Task<> Erase(std::string name);  // of one that is not there: nothing

 private:
  DefinitionTable(Env* env, storage::Log* log, std::string prefix);
  Task<> UpdateHere(std::string name, Change change);
  Task<> EraseHere(std::string name);

  storage::Log* const log_;
  const std::string prefix_;
  Definitions definitions_;
  storage::ChangesInTurn changes_;
};

}  // namespace mainstem::gateway::events

// The API destinations of the node, HTTP endpoints that rules call, and the connections that say
// who calls. Home shard only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/events/definition_table.h"

namespace mainstem::gateway::events {

// "arn:aws:events:REGION:ACCOUNT:connection/NAME/ID", ":api-destination/NAME/ID".
struct NamedArn {
  std::string name;
  std::string id;
};
std::optional<NamedArn> ParseNamedArn(std::string_view arn, std::string_view kind);

class ApiDestinations {
 public:
  static Task<std::unique_ptr<ApiDestinations>> Open(Env* env, storage::Log* log);

  DefinitionTable& connections() { return *connections_; }
  DefinitionTable& destinations() { return *destinations_; }

  // The connection that a destination's definition names; null when it is gone.
  const Definition* ConnectionOf(const aws::Value& destination) const;

  // Calls of one destination, by all its rules, begin at most so often: when the next may begin.
  TimePoint NextCall(const std::string& id, int64_t calls_per_second);

 private:
  explicit ApiDestinations(Env* env) : env_(env) {}

  Env* const env_;
  std::unique_ptr<DefinitionTable> connections_;
  std::unique_ptr<DefinitionTable> destinations_;
  std::map<std::string, TimePoint> free_at_;  // by the destination's id
};

// Amazon's default.
inline constexpr int64_t kCallsPerSecond = 300;

}  // namespace mainstem::gateway::events

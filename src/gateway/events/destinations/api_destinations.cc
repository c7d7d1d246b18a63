#include "gateway/events/destinations/api_destinations.h"

#include <algorithm>

#include <fmt/format.h>

namespace mainstem::gateway::events {

std::optional<NamedArn> ParseNamedArn(std::string_view arn, std::string_view kind) {
  std::string before = fmt::format(":{}/", kind);
  size_t begin = arn.find(before);
  if (!arn.starts_with("arn:aws") || arn.find(":events:") == std::string_view::npos ||
      begin == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view rest = arn.substr(begin + before.size());
  size_t slash = rest.find('/');
  if (slash == 0 || slash == std::string_view::npos || slash + 1 == rest.size()) {
    return std::nullopt;
  }
  return NamedArn{.name = std::string(rest.substr(0, slash)),
                  .id = std::string(rest.substr(slash + 1))};
}

Task<std::unique_ptr<ApiDestinations>> ApiDestinations::Open(Env* env, storage::Log* log) {
  auto opened = std::unique_ptr<ApiDestinations>(new ApiDestinations(env));
  CO_ASSIGN_OR_RETURN(opened->connections_,
                      co_await DefinitionTable::Open(env, log, "event-connections/"));
  CO_ASSIGN_OR_RETURN(opened->destinations_,
                      co_await DefinitionTable::Open(env, log, "event-api-destinations/"));
  co_return opened;
}

const Definition* ApiDestinations::ConnectionOf(const aws::Value& destination) const {
  auto arn = ParseNamedArn(destination["ConnectionArn"].text, "connection");
  const Definition* connection = arn ? connections_->Find(arn->name) : nullptr;
  return connection != nullptr && connection->id == arn->id ? connection : nullptr;
}

TimePoint ApiDestinations::NextCall(const std::string& id, int64_t calls_per_second) {
  TimePoint& free_at = free_at_[id];
  TimePoint begin = std::max(free_at, env_->Now());
  free_at = begin + Duration(std::chrono::seconds(1)) / calls_per_second;
  return begin;
}

}  // namespace mainstem::gateway::events

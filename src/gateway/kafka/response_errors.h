// Whether an answer tells of an error anywhere: in itself or in the parts that answers are made of.
// For counting outcomes; the parts are found by the names that Kafka's schemas give them.
#pragma once

namespace mainstem::gateway::kafka {

template <typename Part>
bool HasError(const Part& part) {
  auto any = [](const auto& parts) {
    for (const auto& one : parts) {
      if (HasError(one)) return true;
    }
    return false;
  };
  if constexpr (requires { part.error_code; }) {
    if (part.error_code != 0) return true;
  }
  if constexpr (requires { part.topics.begin(); }) {
    if (any(part.topics)) return true;
  }
  if constexpr (requires { part.partitions.begin(); }) {
    if (any(part.partitions)) return true;
  }
  if constexpr (requires { part.groups.begin(); }) {
    if (any(part.groups)) return true;
  }
  if constexpr (requires { part.results.begin(); }) {
    if (any(part.results)) return true;
  }
  if constexpr (requires { part.filter_results.begin(); }) {
    if (any(part.filter_results)) return true;
  }
  if constexpr (requires { part.entries.begin(); }) {
    if (any(part.entries)) return true;
  }
  if constexpr (requires { part.resources.begin(); }) {
    if (any(part.resources)) return true;
  }
  if constexpr (requires { part.coordinators.begin(); }) {
    if (any(part.coordinators)) return true;
  }
  return false;
}

}  // namespace mainstem::gateway::kafka

// Paths into an event, as rules' targets have them: "$", "$.detail.items[0].name",
// "$.detail['a b']", "$.resources[*]". Immutable; any thread.
// Source: EventBridge user guide, "Amazon EventBridge input transformation".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "gateway/aws/value.h"

namespace mainstem::gateway::events {

class JsonPath {
 public:
  // kInvalidArgument, saying what is wrong with it.
  static Result<JsonPath> Parse(std::string_view text);

  // What stands there, in order; none when there is nothing.
  std::vector<const aws::Value*> Find(const aws::Value& root) const;
  // As JSON: the value, or a list of the values where the path has a star. Nothing when there is
  // none.
  std::optional<std::string> FindJson(const aws::Value& root) const;

 private:
  struct Step {
    enum class Kind : uint8_t { kName, kIndex, kAll } kind = Kind::kName;
    std::string name{};
    size_t index = 0;
  };
  static Result<Step> ParseBracket(std::string_view* rest);

  std::vector<Step> steps_;
  bool has_star_ = false;
};

}  // namespace mainstem::gateway::events

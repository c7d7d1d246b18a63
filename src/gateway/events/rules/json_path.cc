#include "gateway/events/rules/json_path.h"

#include <charconv>

#include <fmt/format.h>

#include "gateway/aws/value_json.h"

namespace mainstem::gateway::events {
namespace {

using PathKind = aws::Value::Kind;

Status BadPath(std::string_view what) {
  return MakeError(ErrorCode::kInvalidArgument, fmt::format("Invalid JSON path: {}", what));
}

const aws::Value* MemberNamed(const aws::Value& object, std::string_view name) {
  if (object.kind != PathKind::kMap) return nullptr;
  // Of members with the same name the last one counts.
  for (auto it = object.members.rbegin(); it != object.members.rend(); ++it) {
    if (it->name == name) return &it->value;
  }
  return nullptr;
}

}  // namespace

Result<JsonPath> JsonPath::Parse(std::string_view text) {
  if (!text.starts_with('$')) return BadPath("it must begin with '$'");
  std::string_view rest = text.substr(1);
  JsonPath path;
  while (!rest.empty()) {
    if (rest[0] == '[') {
      ASSIGN_OR_RETURN(Step step, ParseBracket(&rest));
      path.has_star_ = path.has_star_ || step.kind == Step::Kind::kAll;
      path.steps_.push_back(std::move(step));
      continue;
    }
    if (rest[0] != '.') return BadPath("names are separated by '.'");
    rest.remove_prefix(1);
    std::string_view name = rest.substr(0, rest.find_first_of(".["));
    rest.remove_prefix(name.size());
    if (name.empty()) return BadPath("a name is empty");
    if (name.find_first_of("]'\"<>$ ") != std::string_view::npos) {
      return BadPath(fmt::format("'{}' is no name", name));
    }
    if (name == "*") path.has_star_ = true;
    path.steps_.push_back(
        {.kind = name == "*" ? Step::Kind::kAll : Step::Kind::kName, .name = std::string(name)});
  }
  return path;
}

// '[0]', '[*]', "['name']".
Result<JsonPath::Step> JsonPath::ParseBracket(std::string_view* rest) {
  rest->remove_prefix(1);
  Step step;
  if (rest->starts_with('\'')) {
    size_t end = rest->find("']", 1);
    if (end == std::string_view::npos || end == 1) return BadPath("an open '['");
    step.name = rest->substr(1, end - 1);
    rest->remove_prefix(end + 2);
    return step;
  }
  size_t end = rest->find(']');
  if (end == std::string_view::npos) return BadPath("an open '['");
  std::string_view inside = rest->substr(0, end);
  rest->remove_prefix(end + 1);
  if (inside == "*") {
    step.kind = Step::Kind::kAll;
    return step;
  }
  step.kind = Step::Kind::kIndex;
  const char* inside_end = inside.data() + inside.size();
  auto [parsed, error] = std::from_chars(inside.data(), inside_end, step.index);
  if (error != std::errc() || parsed != inside_end) {
    return BadPath(fmt::format("'[{}]' is no place", inside));
  }
  return step;
}

std::vector<const aws::Value*> JsonPath::Find(const aws::Value& root) const {
  std::vector<const aws::Value*> found{&root};
  for (const Step& step : steps_) {
    std::vector<const aws::Value*> next;
    for (const aws::Value* value : found) {
      if (step.kind == Step::Kind::kName) {
        const aws::Value* member = MemberNamed(*value, step.name);
        if (member != nullptr) next.push_back(member);
      } else if (step.kind == Step::Kind::kAll) {
        for (const aws::Member& member : value->members) next.push_back(&member.value);
      } else if (value->kind == PathKind::kList && step.index < value->members.size()) {
        next.push_back(&value->members[step.index].value);
      }
    }
    found = std::move(next);
  }
  return found;
}

std::optional<std::string> JsonPath::FindJson(const aws::Value& root) const {
  std::vector<const aws::Value*> found = Find(root);
  if (!has_star_) {
    if (found.empty()) return std::nullopt;
    return aws::ToJson(*found[0]);
  }
  std::string json = "[";
  for (const aws::Value* value : found) {
    if (json.size() > 1) json.push_back(',');
    json += aws::ToJson(*value);
  }
  return json + "]";
}

}  // namespace mainstem::gateway::events

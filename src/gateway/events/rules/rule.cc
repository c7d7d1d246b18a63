#include "gateway/events/rules/rule.h"

#include <algorithm>

#include <absl/strings/escaping.h>
#include <fmt/format.h>

#include "core/json_writer.h"
#include "gateway/aws/body_codec.h"

namespace mainstem::gateway::events {
namespace {

constexpr std::string_view kBusOfShortArns = "default";

std::string TopicIdText(const storage::TopicId& id) {
  return absl::BytesToHexString({reinterpret_cast<const char*>(id.data()), id.size()});
}

storage::TopicId TopicIdOf(std::string_view text) {
  std::string bytes = absl::HexStringToBytes({text.data(), text.size()});
  storage::TopicId id{};
  if (bytes.size() == id.size()) std::copy(bytes.begin(), bytes.end(), id.begin());
  return id;
}

}  // namespace

bool Target::IsInGap(Offset offset) const {
  return std::any_of(gaps.begin(), gaps.end(), [offset](const OffsetRange& gap) {
    return offset >= gap.begin && offset < gap.end;
  });
}

std::string EncodeRule(const Rule& rule) {
  JsonWriter json;
  json.BeginObject().Field("version", 1).Field("region", rule.region);
  json.Field("pattern", rule.pattern).Field("description", rule.description);
  if (!rule.schedule.empty()) {
    json.Field("schedule", rule.schedule).Field("schedule_id", rule.schedule_id);
    json.Field("schedule_begin_ms", rule.schedule_begin_ms);
  }
  json.Field("role_arn", rule.role_arn).Field("state", rule.state);
  json.Field("created_ms", rule.created_ms).Key("tags").BeginObject();
  for (const auto& [key, value] : rule.tags) json.Field(key, value);
  json.EndObject().Key("targets").BeginObject();
  for (const auto& [id, target] : rule.targets) {
    json.Key(id).BeginObject().Field("arn", target.arn).Field("definition", target.definition);
    json.Field("delivery_id", target.delivery_id);
    json.Field("topic_id", TopicIdText(target.topic_id)).Field("begin", target.begin.value());
    if (!target.gaps.empty()) json.Key("gaps").BeginArray();
    for (const OffsetRange& gap : target.gaps) {
      json.BeginObject().Field("begin", gap.begin.value()).Field("end", gap.end.value());
      json.EndObject();
    }
    if (!target.gaps.empty()) json.EndArray();
    json.EndObject();
  }
  json.EndObject().EndObject();
  return json.Take();
}

Result<Rule> DecodeRule(std::string_view text) {
  ASSIGN_OR_RETURN(aws::Document document,
                   aws::DecodeBody(aws::BodyCodec::kJson, std::string(text)));
  const aws::Value& root = document.root;
  if (root["version"].integer != 1) {
    return MakeError(ErrorCode::kCorruptStorage, "the record of an event rule is broken");
  }
  Rule rule{.region = std::string(root["region"].text),
            .pattern = std::string(root["pattern"].text),
            .schedule = std::string(root["schedule"].text),
            .schedule_id = std::string(root["schedule_id"].text),
            .schedule_begin_ms = root["schedule_begin_ms"].integer,
            .description = std::string(root["description"].text),
            .role_arn = std::string(root["role_arn"].text),
            .state = std::string(root["state"].text),
            .created_ms = root["created_ms"].integer};
  for (const aws::Member& tag : root["tags"].members) {
    rule.tags[std::string(tag.name)] = tag.value.text;
  }
  for (const aws::Member& member : root["targets"].members) {
    const aws::Value& target = member.value;
    Target decoded{.arn = std::string(target["arn"].text),
                   .definition = std::string(target["definition"].text),
                   .delivery_id = std::string(target["delivery_id"].text),
                   .topic_id = TopicIdOf(target["topic_id"].text),
                   .begin = Offset(std::max<int64_t>(target["begin"].integer, 0))};
    for (const aws::Member& gap : target["gaps"].members) {
      decoded.gaps.push_back(
          {.begin = Offset(gap.value["begin"].integer), .end = Offset(gap.value["end"].integer)});
    }
    rule.targets[std::string(member.name)] = std::move(decoded);
  }
  return rule;
}

std::string RuleArn(const RuleOwner& owner, const RuleKey& rule) {
  std::string bus = rule.bus == kBusOfShortArns ? std::string() : rule.bus + "/";
  return fmt::format("arn:aws:events:{}:{}:rule/{}{}", owner.region, owner.account, bus, rule.name);
}

bool ParseRuleArn(std::string_view arn, RuleKey* rule) {
  constexpr std::string_view kBefore = ":rule/";
  size_t begin = arn.find(kBefore);
  if (!arn.starts_with("arn:aws") || begin == std::string_view::npos) return false;
  std::string_view name = arn.substr(begin + kBefore.size());
  size_t slash = name.rfind('/');
  rule->bus = slash == std::string_view::npos ? kBusOfShortArns : name.substr(0, slash);
  rule->name = slash == std::string_view::npos ? name : name.substr(slash + 1);
  return !rule->name.empty();
}

}  // namespace mainstem::gateway::events

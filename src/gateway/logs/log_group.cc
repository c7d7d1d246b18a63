#include "gateway/logs/log_group.h"

#include <charconv>

#include <fmt/format.h>

#include "core/json_writer.h"
#include "gateway/aws/body_codec.h"
#include "gateway/aws/shape.h"

namespace mainstem::gateway::logs {
namespace {

using Kind = aws::Value::Kind;

Status BrokenRecord(std::string_view member) {
  return MakeError(ErrorCode::kCorruptStorage,
                   {.message = "the record of a log group or stream is broken",
                    .detail = fmt::format("'{}'", member)});
}

Result<int64_t> IntegerAt(const aws::Value& root, std::string_view name) {
  if (root[name].kind != Kind::kInteger || root[name].integer < 0) return BrokenRecord(name);
  return root[name].integer;
}

Result<std::string> TextAt(const aws::Value& root, std::string_view name) {
  if (root[name].kind != Kind::kString || root[name].text.empty()) return BrokenRecord(name);
  return std::string(root[name].text);
}

bool ParseTopicId(std::string_view text, storage::TopicId* id) {
  if (text.size() != 2 * id->size()) return false;
  for (size_t i = 0; i < id->size(); ++i) {
    const char* digits = text.data() + 2 * i;
    auto [end, error] = std::from_chars(digits, digits + 2, (*id)[i], 16);
    if (error != std::errc() || end != digits + 2) return false;
  }
  return true;
}

}  // namespace

std::string EncodeGroup(const GroupDefinition& group) {
  JsonWriter json;
  json.BeginObject().Field("version", 1).Field("id", group.id).Field("topic", group.topic);
  if (group.topic_id != storage::TopicId{}) {
    json.Field("topic_id", fmt::format("{:02x}", fmt::join(group.topic_id, "")));
  }
  if (group.making) json.Field("making", true);
  json.Field("created_ms", group.created_ms).Field("class", group.group_class);
  if (group.retention_days) json.Field("retention_days", *group.retention_days);
  json.Field("deletion_protection", group.deletion_protection).Key("tags").BeginObject();
  for (const auto& [key, value] : group.tags) json.Field(key, value);
  json.EndObject().EndObject();
  return json.Take();
}

Result<GroupDefinition> DecodeGroup(std::string_view text) {
  ASSIGN_OR_RETURN(aws::Document document,
                   aws::DecodeBody(aws::BodyCodec::kJson, std::string(text)));
  const aws::Value& root = document.root;
  GroupDefinition group;
  ASSIGN_OR_RETURN(int64_t version, IntegerAt(root, "version"));
  if (version != 1) return BrokenRecord("version");
  ASSIGN_OR_RETURN(group.id, TextAt(root, "id"));
  ASSIGN_OR_RETURN(group.topic, TextAt(root, "topic"));
  if (!root["topic_id"].is_null() && !ParseTopicId(root["topic_id"].text, &group.topic_id)) {
    return BrokenRecord("topic_id");
  }
  group.making = root["making"].boolean;
  ASSIGN_OR_RETURN(group.created_ms, IntegerAt(root, "created_ms"));
  ASSIGN_OR_RETURN(group.group_class, TextAt(root, "class"));
  if (!root["retention_days"].is_null()) {
    ASSIGN_OR_RETURN(group.retention_days, IntegerAt(root, "retention_days"));
  }
  group.deletion_protection = root["deletion_protection"].boolean;
  for (const aws::Member& tag : root["tags"].members) {
    group.tags[std::string(tag.name)] = tag.value.text;
  }
  return group;
}

std::string EncodeStream(const LogStream& stream) {
  JsonWriter json;
  json.BeginObject().Field("version", 1).Field("created_ms", stream.created_ms);
  json.Field("begin", stream.begin.value()).EndObject();
  return json.Take();
}

Result<LogStream> DecodeStream(std::string_view text) {
  ASSIGN_OR_RETURN(aws::Document document,
                   aws::DecodeBody(aws::BodyCodec::kJson, std::string(text)));
  LogStream stream;
  ASSIGN_OR_RETURN(int64_t version, IntegerAt(document.root, "version"));
  if (version != 1) return BrokenRecord("version");
  ASSIGN_OR_RETURN(stream.created_ms, IntegerAt(document.root, "created_ms"));
  ASSIGN_OR_RETURN(int64_t begin, IntegerAt(document.root, "begin"));
  stream.begin = Offset(begin);
  return stream;
}

}  // namespace mainstem::gateway::logs

#include "gateway/firehose/delivery_stream.h"

#include <fmt/format.h>

#include "core/json_writer.h"
#include "gateway/aws/body_codec.h"
#include "gateway/firehose/s3_destination.h"
#include "storage/topic_config.h"

namespace mainstem::gateway::firehose {
namespace {

constexpr std::string_view kStates[] = {"making", "active", "deleting"};

Status BrokenRecord() {
  return MakeError(ErrorCode::kCorruptStorage, "the record of a delivery stream is broken");
}

}  // namespace

std::string_view NameOf(SourceKind kind) {
  return kind == SourceKind::kDirectPut ? "DirectPut" : "KinesisStreamAsSource";
}

std::string FailedTopicOf(const DeliveryStream& stream) {
  return std::string(storage::kQuarantineTopicPrefix) + stream.job;
}

std::string TopicOf(std::string_view stream) { return fmt::format("firehose.{}", stream); }

bool HasBackupBucket(const DeliveryStream& stream) {
  return stream.destination_kind == kHttpKind || stream.destination_kind == kOpenSearchKind;
}

bool HasFailedRecords(const DeliveryStream& stream) {
  if (HasBackupBucket(stream)) return true;
  auto document = aws::DecodeBody(aws::BodyCodec::kJson, stream.destination);
  return document.ok() && IsPartitioned(document->root);
}

std::string EncodeStream(const DeliveryStream& stream) {
  JsonWriter json;
  json.BeginObject().Field("version", 1);
  json.Field("state", kStates[static_cast<size_t>(stream.state)]).Field("job", stream.job);
  json.Field("arn", stream.arn);
  json.Field("source", NameOf(stream.source)).Field("topic", stream.topic);
  json.Field("source_arn", stream.source_arn).Field("source_role_arn", stream.source_role_arn);
  json.Field("source_begin", stream.source_begin);
  json.Field("destination_version", stream.version).Field("created_ms", stream.created_ms);
  json.Field("updated_ms", stream.updated_ms).Field("destination_kind", stream.destination_kind);
  json.Field("destination", stream.destination).Key("tags").BeginObject();
  for (const auto& [key, value] : stream.tags) json.Field(key, value);
  json.EndObject().EndObject();
  return json.Take();
}

Result<DeliveryStream> DecodeStream(std::string_view text) {
  ASSIGN_OR_RETURN(aws::Document document,
                   aws::DecodeBody(aws::BodyCodec::kJson, std::string(text)));
  const aws::Value& root = document.root;
  DeliveryStream stream{.job = std::string(root["job"].text),
                        .arn = std::string(root["arn"].text),
                        .topic = std::string(root["topic"].text),
                        .source_arn = std::string(root["source_arn"].text),
                        .source_role_arn = std::string(root["source_role_arn"].text),
                        .source_begin = std::string(root["source_begin"].text),
                        .version = root["destination_version"].integer,
                        .created_ms = root["created_ms"].integer,
                        .updated_ms = root["updated_ms"].integer,
                        .destination_kind = std::string(root["destination_kind"].text),
                        .destination = std::string(root["destination"].text)};
  bool known_state = false;
  for (size_t i = 0; i < std::size(kStates); ++i) {
    if (root["state"].text != kStates[i]) continue;
    stream.state = static_cast<DeliveryStream::State>(i);
    known_state = true;
  }
  if (root["source"].text == NameOf(SourceKind::kKinesisStream)) {
    stream.source = SourceKind::kKinesisStream;
  } else if (root["source"].text != NameOf(SourceKind::kDirectPut)) {
    return BrokenRecord();
  }
  for (const aws::Member& tag : root["tags"].members) {
    stream.tags[std::string(tag.name)] = tag.value.text;
  }
  if (root["version"].integer != 1 || !known_state || stream.job.empty() || stream.topic.empty()) {
    return BrokenRecord();
  }
  return stream;
}

}  // namespace mainstem::gateway::firehose

// What a stream is set to: retention, tags, mode, the greatest record.
#include <algorithm>

#include <fmt/format.h>

#include "gateway/kinesis/consumers.h"
#include "gateway/kinesis/operations.h"
#include "gateway/kinesis/stream_tags.h"

namespace mainstem::gateway::kinesis {
namespace {

constexpr int64_t kLeastRetentionHours = 24;
constexpr int64_t kHourMillis = 3'600'000;
constexpr size_t kTagsDefault = 50;

Status CheckRetention(const Stream& stream, int64_t hours, bool increase) {
  if (hours < kLeastRetentionHours) {
    return aws::InvalidArgument(
        fmt::format("Minimum allowed retention period is 24 hours. Requested retention period ({} "
                    "hours) is too short.",
                    hours));
  }
  int64_t current = stream.retention_hours();
  if (increase ? current <= hours : current >= hours) return Status::OK();
  return aws::InvalidArgument(
      fmt::format("Requested retention period ({} hours) for stream {} can not be {} than existing "
                  "retention period ({} hours). Use {}RetentionPeriod API.",
                  hours, stream.name(), increase ? "shorter" : "longer", current,
                  increase ? "Decrease" : "Increase"));
}

Task<> SetRetention(const Context& context, aws::AwsCall* call, bool increase) {
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await FindOwnStream(context, call));
  int64_t hours = aws::IntegerOf(call->input.root["RetentionPeriodHours"]).value_or(0);
  CO_RETURN_IF_ERROR(CheckRetention(*stream, hours, increase));
  storage::TopicId id = stream->topic().id;
  stream.reset();
  storage::TopicConfig changes;
  changes["retention.ms"] = std::to_string(hours * kHourMillis);
  co_return co_await context.catalog->SetConfig(id, std::move(changes));
}

// Of TagResource and its like: a consumer's ARN means the consumer.
bool IsOfConsumer(const aws::AwsCall& call) {
  return !ParseConsumerArn(call.input.root["ResourceARN"].text).name.empty();
}

Task<> ChangeTags(const Context& context, aws::AwsCall* call, StreamPtr stream) {
  TagChange change = TagsIn(context, *call, stream->name());
  std::optional<ConsumerMeta> consumer;
  if (IsOfConsumer(*call)) {
    CO_RETURN_IF_ERROR(FindConsumer(context, *stream, call->input.root).Value(&consumer.emplace()));
  }
  storage::TopicId id = stream->topic().id;
  stream.reset();
  StreamCatalog::Change apply = [change, consumer](const Stream&, StreamMeta* meta) {
    if (!consumer) return change.Apply(&meta->tags);
    for (ConsumerMeta& known : meta->consumers) {
      if (known.IsSameRegistration(*consumer)) return change.Apply(&known.tags);
    }
    return Status::OK();  // deregistered meanwhile
  };
  co_return co_await context.catalog->Update(id, std::move(apply));
}

void WriteTag(const std::pair<const std::string, std::string>& tag, aws::BodyWriter* answer) {
  answer->BeginMap().Field("Key", tag.first).Field("Value", tag.second).EndMap();
}

}  // namespace

Task<> IncreaseStreamRetentionPeriod(const Context& context, aws::AwsCall* call) {
  return SetRetention(context, call, true);
}
Task<> DecreaseStreamRetentionPeriod(const Context& context, aws::AwsCall* call) {
  return SetRetention(context, call, false);
}

Task<> ChangeTagsOfStream(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await FindStream(context, call));
  co_return co_await ChangeTags(context, call, std::move(stream));
}

Task<> ListTagsForStream(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await FindStream(context, call));
  const auto& tags = stream->meta().tags;
  auto limit = aws::IntegerOf(input["Limit"]).value_or(kTagsDefault);
  auto it = tags.upper_bound(std::string(input["ExclusiveStartTagKey"].text));
  call->answer->BeginMap().Key("Tags").BeginList();
  for (; it != tags.end() && limit > 0; ++it, --limit) WriteTag(*it, call->answer.get());
  call->answer->EndList().Key("HasMoreTags").Boolean(it != tags.end()).EndMap();
  co_return Status::OK();
}

Task<> ListTagsForResource(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await FindStream(context, call));
  std::map<std::string, std::string> tags = stream->meta().tags;
  if (IsOfConsumer(*call)) {
    CO_ASSIGN_OR_RETURN(ConsumerMeta consumer, FindConsumer(context, *stream, call->input.root));
    tags = std::move(consumer.tags);
  }
  call->answer->BeginMap().Key("Tags").BeginList();
  for (const auto& tag : tags) WriteTag(tag, call->answer.get());
  call->answer->EndList().EndMap();
  co_return Status::OK();
}

Task<> UpdateStreamMode(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await FindStream(context, call));
  bool on_demand = call->input.root["StreamModeDetails"]["StreamMode"].text == "ON_DEMAND";
  storage::TopicId id = stream->topic().id;
  stream.reset();
  StreamCatalog::Change apply = [on_demand](const Stream&, StreamMeta* meta) {
    meta->on_demand = on_demand;
    return Status::OK();
  };
  co_return co_await context.catalog->Update(id, std::move(apply));
}

Task<> UpdateMaxRecordSize(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await FindOwnStream(context, call));
  auto kib =
      static_cast<int32_t>(aws::IntegerOf(call->input.root["MaxRecordSizeInKiB"]).value_or(0));
  storage::TopicId id = stream->topic().id;
  stream.reset();
  // The topic takes what the stream allows, at any moment in between.
  storage::TopicConfig changes;
  changes["max.message.bytes"] = std::to_string(BatchBytesFor(kib));
  CO_RETURN_IF_ERROR(co_await context.catalog->SetConfig(id, std::move(changes)));
  StreamCatalog::Change apply = [kib](const Stream&, StreamMeta* meta) {
    meta->record_kib_max = kib;
    return Status::OK();
  };
  co_return co_await context.catalog->Update(id, std::move(apply));
}

Task<> DescribeLimits(const Context& context, aws::AwsCall* call) {
  constexpr int64_t kNoLimit = 1'000'000;
  int64_t open = 0;
  int64_t on_demand = 0;
  std::vector<storage::TopicInfo> topics = context.catalog->List();
  for (const storage::TopicInfo& topic : topics) {
    CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await context.catalog->Find(topic.id));
    if (!stream) continue;
    open += static_cast<int64_t>(stream->open_count());
    on_demand += stream->meta().on_demand ? 1 : 0;
  }
  call->answer->BeginMap().Key("ShardLimit").Integer(kNoLimit);
  call->answer->Key("OpenShardCount").Integer(open);
  call->answer->Key("OnDemandStreamCount").Integer(on_demand);
  call->answer->Key("OnDemandStreamCountLimit").Integer(kNoLimit).EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::kinesis

// Streams: making, deleting, describing, listing.
#include <algorithm>

#include <fmt/format.h>

#include "gateway/kinesis/operations.h"
#include "gateway/kinesis/stream_tags.h"

namespace mainstem::gateway::kinesis {
namespace {

constexpr int32_t kOnDemandShards = 4;
constexpr int64_t kDescribeDefault = 100;
constexpr int64_t kListStreamsDefault = 100;

// "arn:aws:kinesis:us-east-1:000000000000:stream/NAME" and a consumer's, which goes on behind it.
std::string NameOfArn(std::string_view arn) {
  constexpr std::string_view kBefore = ":stream/";
  size_t begin = arn.find(kBefore);
  if (begin == std::string_view::npos) return {};
  std::string_view name = arn.substr(begin + kBefore.size());
  return std::string(name.substr(0, name.find('/')));
}

std::string_view StatusOf(const Stream& stream) {
  return stream.is_updating() ? "UPDATING" : "ACTIVE";
}

void WriteMode(const Stream& stream, aws::BodyWriter* answer) {
  answer->Key("StreamModeDetails").BeginMap();
  answer->Field("StreamMode", stream.meta().on_demand ? "ON_DEMAND" : "PROVISIONED").EndMap();
}

// What DescribeStream and DescribeStreamSummary both tell.
void WriteDescription(const Context& context, const aws::AwsCall& call, const Stream& stream,
                      aws::BodyWriter* answer) {
  answer->Field("StreamName", stream.name());
  answer->Field("StreamARN", StreamArn(context, call, stream.name()));
  answer->Field("StreamStatus", StatusOf(stream));
  WriteMode(stream, answer);
  answer->Key("RetentionPeriodHours").Integer(stream.retention_hours());
  answer->Key("StreamCreationTimestamp").Time(stream.meta().created_ms);
  answer->Key("EnhancedMonitoring").BeginList().BeginMap();
  answer->Key("ShardLevelMetrics").BeginList().EndList().EndMap().EndList();
  answer->Field("EncryptionType", "NONE");
}

Result<int32_t> WantedShards(const aws::Value& input, bool on_demand) {
  auto count = aws::IntegerOf(input["ShardCount"]);
  if (on_demand) {
    if (!count) return kOnDemandShards;
    return aws::MakeAwsError("ValidationException",
                             "ShardCount must not be set when creating a stream in ON_DEMAND mode");
  }
  if (count) return static_cast<int32_t>(*count);
  return aws::MakeAwsError("ValidationException",
                           "1 validation error detected: Value null at 'shardCount' failed to "
                           "satisfy constraint: Member must not be null");
}

}  // namespace

std::string StreamArn(const Context& context, const aws::AwsCall& call, const std::string& name) {
  return fmt::format("arn:aws:kinesis:{}:{}:stream/{}", call.region, context.account, name);
}

Status StreamNotFound(const Context& context, std::string_view name) {
  return aws::MakeAwsError(
      "ResourceNotFoundException",
      fmt::format("Stream {} under account {} not found.", name, context.account));
}

Status RateExceeded(const Context& context, const Stream& stream, const Shard& shard) {
  return aws::MakeAwsError("ProvisionedThroughputExceededException",
                           fmt::format("Rate exceeded for shard {} in stream {} under account {}.",
                                       shard.name(), stream.name(), context.account));
}

Task<StreamPtr> FindStream(const Context& context, const aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  std::string name(input["StreamName"].text);
  for (std::string_view member : {"StreamARN", "ResourceARN", "ConsumerARN"}) {
    std::string of_arn = NameOfArn(input[member].text);
    if (!name.empty() && !of_arn.empty() && of_arn != name) {
      co_return aws::InvalidArgument(
          fmt::format("The request names two streams: {} and, in {}, {}.", name, member, of_arn));
    }
    if (name.empty()) name = std::move(of_arn);
  }
  if (name.empty() && !input["StreamId"].is_null()) {
    co_return StreamNotFound(context, input["StreamId"].text);
  }
  if (name.empty()) {
    co_return aws::InvalidArgument("Either StreamName or StreamARN should be provided.");
  }
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await context.catalog->Find(name));
  if (!stream) co_return StreamNotFound(context, name);
  co_return stream;
}

Task<StreamPtr> FindOwnStream(const Context& context, const aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await FindStream(context, call));
  if (!context.find_owner) co_return stream;
  storage::TopicInfo topic = stream->topic();
  CO_ASSIGN_OR_RETURN(std::string owner, co_await context.find_owner(std::move(topic)));
  if (owner.empty()) co_return stream;
  co_return aws::MakeAwsError(
      "ResourceInUseException",
      fmt::format("Stream {} under account {} belongs to {}: it can be read, and is changed and "
                  "deleted there.",
                  stream->name(), context.account, owner));
}

void WriteHashKeyRange(const HashKeyRange& range, aws::BodyWriter* answer) {
  answer->Key("HashKeyRange").BeginMap();
  answer->Field("StartingHashKey", FormatHashKey(range.first));
  answer->Field("EndingHashKey", FormatHashKey(range.last)).EndMap();
}

void WriteShard(const Shard& shard, aws::BodyWriter* answer) {
  answer->BeginMap().Field("ShardId", shard.name());
  if (shard.meta.parent) answer->Field("ParentShardId", ShardName(*shard.meta.parent));
  if (shard.meta.adjacent) answer->Field("AdjacentParentShardId", ShardName(*shard.meta.adjacent));
  WriteHashKeyRange(shard.meta.range, answer);
  answer->Key("SequenceNumberRange").BeginMap();
  answer->Field("StartingSequenceNumber", shard.SequenceAt(kFirstIndex));
  if (shard.closed()) answer->Field("EndingSequenceNumber", shard.SequenceAt(kLastIndex));
  answer->EndMap().EndMap();
}

Task<> CreateStream(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  NewStream stream{.name = std::string(input["StreamName"].text)};
  stream.meta.on_demand = input["StreamModeDetails"]["StreamMode"].text == "ON_DEMAND";
  CO_ASSIGN_OR_RETURN(stream.shard_count, WantedShards(input, stream.meta.on_demand));
  auto record_kib = aws::IntegerOf(input["MaxRecordSizeInKiB"]);
  if (record_kib) stream.meta.record_kib_max = static_cast<int32_t>(*record_kib);
  CO_RETURN_IF_ERROR(TagsIn(context, *call, stream.name).Apply(&stream.meta.tags));
  std::string name = stream.name;
  if (name.starts_with("__")) {
    co_return aws::InvalidArgument(
        fmt::format("Stream name {} is reserved: names that begin with __ are internal.", name));
  }
  Status created = co_await context.catalog->Create(std::move(stream));
  if (Is(created, ErrorCode::kAlreadyExists)) {
    co_return aws::MakeAwsError(
        "ResourceInUseException",
        fmt::format("Stream {} under account {} already exists.", name, context.account));
  }
  if (Is(created, ErrorCode::kInvalidTopic) || Is(created, ErrorCode::kInvalidPartitions)) {
    co_return aws::InvalidArgument(TextOf(created).message);
  }
  co_return created;
}

Task<> DeleteStream(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await FindOwnStream(context, call));
  if (!stream->meta().consumers.empty() && !call->input.root["EnforceConsumerDeletion"].boolean) {
    co_return aws::MakeAwsError(
        "ResourceInUseException",
        fmt::format("Stream {} under account {} has active consumers; deregister them, or set "
                    "EnforceConsumerDeletion.",
                    stream->name(), context.account));
  }
  std::string name = stream->name();
  storage::TopicId id = stream->topic().id;
  stream.reset();
  Status deleted = co_await context.catalog->Delete(id);
  if (Is(deleted, ErrorCode::kUnknownTopicId)) co_return StreamNotFound(context, name);
  co_return deleted;
}

Task<> DescribeStream(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await FindStream(context, call));
  auto limit = static_cast<size_t>(aws::IntegerOf(input["Limit"]).value_or(kDescribeDefault));
  std::string after(input["ExclusiveStartShardId"].text);
  int64_t now_ms = context.NowMs();
  aws::BodyWriter* answer = call->answer.get();
  answer->BeginMap().Key("StreamDescription").BeginMap();
  WriteDescription(context, *call, *stream, answer);
  answer->Key("Shards").BeginList();
  size_t count = 0;
  bool more = false;
  for (const Shard& shard : stream->shards()) {
    if (stream->IsExpired(shard, now_ms) || (!after.empty() && shard.name() <= after)) continue;
    more = count == limit;
    if (more) break;
    WriteShard(shard, answer);
    ++count;
  }
  answer->EndList().Key("HasMoreShards").Boolean(more).EndMap().EndMap();
  co_return Status::OK();
}

Task<> DescribeStreamSummary(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await FindStream(context, call));
  aws::BodyWriter* answer = call->answer.get();
  answer->BeginMap().Key("StreamDescriptionSummary").BeginMap();
  WriteDescription(context, *call, *stream, answer);
  answer->Key("OpenShardCount").Integer(static_cast<int64_t>(stream->open_count()));
  answer->Key("ConsumerCount").Integer(static_cast<int64_t>(stream->meta().consumers.size()));
  answer->Key("MaxRecordSizeInKiB").Integer(stream->meta().record_kib_max);
  answer->EndMap().EndMap();
  co_return Status::OK();
}

Task<> ListStreams(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  auto limit = static_cast<size_t>(aws::IntegerOf(input["Limit"]).value_or(kListStreamsDefault));
  // The token is the name to go on after.
  std::string after(input["ExclusiveStartStreamName"].text);
  if (!input["NextToken"].is_null()) after = input["NextToken"].text;
  std::vector<storage::TopicInfo> topics = context.catalog->List();
  auto begin = std::upper_bound(
      topics.begin(), topics.end(), after,
      [](const std::string& name, const storage::TopicInfo& topic) { return name < topic.name; });
  size_t count = std::min(limit, static_cast<size_t>(topics.end() - begin));
  bool more = begin + static_cast<std::ptrdiff_t>(count) != topics.end();
  aws::BodyWriter* answer = call->answer.get();
  answer->BeginMap().Key("StreamNames").BeginList();
  for (size_t i = 0; i < count; ++i) answer->String(begin[static_cast<std::ptrdiff_t>(i)].name);
  answer->EndList().Key("HasMoreStreams").Boolean(more);
  if (more) answer->Field("NextToken", begin[static_cast<std::ptrdiff_t>(count - 1)].name);
  answer->Key("StreamSummaries").BeginList();
  for (size_t i = 0; i < count; ++i) {
    std::string name = begin[static_cast<std::ptrdiff_t>(i)].name;
    CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await context.catalog->Find(name));
    if (!stream) continue;  // deleted meanwhile
    answer->BeginMap().Field("StreamName", name);
    answer->Field("StreamARN", StreamArn(context, *call, name));
    answer->Field("StreamStatus", StatusOf(*stream));
    WriteMode(*stream, answer);
    answer->Key("StreamCreationTimestamp").Time(stream->meta().created_ms).EndMap();
  }
  answer->EndList().EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::kinesis

// CreateDeliveryStream, DeleteDeliveryStream, DescribeDeliveryStream, ListDeliveryStreams,
// UpdateDestination.
#include <fmt/format.h>

#include "gateway/aws/value_json.h"
#include "gateway/firehose/backup_bucket.h"
#include "gateway/firehose/http_destination.h"
#include "gateway/firehose/opensearch_destination.h"
#include "gateway/firehose/operations.h"
#include "gateway/firehose/s3_destination.h"

namespace mainstem::gateway::firehose {
namespace {

using aws::Value;

constexpr std::string_view kDestinationId = "destinationId-000000000001";
constexpr size_t kDestinationBytesMax = 64 << 10;
constexpr int64_t kListedStreams = 10;

// Of a configuration, and of its update; in the order in which Amazon prefers them.
struct DestinationKind {
  std::string_view configuration;
  std::string_view update;
};
constexpr DestinationKind kDestinationKinds[] = {
    {"ExtendedS3DestinationConfiguration", "ExtendedS3DestinationUpdate"},
    {"S3DestinationConfiguration", "S3DestinationUpdate"},
    {kHttpKind, "HttpEndpointDestinationUpdate"},
    {kOpenSearchKind, "AmazonopensearchserviceDestinationUpdate"}};
constexpr std::string_view kDestinationsElsewhere[] = {
    "Redshift", "Elasticsearch", "AmazonOpenSearchServerless", "Splunk", "Snowflake", "Iceberg"};

// Those that a destination of this kind can become: the two of S3 are one.
std::string_view FamilyOf(std::string_view kind) {
  return kind == kHttpKind || kind == kOpenSearchKind ? kind : "S3";
}

std::string ArnOf(const Context& context, const aws::AwsCall& call, std::string_view name) {
  return fmt::format("arn:aws:firehose:{}:{}:deliverystream/{}", call.region, context.account,
                     name);
}

std::string NameIn(const aws::AwsCall& call) {
  return std::string(call.input.root["DeliveryStreamName"].text);
}

// What there is in the input of these; at most one may be.
Result<const DestinationKind*> DestinationIn(const Value& input, bool is_update) {
  const std::string_view suffix = is_update ? "DestinationUpdate" : "DestinationConfiguration";
  for (std::string_view elsewhere : kDestinationsElsewhere) {
    if (input[fmt::format("{}{}", elsewhere, suffix)].is_null()) continue;
    return aws::InvalidArgument(fmt::format("{}{} is not available here.", elsewhere, suffix));
  }
  const DestinationKind* found = nullptr;
  for (const DestinationKind& kind : kDestinationKinds) {
    if (input[is_update ? kind.update : kind.configuration].is_null()) continue;
    if (found != nullptr) {
      return aws::InvalidArgument(
          "Exactly one destination configuration is supported for a "
          "Firehose");
    }
    found = &kind;
  }
  if (found != nullptr) return found;
  return aws::InvalidArgument("Exactly one destination configuration is supported for a Firehose");
}

Status CheckDestinationSize(const std::string& destination) {
  if (destination.size() <= kDestinationBytesMax) return Status::OK();
  return aws::InvalidArgument("The configuration of a destination may have at most 64 KiB.");
}

// Sets what is read: a Kinesis stream from where it ends now.
Task<> SetSource(const Context& context, const Value* input, DeliveryStream* stream) {
  const std::string_view type = (*input)["DeliveryStreamType"].text;
  const Value& kinesis = (*input)["KinesisStreamSourceConfiguration"];
  if (type == "MSKAsSource" || type == "DatabaseAsSource") {
    co_return aws::InvalidArgument(fmt::format("{} is not available here.", type));
  }
  const bool is_kinesis = type == NameOf(SourceKind::kKinesisStream);
  if (is_kinesis == kinesis.is_null()) {
    co_return aws::InvalidArgument(
        "KinesisStreamSourceConfiguration is to be given with KinesisStreamAsSource, and only "
        "then.");
  }
  if (!is_kinesis) co_return Status::OK();
  stream->source = SourceKind::kKinesisStream;
  stream->source_arn = kinesis["KinesisStreamARN"].text;
  stream->source_role_arn = kinesis["RoleARN"].text;
  stream->topic = stream->source_arn.substr(stream->source_arn.rfind('/') + 1);
  auto topic = context.log->FindTopic(stream->topic);
  if (!topic || stream->topic.starts_with("__")) {  // internal ones are no streams
    co_return aws::MakeAwsError(
        "ResourceNotFoundException",
        fmt::format("Stream {} under account {} not found.", stream->topic, context.account));
  }
  for (int32_t i = 0; i < topic->partition_count; ++i) {
    storage::TopicPartition partition{.topic_id = topic->id, .partition = PartitionId(i)};
    CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets,
                        co_await context.log->Offsets(partition));
    if (!stream->source_begin.empty()) stream->source_begin += ";";
    stream->source_begin +=
        fmt::format("partition:{},offset:{}", i, offsets.high_watermark.value());
  }
  co_return Status::OK();
}

void WriteSource(const DeliveryStream& stream, aws::BodyWriter* answer) {
  if (stream.source != SourceKind::kKinesisStream) return;
  answer->Key("Source").BeginMap().Key("KinesisStreamSourceDescription").BeginMap();
  answer->Field("KinesisStreamARN", stream.source_arn).Field("RoleARN", stream.source_role_arn);
  answer->Key("DeliveryStartTimestamp").Time(stream.created_ms).EndMap().EndMap();
}

Status WriteDestination(const DeliveryStream& stream, aws::BodyWriter* answer) {
  ASSIGN_OR_RETURN(aws::Document document,
                   aws::DecodeBody(aws::BodyCodec::kJson, stream.destination));
  answer->BeginMap().Field("DestinationId", kDestinationId);
  if (stream.destination_kind == kHttpKind) {
    answer->Key("HttpEndpointDestinationDescription").BeginMap();
    DescribeHttp(document.root, answer);
    answer->EndMap().EndMap();
    return Status::OK();
  }
  if (stream.destination_kind == kOpenSearchKind) {
    answer->Key("AmazonopensearchserviceDestinationDescription").BeginMap();
    DescribeOpenSearch(document.root, answer);
    answer->EndMap().EndMap();
    return Status::OK();
  }
  answer->Key("S3DestinationDescription").BeginMap();
  DescribeS3(document.root, {}, answer);
  answer->EndMap().Key("ExtendedS3DestinationDescription").BeginMap();
  DescribeS3(document.root, {.extended = true}, answer);
  answer->EndMap().EndMap();
  return Status::OK();
}

}  // namespace

Result<const DeliveryStream*> FindStream(const Context& context, const aws::AwsCall& call) {
  const DeliveryStream* stream = context.catalog->Find(NameIn(call));
  if (stream != nullptr) return stream;
  return ToldOfStream(context, call, MakeError(ErrorCode::kNotFound, "there is none"));
}

Status ToldOfStream(const Context& context, const aws::AwsCall& call, Status outcome) {
  if (Is(outcome, ErrorCode::kNotFound)) {
    return aws::MakeAwsError(
        "ResourceNotFoundException",
        fmt::format("Firehose {} under account {} not found.", NameIn(call), context.account));
  }
  if (Is(outcome, ErrorCode::kAlreadyExists)) {
    return aws::MakeAwsError("ResourceInUseException",
                             fmt::format("Firehose {} under accountId {} already exists: {}",
                                         NameIn(call), context.account, TextOf(outcome).message));
  }
  return outcome;
}

Task<> CreateDeliveryStream(const Context& context, aws::AwsCall* call) {
  const Value& input = call->input.root;
  if (!input["DeliveryStreamEncryptionConfigurationInput"].is_null()) {
    co_return aws::InvalidArgument("Encryption of a delivery stream is not available here.");
  }
  CO_ASSIGN_OR_RETURN(const DestinationKind* kind, DestinationIn(input, false));
  const std::string name = NameIn(*call);
  DeliveryStream stream{.arn = ArnOf(context, *call, name),
                        .created_ms = context.NowMs(),
                        .destination_kind = std::string(kind->configuration),
                        .destination = aws::ToJson(input[kind->configuration])};
  CO_RETURN_IF_ERROR(CheckDestinationSize(stream.destination));
  CO_RETURN_IF_ERROR(AddTags(input, &stream.tags));
  CO_RETURN_IF_ERROR(co_await SetSource(context, &input, &stream));
  Status created = co_await context.catalog->Create(name, std::move(stream));
  CO_RETURN_IF_ERROR(ToldOfStream(context, *call, std::move(created)));
  call->answer->BeginMap().Field("DeliveryStreamARN", ArnOf(context, *call, name)).EndMap();
  co_return Status::OK();
}

Task<> DeleteDeliveryStream(const Context& context, aws::AwsCall* call) {
  Status deleted = co_await context.catalog->Delete(NameIn(*call));
  if (deleted.ok()) call->answer->BeginMap().EndMap();
  co_return ToldOfStream(context, *call, std::move(deleted));
}

Task<> DescribeDeliveryStream(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(const DeliveryStream* stream, FindStream(context, *call));
  const std::string name = NameIn(*call);
  aws::BodyWriter* answer = call->answer.get();
  answer->BeginMap().Key("DeliveryStreamDescription").BeginMap();
  answer->Field("DeliveryStreamName", name);
  answer->Field("DeliveryStreamARN", ArnOf(context, *call, name));
  answer->Field("DeliveryStreamStatus", "ACTIVE");
  answer->Field("DeliveryStreamType", NameOf(stream->source));
  answer->Field("VersionId", std::to_string(stream->version));
  answer->Key("CreateTimestamp").Time(stream->created_ms);
  if (stream->updated_ms != 0) answer->Key("LastUpdateTimestamp").Time(stream->updated_ms);
  answer->Key("DeliveryStreamEncryptionConfiguration").BeginMap();
  answer->Field("Status", "DISABLED").EndMap();
  WriteSource(*stream, answer);
  answer->Key("Destinations").BeginList();
  if (call->input.root["ExclusiveStartDestinationId"].text != kDestinationId) {
    CO_RETURN_IF_ERROR(WriteDestination(*stream, answer));
  }
  answer->EndList().Key("HasMoreDestinations").Boolean(false).EndMap().EndMap();
  co_return Status::OK();
}

Task<> ListDeliveryStreams(const Context& context, aws::AwsCall* call) {
  const Value& input = call->input.root;
  int64_t left = aws::IntegerOf(input["Limit"]).value_or(kListedStreams);
  const std::string_view type = input["DeliveryStreamType"].text;
  const auto& streams = context.catalog->streams();
  bool more = false;
  call->answer->BeginMap().Key("DeliveryStreamNames").BeginList();
  for (auto it = streams.upper_bound(input["ExclusiveStartDeliveryStreamName"].text);
       it != streams.end() && !more; ++it) {
    if (!type.empty() && type != NameOf(it->second.source)) continue;
    more = left-- == 0;
    if (!more) call->answer->String(it->first);
  }
  call->answer->EndList().Key("HasMoreDeliveryStreams").Boolean(more).EndMap();
  co_return Status::OK();
}

Task<> UpdateDestination(const Context& context, aws::AwsCall* call) {
  const Value& input = call->input.root;
  CO_RETURN_IF_ERROR(FindStream(context, *call));
  CO_ASSIGN_OR_RETURN(const DestinationKind* kind, DestinationIn(input, true));
  if (input["DestinationId"].text != kDestinationId) {
    co_return aws::InvalidArgument(
        fmt::format("Destination Id {} not found.", input["DestinationId"].text));
  }
  StreamCatalog::Change change = [&input, kind](DeliveryStream* stream) -> Status {
    const std::string_view given = input["CurrentDeliveryStreamVersionId"].text;
    if (given != std::to_string(stream->version)) {
      return aws::MakeAwsError(
          "ConcurrentModificationException",
          fmt::format("Cannot update firehose: {} since the current version id: {} and specified "
                      "version id: {} do not match.",
                      input["DeliveryStreamName"].text, stream->version, given));
    }
    if (FamilyOf(kind->configuration) != FamilyOf(stream->destination_kind)) {
      return aws::InvalidArgument("A destination can't become one of another kind here.");
    }
    const Value& update = input[kind->update];
    const bool had_failed = HasFailedRecords(*stream);
    ASSIGN_OR_RETURN(stream->destination, HasBackupBucket(*stream)
                                              ? MergedWithBucket(stream->destination, update)
                                              : aws::MergedJson(stream->destination, update));
    if (HasFailedRecords(*stream) != had_failed) {
      return aws::InvalidArgument("Dynamic partitioning can't be turned on or off.");
    }
    return CheckDestinationSize(stream->destination);
  };
  Status updated = co_await context.catalog->Update(NameIn(*call), std::move(change));
  if (updated.ok()) call->answer->BeginMap().EndMap();
  co_return ToldOfStream(context, *call, std::move(updated));
}

}  // namespace mainstem::gateway::firehose

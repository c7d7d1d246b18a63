// PutRecord and PutRecordBatch: records of the stream's topic, without a key. The answer waits
// until all are flushed.
#include <fmt/format.h>

#include "gateway/firehose/operations.h"
#include "storage/batch_builder.h"

namespace mainstem::gateway::firehose {
namespace {

// Of one record batch; more become several batches of one append.
constexpr size_t kPutBatchBytes = 512u << 10;
constexpr int64_t kPutBytesMax = 4 << 20;

struct PutTarget {
  storage::TopicPartition partition;
  std::string id_prefix;  // of the ids of its records
};

Result<PutTarget> FindTarget(const Context& context, const aws::AwsCall& call) {
  ASSIGN_OR_RETURN(const DeliveryStream* stream, FindStream(context, call));
  if (stream->source != SourceKind::kDirectPut) {
    return aws::InvalidArgument(fmt::format(
        "This operation is not permitted on {} delivery stream type.", NameOf(stream->source)));
  }
  auto topic = context.log->FindTopic(stream->topic);
  if (!topic) {
    return MakeError(ErrorCode::kUnavailable,
                     fmt::format("topic {} of the delivery stream was deleted", stream->topic));
  }
  return PutTarget{.partition = {.topic_id = topic->id, .partition = PartitionId(0)},
                   .id_prefix = stream->job.substr(stream->job.size() - 8)};
}

// The place of the first one.
Task<Offset> PutAll(const Context& context, storage::TopicPartition partition,
                    std::vector<std::string_view> records) {
  int64_t bytes = 0;
  for (std::string_view data : records) bytes += static_cast<int64_t>(data.size());
  // As records, and as batches.
  MemoryLease lease = context.budget->TryLease(2 * bytes + (64 << 10));
  if (lease.bytes() == 0) {
    co_return MakeError(ErrorCode::kResourceExhausted,
                        "Service is temporarily unavailable. Slow down.");
  }
  storage::BatchBuilder builder;
  std::vector<std::byte> batches;
  const int64_t now_ms = context.NowMs();
  for (std::string_view data : records) {
    CO_RETURN_IF_ERROR(builder.AddOnto(&batches, kPutBatchBytes, now_ms, std::nullopt, data));
  }
  CO_RETURN_IF_ERROR(builder.BuildOnto(&batches));
  CO_ASSIGN_OR_RETURN(storage::AppendResult appended,
                      co_await context.log->Append(partition, batches, {}));
  context.counters.records_in->Increment(static_cast<double>(records.size()));
  context.counters.bytes_in->Increment(static_cast<double>(bytes));
  co_return appended.base_offset;
}

std::string RecordIdOf(const PutTarget& target, Offset first, size_t index) {
  return fmt::format("{}{:020}", target.id_prefix, first.value() + static_cast<int64_t>(index));
}

}  // namespace

Task<> PutRecord(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(PutTarget target, FindTarget(context, *call));
  std::vector<std::string_view> records{call->input.root["Record"]["Data"].text};
  CO_ASSIGN_OR_RETURN(Offset first, co_await PutAll(context, target.partition, std::move(records)));
  call->answer->BeginMap().Field("RecordId", RecordIdOf(target, first, 0));
  call->answer->Key("Encrypted").Boolean(false).EndMap();
  co_return Status::OK();
}

Task<> PutRecordBatch(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(PutTarget target, FindTarget(context, *call));
  std::vector<std::string_view> records;
  int64_t bytes = 0;
  for (const aws::Member& record : call->input.root["Records"].members) {
    records.push_back(record.value["Data"].text);
    bytes += static_cast<int64_t>(records.back().size());
  }
  if (bytes > kPutBytesMax) {
    co_return aws::InvalidArgument("Records size exceeds 4 MB limit");
  }
  const size_t count = records.size();
  CO_ASSIGN_OR_RETURN(Offset first, co_await PutAll(context, target.partition, std::move(records)));
  call->answer->BeginMap().Key("FailedPutCount").Integer(0).Key("Encrypted").Boolean(false);
  call->answer->Key("RequestResponses").BeginList();
  for (size_t i = 0; i < count; ++i) {
    call->answer->BeginMap().Field("RecordId", RecordIdOf(target, first, i)).EndMap();
  }
  call->answer->EndList().EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::firehose

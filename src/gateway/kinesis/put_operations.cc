// PutRecord and PutRecords: each shard's records become record batches of one append, and the
// answer waits until all are flushed.
#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "connector/kinesis/aggregated_record.h"
#include "gateway/kinesis/operations.h"
#include "storage/batch_builder.h"

namespace mainstem::gateway::kinesis {
namespace {

using connector::BytesOfUserRecords;
using connector::kUserRecordBytesMax;
using connector::UserRecord;

// Of one record batch; more become several batches of one append.
constexpr size_t kBatchBytes = 512u << 10;
constexpr int64_t kRequestBytesMax = 10 << 20;
// What all packed records of a call may become together; the rest stay packed.
constexpr size_t kUnpackedBytesMax = 32 << 20;
constexpr int64_t kUnpackedRecordBytes = 16;  // of each record in its batch, and its view

// What one shard gets of a call.
struct ShardWrite {
  storage::BatchBuilder builder;
  std::vector<std::byte> batches;
  int64_t count = 0;
  Result<storage::AppendResult> outcome = MakeError(ErrorCode::kInternal, "was not appended");
};

struct PutEntry {
  int32_t shard = 0;
  int64_t position = 0;    // among the shard's records of this call
  bool throttled = false;  // was not taken, for the shard's limits
};

// One call's records on their way.
struct PutPlan {
  std::map<int32_t, ShardWrite> shards;
  std::vector<PutEntry> entries;  // as the records came
  int64_t bytes = 0;
  size_t unpacked_bytes = 0;
  MemoryLease unpacked{};  // beyond the body, which its lease covers
};

Result<HashKey> KeyOf(const aws::Value& record) {
  const aws::Value& explicit_key = record["ExplicitHashKey"];
  if (explicit_key.is_null()) return HashKeyOf(record["PartitionKey"].text);
  auto key = ParseHashKey(explicit_key.text);
  if (key) return *key;
  return aws::InvalidArgument(
      fmt::format("Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. "
                  "Specified value was {}",
                  explicit_key.text));
}

// The stream's own limit, of data and key together; for the data alone told like the constraint
// that it is on Amazon's side.
// `number`: among the request's records, counted from 1; 0 for PutRecord's only one.
Status CheckRecordSize(const Stream& stream, const aws::Value& record, size_t number) {
  auto data = static_cast<int64_t>(record["Data"].text.size());
  auto key = static_cast<int64_t>(record["PartitionKey"].text.size());
  int64_t most = stream.record_bytes_max();
  if (data + key <= most) return Status::OK();
  if (data <= most) {
    return aws::InvalidArgument(
        fmt::format("The record is greater than stream {} takes: its data has {} bytes and its "
                    "partition key {}, together at most {} are allowed.",
                    stream.name(), data, key, most));
  }
  std::string path = number == 0 ? "data" : fmt::format("records.{}.member.data", number);
  return aws::MakeAwsError(
      "ValidationException",
      fmt::format("1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim={} "
                  "cap={}]' at '{}' failed to satisfy constraint: Member must have length less "
                  "than or equal to {}",
                  data, data, path, most));
}

Status AddToShard(const Stream& stream, const UserRecord& record, int64_t now_ms,
                  ShardWrite* write) {
  size_t room = std::min(kBatchBytes, stream.batch_bytes_max());
  ++write->count;
  return write->builder.AddOnto(&write->batches, room, now_ms, record.partition_key, record.data);
}

// What the KPL has packed into one as its single records; none of other records.
Result<std::vector<UserRecord>> Unpack(const Context& context, std::string_view data,
                                       PutPlan* plan) {
  size_t room = std::min(kUserRecordBytesMax, kUnpackedBytesMax - plan->unpacked_bytes);
  std::vector<UserRecord> records = connector::UnpackAggregatedRecord(data, room);
  if (records.empty()) return records;
  size_t bytes = BytesOfUserRecords(records);
  plan->unpacked_bytes += bytes;
  int64_t wanted = plan->unpacked.bytes() + static_cast<int64_t>(bytes) +
                   static_cast<int64_t>(records.size()) * kUnpackedRecordBytes;
  if (plan->unpacked.bytes() == 0) {
    plan->unpacked = context.budget->TryLease(wanted);
    if (plan->unpacked.bytes() == wanted) return records;
  } else if (plan->unpacked.Resize(wanted)) {
    return records;
  }
  return MakeError(ErrorCode::kResourceExhausted, "there is no memory for packed records now");
}

// Packed records go as their single ones, all to the shard of the whole; the answer tells the first
// one's place.
Status AddRecord(const Context& context, const Stream& stream, const aws::Value& record,
                 int64_t now_ms, PutPlan* plan) {
  ASSIGN_OR_RETURN(HashKey key, KeyOf(record));
  int32_t shard = stream.Route(key).index;
  std::string_view partition_key = record["PartitionKey"].text;
  std::string_view data = record["Data"].text;
  auto bytes = static_cast<int64_t>(partition_key.size() + data.size());
  storage::TopicPartition partition{.topic_id = stream.topic().id, .partition = PartitionId(shard)};
  if (context.limits != nullptr &&
      !context.limits->AllowRecord(partition, bytes, context.env->Now())) {
    plan->entries.push_back({.shard = shard, .throttled = true});
    return Status::OK();
  }
  ShardWrite& write = plan->shards[shard];
  plan->entries.push_back({.shard = shard, .position = write.count});
  plan->bytes += bytes;
  ASSIGN_OR_RETURN(std::vector<UserRecord> packed, Unpack(context, data, plan));
  if (packed.empty()) packed.push_back({.partition_key = partition_key, .data = data});
  for (const UserRecord& single : packed) {
    RETURN_IF_ERROR(AddToShard(stream, single, now_ms, &write));
  }
  return Status::OK();
}

Task<> AppendAll(storage::Log* log, storage::TopicId topic_id, PutPlan* plan) {
  std::vector<storage::PartitionAppend> appends;
  for (auto& [shard, write] : plan->shards) {
    CO_RETURN_IF_ERROR(write.builder.BuildOnto(&write.batches));
    storage::TopicPartition id{.topic_id = topic_id, .partition = PartitionId(shard)};
    appends.push_back({id, write.batches, &write.outcome});
  }
  co_return co_await log->AppendEach(std::move(appends), {});
}

// How a record's failure is told: what may work later is throttling to an SDK. Nothing: it was
// written.
std::optional<aws::AwsError> FailureOf(const Context& context, const Stream& stream,
                                       const PutPlan& plan, const PutEntry& entry) {
  const Shard& shard = *stream.FindShard(entry.shard);
  if (entry.throttled) return aws::ToAwsError(RateExceeded(context, stream, shard));
  const Status status = plan.shards.at(entry.shard).outcome.status();
  if (status.ok()) return std::nullopt;
  if (Is(status, ErrorCode::kResourceExhausted)) {
    return aws::ToAwsError(RateExceeded(context, stream, shard));
  }
  if (Is(status, ErrorCode::kUnknownTopicId) || Is(status, ErrorCode::kUnknownTopic)) {
    return aws::ToAwsError(StreamNotFound(context, stream.name()));
  }
  if (Is(status, ErrorCode::kMessageTooLarge)) {
    return aws::ToAwsError(aws::InvalidArgument(
        "The record is greater than max.message.bytes of the topic " + stream.name() + " allows."));
  }
  return aws::AwsError{
      .name = "InternalFailure", .message = "Internal service failure.", .http_status = 500};
}

void Count(const Context& context, const PutPlan& plan, size_t record_count) {
  context.counters.records_in->Increment(static_cast<double>(record_count));
  context.counters.bytes_in->Increment(static_cast<double>(plan.bytes));
}

std::string SequenceOf(const Stream& stream, const PutPlan& plan, const PutEntry& entry) {
  Offset offset = plan.shards.at(entry.shard).outcome->base_offset + entry.position;
  return stream.FindShard(entry.shard)->SequenceAt(IndexOf(offset));
}

Status RefuseDryRun(const aws::Value& input) {
  if (!input["DryRun"].boolean) return Status::OK();
  return aws::MakeAwsError("DryRunOperationException",
                           "Request would have succeeded, but DryRun flag is set.");
}

// It must be one of this stream's: what comes now is greater by itself.
Status CheckOrdering(const Context& context, const Stream& stream, const aws::Value& input) {
  const aws::Value& given = input["SequenceNumberForOrdering"];
  if (given.is_null()) return Status::OK();
  auto number = ParseSequenceNumber(given.text);
  const Shard* shard = number ? stream.FindShard(number->shard) : nullptr;
  if (shard != nullptr && shard->created_s() == number->shard_created_s) return Status::OK();
  return aws::InvalidArgument(
      fmt::format("ExclusiveMinimumSequenceNumber {} used in PutRecord on stream {} under account "
                  "{} is invalid.",
                  given.text, stream.name(), context.account));
}

}  // namespace

Task<> PutRecord(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await FindStream(context, call));
  CO_RETURN_IF_ERROR(CheckRecordSize(*stream, input, 0));
  CO_RETURN_IF_ERROR(CheckOrdering(context, *stream, input));
  PutPlan plan;
  CO_RETURN_IF_ERROR(AddRecord(context, *stream, input, context.NowMs(), &plan));
  CO_RETURN_IF_ERROR(RefuseDryRun(input));
  CO_RETURN_IF_ERROR(co_await AppendAll(context.log, stream->topic().id, &plan));
  const PutEntry& entry = plan.entries[0];
  auto failure = FailureOf(context, *stream, plan, entry);
  if (failure) co_return aws::MakeAwsError(std::move(*failure));
  Count(context, plan, 1);
  call->answer->BeginMap().Field("ShardId", stream->FindShard(entry.shard)->name());
  call->answer->Field("SequenceNumber", SequenceOf(*stream, plan, entry)).EndMap();
  co_return Status::OK();
}

Task<> PutRecords(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  // Held to the end: a shard is not closed while somebody may write to it.
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await FindStream(context, call));
  PutPlan plan;
  plan.entries.reserve(input["Records"].members.size());
  int64_t now_ms = context.NowMs();
  size_t number = 0;
  for (const aws::Member& member : input["Records"].members) {
    CO_RETURN_IF_ERROR(CheckRecordSize(*stream, member.value, ++number));
    CO_RETURN_IF_ERROR(AddRecord(context, *stream, member.value, now_ms, &plan));
  }
  if (plan.bytes > kRequestBytesMax) {
    co_return aws::InvalidArgument("Records size exceeds 10 MB limit");
  }
  CO_RETURN_IF_ERROR(RefuseDryRun(input));
  CO_RETURN_IF_ERROR(co_await AppendAll(context.log, stream->topic().id, &plan));
  std::vector<std::optional<aws::AwsError>> failures;
  failures.reserve(plan.entries.size());
  for (const PutEntry& entry : plan.entries) {
    failures.push_back(FailureOf(context, *stream, plan, entry));
  }
  auto failed = static_cast<size_t>(
      std::count_if(failures.begin(), failures.end(), [](const auto& f) { return f.has_value(); }));
  aws::BodyWriter* answer = call->answer.get();
  answer->BeginMap().Key("FailedRecordCount").Integer(static_cast<int64_t>(failed));
  answer->Key("Records").BeginList();
  for (size_t i = 0; i < plan.entries.size(); ++i) {
    const PutEntry& entry = plan.entries[i];
    answer->BeginMap();
    if (failures[i]) {
      answer->Field("ErrorCode", failures[i]->name).Field("ErrorMessage", failures[i]->message);
    } else {
      answer->Field("ShardId", stream->FindShard(entry.shard)->name());
      answer->Field("SequenceNumber", SequenceOf(*stream, plan, entry));
    }
    answer->EndMap();
  }
  answer->EndList().EndMap();
  Count(context, plan, plan.entries.size() - failed);
  co_return Status::OK();
}

}  // namespace mainstem::gateway::kinesis

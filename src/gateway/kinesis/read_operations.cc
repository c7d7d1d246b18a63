// GetShardIterator and GetRecords.
#include <algorithm>

#include <absl/time/time.h>
#include <fmt/format.h>

#include "gateway/kinesis/operations.h"
#include "gateway/kinesis/record_reader.h"
#include "gateway/kinesis/shard_iterator.h"
#include "gateway/kinesis/start_position.h"

namespace mainstem::gateway::kinesis {
namespace {

std::string SealIterator(const Context& context, const ShardIterator& iterator) {
  return context.sealer->Seal(
      kShardIteratorKind, {.made_ms = context.NowMs(), .payload = EncodeShardIterator(iterator)});
}

// "Thu Jan 22 01:22:02 UTC 2015"
std::string JavaDate(int64_t time_ms) {
  return absl::FormatTime("%a %b %d %H:%M:%S UTC %Y", absl::FromUnixMillis(time_ms),
                          absl::UTCTimeZone());
}

Result<ShardIterator> OpenIterator(const Context& context, std::string_view text) {
  auto token = context.sealer->Unseal(kShardIteratorKind, text);
  auto iterator = token ? DecodeShardIterator(token->payload) : std::nullopt;
  if (!iterator) return aws::InvalidArgument("Invalid ShardIterator.");
  int64_t now_ms = context.NowMs();
  if (now_ms - token->made_ms > kShardIteratorLifeMs) {
    return aws::MakeAwsError(
        "ExpiredIteratorException",
        fmt::format("Iterator expired. The iterator was created at time {} while right now it is "
                    "{} which is further in the future than the tolerated delay of {} "
                    "milliseconds.",
                    JavaDate(token->made_ms), JavaDate(now_ms), kShardIteratorLifeMs));
  }
  return *iterator;
}

Status NoSuchShard(const Context& context, const ShardIterator& iterator) {
  return aws::MakeAwsError(
      "ResourceNotFoundException",
      fmt::format("Shard {} in stream {} under account {} does not exist",
                  ShardName(iterator.shard), iterator.stream_name, context.account));
}

Status RefuseDryRunOfRead(const aws::Value& input) {
  if (!input["DryRun"].boolean) return Status::OK();
  return aws::MakeAwsError("DryRunOperationException",
                           "Request would have succeeded, but DryRun flag is set.");
}

}  // namespace

Task<> GetShardIterator(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  std::string name(input["StreamName"].text);
  auto wanted = ParseShardName(input["ShardId"].text);
  auto found = co_await FindStream(context, call);
  bool not_found =
      !found.ok() && aws::ToAwsError(found.status()).name == "ResourceNotFoundException";
  if (not_found && wanted && !name.empty()) {
    co_return NoSuchShard(context, {.shard = *wanted, .stream_name = name});
  }
  CO_ASSIGN_OR_RETURN(StreamPtr stream, std::move(found));
  CO_ASSIGN_OR_RETURN(const Shard* shard, FindNamedShard(context, *stream, input["ShardId"].text));
  StartPosition start{.type = std::string(input["ShardIteratorType"].text),
                      .sequence_number = {},
                      .time_ms = aws::TimeOf(input["Timestamp"]),
                      .operation = "GetShardIterator"};
  const aws::Value& number = input["StartingSequenceNumber"];
  if (!number.is_null()) start.sequence_number = std::string(number.text);
  CO_RETURN_IF_ERROR(RefuseDryRunOfRead(input));
  ShardIterator iterator{.topic_id = stream->topic().id,
                         .shard = shard->index,
                         .offset = {},
                         .stream_name = stream->name()};
  CO_ASSIGN_OR_RETURN(iterator.offset,
                      co_await ResolveStart(context, stream, shard, std::move(start)));
  call->answer->BeginMap().Field("ShardIterator", SealIterator(context, iterator)).EndMap();
  co_return Status::OK();
}

Task<> GetRecords(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  CO_ASSIGN_OR_RETURN(ShardIterator iterator, OpenIterator(context, input["ShardIterator"].text));
  CO_RETURN_IF_ERROR(RefuseDryRunOfRead(input));
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await context.catalog->Find(iterator.topic_id));
  // From before the read: a shard that was closed then has all its records.
  const Shard* shard = stream ? stream->FindShard(iterator.shard) : nullptr;
  if (shard == nullptr) co_return NoSuchShard(context, iterator);
  storage::TopicPartition partition{.topic_id = iterator.topic_id,
                                    .partition = PartitionId(shard->index)};
  if (context.limits != nullptr && !context.limits->AllowRead(partition, context.env->Now())) {
    co_return RateExceeded(context, *stream, *shard);
  }
  ReadLimits limits;
  limits.records = aws::IntegerOf(input["Limit"]).value_or(limits.records);
  aws::BodyWriter* answer = call->answer.get();
  answer->BeginMap().Key("Records").BeginList();
  auto read = co_await ReadRecords(context, *shard, partition, iterator.offset, limits,
                                   &call->memory, answer);
  if (Is(read.status(), ErrorCode::kResourceExhausted)) {
    co_return RateExceeded(context, *stream, *shard);
  }
  if (Is(read.status(), ErrorCode::kUnknownTopicId)) co_return NoSuchShard(context, iterator);
  CO_RETURN_IF_ERROR(read);
  if (context.limits != nullptr) {
    context.limits->CountRead(partition, read->bytes, context.env->Now());
  }
  answer->EndList();
  if (shard->closed() && read->at_end) {
    WriteChildShards(*stream, *shard, answer);
  } else {
    iterator.offset = read->next;
    answer->Field("NextShardIterator", SealIterator(context, iterator));
  }
  answer->Key("MillisBehindLatest").Integer(read->behind_ms).EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::kinesis

#include "gateway/kinesis/start_position.h"

#include <algorithm>

#include <fmt/format.h>

namespace mainstem::gateway::kinesis {
namespace {

Status WrongCombination(const StartPosition& start) {
  return aws::InvalidArgument(fmt::format(
      "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and "
      "StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request "
      "specified {} and {} StartingSequenceNumber.",
      start.type, start.sequence_number ? "also a" : "no"));
}

Result<Offset> OffsetOf(const Context& context, const Stream& stream, const Shard& shard,
                        const StartPosition& start) {
  auto number = ParseSequenceNumber(*start.sequence_number);
  auto used = [&] {
    return fmt::format(
        "StartingSequenceNumber {} used in {} on shard {} in stream {} under "
        "account {} is invalid",
        *start.sequence_number, start.operation, shard.name(), stream.name(), context.account);
  };
  if (!number) return aws::InvalidArgument(used() + ".");
  if (number->shard != shard.index) {
    return aws::InvalidArgument(
        fmt::format("Invalid StartingSequenceNumber. It encodes {}, while it was used in a call to "
                    "a shard with {}",
                    ShardName(number->shard), shard.name()));
  }
  if (number->shard_created_s != shard.created_s()) {
    return aws::InvalidArgument(used() + " because it did not come from this stream.");
  }
  // A record at offset n has the index n + 1; what lies between shards' ends and starts is clamped.
  bool after = start.type == "AFTER_SEQUENCE_NUMBER";
  return Offset(after ? number->index : std::max<int64_t>(number->index - 1, 0));
}

}  // namespace

Result<const Shard*> FindNamedShard(const Context& context, const Stream& stream,
                                    std::string_view shard_id) {
  auto index = ParseShardName(shard_id);
  if (!index) {
    return aws::MakeAwsError("ResourceNotFoundException",
                             fmt::format("Could not find shard {} in stream {} under account {}.",
                                         shard_id, stream.name(), context.account));
  }
  const Shard* shard = stream.FindShard(*index);
  if (shard == nullptr) {
    return aws::MakeAwsError("ResourceNotFoundException",
                             fmt::format("Shard {} in stream {} under account {} does not exist",
                                         ShardName(*index), stream.name(), context.account));
  }
  return shard;
}

Task<Offset> ResolveStart(const Context& context, StreamPtr stream, const Shard* shard,
                          StartPosition start) {
  storage::TopicPartition partition{.topic_id = stream->topic().id,
                                    .partition = PartitionId(shard->index)};
  bool by_number = start.type == "AT_SEQUENCE_NUMBER" || start.type == "AFTER_SEQUENCE_NUMBER";
  if (by_number != start.sequence_number.has_value()) {
    co_return WrongCombination(start);
  }
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await context.log->Offsets(partition));
  if (start.type == "TRIM_HORIZON") co_return offsets.log_start;
  // Records of an open transaction are read when it is committed.
  if (start.type == "LATEST") co_return offsets.last_stable_offset;
  if (by_number) {
    CO_ASSIGN_OR_RETURN(Offset offset, OffsetOf(context, *stream, *shard, start));
    if (offset > offsets.high_watermark) co_return offsets.last_stable_offset;
    co_return std::max(offset, offsets.log_start);
  }
  if (!start.time_ms) {
    co_return aws::InvalidArgument(
        "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current "
        "request has no timestamp parameter.");
  }
  int64_t now_ms = context.NowMs();
  if (*start.time_ms > now_ms) {
    co_return aws::InvalidArgument(
        fmt::format("The timestampInMillis parameter cannot be greater than the "
                    "currentTimestampInMillis. timestampInMillis: {}, currentTimestampInMillis: {}",
                    *start.time_ms, now_ms));
  }
  CO_ASSIGN_OR_RETURN(storage::OffsetForTime found,
                      co_await context.log->FindByTime(partition, *start.time_ms));
  // All that is there is older, with what an open transaction has written.
  co_return found.offset.value() < 0 ? offsets.high_watermark : found.offset;
}

}  // namespace mainstem::gateway::kinesis

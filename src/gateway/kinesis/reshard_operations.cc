// SplitShard, MergeShards, UpdateShardCount. They return when the change is finished.
#include <fmt/format.h>

#include "gateway/kinesis/operations.h"
#include "gateway/kinesis/resharding.h"
#include "gateway/kinesis/start_position.h"

namespace mainstem::gateway::kinesis {
namespace {

Status NotFoundToReshard(const Context& context, const Stream& stream, std::string_view shard) {
  return aws::MakeAwsError("ResourceNotFoundException",
                           fmt::format("Could not find shard {} in stream {} under account {}.",
                                       shard, stream.name(), context.account));
}

// The open shard of that name.
Result<const Shard*> FindOpenShard(const Context& context, const Stream& stream,
                                   std::string_view name) {
  auto index = ParseShardName(name);
  if (!index) return NotFoundToReshard(context, stream, name);
  const Shard* shard = stream.FindShard(*index);
  if (shard == nullptr) return NotFoundToReshard(context, stream, ShardName(*index));
  if (shard->takes_keys()) return shard;
  return aws::InvalidArgument(
      fmt::format("Shard {} in stream {} under account {} has already been merged or split, and "
                  "thus is not eligible for merging or splitting.",
                  shard->name(), stream.name(), context.account));
}

Status CheckProvisioned(const Context& context, const Stream& stream) {
  if (!stream.meta().on_demand) return Status::OK();
  return aws::MakeAwsError(
      "ValidationException",
      fmt::format("Request is invalid. Stream {} under account {} is in On-Demand mode.",
                  stream.name(), context.account));
}

Status Split(const Context& context, const aws::Value& input, const Stream& stream,
             StreamMeta* meta) {
  RETURN_IF_ERROR(CheckProvisioned(context, stream));
  ASSIGN_OR_RETURN(const Shard* shard, FindOpenShard(context, stream, input["ShardToSplit"].text));
  const HashKeyRange& range = shard->meta.range;
  auto key = ParseHashKey(input["NewStartingHashKey"].text);
  // Each child has two keys at least.
  if (!key || *key <= range.first || *key - range.first <= 1 || *key >= range.last) {
    return aws::InvalidArgument(fmt::format(
        "NewStartingHashKey {} used in SplitShard() on shard {} in stream {} under account {} is "
        "not both greater than one plus the shard's StartingHashKey {} and less than the shard's "
        "EndingHashKey {}.",
        input["NewStartingHashKey"].text, shard->name(), stream.name(), context.account,
        FormatHashKey(range.first), FormatHashKey(range.last)));
  }
  Resharding change(stream, context.NowMs());
  change.Split(shard->index, *key);
  meta->shards = change.Take();
  return Status::OK();
}

Status Merge(const Context& context, const aws::Value& input, const Stream& stream,
             StreamMeta* meta) {
  RETURN_IF_ERROR(CheckProvisioned(context, stream));
  ASSIGN_OR_RETURN(const Shard* lower, FindOpenShard(context, stream, input["ShardToMerge"].text));
  ASSIGN_OR_RETURN(const Shard* upper,
                   FindOpenShard(context, stream, input["AdjacentShardToMerge"].text));
  bool adjacent = lower->meta.range.last != kHashKeyMax &&
                  lower->meta.range.last + 1 == upper->meta.range.first;
  if (!adjacent) {
    return aws::InvalidArgument(
        fmt::format("Shards {} and {} in stream {} under account {} are not an adjacent pair of "
                    "shards eligible for merging",
                    lower->name(), upper->name(), stream.name(), context.account));
  }
  Resharding change(stream, context.NowMs());
  change.Merge(lower->index, upper->index);
  meta->shards = change.Take();
  return Status::OK();
}

Status Scale(const Context& context, int64_t target, const Stream& stream, StreamMeta* meta) {
  RETURN_IF_ERROR(CheckProvisioned(context, stream));
  auto open = static_cast<int64_t>(stream.open_count());
  auto refuse = [&](std::string_view what) {
    return aws::InvalidArgument(
        fmt::format("UpdateShardCount cannot scale {} your current open shard count. Current open "
                    "shard count: {} Target shard count: {}",
                    what, open, target));
  };
  if (target > 2 * open) return refuse("up over double");
  if (2 * target < open) return refuse("down below half");
  Resharding change(stream, context.NowMs());
  change.MakeUniform(static_cast<int32_t>(target));
  std::vector<ShardMeta> shards = change.Take();
  // Nothing to do: a stream without a lineage stays one.
  if (shards.size() != stream.shards().size()) meta->shards = std::move(shards);
  return Status::OK();
}

Task<> Change(const Context& context, StreamPtr stream, StreamCatalog::Change change) {
  std::string name = stream->name();
  storage::TopicId id = stream->topic().id;
  stream.reset();  // it would be waited for
  Status status = co_await context.catalog->Update(id, std::move(change));
  if (Is(status, ErrorCode::kUnknownTopicId)) co_return StreamNotFound(context, name);
  if (Is(status, ErrorCode::kInvalidPartitions)) {
    co_return aws::MakeAwsError("LimitExceededException", TextOf(status).message);
  }
  co_return status;
}

using ChangeOfInput = Status (*)(const Context& context, const aws::Value& input,
                                 const Stream& stream, StreamMeta* meta);

Task<> ChangeByInput(const Context& context, aws::AwsCall* call, ChangeOfInput make) {
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await FindOwnStream(context, call));
  const Context* shared = &context;
  const aws::Value* input = &call->input.root;
  StreamCatalog::Change change = [shared, input, make](const Stream& newest, StreamMeta* meta) {
    return make(*shared, *input, newest, meta);
  };
  co_return co_await Change(context, std::move(stream), std::move(change));
}

}  // namespace

Task<> SplitShard(const Context& context, aws::AwsCall* call) {
  return ChangeByInput(context, call, Split);
}

Task<> MergeShards(const Context& context, aws::AwsCall* call) {
  return ChangeByInput(context, call, Merge);
}

Task<> UpdateShardCount(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await FindOwnStream(context, call));
  std::string name = stream->name();
  auto current = static_cast<int64_t>(stream->open_count());
  int64_t target = aws::IntegerOf(call->input.root["TargetShardCount"]).value_or(0);
  const Context* shared = &context;
  StreamCatalog::Change change = [shared, target](const Stream& newest, StreamMeta* meta) {
    return Scale(*shared, target, newest, meta);
  };
  CO_RETURN_IF_ERROR(co_await Change(context, std::move(stream), std::move(change)));
  call->answer->BeginMap().Field("StreamName", name);
  call->answer->Key("CurrentShardCount").Integer(current);
  call->answer->Key("TargetShardCount").Integer(target);
  call->answer->Field("StreamARN", StreamArn(context, *call, name)).EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::kinesis

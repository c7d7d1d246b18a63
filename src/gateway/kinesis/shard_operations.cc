// Shards: listing, with filters and tokens.
#include <optional>

#include <fmt/format.h>

#include "core/json_writer.h"
#include "gateway/kinesis/operations.h"
#include "gateway/kinesis/shard_page.h"

namespace mainstem::gateway::kinesis {
namespace {

constexpr int64_t kListShardsDefault = 1000;
constexpr int64_t kTokenLifeMs = 300'000;
constexpr char kShardPageKind = 'S';

// The name of a shard as lists sort by it; empty of none.
Result<std::string> ShardNameIn(const Context& context, const Stream& stream,
                                const aws::Value& name) {
  if (name.is_null()) return std::string();
  auto index = ParseShardName(name.text);
  if (index) return ShardName(*index);
  return aws::MakeAwsError("ResourceNotFoundException",
                           fmt::format("Could not find shard {} in stream {} under account {}.",
                                       name.text, stream.name(), context.account));
}

// Where a listing begins, without a token.
Result<ShardPage> FirstPage(const Context& context, const aws::Value& input, const Stream& stream) {
  ShardPage page{.topic_id = stream.topic().id, .now_ms = context.NowMs()};
  ASSIGN_OR_RETURN(page.after, ShardNameIn(context, stream, input["ExclusiveStartShardId"]));
  auto created = aws::TimeOf(input["StreamCreationTimestamp"]);
  // Seconds: that is all that some clients keep of it.
  if (created && *created / 1000 != stream.meta().created_ms / 1000) {
    return StreamNotFound(context, stream.name());
  }
  const aws::Value& filter = input["ShardFilter"];
  if (filter.is_null()) return page;
  page.filter = *ParseShardFilter(filter["Type"].text);
  if (page.filter == ShardFilterType::kAfterShardId) {
    if (filter["ShardId"].is_null()) {
      return aws::InvalidArgument("ShardId must be provided with the AFTER_SHARD_ID filter type.");
    }
    ASSIGN_OR_RETURN(std::string after, ShardNameIn(context, stream, filter["ShardId"]));
    page.after = std::max(page.after, after);
  }
  bool needs_time = page.filter == ShardFilterType::kAtTimestamp ||
                    page.filter == ShardFilterType::kFromTimestamp;
  if (!needs_time) return page;
  auto time = aws::TimeOf(filter["Timestamp"]);
  if (!time) {
    return aws::InvalidArgument(
        "Timestamp must be provided with the AT_TIMESTAMP and "
        "FROM_TIMESTAMP filter types.");
  }
  page.time_ms = *time;
  return page;
}

Result<ShardPage> NextPage(const Context& context, std::string_view text) {
  auto token = context.sealer->Unseal(kShardPageKind, text);
  auto page = token ? DecodeShardPage(token->payload) : std::nullopt;
  if (!page) return aws::InvalidArgument("NextToken is invalid.");
  int64_t now_ms = context.NowMs();
  if (now_ms - token->made_ms > kTokenLifeMs) {
    return aws::MakeAwsError(
        "ExpiredNextTokenException",
        fmt::format("The NextToken has expired: it was made {} ms ago, and lives for {} ms.",
                    now_ms - token->made_ms, kTokenLifeMs));
  }
  return *page;
}

}  // namespace

Task<> ListShards(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  bool has_token = !input["NextToken"].is_null();
  bool has_stream = !input["StreamName"].is_null() || !input["StreamARN"].is_null();
  if (!has_token && !has_stream) {
    co_return aws::InvalidArgument("Either NextToken or StreamName should be provided.");
  }
  for (std::string_view name : {"StreamName", "ExclusiveStartShardId", "StreamCreationTimestamp"}) {
    if (!has_token || input[name].is_null()) continue;
    co_return aws::InvalidArgument(
        fmt::format("NextToken and {} cannot be provided together.", name));
  }
  StreamPtr stream;
  ShardPage page;
  if (has_token) {
    CO_ASSIGN_OR_RETURN(page, NextPage(context, input["NextToken"].text));
    CO_ASSIGN_OR_RETURN(stream, co_await context.catalog->Find(page.topic_id));
    if (!stream) {
      co_return aws::MakeAwsError("ResourceNotFoundException", "The stream was deleted.");
    }
  } else {
    CO_ASSIGN_OR_RETURN(stream, co_await FindStream(context, call));
    CO_ASSIGN_OR_RETURN(page, FirstPage(context, input, *stream));
  }
  auto limit =
      static_cast<size_t>(aws::IntegerOf(input["MaxResults"]).value_or(kListShardsDefault));
  std::vector<const Shard*> shards = SelectShards(*stream, page);
  aws::BodyWriter* answer = call->answer.get();
  answer->BeginMap().Key("Shards").BeginList();
  for (size_t i = 0; i < std::min(limit, shards.size()); ++i) WriteShard(*shards[i], answer);
  answer->EndList();
  if (shards.size() > limit) {
    page.after = shards[limit - 1]->name();
    answer->Field("NextToken",
                  context.sealer->Seal(kShardPageKind, {.made_ms = context.NowMs(),
                                                        .payload = EncodeShardPage(page)}));
  }
  answer->EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::kinesis

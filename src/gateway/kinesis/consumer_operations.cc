// Registered consumers: names that SubscribeToShard reads under.
#include <algorithm>

#include <fmt/format.h>

#include "gateway/kinesis/consumers.h"
#include "gateway/kinesis/operations.h"
#include "gateway/kinesis/stream_tags.h"

namespace mainstem::gateway::kinesis {
namespace {

constexpr size_t kConsumersMax = 20;
constexpr int64_t kListConsumersDefault = 100;
constexpr int64_t kConsumerTokenLifeMs = 300'000;
constexpr char kConsumerPageKind = 'C';

std::string ArnOf(const Context& context, const aws::AwsCall& call, const std::string& stream,
                  const ConsumerMeta& consumer) {
  return fmt::format("{}/consumer/{}:{}", StreamArn(context, call, stream), consumer.name,
                     consumer.created_ms / 1000);
}

void WriteConsumer(const Context& context, const aws::AwsCall& call, const std::string& stream,
                   const ConsumerMeta& consumer, bool with_stream) {
  aws::BodyWriter* answer = call.answer.get();
  answer->BeginMap().Field("ConsumerName", consumer.name);
  answer->Field("ConsumerARN", ArnOf(context, call, stream, consumer));
  answer->Field("ConsumerStatus", "ACTIVE");
  answer->Key("ConsumerCreationTimestamp").Time(consumer.created_ms);
  if (with_stream) answer->Field("StreamARN", StreamArn(context, call, stream));
  answer->EndMap();
}

Status AddConsumer(const ConsumerMeta& consumer, const std::string& account, const Stream& stream,
                   StreamMeta* meta) {
  for (const ConsumerMeta& known : meta->consumers) {
    if (known.name != consumer.name) continue;
    return aws::MakeAwsError(
        "ResourceInUseException",
        fmt::format("Consumer {} of stream {} under account {} already exists.", consumer.name,
                    stream.name(), account));
  }
  if (meta->consumers.size() >= kConsumersMax) {
    return aws::MakeAwsError(
        "LimitExceededException",
        fmt::format("Stream {} under account {} has {} consumers: that is the limit.",
                    stream.name(), account, meta->consumers.size()));
  }
  meta->consumers.push_back(consumer);
  return Status::OK();
}

}  // namespace

Result<ConsumerMeta> FindConsumer(const Context& context, const Stream& stream,
                                  const aws::Value& input) {
  ConsumerName wanted = ParseConsumerArn(input["ConsumerARN"].text);
  if (wanted.name.empty()) wanted = ParseConsumerArn(input["ResourceARN"].text);
  if (wanted.name.empty()) wanted.name = std::string(input["ConsumerName"].text);
  if (wanted.name.empty()) {
    return aws::InvalidArgument(
        "Either ConsumerARN, or StreamARN and ConsumerName should be provided.");
  }
  for (const ConsumerMeta& consumer : stream.meta().consumers) {
    bool same_time = !wanted.created_s || *wanted.created_s == consumer.created_ms / 1000;
    if (consumer.name == wanted.name && same_time) return consumer;
  }
  return aws::MakeAwsError("ResourceNotFoundException",
                           fmt::format("Consumer {} of stream {} under account {} not found.",
                                       wanted.name, stream.name(), context.account));
}

ConsumerName ParseConsumerArn(std::string_view arn) {
  constexpr std::string_view kBefore = "/consumer/";
  ConsumerName result;
  size_t begin = arn.find(kBefore);
  size_t colon = arn.rfind(':');
  if (begin == std::string_view::npos || colon < begin) return result;
  begin += kBefore.size();
  result.name = std::string(arn.substr(begin, colon - begin));
  int64_t created = 0;
  for (char c : arn.substr(colon + 1)) {
    if (c < '0' || c > '9' || created > INT64_MAX / 10 - 10) return {};
    created = created * 10 + (c - '0');
  }
  result.created_s = created;
  return result;
}

Task<> RegisterStreamConsumer(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await FindStream(context, call));
  ConsumerMeta consumer{.name = std::string(call->input.root["ConsumerName"].text),
                        .created_ms = context.NowMs()};
  CO_RETURN_IF_ERROR(TagsIn(context, *call, stream->name()).Apply(&consumer.tags));
  std::string name = stream->name();
  storage::TopicId id = stream->topic().id;
  std::string account = context.account;
  stream.reset();
  StreamCatalog::Change apply = [consumer, account](const Stream& newest, StreamMeta* meta) {
    return AddConsumer(consumer, account, newest, meta);
  };
  CO_RETURN_IF_ERROR(co_await context.catalog->Update(id, std::move(apply)));
  call->answer->BeginMap().Key("Consumer");
  WriteConsumer(context, *call, name, consumer, false);
  call->answer->EndMap();
  co_return Status::OK();
}

Task<> DescribeStreamConsumer(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await FindStream(context, call));
  CO_ASSIGN_OR_RETURN(ConsumerMeta consumer, FindConsumer(context, *stream, call->input.root));
  call->answer->BeginMap().Key("ConsumerDescription");
  WriteConsumer(context, *call, stream->name(), consumer, true);
  call->answer->EndMap();
  co_return Status::OK();
}

Task<> ListStreamConsumers(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await FindStream(context, call));
  std::vector<ConsumerMeta> consumers = stream->meta().consumers;
  std::sort(consumers.begin(), consumers.end(),
            [](const ConsumerMeta& a, const ConsumerMeta& b) { return a.name < b.name; });
  std::string after;
  if (!input["NextToken"].is_null()) {
    auto token = context.sealer->Unseal(kConsumerPageKind, input["NextToken"].text);
    if (!token) co_return aws::InvalidArgument("NextToken is invalid.");
    if (context.NowMs() - token->made_ms > kConsumerTokenLifeMs) {
      co_return aws::MakeAwsError("ExpiredNextTokenException", "The NextToken has expired.");
    }
    after = token->payload;
  }
  std::erase_if(consumers, [&](const ConsumerMeta& consumer) { return consumer.name <= after; });
  auto limit =
      static_cast<size_t>(aws::IntegerOf(input["MaxResults"]).value_or(kListConsumersDefault));
  call->answer->BeginMap().Key("Consumers").BeginList();
  for (size_t i = 0; i < std::min(limit, consumers.size()); ++i) {
    WriteConsumer(context, *call, stream->name(), consumers[i], false);
  }
  call->answer->EndList();
  if (consumers.size() > limit) {
    aws::TokenSealer::Token token{.made_ms = context.NowMs(), .payload = consumers[limit - 1].name};
    call->answer->Field("NextToken", context.sealer->Seal(kConsumerPageKind, token));
  }
  call->answer->EndMap();
  co_return Status::OK();
}

Task<> DeregisterStreamConsumer(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await FindStream(context, call));
  CO_ASSIGN_OR_RETURN(ConsumerMeta consumer, FindConsumer(context, *stream, call->input.root));
  storage::TopicId id = stream->topic().id;
  stream.reset();
  StreamCatalog::Change apply = [consumer](const Stream&, StreamMeta* meta) {
    std::erase_if(meta->consumers,
                  [&](const ConsumerMeta& known) { return known.IsSameRegistration(consumer); });
    return Status::OK();
  };
  co_return co_await context.catalog->Update(id, std::move(apply));
}

}  // namespace mainstem::gateway::kinesis

// SubscribeToShard: pushes a shard's records as they come, for five minutes at most, as events of
// one answer that stays open.
#include <algorithm>

#include <fmt/format.h>

#include "gateway/aws/event_stream.h"
#include "gateway/kinesis/consumers.h"
#include "gateway/kinesis/operations.h"
#include "gateway/kinesis/record_reader.h"
#include "gateway/kinesis/start_position.h"

namespace mainstem::gateway::kinesis {
namespace {

using aws::EventKind;

constexpr Duration kSubscriptionTime = std::chrono::minutes(5);
// An idle stream shows that it is alive, and notices that it is to end.
constexpr Duration kIdleEvent = std::chrono::seconds(5);
constexpr Duration kLook = std::chrono::seconds(2);
constexpr Duration kMemoryRetry = std::chrono::milliseconds(20);
constexpr ReadLimits kEventLimits{.records = 10'000, .bytes = 1 << 20};

// One subscription while it lasts.
class Subscription {
 public:
  Subscription(const Context& context, aws::AwsCall* call, ConsumerMeta consumer,
               storage::TopicPartition partition, Offset next)
      : context_(context),
        call_(call),
        consumer_(std::move(consumer)),
        partition_(partition),
        next_(next) {}

  // Until the time is over, the shard ends, or `is_current` says no.
  Task<> Push(const Subscriptions::Key& key, uint64_t number);

 private:
  enum class Sent { kNothing, kRecords, kLast };

  Task<Sent> SendRecords(bool even_if_empty);
  Task<> Send(EventKind kind, std::string_view type, std::string payload) {
    return call_->exchange->WriteStream(
        aws::EncodeEvent({.kind = kind, .type = type, .codec = call_->codec}, payload));
  }
  Task<> SendError(const Status& error) {
    aws::AwsError told = aws::ToAwsError(error);
    auto writer = aws::MakeBodyWriter(call_->codec);
    writer->BeginMap().Field("message", told.message).EndMap();
    return Send(EventKind::kException, told.name, writer->Take());
  }
  // The stream and the consumer are still there.
  Task<StreamPtr> Look();
  Task<bool> HasEnded();
  Task<Sent> Step(bool has_news);

  const Context& context_;
  aws::AwsCall* call_;
  const ConsumerMeta consumer_;
  const storage::TopicPartition partition_;
  Offset next_;
  Offset seen_;  // the log's end at the last look
  TimePoint idle_until_;
};

Task<StreamPtr> Subscription::Look() {
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await context_.catalog->Find(partition_.topic_id));
  if (!stream) {
    co_return aws::MakeAwsError("ResourceNotFoundException", "The stream was deleted.");
  }
  const auto& consumers = stream->meta().consumers;
  bool registered = std::any_of(consumers.begin(), consumers.end(), [&](const ConsumerMeta& known) {
    return known.IsSameRegistration(consumer_);
  });
  if (!registered) {
    co_return aws::MakeAwsError("ResourceNotFoundException", "The consumer was deregistered.");
  }
  co_return stream;
}

Task<Subscription::Sent> Subscription::SendRecords(bool even_if_empty) {
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await Look());
  const Shard shard = *stream->FindShard(partition_.partition.value());
  auto writer = aws::MakeBodyWriter(call_->codec);
  writer->BeginMap().Key("Records").BeginList();
  MemoryLease lease;
  auto read =
      co_await ReadRecords(context_, shard, partition_, next_, kEventLimits, &lease, writer.get());
  if (Is(read.status(), ErrorCode::kResourceExhausted)) {
    stream.reset();
    CO_RETURN_IF_ERROR(co_await Sleep(kMemoryRetry));
    co_return Sent::kRecords;  // there may be some: look again at once
  }
  CO_RETURN_IF_ERROR(read);
  writer->EndList();
  bool moved = read->next != next_;
  next_ = read->next;
  seen_ = std::max(next_, read->high_watermark);
  bool ends = shard.closed() && read->at_end;
  if (ends) {
    WriteChildShards(*stream, shard, writer.get());
  } else {
    writer->Field("ContinuationSequenceNumber", shard.SequenceAt(next_.value()));
  }
  stream.reset();  // nothing is held while a slow client is waited for
  writer->Key("MillisBehindLatest").Integer(read->behind_ms).EndMap();
  if (read->record_count == 0 && !ends && !even_if_empty) {
    co_return moved ? Sent::kRecords : Sent::kNothing;
  }
  CO_RETURN_IF_ERROR(co_await Send(EventKind::kEvent, "SubscribeToShardEvent", writer->Take()));
  if (ends) co_return Sent::kLast;
  co_return read->at_end ? Sent::kNothing : Sent::kRecords;
}

// Nothing has come: only the end of the shard would be news.
Task<bool> Subscription::HasEnded() {
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await Look());
  co_return stream->FindShard(partition_.partition.value())->closed();
}

Task<Subscription::Sent> Subscription::Step(bool has_news) {
  bool is_idle = context_.env->Now() >= idle_until_;
  if (!has_news && !is_idle) {
    CO_ASSIGN_OR_RETURN(bool ended, co_await HasEnded());
    if (!ended) co_return Sent::kNothing;
  }
  Offset before = next_;
  CO_ASSIGN_OR_RETURN(Sent sent, co_await SendRecords(is_idle));
  if (is_idle || next_ != before) idle_until_ = context_.env->Now() + kIdleEvent;
  co_return sent;
}

Task<> Subscription::Push(const Subscriptions::Key& key, uint64_t number) {
  auto nothing = aws::MakeBodyWriter(call_->codec);
  nothing->BeginMap().EndMap();
  CO_RETURN_IF_ERROR(
      co_await Send(EventKind::kInitialResponse, "initial-response", nothing->Take()));
  TimePoint end = context_.env->Now() + kSubscriptionTime;
  idle_until_ = context_.env->Now();
  bool has_news = true;
  while (context_.env->Now() < end) {
    if (!context_.subscriptions->IsCurrent(key, number)) {
      co_return co_await SendError(aws::MakeAwsError(
          "ResourceInUseException", "Another subscription has taken the place of this one."));
    }
    auto sent = co_await Step(has_news);
    if (!sent.ok()) {
      // What is no error of the stream (the client has gone, the node stops) ends it without words.
      if (Is(sent.status(), ErrorCode::kCancelled) ||
          Is(sent.status(), ErrorCode::kConnectionClosed) ||
          Is(sent.status(), ErrorCode::kTimedOut)) {
        co_return sent.status();
      }
      co_return co_await SendError(sent.status());
    }
    if (*sent == Sent::kLast) break;
    has_news = *sent == Sent::kRecords;
    if (has_news) continue;
    std::vector<std::pair<storage::TopicPartition, Offset>> beyond{{partition_, seen_}};
    TimePoint deadline = std::min(end, context_.env->Now() + kLook);
    CO_ASSIGN_OR_RETURN(has_news, co_await context_.log->WaitForData(std::move(beyond), deadline));
  }
  co_return Status::OK();
}

}  // namespace

Task<> SubscribeToShard(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  CO_ASSIGN_OR_RETURN(StreamPtr stream, co_await FindStream(context, call));
  CO_ASSIGN_OR_RETURN(ConsumerMeta consumer, FindConsumer(context, *stream, input));
  CO_ASSIGN_OR_RETURN(const Shard* shard, FindNamedShard(context, *stream, input["ShardId"].text));
  const aws::Value& position = input["StartingPosition"];
  StartPosition start{.type = std::string(position["Type"].text),
                      .sequence_number = {},
                      .time_ms = aws::TimeOf(position["Timestamp"]),
                      .operation = "SubscribeToShard"};
  if (!position["SequenceNumber"].is_null()) {
    start.sequence_number = std::string(position["SequenceNumber"].text);
  }
  storage::TopicPartition partition{.topic_id = stream->topic().id,
                                    .partition = PartitionId(shard->index)};
  CO_ASSIGN_OR_RETURN(Offset next, co_await ResolveStart(context, stream, shard, std::move(start)));
  Subscriptions::Key key(fmt::format("{}/{}:{}", StreamArn(context, *call, stream->name()),
                                     consumer.name, consumer.created_ms),
                         shard->index);
  stream.reset();
  auto number = context.subscriptions->Begin(key, context.env->Now());
  if (!number) {
    co_return aws::MakeAwsError(
        "ResourceInUseException",
        fmt::format("Consumer {} has subscribed to {} less than 5 seconds ago.", consumer.name,
                    ShardName(partition.partition.value())));
  }
  call->streamed = true;
  net::HttpHeaders headers;
  headers.Add("Content-Type", std::string(aws::kEventStreamType));
  aws::AddAnswerHeaders(context.env, &headers);
  Status outcome = co_await call->exchange->StartStream(200, std::move(headers));
  if (outcome.ok()) {
    Subscription subscription(context, call, std::move(consumer), partition, next);
    outcome = co_await subscription.Push(key, *number);
  }
  context.subscriptions->End(key, *number);
  co_return outcome;
}

}  // namespace mainstem::gateway::kinesis

// PutLogEvents: a batch of one stream's events becomes record batches of one append, and the answer
// waits until they are flushed.
#include <algorithm>

#include <fmt/format.h>

#include "gateway/logs/event_reader.h"
#include "gateway/logs/operations.h"
#include "storage/batch_builder.h"

namespace mainstem::gateway::logs {
namespace {

constexpr size_t kEventBatchBytes = 128u << 10;  // of one record batch
constexpr int64_t kPutBytesMax = 1 << 20;
constexpr int64_t kTooOldMs = 14 * kMillisPerDay;
constexpr int64_t kTooNewMs = 2 * 3'600'000;

// Which of a batch's events, which are in order of time, are taken: those in between.
struct Accepted {
  size_t begin = 0;    // those before are expired or too old
  size_t expired = 0;  // of those, those past the group's retention
  size_t old = 0;      // and those older than 14 days
  size_t end = 0;      // from here on they are too new
};

// SDKs may write it as a decimal number.
int64_t TimeOfEvent(const aws::Member& event) {
  return aws::IntegerOf(event.value["timestamp"]).value_or(0);
}

Status CheckBatch(const std::vector<aws::Member>& events) {
  int64_t bytes = 0;
  for (size_t i = 0; i < events.size(); ++i) {
    bytes += static_cast<int64_t>(events[i].value["message"].text.size()) + kEventOverhead;
    if (i > 0 && TimeOfEvent(events[i]) < TimeOfEvent(events[i - 1])) {
      return InvalidParameter(
          "Log events in a single PutLogEvents request must be in chronological order.");
    }
  }
  if (bytes > kPutBytesMax) {
    return InvalidParameter(
        fmt::format("Upload too large: {} bytes exceeds limit of {}", bytes, kPutBytesMax));
  }
  if (TimeOfEvent(events.back()) - TimeOfEvent(events.front()) > kMillisPerDay) {
    return InvalidParameter(
        "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
  }
  return Status::OK();
}

Accepted Accept(const std::vector<aws::Member>& events, int64_t now_ms, int64_t oldest_ms) {
  auto count_before = [&](int64_t time) {
    auto first = std::partition_point(events.begin(), events.end(), [&](const aws::Member& event) {
      return TimeOfEvent(event) < time;
    });
    return static_cast<size_t>(first - events.begin());
  };
  Accepted accepted;
  accepted.expired = count_before(oldest_ms);
  accepted.old = count_before(now_ms - kTooOldMs);
  accepted.begin = std::max(accepted.expired, accepted.old);
  accepted.end = std::max(accepted.begin, count_before(now_ms + kTooNewMs + 1));
  return accepted;
}

Status BuildBatches(const std::vector<aws::Member>& events, const Accepted& accepted,
                    std::string_view stream, int64_t now_ms, std::vector<std::byte>* batches) {
  std::string ingestion = std::to_string(now_ms);
  storage::RecordHeader header{.key = kIngestionHeader, .value = ingestion};
  storage::BatchBuilder builder;
  for (size_t i = accepted.begin; i < accepted.end; ++i) {
    std::string_view message = events[i].value["message"].text;
    bool full = builder.bytes() + message.size() > kEventBatchBytes;
    if (builder.record_count() > 0 && full) RETURN_IF_ERROR(builder.BuildOnto(batches));
    builder.Add(TimeOfEvent(events[i]), stream, message, std::span(&header, 1));
  }
  return builder.record_count() > 0 ? builder.BuildOnto(batches) : Status::OK();
}

void WriteRejected(const Accepted& accepted, size_t count, aws::BodyWriter* answer) {
  if (accepted.begin == 0 && accepted.end == count) return;
  answer->Key("rejectedLogEventsInfo").BeginMap();
  if (accepted.end < count) {
    answer->Key("tooNewLogEventStartIndex").Integer(static_cast<int64_t>(accepted.end));
  }
  if (accepted.old > 0) {
    answer->Key("tooOldLogEventEndIndex").Integer(static_cast<int64_t>(accepted.old));
  }
  if (accepted.expired > 0) {
    answer->Key("expiredLogEventEndIndex").Integer(static_cast<int64_t>(accepted.expired));
  }
  answer->EndMap();
}

}  // namespace

Task<> PutLogEvents(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  CO_ASSIGN_OR_RETURN(FoundGroup found, FindGroup(context, *call));
  std::string_view stream = input["logStreamName"].text;
  if (found.group->FindStream(stream) == nullptr) co_return StreamNotFound();
  const auto& events = input["logEvents"].members;
  CO_RETURN_IF_ERROR(CheckBatch(events));
  int64_t now_ms = context.NowMs();
  Accepted accepted = Accept(events, now_ms, found.group->OldestMs(now_ms));
  int64_t next = 0;
  if (accepted.begin < accepted.end) {
    std::vector<std::byte> batches;
    CO_RETURN_IF_ERROR(BuildBatches(events, accepted, stream, now_ms, &batches));
    storage::TopicPartition partition{.topic_id = found.topic.id, .partition = PartitionId(0)};
    auto appended = co_await context.log->Append(partition, batches, {});
    if (Is(appended.status(), ErrorCode::kUnknownTopicId)) co_return GroupNotFound();
    CO_RETURN_IF_ERROR(appended);
    next = appended->base_offset.value() + static_cast<int64_t>(accepted.end - accepted.begin);
    context.counters.events_in->Increment(static_cast<double>(accepted.end - accepted.begin));
    context.counters.bytes_in->Increment(static_cast<double>(batches.size()));
  }
  call->answer->BeginMap().Field("nextSequenceToken", fmt::format("{:056}", next + 1));
  WriteRejected(accepted, events.size(), call->answer.get());
  call->answer->EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::logs

#include "gateway/events/rules/event_output.h"

#include <array>

#include <fmt/format.h>

#include "gateway/aws/body_codec.h"

namespace mainstem::gateway::events {
namespace {

constexpr int64_t kLogTooOldMs = int64_t{14} * 86'400'000;
constexpr int64_t kLogTooNewMs = 2 * 3'600'000;
constexpr std::string_view kDeadLetterRetentionMs = "1209600000";  // 14 days: an SQS queue's most

// What a log group gets: a transformer may have said both of an event of the log.
struct LogLine {
  std::string message;
  int64_t time_ms = 0;
};
LogLine LogLineOf(const TakenEvent& event) {
  LogLine line{.message = *event.input, .time_ms = event.time_ms};
  if (line.message == event.text) return line;
  auto made = aws::DecodeBody(aws::BodyCodec::kJson, line.message);
  if (!made.ok()) return line;
  const aws::Value& time = made->root["timestamp"];
  const aws::Value& message = made->root["message"];
  bool has_both = made->root.members.size() == 2 && time.kind == aws::Value::Kind::kInteger &&
                  message.kind == aws::Value::Kind::kString;
  if (has_both) line = {.message = std::string(message.text), .time_ms = time.integer};
  return line;
}

}  // namespace

Task<> EventOutput::MeetStreams() {
  if (!taker_.plan().dead_letters) co_return Status::OK();
  std::vector<std::string> streams{taker_.plan().dead_letters->stream};
  if (taker_.plan().place.kind == TargetKind::kStream) streams.push_back(taker_.plan().place.name);
  for (std::string& stream : streams) {
    std::string key = "any";
    CO_RETURN_IF_ERROR(co_await parts_.find_stream(std::move(stream), std::move(key)));
  }
  co_return Status::OK();
}

Task<EventOutput::Fate> EventOutput::Put(const TakenEvent* event, DeliveryFailure* failure) {
  if (!event->input.ok()) {
    *failure = {.code = "INVALID_PARAMETER", .message = TextOf(event->input.status()).message};
    co_return Fate::kRefused;
  }
  Result<Fate> fate = Fate::kAbsent;
  switch (taker_.plan().place.kind) {
    case TargetKind::kStream: fate = co_await PutIntoStream(event, failure); break;
    case TargetKind::kLogGroup: fate = co_await PutIntoLogGroup(event); break;
    case TargetKind::kBus: fate = co_await PutOntoBus(event); break;
    case TargetKind::kArchive: fate = co_await PutIntoArchive(event); break;
    case TargetKind::kApi: break;  // is called (destinations/api_task.h)
  }
  if (fate.ok() && *fate == Fate::kPut) ++delivered_;
  if (fate.ok() && *fate == Fate::kAbsent) {
    *failure = {.code = "NO_RESOURCE",
                .message = fmt::format("there is no target {}", taker_.plan().arn)};
  }
  co_return fate;
}

Task<EventOutput::Fate> EventOutput::PutIntoStream(const TakenEvent* event,
                                                   DeliveryFailure* failure) {
  std::string stream = taker_.plan().place.name;
  CO_ASSIGN_OR_RETURN(auto place, co_await parts_.find_stream(std::move(stream), event->key));
  if (!place) co_return Fate::kAbsent;
  if (static_cast<int64_t>(event->input->size() + event->key.size()) > place->record_bytes_max) {
    *failure = {.code = "INVALID_PARAMETER",
                .message = fmt::format("a record of the stream has at most {} bytes",
                                       place->record_bytes_max)};
    co_return Fate::kRefused;
  }
  CO_RETURN_IF_ERROR(appends_.Add(
      place->partition,
      {.timestamp_ms = parts_.env->WallTime().value(), .key = event->key, .value = *event->input}));
  appends_.Hold(std::move(place->held));
  co_return Fate::kPut;
}

// Amazon makes streams of its own there; here it is one for each target.
std::string EventOutput::LogStreamName() const {
  return fmt::format("events/{}/{}/{}", taker_.bus(), taker_.rule().name, taker_.plan().id);
}

Task<EventOutput::Fate> EventOutput::PutIntoLogGroup(const TakenEvent* event) {
  std::string group = taker_.plan().place.name;
  std::string stream = LogStreamName();
  CO_ASSIGN_OR_RETURN(auto place, co_await parts_.find_log(std::move(group), stream));
  if (!place) co_return Fate::kAbsent;
  int64_t now_ms = parts_.env->WallTime().value();
  LogLine line = LogLineOf(*event);
  // What PutLogEvents would not take goes in at its arrival.
  bool in_time = line.time_ms > now_ms - kLogTooOldMs && line.time_ms <= now_ms + kLogTooNewMs;
  std::string now_text = std::to_string(now_ms);
  storage::RecordHeader header{.key = aws::kIngestionHeader, .value = now_text};
  CO_RETURN_IF_ERROR(
      appends_.Add(place->partition, {.timestamp_ms = in_time ? line.time_ms : now_ms,
                                      .key = stream,
                                      .value = line.message,
                                      .headers = std::span(&header, 1)}));
  co_return Fate::kPut;
}

Task<EventOutput::Fate> EventOutput::PutOntoBus(const TakenEvent* event) {
  auto partition = co_await parts_.buses->PartitionOf(taker_.plan().place.name);
  if (Is(partition.status(), ErrorCode::kNotFound)) co_return Fate::kAbsent;
  CO_RETURN_IF_ERROR(partition);
  std::string bus = taker_.bus();
  storage::RecordHeader header{.key = kForwardedHeader, .value = bus};
  CO_RETURN_IF_ERROR(appends_.Add(*partition, {.timestamp_ms = parts_.env->WallTime().value(),
                                               .key = event->source,
                                               .value = event->text,
                                               .headers = std::span(&header, 1)}));
  co_return Fate::kPut;
}

// At the time of its arrival: what replays look for, and from which its retention counts.
Task<EventOutput::Fate> EventOutput::PutIntoArchive(const TakenEvent* event) {
  std::string archive = taker_.plan().place.name;
  CO_ASSIGN_OR_RETURN(auto partition, co_await parts_.archives->PartitionOf(std::move(archive)));
  if (!partition) co_return Fate::kAbsent;
  CO_RETURN_IF_ERROR(appends_.Add(
      *partition, {.timestamp_ms = event->arrived_ms, .key = event->source, .value = event->text}));
  co_return Fate::kPut;
}

Task<bool> EventOutput::TargetIsThere() {
  std::string name = taker_.plan().place.name;
  if (taker_.plan().place.kind == TargetKind::kBus) co_return parts_.buses->Has(name);
  if (taker_.plan().place.kind == TargetKind::kArchive) {
    co_return parts_.archives->table().Find(name) != nullptr;
  }
  if (taker_.plan().place.kind == TargetKind::kStream) {
    std::string key = "any";
    CO_ASSIGN_OR_RETURN(auto stream, co_await parts_.find_stream(std::move(name), std::move(key)));
    co_return stream.has_value();
  }
  std::string stream = LogStreamName();
  CO_ASSIGN_OR_RETURN(auto group, co_await parts_.find_log(std::move(name), std::move(stream)));
  co_return group.has_value();
}

Task<std::optional<aws::StreamPlace>> EventOutput::DeadLetterStream(std::string key) {
  const DeadLetterPlace& dead_letters = *taker_.plan().dead_letters;
  CO_ASSIGN_OR_RETURN(auto place, co_await parts_.find_stream(dead_letters.stream, key));
  if (place || !dead_letters.is_queue) co_return place;
  storage::TopicConfig config{{"retention.ms", std::string(kDeadLetterRetentionMs)},
                              {"max.message.bytes", "4194304"}};
  auto made = co_await parts_.log->CreateTopic(dead_letters.stream, 1, std::move(config), false);
  if (made.ok()) {  // no stream to Kinesis yet, which is not asked while others are held
    co_return aws::StreamPlace{.partition = {.topic_id = made->id, .partition = PartitionId(0)}};
  }
  if (Is(made.status(), ErrorCode::kInvalidTopic)) co_return std::nullopt;
  if (!Is(made.status(), ErrorCode::kAlreadyExists)) co_return made.status();
  co_return co_await parts_.find_stream(dead_letters.stream, std::move(key));
}

Task<bool> EventOutput::Abandon(const TakenEvent* event, DeliveryFailure failure) {
  if (!taker_.plan().dead_letters) {
    Drop(*event, failure);
    co_return true;
  }
  std::string key = event->id.empty() ? event->key : event->id;
  CO_ASSIGN_OR_RETURN(auto place, co_await DeadLetterStream(key));
  if (!place) co_return false;
  std::string tries = std::to_string(failure.tries);
  std::vector<storage::RecordHeader> headers{{.key = "RULE_ARN", .value = taker_.rule().arn},
                                             {.key = "TARGET_ARN", .value = taker_.plan().arn},
                                             {.key = "ERROR_CODE", .value = failure.code},
                                             {.key = "ERROR_MESSAGE", .value = failure.message},
                                             {.key = "RETRY_ATTEMPTS", .value = tries}};
  if (!failure.exhausted.empty()) {
    headers.push_back({.key = "EXHAUSTED_RETRY_CONDITION", .value = failure.exhausted});
  }
  CO_RETURN_IF_ERROR(appends_.Add(place->partition, {.timestamp_ms = parts_.env->WallTime().value(),
                                                     .key = key,
                                                     .value = event->text,
                                                     .headers = headers}));
  appends_.Hold(std::move(place->held));
  ++dead_letters_;
  co_return true;
}

void EventOutput::Drop(const TakenEvent& event, const DeliveryFailure& failure) {
  ++dropped_;
  dropped_id_ = event.id;
  dropped_why_ = failure;
}

void EventOutput::DropGone(Offset offset) {
  TakenEvent gone{.offset = offset};
  Drop(gone, {.code = "INTERNAL_ERROR", .message = "the bus no longer has the event"});
}

void EventOutput::TellCommitted() {
  if (dropped_ > 0) {
    parts_.logger.Warning("events of a rule dropped", {{"rule", taker_.rule().arn},
                                                       {"target", taker_.plan().id},
                                                       {"count", dropped_},
                                                       {"last_event", dropped_id_},
                                                       {"code", dropped_why_.code},
                                                       {"reason", dropped_why_.message}});
  }
  counters_.dropped->Increment(static_cast<double>(std::exchange(dropped_, 0)));
  counters_.delivered->Increment(static_cast<double>(std::exchange(delivered_, 0)));
  counters_.dead_letters->Increment(static_cast<double>(std::exchange(dead_letters_, 0)));
}

}  // namespace mainstem::gateway::events

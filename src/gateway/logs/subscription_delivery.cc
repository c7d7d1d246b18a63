#include "gateway/logs/subscription_delivery.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/fnv1a.h"
#include "gateway/aws/committed_reader.h"
#include "gateway/aws/epoch_appends.h"
#include "gateway/aws/standing_task.h"
#include "gateway/logs/event_reader.h"
#include "gateway/logs/filter_pattern.h"
#include "gateway/logs/log_event.h"
#include "storage/batch_builder.h"

namespace mainstem::gateway::logs {
namespace {

constexpr size_t kDeliveryReadBytes = 256 << 10;
// A message's JSON; its gzip is smaller, or hardly larger.
constexpr size_t kDataMessageBytesMax = 1'000'000;
constexpr size_t kMessageEventsMax = 10'000;
// Read, matched, as JSON, compressed, as batches.
constexpr int64_t kDeliveryMemory = 8 << 20;
constexpr Duration kDeliveryLook = std::chrono::seconds(60);
// A position alone is not worth a write for every record that no filter takes.
constexpr int64_t kSkippedMax = 4 << 20;

std::string JobOf(std::string_view filter_id) {
  return "logs-subscription/" + std::string(filter_id);
}

std::string Gzip(const std::string& text, Status* status) {
  auto bytes = std::as_bytes(std::span(text));
  auto packed = storage::Compress(storage::Codec::kGzip, bytes);
  *status = packed.status();
  if (!packed.ok()) return {};
  return {reinterpret_cast<const char*>(packed->data()), packed->size()};
}

}  // namespace

// One filter's task while it runs: until the group is gone.
class SubscriptionDelivery::Delivery final : public aws::StandingTask {
 public:
  Delivery(const Parts& parts, prometheus::Counter* dropped, LogGroupPtr group, std::string name,
           SubscriptionFilter filter, FilterPattern pattern)
      : parts_(parts),
        dropped_(dropped),
        group_(std::move(group)),
        name_(std::move(name)),
        filter_(std::move(filter)),
        pattern_(std::move(pattern)),
        reader_(parts.log, JobOf(filter_.id)) {}

 private:
  Task<> Work() override {
    if (group_->deleted) co_return Status::OK();
    co_return co_await Deliver();
  }

  void TellWaiting(const Status& cause) override {
    parts_.logger.Warning("subscription waits",
                          {{"group", group_->name}, {"filter", name_}, {"error", cause}});
  }

  Task<> Finish() override {
    if (group_->deleted || !reader_.has_passed()) co_return Status::OK();
    aws::CommittedReader::Outcome passed{.end = reader_.next()};
    co_return co_await reader_.Commit(std::move(passed));
  }

  // From the last commit on, until something fails or the topic is gone.
  Task<> Deliver() {
    auto topic = parts_.log->FindTopic(group_->definition.topic_id);
    if (!topic) co_return Status::OK();
    storage::TopicPartition partition{.topic_id = topic->id, .partition = PartitionId(0)};
    CO_RETURN_IF_ERROR(co_await reader_.Open(partition, filter_.begin));
    while (true) {
      CO_ASSIGN_OR_RETURN(bool moved, co_await Step());
      if (moved) continue;
      if (!parts_.log->FindTopic(partition.topic_id)) co_return Status::OK();
      CO_RETURN_IF_ERROR(co_await reader_.Wait(parts_.env->Now() + kDeliveryLook));
    }
  }

  // Reads a piece and delivers what matches. False at the end of the topic.
  Task<bool> Step() {
    MemoryLease lease = parts_.budget->TryLease(kDeliveryMemory);
    if (lease.bytes() == 0) {
      co_return MakeError(ErrorCode::kResourceExhausted, "there is no memory for a subscription");
    }
    std::map<std::string, std::vector<SubscribedEvent>> events;
    aws::CommittedReader::Piece piece{.bytes_max = kDeliveryReadBytes};
    piece.take = [&](const storage::RecordView& record) -> Result<bool> {
      TakeEvent(record, &events);
      return true;
    };
    piece.skip = [&](Offset offset, const Status& broken) {
      parts_.logger.Warning("batch of a log group left out, it can't be decoded",
                            {{"group", group_->name},
                             {"filter", name_},
                             {"offset", offset.value()},
                             {"error", broken}});
    };
    piece.lost = [&](int64_t count) {
      parts_.logger.Warning("events of a log group lost, retention took them before a filter",
                            {{"group", group_->name}, {"filter", name_}, {"count", count}});
    };
    CO_ASSIGN_OR_RETURN(bool moved, co_await reader_.Read(std::move(piece)));
    if (events.empty()) reader_.Pass();
    if (!moved) co_return false;
    if (events.empty() && reader_.uncommitted_bytes() < kSkippedMax) co_return true;
    CO_RETURN_IF_ERROR(co_await Commit(std::move(events)));
    co_return true;
  }

  void TakeEvent(const storage::RecordView& record,
                 std::map<std::string, std::vector<SubscribedEvent>>* events) {
    std::string stream(record.key.value_or(""));
    std::string_view message = record.value.value_or("");
    if (!pattern_.Matches(message)) return;
    EventSource source{.group_id = group_->definition.id, .stream = stream};
    EventPosition position = PositionOf(record);
    SubscribedEvent event{.id = FormatEventId(source, position),
                          .timestamp_ms = position.timestamp_ms,
                          .message = std::string(message)};
    if (pattern_.is_space_delimited()) {
      for (auto& [name, value] : pattern_.Extract(message)) {
        event.fields[name.substr(1)] = std::move(value);  // without the $
      }
    }
    (*events)[stream].push_back(std::move(event));
  }

  // Everything with the new position, or nothing.
  Task<> Commit(std::map<std::string, std::vector<SubscribedEvent>> events) {
    aws::EpochAppends appends;
    for (auto& [stream, taken] : events) {
      for (size_t begin = 0; begin < taken.size();) {
        size_t end = EndOfMessage(taken, begin);
        SubscribedBatch batch{
            .owner = parts_.account, .group = group_->name, .stream = stream, .filter = name_};
        for (; begin < end; ++begin) batch.events.push_back(std::move(taken[begin]));
        CO_RETURN_IF_ERROR(co_await AddMessage(&batch, &appends));
      }
    }
    aws::CommittedReader::Outcome outcome{.end = reader_.next()};
    CO_ASSIGN_OR_RETURN(outcome.appends, appends.Take());
    CO_RETURN_IF_ERROR(co_await reader_.Commit(std::move(outcome)));
    parts_.env->CrashPoint("subscription.commit");
    EndFailures();
    co_return Status::OK();
  }

  static size_t EndOfMessage(const std::vector<SubscribedEvent>& events, size_t begin) {
    size_t bytes = 0;
    size_t end = begin;
    while (end < events.size() && end - begin < kMessageEventsMax) {
      bytes += events[end].message.size() + 200;
      if (end > begin && bytes > kDataMessageBytesMax) break;
      ++end;
    }
    return end;
  }

  Task<> AddMessage(const SubscribedBatch* batch, aws::EpochAppends* appends) {
    Status packed;
    std::string message = co_await parts_.env->blocking_pool().Run(
        [batch, &packed] { return Gzip(DataMessage(*batch), &packed); });
    CO_RETURN_IF_ERROR(packed);
    std::string key = filter_.random ? fmt::format("{:016x}", parts_.env->Random())
                                     : fmt::format("{:016x}", Fnv1a(batch->stream));
    std::string stream = StreamOfArn(filter_.destination_arn);
    CO_ASSIGN_OR_RETURN(auto place, co_await parts_.find_place(std::move(stream), key));
    if (!place) {
      co_return MakeError(ErrorCode::kNotFound,
                          fmt::format("there is no stream {}", filter_.destination_arn));
    }
    if (static_cast<int64_t>(message.size() + key.size()) > place->record_bytes_max) {
      dropped_->Increment(static_cast<double>(batch->events.size()));
      parts_.logger.Warning("events are too large for the stream of a subscription",
                            {{"group", group_->name}, {"filter", name_}});
      co_return Status::OK();
    }
    CO_RETURN_IF_ERROR(appends->Add(
        place->partition,
        {.timestamp_ms = parts_.env->WallTime().value(), .key = key, .value = message}));
    appends->Hold(std::move(place->held));
    co_return Status::OK();
  }

  const Parts& parts_;
  prometheus::Counter* const dropped_;
  const LogGroupPtr group_;
  const std::string name_;
  const SubscriptionFilter filter_;
  FilterPattern pattern_;
  aws::CommittedReader reader_;
};

SubscriptionDelivery::SubscriptionDelivery(Parts parts)
    : parts_(std::move(parts)),
      dropped_(&parts_.metrics->AddCounter(
          {.name = "mainstem_log_subscription_events_dropped_total",
           .help = "log events that were too large for the stream of a subscription"})),
      running_(parts_.env->shard(0), [this](const std::string&, const Status& status) {
        parts_.logger.Warning("subscription ended", {{"error", status}});
      }) {}
SubscriptionDelivery::~SubscriptionDelivery() = default;

Task<> SubscriptionDelivery::Start(LogGroupPtr group, std::string filter) {
  auto found = group->filters.find(filter);
  CHECK(found != group->filters.end());
  std::string id = found->second.id;
  CO_RETURN_IF_ERROR(co_await running_.End(id));
  CO_ASSIGN_OR_RETURN(FilterPattern pattern, FilterPattern::Parse(found->second.pattern));
  auto delivery = std::make_unique<Delivery>(parts_, dropped_, std::move(group), std::move(filter),
                                             found->second, std::move(pattern));
  running_.Start(std::move(id), aws::StandingTask::Run(std::move(delivery)));
  co_return Status::OK();
}

Task<> SubscriptionDelivery::Forget(std::string filter_id) {
  CO_RETURN_IF_ERROR(co_await running_.End(filter_id));
  co_return co_await parts_.log->ForgetJob(JobOf(filter_id));
}

Task<> SubscriptionDelivery::Stop() { return running_.Stop(); }

Task<> SubscriptionDelivery::SendControlMessage(std::string stream) {
  std::string key = fmt::format("{:016x}", parts_.env->Random());
  CO_ASSIGN_OR_RETURN(auto place, co_await parts_.find_place(stream, key));
  if (!place) co_return MakeError(ErrorCode::kNotFound, "there is no such stream");
  Status packed;
  std::string message = Gzip(ControlMessage(parts_.env->WallTime().value()), &packed);
  CO_RETURN_IF_ERROR(packed);
  storage::BatchBuilder builder;
  builder.Add(parts_.env->WallTime().value(), key, message);
  CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
  co_return (co_await parts_.log->Append(place->partition, batch, {})).status();
}

}  // namespace mainstem::gateway::logs

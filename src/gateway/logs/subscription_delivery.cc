#include "gateway/logs/subscription_delivery.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "core/fnv1a.h"
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
constexpr Duration kDeliveryRetry = std::chrono::seconds(1);
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

// One filter's task while it runs.
class SubscriptionDelivery::Delivery {
 public:
  Delivery(const Parts& parts, prometheus::Counter* dropped, LogGroupPtr group, std::string name,
           SubscriptionFilter filter, FilterPattern pattern)
      : parts_(parts),
        dropped_(dropped),
        group_(std::move(group)),
        name_(std::move(name)),
        filter_(std::move(filter)),
        pattern_(std::move(pattern)),
        job_(JobOf(filter_.id)) {}

  // Until the group is gone or the task is cancelled.
  Task<> Run() {
    while (!group_->deleted) {
      Status outcome = co_await Deliver();
      if (co_await IsCancelled()) co_return outcome;
      if (outcome.ok()) co_return outcome;
      if (!failing_) {
        parts_.logger.Warning("subscription waits",
                              {{"group", group_->name}, {"filter", name_}, {"error", outcome}});
      }
      failing_ = true;
      CO_RETURN_IF_ERROR(co_await Sleep(kDeliveryRetry));
    }
    co_return Status::OK();
  }

 private:
  // From the last commit on, until something fails or the topic is gone.
  Task<> Deliver() {
    auto topic = parts_.log->FindTopic(group_->definition.topic_id);
    if (!topic) co_return Status::OK();
    partition_ = {.topic_id = topic->id, .partition = PartitionId(0)};
    CO_ASSIGN_OR_RETURN(storage::JobEpoch last, co_await parts_.log->LastEpoch(job_));
    epoch_ = last.epoch;
    next_ = filter_.begin;
    if (epoch_ > 0) {
      int64_t offset = 0;
      const std::string& text = last.metadata;
      auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset);
      CHECK(error == std::errc() && end == text.data() + text.size());
      next_ = Offset(offset);
    }
    while (true) {
      CO_ASSIGN_OR_RETURN(bool moved, co_await Step());
      if (moved) continue;
      if (!parts_.log->FindTopic(partition_.topic_id)) co_return Status::OK();
      std::vector<std::pair<storage::TopicPartition, Offset>> beyond{{partition_, next_}};
      TimePoint deadline = parts_.env->Now() + kDeliveryLook;
      auto waited = co_await parts_.log->WaitForData(std::move(beyond), deadline);
      CO_RETURN_IF_ERROR(waited);
    }
  }

  // Reads a piece and delivers what matches. False at the end of the topic.
  Task<bool> Step() {
    MemoryLease lease = parts_.budget->TryLease(kDeliveryMemory);
    if (lease.bytes() == 0) {
      co_return MakeError(ErrorCode::kResourceExhausted, "there is no memory for a subscription");
    }
    storage::ReadOptions options{.max_bytes = kDeliveryReadBytes, .read_committed = true};
    auto read = co_await parts_.log->Read(partition_, next_, options);
    if (Is(read.status(), ErrorCode::kOffsetOutOfRange)) {  // retention went past it
      CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets,
                          co_await parts_.log->Offsets(partition_));
      if (next_ >= offsets.log_start) co_return false;
      next_ = offsets.log_start;
      co_return true;
    }
    CO_RETURN_IF_ERROR(read);
    if (read->batches.empty()) co_return false;
    std::map<std::string, std::vector<SubscribedEvent>> events;
    for (const storage::SharedBytes& batch : read->batches) {
      CO_RETURN_IF_ERROR(TakeBatch(batch, &events));
      CO_RETURN_IF_ERROR(co_await Yield());
    }
    skipped_ += static_cast<int64_t>(read->total_bytes);
    if (events.empty() && skipped_ < kSkippedMax) co_return true;
    CO_RETURN_IF_ERROR(co_await Commit(std::move(events)));
    skipped_ = 0;
    co_return true;
  }

  Status TakeBatch(const storage::SharedBytes& batch,
                   std::map<std::string, std::vector<SubscribedEvent>>* events) {
    auto take = [&](const storage::RecordView& record) {
      TakeEvent(record, events);
      return Status::OK();
    };
    ASSIGN_OR_RETURN(VisitedBatch visited, VisitBatch(batch.bytes, next_, Offset(INT64_MAX), take));
    if (!visited.broken.ok()) {
      parts_.logger.Warning("batch of a log group left out, it can't be decoded",
                            {{"group", group_->name},
                             {"filter", name_},
                             {"offset", next_.value()},
                             {"error", visited.broken}});
    }
    next_ = std::max(next_, visited.end);
    return Status::OK();
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
    storage::EpochCommit commit{.job_id = job_, .epoch = epoch_ + 1};
    commit.metadata = std::to_string(next_.value());
    std::map<storage::TopicPartition, storage::BatchBuilder> builders;
    std::vector<std::shared_ptr<const void>> held;
    for (auto& [stream, taken] : events) {
      for (size_t begin = 0; begin < taken.size();) {
        size_t end = EndOfMessage(taken, begin);
        SubscribedBatch batch{
            .owner = parts_.account, .group = group_->name, .stream = stream, .filter = name_};
        for (; begin < end; ++begin) batch.events.push_back(std::move(taken[begin]));
        CO_RETURN_IF_ERROR(co_await AddMessage(&batch, &commit, &builders, &held));
      }
    }
    for (auto& [partition, builder] : builders) {
      CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
      commit.appends.push_back({.partition = partition, .batch = std::move(batch)});
    }
    CO_RETURN_IF_ERROR(co_await parts_.log->CommitEpoch(std::move(commit)));
    parts_.env->CrashPoint("subscription.commit");
    ++epoch_;
    failing_ = false;
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

  Task<> AddMessage(const SubscribedBatch* batch, storage::EpochCommit* commit,
                    std::map<storage::TopicPartition, storage::BatchBuilder>* builders,
                    std::vector<std::shared_ptr<const void>>* held) {
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
    held->push_back(place->held);
    storage::BatchBuilder& builder = (*builders)[place->partition];
    builder.Add(parts_.env->WallTime().value(), key, message);
    co_return Status::OK();
  }

  const Parts& parts_;
  prometheus::Counter* const dropped_;
  const LogGroupPtr group_;
  const std::string name_;
  const SubscriptionFilter filter_;
  FilterPattern pattern_;
  const std::string job_;
  storage::TopicPartition partition_{};
  int64_t epoch_ = 0;
  Offset next_{0};
  int64_t skipped_ = 0;
  bool failing_ = false;  // and the log says so
};

SubscriptionDelivery::SubscriptionDelivery(Parts parts)
    : parts_(std::move(parts)),
      dropped_(&parts_.metrics->AddCounter(
          {.name = "mainstem_log_subscription_events_dropped_total",
           .help = "log events that were too large for the stream of a subscription"})) {}
SubscriptionDelivery::~SubscriptionDelivery() = default;

namespace {

template <typename Delivery>
Task<> RunToItsEnd(std::unique_ptr<Delivery> delivery) {
  co_return co_await delivery->Run();
}

}  // namespace

Task<> SubscriptionDelivery::EndTask(std::string filter_id) {
  auto running = running_.find(filter_id);
  if (running == running_.end()) co_return Status::OK();
  std::unique_ptr<TaskScope> scope = std::move(running->second);
  running_.erase(running);
  co_return co_await scope->Close();
}

Task<> SubscriptionDelivery::Start(LogGroupPtr group, std::string filter) {
  auto found = group->filters.find(filter);
  CHECK(found != group->filters.end());
  std::string id = found->second.id;
  CO_RETURN_IF_ERROR(co_await EndTask(id));
  CO_ASSIGN_OR_RETURN(FilterPattern pattern, FilterPattern::Parse(found->second.pattern));
  auto delivery = std::make_unique<Delivery>(parts_, dropped_, std::move(group), std::move(filter),
                                             found->second, std::move(pattern));
  auto& scope = running_[id];
  scope = std::make_unique<TaskScope>(
      parts_.env->shard(0), "log subscription", [this](const std::string&, const Status& status) {
        parts_.logger.Warning("subscription ended", {{"error", status}});
      });
  scope->Spawn("deliver", RunToItsEnd(std::move(delivery)));
  co_return Status::OK();
}

Task<> SubscriptionDelivery::Forget(std::string filter_id) {
  CO_RETURN_IF_ERROR(co_await EndTask(filter_id));
  co_return co_await parts_.log->ForgetJob(JobOf(filter_id));
}

Task<> SubscriptionDelivery::Stop() {
  while (!running_.empty()) {
    std::string id = running_.begin()->first;
    CO_RETURN_IF_ERROR(co_await EndTask(std::move(id)));
  }
  co_return Status::OK();
}

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

#include "gateway/http/follow.h"

#include <algorithm>

#include "gateway/http/answer_lease.h"

namespace mainstem::gateway::http {
namespace {

// Of one partition at a time, so that a busy one does not hold back the others.
constexpr size_t kReadBytes = 256 * 1024;
constexpr size_t kEventsPerSend = 500;
// What is read, as JSON and as it is sent.
constexpr int64_t kLeaseBytes = 4 * kReadBytes;
constexpr Duration kLeaseRetry = std::chrono::milliseconds(10);
// So often the topic is looked at for partitions that were added.
constexpr Duration kTopicLook = std::chrono::seconds(1);

// Waits until there is memory for one step.
Task<MemoryLease> LeaseStep(MemoryBudget* memory) {
  for (;;) {
    std::optional<MemoryLease> lease = TryLeaseAnswer(memory, kLeaseBytes);
    if (lease) co_return *std::move(lease);
    CO_RETURN_IF_ERROR(co_await Sleep(kLeaseRetry));
  }
}

class Follower {
 public:
  Follower(Env* env, storage::Log* log, FollowOptions options, FollowSink* sink)
      : env_(env),
        log_(log),
        options_(std::move(options)),
        sink_(sink),
        positions_(std::move(options_.positions)),
        writer_(options_.decoding) {}

  Task<> Run() {
    CO_RETURN_IF_ERROR(co_await sink_->Begin(FormatPositions(positions_)));
    while (true) {
      CO_RETURN_IF_ERROR(LookAtTopic().status());
      beyond_.clear();
      bool progressed = false;
      for (auto& [partition, next] : positions_) {
        Offset before = next;
        CO_RETURN_IF_ERROR(co_await Step(partition, &next));
        progressed |= next != before;
      }
      if (!progressed) CO_RETURN_IF_ERROR(co_await WaitForMore());
    }
  }

 private:
  // Adds what partitions it has got; true when there are any.
  Result<bool> LookAtTopic() {
    std::optional<storage::TopicInfo> topic = log_->FindTopic(options_.topic.id);
    if (!topic) {
      return MakeError(ErrorCode::kUnknownTopic, "topic '" + options_.topic.name + "' is gone");
    }
    if (!options_.all_partitions) return false;
    size_t before = positions_.size();
    for (int32_t i = options_.topic.partition_count; i < topic->partition_count; ++i) {
      positions_.try_emplace(PartitionId(i), Offset(0));
    }
    options_.topic.partition_count = topic->partition_count;
    return positions_.size() > before;
  }

  // Sends what one read of a partition gives.
  Task<> Step(PartitionId partition, Offset* next) {
    CO_ASSIGN_OR_RETURN(MemoryLease lease, co_await LeaseStep(options_.memory));
    const Offset asked = *next;
    std::vector<FollowedEvent> events;
    // Each event carries the positions of all partitions: of many, fewer events are sent at once.
    const size_t events_max = std::clamp(kReadBytes / (FormatPositions(positions_).size() + 1),
                                         size_t{1}, kEventsPerSend);
    auto visit = [&](const storage::RecordView& record) -> Result<bool> {
      JsonWriter json;
      RETURN_IF_ERROR(writer_.Write(partition, record, &json));
      *next = record.offset + 1;
      events.push_back({FormatPositions(positions_), json.Take()});
      return events.size() < events_max;
    };
    storage::TopicPartition id{.topic_id = options_.topic.id, .partition = partition};
    CO_ASSIGN_OR_RETURN(VisitResult visited,
                        co_await VisitRecords(log_, id, asked, kReadBytes, visit));
    if (visited.begin != asked) {
      *next = visited.begin;
      JsonWriter json;
      WriteGap({partition, asked, visited.begin}, &json);
      FollowedEvent gap{FormatPositions(positions_), json.Take()};
      CO_RETURN_IF_ERROR(co_await sink_->SendGap(std::move(gap)));
    }
    *next = visited.next;
    // What an open transaction hides becomes readable with its marker, a batch like any other.
    beyond_.emplace_back(id, std::max(*next, visited.high_watermark));
    if (events.empty()) co_return Status::OK();
    int64_t bytes = 0;
    for (const FollowedEvent& event : events) bytes += std::ssize(event.json);
    options_.events_sent->fetch_add(std::ssize(events), std::memory_order_relaxed);
    options_.bytes_sent->fetch_add(bytes, std::memory_order_relaxed);
    co_return co_await sink_->Send(std::move(events));
  }

  // Until there may be something to read.
  Task<> WaitForMore() {
    TimePoint heartbeat = env_->Now() + options_.heartbeat;
    while (true) {
      TimePoint deadline = std::min(heartbeat, env_->Now() + kTopicLook);
      auto beyond = beyond_;
      CO_ASSIGN_OR_RETURN(bool moved, co_await log_->WaitForData(std::move(beyond), deadline));
      CO_ASSIGN_OR_RETURN(bool grown, LookAtTopic());
      if (moved || grown) co_return Status::OK();
      if (env_->Now() < heartbeat) continue;
      CO_RETURN_IF_ERROR(co_await sink_->Heartbeat());
      heartbeat = env_->Now() + options_.heartbeat;
    }
  }

  Env* const env_;
  storage::Log* const log_;
  FollowOptions options_;
  FollowSink* const sink_;
  Positions positions_;
  EventJsonWriter writer_;
  std::vector<std::pair<storage::TopicPartition, Offset>> beyond_;  // what was read so far
};

}  // namespace

Task<> Follow(Env* env, storage::Log* log, FollowOptions options, FollowSink* sink) {
  Follower follower(env, log, std::move(options), sink);
  co_return co_await follower.Run();
}

}  // namespace mainstem::gateway::http

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

// Waits until there is memory for one step.
Task<MemoryLease> LeaseStep(MemoryBudget* memory) {
  for (;;) {
    std::optional<MemoryLease> lease = TryLeaseAnswer(memory, kLeaseBytes);
    if (lease) co_return *std::move(lease);
    CO_RETURN_IF_ERROR(co_await Sleep(kLeaseRetry));
  }
}

}  // namespace

Task<> Follow(Env* env, storage::Log* log, FollowOptions options, FollowSink* sink) {
  EventJsonWriter writer(options.decoding);
  Positions positions = std::move(options.positions);
  while (true) {
    bool progressed = false;
    std::vector<std::pair<storage::TopicPartition, Offset>> beyond;
    for (auto& position : positions) {
      const PartitionId partition = position.first;
      Offset& next = position.second;  // a binding's name could not be captured below by clang 14
      CO_ASSIGN_OR_RETURN(MemoryLease lease, co_await LeaseStep(options.memory));
      std::vector<FollowedEvent> events;
      PartitionId current = partition;
      Offset before = next;
      // Each event carries the positions of all partitions: of many, fewer events are sent at once.
      const size_t events_max = std::clamp(kReadBytes / (FormatPositions(positions).size() + 1),
                                           size_t{1}, kEventsPerSend);
      auto visit = [&](const storage::RecordView& record) -> Result<bool> {
        JsonWriter json;
        RETURN_IF_ERROR(writer.Write(current, record, &json));
        next = record.offset + 1;
        events.push_back({FormatPositions(positions), json.Take()});
        return events.size() < events_max;
      };
      storage::TopicPartition id{.topic_id = options.topic.id, .partition = current};
      CO_ASSIGN_OR_RETURN(VisitResult visited,
                          co_await VisitRecords(log, id, next, kReadBytes, visit));
      next = visited.next;
      progressed |= next != before;
      // What an open transaction hides becomes readable with its marker, a batch like any other.
      beyond.emplace_back(id, std::max(next, visited.high_watermark));
      if (events.empty()) continue;
      options.events_sent->fetch_add(static_cast<int64_t>(events.size()),
                                     std::memory_order_relaxed);
      int64_t bytes = 0;
      for (const FollowedEvent& event : events) bytes += static_cast<int64_t>(event.json.size());
      options.bytes_sent->fetch_add(bytes, std::memory_order_relaxed);
      CO_RETURN_IF_ERROR(co_await sink->Send(std::move(events)));
    }
    if (progressed) continue;
    TimePoint deadline = env->Now() + options.heartbeat;
    CO_ASSIGN_OR_RETURN(bool moved, co_await log->WaitForData(std::move(beyond), deadline));
    if (!log->FindTopic(options.topic.id)) {
      co_return MakeError(ErrorCode::kUnknownTopic, "topic '" + options.topic.name + "' is gone");
    }
    if (!moved) CO_RETURN_IF_ERROR(co_await sink->Heartbeat());
  }
}

}  // namespace mainstem::gateway::http

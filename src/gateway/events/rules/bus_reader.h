// One target's reader of its bus: the events that its rule takes, and the place that is committed
// with what becomes of them. One task at a time; home shard.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/aws/committed_reader.h"
#include "gateway/events/rules/event_output.h"

namespace mainstem::gateway::events {

// At most so many read and commit at a time, each with memory of its own; others wait in turn.
class DeliveryTurns {
 public:
  DeliveryTurns(Env* env, MemoryBudget* budget) : home_(env->shard(0)), budget_(budget) {}
  class Turn;
  // Keep it while reading, not while waiting for something outside. Outlived by this.
  // kResourceExhausted when there is no memory.
  Task<std::unique_ptr<Turn>> Begin();

 private:
  struct Waiter {
    explicit Waiter(Executor home) : event(home) {}
    Event event;
    bool is_next = false;
  };
  Task<> WaitInTurn();
  void WakeNext();

  const Executor home_;
  MemoryBudget* const budget_;
  int free_ = 2;
  std::list<Waiter> waiting_;
};

// Holds its memory until it is destroyed.
class DeliveryTurns::Turn {
 public:
  Turn(DeliveryTurns* turns, MemoryLease lease);
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  DeliveryTurns* const turns_;
  const MemoryLease lease_;
};

class BusReader {
 public:
  // What one place of a delivery is called among the log's jobs.
  static std::string JobOf(std::string_view delivery_id);
  // Borrows the parts and the taker.
  BusReader(const DeliveryParts& parts, const DeliveryCounters& counters, const EventTaker& taker,
            Target target);

  // Goes to the place of the last commit; false when the bus has no topic. Again after every
  // failure.
  Task<bool> Open();
  bool TopicIsThere() const { return parts_.log->FindTopic(partition_.topic_id).has_value(); }
  Offset next() const { return reader_.next(); }
  // What the last commit said beside its place, in the same topic.
  const std::string& note() const { return note_; }

  // The next events that the rule takes, at most so many, or of about 2 MiB with what is made of
  // them. False at the end of the topic. During a turn.
  Task<bool> Read(std::vector<TakenEvent>* events, size_t events_max);
  // The event at a place that was read before; nothing when it is gone.
  Task<std::optional<TakenEvent>> ReadAgain(Offset offset);
  // So much was passed over that the place is worth a commit of its own.
  bool HasPassedMuch() const;
  Task<> Wait(TimePoint deadline) { return reader_.Wait(deadline); }

  // Its note is told by note() afterwards.
  using Outcome = aws::CommittedReader::Outcome;
  Task<> Commit(Outcome outcome);
  // The place, where nothing that was taken since the last commit is left to do: what the rule did
  // not take is not judged again by a later pattern.
  Task<> CommitPassed();

 private:
  const DeliveryParts& parts_;
  const DeliveryCounters& counters_;
  const EventTaker& taker_;
  const Target target_;
  aws::CommittedReader reader_;
  storage::TopicPartition partition_{};
  std::string topic_;
  bool has_gaps_ = false;
  std::string note_;
};

}  // namespace mainstem::gateway::events

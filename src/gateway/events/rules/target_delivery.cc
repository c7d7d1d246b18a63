#include "gateway/events/rules/target_delivery.h"

#include <algorithm>

#include <absl/strings/escaping.h>
#include <fmt/format.h>

#include "core/backoff.h"
#include "gateway/aws/committed_reader.h"

namespace mainstem::gateway::events {
namespace {

constexpr size_t kEventReadBytes = 256 << 10;
// Read, decoded, made for the target, as batches.
constexpr int64_t kTurnMemory = 16 << 20;
// What is made of the events of one commit; the last one may go beyond.
constexpr size_t kMadeBytesMax = 2 << 20;
constexpr Backoff::Bounds kTargetPauses{.first = std::chrono::seconds(1),
                                        .last = std::chrono::minutes(10)};
constexpr Duration kTargetLook = std::chrono::seconds(1);
constexpr Duration kBusLook = std::chrono::seconds(60);
// A place alone is not worth a write for every event that the rule does not take.
constexpr int64_t kPassedMax = 4 << 20;

std::string JobOfDelivery(std::string_view delivery_id) {
  return "event-target/" + std::string(delivery_id);
}

std::string TopicText(const storage::TopicId& id) {
  return absl::BytesToHexString({reinterpret_cast<const char*>(id.data()), id.size()});
}

}  // namespace

class DeliveryTurns::Turn {
 public:
  explicit Turn(DeliveryTurns* turns) : turns_(turns) { --turns_->free_; }
  ~Turn() {
    ++turns_->free_;
    turns_->ended_.NotifyAll();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  DeliveryTurns* const turns_;
};

Task<std::unique_ptr<DeliveryTurns::Turn>> DeliveryTurns::Begin() {
  while (free_ == 0) CO_RETURN_IF_ERROR(co_await ended_.Wait());
  co_return std::make_unique<Turn>(this);
}

namespace {

// One target's task while it runs.
class TargetTask {
 public:
  TargetTask(const DeliveryParts& parts, const DeliveryCounters& counters, DeliveryTurns* turns,
             EventTaker taker, const Target& target)
      : parts_(parts),
        counters_(counters),
        turns_(turns),
        taker_(std::move(taker)),
        target_(target),
        reader_(parts.log, JobOfDelivery(target.delivery_id)),
        pauses_(kTargetPauses) {}

  // Until it is cancelled.
  Task<> Run() {
    while (true) {
      Status outcome = co_await Deliver();
      if (co_await IsCancelled()) co_return outcome;
      if (!outcome.ok() && !failing_) {
        parts_.logger.Warning(
            "target of a rule waits",
            {{"rule", taker_.rule().arn}, {"target", taker_.plan().id}, {"error", outcome}});
        failing_ = true;
      }
      CO_RETURN_IF_ERROR(co_await Pause());
    }
  }

 private:
  // From the last commit on, until something fails or the topic is gone.
  Task<> Deliver() {
    auto topic = parts_.log->FindTopic(BusTopic(taker_.bus()));
    if (!topic) co_return Status::OK();
    storage::TopicPartition partition{.topic_id = topic->id, .partition = PartitionId(0)};
    topic_ = TopicText(topic->id);
    Offset begin = topic->id == target_.topic_id ? target_.begin : Offset(0);
    CO_RETURN_IF_ERROR(co_await reader_.Open(partition, begin));
    // The place may be one in a topic that was deleted.
    if (!reader_.note().empty() && reader_.note() != topic_) reader_.GoTo(Offset(0));
    while (true) {
      CO_ASSIGN_OR_RETURN(bool moved, co_await Step());
      if (moved) continue;
      if (!parts_.log->FindTopic(partition.topic_id)) co_return Status::OK();
      CO_RETURN_IF_ERROR(co_await reader_.Wait(parts_.env->Now() + kBusLook));
    }
  }

  // While there is no target the pauses grow, but one that comes back is seen at once.
  Task<> Pause() {
    if (!std::exchange(absent_, false)) co_return co_await Sleep(kTargetLook);
    TimePoint end = parts_.env->Now() + pauses_.Next(parts_.env);
    while (parts_.env->Now() < end) {
      CO_RETURN_IF_ERROR(co_await SleepUntil(std::min(end, parts_.env->Now() + kTargetLook)));
      EventOutput output(parts_, counters_, taker_);
      auto there = co_await output.TargetIsThere();
      if (there.ok() && *there) break;
    }
    co_return Status::OK();
  }

  // Reads a piece and delivers what the rule takes. False at the end of the topic.
  Task<bool> Step() {
    CO_ASSIGN_OR_RETURN(auto turn, co_await turns_->Begin());
    MemoryLease lease = parts_.budget->TryLease(kTurnMemory);
    if (lease.bytes() == 0) {
      co_return MakeError(ErrorCode::kResourceExhausted, "there is no memory for a rule's target");
    }
    std::vector<TakenEvent> events;
    size_t made_bytes = 0;
    aws::CommittedReader::Piece piece{.bytes_max = kEventReadBytes};
    piece.take = [&](const storage::RecordView& record) -> Result<bool> {
      if (made_bytes > kMadeBytesMax) return false;
      auto event = taker_.Take(record);
      if (!event) return true;
      made_bytes += event->text.size() + (event->input.ok() ? event->input->size() : 0);
      events.push_back(*std::move(event));
      return true;
    };
    piece.skip = [&](Offset offset, const Status& broken) {
      parts_.logger.Warning("batch of an event bus left out, it can't be decoded",
                            {{"bus", taker_.bus()}, {"offset", offset.value()}, {"error", broken}});
    };
    CO_ASSIGN_OR_RETURN(bool moved, co_await reader_.Read(std::move(piece)));
    if (!moved) co_return false;
    if (events.empty() && reader_.uncommitted_bytes() < kPassedMax) co_return true;
    CO_RETURN_IF_ERROR(co_await PutEvents(&events));
    co_return true;
  }

  // All with the new place, or nothing. An event that has to wait ends it: what lies before it is
  // committed.
  Task<> PutEvents(const std::vector<TakenEvent>* events) {
    EventOutput output(parts_, counters_, taker_);
    aws::CommittedReader::Outcome outcome{.end = reader_.next(), .note = topic_};
    Status waiting;
    for (const TakenEvent& event : *events) {
      auto done = co_await PutEvent(&output, &event);
      if (done.ok() && *done) continue;
      waiting = done.status();
      if (done.ok()) waiting = MakeError(ErrorCode::kNotFound, "there is no such target");
      outcome.end = event.offset;
      break;
    }
    CO_ASSIGN_OR_RETURN(outcome.appends, output.Take());
    if (waiting.ok() || outcome.end > events->front().offset) {
      CO_RETURN_IF_ERROR(co_await reader_.Commit(std::move(outcome)));
      parts_.env->CrashPoint("event_target.commit");
      output.TellCommitted();
    }
    if (!waiting.ok()) co_return waiting;
    failing_ = false;
    tries_ = 0;
    pauses_.Reset();
    co_return Status::OK();
  }

  // False: it has to wait.
  Task<bool> PutEvent(EventOutput* output, const TakenEvent* event) {
    DeliveryFailure failure;
    CO_ASSIGN_OR_RETURN(EventOutput::Fate fate, co_await output->Put(event, &failure));
    if (fate == EventOutput::Fate::kPut) co_return true;
    failure.tries = tries_;
    bool is_old = parts_.env->WallTime().value() - event->arrived_ms > taker_.plan().age_max_ms;
    if (fate == EventOutput::Fate::kRefused) {
      CO_ASSIGN_OR_RETURN(bool done, co_await output->Abandon(event, failure));
      if (done || !is_old) co_return done;
      output->Drop(*event, failure);
      co_return true;
    }
    absent_ = true;
    // Amazon does not try again where there is no target: with dead letters, they are told at once.
    bool tried_enough = tries_ >= taker_.plan().tries_max;
    if (is_old)
      failure.exhausted = "MaximumEventAgeInSeconds";
    else if (tried_enough)
      failure.exhausted = "MaximumRetryAttempts";
    if (is_old || tried_enough || taker_.plan().dead_letters) {
      CO_ASSIGN_OR_RETURN(bool done, co_await output->Abandon(event, failure));
      if (done) co_return true;
      if (is_old) {
        output->Drop(*event, failure);
        co_return true;
      }
    }
    ++tries_;
    co_return false;
  }

  const DeliveryParts& parts_;
  const DeliveryCounters& counters_;
  DeliveryTurns* const turns_;
  const EventTaker taker_;
  const Target target_;
  aws::CommittedReader reader_;
  Backoff pauses_;
  std::string topic_;
  int64_t tries_ = 0;     // in a row, of the event that waits
  bool absent_ = false;   // there is no such target
  bool failing_ = false;  // and the log says so
};

Task<> RunTarget(std::unique_ptr<TargetTask> task) { co_return co_await task->Run(); }

DeliveryCounters MakeDeliveryCounters(Metrics* metrics) {
  return {.delivered = &metrics->AddCounter({.name = "mainstem_events_delivered_total",
                                             .help = "events put to targets of event rules"}),
          .dead_letters =
              &metrics->AddCounter({.name = "mainstem_events_dead_letters_total",
                                    .help = "events that targets did not take, to dead letters"}),
          .dropped = &metrics->AddCounter({.name = "mainstem_events_dropped_total",
                                           .help = "events that targets did not take, lost"})};
}

}  // namespace

TargetDelivery::TargetDelivery(DeliveryParts parts)
    : parts_(std::move(parts)),
      counters_(MakeDeliveryCounters(parts_.metrics)),
      turns_(parts_.env),
      running_(parts_.env->shard(0), [this](const std::string&, const Status& status) {
        parts_.logger.Warning("target of a rule ended", {{"error", status}});
      }) {}
TargetDelivery::~TargetDelivery() = default;

Task<> TargetDelivery::Start(RuleKey key, Rule rule, std::string target_id) {
  const Target& target = rule.targets.at(target_id);
  CO_RETURN_IF_ERROR(co_await running_.End(target.delivery_id));
  CO_ASSIGN_OR_RETURN(EventTaker taker, EventTaker::Make(key, rule, target_id, parts_.account));
  auto task = std::make_unique<TargetTask>(parts_, counters_, &turns_, std::move(taker), target);
  running_.Start(target.delivery_id, RunTarget(std::move(task)));
  co_return Status::OK();
}

Task<> TargetDelivery::End(std::string delivery_id) { return running_.End(std::move(delivery_id)); }

Task<> TargetDelivery::Forget(std::string delivery_id) {
  CO_RETURN_IF_ERROR(co_await running_.End(delivery_id));
  co_return co_await parts_.log->ForgetJob(JobOfDelivery(delivery_id));
}

Task<> TargetDelivery::Stop() { return running_.Stop(); }

}  // namespace mainstem::gateway::events

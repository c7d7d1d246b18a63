#include "gateway/events/rules/target_delivery.h"

#include <algorithm>

#include "gateway/events/destinations/api_task.h"
#include "gateway/events/destinations/waiting_calls.h"

namespace mainstem::gateway::events {
namespace {

constexpr size_t kEventsMax = 10'000;  // of a commit
constexpr Backoff::Bounds kTargetPauses{.first = std::chrono::seconds(1),
                                        .last = std::chrono::minutes(10)};
// One target's task while it runs.
class TargetTask final : public RuleTask {
 public:
  TargetTask(RuleTaskParts parts, EventTaker taker, Target target)
      : RuleTask(parts, std::move(taker), std::move(target), kTargetPauses) {}

 private:
  Task<> Deliver() override {
    CO_ASSIGN_OR_RETURN(bool opened, co_await reader_.Open());
    if (!opened) co_return Status::OK();
    while (true) {
      CO_ASSIGN_OR_RETURN(bool moved, co_await Step());
      if (moved) continue;
      if (!reader_.TopicIsThere()) co_return Status::OK();
      CO_RETURN_IF_ERROR(co_await reader_.Wait(parts_.env->Now() + kBusLook));
    }
  }

  // While there is no target the pauses grow, but one that comes back is seen at once.
  Task<> Pause() override {
    if (!std::exchange(absent_, false)) co_return co_await Sleep(kLook);
    TimePoint end = parts_.env->Now() + pauses_.Next(parts_.env);
    while (parts_.env->Now() < end) {
      CO_RETURN_IF_ERROR(co_await SleepUntil(std::min(end, parts_.env->Now() + kLook)));
      EventOutput output(parts_, counters_, taker_);
      auto there = co_await output.TargetIsThere();
      if (there.ok() && *there) break;
    }
    co_return Status::OK();
  }

  // Reads a piece and delivers what the rule takes. False at the end of the topic.
  Task<bool> Step() {
    CO_ASSIGN_OR_RETURN(auto turn, co_await turns_->Begin());
    if (!reader_.note().empty()) co_return co_await PutInherited();
    std::vector<TakenEvent> events;
    CO_ASSIGN_OR_RETURN(bool moved, co_await reader_.Read(&events, kEventsMax));
    if (!moved) co_return false;
    if (events.empty() && !reader_.HasPassedMuch()) co_return true;
    CO_RETURN_IF_ERROR(co_await PutEvents(&events));
    co_return true;
  }

  // The first event whose call waited when the target was an API destination. True.
  Task<bool> PutInherited() {
    WaitingCalls waiting = ParseWaiting(reader_.note());
    Offset offset = waiting.begin()->first;
    EventOutput output(parts_, counters_, taker_);
    CO_ASSIGN_OR_RETURN(auto event, co_await reader_.ReadAgain(offset));
    if (event) {
      CO_ASSIGN_OR_RETURN(bool done, co_await PutEvent(&output, &*event));
      if (!done) co_return MakeError(ErrorCode::kNotFound, "there is no such target");
    } else {
      output.DropGone(offset);
    }
    waiting.erase(offset);
    BusReader::Outcome outcome{.end = reader_.next(), .note = FormatWaiting(waiting)};
    CO_ASSIGN_OR_RETURN(outcome.appends, output.Take());
    CO_RETURN_IF_ERROR(co_await reader_.Commit(std::move(outcome)));
    output.TellCommitted();
    Succeed();
    co_return true;
  }

  // All with the new place, or nothing. An event that has to wait ends it: what lies before it is
  // committed.
  Task<> PutEvents(const std::vector<TakenEvent>* events) {
    EventOutput output(parts_, counters_, taker_);
    CO_RETURN_IF_ERROR(co_await output.MeetStreams());
    BusReader::Outcome outcome{.end = reader_.next()};
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
      output.TellCommitted();
    }
    if (!waiting.ok()) co_return waiting;
    Succeed();
    co_return Status::OK();
  }

  void Succeed() {
    EndFailures();
    tries_ = 0;
    pauses_.Reset();
  }

  // False: it has to wait.
  Task<bool> PutEvent(EventOutput* output, const TakenEvent* event) {
    DeliveryFailure failure;
    CO_ASSIGN_OR_RETURN(EventOutput::Fate fate, co_await output->Put(event, &failure));
    if (fate == EventOutput::Fate::kPut) co_return true;
    failure.tries = tries_;
    bool is_old = IsTooOld(*event);
    if (fate == EventOutput::Fate::kRefused) {
      CO_ASSIGN_OR_RETURN(bool done, co_await output->Abandon(event, failure));
      if (!done) output->Drop(*event, failure);  // what the target can take is behind it
      co_return true;
    }
    absent_ = true;
    // Amazon does not try again where there is no target: with dead letters, they are told at once.
    bool tried_enough = tries_ >= taker_.plan().tries_max;
    failure.exhausted = LimitReached(is_old, tried_enough);
    if (is_old || tried_enough || taker_.plan().dead_letters) {
      CO_ASSIGN_OR_RETURN(bool done, co_await output->Abandon(event, failure));
      if (!done && is_old) output->Drop(*event, failure);
      if (done || is_old) {
        tries_ = 0;  // the next one has tries of its own
        pauses_.Reset();
        co_return true;
      }
    }
    ++tries_;
    co_return false;
  }

  int64_t tries_ = 0;    // in a row, of the event that waits
  bool absent_ = false;  // there is no such target
};

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
      turns_(parts_.env, parts_.budget),
      running_(parts_.env->shard(0), [this](const std::string&, const Status& status) {
        parts_.logger.Warning("target of a rule ended", {{"error", status}});
      }) {}
TargetDelivery::~TargetDelivery() = default;

Task<> TargetDelivery::Start(RuleKey key, Rule rule, std::string target_id) {
  const Target& target = rule.targets.at(target_id);
  CO_RETURN_IF_ERROR(co_await running_.End(target.delivery_id));
  CO_ASSIGN_OR_RETURN(EventTaker taker, EventTaker::Make(key, rule, target_id, parts_.account));
  const RuleTaskParts parts{parts_, counters_, &turns_};
  std::unique_ptr<aws::StandingTask> task;
  if (taker.plan().place.kind == TargetKind::kApi) {
    task = MakeApiTask(parts, std::move(taker), target);
  } else {
    task = std::make_unique<TargetTask>(parts, std::move(taker), target);
  }
  running_.Start(target.delivery_id, aws::StandingTask::Run(std::move(task)));
  co_return Status::OK();
}

Task<> TargetDelivery::End(std::vector<std::string> delivery_ids) {
  for (const std::string& id : delivery_ids) running_.Cancel(id);
  for (const std::string& id : delivery_ids) CO_RETURN_IF_ERROR(co_await running_.End(id));
  co_return Status::OK();
}

Task<> TargetDelivery::Forget(std::string delivery_id) {
  CO_RETURN_IF_ERROR(co_await running_.End(delivery_id));
  co_return co_await parts_.log->ForgetJob(BusReader::JobOf(delivery_id));
}

Task<> TargetDelivery::Stop() { return running_.Stop(); }

}  // namespace mainstem::gateway::events

#include "gateway/events/destinations/api_task.h"

#include <algorithm>
#include <map>
#include <span>

#include <fmt/format.h>

#include "connector/http/http_session.h"
#include "connector/kafka/client_thread.h"
#include "core/backoff.h"
#include "gateway/aws/body_codec.h"
#include "gateway/aws/shape.h"
#include "gateway/events/destinations/api_request.h"
#include "gateway/events/destinations/waiting_calls.h"

namespace mainstem::gateway::events {
namespace {

constexpr size_t kCallsAtOnce = 20;  // before a commit
constexpr size_t kWaitingMax = 100;
constexpr int64_t kApiMemory = 8 << 20;  // while events are read
// While they are called with: beside them, a request and what it is made from, a few times as
// large.
constexpr int64_t kRequestMemory = 64 << 10;
constexpr int64_t kRequestFactor = 4;
constexpr int64_t kPauseFirstMs = 1000;
constexpr int64_t kPauseLastMs = 600'000;
constexpr int64_t kDeadLetterPauseMs = 10'000;
constexpr Backoff::Bounds kApiPauses{.first = std::chrono::seconds(1),
                                     .last = std::chrono::minutes(1)};
constexpr Duration kApiTimeout = std::chrono::seconds(5);  // Amazon's

// Amazon's list of what is tried again.
bool IsTriedAgain(int status) {
  return status == 401 || status == 407 || status == 409 || status == 429 || status >= 500;
}

enum class CallFate : uint8_t { kDone, kLater, kAbsent, kRefused };

class ApiTask final : public RuleTask {
 public:
  ApiTask(RuleTaskParts parts, EventTaker taker, Target target)
      : RuleTask(parts, std::move(taker), target, kApiPauses),
        delivery_id_(target.delivery_id),
        session_({.connect_timeout = kApiTimeout,
                  .call_timeout = kApiTimeout,
                  .answer_bytes_max = 1 << 20,
                  .cuts_long_answers = true,
                  .hides_paths = true}) {}

 private:
  Task<> Pause() override { return Sleep(pauses_.Next(parts_.env)); }

  int64_t NowMs() const { return parts_.env->WallTime().value(); }

  Task<> Deliver() override {
    CO_ASSIGN_OR_RETURN(bool opened, co_await reader_.Open());
    if (!opened) co_return Status::OK();
    waiting_ = ParseWaiting(reader_.note());
    while (true) {
      CO_ASSIGN_OR_RETURN(bool tried, co_await TryAgain());
      bool moved = false;
      if (waiting_.size() < kWaitingMax) {
        CO_ASSIGN_OR_RETURN(moved, co_await Step());
      }
      if (tried || moved) continue;
      if (!reader_.TopicIsThere()) co_return Status::OK();
      CO_RETURN_IF_ERROR(co_await WaitForWork());
    }
  }

  Task<> WaitForWork() {
    TimePoint deadline = parts_.env->Now() + kBusLook;
    for (const auto& [offset, call] : waiting_) {
      auto pause = std::chrono::milliseconds(std::max<int64_t>(call.due_ms - NowMs(), 1));
      deadline = std::min(deadline, parts_.env->Now() + pause);
    }
    if (waiting_.size() >= kWaitingMax) co_return co_await SleepUntil(deadline);
    co_return co_await reader_.Wait(deadline);
  }

  // Calls with the next events that the rule takes. False at the end of the topic.
  Task<bool> Step() {
    std::vector<TakenEvent> events;
    CO_ASSIGN_OR_RETURN(MemoryLease lease, LeaseForReading());
    CO_ASSIGN_OR_RETURN(bool moved, co_await ReadEvents(&events));
    if (!moved) co_return false;
    if (events.empty() && !reader_.HasPassedMuch()) co_return true;
    ShrinkTo(events, &lease);
    EventOutput output(parts_, counters_, taker_);
    WaitingCalls waiting = waiting_;
    Status ended;
    Offset end = reader_.next();
    for (const TakenEvent& event : events) {
      ended = co_await Attempt(&event, {}, &output, &waiting);
      if (ended.ok()) continue;
      end = event.offset;
      break;
    }
    if (ended.ok() || end > events.front().offset) {
      CO_RETURN_IF_ERROR(co_await Commit(&output, std::move(waiting), end));
    }
    CO_RETURN_IF_ERROR(ended);
    co_return true;
  }

  Result<MemoryLease> LeaseForReading() const {
    MemoryLease lease = parts_.budget->TryLease(kApiMemory);
    if (lease.bytes() > 0) return lease;
    return MakeError(ErrorCode::kResourceExhausted, "there is no memory for a rule's target");
  }

  // Calls may take long: what they do not need is for others meanwhile.
  static void ShrinkTo(std::span<const TakenEvent> events, MemoryLease* lease) {
    int64_t bytes = kRequestMemory;
    int64_t largest = 0;
    for (const TakenEvent& event : events) {
      auto size = static_cast<int64_t>(event.text.size());
      if (event.input.ok()) size += static_cast<int64_t>(event.input->size());
      bytes += size;
      largest = std::max(largest, size);
    }
    bytes += kRequestFactor * largest;
    if (bytes < lease->bytes()) CHECK(lease->Resize(bytes));
  }

  Task<bool> ReadEvents(std::vector<TakenEvent>* events) {
    CO_ASSIGN_OR_RETURN(auto turn, co_await turns_->Begin());
    co_return co_await reader_.Read(events, std::min(kCallsAtOnce, kWaitingMax - waiting_.size()));
  }

  // Calls again where it is time to. False when there is nothing to do.
  Task<bool> TryAgain() {
    std::vector<std::pair<Offset, WaitingCall>> due;
    for (const auto& [offset, call] : waiting_) {
      if (call.due_ms <= NowMs() && due.size() < kCallsAtOnce) due.emplace_back(offset, call);
    }
    if (due.empty()) co_return false;
    EventOutput output(parts_, counters_, taker_);
    WaitingCalls waiting = waiting_;
    Status ended;
    size_t done = 0;
    for (const auto& [offset, call] : due) {
      ended = co_await AttemptAgain(offset, call, &output, &waiting);
      if (!ended.ok()) break;
      ++done;
    }
    if (done > 0) CO_RETURN_IF_ERROR(co_await Commit(&output, std::move(waiting), reader_.next()));
    CO_RETURN_IF_ERROR(ended);
    co_return true;
  }

  Task<> AttemptAgain(Offset offset, WaitingCall call, EventOutput* output, WaitingCalls* waiting) {
    CO_ASSIGN_OR_RETURN(MemoryLease lease, LeaseForReading());
    CO_ASSIGN_OR_RETURN(auto event, co_await reader_.ReadAgain(offset));
    waiting->erase(offset);
    if (!event) {
      output->DropGone(offset);
      co_return Status::OK();
    }
    ShrinkTo({&*event, 1}, &lease);
    Status tried = co_await Attempt(&*event, call, output, waiting);
    if (!tried.ok()) (*waiting)[offset] = call;
    co_return tried;
  }

  Task<> Commit(EventOutput* output, WaitingCalls waiting, Offset end) {
    BusReader::Outcome outcome{.end = end, .note = FormatWaiting(waiting)};
    CO_ASSIGN_OR_RETURN(outcome.appends, output->Take());
    parts_.env->CrashPoint("event_target.called");
    CO_RETURN_IF_ERROR(co_await reader_.Commit(std::move(outcome)));
    waiting_ = std::move(waiting);
    called_.clear();
    pauses_.Reset();
    output->TellCommitted();
    co_return Status::OK();
  }

  // One try, and what becomes of the event: it waits, is a dead letter, or done. Fails before the
  // call when the task is to end.
  Task<> Attempt(const TakenEvent* event, WaitingCall before, EventOutput* output,
                 WaitingCalls* waiting) {
    if (co_await IsCancelled()) co_return MakeError(ErrorCode::kCancelled, "the target ends");
    std::pair<Offset, std::string> name{event->offset, event->id};
    auto called = called_.find(name);
    if (called != called_.end()) {
      if (called->second)
        (*waiting)[event->offset] = *called->second;
      else
        output->CountDelivered();
      co_return Status::OK();
    }
    DeliveryFailure failure;
    Duration asked{};
    CO_ASSIGN_OR_RETURN(CallFate fate, co_await CallOnce(event, &failure, &asked));
    if (fate == CallFate::kDone) {
      output->CountDelivered();
      called_[name] = std::nullopt;
      co_return Status::OK();
    }
    failure.tries = before.tries;
    bool is_old = IsTooOld(*event);
    bool tried_enough = before.tries >= taker_.plan().tries_max;
    bool gives_up = fate == CallFate::kRefused || is_old || tried_enough ||
                    (fate == CallFate::kAbsent && taker_.plan().dead_letters);
    failure.exhausted = LimitReached(is_old, tried_enough);
    if (!gives_up) {
      int64_t asked_ms = std::chrono::duration_cast<std::chrono::milliseconds>(asked).count();
      int64_t pause_ms = std::max(PauseMs(before.tries), asked_ms);
      WaitingCall next{.tries = before.tries + 1, .due_ms = NowMs() + pause_ms};
      (*waiting)[event->offset] = next;
      called_[name] = next;
      co_return Status::OK();
    }
    CO_ASSIGN_OR_RETURN(bool abandoned, co_await output->Abandon(event, failure));
    if (abandoned) co_return Status::OK();
    if (fate == CallFate::kAbsent && !is_old) {
      (*waiting)[event->offset] = {.tries = before.tries, .due_ms = NowMs() + kDeadLetterPauseMs};
    } else {
      output->Drop(*event, failure);
    }
    co_return Status::OK();
  }

  // Grows by two; half of it is random.
  int64_t PauseMs(int64_t tries) const {
    int64_t pause = kPauseLastMs;
    if (tries < 10) pause = std::min(pause, kPauseFirstMs << tries);
    return pause / 2 + static_cast<int64_t>(parts_.env->Random() % 1000) * pause / 2000;
  }

  Task<CallFate> CallOnce(const TakenEvent* event, DeliveryFailure* failure, Duration* asked) {
    if (!event->input.ok()) {
      *failure = {.code = "INVALID_PARAMETER", .message = TextOf(event->input.status()).message};
      co_return CallFate::kRefused;
    }
    int64_t calls_per_second = kCallsPerSecond;
    CO_ASSIGN_OR_RETURN(auto request, RequestOf(*event, &calls_per_second));
    if (!request) {
      *failure = {.code = "NO_RESOURCE",
                  .message = fmt::format("there is no target {}", taker_.plan().arn)};
      co_return CallFate::kAbsent;
    }
    TimePoint begin = parts_.apis->NextCall(taker_.plan().place.id, calls_per_second);
    if (begin > parts_.env->Now()) CO_RETURN_IF_ERROR(co_await SleepUntil(begin));
    connector::HttpCall call{.method = request->method, .url = request->url};
    call.headers = std::move(request->headers);
    call.body = request->body;
    auto answer = co_await thread_.Run([this, &call] { return session_.Call(call); });
    if (Is(answer.status(), ErrorCode::kInvalidArgument)) {
      *failure = {.code = "INVALID_PARAMETER", .message = Describe(answer.status())};
      co_return CallFate::kRefused;
    }
    if (!answer.ok()) {
      *failure = {.code = "CONNECTION_FAILURE", .message = Describe(answer.status())};
      co_return CallFate::kLater;
    }
    if (answer->status >= 200 && answer->status < 300) co_return CallFate::kDone;
    *asked = answer->retry_after.value_or(Duration{});
    *failure = {.code = "ERROR_FROM_TARGET",
                .message = fmt::format("the endpoint answered {}", answer->status)};
    if (IsTriedAgain(answer->status)) co_return CallFate::kLater;
    co_return CallFate::kRefused;
  }

  // Nothing while the destination or its connection is not there.
  Result<std::optional<ApiRequest>> RequestOf(const TakenEvent& event,
                                              int64_t* calls_per_second) const {
    const TargetPlace& place = taker_.plan().place;
    const Definition* destination = parts_.apis->destinations().Find(place.name);
    if (destination == nullptr || destination->id != place.id) return std::nullopt;
    ASSIGN_OR_RETURN(aws::Document definition, Parse(destination->json));
    const Definition* connection = parts_.apis->ConnectionOf(definition.root);
    if (connection == nullptr) return std::nullopt;
    ASSIGN_OR_RETURN(aws::Document caller, Parse(connection->json));
    ASSIGN_OR_RETURN(aws::Document parameters, Parse(taker_.plan().http_parameters));
    ASSIGN_OR_RETURN(aws::Document root, Parse(event.text));
    auto rate = aws::IntegerOf(definition.root["InvocationRateLimitPerSecond"]);
    *calls_per_second = rate.value_or(kCallsPerSecond);
    std::string delivery = fmt::format("{}/{}", event.id, delivery_id_);
    return MakeApiRequest({.destination = definition.root,
                           .connection = caller.root,
                           .parameters = parameters.root,
                           .event = root.root,
                           .input = *event.input,
                           .delivery = delivery});
  }

  static Result<aws::Document> Parse(const std::string& json) {
    return aws::DecodeBody(aws::BodyCodec::kJson, json);
  }

  const std::string delivery_id_;
  WaitingCalls waiting_;  // as committed
  // What has come of calls since the last commit: nothing, where they are done. If it fails, they
  // are not called again. By offset and event's id.
  std::map<std::pair<Offset, std::string>, std::optional<WaitingCall>> called_;
  connector::HttpSession session_;
  connector::ClientThread thread_;  // of the session's calls
};

}  // namespace

std::unique_ptr<aws::StandingTask> MakeApiTask(RuleTaskParts parts, EventTaker taker,
                                               Target target) {
  return std::make_unique<ApiTask>(parts, std::move(taker), std::move(target));
}

}  // namespace mainstem::gateway::events

#include "core/sync.h"

#include <future>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>

namespace mainstem {

// Shared by the event, the timer and the cancellation slot; whichever comes first completes it.
struct Event::Waiter {
  enum class Outcome { kNotified, kTimedOut, kCancelled };

  Executor executor;
  TimerId timer = 0;
  bool done = false;
  Outcome outcome = Outcome::kNotified;
  UniqueFunction resume;

  // Resumes through the ready queue, never inside the caller's stack.
  void Complete(Outcome result) {
    if (done) return;
    done = true;
    outcome = result;
    if (timer != 0) executor.scheduler()->CancelTimer(timer);
    if (resume) executor.scheduler()->Post(std::move(resume));
  }
};

namespace {

using Waiter = Event::Waiter;

Status CancelledError() { return MakeError(ErrorCode::kCancelled, "cancelled"); }

asio::awaitable<Waiter::Outcome, Executor> Suspend(std::shared_ptr<Waiter> waiter) {
  auto initiate = [waiter](auto handler) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) {
      slot.assign([weak = std::weak_ptr(waiter)](asio::cancellation_type) {
        if (auto target = weak.lock()) target->Complete(Waiter::Outcome::kCancelled);
      });
    }
    waiter->resume = UniqueFunction(
        [waiter, handler = std::move(handler)]() mutable { std::move(handler)(waiter->outcome); });
  };
  Waiter::Outcome outcome =
      co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void(Waiter::Outcome)>(
          initiate, kUseAwaitable);
  co_return outcome;
}

}  // namespace

Task<> SleepUntil(TimePoint when) {
  if (co_await IsCancelled()) co_return CancelledError();
  Executor executor = co_await asio::this_coro::executor;
  auto waiter = std::make_shared<Waiter>();
  waiter->executor = executor;
  waiter->timer =
      executor.scheduler()->AddTimer(when, UniqueFunction([weak = std::weak_ptr(waiter)] {
                                       if (auto target = weak.lock()) {
                                         target->timer = 0;
                                         target->Complete(Waiter::Outcome::kTimedOut);
                                       }
                                     }));
  if (co_await Suspend(waiter) == Waiter::Outcome::kCancelled) co_return CancelledError();
  co_return Status::OK();
}

Task<> Sleep(Duration duration) {
  Executor executor = co_await asio::this_coro::executor;
  co_return co_await SleepUntil(executor.scheduler()->Now() + duration);
}

Task<> Yield() {
  if (co_await IsCancelled()) co_return CancelledError();
  Executor executor = co_await asio::this_coro::executor;
  auto initiate = [executor](auto handler) {
    executor.scheduler()->Post(UniqueFunction(std::move(handler)));
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(initiate,
                                                                               kUseAwaitable);
  co_return Status::OK();
}

Event::~Event() { CHECK(waiters_.empty()); }

void Event::NotifyAll() {
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    // One that has timed out or was cancelled, but has not run yet, takes its node itself.
    if ((*it)->done) {
      ++it;
    } else {
      (*it)->Complete(Waiter::Outcome::kNotified);
      it = waiters_.erase(it);
    }
  }
}

Task<bool> Event::Wait(TimePoint deadline) {
  if (co_await IsCancelled()) co_return CancelledError();
  auto waiter = std::make_shared<Waiter>();
  waiter->executor = executor_;
  auto position = waiters_.insert(waiters_.end(), waiter);
  if (deadline != kNoDeadline) {
    waiter->timer =
        executor_.scheduler()->AddTimer(deadline, UniqueFunction([weak = std::weak_ptr(waiter)] {
                                          if (auto target = weak.lock()) {
                                            target->timer = 0;
                                            target->Complete(Waiter::Outcome::kTimedOut);
                                          }
                                        }));
  }
  Waiter::Outcome outcome = co_await Suspend(waiter);
  // NotifyAll has already taken the list's node.
  if (outcome != Waiter::Outcome::kNotified) waiters_.erase(position);
  if (outcome == Waiter::Outcome::kCancelled) co_return CancelledError();
  co_return outcome == Waiter::Outcome::kNotified;
}

Status internal::FromException(std::exception_ptr exception) {
  try {
    std::rethrow_exception(std::move(exception));
  } catch (const std::exception& error) {
    return MakeError(ErrorCode::kInternal, {.message = "a task threw", .detail = error.what()});
  } catch (...) {
    return MakeError(ErrorCode::kInternal, "a task threw something unknown");
  }
}

TaskScope::TaskScope(Executor executor, std::string name, ErrorHandler on_error)
    : executor_(executor.require(asio::execution::blocking.possibly)),  // see Spawn
      name_(std::move(name)),
      on_error_(std::move(on_error)),
      all_done_(executor) {}

TaskScope::~TaskScope() { CHECK(running_.empty()); }

namespace {

Task<> Guard(Task<> task) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_return co_await std::move(task);
}

// Starts through the ready queue, so that a task never runs inside the caller of Spawn.
Task<> PostedGuard(Executor executor, Task<> task) {
  co_await asio::this_coro::throw_if_cancelled(false);
  auto initiate = [executor](auto handler) {
    executor.scheduler()->Post(UniqueFunction(std::move(handler)));
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(initiate,
                                                                               kUseAwaitable);
  co_return co_await std::move(task);
}

}  // namespace

void TaskScope::Spawn(std::string task_name, Task<> task) {
  if (cancelled_) return;
  auto node = running_.emplace(running_.end());
  node->name = std::move(task_name);
  auto finish = [this, node](std::exception_ptr exception, Status status) {
    if (exception) status = internal::FromException(exception);
    std::string name = std::move(node->name);
    running_.erase(node);
    if (!status.ok() && !Is(status, ErrorCode::kCancelled)) on_error_(name_ + "/" + name, status);
    if (running_.empty()) all_done_.NotifyAll();
  };
  // The executor may run inline: so a Cancel reaches the task at once. co_spawn would otherwise
  // post it with a pointer into the task, which may have ended by then.
  asio::co_spawn(executor_, PostedGuard(executor_, std::move(task)),
                 asio::bind_cancellation_slot(node->signal.slot(), std::move(finish)));
}

void TaskScope::Cancel() {
  cancelled_ = true;
  // A cancelled task may end, and leave the list, while we walk it: completions are posted, so the
  // list itself does not change under this loop.
  for (Running& running : running_) running.signal.emit(asio::cancellation_type::terminal);
}

Task<> TaskScope::Join() {
  while (!running_.empty()) CO_RETURN_IF_ERROR(co_await all_done_.Wait());
  co_return Status::OK();
}

Task<> TaskScope::Close() {
  Cancel();
  // Closing must finish even when the closer is itself cancelled.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_return co_await Join();
}

namespace internal {

void Hop::Cancel() {
  cancelled = true;
  signal.emit(asio::cancellation_type::terminal);  // reaches nobody before the task has begun
}

Task<> RunHopped(Executor executor, std::shared_ptr<Hop> hop, Task<> begun) {
  auto state = co_await asio::this_coro::cancellation_state;
  hop->cancelled = state.cancelled() != asio::cancellation_type::none;
  if (state.slot().is_connected()) {
    state.slot().assign([executor, hop](asio::cancellation_type) {
      executor.scheduler()->Post(UniqueFunction([hop] { hop->Cancel(); }));
    });
  }
  Executor home = co_await asio::this_coro::executor;
  Executor there = executor.require(asio::execution::blocking.possibly);  // see TaskScope::Spawn
  Status outcome;
  auto initiate = [home, there, hop, &begun, &outcome](auto handler) {
    auto finish = [home, hop, &outcome, handler = std::move(handler)](std::exception_ptr exception,
                                                                      Status status) mutable {
      outcome = exception ? FromException(exception) : std::move(status);
      home.scheduler()->Post(UniqueFunction(std::move(handler)));
    };
    auto begin = [there, hop, begun = std::move(begun), finish = std::move(finish)]() mutable {
      asio::co_spawn(there, std::move(begun),
                     asio::bind_cancellation_slot(hop->signal.slot(), std::move(finish)));
    };
    there.scheduler()->Post(UniqueFunction(std::move(begin)));
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(initiate,
                                                                               kUseAwaitable);
  if (state.slot().is_connected()) state.slot().clear();
  co_return outcome;
}

}  // namespace internal

Status RunBlocking(Executor executor, Task<> task) {
  CHECK(!executor.scheduler()->RunsInThisThread());
  std::promise<Status> promise;
  auto finish = [&promise](std::exception_ptr exception, Status status) {
    if (exception) {
      promise.set_exception(exception);
    } else {
      promise.set_value(std::move(status));
    }
  };
  // Begun on its thread by a post, not by an executor that never runs inline: the task hands its
  // executor on to its scopes, and see Spawn.
  executor.scheduler()->Post(UniqueFunction([executor, finish, task = std::move(task)]() mutable {
    asio::co_spawn(executor, Guard(std::move(task)), std::move(finish));
  }));
  return promise.get_future().get();
}

}  // namespace mainstem

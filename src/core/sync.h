// Waiting inside coroutines: Sleep, Event, TaskScope, and hopping to another executor.
// All of them honour cancellation: a wait that is cancelled ends with ErrorCode::kCancelled.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include "core/executor.h"

namespace mainstem {

// Waits on the scheduler of the calling task.
Task<> Sleep(Duration duration);
Task<> SleepUntil(TimePoint when);
// Lets other ready work run, then goes on.
Task<> Yield();

// A condition that tasks of ONE scheduler wait for. Notify wakes all that wait now; it keeps no
// memory, so re-check the condition in a loop. Owner's thread only; must outlive its waiters.
class Event {
 public:
  explicit Event(Executor executor) : executor_(executor) {}
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void NotifyAll();
  // True when notified, false when `deadline` passed first.
  Task<bool> Wait(TimePoint deadline = kNoDeadline);
  size_t waiter_count() const { return waiters_.size(); }

  // One suspended wait. Internal.
  struct Waiter;

 private:
  Executor executor_;
  std::list<std::shared_ptr<Waiter>> waiters_;
};

// Owner of background tasks: the only way to start one. Spawn and Cancel on the owner's thread;
// the destructor checks that Close() was awaited (count is zero). A task that fails with anything
// but kCancelled is reported to the function given at construction.
class TaskScope {
 public:
  using ErrorHandler = std::function<void(const std::string& task_name, const Status&)>;
  TaskScope(Executor executor, std::string name, ErrorHandler on_error);
  ~TaskScope();
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;

  void Spawn(std::string task_name, Task<> task);
  // Asks every running task to end; new spawns are refused (dropped) from here on.
  void Cancel();
  // Cancels, then waits until all tasks have ended.
  Task<> Close();
  // Waits until all tasks have ended by themselves.
  Task<> Join();
  size_t running_count() const { return running_.size(); }
  bool cancelled() const { return cancelled_; }

 private:
  struct Running {
    std::string name;
    asio::cancellation_signal signal;
  };
  Executor executor_;
  std::string name_;
  ErrorHandler on_error_;
  std::list<Running> running_;
  Event all_done_;
  bool cancelled_ = false;
};

// A newly spawned coroutine would throw at its first wait after a cancellation; ours never throw.
template <typename T>
asio::awaitable<T, Executor> WithoutThrowing(asio::awaitable<T, Executor> task) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_return co_await std::move(task);
}

namespace internal {

// What a third party threw into a task, as an error.
Status FromException(std::exception_ptr exception);

// A task on its way to another scheduler. Used on that one only, but for `outcome`, which comes
// back with the post that resumes the caller.
template <typename T>
struct Hop {
  asio::cancellation_signal signal{};
  bool cancelled = false;
  std::optional<T> outcome{};

  void Cancel() {
    cancelled = true;
    signal.emit(asio::cancellation_type::terminal);  // reaches nobody before the task has begun
  }
};

// The cancellation may have come before the task: then the task begins cancelled.
template <typename T>
asio::awaitable<T, Executor> BeginHopped(std::shared_ptr<Hop<T>> hop,
                                         asio::awaitable<T, Executor> task) {
  co_await asio::this_coro::throw_if_cancelled(false);
  if (hop->cancelled) hop->Cancel();
  co_return co_await std::move(task);
}

}  // namespace internal

// Runs `task` on `executor` and resumes the caller, on its own executor, with its outcome. A
// cancellation of the caller reaches the task, whether it came before or comes while it runs.
template <typename T>
asio::awaitable<T, Executor> RunOn(Executor executor, asio::awaitable<T, Executor> task) {
  if (executor.scheduler()->RunsInThisThread()) co_return co_await std::move(task);
  // Shared, because the task may end while a cancellation is on its way.
  auto hop = std::make_shared<internal::Hop<T>>();
  auto state = co_await asio::this_coro::cancellation_state;
  hop->cancelled = state.cancelled() != asio::cancellation_type::none;
  if (state.slot().is_connected()) {
    state.slot().assign([executor, hop](asio::cancellation_type) {
      executor.scheduler()->Post(UniqueFunction([hop] { hop->Cancel(); }));
    });
  }
  Executor home = co_await asio::this_coro::executor;
  Executor there = executor.require(asio::execution::blocking.possibly);  // see TaskScope::Spawn
  auto initiate = [home, there, hop, &task](auto handler) {
    auto finish = [home, hop, handler = std::move(handler)](std::exception_ptr exception,
                                                            T outcome) mutable {
      if (exception) {
        hop->outcome.emplace(internal::FromException(exception));
      } else {
        hop->outcome.emplace(std::move(outcome));
      }
      home.scheduler()->Post(UniqueFunction(std::move(handler)));
    };
    auto begin = [there, hop, task = std::move(task), finish = std::move(finish)]() mutable {
      asio::co_spawn(there, internal::BeginHopped(hop, std::move(task)),
                     asio::bind_cancellation_slot(hop->signal.slot(), std::move(finish)));
    };
    there.scheduler()->Post(UniqueFunction(std::move(begin)));
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(initiate,
                                                                               kUseAwaitable);
  if (state.slot().is_connected()) state.slot().clear();
  co_return std::move(*hop->outcome);
}

// Starts `task` from outside any coroutine and blocks this thread for its outcome. For main(),
// tests and the CLI; never on a scheduler's thread.
Status RunBlocking(Executor executor, Task<> task);

}  // namespace mainstem

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

// A task on its way to another scheduler; used on that one only. Shared, because the task may end
// while a cancellation is on its way.
struct Hop {
  asio::cancellation_signal signal{};
  bool cancelled = false;

  void Cancel();
};

// The cancellation may have come before the task: then the task begins cancelled.
template <typename T>
Task<> BeginHopped(std::shared_ptr<Hop> hop, asio::awaitable<T, Executor> task,
                   std::optional<T>* outcome) {
  co_await asio::this_coro::throw_if_cancelled(false);
  if (hop->cancelled) hop->Cancel();
  outcome->emplace(co_await std::move(task));
  co_return Status::OK();
}

// Runs `begun` on `executor`; an error is what a third party threw into it.
Task<> RunHopped(Executor executor, std::shared_ptr<Hop> hop, Task<> begun);

}  // namespace internal

// Runs `task` on `executor` and resumes the caller, on its own executor, with its outcome. A
// cancellation of the caller reaches the task, whether it came before or comes while it runs.
// Templates end here: what Asio makes of a coroutine's type is large.
template <typename T>
asio::awaitable<T, Executor> RunOn(Executor executor, asio::awaitable<T, Executor> task) {
  if (executor.scheduler()->RunsInThisThread()) co_return co_await std::move(task);
  std::optional<T> outcome;  // comes back with the post that resumes the caller
  auto hop = std::make_shared<internal::Hop>();
  Task<> begun = internal::BeginHopped(hop, std::move(task), &outcome);
  Status thrown = co_await internal::RunHopped(executor, std::move(hop), std::move(begun));
  if (!thrown.ok()) co_return thrown;
  co_return std::move(*outcome);
}

// Starts `task` from outside any coroutine and blocks this thread for its outcome. For main(),
// tests and the CLI; never on a scheduler's thread.
Status RunBlocking(Executor executor, Task<> task);

}  // namespace mainstem

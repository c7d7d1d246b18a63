// Waiting inside coroutines: Sleep, Event, TaskScope, and hopping to another executor.
// All of them honour cancellation: a wait that is cancelled ends with ErrorCode::kCancelled.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>

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

// Runs `task` on `executor` and resumes the caller, on its own executor, with its outcome.
template <typename T>
asio::awaitable<T, Executor> RunOn(Executor executor, asio::awaitable<T, Executor> task) {
  if (executor.scheduler()->RunsInThisThread()) co_return co_await std::move(task);
  // A signal of its own carries a cancellation over: shared, because the task may end while the
  // cancellation is on its way.
  auto signal = std::make_shared<asio::cancellation_signal>();
  auto state = co_await asio::this_coro::cancellation_state;
  if (state.slot().is_connected()) {
    state.slot().assign([executor, signal](asio::cancellation_type type) {
      executor.scheduler()->Post(UniqueFunction([signal, type] { signal->emit(type); }));
    });
  }
  auto token = asio::bind_cancellation_slot(signal->slot(), kUseAwaitable);
  T outcome = co_await asio::co_spawn(executor, WithoutThrowing(std::move(task)), token);
  if (state.slot().is_connected()) state.slot().clear();
  co_return outcome;
}

// Starts `task` from outside any coroutine and blocks this thread for its outcome. For main(),
// tests and the CLI; never on a scheduler's thread.
Status RunBlocking(Executor executor, Task<> task);

}  // namespace mainstem

// The executor of everything that waits: our own type from the first commit, so that a simulation
// can choose which ready task runs next. A Scheduler owns a ready queue and timers; an Executor is
// a small copyable handle on it that Asio accepts. Real schedulers run on one thread each (a
// shard); the simulated one runs all of them on a single thread in seeded order (core/sim.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "core/status.h"

namespace boost::asio {
class io_context;
}

namespace mainstem {

namespace asio = boost::asio;

// Monotonic time of an Env: nanoseconds since an arbitrary start, virtual in simulation.
using Duration = std::chrono::nanoseconds;
struct MonotonicClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock>;
  static constexpr bool is_steady = true;
};
using TimePoint = MonotonicClock::time_point;
inline constexpr TimePoint kNoDeadline = TimePoint::max();

// A move-only callable without arguments.
class UniqueFunction {
 public:
  UniqueFunction() = default;
  template <typename F>
  requires(!std::is_same_v<std::decay_t<F>, UniqueFunction>) explicit UniqueFunction(F&& function)
      : impl_(std::make_unique<Impl<std::decay_t<F>>>(std::forward<F>(function))) {}
  void operator()() { std::exchange(impl_, nullptr)->Run(); }
  explicit operator bool() const { return impl_ != nullptr; }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual void Run() = 0;
  };
  template <typename F>
  struct Impl final : Base {
    explicit Impl(F function) : function(std::move(function)) {}
    void Run() override { std::move(function)(); }
    F function;
  };
  std::unique_ptr<Base> impl_;
};

using TimerId = uint64_t;

// One ready queue with timers. Post may be called from any thread; timers only from the
// scheduler's own thread. Lives longer than all work posted to it.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  virtual void Post(UniqueFunction function) = 0;
  virtual bool RunsInThisThread() const = 0;
  virtual TimePoint Now() const = 0;
  // Runs `function` once at or after `when`. Cancelling an id that has fired does nothing.
  virtual TimerId AddTimer(TimePoint when, UniqueFunction function) = 0;
  virtual void CancelTimer(TimerId id) = 0;
  // What sockets attach to. Never run by the simulated scheduler.
  virtual asio::io_context& io() = 0;
  // Null for the simulated scheduler: then every function goes through Post.
  virtual asio::io_context* direct_io() = 0;
};

// Models Asio's executor. Copyable, one pointer and a flag; borrows its Scheduler.
class Executor {
 public:
  Executor() = default;
  explicit Executor(Scheduler* scheduler, bool never_blocks = false)
      : scheduler_(scheduler), never_blocks_(never_blocks) {}

  Scheduler* scheduler() const { return scheduler_; }
  bool operator==(const Executor& other) const noexcept = default;

  template <typename F>
  void execute(F&& function) const {
    if (!never_blocks_ && scheduler_->RunsInThisThread()) {
      std::decay_t<F> local(std::forward<F>(function));
      std::move(local)();
    } else {
      PostFunction(UniqueFunction(std::forward<F>(function)));
    }
  }
  asio::execution_context& query(asio::execution::context_t) const noexcept { return Context(); }
  asio::execution_context& context() const noexcept { return Context(); }
  asio::execution::blocking_t query(asio::execution::blocking_t) const noexcept {
    return never_blocks_ ? asio::execution::blocking_t(asio::execution::blocking.never)
                         : asio::execution::blocking_t(asio::execution::blocking.possibly);
  }
  Executor require(asio::execution::blocking_t::never_t) const {
    return Executor(scheduler_, true);
  }
  Executor require(asio::execution::blocking_t::possibly_t) const {
    return Executor(scheduler_, false);
  }

 private:
  void PostFunction(UniqueFunction function) const;
  asio::execution_context& Context() const noexcept;

  Scheduler* scheduler_ = nullptr;
  bool never_blocks_ = false;
};

namespace internal {
template <typename T>
struct TaskValue {
  using type = Result<T>;
};
template <>
struct TaskValue<void> {
  using type = Status;
};
}  // namespace internal

// A coroutine that ends with a Result<T> (Status for void). Parameters by value or const owner&.
// g++ 12 destroys some temporaries twice when they stand in the same full expression as a
// co_await: a conditional (?:) or a braced list of types with destructors. Compute such an
// argument into a local variable first, then co_await.
template <typename T = void>
using Task = asio::awaitable<typename internal::TaskValue<T>::type, Executor>;

// Completion tokens for Asio's own operations inside a Task: they give a tuple (error_code, ...)
// and never throw.
inline constexpr asio::use_awaitable_t<Executor> kUseAwaitable{};
inline constexpr auto kAwaitTuple = asio::as_tuple(asio::use_awaitable_t<Executor>());

// True when the running task was cancelled (TaskScope::Cancel). Loops over waits check it.
asio::awaitable<bool, Executor> IsCancelled();

}  // namespace mainstem

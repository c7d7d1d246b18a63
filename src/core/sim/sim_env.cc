#include "core/sim/sim_env.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <fmt/format.h>

namespace mainstem {

class SimEnv::SimScheduler final : public Scheduler {
 public:
  explicit SimScheduler(SimEnv* env) : env_(env) {}
  void Post(UniqueFunction function) override { ready_.push_back(std::move(function)); }
  bool RunsInThisThread() const override { return env_->current_ == this; }
  TimePoint Now() const override { return env_->now_; }
  TimerId AddTimer(TimePoint when, UniqueFunction function) override {
    return timers_.Add(when, std::move(function));
  }
  void CancelTimer(TimerId id) override { timers_.Cancel(id); }
  asio::io_context& io() override { return io_; }
  asio::io_context* direct_io() override { return nullptr; }

  std::deque<UniqueFunction> ready_;
  TimerQueue timers_;

 private:
  SimEnv* env_;
  asio::io_context io_{1};
};

class SimEnv::SimPool final : public BlockingPool {
 public:
  explicit SimPool(SimScheduler* scheduler) : scheduler_(scheduler) {}
  void Submit(UniqueFunction function) override { scheduler_->Post(std::move(function)); }

 private:
  SimScheduler* scheduler_;
};

SimEnv::SimEnv(SimDisk* disk, SimEnvOptions options)
    : shard_count_(options.shard_count),
      step_time_max_(options.step_time_max),
      wall_time_begin_(options.wall_time_begin),
      random_(options.seed),
      files_(MakeSimFiles(disk)) {
  for (size_t i = 0; i <= shard_count_; ++i) {
    schedulers_.push_back(std::make_unique<SimScheduler>(this));
  }
  pool_ = std::make_unique<SimPool>(schedulers_.back().get());
}

SimEnv::~SimEnv() = default;

ProcessingTime SimEnv::WallTime() const {
  auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now_ - kBegin);
  return wall_time_begin_ + since.count();
}

Network& SimEnv::network() {
  // Gateways are covered by tests over the real network; CHECK tells a test that strays here.
  CHECK(false);
  std::abort();
}

BlockingPool& SimEnv::blocking_pool() { return *pool_; }

Executor SimEnv::shard(size_t index) {
  CHECK(index < shard_count_);
  return Executor(schedulers_[index].get());
}

bool SimEnv::Step() {
  std::vector<size_t> candidates;
  TimePoint next_timer = kNoDeadline;
  for (size_t i = 0; i < schedulers_.size(); ++i) {
    SimScheduler& scheduler = *schedulers_[i];
    next_timer = std::min(next_timer, scheduler.timers_.next());
    if (!scheduler.ready_.empty() || scheduler.timers_.next() <= now_) candidates.push_back(i);
  }
  if (candidates.empty()) {
    if (next_timer == kNoDeadline) return false;
    now_ = next_timer;
    return Step();
  }
  size_t chosen = candidates[random_() % candidates.size()];
  SimScheduler& scheduler = *schedulers_[chosen];
  UniqueFunction function = scheduler.timers_.PopDue(now_);
  if (!function) {
    function = std::move(scheduler.ready_.front());
    scheduler.ready_.pop_front();
  }
  ++steps_;
  trace_hash_ = (trace_hash_ ^ (chosen + 1)) * 1099511628211ull;
  trace_hash_ =
      (trace_hash_ ^ static_cast<uint64_t>(now_.time_since_epoch().count())) * 1099511628211ull;
  current_ = &scheduler;
  function();
  current_ = nullptr;
  if (step_time_max_ > Duration(0)) {
    now_ +=
        Duration(static_cast<int64_t>(random_() % static_cast<uint64_t>(step_time_max_.count())));
  }
  return true;
}

struct SimEnv::RootTask {
  bool done = false;
  Status status;
};

namespace {

Task<> GuardRoot(Task<> task) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_return co_await std::move(task);
}

}  // namespace

Status SimEnv::Run(Task<> task, Duration limit) {
  TimePoint end = now_ + limit;
  Status outcome;
  auto root = std::make_shared<RootTask>();
  asio::co_spawn(shard(0).require(asio::execution::blocking.never), GuardRoot(std::move(task)),
                 [root](std::exception_ptr exception, Status status) {
                   CHECK(exception == nullptr);
                   root->done = true;
                   root->status = std::move(status);
                 });
  while (!root->done) {
    if (now_ > end) return MakeError(ErrorCode::kTimedOut, "the simulation ran out of its time");
    if (!Step()) return MakeError(ErrorCode::kInternal, "deadlock: nothing is left to run");
  }
  return root->status;
}

bool SimEnv::RunSteps(Task<> task, int64_t step_count, Status* outcome) {
  auto root = std::make_shared<RootTask>();
  asio::co_spawn(shard(0).require(asio::execution::blocking.never), GuardRoot(std::move(task)),
                 [root](std::exception_ptr exception, Status status) {
                   CHECK(exception == nullptr);
                   root->done = true;
                   root->status = std::move(status);
                 });
  for (int64_t i = 0; i < step_count && !root->done; ++i) {
    if (!Step()) break;
  }
  if (root->done) *outcome = root->status;
  return root->done;
}

void SimEnv::Abandon() {
  // Reachable for ever: leak checkers stay quiet, destructors of abandoned frames never run.
  static auto* graveyard = new std::vector<UniqueFunction>();
  static auto* timers = new std::vector<TimerQueue>();
  for (auto& scheduler : schedulers_) {
    for (auto& function : scheduler->ready_) graveyard->push_back(std::move(function));
    scheduler->ready_.clear();
    timers->push_back(std::move(scheduler->timers_));
    scheduler->timers_ = TimerQueue();
  }
}

Result<int64_t> ForEachFault(uint64_t seed, const FaultScenario& scenario) {
  for (int64_t n = 0;; ++n) {
    // Leaked on purpose: abandoned frames refer to it.
    auto* disk = new SimDisk(seed + static_cast<uint64_t>(n));
    auto* first = new SimEnv(disk, {.seed = seed + static_cast<uint64_t>(n)});
    disk->FailOperation(n);
    IgnoreError(first->Run(scenario.body(first)), "the injected fault may surface here");
    bool fired = disk->fault_fired();
    first->Abandon();
    disk->Crash();
    auto* second = new SimEnv(disk, {.seed = seed ^ static_cast<uint64_t>(n)});
    Status checked = second->Run(scenario.check(second));
    second->Abandon();
    if (!checked.ok()) {
      return MakeError(ErrorCode::kInternal,
                       {.message = fmt::format("after failing operation {} (seed {}): {}", n, seed,
                                               Describe(checked))});
    }
    if (!fired) return n;
  }
}

}  // namespace mainstem

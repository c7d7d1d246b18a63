#include "core/sim/sim_env.h"

#include <boost/asio/co_spawn.hpp>

#include <fmt/format.h>

namespace mainstem {

class SimEnv::SimPool final : public BlockingPool {
 public:
  explicit SimPool(SimScheduler* scheduler) : scheduler_(scheduler) {}
  void Submit(UniqueFunction function) override { scheduler_->Post(std::move(function)); }

 private:
  SimScheduler* scheduler_;
};

SimEnv::SimEnv(SimDisk* disk, SimEnvOptions options)
    : own_world_(std::make_unique<SimWorld>(
          SimWorldOptions{.seed = options.seed, .step_time_max = options.step_time_max})),
      world_(own_world_.get()),
      process_(world_->NewProcess()),
      shard_count_(options.shard_count),
      wall_time_begin_(options.wall_time_begin),
      files_(MakeSimFiles(disk)) {
  AddSchedulers();
}

SimEnv::SimEnv(SimWorld* world, SimDisk* disk, SimEnvOptions options)
    : world_(world),
      process_(world_->NewProcess()),
      shard_count_(options.shard_count),
      wall_time_begin_(options.wall_time_begin),
      files_(MakeSimFiles(disk)) {
  AddSchedulers();
}

SimEnv::~SimEnv() = default;

void SimEnv::AddSchedulers() {
  for (size_t i = 0; i <= shard_count_; ++i) schedulers_.push_back(world_->AddScheduler(process_));
  pool_ = std::make_unique<SimPool>(schedulers_.back());
}

ProcessingTime SimEnv::WallTime() const {
  auto since = std::chrono::duration_cast<std::chrono::milliseconds>(Now() - SimWorld::kBegin);
  return wall_time_begin_ + since.count();
}

BlockingPool& SimEnv::blocking_pool() { return *pool_; }

Executor SimEnv::shard(size_t index) {
  CHECK(index < shard_count_);
  return Executor(schedulers_[index]);
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

std::shared_ptr<SimEnv::RootTask> SimEnv::Start(Task<> task) {
  auto root = std::make_shared<RootTask>();
  asio::co_spawn(shard(0).require(asio::execution::blocking.never), GuardRoot(std::move(task)),
                 [root](std::exception_ptr exception, Status status) {
                   CHECK(exception == nullptr);
                   root->done = true;
                   root->status = std::move(status);
                 });
  return root;
}

Status SimEnv::Run(Task<> task, Duration limit) {
  TimePoint end = Now() + limit;
  std::shared_ptr<RootTask> root = Start(std::move(task));
  while (!root->done) {
    if (Now() > end) return MakeError(ErrorCode::kTimedOut, "the simulation ran out of its time");
    if (!world_->Step()) {
      return MakeError(ErrorCode::kInternal, "deadlock: nothing is left to run");
    }
  }
  return root->status;
}

bool SimEnv::RunSteps(Task<> task, int64_t step_count, Status* outcome) {
  std::shared_ptr<RootTask> root = Start(std::move(task));
  for (int64_t i = 0; i < step_count && !root->done; ++i) {
    if (!world_->Step()) break;
  }
  if (root->done) *outcome = root->status;
  return root->done;
}

void SimEnv::Abandon(SimEnding ending) {
  for (SimScheduler* scheduler : schedulers_) scheduler->Abandon();
  if (own_world_ == nullptr) world_->network().EndProcess(process_, ending);
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

// The simulated Env, a process in a SimWorld: all shards and the pool on one thread, virtual time,
// a seeded choice of which ready shard runs next, files on a SimDisk, sockets on a SimNetwork. One
// seed, one run: trace_hash() tells two runs apart. A crash abandons every coroutine where it
// stands; the SimDisk then loses what was not durable and a new SimEnv starts on it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "core/env.h"
#include "core/sim/sim_disk.h"
#include "core/sim/sim_world.h"

namespace mainstem {

struct SimEnvOptions {
  uint64_t seed = 1;  // this and the next but one: of a world of its own
  size_t shard_count = 2;
  Duration step_time_max{0};                          // see SimWorldOptions
  ProcessingTime wall_time_begin{1'767'229'200'000};  // 2026-01-01 01:00:00 UTC
};

class SimEnv final : public Env {
 public:
  // Alone in a world of its own. `disk` outlives the env.
  SimEnv(SimDisk* disk, SimEnvOptions options);
  // One of the processes of a world, which outlives it, too.
  SimEnv(SimWorld* world, SimDisk* disk, SimEnvOptions options);
  ~SimEnv() override;

  // Runs everything until `task` (started on shard 0) ends. kInternal when nothing is left to run
  // before that (deadlock), kTimedOut after `limit` of virtual time.
  Status Run(Task<> task, Duration limit = std::chrono::hours(24));
  // Runs until `task` ends or `step_count` functions have run; true when it ended.
  bool RunSteps(Task<> task, int64_t step_count, Status* outcome);
  // From here on nothing runs any more; what is suspended is kept, never resumed nor destroyed.
  // Objects that live in this env must be leaked too (release() their unique_ptr).
  void Abandon(SimEnding ending = SimEnding::kPowerCut);
  // The clock on the wall is set, forth or back; monotonic time is not.
  void JumpWallTime(std::chrono::milliseconds by) {
    wall_time_begin_ = wall_time_begin_ + by.count();
  }
  // `hook` is called at each CrashPoint, in the step that comes to it.
  void OnCrashPoint(std::function<void(std::string_view name)> hook) {
    crash_point_hook_ = std::move(hook);
  }
  uint64_t trace_hash() const { return world_->trace_hash(); }
  int64_t step_count() const { return world_->step_count(); }

  TimePoint Now() const override { return world_->Now(); }
  ProcessingTime WallTime() const override;
  uint64_t Random() override { return world_->Random(); }
  Files& files() override { return *files_; }
  Network& network() override { return world_->network(); }
  BlockingPool& blocking_pool() override;
  void CrashPoint(const char* name) override {
    if (crash_point_hook_) crash_point_hook_(name);
  }
  size_t shard_count() const override { return shard_count_; }
  Executor shard(size_t index) override;

 private:
  class SimPool;
  struct RootTask;
  void AddSchedulers();
  std::shared_ptr<RootTask> Start(Task<> task);

  const std::unique_ptr<SimWorld> own_world_;  // may be null
  SimWorld* const world_;
  const SimProcessId process_;
  const size_t shard_count_;
  ProcessingTime wall_time_begin_;
  std::unique_ptr<Files> files_;
  std::vector<SimScheduler*> schedulers_;  // the shards, then the pool
  std::unique_ptr<SimPool> pool_;
  std::function<void(std::string_view)> crash_point_hook_;
};

// Runs `body` on a fresh disk failing operation 0, 1, 2 ... until a run finishes without the fault
// having fired; after each run the disk crashes and `check` runs on a new env. Returns how many
// faults were tried. `body` must end by itself whatever fails.
struct FaultScenario {
  std::function<Task<>(SimEnv*)> body;   // its Status is ignored: the fault may surface
  std::function<Task<>(SimEnv*)> check;  // must succeed
};
Result<int64_t> ForEachFault(uint64_t seed, const FaultScenario& scenario);

}  // namespace mainstem

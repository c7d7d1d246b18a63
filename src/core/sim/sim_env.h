// The simulated Env: all shards and the pool on one thread, virtual time, a seeded choice of which
// ready shard runs next, files on a SimDisk, no network yet. One seed, one run: trace_hash() tells
// two runs apart. A crash abandons every coroutine where it stands; the SimDisk then loses what was
// not durable and a new SimEnv starts on it.
#pragma once

#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "core/env.h"
#include "core/scheduler.h"
#include "core/sim/sim_disk.h"

namespace mainstem {

struct SimEnvOptions {
  uint64_t seed = 1;
  size_t shard_count = 2;
  // Each function takes a random time below this. Zero: all that is ready runs before a file's
  // operation can end; more: a slow shard against a quick disk.
  Duration step_time_max{0};
  ProcessingTime wall_time_begin{1'767'229'200'000};  // 2026-01-01 01:00:00 UTC
};

class SimEnv final : public Env {
 public:
  // `disk` outlives the env.
  SimEnv(SimDisk* disk, SimEnvOptions options);
  ~SimEnv() override;

  // Runs everything until `task` (started on shard 0) ends. kInternal when nothing is left to run
  // before that (deadlock), kTimedOut after `limit` of virtual time.
  Status Run(Task<> task, Duration limit = std::chrono::hours(24));
  // Runs until `task` ends or `step_count` functions have run; true when it ended.
  bool RunSteps(Task<> task, int64_t step_count, Status* outcome);
  // From here on nothing runs any more; what is suspended is kept, never resumed nor destroyed.
  // Objects that live in this env must be leaked too (release() their unique_ptr).
  void Abandon();
  uint64_t trace_hash() const { return trace_hash_; }
  int64_t step_count() const { return steps_; }

  TimePoint Now() const override { return now_; }
  ProcessingTime WallTime() const override;
  uint64_t Random() override { return random_(); }
  Files& files() override { return *files_; }
  Network& network() override;
  BlockingPool& blocking_pool() override;
  size_t shard_count() const override { return shard_count_; }
  Executor shard(size_t index) override;

 private:
  static constexpr TimePoint kBegin{std::chrono::hours(1)};
  class SimScheduler;
  class SimPool;
  struct RootTask;
  // False when nothing is ready and no timer is set.
  bool Step();

  size_t shard_count_;
  const Duration step_time_max_;
  const ProcessingTime wall_time_begin_;
  std::mt19937_64 random_;
  TimePoint now_ = kBegin;
  std::unique_ptr<Files> files_;
  std::vector<std::unique_ptr<SimScheduler>> schedulers_;  // the shards, then the pool
  std::unique_ptr<SimPool> pool_;
  SimScheduler* current_ = nullptr;
  uint64_t trace_hash_ = 14695981039346656037ull;
  int64_t steps_ = 0;
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

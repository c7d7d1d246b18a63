// The simulated world: virtual time on one thread, and a seeded choice of who runs next. Processes
// (sim_env.h) live in it and may end at any step; the network between them (sim_network.h) and its
// other processes go on. One seed, one run: trace_hash() tells two runs apart.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "core/scheduler.h"
#include "core/sim/sim_network.h"

namespace mainstem {

class SimWorld;

// A ready queue with timers of one process. Run by its world only.
class SimScheduler final : public Scheduler {
 public:
  SimScheduler(SimWorld* world, SimProcessId process) : world_(world), process_(process) {}
  void Post(UniqueFunction function) override;
  bool RunsInThisThread() const override;
  TimePoint Now() const override;
  TimerId AddTimer(TimePoint when, UniqueFunction function) override;
  void CancelTimer(TimerId id) override { timers_.Cancel(id); }
  asio::io_context& io() override { return io_; }
  asio::io_context* direct_io() override { return nullptr; }

  SimProcessId process() const { return process_; }
  // From here on nothing runs any more: what is queued, or comes, is kept and never touched.
  void Abandon();

 private:
  friend class SimWorld;
  SimWorld* const world_;
  const SimProcessId process_;
  bool abandoned_ = false;
  std::deque<UniqueFunction> ready_;
  TimerQueue timers_;
  asio::io_context io_{1};
};

struct SimWorldOptions {
  uint64_t seed = 1;
  // Each function takes a random time below this. Zero: all that is ready runs before a file's
  // operation can end; more: a slow shard against a quick disk.
  Duration step_time_max{0};
  SimNetworkOptions network{};
};

class SimWorld {
 public:
  static constexpr TimePoint kBegin{std::chrono::hours(1)};

  explicit SimWorld(SimWorldOptions options);
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;

  // Runs one function, or lets time pass up to the next one first. False when nothing is ready and
  // no timer is set.
  bool Step();
  // Runs `function` right after the step with that number (as step_count() counts), outside any
  // process: a crash at exactly this point, for instance.
  void CallAtStep(int64_t step, std::function<void()> function);

  TimePoint Now() const { return now_; }
  uint64_t Random() { return random_(); }
  SimNetwork& network();
  uint64_t trace_hash() const { return trace_hash_; }
  int64_t step_count() const { return steps_; }
  // Makes `value` a part of what must be equal in two runs of a seed.
  void Trace(uint64_t value) { trace_hash_ = (trace_hash_ ^ value) * 1099511628211ull; }

  SimProcessId NewProcess() { return next_process_++; }
  // Borrowed; lives as long as the world.
  SimScheduler* AddScheduler(SimProcessId process);

 private:
  friend class SimScheduler;

  const Duration step_time_max_;
  const SimWorldOptions options_;
  std::mt19937_64 random_;
  TimePoint now_ = kBegin;
  std::vector<std::unique_ptr<SimScheduler>> schedulers_;
  std::vector<std::unique_ptr<SimScheduler>> abandoned_;
  std::vector<size_t> candidates_;
  SimScheduler* current_ = nullptr;
  std::unique_ptr<SimNetwork> network_;
  std::multimap<int64_t, std::function<void()>> at_step_;
  SimProcessId next_process_ = 1;
  uint64_t trace_hash_ = 14695981039346656037ull;
  int64_t steps_ = 0;
};

}  // namespace mainstem

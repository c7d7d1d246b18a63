// Timers shared by all schedulers, and the real scheduler: one thread, one io_context.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "core/executor.h"

namespace mainstem {

// Pending timers ordered by time, then by order of insertion. Owner's thread only.
class TimerQueue {
 public:
  TimerId Add(TimePoint when, UniqueFunction function);
  void Cancel(TimerId id);
  bool empty() const { return by_time_.empty(); }
  // kNoDeadline when empty.
  TimePoint next() const;
  // The earliest timer due at `now`; an empty function when none is.
  UniqueFunction PopDue(TimePoint now);

 private:
  std::map<std::pair<TimePoint, TimerId>, UniqueFunction> by_time_;
  std::map<TimerId, TimePoint> by_id_;
  TimerId next_id_ = 1;
};

// Runs an io_context on a thread of its own from Start to Stop. Post is thread-safe.
class ShardScheduler final : public Scheduler {
 public:
  explicit ShardScheduler(std::string name);
  ~ShardScheduler() override;
  void Start();
  // Ends the loop after the handler that runs now and joins. Work still queued is destroyed with
  // the scheduler: close every TaskScope first.
  void Stop();

  void Post(UniqueFunction function) override;
  bool RunsInThisThread() const override;
  TimePoint Now() const override;
  TimerId AddTimer(TimePoint when, UniqueFunction function) override;
  void CancelTimer(TimerId id) override;
  asio::io_context& io() override;
  asio::io_context* direct_io() override { return &io(); }

 private:
  struct Loop;
  void ArmTimer();

  std::string name_;
  std::unique_ptr<Loop> loop_;
  TimerQueue timers_;
  std::thread thread_;
};

}  // namespace mainstem

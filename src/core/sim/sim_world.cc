#include "core/sim/sim_world.h"

#include <algorithm>

namespace mainstem {
namespace {

// Reachable for ever: leak checkers stay quiet, destructors of abandoned frames never run.
void Bury(UniqueFunction function) {
  static auto* graveyard = new std::vector<UniqueFunction>();
  graveyard->push_back(std::move(function));
}

}  // namespace

void SimScheduler::Post(UniqueFunction function) {
  if (abandoned_) return Bury(std::move(function));
  ready_.push_back(std::move(function));
}

bool SimScheduler::RunsInThisThread() const { return world_->current_ == this; }

TimePoint SimScheduler::Now() const { return world_->Now(); }

TimerId SimScheduler::AddTimer(TimePoint when, UniqueFunction function) {
  if (abandoned_) {
    Bury(std::move(function));
    return 0;
  }
  return timers_.Add(when, std::move(function));
}

void SimScheduler::Abandon() {
  abandoned_ = true;
  for (UniqueFunction& function : ready_) Bury(std::move(function));
  ready_.clear();
  while (!timers_.empty()) Bury(timers_.PopDue(kNoDeadline));
}

SimWorld::SimWorld(SimWorldOptions options)
    : step_time_max_(options.step_time_max), options_(options), random_(options.seed) {}

SimWorld::~SimWorld() = default;

SimNetwork& SimWorld::network() {
  if (network_ == nullptr) {
    // Its random choices are its own, so that a run without a network is not changed by it.
    network_ =
        std::make_unique<SimNetwork>(this, options_.seed ^ 0x6e657477'6f726bull, options_.network);
  }
  return *network_;
}

SimScheduler* SimWorld::AddScheduler(SimProcessId process) {
  schedulers_.push_back(std::make_unique<SimScheduler>(this, process));
  return schedulers_.back().get();
}

void SimWorld::CallAtStep(int64_t step, std::function<void()> function) {
  at_step_.emplace(step, std::move(function));
}

bool SimWorld::Step() {
  for (;;) {
    candidates_.clear();
    TimePoint next_timer = kNoDeadline;
    for (size_t i = 0; i < schedulers_.size(); ++i) {
      SimScheduler& scheduler = *schedulers_[i];
      next_timer = std::min(next_timer, scheduler.timers_.next());
      if (!scheduler.ready_.empty() || scheduler.timers_.next() <= now_) candidates_.push_back(i);
    }
    if (!candidates_.empty()) break;
    if (next_timer == kNoDeadline) return false;
    now_ = next_timer;
  }
  size_t chosen = candidates_[random_() % candidates_.size()];
  SimScheduler& scheduler = *schedulers_[chosen];
  UniqueFunction function = scheduler.timers_.PopDue(now_);
  if (!function) {
    function = std::move(scheduler.ready_.front());
    scheduler.ready_.pop_front();
  }
  ++steps_;
  Trace(chosen + 1);
  Trace(static_cast<uint64_t>(now_.time_since_epoch().count()));
  current_ = &scheduler;
  function();
  current_ = nullptr;
  if (step_time_max_ > Duration(0)) {
    now_ +=
        Duration(static_cast<int64_t>(random_() % static_cast<uint64_t>(step_time_max_.count())));
  }
  while (!at_step_.empty() && at_step_.begin()->first <= steps_) {
    std::function<void()> due = std::move(at_step_.begin()->second);
    at_step_.erase(at_step_.begin());
    due();
  }
  // What ended is looked at no longer; executors may still point there.
  auto ended = std::stable_partition(schedulers_.begin(), schedulers_.end(),
                                     [](const auto& one) { return !one->abandoned_; });
  std::move(ended, schedulers_.end(), std::back_inserter(abandoned_));
  schedulers_.erase(ended, schedulers_.end());
  return true;
}

}  // namespace mainstem

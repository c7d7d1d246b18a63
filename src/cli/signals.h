// Waiting for Ctrl-C. Signals are blocked in every thread and taken by one that waits for them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

namespace mainstem::cli {

// Before any thread is made: SIGINT, SIGTERM and SIGHUP (unless it is ignored, as by nohup) wait
// for WaitForStopSignal. SIGUSR1 and SIGUSR2 do nothing.
void BlockStopSignals();
// Blocks until one of them comes; returns its number.
int WaitForStopSignal();
// Calls `stop`, on a thread of its own, when a stop signal comes; a further one ends the process at
// once. `stop` may be called at any time until the process ends.
void OnStopSignal(std::function<void()> stop);

// While it lives, Ctrl-C sets a flag and ends nothing. One at a time; for programs of one thread.
class InterruptFlag {
 public:
  InterruptFlag();
  ~InterruptFlag();
  const std::atomic<bool>* flag() const;
  bool Take();  // whether it has been set since the last time
};

// Takes stop signals on a thread of its own. Until Expect one ends the process at once, as a crash
// would: a start may take long, and has nothing to save. Then Wait returns with the first; a
// further one ends the process at once. Made before any other thread.
class StopWatch {
 public:
  StopWatch();
  void Expect();
  void Wait();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mainstem::cli

// Changes of what a service keeps in memory and in the log: one after the other, each to its end.
#pragma once

#include <utility>

#include "core/run_to_end.h"
#include "core/sync.h"

namespace mainstem::storage {

// On one scheduler; outlives the changes.
class ChangesInTurn {
 public:
  explicit ChangesInTurn(Executor home) : home_(home), ended_(home) {}

  // Waits until those before have ended. Once begun it is ended, whether the caller waits or not.
  Task<> Run(Task<> change) { return RunToEnd(home_, InTurn(std::move(change))); }

 private:
  Task<> InTurn(Task<> change) {
    while (running_) CO_RETURN_IF_ERROR(co_await ended_.Wait());
    running_ = true;
    Status outcome = co_await std::move(change);
    running_ = false;
    ended_.NotifyAll();
    co_return outcome;
  }

  const Executor home_;
  bool running_ = false;
  Event ended_;
};

}  // namespace mainstem::storage

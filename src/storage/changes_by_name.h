// Changes of things that have names: those of one thing come one after the other, each to its end.
#pragma once

#include <set>
#include <string>
#include <utility>

#include "core/run_to_end.h"
#include "core/sync.h"

namespace mainstem::storage {

// Like ChangesInTurn (changes_in_turn.h), but changes under different names do not wait for each
// other. On one scheduler; outlives the changes.
class ChangesByName {
 public:
  explicit ChangesByName(Executor home) : home_(home), ended_(home) {}

  Task<> Run(std::string name, Task<> change) {
    return RunToEnd(home_, InTurn(std::move(name), std::move(change)));
  }

 private:
  Task<> InTurn(std::string name, Task<> change) {
    while (running_.contains(name)) CO_RETURN_IF_ERROR(co_await ended_.Wait());
    running_.insert(name);
    Status outcome = co_await std::move(change);
    running_.erase(name);
    ended_.NotifyAll();
    co_return outcome;
  }

  const Executor home_;
  std::set<std::string> running_;
  Event ended_;
};

}  // namespace mainstem::storage

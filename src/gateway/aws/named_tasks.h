// Background tasks by name, each of which can be ended alone: deliveries that follow definitions.
// One scheduler's thread; outlives its tasks, which Stop must have ended before the destructor.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/sync.h"

namespace mainstem::gateway::aws {

class NamedTasks {
 public:
  // `on_error`: of a task that ended with an error by itself.
  NamedTasks(Executor executor, TaskScope::ErrorHandler on_error);

  // There must be none of that name.
  void Start(std::string name, Task<> task);
  // Asks it to end, and returns at once.
  void Cancel(const std::string& name);
  // Returns when it has ended; of one that is not there: at once.
  Task<> End(std::string name);
  Task<> Stop();

 private:
  const Executor executor_;
  const TaskScope::ErrorHandler on_error_;
  std::map<std::string, std::unique_ptr<TaskScope>> running_;
};

}  // namespace mainstem::gateway::aws

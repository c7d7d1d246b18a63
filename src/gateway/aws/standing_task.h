// A task that begins its work anew after every failure, until that is done or the task cancelled:
// deliveries that wait for what is not there. The log tells the first failure in a row.
#pragma once

#include <memory>

#include "core/sync.h"

namespace mainstem::gateway::aws {

class StandingTask {
 public:
  virtual ~StandingTask() = default;
  static Task<> Run(std::unique_ptr<StandingTask> task);

 protected:
  // OK: all is done.
  virtual Task<> Work() = 0;
  virtual void TellWaiting(const Status& cause) = 0;
  // After a failure; a second, unless it is said otherwise.
  virtual Task<> Pause() { return Sleep(std::chrono::seconds(1)); }
  // When it is done or cancelled.
  virtual Task<> Finish() { co_return Status::OK(); }
  // The next failure is the first of another row.
  void EndFailures() { is_failing_ = false; }

 private:
  bool is_failing_ = false;
};

}  // namespace mainstem::gateway::aws

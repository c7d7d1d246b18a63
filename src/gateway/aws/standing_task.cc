#include "gateway/aws/standing_task.h"

#include <utility>

namespace mainstem::gateway::aws {

Task<> StandingTask::Run(std::unique_ptr<StandingTask> task) {
  Status ended;
  while (true) {
    ended = co_await task->Work();
    if (ended.ok() || co_await IsCancelled()) break;
    if (!std::exchange(task->is_failing_, true)) task->TellWaiting(ended);
    ended = co_await task->Pause();
    if (!ended.ok()) break;
  }
  CO_RETURN_IF_ERROR(co_await task->Finish());
  co_return ended;
}

}  // namespace mainstem::gateway::aws

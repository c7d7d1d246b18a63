#include "gateway/aws/named_tasks.h"

namespace mainstem::gateway::aws {

NamedTasks::NamedTasks(Executor executor, TaskScope::ErrorHandler on_error)
    : executor_(executor), on_error_(std::move(on_error)) {}

void NamedTasks::Start(std::string name, Task<> task) {
  std::unique_ptr<TaskScope>& scope = running_[name];
  CHECK(scope == nullptr);
  scope = std::make_unique<TaskScope>(executor_, name, on_error_);
  scope->Spawn(std::move(name), std::move(task));
}

void NamedTasks::Cancel(const std::string& name) {
  auto running = running_.find(name);
  if (running != running_.end()) running->second->Cancel();
}

Task<> NamedTasks::End(std::string name) {
  auto running = running_.find(name);
  if (running == running_.end()) co_return Status::OK();
  std::unique_ptr<TaskScope> scope = std::move(running->second);
  running_.erase(running);
  co_return co_await scope->Close();
}

Task<> NamedTasks::Stop() {
  for (auto& [name, scope] : running_) scope->Cancel();
  while (!running_.empty()) {
    std::string name = running_.begin()->first;
    CO_RETURN_IF_ERROR(co_await End(std::move(name)));
  }
  co_return Status::OK();
}

}  // namespace mainstem::gateway::aws

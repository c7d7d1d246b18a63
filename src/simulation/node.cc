#include "simulation/node.h"

namespace mainstem::simulation {

struct Node::Process {
  Process(SimWorld* world, SimDisk* disk, const NodeOptions& options)
      : env(world, disk, {.shard_count = options.shard_count}),
        budget(options.budget_bytes),
        scope(env.shard(0), "node",
              [this](const std::string&, const Status& status) { start_error = status; }),
        stopping(env.shard(0), "stop",
                 [this](const std::string&, const Status& status) { stopped = status; }) {}

  SimEnv env;
  MemoryBudget budget;
  Metrics metrics;
  std::unique_ptr<storage::EmbeddedLog> log;
  std::unique_ptr<gateway::kafka::KafkaServer> server;
  bool is_up = false;
  Status start_error;
  std::optional<Status> stopped;
  TaskScope scope;
  TaskScope stopping;
};

Node::Node(SimWorld* world, SimDisk* disk, NodeOptions options)
    : world_(world), disk_(disk), options_(std::move(options)) {}

Node::~Node() { Kill(SimEnding::kKilled); }

Task<> Node::Boot(Process* process, NodeOptions options) {
  CO_ASSIGN_OR_RETURN(process->log,
                      co_await storage::EmbeddedLog::Open(&process->env, options.log));
  process->server = std::make_unique<gateway::kafka::KafkaServer>(
      &process->env, process->log.get(), process->log.get(), &process->budget, &process->metrics,
      options.log.logger, options.kafka);
  CO_RETURN_IF_ERROR(co_await process->server->Start());
  process->is_up = true;
  co_return Status::OK();
}

Task<> Node::Shut(Process* process) {
  CO_RETURN_IF_ERROR(co_await process->scope.Join());  // a start that is under way
  Status status;
  if (process->is_up) status = co_await process->server->Stop();
  if (process->log != nullptr) status &= co_await process->log->Stop();
  process->stopped = status;
  co_return Status::OK();
}

void Node::Start() {
  CHECK(process_ == nullptr);
  process_ = new Process(world_, disk_, options_);
  process_->env.JumpWallTime(wall_clock_ahead_);
  process_->env.OnCrashPoint([this](std::string_view name) { OnCrashPoint(name); });
  process_->scope.Spawn("boot", Boot(process_, options_));
}

void Node::Kill(SimEnding ending) {
  if (process_ == nullptr) return;
  process_->env.Abandon(ending);
  process_ = nullptr;  // leaked: suspended coroutines refer to it
  if (ending == SimEnding::kPowerCut) {
    disk_->Crash();
  } else {
    disk_->EndProcess();
  }
}

void Node::KillAt(std::string crash_point, SimEnding ending) {
  kill_at_ = std::move(crash_point);
  kill_ending_ = ending;
}

void Node::OnCrashPoint(std::string_view name) {
  if (name != kill_at_) return;
  kill_at_.clear();
  world_->CallAtStep(world_->step_count(), [this, ending = kill_ending_] { Kill(ending); });
}

Task<> Node::Stop() {
  Process* process = process_;
  if (process == nullptr) co_return Status::OK();
  // Not awaited in its own process: that may be killed meanwhile.
  process->env.shard(0).scheduler()->Post(
      UniqueFunction([process] { process->stopping.Spawn("stop", Shut(process)); }));
  while (process_ == process && !process->stopped) {
    CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::milliseconds(1)));
  }
  if (process_ != process) co_return Status::OK();  // killed before it got there
  Status outcome = *process->stopped;
  Kill(SimEnding::kKilled);
  co_return outcome;
}

bool Node::is_up() const { return process_ != nullptr && process_->is_up; }

const Status& Node::start_error() const {
  static const Status kFine;
  return process_ == nullptr ? kFine : process_->start_error;
}

SimEnv* Node::env() const { return process_ == nullptr ? nullptr : &process_->env; }

void Node::JumpWallTime(std::chrono::milliseconds by) {
  wall_clock_ahead_ += by;
  if (process_ != nullptr) process_->env.JumpWallTime(by);
}

}  // namespace mainstem::simulation

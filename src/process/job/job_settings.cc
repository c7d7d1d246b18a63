#include "process/job/job_settings.h"

#include <algorithm>
#include <cctype>

#include "process/checkpoint/savepoint_store.h"
#include "process/plan/settings.h"
#include "process/state/key_group.h"

namespace mainstem::process {
namespace {

using std::chrono::milliseconds;

constexpr Duration kLeastCheckpointInterval = milliseconds(10);  // as Flink allows
constexpr const char* kSavepointDir = "execution.checkpointing.savepoint-dir";
constexpr const char* kSavepointDirBefore2 = "state.savepoints.dir";
constexpr const char* kRestorePath = "execution.state-recovery.path";
constexpr const char* kRestorePathBefore2 = "execution.savepoint.path";
constexpr const char* kIgnoreUnclaimed = "execution.state-recovery.ignore-unclaimed-state";
constexpr const char* kIgnoreUnclaimedBefore2 = "execution.savepoint.ignore-unclaimed-state";

plan::Settings SettingsOf(const plan::Plan& plan) {
  plan::Settings settings;
  for (const auto& [key, value] : plan.settings) {
    IgnoreError(settings.Set(key, value), "was checked when it was set");
  }
  return settings;
}

// Of the key, or of the one that it had in Flink 1.x; empty when neither is set.
std::string SettingText(const plan::Plan& plan, const char* key, const char* before_2) {
  for (const char* name : {key, before_2}) {
    if (auto it = plan.settings.find(name); it != plan.settings.end()) return it->second;
  }
  return "";
}

Status SetSavepoints(const JobManagerOptions& manager, const plan::Plan& plan,
                     JobRunnerOptions* out) {
  const std::string path = SettingText(plan, kRestorePath, kRestorePathBefore2);
  if (!path.empty()) {
    ASSIGN_OR_RETURN(out->restore_from, SavepointPath(path, manager.base_directory));
  }
  const plan::Settings settings = SettingsOf(plan);
  out->ignore_unclaimed_state =
      settings.Boolean(kIgnoreUnclaimed) || settings.Boolean(kIgnoreUnclaimedBefore2);
  return Status::OK();
}

}  // namespace

std::string SlugOf(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c))) {
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  if (out.empty()) return "job";
  constexpr size_t kBegin = 15, kEnd = 32;  // a table's name is at the end
  if (out.size() <= kBegin + 1 + kEnd) return out;
  std::string begin = out.substr(0, kBegin), end = out.substr(out.size() - kEnd);
  if (begin.back() == '-') begin.pop_back();
  return begin + (end.front() == '-' ? "" : "-") + end;
}

std::string JobNameOf(const plan::Plan& plan) {
  if (auto it = plan.settings.find("pipeline.name"); it != plan.settings.end()) return it->second;
  std::string name = "insert-into";
  for (const auto& sink : plan.sinks) name += "_" + sink->table.name;
  return name;
}

Result<JobRunnerOptions> RunnerOptionsOf(const JobManagerOptions& manager, const JobRecord& record,
                                         const plan::Plan& plan, size_t shard_count) {
  const plan::Settings settings = SettingsOf(plan);
  JobRunnerOptions out;
  out.job_id = record.id;
  out.name = record.name;
  out.parallelism =
      manager.default_parallelism > 0 ? manager.default_parallelism : static_cast<int>(shard_count);
  if (plan.settings.contains("parallelism.default")) {
    out.parallelism = static_cast<int>(settings.Integer("parallelism.default"));
  }
  out.parallelism = std::clamp(out.parallelism, 1, kKeyGroupCount);
  out.checkpoint_interval = manager.checkpoint_interval;
  if (plan.settings.contains("execution.checkpointing.interval")) {
    const Duration wanted = milliseconds(settings.Millis("execution.checkpointing.interval"));
    out.checkpoint_interval = std::max(kLeastCheckpointInterval, wanted);
  }
  if (plan.settings.contains("execution.checkpointing.num-retained")) {
    out.retained_checkpoints = static_cast<int>(
        std::max<int64_t>(1, settings.Integer("execution.checkpointing.num-retained")));
  }
  out.checkpoint_timeout = milliseconds(settings.Millis("execution.checkpointing.timeout"));
  out.fold_updates = plan.settings.contains("table.exec.mini-batch.enabled") &&
                     settings.Boolean("table.exec.mini-batch.enabled");
  out.late_rows_topic = settings.Text("mainstem.late-rows.topic");
  out.restarts_always = settings.Boolean("mainstem.restart.permanent-errors");
  out.created_at_ms = record.created_at_ms;
  out.generation = record.generation;
  out.delivery_name = record.delivery_name;
  out.checkpoint_directory = manager.state_directory + "/" + record.id;
  RETURN_IF_ERROR(SetSavepoints(manager, plan, &out));
  return out;
}

Result<std::string> SavepointFolderOf(const JobManagerOptions& manager, const plan::Plan& plan,
                                      const std::string& given) {
  std::string folder =
      given.empty() ? SettingText(plan, kSavepointDir, kSavepointDirBefore2) : given;
  if (folder.empty()) folder = manager.savepoint_directory;
  if (folder.empty()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "no folder is given for the savepoint",
                      .hint = "SET 'execution.checkpointing.savepoint-dir' names one"});
  }
  return SavepointPath(folder, manager.base_directory);
}

}  // namespace mainstem::process

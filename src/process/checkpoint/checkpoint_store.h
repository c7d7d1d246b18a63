// The checkpoints of one job on disk:
//
//   <root>/chk-<id>/manifest       written last, atomically: a checkpoint without it does not exist
//   <root>/chk-<id>/v<vertex>-<subtask>/   a state backend's checkpoint
//   <root>/live/...                working state, thrown away at each start
//
// Which checkpoint counts is not decided here but by the job's last committed epoch in the log.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "core/env.h"
#include "process/checkpoint/manifest_format.h"
#include "process/state/state_backend.h"

namespace mainstem::process {

// One task at a time. `env` and `factory` outlive it.
class CheckpointStore {
 public:
  CheckpointStore(Env* env, StateBackendFactory* factory, std::string root);

  // Creates the checkpoint's directory, removing a leftover of an attempt that was never committed.
  Task<> Prepare(int64_t id);
  std::string StateDirectory(int64_t id, const std::string& part) const;
  std::string LiveDirectory(const std::string& part) const;
  // Makes the checkpoint complete and durable.
  Task<> Complete(CheckpointManifest manifest);
  Task<CheckpointManifest> Load(int64_t id);
  // Removes all checkpoints but `kept` newest ones up to `id`, and those that are held; newer ones
  // were never committed.
  Task<> Prune(int64_t id, int kept);
  // While somebody copies it.
  void Hold(int64_t id) { held_.insert(id); }
  void Release(int64_t id) { held_.erase(id); }
  std::string DirectoryOf(int64_t id) const;
  Task<> RemoveAll();
  Task<> RemoveLive();

 private:
  Task<> Remove(std::string directory);

  Env* env_;
  StateBackendFactory* factory_;
  std::string root_;
  bool has_root_ = false;  // its name is durable
  std::set<int64_t> held_;
};

}  // namespace mainstem::process

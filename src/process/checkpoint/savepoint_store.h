// Savepoints: checkpoints that the user keeps. One is a folder of its own that can be moved and
// copied, on this disk or another node's:
//
//   <folder>/manifest            written last, atomically: a folder without it is no savepoint
//   <folder>/v<vertex>-<subtask>/   state, as in a checkpoint; the manifest lists its files
//
// Nothing here removes a folder that has a manifest. Written out in docs/formats/savepoints.md.
#pragma once

#include <string>

#include "core/env.h"
#include "process/checkpoint/checkpoint_store.h"

namespace mainstem::process {

// One task at a time for each folder. `env` and `factory` outlive it.
class SavepointStore {
 public:
  SavepointStore(Env* env, StateBackendFactory* factory) : env_(env), factory_(factory) {}

  // Copies checkpoint `id` of `from`, which must stay meanwhile, to `directory` (absolute). What an
  // interrupted attempt has left there goes first; a whole savepoint is kUnchanged.
  enum class Written : uint8_t { kNew, kUnchanged };
  Task<Written> Write(CheckpointStore* from, int64_t id, std::string directory);
  // With every file that it names there in its size; else an error that says what is missing.
  Task<CheckpointManifest> Load(std::string directory);
  // Removes what an interrupted Write has left; leaves a whole savepoint, and says so.
  Task<bool> RemoveUnlessWhole(std::string directory);

 private:
  Task<> CheckFiles(const std::string& directory, const CheckpointManifest& manifest);

  Env* env_;
  StateBackendFactory* factory_;
};

// "/a/b" of "/a/b", "file:/a/b" and "file:///a/b"; relative paths begin at `base`. Unsupported for
// other schemes.
Result<std::string> SavepointPath(std::string_view given, const std::string& base);

}  // namespace mainstem::process

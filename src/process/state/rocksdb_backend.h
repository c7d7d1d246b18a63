// State in RocksDB, without its write-ahead log: what is durable is a checkpoint (hard links to the
// immutable files), never the live database, which is thrown away at the next start. The live
// database is opened at the first write, so a job with little state never touches it.
#pragma once

#include <memory>

#include "process/state/state_backend.h"

namespace mainstem::process {

struct RocksDbOptions {
  // Shared by all databases of the factory, strictly: block cache and write buffers.
  size_t memory_bytes = 64u << 20;
  bool keeps_checkpoints = true;  // StateBackend::keeps_checkpoints; Checkpoint does nothing then
};

// Thread-safe. Uses the file system directly, as RocksDB itself does: not for simulation.
std::unique_ptr<StateBackendFactory> MakeRocksDbStateBackendFactory(RocksDbOptions options);

}  // namespace mainstem::process

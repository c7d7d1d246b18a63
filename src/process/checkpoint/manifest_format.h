// The manifest of a checkpoint, and of a savepoint: what a restore needs to know besides the state
// directories beside it.
//
//   "MSCP" | u8 version (3) | body | u32 CRC-32 of everything before it (little endian, as all
//   numbers) body   := i64 checkpoint id | text job id | text plan fingerprint | u32 n, operator*n
//             | u32 n, state*n | u32 n, split*n | about (version 3)
//   text   := u32 length, bytes
//   operator := text node id | u32 n, text blob*n
//   state    := text directory (within the checkpoint) | u32 n, text node id*n
//   split    := text node id | text split id | text position | i64 watermark | u8 ended
//             | i64 rejected records (version 1: absent, 0)
//   about    := u8 1: drained | i64 made at, ms since 1970 | text statement
//             | u32 n, name*n of operators with state | u32 n, name*n of sources
//             | u32 n, (text directory, u32 m, (text file, i64 bytes)*m)*n
//   name     := text node id (as above) | text what | text layout | u64 upstream | text sinks
//
// Valid iff magic, version and CRC match and the body is used up exactly. Pure functions. Fuzzed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace mainstem::process {

struct CheckpointManifest {
  struct OperatorBlobs {
    std::string node_id;
    std::vector<std::string> blobs;
  };
  // State of one subtask: one directory with the tables of all its operators.
  struct StatePart {
    std::string directory;
    std::vector<std::string> node_ids;
  };
  struct Split {
    std::string node_id;  // of the source
    std::string split_id;
    std::string position;
    int64_t watermark_ms = 0;
    bool ended = false;
    int64_t rejected_count = 0;  // records that could not be decoded
  };
  // What the owner of state, or a source, is called where it is looked for in another plan: see
  // state_match.h.
  struct Name {
    std::string node_id;
    std::string what;       // "GroupAggregate(keys=[k], select=[COUNT(*)])"
    std::string layout;     // names and types of the columns that its state is made of
    uint64_t upstream = 0;  // of everything above it
    std::string sinks;      // the tables that it leads to
  };
  struct StateFiles {
    struct File {
      std::string name;
      int64_t bytes = 0;
    };
    std::string directory;
    std::vector<File> files;
  };
  int64_t id = 0;
  std::string job_id;
  // Of the operators and their types: state fits only the plan that made it.
  std::string fingerprint;
  std::vector<OperatorBlobs> operators;
  std::vector<StatePart> states;
  std::vector<Split> splits;
  bool drained = false;  // the watermark was brought to the end of time before it was taken
  int64_t made_at_ms = 0;
  std::string statement;
  std::vector<Name> state_names;  // none before version 3
  std::vector<Name> source_names;
  std::vector<StateFiles> files;  // of savepoints
};

std::string EncodeManifest(const CheckpointManifest& manifest);
// CorruptStorage when it is not valid.
Result<CheckpointManifest> DecodeManifest(std::string_view bytes);

}  // namespace mainstem::process

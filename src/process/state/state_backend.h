// Where state lies that is not hot: an ordered store of bytes for one subtask, and its checkpoints.
// RocksDB in production (rocksdb_backend.h), an in-memory twin in tests and simulation. Sits under
// StateTable; knows nothing of keys or operators.
//
// Key layout, in this order, so that a range is a table, a key group, or one namespace of a group:
//   u16 table (big endian) | u8 key group | i64 namespace (big endian, sign bit flipped) | key
//   bytes
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/status.h"
#include "process/state/key_group.h"
#include "process/state/state_mutations.h"

namespace mainstem::process {

std::string EncodeStateKey(uint16_t table, int key_group, int64_t name_space, std::string_view key);
void AppendStateKey(uint16_t table, int key_group, int64_t name_space, std::string_view key,
                    std::string* out);
// The first possible key of a (table, key group), behind all keys of the group before it, and of a
// namespace in it.
std::string StateGroupBegin(uint16_t table, int key_group);
std::string StateNamespaceBegin(uint16_t table, int key_group, int64_t name_space);
struct DecodedStateKey {
  uint16_t table = 0;
  int key_group = 0;
  int64_t name_space = 0;
  std::string_view key;  // into the encoded bytes
};
Result<DecodedStateKey> DecodeStateKey(std::string_view encoded);

// All calls block and belong on the pool. Calls of one backend may overlap, but for these: one
// Write or Checkpoint at a time, and nothing beside the first Write of a backend that was made
// empty. A Read or Scan beside a Write finds each key as it was before or as it is after. What
// Write has taken survives a crash only in a checkpoint.
class StateBackend {
 public:
  using Entry = std::pair<std::string, std::string>;
  virtual ~StateBackend() = default;
  virtual Status Write(const StateMutations& mutations) = 0;
  // One value for each key; nullopt: absent.
  virtual Result<std::vector<std::optional<std::string>>> Read(
      std::span<const std::string> keys) = 0;
  // Up to `limit` entries with begin <= key < end, in order.
  virtual Result<std::vector<Entry>> Scan(const std::string& begin, const std::string& end,
                                          size_t limit) = 0;
  // Everything written so far, durable in `directory`, which must not exist.
  virtual Status Checkpoint(const std::string& directory) = 0;
  virtual size_t ApproximateBytes() const = 0;
  // From any thread: its work ends, and what a Write holds may be written in part or not at all.
  // A long one that is under way fails with kCancelled soon, as do later ones.
  virtual void Cancel() {}
  // False: nothing is ever restored, so that what a snapshot holds need not be written.
  virtual bool keeps_checkpoints() const { return true; }
};

// What of the checkpoints is wanted, and the numbers that its tables get.
struct RestoreFilter {
  KeyGroupRange key_groups;
  // Table in the checkpoint -> table of the new backend. Empty: all, under their numbers.
  std::map<uint16_t, uint16_t> tables = {};
  // Where the entry goes; nullopt: it is not wanted.
  std::optional<uint16_t> TableOf(const DecodedStateKey& key) const;
};
// `key` with another table's number in front.
std::string WithTable(std::string key, uint16_t table);

// A file of a checkpoint that was copied.
struct StateFile {
  std::string name;
  int64_t bytes = 0;
};

class StateBackendFactory {
 public:
  virtual ~StateBackendFactory() = default;
  // A backend that works in `live_directory` (cleared first) and starts with the wanted entries of
  // the checkpoints `restore_from`. Blocks. The checkpoints stay as they are. A missing checkpoint
  // directory is an empty one.
  virtual Result<std::unique_ptr<StateBackend>> Open(std::string live_directory,
                                                     std::vector<std::string> restore_from,
                                                     RestoreFilter filter) = 0;
  // A copy of a checkpoint that lives on without it, durable in `target`, which must not exist;
  // the files that make it up. Of a missing (empty) checkpoint: nothing. Blocks.
  virtual Result<std::vector<StateFile>> Copy(std::string checkpoint, std::string target) = 0;
  // Removes a checkpoint or live directory. Blocks; fine when absent.
  virtual Status Remove(std::string directory) = 0;
};

// The twin: maps in memory; checkpoints are copies kept by the factory, which thus plays the disk
// and must outlive a simulated crash. Thread-safe.
std::unique_ptr<StateBackendFactory> MakeMemoryStateBackendFactory();

}  // namespace mainstem::process

// The simulated disk: in-memory files that survive the "process" (SimEnv) using them and lose, on
// a crash, what was not made durable. Which faults may happen where:
//   - write without direct_durable: lost at a crash unless Sync ended after it (each such write is
//     kept or lost at random, whole 4 KiB blocks);
//   - direct_durable write: durable when it ends; cut at random block borders when the crash comes
//     in its middle;
//   - create, rename, remove of files and making of folders: each is kept or undone at random at a
//     crash, whatever became of the others, unless SyncDirectory of the folder around it ended
//     after it. What lies in a folder that is undone is lost. A folder below the root is there for
//     good, as what a disk is mounted on; the removal of a tree is durable at once;
//   - any operation: fails once when armed by FailOperation.
// Single thread; owned by the test.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/env.h"

namespace mainstem {

// What a sync makes durable: data of a file (by Sync or a direct_durable write), or a change of
// names (by SyncDirectory).
enum class SimChange : uint8_t { kData, kCreate, kRename, kRemove, kMakeDirectory };
// Whether the disk forgets to make a change of `path` durable, as if the program had no such sync.
using ForgottenSyncs = std::function<bool(SimChange change, const std::string& path)>;

struct SimDiskOptions {
  // False: Sync, SyncDirectory and direct_durable writes promise but do not keep. A checker of
  // durability must fail on such a disk.
  bool keeps_promises = true;
  int64_t capacity_bytes = int64_t{1} << 40;
  ForgottenSyncs forgets{};  // null: nothing
};

class SimDisk {
 public:
  explicit SimDisk(uint64_t seed, SimDiskOptions options = {});

  // Power is cut: unsynced state is lost, operations under way are cut.
  void Crash();

  // The process ended and the machine did not: what was written is there, operations under way are
  // cut.
  void EndProcess();
  // From now on.
  void set_capacity_bytes(int64_t bytes) { options_.capacity_bytes = bytes; }
  int64_t used_bytes() const;
  // How many times as long as usual an operation takes.
  void set_slowness(int factor) { slowness_ = factor; }

  // The `index`th operation from now (0: the next) fails with kStorageError, a write after doing
  // part of its work. Negative: none.
  void FailOperation(int64_t index) { fail_in_ = index; }
  bool fault_fired() const { return fault_fired_; }
  int64_t operation_count() const { return operation_count_; }
  // Damages a durable byte, as a bad disk does. False when the file has no such byte.
  bool FlipBit(const std::string& path, int64_t offset);
  std::vector<std::string> ListAll() const;

 private:
  friend class SimFiles;
  friend class SimFile;
  struct Write {
    int64_t offset;
    std::vector<std::byte> data;
  };
  struct Node {
    uint64_t inode = 0;
    std::vector<std::byte> contents;  // what the running process sees
    std::vector<std::byte> durable;   // what a crash leaves
    std::vector<Write> unsynced;
  };
  using Namespace = std::map<std::string, std::shared_ptr<Node>>;
  // A change of names that no SyncDirectory has made durable yet.
  struct NameChange {
    SimChange kind;
    std::string path;
    std::shared_ptr<Node> node{};  // of kCreate and kRename
    std::string from{};            // of kRename
  };

  // Counts the operation; an error when it is the one to fail.
  Status BeginOperation(const char* name);
  void Apply(std::vector<std::byte>& target, int64_t offset, std::span<const std::byte> data);
  bool Keeps(SimChange change, const std::string& path) const;
  void ApplyRandomBlocks(std::vector<std::byte>& target, const Write& write);
  void MakeDurable(const NameChange& change);
  // Forgets what lies in folders that are not there.
  void DropUnreachable();

  SimDiskOptions options_;
  int slowness_ = 1;
  std::mt19937_64 random_;
  Namespace visible_;
  Namespace durable_;
  std::vector<NameChange> unsynced_names_;  // in their order
  std::set<std::string> directories_;
  std::set<std::string> durable_directories_;
  uint64_t next_inode_ = 1;
  int64_t fail_in_ = -1;
  bool fault_fired_ = false;
  int64_t operation_count_ = 0;
  // Direct writes that began and have not ended: cut at a crash.
  std::map<uint64_t, std::pair<std::shared_ptr<Node>, Write>> writing_;
  uint64_t next_write_ = 1;
};

// Files over `disk`; operations take a random virtual time on the calling scheduler.
std::unique_ptr<Files> MakeSimFiles(SimDisk* disk);

}  // namespace mainstem

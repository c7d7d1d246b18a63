#include "core/sim/sim_disk.h"

#include <optional>

#include <fmt/format.h>

namespace mainstem {
namespace {

constexpr int64_t kBlock = 4096;

std::string ParentOf(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

Status NotFound(const std::string& path) {
  return MakeError(ErrorCode::kNotFound, fmt::format("'{}' does not exist", path));
}

// A folder gets another name, with all that lies in it.
template <typename Namespace>
void MoveTree(const std::string& from, const std::string& to, Namespace* files,
              std::set<std::string>* folders) {
  auto moved = [&](const std::string& path) -> std::optional<std::string> {
    if (path != from && !path.starts_with(from + "/")) return std::nullopt;
    return to + path.substr(from.size());
  };
  Namespace new_files;
  for (const auto& [path, node] : *files) new_files[moved(path).value_or(path)] = node;
  std::set<std::string> new_folders;
  for (const std::string& path : *folders) new_folders.insert(moved(path).value_or(path));
  *files = std::move(new_files);
  *folders = std::move(new_folders);
}

}  // namespace

SimDisk::SimDisk(uint64_t seed, SimDiskOptions options) : options_(options), random_(seed) {
  directories_.insert("/");
  durable_directories_.insert("/");
}

Status SimDisk::BeginOperation(const char* name) {
  ++operation_count_;
  if (fail_in_ < 0) return Status::OK();
  if (fail_in_-- > 0) return Status::OK();
  fault_fired_ = true;
  return MakeError(ErrorCode::kStorageError, fmt::format("injected failure of {}", name));
}

void SimDisk::Apply(std::vector<std::byte>& target, int64_t offset,
                    std::span<const std::byte> data) {
  if (data.empty()) return;
  size_t end = static_cast<size_t>(offset) + data.size();
  if (target.size() < end) target.resize(end);
  std::copy(data.begin(), data.end(), target.begin() + offset);
}

// Keeps a random part of a write, block by block: what a torn or lost write leaves.
void SimDisk::ApplyRandomBlocks(std::vector<std::byte>& target, const Write& write) {
  int64_t end = write.offset + static_cast<int64_t>(write.data.size());
  for (int64_t at = write.offset; at < end;) {
    int64_t block_end = std::min(end, (at / kBlock + 1) * kBlock);
    if (random_() % 2 == 0) {
      Apply(target, at,
            std::span(write.data)
                .subspan(static_cast<size_t>(at - write.offset),
                         static_cast<size_t>(block_end - at)));
    }
    at = block_end;
  }
}

bool SimDisk::Keeps(SimChange change, const std::string& path) const {
  return options_.keeps_promises && !(options_.forgets && options_.forgets(change, path));
}

void SimDisk::MakeDurable(const NameChange& change) {
  switch (change.kind) {
    case SimChange::kData: break;  // no change of a name
    case SimChange::kCreate: durable_[change.path] = change.node; break;
    case SimChange::kRemove: durable_.erase(change.path); break;
    case SimChange::kMakeDirectory: durable_directories_.insert(change.path); break;
    case SimChange::kRename: {
      if (change.node == nullptr) {  // of a folder
        MoveTree(change.from, change.path, &durable_, &durable_directories_);
        break;
      }
      auto from = durable_.find(change.from);
      if (from != durable_.end() && from->second == change.node) durable_.erase(from);
      durable_[change.path] = change.node;
      break;
    }
  }
}

void SimDisk::DropUnreachable() {
  // In their order each folder comes after the one around it.
  std::set<std::string> there = {"/"};
  for (const std::string& path : durable_directories_) {
    if (there.contains(ParentOf(path))) there.insert(path);
  }
  durable_directories_ = std::move(there);
  std::erase_if(durable_, [this](const auto& entry) {
    return !durable_directories_.contains(ParentOf(entry.first));
  });
}

int64_t SimDisk::used_bytes() const {
  int64_t sum = 0;
  for (const auto& [path, node] : visible_) sum += static_cast<int64_t>(node->contents.size());
  return sum;
}

void SimDisk::Crash() {
  for (auto& [id, entry] : writing_) ApplyRandomBlocks(entry.first->durable, entry.second);
  writing_.clear();
  std::map<uint64_t, Node*> nodes;  // by inode: an order that a second run has, too
  for (auto& [path, node] : visible_) nodes[node->inode] = node.get();
  for (auto& [path, node] : durable_) nodes[node->inode] = node.get();
  for (auto& [inode, node] : nodes) {
    for (const Write& write : node->unsynced) {
      if (options_.keeps_promises) ApplyRandomBlocks(node->durable, write);
    }
    node->unsynced.clear();
    node->contents = node->durable;
  }
  for (const NameChange& change : unsynced_names_) {
    if (options_.keeps_promises && random_() % 2 == 0) MakeDurable(change);
  }
  unsynced_names_.clear();
  DropUnreachable();
  visible_ = durable_;
  directories_ = durable_directories_;
  fail_in_ = -1;
}

void SimDisk::EndProcess() {
  for (auto& [id, entry] : writing_) {
    ApplyRandomBlocks(entry.first->contents, entry.second);
    entry.first->durable = entry.first->contents;
  }
  writing_.clear();
  fail_in_ = -1;
}

bool SimDisk::FlipBit(const std::string& path, int64_t offset) {
  auto it = visible_.find(path);
  if (it == visible_.end()) return false;
  Node& node = *it->second;
  if (offset >= static_cast<int64_t>(node.durable.size())) return false;
  node.durable[offset] ^= std::byte{1};
  node.contents[offset] ^= std::byte{1};
  return true;
}

std::vector<std::string> SimDisk::ListAll() const {
  std::vector<std::string> paths;
  for (const auto& [path, node] : visible_) paths.push_back(path);
  return paths;
}

class SimFile final : public File {
 public:
  SimFile(SimDisk* disk, std::shared_ptr<SimDisk::Node> node, std::string path, bool direct)
      : disk_(disk),
        node_(std::move(node)),
        direct_(direct),
        keeps_data_(disk->Keeps(SimChange::kData, path)) {}

  Task<size_t> ReadAt(int64_t offset, std::span<std::byte> into) override {
    CO_RETURN_IF_ERROR(co_await Latency());
    CO_RETURN_IF_ERROR(disk_->BeginOperation("read"));
    int64_t size = static_cast<int64_t>(node_->contents.size());
    size_t count = offset >= size ? 0 : std::min(into.size(), static_cast<size_t>(size - offset));
    std::copy_n(node_->contents.begin() + offset, count, into.begin());
    co_return count;
  }

  Task<> WriteAt(int64_t offset, std::span<const std::byte> from) override {
    if (direct_) {
      CHECK(offset % kBlock == 0);
      CHECK(from.size() % kBlock == 0);
      CHECK(reinterpret_cast<uintptr_t>(from.data()) % kBlock == 0);
    }
    SimDisk::Write write{offset, {from.begin(), from.end()}};
    uint64_t id = disk_->next_write_++;
    const bool is_durable = direct_ && keeps_data_;
    if (is_durable) disk_->writing_.emplace(id, std::pair(node_, write));
    Status slept = co_await Latency();
    disk_->writing_.erase(id);
    if (!slept.ok()) {  // what is under way is not taken back
      disk_->ApplyRandomBlocks(node_->contents, write);
      if (is_durable) node_->durable = node_->contents;
      co_return slept;
    }
    Status status = disk_->BeginOperation("write");
    if (!status.ok()) {
      disk_->ApplyRandomBlocks(node_->contents, write);
      if (is_durable) node_->durable = node_->contents;
      co_return status;
    }
    bool fits = CutToCapacity(&write);
    disk_->Apply(node_->contents, write.offset, write.data);
    if (is_durable) {
      disk_->Apply(node_->durable, write.offset, write.data);
    } else {
      node_->unsynced.push_back(std::move(write));
    }
    if (fits) co_return Status::OK();
    co_return MakeError(ErrorCode::kDiskFull, "no space left on the simulated disk");
  }

  Task<> Sync() override {
    CO_RETURN_IF_ERROR(co_await Latency());
    CO_RETURN_IF_ERROR(disk_->BeginOperation("sync"));
    if (!keeps_data_) co_return Status::OK();
    node_->durable = node_->contents;
    node_->unsynced.clear();
    co_return Status::OK();
  }

  Task<> Truncate(int64_t size) override {
    CO_RETURN_IF_ERROR(co_await Latency());
    CO_RETURN_IF_ERROR(disk_->BeginOperation("truncate"));
    node_->contents.resize(static_cast<size_t>(size));
    // Journaled metadata: the new length is kept even without a sync.
    if (node_->durable.size() > node_->contents.size())
      node_->durable.resize(node_->contents.size());
    std::erase_if(node_->unsynced, [size](const SimDisk::Write& write) {
      return write.offset + static_cast<int64_t>(write.data.size()) > size;
    });
    co_return Status::OK();
  }

  Task<int64_t> Size() override { co_return static_cast<int64_t>(node_->contents.size()); }

 private:
  // Leaves the whole blocks for which there is room. What is written over takes none.
  bool CutToCapacity(SimDisk::Write* write) {
    int64_t end = write->offset + static_cast<int64_t>(write->data.size());
    if (end <= static_cast<int64_t>(node_->contents.size())) return true;
    int64_t room = disk_->options_.capacity_bytes - disk_->used_bytes();
    int64_t end_max = static_cast<int64_t>(node_->contents.size()) + std::max<int64_t>(0, room);
    if (end <= end_max) return true;
    int64_t kept = std::max<int64_t>(0, end_max / kBlock * kBlock - write->offset);
    write->data.resize(static_cast<size_t>(kept));
    return false;
  }

  Task<> Latency() {
    auto micros = std::chrono::microseconds(20 + disk_->random_() % 400);
    co_return co_await Sleep(micros * disk_->slowness_);
  }

  SimDisk* disk_;
  std::shared_ptr<SimDisk::Node> node_;
  bool direct_;
  bool keeps_data_;
};

class SimFiles final : public Files {
 public:
  explicit SimFiles(SimDisk* disk) : disk_(disk) {}

  Task<std::unique_ptr<File>> Open(std::string path, OpenOptions options) override {
    CO_RETURN_IF_ERROR(disk_->BeginOperation("open"));
    auto it = disk_->visible_.find(path);
    if (it != disk_->visible_.end() && options.create && options.exclusive) {
      co_return MakeError(ErrorCode::kAlreadyExists, fmt::format("'{}' exists", path));
    }
    if (it == disk_->visible_.end()) {
      if (!options.create || !disk_->directories_.contains(ParentOf(path))) {
        co_return NotFound(path);
      }
      auto node = std::make_shared<SimDisk::Node>();
      node->inode = disk_->next_inode_++;
      it = disk_->visible_.emplace(path, std::move(node)).first;
      Note({.kind = SimChange::kCreate, .path = path, .node = it->second});
    }
    if (options.truncate) {
      it->second->contents.clear();
      it->second->durable.clear();
      it->second->unsynced.clear();
    }
    co_return std::make_unique<SimFile>(disk_, it->second, path, options.direct_durable);
  }

  Task<> CreateDirectories(std::string path) override {
    CO_RETURN_IF_ERROR(disk_->BeginOperation("mkdir"));
    for (size_t slash = 0; slash != std::string::npos;) {
      slash = path.find('/', slash + 1);
      std::string made = path.substr(0, slash);
      if (!disk_->directories_.insert(made).second) continue;
      if (ParentOf(made) == "/") {
        disk_->durable_directories_.insert(made);
      } else {
        Note({.kind = SimChange::kMakeDirectory, .path = made});
      }
    }
    co_return Status::OK();
  }

  Task<> SyncDirectory(std::string path) override {
    CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::microseconds(50)));
    CO_RETURN_IF_ERROR(disk_->BeginOperation("sync folder"));
    std::erase_if(disk_->unsynced_names_, [&](const SimDisk::NameChange& change) {
      bool is_here = ParentOf(change.path) == path ||
                     (change.kind == SimChange::kRename && ParentOf(change.from) == path);
      bool is_kept = is_here && disk_->Keeps(change.kind, change.path);
      if (is_kept) disk_->MakeDurable(change);
      return is_kept;
    });
    co_return Status::OK();
  }

  Task<> Rename(std::string from, std::string to) override {
    CO_RETURN_IF_ERROR(disk_->BeginOperation("rename"));
    if (disk_->directories_.contains(from)) {
      MoveTree(from, to, &disk_->visible_, &disk_->directories_);
      Note({.kind = SimChange::kRename, .path = to, .from = from});
      co_return Status::OK();
    }
    auto it = disk_->visible_.find(from);
    if (it == disk_->visible_.end()) co_return NotFound(from);
    auto node = it->second;
    disk_->visible_.erase(it);
    disk_->visible_[to] = node;
    Note({.kind = SimChange::kRename, .path = to, .node = node, .from = from});
    co_return Status::OK();
  }

  Task<> Remove(std::string path) override {
    CO_RETURN_IF_ERROR(disk_->BeginOperation("remove"));
    if (disk_->visible_.erase(path) == 0) co_return NotFound(path);
    Note({.kind = SimChange::kRemove, .path = path});
    co_return Status::OK();
  }

  Task<> RemoveDirectoryTree(std::string path) override {
    CO_RETURN_IF_ERROR(disk_->BeginOperation("remove folder"));
    auto inside = [&](const std::string& name) {
      return name == path || name.starts_with(path + "/");
    };
    std::erase_if(disk_->visible_, [&](const auto& entry) { return inside(entry.first); });
    std::erase_if(disk_->durable_, [&](const auto& entry) { return inside(entry.first); });
    std::erase_if(disk_->directories_, inside);
    std::erase_if(disk_->durable_directories_, inside);
    std::erase_if(disk_->unsynced_names_,
                  [&](const SimDisk::NameChange& change) { return inside(change.path); });
    co_return Status::OK();
  }

  Task<std::vector<DirectoryEntry>> List(std::string path) override {
    CO_RETURN_IF_ERROR(disk_->BeginOperation("list"));
    if (!disk_->directories_.contains(path)) co_return NotFound(path);
    std::map<std::string, DirectoryEntry> entries;
    for (const auto& [name, node] : disk_->visible_) {
      if (ParentOf(name) != path) continue;
      std::string base = name.substr(name.rfind('/') + 1);
      entries[base] = {.name = base, .size = static_cast<int64_t>(node->contents.size())};
    }
    for (const std::string& name : disk_->directories_) {
      if (name == "/" || ParentOf(name) != path) continue;
      std::string base = name.substr(name.rfind('/') + 1);
      entries[base] = {.name = base, .is_directory = true};
    }
    std::vector<DirectoryEntry> result;
    for (auto& [name, entry] : entries) result.push_back(std::move(entry));
    co_return result;
  }

  Task<bool> Exists(std::string path) override {
    co_return disk_->visible_.contains(path) || disk_->directories_.contains(path);
  }

  Task<FileIdentity> Identify(std::string path) override {
    auto it = disk_->visible_.find(path);
    if (it == disk_->visible_.end()) co_return NotFound(path);
    co_return FileIdentity{.device = 1,
                           .inode = it->second->inode,
                           .size = static_cast<int64_t>(it->second->contents.size())};
  }

  Task<int64_t> FreeBytes(std::string path) override {
    co_return disk_->options_.capacity_bytes - disk_->used_bytes();
  }

 private:
  void Note(SimDisk::NameChange change) { disk_->unsynced_names_.push_back(std::move(change)); }

  SimDisk* disk_;
};

std::unique_ptr<Files> MakeSimFiles(SimDisk* disk) { return std::make_unique<SimFiles>(disk); }

}  // namespace mainstem

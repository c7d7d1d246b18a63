#include "core/sim/sim_disk.h"

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

}  // namespace

SimDisk::SimDisk(uint64_t seed, SimDiskOptions options) : options_(options), random_(seed) {
  directories_.insert("/");
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
  visible_ = durable_;
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
  SimFile(SimDisk* disk, std::shared_ptr<SimDisk::Node> node, bool direct)
      : disk_(disk), node_(std::move(node)), direct_(direct) {}

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
    if (direct_ && disk_->options_.keeps_promises)
      disk_->writing_.emplace(id, std::pair(node_, write));
    Status slept = co_await Latency();
    disk_->writing_.erase(id);
    if (!slept.ok()) {  // what is under way is not taken back
      disk_->ApplyRandomBlocks(node_->contents, write);
      if (direct_) node_->durable = node_->contents;
      co_return slept;
    }
    Status status = disk_->BeginOperation("write");
    if (!status.ok()) {
      disk_->ApplyRandomBlocks(node_->contents, write);
      if (direct_) node_->durable = node_->contents;
      co_return status;
    }
    bool fits = CutToCapacity(&write);
    disk_->Apply(node_->contents, write.offset, write.data);
    if (direct_) {
      if (disk_->options_.keeps_promises) disk_->Apply(node_->durable, write.offset, write.data);
    } else {
      node_->unsynced.push_back(std::move(write));
    }
    if (fits) co_return Status::OK();
    co_return MakeError(ErrorCode::kDiskFull, "no space left on the simulated disk");
  }

  Task<> Sync() override {
    CO_RETURN_IF_ERROR(co_await Latency());
    CO_RETURN_IF_ERROR(disk_->BeginOperation("sync"));
    if (!disk_->options_.keeps_promises) co_return Status::OK();
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
    int64_t room = disk_->options_.capacity_bytes - disk_->used_bytes();
    int64_t end = write->offset + static_cast<int64_t>(write->data.size());
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
    }
    if (options.truncate) {
      it->second->contents.clear();
      it->second->durable.clear();
      it->second->unsynced.clear();
    }
    co_return std::make_unique<SimFile>(disk_, it->second, options.direct_durable);
  }

  Task<> CreateDirectories(std::string path) override {
    CO_RETURN_IF_ERROR(disk_->BeginOperation("mkdir"));
    while (path.size() > 1) {
      disk_->directories_.insert(path);
      path = ParentOf(path);
    }
    co_return Status::OK();
  }

  Task<> SyncDirectory(std::string path) override {
    CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::microseconds(50)));
    CO_RETURN_IF_ERROR(disk_->BeginOperation("sync folder"));
    if (!disk_->options_.keeps_promises) co_return Status::OK();
    std::erase_if(disk_->durable_,
                  [&](const auto& entry) { return ParentOf(entry.first) == path; });
    for (const auto& [name, node] : disk_->visible_) {
      if (ParentOf(name) == path) disk_->durable_[name] = node;
    }
    co_return Status::OK();
  }

  Task<> Rename(std::string from, std::string to) override {
    CO_RETURN_IF_ERROR(disk_->BeginOperation("rename"));
    auto it = disk_->visible_.find(from);
    if (it == disk_->visible_.end()) co_return NotFound(from);
    auto node = it->second;
    disk_->visible_.erase(it);
    disk_->visible_[to] = std::move(node);
    co_return Status::OK();
  }

  Task<> Remove(std::string path) override {
    CO_RETURN_IF_ERROR(disk_->BeginOperation("remove"));
    if (disk_->visible_.erase(path) == 0) co_return NotFound(path);
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
  SimDisk* disk_;
};

std::unique_ptr<Files> MakeSimFiles(SimDisk* disk) { return std::make_unique<SimFiles>(disk); }

}  // namespace mainstem

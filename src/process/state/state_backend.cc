#include "process/state/state_backend.h"

#include <algorithm>

namespace mainstem::process {
namespace {

constexpr size_t kPrefixSize = 2 + 1 + 8;

void AppendBigEndian64(uint64_t value, std::string* out) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

using EntryMap = std::map<std::string, std::string>;

// What all backends of one factory share: the "disk".
struct MemoryDisk {
  std::mutex mutex;
  std::map<std::string, EntryMap> checkpoints;
};

class MemoryBackend final : public StateBackend {
 public:
  MemoryBackend(std::shared_ptr<MemoryDisk> disk, EntryMap entries)
      : disk_(std::move(disk)), entries_(std::move(entries)) {}

  Status Write(const StateMutations& mutations) override {
    std::lock_guard lock(mutex_);
    for (size_t i = 0; i < mutations.size(); ++i) {
      const StateMutation mutation = mutations[i];
      if (mutation.appends) {
        entries_[std::string(mutation.key)].append(*mutation.value);
      } else if (mutation.value) {
        entries_[std::string(mutation.key)] = *mutation.value;
      } else {
        entries_.erase(std::string(mutation.key));
      }
    }
    return Status::OK();
  }

  Result<std::vector<std::optional<std::string>>> Read(std::span<const std::string> keys) override {
    std::lock_guard lock(mutex_);
    std::vector<std::optional<std::string>> values;
    for (const std::string& key : keys) {
      auto it = entries_.find(key);
      values.push_back(it == entries_.end() ? std::nullopt : std::optional(it->second));
    }
    return values;
  }

  Result<std::vector<Entry>> Scan(const std::string& begin, const std::string& end,
                                  size_t limit) override {
    std::lock_guard lock(mutex_);
    std::vector<Entry> found;
    for (auto it = entries_.lower_bound(begin); it != entries_.end() && it->first < end; ++it) {
      if (found.size() == limit) break;
      found.emplace_back(it->first, it->second);
    }
    return found;
  }

  Status Checkpoint(const std::string& directory) override {
    std::scoped_lock lock(mutex_, disk_->mutex);
    if (!disk_->checkpoints.emplace(directory, entries_).second) {
      return MakeError(ErrorCode::kAlreadyExists, "checkpoint " + directory + " exists");
    }
    return Status::OK();
  }

  size_t ApproximateBytes() const override {
    std::lock_guard lock(mutex_);
    size_t bytes = 0;
    for (const auto& [key, value] : entries_) bytes += key.size() + value.size();
    return bytes;
  }

 private:
  std::shared_ptr<MemoryDisk> disk_;
  mutable std::mutex mutex_;
  EntryMap entries_;
};

class MemoryFactory final : public StateBackendFactory {
 public:
  Result<std::unique_ptr<StateBackend>> Open(std::string live_directory,
                                             std::vector<std::string> restore_from,
                                             RestoreFilter filter) override {
    EntryMap entries;
    std::lock_guard lock(disk_->mutex);
    for (const std::string& directory : restore_from) {
      auto it = disk_->checkpoints.find(directory);
      if (it == disk_->checkpoints.end()) continue;
      for (const auto& [key, value] : it->second) {
        ASSIGN_OR_RETURN(DecodedStateKey decoded, DecodeStateKey(key));
        const std::optional<uint16_t> table = filter.TableOf(decoded);
        if (table) entries.emplace(WithTable(key, *table), value);
      }
    }
    return std::make_unique<MemoryBackend>(disk_, std::move(entries));
  }

  Result<std::vector<StateFile>> Copy(std::string checkpoint, std::string target) override {
    std::lock_guard lock(disk_->mutex);
    auto found = disk_->checkpoints.find(checkpoint);
    if (found == disk_->checkpoints.end()) return std::vector<StateFile>{};
    EntryMap entries = found->second;
    if (!disk_->checkpoints.emplace(target, std::move(entries)).second) {
      return MakeError(ErrorCode::kAlreadyExists, "checkpoint " + target + " exists");
    }
    return std::vector<StateFile>{};  // not of files
  }

  Status Remove(std::string directory) override {
    std::lock_guard lock(disk_->mutex);
    std::erase_if(disk_->checkpoints, [&](const auto& item) {
      return item.first == directory || item.first.starts_with(directory + "/");
    });
    return Status::OK();
  }

 private:
  std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>();
};

}  // namespace

std::optional<uint16_t> RestoreFilter::TableOf(const DecodedStateKey& key) const {
  if (!key_groups.Contains(key.key_group)) return std::nullopt;
  if (tables.empty()) return key.table;
  const auto found = tables.find(key.table);
  if (found == tables.end()) return std::nullopt;
  return found->second;
}

std::string WithTable(std::string key, uint16_t table) {
  key[0] = static_cast<char>(table >> 8);
  key[1] = static_cast<char>(table & 0xff);
  return key;
}

std::string StateGroupBegin(uint16_t table, int key_group) {
  std::string out;
  out.push_back(static_cast<char>(table >> 8));
  out.push_back(static_cast<char>(table & 0xff));
  out.push_back(static_cast<char>(key_group));
  return out;
}

std::string StateNamespaceBegin(uint16_t table, int key_group, int64_t name_space) {
  return EncodeStateKey(table, key_group, name_space, "");
}

void AppendStateKey(uint16_t table, int key_group, int64_t name_space, std::string_view key,
                    std::string* out) {
  out->push_back(static_cast<char>(table >> 8));
  out->push_back(static_cast<char>(table & 0xff));
  out->push_back(static_cast<char>(key_group));
  AppendBigEndian64(static_cast<uint64_t>(name_space) ^ (uint64_t{1} << 63), out);
  out->append(key);
}

std::string EncodeStateKey(uint16_t table, int key_group, int64_t name_space,
                           std::string_view key) {
  std::string out;
  out.reserve(kPrefixSize + key.size());
  AppendStateKey(table, key_group, name_space, key, &out);
  return out;
}

Result<DecodedStateKey> DecodeStateKey(std::string_view encoded) {
  if (encoded.size() < kPrefixSize) {
    return MakeError(ErrorCode::kCorruptStorage, "a key of the state is too short");
  }
  auto byte = [&](size_t index) {
    return static_cast<uint64_t>(static_cast<uint8_t>(encoded[index]));
  };
  DecodedStateKey decoded;
  decoded.table = static_cast<uint16_t>(byte(0) << 8 | byte(1));
  decoded.key_group = static_cast<int>(byte(2));
  uint64_t name_space = 0;
  for (size_t i = 3; i < kPrefixSize; ++i) name_space = name_space << 8 | byte(i);
  decoded.name_space = static_cast<int64_t>(name_space ^ (uint64_t{1} << 63));
  decoded.key = encoded.substr(kPrefixSize);
  return decoded;
}

std::unique_ptr<StateBackendFactory> MakeMemoryStateBackendFactory() {
  return std::make_unique<MemoryFactory>();
}

}  // namespace mainstem::process

#include "source/filesystem/object_files.h"

#include <fnmatch.h>

#include <cstring>

#include <absl/strings/str_split.h>

#include "core/fnv1a.h"

namespace mainstem::source {

using connector::ObjectContent;
using connector::ObjectInfo;
using connector::ObjectPage;
namespace {

// So much is asked for at once when a reader goes on where it was.
constexpr int64_t kReadAheadBytes = int64_t{4} << 20;
// The end of a file is asked for as a whole: a footer and what says where it is.
constexpr int64_t kTailBytes = int64_t{64} << 10;

class ObjectFile final : public File {
 public:
  ObjectFile(std::shared_ptr<connector::ObjectStore> store, ObjectInfo info)
      : store_(std::move(store)), info_(std::move(info)) {}

  Task<size_t> ReadAt(int64_t offset, std::span<std::byte> into) override {
    auto wanted = std::min<int64_t>(static_cast<int64_t>(into.size()), info_.size - offset);
    if (wanted <= 0) co_return size_t{0};
    if (offset < block_begin_ || offset >= block_end()) {
      CO_RETURN_IF_ERROR(co_await Fetch(offset, wanted));
    }
    auto count = static_cast<size_t>(std::min(wanted, block_end() - offset));
    std::memcpy(into.data(), block_.data() + (offset - block_begin_), count);
    // Callers take less for the end of the file.
    if (static_cast<int64_t>(count) < wanted) {
      CO_ASSIGN_OR_RETURN(
          size_t rest, co_await ReadAt(offset + static_cast<int64_t>(count), into.subspan(count)));
      count += rest;
    }
    co_return count;
  }
  Task<int64_t> Size() override { co_return info_.size; }
  Task<> WriteAt(int64_t, std::span<const std::byte>) override { co_return ReadOnly(); }
  Task<> Sync() override { co_return ReadOnly(); }
  Task<> Truncate(int64_t) override { co_return ReadOnly(); }

 private:
  static Status ReadOnly() {
    return MakeError(ErrorCode::kUnsupported, "an object is read only as a file");
  }
  int64_t block_end() const { return block_begin_ + static_cast<int64_t>(block_.size()); }

  Task<> Fetch(int64_t offset, int64_t wanted) {
    bool goes_on = offset == block_end();
    int64_t begin = offset;
    int64_t size = goes_on ? std::max(wanted, kReadAheadBytes) : wanted;
    if (info_.size <= kReadAheadBytes) {
      begin = 0;
      size = info_.size;
    } else if (!goes_on && info_.size - offset <= kTailBytes) {
      begin = info_.size - kTailBytes;
      size = kTailBytes;
    }
    size = std::min(size, info_.size - begin);
    connector::ObjectRange range{.offset = begin, .size = size, .etag = info_.etag};
    CO_ASSIGN_OR_RETURN(ObjectContent content, co_await store_->Read(info_.key, std::move(range)));
    if (static_cast<int64_t>(content.bytes.size()) != size) {
      co_return MakeError(ErrorCode::kUnavailable,
                          "the answer about '" + info_.key + "' is not as long as was asked for");
    }
    block_ = std::move(content.bytes);
    block_begin_ = begin;
    co_return Status::OK();
  }

  std::shared_ptr<connector::ObjectStore> store_;
  ObjectInfo info_;
  int64_t block_begin_ = 0;
  std::string block_;
};

FileIdentity IdentityOf(const ObjectInfo& info) {
  return {.device = kObjectDevice,
          .inode = Fnv1a(info.key + "\n" + info.etag),
          .size = info.size,
          .modified_ms = info.modified_ms};
}

Status NotForObjects() {
  return MakeError(ErrorCode::kUnsupported, "objects of a bucket are only read here");
}

struct PathParts {
  std::vector<std::string> pattern;
  std::vector<std::string> key;
};
bool MatchParts(const PathParts& parts, size_t pattern_at, size_t key_at) {
  size_t key_count = parts.key.size();
  if (pattern_at == parts.pattern.size()) {
    for (size_t i = key_at; i < key_count; ++i) {
      if (IsHidden(parts.key[i])) return false;
    }
    return true;
  }
  const std::string& pattern = parts.pattern[pattern_at];
  if (pattern == "**") {
    if (MatchParts(parts, pattern_at + 1, key_at)) return true;
    return key_at + 1 < key_count && !IsHidden(parts.key[key_at]) &&
           MatchParts(parts, pattern_at, key_at + 1);
  }
  if (key_at == key_count) return false;
  const std::string& name = parts.key[key_at];
  bool is_literal = pattern.find_first_of("*?[") == std::string::npos;
  bool matches = is_literal
                     ? pattern == name
                     : !IsHidden(name) && fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) == 0;
  return matches && MatchParts(parts, pattern_at + 1, key_at + 1);
}

}  // namespace

bool MatchesObjectPattern(const std::string& pattern, const std::string& key) {
  PathParts parts{.pattern = absl::StrSplit(pattern, '/', absl::SkipEmpty()),
                  .key = absl::StrSplit(key, '/')};
  return MatchParts(parts, 0, 0);
}

ObjectFiles::ObjectFiles(std::shared_ptr<connector::ObjectStore> store, std::string bucket)
    : store_(std::move(store)), root_("s3://" + std::move(bucket) + "/") {}

Task<std::vector<FoundFile>> ObjectFiles::Find(std::string key) {
  size_t wildcard = key.find_first_of("*?[");
  std::string prefix = key.substr(0, wildcard);
  std::vector<FoundFile> found;
  if (wildcard == std::string::npos && !key.empty()) {
    Result<ObjectInfo> object = co_await store_->Describe(key);
    if (object.ok()) {
      found.push_back({.path = root_ + key, .identity = IdentityOf(*object)});
      co_return found;
    }
    if (!Is(object.status(), ErrorCode::kNotFound)) co_return object.status();
    prefix += "/";
  }
  ObjectPage page;
  do {
    CO_ASSIGN_OR_RETURN(page, co_await store_->List(prefix, page.next));
    for (const ObjectInfo& info : page.objects) {
      if (info.key.ends_with('/') || !MatchesObjectPattern(key, info.key)) continue;
      if (found.size() >= kMaxFoundFiles) co_return TooManyFiles(root_ + key);
      found.push_back({.path = root_ + info.key, .identity = IdentityOf(info)});
    }
  } while (!page.next.empty());
  if (found.empty() && wildcard == std::string::npos) {
    co_return MakeError(ErrorCode::kNotFound, "there is no object or folder '" + root_ + key + "'");
  }
  co_return found;
}

Task<std::unique_ptr<File>> ObjectFiles::Open(std::string path, OpenOptions) {
  CO_ASSIGN_OR_RETURN(ObjectInfo info, co_await store_->Describe(KeyOf(path)));
  co_return std::make_unique<ObjectFile>(store_, std::move(info));
}

Task<FileIdentity> ObjectFiles::Identify(std::string path) {
  CO_ASSIGN_OR_RETURN(ObjectInfo info, co_await store_->Describe(KeyOf(path)));
  co_return IdentityOf(info);
}

Task<bool> ObjectFiles::Exists(std::string path) {
  Status there = (co_await store_->Describe(KeyOf(path))).status();
  if (Is(there, ErrorCode::kNotFound)) co_return false;
  CO_RETURN_IF_ERROR(there);
  co_return true;
}

Task<> ObjectFiles::CreateDirectories(std::string) { co_return NotForObjects(); }
Task<> ObjectFiles::SyncDirectory(std::string) { co_return NotForObjects(); }
Task<> ObjectFiles::Rename(std::string, std::string) { co_return NotForObjects(); }
Task<> ObjectFiles::Remove(std::string) { co_return NotForObjects(); }
Task<> ObjectFiles::RemoveDirectoryTree(std::string) { co_return NotForObjects(); }
Task<std::vector<DirectoryEntry>> ObjectFiles::List(std::string) { co_return NotForObjects(); }
Task<int64_t> ObjectFiles::FreeBytes(std::string) { co_return NotForObjects(); }

}  // namespace mainstem::source

#include "connector/iceberg/lake_files.h"

#include <span>

#include <fmt/format.h>

#include "connector/s3/s3_store.h"
#include "core/durable_folder.h"
#include "core/path.h"
#include "core/publish_file.h"

namespace mainstem::connector::iceberg {
namespace {

constexpr size_t kMaxReadBytes = size_t{1} << 30;
constexpr size_t kPartBytes = size_t{8} << 20;
constexpr int64_t kManyParts = ObjectStore::kMaxParts / 2;  // then parts grow

std::string LocalPathOf(const std::string& location) {
  if (location.starts_with("file://")) return location.substr(7);
  return location.starts_with("file:") ? location.substr(5) : location;
}

std::span<const std::byte> BytesOf(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::optional<std::string> ConfigValue(const Properties& properties, const std::string& name) {
  auto found = properties.find(name);
  if (found == properties.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

}  // namespace

class LakeFiles::LocalFile final : public LakeFile {
 public:
  LocalFile(Files* files, std::string path, std::unique_ptr<File> file)
      : files_(files), path_(std::move(path)), file_(std::move(file)) {}

  Task<> Append(std::string bytes) override {
    CO_RETURN_IF_ERROR(co_await file_->WriteAt(size_, BytesOf(bytes)));
    size_ += static_cast<int64_t>(bytes.size());
    co_return Status::OK();
  }

  Task<> Finish() override {
    CO_RETURN_IF_ERROR(co_await file_->Sync());
    std::string folder = ParentFolder(path_);
    co_return co_await files_->SyncDirectory(std::move(folder));
  }

  Task<> GiveUp() override {
    file_.reset();
    Status removed = co_await files_->Remove(path_);
    if (Is(removed, ErrorCode::kNotFound)) co_return Status::OK();
    co_return removed;
  }

 private:
  Files* files_;
  std::string path_;
  std::unique_ptr<File> file_;
  int64_t size_ = 0;
};

// One put when it is small, else an upload in parts.
class LakeFiles::StoredFile final : public LakeFile {
 public:
  StoredFile(std::shared_ptr<ObjectStore> store, std::string key)
      : store_(std::move(store)), key_(std::move(key)) {}

  Task<> Append(std::string bytes) override {
    buffer_ += bytes;
    if (buffer_.size() < part_bytes_) co_return Status::OK();
    co_return co_await SendPart();
  }

  Task<> Finish() override {
    if (upload_.id.empty()) {
      std::optional<std::string> anything;
      co_return (co_await store_->Put(key_, std::move(buffer_), anything)).status();
    }
    if (!buffer_.empty()) CO_RETURN_IF_ERROR(co_await SendPart());
    Status completed = co_await store_->CompleteUpload(upload_, parts_);
    if (!Is(completed, ErrorCode::kNotFound)) co_return completed;
    // Completed before, by the request whose answer was lost.
    co_return (co_await store_->Describe(key_)).status();
  }

  Task<> GiveUp() override {
    if (!upload_.id.empty()) CO_RETURN_IF_ERROR(co_await store_->AbortUpload(upload_));
    co_return co_await store_->Remove(key_);  // of a Finish whose answer was lost
  }

 private:
  Task<> SendPart() {
    if (upload_.id.empty()) {
      CO_ASSIGN_OR_RETURN(upload_, co_await store_->BeginUpload(key_));
    }
    auto number = static_cast<int64_t>(parts_.size()) + 1;
    std::string part = std::exchange(buffer_, {});
    CO_ASSIGN_OR_RETURN(std::string etag,
                        co_await store_->UploadPart(upload_, number, std::move(part)));
    parts_.push_back(std::move(etag));
    if (number == kManyParts) part_bytes_ *= 16;
    co_return Status::OK();
  }

  std::shared_ptr<ObjectStore> store_;
  std::string key_;
  ObjectUpload upload_;
  std::vector<std::string> parts_;
  std::string buffer_;
  size_t part_bytes_ = kPartBytes;
};

LakeFiles::LakeFiles(Env* env, LakeFilesOptions options)
    : env_(env), options_(std::move(options)) {}

Status LakeFiles::CheckLocation(const std::string& location) {
  if (IsS3Path(location)) return ParseS3Path(location).status();
  std::string path = LocalPathOf(location);
  size_t scheme = path.find("://");
  if (scheme != std::string::npos) {
    return MakeError(ErrorCode::kUnsupported,
                     {.message = "files on '" + path.substr(0, scheme) + "' cannot be reached",
                      .hint = "use s3://bucket/folder, or a folder of the local disk"});
  }
  if (path.empty() || path[0] != '/') {
    return MakeError(ErrorCode::kInvalidArgument, "'" + location + "' is not a location");
  }
  return Status::OK();
}

std::shared_ptr<ObjectStore> LakeFiles::StoreOf(const std::string& bucket) {
  std::lock_guard lock(mutex_);
  std::shared_ptr<ObjectStore>& store = stores_[bucket];
  if (store == nullptr) {
    store = options_.make_store ? options_.make_store(bucket)
                                : std::make_shared<S3Store>(env_, options_.s3, bucket);
  }
  return store;
}

void LakeFiles::UseConfig(const Properties& config) {
  std::lock_guard lock(mutex_);
  S3Options s3 = options_.s3;
  auto access_key = ConfigValue(config, "s3.access-key-id");
  auto secret_key = ConfigValue(config, "s3.secret-access-key");
  if (access_key && secret_key && !options_.has_own_keys) {
    s3.keys = {.access_key = *access_key,
               .secret_key = *secret_key,
               .session_token = ConfigValue(config, "s3.session-token").value_or("")};
  }
  if (!options_.has_own_endpoint) {
    if (auto endpoint = ConfigValue(config, "s3.endpoint")) s3.endpoint = *endpoint;
    if (auto style = ConfigValue(config, "s3.path-style-access")) s3.path_style = *style == "true";
    if (auto region = ConfigValue(config, "client.region")) s3.region = *region;
  }
  bool is_same = s3.keys.access_key == options_.s3.keys.access_key &&
                 s3.keys.secret_key == options_.s3.keys.secret_key &&
                 s3.keys.session_token == options_.s3.keys.session_token &&
                 s3.endpoint == options_.s3.endpoint && s3.region == options_.s3.region &&
                 s3.path_style == options_.s3.path_style;
  if (is_same) return;
  options_.s3 = std::move(s3);
  stores_.clear();
}

Task<std::string> LakeFiles::Read(std::string location) {
  CO_RETURN_IF_ERROR(CheckLocation(location));
  if (!IsS3Path(location)) {
    std::string path = LocalPathOf(location);
    CO_ASSIGN_OR_RETURN(bool exists, co_await env_->files().Exists(path));
    if (!exists) co_return MakeError(ErrorCode::kNotFound, "there is no '" + location + "'");
    co_return co_await env_->files().ReadAll(std::move(path), kMaxReadBytes);
  }
  CO_ASSIGN_OR_RETURN(S3Location at, ParseS3Path(location));
  std::shared_ptr<ObjectStore> store = StoreOf(at.bucket);
  ObjectRange all;
  CO_ASSIGN_OR_RETURN(ObjectContent content, co_await store->Read(at.key, all));
  co_return std::move(content.bytes);
}

// A name of its own: others may write the same file at the same time.
Task<std::string> LakeFiles::WriteTemporary(std::string folder, std::string bytes) {
  std::string temporary = fmt::format("{}/.{:016x}.tmp", folder, env_->Random());
  CO_ASSIGN_OR_RETURN(std::unique_ptr<LakeFile> file, co_await Start(temporary));
  Status written = co_await file->Append(std::move(bytes));
  if (written.ok()) written = co_await file->Finish();
  if (written.ok()) co_return temporary;
  IgnoreError(co_await file->GiveUp(), "a hidden name more does no harm");
  co_return written;
}

Task<> LakeFiles::Write(std::string location, std::string bytes) {
  CO_RETURN_IF_ERROR(CheckLocation(location));
  if (IsS3Path(location)) {
    CO_ASSIGN_OR_RETURN(S3Location at, ParseS3Path(location));
    std::shared_ptr<ObjectStore> store = StoreOf(at.bucket);
    std::optional<std::string> anything;
    co_return (co_await store->Put(at.key, std::move(bytes), anything)).status();
  }
  std::string path = LocalPathOf(location);
  CO_ASSIGN_OR_RETURN(std::string temporary,
                      co_await WriteTemporary(ParentFolder(path), std::move(bytes)));
  Status renamed = co_await env_->files().Rename(temporary, path);
  if (!renamed.ok()) {
    IgnoreError(co_await env_->files().Remove(temporary), "a hidden name more does no harm");
    co_return renamed;
  }
  std::string folder = ParentFolder(path);
  co_return co_await env_->files().SyncDirectory(std::move(folder));
}

Task<> LakeFiles::WriteNew(std::string location, std::string bytes) {
  CO_RETURN_IF_ERROR(CheckLocation(location));
  if (IsS3Path(location)) {
    CO_ASSIGN_OR_RETURN(S3Location at, ParseS3Path(location));
    std::shared_ptr<ObjectStore> store = StoreOf(at.bucket);
    std::optional<std::string> nothing("");
    co_return (co_await store->Put(at.key, std::move(bytes), nothing)).status();
  }
  std::string path = LocalPathOf(location);
  CO_ASSIGN_OR_RETURN(std::string temporary,
                      co_await WriteTemporary(ParentFolder(path), std::move(bytes)));
  Status published =
      co_await env_->blocking_pool().Run([&] { return PublishFile(temporary, path); });
  if (!published.ok()) {
    IgnoreError(co_await env_->files().Remove(temporary), "a hidden name more does no harm");
    co_return published;
  }
  std::string folder = ParentFolder(path);
  co_return co_await env_->files().SyncDirectory(std::move(folder));
}

Task<std::vector<std::string>> LakeFiles::List(std::string folder) {
  CO_RETURN_IF_ERROR(CheckLocation(folder));
  std::vector<std::string> names;
  if (!IsS3Path(folder)) {
    std::string path = LocalPathOf(folder);
    CO_ASSIGN_OR_RETURN(bool exists, co_await env_->files().Exists(path));
    if (!exists) co_return names;
    CO_ASSIGN_OR_RETURN(auto entries, co_await env_->files().List(std::move(path)));
    for (const DirectoryEntry& entry : entries) names.push_back(entry.name);
    co_return names;
  }
  CO_ASSIGN_OR_RETURN(S3Location at, ParseS3Path(folder));
  std::shared_ptr<ObjectStore> store = StoreOf(at.bucket);
  std::string prefix = at.key + "/";
  std::string next;
  do {
    CO_ASSIGN_OR_RETURN(ObjectPage page, co_await store->List(prefix, next));
    for (const ObjectInfo& object : page.objects) {
      std::string name = object.key.substr(prefix.size());
      if (name.find('/') == std::string::npos) names.push_back(std::move(name));
    }
    next = std::move(page.next);
  } while (!next.empty());
  co_return names;
}

Task<std::vector<LakeFiles::Entry>> LakeFiles::ListTree(std::string folder) {
  CO_RETURN_IF_ERROR(CheckLocation(folder));
  std::vector<Entry> found;
  if (IsS3Path(folder)) {
    CO_ASSIGN_OR_RETURN(S3Location at, ParseS3Path(folder));
    std::shared_ptr<ObjectStore> store = StoreOf(at.bucket);
    std::string next;
    do {
      CO_ASSIGN_OR_RETURN(ObjectPage page, co_await store->List(at.key + "/", next));
      for (const ObjectInfo& object : page.objects) {
        found.push_back({.location = "s3://" + at.bucket + "/" + object.key,
                         .modified_ms = object.modified_ms});
      }
      next = std::move(page.next);
    } while (!next.empty());
    co_return found;
  }
  Files& files = env_->files();
  std::vector<std::string> folders = {LocalPathOf(folder)};
  CO_ASSIGN_OR_RETURN(bool exists, co_await files.Exists(folders.back()));
  if (!exists) co_return found;
  while (!folders.empty()) {
    std::string path = std::move(folders.back());
    folders.pop_back();
    CO_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, co_await files.List(path));
    for (const DirectoryEntry& entry : entries) {
      std::string inner = path + "/" + entry.name;
      if (entry.is_directory) {
        folders.push_back(std::move(inner));
        continue;
      }
      Result<FileIdentity> identity = co_await files.Identify(inner);
      if (Is(identity.status(), ErrorCode::kNotFound)) continue;  // removed meanwhile
      CO_RETURN_IF_ERROR(identity);
      found.push_back({.location = std::move(inner), .modified_ms = identity->modified_ms});
    }
  }
  co_return found;
}

Task<> LakeFiles::Remove(std::string location) {
  CO_RETURN_IF_ERROR(CheckLocation(location));
  if (IsS3Path(location)) {
    CO_ASSIGN_OR_RETURN(S3Location at, ParseS3Path(location));
    std::shared_ptr<ObjectStore> store = StoreOf(at.bucket);
    co_return co_await store->Remove(at.key);
  }
  Status removed = co_await env_->files().Remove(LocalPathOf(location));
  if (Is(removed, ErrorCode::kNotFound)) co_return Status::OK();
  co_return removed;
}

Task<> LakeFiles::MakeFolders(std::string folder) {
  {
    std::lock_guard lock(mutex_);
    if (folders_.count(folder) > 0) co_return Status::OK();
  }
  CO_RETURN_IF_ERROR(co_await MakeDurableFolder(&env_->files(), folder));
  std::lock_guard lock(mutex_);
  folders_.insert(folder);
  co_return Status::OK();
}

Task<std::unique_ptr<LakeFile>> LakeFiles::Start(std::string location) {
  CO_RETURN_IF_ERROR(CheckLocation(location));
  if (IsS3Path(location)) {
    CO_ASSIGN_OR_RETURN(S3Location at, ParseS3Path(location));
    co_return std::make_unique<StoredFile>(StoreOf(at.bucket), at.key);
  }
  std::string path = LocalPathOf(location);
  std::string folder = ParentFolder(path);
  CO_RETURN_IF_ERROR(co_await MakeFolders(folder));
  Result<std::unique_ptr<File>> file = co_await OpenNew(path);
  if (Is(file.status(), ErrorCode::kNotFound)) {
    // Somebody has removed the folder since.
    {
      std::lock_guard lock(mutex_);
      folders_.erase(folder);
    }
    CO_RETURN_IF_ERROR(co_await MakeFolders(std::move(folder)));
    file = co_await OpenNew(path);
  }
  CO_RETURN_IF_ERROR(file);
  co_return std::make_unique<LocalFile>(&env_->files(), std::move(path), std::move(*file));
}

Task<std::unique_ptr<File>> LakeFiles::OpenNew(std::string path) {
  co_return co_await env_->files().Open(std::move(path),
                                        {.write = true, .create = true, .truncate = true});
}

}  // namespace mainstem::connector::iceberg

#include "sink/filesystem/file_commit.h"

#include <set>

#include <simdjson.h>

#include "core/durable_folder.h"
#include "core/json_writer.h"

namespace mainstem::sink {
namespace {

constexpr int64_t kVersion = 1;
constexpr int64_t kReplacingVersion = 2;
constexpr size_t kMaxManifestBytes = 64 << 20;

std::string FolderOf(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

}  // namespace

std::string ManifestText(const FileManifest& manifest) {
  JsonWriter json;
  const bool replaces = !manifest.replaced.empty();
  json.BeginObject().Field("version", replaces ? kReplacingVersion : kVersion);
  json.Field("delivery_id", manifest.delivery_id);
  json.Field("partition", manifest.partition.value()).Field("position", manifest.position.value());
  json.Key("files").BeginArray();
  for (const FinishedFile& file : manifest.files) {
    json.BeginObject().Field("from", file.from).Field("to", file.to).EndObject();
  }
  json.EndArray();
  if (replaces) {
    json.Key("replaced").BeginArray();
    for (const std::string& file : manifest.replaced) json.Value(file);
    json.EndArray();
  }
  json.EndObject();
  return json.Take();
}

Result<FileManifest> ParseManifest(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  int64_t version = 0, partition = 0, position = 0;
  std::string_view delivery_id;
  simdjson::dom::array files;
  if (parser.parse(text.data(), text.size()).get(root)) return DamagedManifest("not JSON");
  if (root["version"].get(version) || (version != kVersion && version != kReplacingVersion)) {
    return DamagedManifest("unknown version");
  }
  if (root["delivery_id"].get(delivery_id) || root["partition"].get(partition) ||
      root["position"].get(position) || root["files"].get(files)) {
    return DamagedManifest("a field is missing");
  }
  FileManifest manifest{.delivery_id = std::string(delivery_id),
                        .partition = PartitionId(static_cast<int32_t>(partition)),
                        .position = Offset(position),
                        .files = {}};
  for (simdjson::dom::element file : files) {
    std::string_view from, to;
    if (file["from"].get(from) || file["to"].get(to)) return DamagedManifest("a file has no name");
    manifest.files.push_back({std::string(from), std::string(to)});
  }
  if (version == kVersion) return manifest;
  simdjson::dom::array replaced;
  if (root["replaced"].get(replaced)) return DamagedManifest("a field is missing");
  for (simdjson::dom::element file : replaced) {
    std::string_view name;
    if (file.get(name)) return DamagedManifest("a file has no name");
    manifest.replaced.emplace_back(name);
  }
  return manifest;
}

FileCommitter::FileCommitter(Env* env, std::string root, std::string delivery_id,
                             PartitionId partition, std::string success_file)
    : env_(env),
      root_(std::move(root)),
      delivery_id_(std::move(delivery_id)),
      partition_(partition),
      tag_(DeliveryTag(delivery_id_, partition)),
      success_file_(std::move(success_file)) {}

Task<std::optional<Offset>> FileCommitter::Recover() {
  Files& files = env_->files();
  CO_RETURN_IF_ERROR(co_await MakeFolder("_mainstem"));
  CO_RETURN_IF_ERROR(co_await files.SyncDirectory(root_));
  std::string above = FolderOf(root_);
  if (above.empty()) above = root_[0] == '/' ? "/" : ".";
  IgnoreError(co_await files.SyncDirectory(above), "it may not be ours to read");
  CO_ASSIGN_OR_RETURN(bool exists, co_await files.Exists(ManifestPath()));
  std::optional<Offset> position;
  if (exists) {
    CO_ASSIGN_OR_RETURN(std::string text,
                        co_await files.ReadAll(ManifestPath(), kMaxManifestBytes));
    CO_ASSIGN_OR_RETURN(FileManifest manifest, ParseManifest(text));
    if (manifest.delivery_id != delivery_id_) {
      co_return DamagedManifest("'" + ManifestPath() + "' belongs to another delivery");
    }
    CO_RETURN_IF_ERROR(co_await Rename(std::move(manifest.files)));
    CO_RETURN_IF_ERROR(co_await Remove(std::move(manifest.replaced)));
    position = manifest.position;
  }
  CO_RETURN_IF_ERROR(co_await RemoveLeftovers(root_));
  co_return position;
}

Task<> FileCommitter::MakeFolder(std::string folder) {
  co_return co_await MakeDurableFolder(&env_->files(), Absolute(folder));
}

Task<> FileCommitter::Commit(std::vector<FinishedFile> finished, Offset position) {
  FileManifest manifest{.delivery_id = delivery_id_,
                        .partition = partition_,
                        .position = position,
                        .files = finished};
  CO_RETURN_IF_ERROR(co_await Write(std::move(manifest)));
  co_return co_await Rename(std::move(finished));
}

Task<> FileCommitter::Replace(std::vector<FinishedFile> finished, Offset position,
                              std::vector<std::string> folders) {
  std::vector<std::string> replaced;
  for (const std::string& folder : folders) {
    CO_RETURN_IF_ERROR(co_await ListVisible(folder, folder.empty(), &replaced));
  }
  FileManifest manifest{.delivery_id = delivery_id_,
                        .partition = partition_,
                        .position = position,
                        .files = finished,
                        .replaced = replaced};
  CO_RETURN_IF_ERROR(co_await Write(std::move(manifest)));
  CO_RETURN_IF_ERROR(co_await Rename(std::move(finished)));
  co_return co_await Remove(std::move(replaced));
}

Task<> FileCommitter::ListVisible(std::string folder, bool with_subfolders,
                                  std::vector<std::string>* visible) {
  CO_ASSIGN_OR_RETURN(bool exists, co_await env_->files().Exists(Absolute(folder)));
  if (!exists) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(auto entries, co_await env_->files().List(Absolute(folder)));
  for (const DirectoryEntry& entry : entries) {
    if (entry.name[0] == '.' || entry.name[0] == '_') continue;
    const std::string path = folder.empty() ? entry.name : folder + "/" + entry.name;
    if (!entry.is_directory) {
      visible->push_back(path);
    } else if (with_subfolders) {
      CO_RETURN_IF_ERROR(co_await ListVisible(path, true, visible));
    }
  }
  co_return Status::OK();
}

Task<> FileCommitter::Remove(std::vector<std::string> replaced) {
  std::set<std::string> folders;
  for (const std::string& file : replaced) {
    const std::string path = root_ + "/" + file;
    CO_ASSIGN_OR_RETURN(bool exists, co_await env_->files().Exists(path));
    if (!exists) continue;  // removed before
    env_->CrashPoint("sink.committed");
    CO_RETURN_IF_ERROR(co_await env_->files().Remove(path));
    folders.insert(FolderOf(file));
  }
  for (const std::string& folder : folders) {
    CO_RETURN_IF_ERROR(co_await env_->files().SyncDirectory(Absolute(folder)));
  }
  co_return Status::OK();
}

// The commit itself.
Task<> FileCommitter::Write(FileManifest manifest) {
  // The hidden names, and their folders', must be durable before the manifest speaks of them. A
  // folder that is there may still be new: made by a writer that was killed before its sync.
  std::set<std::string> folders;
  for (const FinishedFile& file : manifest.files) {
    for (const std::string& path : {file.from, file.to}) {
      std::string folder = FolderOf(path);
      folders.insert(folder);
      while (!folder.empty()) folders.insert(folder = FolderOf(folder));
    }
  }
  for (const std::string& folder : folders) {
    CO_RETURN_IF_ERROR(co_await env_->files().SyncDirectory(Absolute(folder)));
  }
  env_->CrashPoint("sink.commit");
  CO_RETURN_IF_ERROR(
      co_await env_->files().WriteAtomically(ManifestPath(), ManifestText(manifest)));
  env_->CrashPoint("sink.committed");
  co_return Status::OK();
}

Task<> FileCommitter::Rename(std::vector<FinishedFile> finished) {
  Files& files = env_->files();
  std::set<std::string> folders, all_folders;
  for (const FinishedFile& file : finished) {
    all_folders.insert(FolderOf(file.to));
    CO_ASSIGN_OR_RETURN(bool waits, co_await files.Exists(root_ + "/" + file.from));
    if (!waits) continue;  // renamed before, and perhaps removed by its owner since
    CO_RETURN_IF_ERROR(co_await files.Rename(root_ + "/" + file.from, root_ + "/" + file.to));
    folders.insert(FolderOf(file.to));
  }
  for (const std::string& folder : folders) {
    CO_RETURN_IF_ERROR(co_await files.SyncDirectory(Absolute(folder)));
  }
  if (success_file_.empty()) co_return Status::OK();
  for (const std::string& folder : all_folders) {
    CO_RETURN_IF_ERROR(co_await MarkCommitted(folder));
  }
  co_return Status::OK();
}

Task<> FileCommitter::MarkCommitted(std::string folder) {
  std::string path = Absolute(folder) + "/" + success_file_;
  CO_ASSIGN_OR_RETURN(bool is_marked, co_await env_->files().Exists(path));
  CO_ASSIGN_OR_RETURN(bool has_folder, co_await env_->files().Exists(Absolute(folder)));
  // A folder that recovery does not find has been removed by its owner.
  if (is_marked || !has_folder) co_return Status::OK();
  OpenOptions options{.write = true, .create = true};
  CO_RETURN_IF_ERROR(co_await env_->files().Open(std::move(path), options));
  co_return co_await env_->files().SyncDirectory(Absolute(folder));
}

Task<> FileCommitter::RemoveLeftovers(std::string folder) {
  Files& files = env_->files();
  CO_ASSIGN_OR_RETURN(auto entries, co_await files.List(folder));
  for (const DirectoryEntry& entry : entries) {
    std::string path = folder + "/" + entry.name;
    if (entry.is_directory) {
      // Only folders of partitions may hold files of ours.
      if (entry.name.find('=') == std::string::npos) continue;
      CO_RETURN_IF_ERROR(co_await RemoveLeftovers(path));
    } else if (entry.name.starts_with(hidden_prefix())) {
      CO_RETURN_IF_ERROR(co_await files.Remove(path));
    }
  }
  co_return Status::OK();
}

}  // namespace mainstem::sink

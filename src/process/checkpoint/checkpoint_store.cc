#include "process/checkpoint/checkpoint_store.h"

#include <charconv>
#include <map>

#include "core/durable_folder.h"

namespace mainstem::process {
namespace {

constexpr std::string_view kPrefix = "chk-";
constexpr size_t kManifestLimit = 256u << 20;

}  // namespace

CheckpointStore::CheckpointStore(Env* env, StateBackendFactory* factory, std::string root)
    : env_(env), factory_(factory), root_(std::move(root)) {}

std::string CheckpointStore::DirectoryOf(int64_t id) const {
  return root_ + "/" + std::string(kPrefix) + std::to_string(id);
}

std::string CheckpointStore::StateDirectory(int64_t id, const std::string& part) const {
  return DirectoryOf(id) + "/" + part;
}

std::string CheckpointStore::LiveDirectory(const std::string& part) const {
  return root_ + "/live/" + part;
}

Task<> CheckpointStore::Remove(std::string directory) {
  auto remove = [this, directory] { return factory_->Remove(directory); };
  CO_RETURN_IF_ERROR(co_await env_->blocking_pool().Run(remove));
  co_return co_await env_->files().RemoveDirectoryTree(directory);
}

Task<> CheckpointStore::Prepare(int64_t id) {
  CO_RETURN_IF_ERROR(co_await Remove(DirectoryOf(id)));
  if (!has_root_) CO_RETURN_IF_ERROR(co_await MakeDurableFolder(&env_->files(), root_));
  has_root_ = true;
  co_return co_await env_->files().CreateDirectories(DirectoryOf(id));
}

Task<> CheckpointStore::Complete(CheckpointManifest manifest) {
  std::string directory = DirectoryOf(manifest.id);
  CO_RETURN_IF_ERROR(
      co_await env_->files().WriteAtomically(directory + "/manifest", EncodeManifest(manifest)));
  CO_RETURN_IF_ERROR(co_await env_->files().SyncDirectory(directory));
  co_return co_await env_->files().SyncDirectory(root_);
}

Task<CheckpointManifest> CheckpointStore::Load(int64_t id) {
  CO_ASSIGN_OR_RETURN(std::string bytes, co_await env_->files().ReadAll(
                                             DirectoryOf(id) + "/manifest", kManifestLimit));
  CO_ASSIGN_OR_RETURN(CheckpointManifest manifest, DecodeManifest(bytes));
  if (manifest.id != id) {
    co_return MakeError(ErrorCode::kCorruptStorage,
                        "checkpoint " + std::to_string(id) + " holds the manifest of another one");
  }
  co_return manifest;
}

Task<> CheckpointStore::Prune(int64_t id, int kept) {
  CO_ASSIGN_OR_RETURN(auto entries, co_await env_->files().List(root_));
  std::map<int64_t, std::string, std::greater<>> committed;
  for (const DirectoryEntry& entry : entries) {
    if (!entry.name.starts_with(kPrefix)) continue;
    int64_t number = 0;
    const char* begin = entry.name.data() + kPrefix.size();
    const char* end = entry.name.data() + entry.name.size();
    if (std::from_chars(begin, end, number).ptr != end || number > id) continue;
    committed.emplace(number, root_ + "/" + entry.name);
  }
  for (const auto& [number, directory] : committed) {
    if (kept-- > 0 || held_.contains(number)) continue;
    CO_RETURN_IF_ERROR(co_await Remove(directory));
  }
  co_return Status::OK();
}

Task<> CheckpointStore::RemoveAll() { return Remove(root_); }

Task<> CheckpointStore::RemoveLive() { return Remove(root_ + "/live"); }

}  // namespace mainstem::process

#include "process/checkpoint/savepoint_store.h"

#include <map>

#include <fmt/format.h>

#include "core/path.h"

namespace mainstem::process {
namespace {

constexpr size_t kSavepointManifestLimit = 256u << 20;

std::string ManifestOf(const std::string& directory) { return directory + "/manifest"; }

Status NotWhole(const std::string& directory, std::string detail) {
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = "the savepoint " + directory + " is not whole",
                    .detail = std::move(detail),
                    .hint = "copy the folder again, with everything in it"});
}

}  // namespace

Task<bool> SavepointStore::RemoveUnlessWhole(std::string directory) {
  CO_ASSIGN_OR_RETURN(const bool whole, co_await env_->files().Exists(ManifestOf(directory)));
  if (whole) co_return true;
  auto remove = [this, &directory] { return factory_->Remove(directory); };
  CO_RETURN_IF_ERROR(co_await env_->blocking_pool().Run(remove));
  CO_RETURN_IF_ERROR(co_await env_->files().RemoveDirectoryTree(directory));
  co_return false;
}

Task<SavepointStore::Written> SavepointStore::Write(CheckpointStore* from, int64_t id,
                                                    std::string directory) {
  CO_ASSIGN_OR_RETURN(const bool whole, co_await RemoveUnlessWhole(directory));
  if (whole) co_return Written::kUnchanged;
  CO_ASSIGN_OR_RETURN(CheckpointManifest manifest, co_await from->Load(id));
  CO_RETURN_IF_ERROR(co_await env_->files().CreateDirectories(directory));
  for (const auto& state : manifest.states) {
    auto copy = [this, &directory, source = from->StateDirectory(id, state.directory),
                 name = state.directory] { return factory_->Copy(source, directory + "/" + name); };
    CO_ASSIGN_OR_RETURN(auto files, co_await env_->blocking_pool().Run(copy));
    env_->CrashPoint("savepoint.copy");
    if (files.empty()) continue;
    auto& part = manifest.files.emplace_back();
    part.directory = state.directory;
    for (StateFile& file : files) part.files.push_back({std::move(file.name), file.bytes});
  }
  CO_RETURN_IF_ERROR(co_await env_->files().SyncDirectory(directory));
  // From here on it exists.
  CO_RETURN_IF_ERROR(
      co_await env_->files().WriteAtomically(ManifestOf(directory), EncodeManifest(manifest)));
  CO_RETURN_IF_ERROR(co_await env_->files().SyncDirectory(ParentFolder(directory)));
  env_->CrashPoint("savepoint.complete");
  co_return Written::kNew;
}

Task<CheckpointManifest> SavepointStore::Load(std::string directory) {
  CO_ASSIGN_OR_RETURN(const bool exists, co_await env_->files().Exists(directory));
  if (!exists) {
    co_return MakeError(ErrorCode::kNotFound,
                        {.message = "there is no savepoint at " + directory,
                         .hint = "give the folder that STOP JOB .. WITH SAVEPOINT has named"});
  }
  CO_ASSIGN_OR_RETURN(const bool whole, co_await env_->files().Exists(ManifestOf(directory)));
  if (!whole) co_return NotWhole(directory, "it has no manifest");
  CO_ASSIGN_OR_RETURN(std::string bytes, co_await env_->files().ReadAll(ManifestOf(directory),
                                                                        kSavepointManifestLimit));
  CO_ASSIGN_OR_RETURN(CheckpointManifest manifest, DecodeManifest(bytes));
  CO_RETURN_IF_ERROR(co_await CheckFiles(directory, manifest));
  co_return manifest;
}

Task<> SavepointStore::CheckFiles(const std::string& directory,
                                  const CheckpointManifest& manifest) {
  for (const auto& part : manifest.files) {
    const std::string folder = directory + "/" + part.directory;
    CO_ASSIGN_OR_RETURN(const bool exists, co_await env_->files().Exists(folder));
    if (!exists) co_return NotWhole(directory, part.directory + " is missing");
    CO_ASSIGN_OR_RETURN(auto entries, co_await env_->files().List(folder));
    std::map<std::string, int64_t> sizes;
    for (const DirectoryEntry& entry : entries) sizes[entry.name] = entry.size;
    for (const auto& file : part.files) {
      const std::string name = part.directory + "/" + file.name;
      const auto found = sizes.find(file.name);
      if (found == sizes.end()) co_return NotWhole(directory, name + " is missing");
      if (found->second != file.bytes) {
        co_return NotWhole(directory, fmt::format("{} has {} bytes instead of {}", name,
                                                  found->second, file.bytes));
      }
    }
  }
  co_return Status::OK();
}

Result<std::string> SavepointPath(std::string_view given, const std::string& base) {
  constexpr std::string_view kFile = "file:";
  const size_t scheme = given.find("://");
  if (given.starts_with(kFile)) {
    given.remove_prefix(kFile.size());
    while (given.starts_with("//")) given.remove_prefix(1);
  } else if (scheme != std::string_view::npos) {
    return MakeError(ErrorCode::kUnsupported,
                     {.message = fmt::format("savepoints in '{}' are not available yet", given),
                      .hint = "give a folder on this machine"});
  }
  while (given.size() > 1 && given.ends_with('/')) given.remove_suffix(1);
  if (given.empty()) return MakeError(ErrorCode::kInvalidArgument, "the savepoint's path is empty");
  if (given.starts_with('/') || base.empty()) return std::string(given);
  return base + "/" + std::string(given);
}

}  // namespace mainstem::process

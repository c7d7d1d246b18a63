#include "source/filesystem/file_finder.h"

#include <fnmatch.h>

#include <array>

#include <absl/strings/str_split.h>

#include "core/fnv1a.h"
#include "source/filesystem/decompressor.h"

namespace mainstem::source {
namespace {

constexpr int kMaxFolderDepth = 32;
constexpr size_t kFingerprintBytes = 1024;
constexpr size_t kCompressedFingerprintBytes = 32;

bool IsPattern(std::string_view text) { return text.find_first_of("*?[") != std::string::npos; }

std::string Join(const std::string& folder, const std::string& name) {
  return folder == "/" ? "/" + name : folder + "/" + name;
}

Task<> AddFile(Files* files, std::string path, std::vector<FoundFile>* found) {
  if (found->size() >= kMaxFoundFiles) co_return TooManyFiles(path);
  Result<FileIdentity> identity = co_await files->Identify(path);
  // Gone between listing and looking: as if it had never been there.
  if (Is(identity.status(), ErrorCode::kNotFound)) co_return Status::OK();
  CO_RETURN_IF_ERROR(identity);
  found->push_back({.path = std::move(path), .identity = *identity});
  co_return Status::OK();
}

Task<> AddFolder(Files* files, std::string folder, int depth, std::vector<FoundFile>* found) {
  if (depth > kMaxFolderDepth) co_return Status::OK();  // a loop of links
  Result<std::vector<DirectoryEntry>> entries = co_await files->List(folder);
  // No folder: a file, or gone since it was listed.
  if (Is(entries.status(), ErrorCode::kNotFound)) co_return co_await AddFile(files, folder, found);
  CO_RETURN_IF_ERROR(entries);
  for (const DirectoryEntry& entry : *entries) {
    if (IsHidden(entry.name)) continue;
    std::string path = Join(folder, entry.name);
    if (entry.is_directory) {
      CO_RETURN_IF_ERROR(co_await AddFolder(files, path, depth + 1, found));
    } else {
      CO_RETURN_IF_ERROR(co_await AddFile(files, path, found));
    }
  }
  co_return Status::OK();
}

// `parts` from `index` on are still to be matched below `folder`.
Task<> Expand(Files* files, std::string folder, const std::vector<std::string>& parts, size_t index,
              std::vector<FoundFile>* found) {
  if (index == parts.size()) co_return co_await AddFolder(files, folder, 0, found);
  const std::string& part = parts[index];
  if (!IsPattern(part)) {
    co_return co_await Expand(files, Join(folder, part), parts, index + 1, found);
  }
  Result<std::vector<DirectoryEntry>> entries = co_await files->List(folder);
  if (Is(entries.status(), ErrorCode::kNotFound)) co_return Status::OK();  // may match nothing
  CO_RETURN_IF_ERROR(entries);
  if (part == "**") CO_RETURN_IF_ERROR(co_await Expand(files, folder, parts, index + 1, found));
  for (const DirectoryEntry& entry : *entries) {
    if (IsHidden(entry.name)) continue;
    std::string path = Join(folder, entry.name);
    bool last = index + 1 == parts.size();
    if (part == "**") {
      if (entry.is_directory) {
        CO_RETURN_IF_ERROR(co_await Expand(files, path, parts, index, found));
      }
    } else if (fnmatch(part.c_str(), entry.name.c_str(), FNM_PERIOD) == 0 &&
               (last || entry.is_directory)) {
      CO_RETURN_IF_ERROR(co_await Expand(files, path, parts, index + 1, found));
    }
  }
  co_return Status::OK();
}

// Whether these bytes of a compressed file are all that belongs to what they begin.
bool IsCompleteStream(const std::string& path, std::string_view bytes) {
  std::unique_ptr<Decompressor> decompressor = MakeDecompressorFor(path);
  std::array<std::byte, 4096> scratch;
  size_t made = 0;
  do {
    Result<size_t> run = decompressor->Run(&bytes, scratch);
    if (!run.ok()) return true;  // broken: reading it will say so
    made = *run;
  } while (!bytes.empty() || made == scratch.size());
  return decompressor->complete();
}

}  // namespace

bool IsHidden(const std::string& name) { return name.empty() || name[0] == '.' || name[0] == '_'; }

Status TooManyFiles(const std::string& path) {
  return MakeError(
      ErrorCode::kResourceExhausted,
      {.message = "'" + path + "' means more than " + std::to_string(kMaxFoundFiles) + " files",
       .hint = "name a smaller folder, or narrow it with "
               "'source.path.regex-pattern'"});
}

std::string ResolvePath(const std::string& path, const std::string& base) {
  std::string plain = path.rfind("file://", 0) == 0 ? path.substr(7) : path;
  if (!plain.empty() && plain[0] == '/') return plain;
  return base.empty() ? plain : Join(base, plain);
}

Task<std::vector<FoundFile>> FindFiles(Files* files, std::string path) {
  std::vector<FoundFile> found;
  if (!IsPattern(path)) {
    CO_ASSIGN_OR_RETURN(bool exists, co_await files->Exists(path));
    if (!exists) {
      co_return MakeError(ErrorCode::kNotFound,
                          {.message = "there is no file or folder '" + path + "'"});
    }
    CO_RETURN_IF_ERROR(co_await AddFolder(files, path, 0, &found));
  } else {
    std::vector<std::string> parts = absl::StrSplit(path, '/', absl::SkipEmpty());
    std::string root = path[0] == '/' ? "/" : ".";
    CO_RETURN_IF_ERROR(co_await Expand(files, root, parts, 0, &found));
  }
  auto by_path = [](const FoundFile& a, const FoundFile& b) { return a.path < b.path; };
  std::sort(found.begin(), found.end(), by_path);
  auto same_path = [](const FoundFile& a, const FoundFile& b) { return a.path == b.path; };
  found.erase(std::unique(found.begin(), found.end(), same_path), found.end());
  co_return found;
}

Task<std::string> Fingerprint(Files* files, std::string path, FingerprintOptions options) {
  OpenOptions open_options;
  CO_ASSIGN_OR_RETURN(auto file, co_await files->Open(path, open_options));
  size_t wanted = options.compressed ? kCompressedFingerprintBytes : kFingerprintBytes;
  int64_t offset = 0;
  if (options.at_end) {
    CO_ASSIGN_OR_RETURN(int64_t size, co_await file->Size());
    offset = std::max<int64_t>(size - static_cast<int64_t>(wanted), 0);
  }
  std::string bytes(wanted, '\0');
  std::span<std::byte> into = std::as_writable_bytes(std::span<char>(bytes));
  CO_ASSIGN_OR_RETURN(size_t count, co_await file->ReadAt(offset, into));
  bytes.resize(count);
  if (options.at_end) {
    co_return fmt::format("{:016x}", Fnv1a(bytes));
  }
  if (!options.compressed) {
    size_t line_end = bytes.find('\n');
    if (line_end != std::string::npos) {
      bytes.resize(line_end + 1);
    } else if (count < wanted && options.growing) {
      co_return std::string();
    }
  } else if (count < wanted && options.growing &&
             !(options.quiet && IsCompleteStream(path, bytes))) {
    co_return std::string();
  }
  co_return fmt::format("{:016x}", Fnv1a(bytes));
}

}  // namespace mainstem::source

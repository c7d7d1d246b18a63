#include "source/filesystem/file_split.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <arrow/api.h>

#include "core/error_context.h"
#include "core/fnv1a.h"
#include "core/path.h"
#include "source/filesystem/object_files.h"

namespace mainstem::source {
namespace {

std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

constexpr const char* kLeaveAsTheyAre =
    "leave the files of a table without 'source.monitor-interval' as they are while a job reads "
    "them; start the job anew to read what is there now";

Status NotAsItWas(const std::string& path, const std::string& what) {
  return MakeError(ErrorCode::kNotFound,
                   {.message = "file '" + path + "' was " + what + " before it was read to its end",
                    .hint = kLeaveAsTheyAre});
}

}  // namespace

FilePosition FilePosition::BeginningOf(std::string path) {
  return {.offset = 0, .tail_hash = "-", .path = std::move(path)};
}

std::string FilePosition::ToString() const {
  std::string hash = tail_hash.empty() ? "-" : tail_hash;
  return std::to_string(offset) + (gone ? " !" : " ") + hash + " " + path;
}

Result<FilePosition> FilePosition::Parse(const std::string& text) {
  FilePosition position;
  size_t first = text.find(' ');
  size_t second = first == std::string::npos ? first : text.find(' ', first + 1);
  if (second == std::string::npos || !absl::SimpleAtoi(text.substr(0, first), &position.offset)) {
    return MakeError(ErrorCode::kInvalidArgument, "'" + text + "' is no position in a file");
  }
  position.gone = text[first + 1] == '!';
  size_t hash = first + (position.gone ? 2 : 1);
  position.tail_hash = text.substr(hash, second - hash);
  position.path = text.substr(second + 1);
  return position;
}

std::string HashTail(std::string_view tail) { return fmt::format("{:016x}", Fnv1a(tail)); }

std::string FileSplitId::ToString() const {
  std::string text = fmt::format("file:{}-{}-{}", device, inode, fingerprint);
  if (generation > 1) text += fmt::format("-{}", generation);
  return text;
}

Result<FileSplitId> FileSplitId::Parse(const std::string& text) {
  FileSplitId id;
  std::vector<std::string> parts = absl::StrSplit(text, absl::ByAnyChar(":-"));
  bool is_later = parts.size() == 5;
  if ((parts.size() != 4 && !is_later) || parts[0] != "file" ||
      !absl::SimpleAtoi(parts[1], &id.device) || !absl::SimpleAtoi(parts[2], &id.inode) ||
      (is_later && !absl::SimpleAtoi(parts[4], &id.generation))) {
    return MakeError(ErrorCode::kInvalidArgument, "'" + text + "' names no file split");
  }
  id.fingerprint = parts[3];
  return id;
}

Task<std::optional<FoundFile>> FindSplitFile(Files* files, FileSplitId* id, std::string last_path) {
  std::vector<std::string> candidates = {last_path};
  std::optional<FoundFile> elsewhere;
  for (bool listed = false;; listed = true) {
    for (const std::string& candidate : candidates) {
      Result<FileIdentity> identity = co_await files->Identify(candidate);
      if (Is(identity.status(), ErrorCode::kNotFound)) continue;
      CO_RETURN_IF_ERROR(identity);  // what cannot be looked at now is not gone
      if (identity->inode != id->inode) continue;
      FoundFile found{.path = candidate, .identity = *identity};
      if (identity->device == id->device) co_return found;
      if (!elsewhere) elsewhere = std::move(found);
    }
    if (id->device == kObjectDevice) co_return std::nullopt;
    if (listed) break;
    candidates.clear();
    std::string folder = ParentFolder(last_path);
    Result<std::vector<DirectoryEntry>> entries = co_await files->List(folder);
    if (Is(entries.status(), ErrorCode::kNotFound)) break;
    CO_RETURN_IF_ERROR(entries);
    for (const DirectoryEntry& entry : *entries) {
      if (!entry.is_directory) candidates.push_back(folder + "/" + entry.name);
    }
  }
  if (elsewhere) id->device = elsewhere->identity.device;
  co_return elsewhere;
}

Task<std::optional<FoundFile>> OpenSplitFile(Files* files, FileSplitId* id, std::string last_path,
                                             WhenGone when_gone) {
  CO_ASSIGN_OR_RETURN(auto found, co_await FindSplitFile(files, id, last_path));
  if (found || when_gone == WhenGone::kEnds) co_return found;
  CO_ASSIGN_OR_RETURN(bool is_another, co_await files->Exists(last_path));
  co_return NotAsItWas(last_path, is_another ? "replaced" : "deleted");
}

Status FileWasReplaced(const std::string& path) { return NotAsItWas(path, "replaced"); }

Status FileBecameShorter(const std::string& path) {
  return MakeError(
      ErrorCode::kInvalidArgument,
      {.message = "file '" + path + "' became shorter while it was read", .hint = kLeaveAsTheyAre});
}

connector::RejectedRecord FileOrigin::Rejected(const std::string& place,
                                               const Status& cause) const {
  return {.origin = path + "@" + place,
          .raw_bytes = "",
          .cause = InContext("file '" + path + "': ", cause)};
}

Result<std::shared_ptr<arrow::Array>> FileOrigin::Column(const ScanLayout::Other& other,
                                                         int64_t rows) const {
  std::shared_ptr<arrow::Scalar> value;
  if (other.metadata_key.empty()) {
    ASSIGN_OR_RETURN(value, outside.at(other.column)->GetScalar(0));
  } else if (other.metadata_key == "file.path") {
    value = arrow::MakeScalar(path);
  } else if (other.metadata_key == "file.name") {
    value = arrow::MakeScalar(NameOf(path));
  } else if (other.metadata_key == "file.size") {
    value = arrow::MakeScalar(identity.size);
  } else {
    value = std::make_shared<arrow::TimestampScalar>(
        identity.modified_ms, arrow::timestamp(arrow::TimeUnit::MILLI, "UTC"));
  }
  return arrow::MakeArrayFromScalar(*value, rows);
}

}  // namespace mainstem::source

#include "source/filesystem/followed_file.h"

#include <algorithm>
#include <utility>

#include "core/path.h"

namespace mainstem::source {
namespace {

// How soon a file is looked at again; it doubles while the file is quiet.
constexpr Duration kMinPollInterval = std::chrono::milliseconds(20);

}  // namespace

FollowedFile::FollowedFile(Env* env, Files* files, const FileReadOptions& options)
    : env_(env),
      files_(files),
      when_gone_(options.when_gone),
      renamed_quiet_time_(options.renamed_quiet_time),
      max_poll_interval_(options.max_poll_interval),
      quiet_since_(env->Now()),
      poll_interval_(kMinPollInterval) {}

Task<bool> FollowedFile::Find(FileSplitId id, FilePosition position,
                              std::map<std::string, std::shared_ptr<arrow::Array>> outside) {
  id_ = std::move(id);
  origin_.path = position.path;
  origin_.outside = std::move(outside);
  CO_ASSIGN_OR_RETURN(auto found, co_await OpenSplitFile(files_, &id_, position.path, when_gone_));
  quiet_since_ = env_->Now();
  if (!found) {
    position.gone = true;
    EndAt(std::move(position));
    co_return false;
  }
  renamed_ = found->path != position.path;
  origin_.path = std::move(found->path);
  origin_.identity = found->identity;
  co_return true;
}

FilePosition FollowedFile::At(int64_t offset, std::string tail_hash) const {
  if (ended_at_) return *ended_at_;
  return {.offset = offset, .tail_hash = std::move(tail_hash), .path = path(), .gone = gone_};
}

void FollowedFile::NoteGrowth() {
  poll_interval_ = kMinPollInterval;
  quiet_since_ = env_->Now();
}

Task<bool> FollowedFile::IsOver() {
  CO_ASSIGN_OR_RETURN(auto found, co_await FindSplitFile(files_, &id_, path()));
  if (!found) {
    CO_ASSIGN_OR_RETURN(bool waits, co_await MayComeBack());
    gone_ = !waits;
    co_return gone_;
  }
  folder_missing_since_.reset();
  if (found->path != path()) renamed_ = true;
  origin_.path = std::move(found->path);
  origin_.identity = found->identity;
  // A writer may go on for a while in a file that was renamed under it.
  co_return renamed_ && env_->Now() - quiet_since_ >= renamed_quiet_time_;
}

// Its folder is missing: moved away or not mounted for a moment. Not for ever, since a deleted file
// takes room as long as it is open.
Task<bool> FollowedFile::MayComeBack() {
  CO_ASSIGN_OR_RETURN(bool has_folder, co_await files_->Exists(ParentFolder(path())));
  if (has_folder) co_return false;
  if (!folder_missing_since_) folder_missing_since_ = env_->Now();
  co_return env_->Now() - *folder_missing_since_ < kFolderPatience;
}

Task<> FollowedFile::WaitForGrowth(TimePoint deadline) {
  TimePoint wake = std::min(deadline, env_->Now() + poll_interval_);
  poll_interval_ = std::min(poll_interval_ * 2, max_poll_interval_);
  co_return co_await SleepUntil(wake);
}

}  // namespace mainstem::source

// The file of a split that is read on while it grows: where it lies, and when nothing more comes of
// it. Shared by the readers of lines and of Avro. Private to filesystem; used on the task's shard.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "format/csv_quoting.h"
#include "source/filesystem/file_split.h"

namespace mainstem::source {

struct FileReadOptions {
  bool tail = false;
  WhenGone when_gone = WhenGone::kEnds;
  size_t max_line_bytes = size_t{1} << 20;
  bool skip_blank_lines = true;
  std::optional<format::CsvQuoting> csv_quoting = {};  // records of csv: lines, but for quotes
  bool skip_byte_order_mark = true;                    // of UTF-8, at the file's beginning
  // How long a file that was renamed is still followed once it is quiet.
  Duration renamed_quiet_time = std::chrono::seconds(10);
  Duration max_poll_interval = std::chrono::seconds(1);
};

// How long a file that is not found may come back with its folder, when that is missing, too.
inline constexpr Duration kFolderPatience = std::chrono::minutes(1);

class FollowedFile {
 public:
  FollowedFile(Env* env, Files* files, const FileReadOptions& options);

  // Finds the file by its id; `outside`: see FileOrigin. False, or with WhenGone::kFails an error:
  // it was deleted, and the split has ended at `position`.
  Task<bool> Find(FileSplitId id, FilePosition position,
                  std::map<std::string, std::shared_ptr<arrow::Array>> outside);
  // The split ends here, whatever is read.
  void EndAt(FilePosition position) { ended_at_ = std::move(position); }
  // The position of a reader that stands at `offset`.
  FilePosition At(int64_t offset, std::string tail_hash) const;

  // There was something new in it.
  void NoteGrowth();
  // After the end of what is there was met: whether nothing more comes, since the file was deleted,
  // or was renamed and has been quiet for long enough.
  Task<bool> IsOver();
  // Sleeps until it may have grown, twice as long each time; not beyond the deadline.
  Task<> WaitForGrowth(TimePoint deadline);

  const FileSplitId& id() const { return id_; }
  const FileOrigin& origin() const { return origin_; }
  const std::string& path() const { return origin_.path; }

 private:
  Task<bool> MayComeBack();

  Env* env_;
  Files* files_;
  WhenGone when_gone_;
  Duration renamed_quiet_time_;
  Duration max_poll_interval_;
  FileSplitId id_;
  FileOrigin origin_;
  std::optional<FilePosition> ended_at_;
  bool gone_ = false;
  bool renamed_ = false;  // no longer where it was found
  std::optional<TimePoint> folder_missing_since_;
  TimePoint quiet_since_;
  Duration poll_interval_;
};

}  // namespace mainstem::source

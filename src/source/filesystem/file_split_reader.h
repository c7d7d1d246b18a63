// Reads one file line by line, through growth, rotation and truncation. Private to filesystem.
// Runs on the task's shard; every read of the file is a task of Env's.
//
// Position: "<offset> <hash of the bytes before it> <path>". The offset stands after the last
// complete line (of the decompressed bytes for a compressed file). The hash tells on resuming
// whether the file is still the one that was read; the path is where it was last seen.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connector/table.h"
#include "format/format.h"
#include "source/filesystem/decompressor.h"
#include "source/filesystem/followed_file.h"
#include "source/filesystem/line_buffer.h"

namespace mainstem::source {

// Whether a file holds before the position what was read there; one that ended before anything was
// read holds nothing of it.
Task<bool> HoldsTail(Files* files, std::string path, FilePosition position);

class FileSplitReader final : public connector::SplitReader {
 public:
  FileSplitReader(Env* env, Files* files, FileReadOptions options, ScanLayout layout,
                  std::unique_ptr<format::Decoder> decoder);
  // `outside`: arrays of one value for the columns that the path gives.
  Task<> Open(FileSplitId id, FilePosition position,
              std::map<std::string, std::shared_ptr<arrow::Array>> outside);
  Task<connector::SourceBatch> Read(size_t max_rows, TimePoint deadline) override;

 private:
  enum class Fill : uint8_t { kData, kEnd };
  struct Pending {
    std::vector<std::string_view> messages;
    std::vector<int64_t> offsets;
    std::vector<connector::RejectedRecord> rejected;
  };

  Task<> SeekTo(FilePosition position);
  Task<std::string> ReadTail(int64_t offset);
  Task<Fill> ReadMore();
  Task<Fill> ReadPlain();
  Task<Fill> ReadCompressed();
  // After the end was met: true when the split is over.
  Task<bool> CheckEnd();
  Task<bool> CheckRewritten();
  void TakeLine(const LineBuffer::Line& line, Pending* pending);
  void RejectRest(Status cause, Pending* pending);
  Result<connector::SourceBatch> Finish(Pending pending);
  int64_t UnreadLines() const;

  Env* env_;
  Files* files_;
  FileReadOptions options_;
  ScanLayout layout_;
  std::unique_ptr<format::Decoder> decoder_;
  FollowedFile followed_;
  std::unique_ptr<File> file_;  // null: the file is gone
  LineBuffer lines_;
  int64_t size_limit_ = -1;  // bounded: bytes present when it was opened
  int64_t bytes_read_ = 0;
  int64_t lines_read_ = 0;     // since it was opened,
  int64_t bytes_at_open_ = 0;  // where that was
  bool finished_ = false;
  bool at_end_ = false;  // the last read met the end

  std::unique_ptr<Decompressor> decompressor_;
  std::string compressed_;
  std::string_view compressed_rest_;
  int64_t compressed_offset_ = 0;
  int64_t discard_ = 0;  // decompressed bytes still to pass over when resuming
};

}  // namespace mainstem::source

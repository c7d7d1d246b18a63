// Reads one Parquet file, row group after row group. Private to filesystem. Runs on the task's
// shard; bytes come through Env, decoding happens on the pool.
//
// Position: "<rows read> <hash of the footer> <path>": with the footer the row tells its row group
// and the row in it. A footer with another hash is another file in the same place: it is read from
// its beginning, or an error for a table that is read once.
//
// A file that cannot be read (not Parquet, columns of other types) is one rejected record, and so
// is a row group with broken pages; the row groups behind it are read.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connector/table.h"
#include "source/filesystem/file_split.h"
#include "source/filesystem/parquet_file.h"

namespace mainstem::source {

// Whether the file ends as a whole one does. False as well when it is gone.
Task<bool> IsCompleteParquet(Files* files, std::string path);
// As in positions; "-" of what is no Parquet file.
Task<std::string> ReadParquetFooterHash(Files* files, std::string path);

class ParquetSplitReader final : public connector::SplitReader {
 public:
  ParquetSplitReader(Env* env, Files* files, WhenGone when_gone, ScanLayout layout);
  // `outside`: arrays of one value for the columns that the path gives.
  Task<> Open(FileSplitId id, FilePosition position,
              std::map<std::string, std::shared_ptr<arrow::Array>> outside);
  Task<connector::SourceBatch> Read(size_t max_rows, TimePoint deadline) override;

 private:
  Task<std::string> ReadRange(int64_t offset, int64_t size);
  Task<> OpenFile(FilePosition position);
  Task<> BeginRowGroup();
  Task<> DecodeBatch();
  void Reject(Status cause, connector::SourceBatch* batch);
  int64_t row_count() const { return parquet_ == nullptr ? 0 : parquet_->row_count(); }

  Env* env_;
  Files* files_;
  WhenGone when_gone_;
  ScanLayout layout_;
  FileOrigin origin_;
  std::unique_ptr<File> file_;
  std::unique_ptr<ParquetFile> parquet_;  // null: the file is gone, or is none
  Status broken_;                         // to be reported
  std::string footer_hash_ = "-";
  std::optional<FilePosition> ended_at_;         // the file is gone
  int64_t row_ = 0;                              // the next to be given out
  int64_t group_end_ = 0;                        // first row behind the row group that is open
  int64_t decoded_row_ = 0;                      // the next that decoding gives
  std::shared_ptr<arrow::RecordBatch> pending_;  // decoded, from row_ on
  int64_t bytes_read_ = 0;
};

}  // namespace mainstem::source

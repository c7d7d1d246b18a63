// Reads one Avro container file, block after block, and follows it while it grows. Private to
// filesystem. Runs on the task's shard; bytes come through Env, decoding happens on the pool.
//
// Position: "<offset of a block> <rows of it read>:<marker> <path>". A file whose marker is another
// one is another file in the same place: it is read from its beginning.
//
// A file that cannot be read (not Avro, a schema that does not fit the columns) is one rejected
// record, and so is a block that is broken; reading goes on behind the next marker.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connector/table.h"
#include "format/avro/avro_file.h"
#include "source/filesystem/followed_file.h"

namespace mainstem::source {

struct AvroHeaderState {
  bool is_avro = false;  // so far; else it is none
  std::string marker;    // hexadecimal; empty: the header is not complete yet
};
Task<AvroHeaderState> ReadAvroHeaderState(Files* files, std::string path);

class AvroSplitReader final : public connector::SplitReader {
 public:
  AvroSplitReader(Env* env, Files* files, FileReadOptions options, ScanLayout layout,
                  format::FormatOptions format_options);
  // `outside`: arrays of one value for the columns that the path gives.
  Task<> Open(FileSplitId id, FilePosition position,
              std::map<std::string, std::shared_ptr<arrow::Array>> outside);
  Task<connector::SourceBatch> Read(size_t max_rows, TimePoint deadline) override;

 private:
  enum class Step : uint8_t { kReady, kEnd };
  Task<> ReadHeader(FilePosition position);
  // Makes the next block ready, or meets the end of what is there.
  Task<Step> NextBlock(connector::SourceBatch* batch);
  Task<Step> SkipToMarker(connector::SourceBatch* batch, Status cause);
  // At least `size` bytes from offset_ on into buffer_; false: the file has not so many.
  Task<bool> Fill(size_t size);
  Task<bool> CheckEnd(connector::SourceBatch* batch);
  Task<std::shared_ptr<arrow::RecordBatch>> NextRows(size_t max_rows);
  void Reject(Status cause, connector::SourceBatch* batch);
  void Drop(size_t size);
  void EndBlock();
  FilePosition position() const;

  Env* env_;
  Files* files_;
  FileReadOptions options_;
  ScanLayout layout_;
  format::FormatOptions format_options_;
  FollowedFile followed_;
  std::unique_ptr<File> file_;  // null: the file is gone
  int64_t size_limit_ = -1;     // bounded: bytes present when it was opened
  format::AvroFileHeader header_;
  std::unique_ptr<format::AvroFileDecoder> decoder_;
  std::string buffer_;      // the file's bytes from offset_ on
  int64_t offset_ = 0;      // of the block that is read, or of the next
  size_t block_bytes_ = 0;  // of the block that is read; 0: none
  int64_t rows_done_ = 0;   // of it
  int64_t rows_to_skip_ = 0;
  int64_t bytes_read_ = 0;
  bool finished_ = false;
  Status broken_;  // to be reported
};

}  // namespace mainstem::source

// What the sinks that write Parquet share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include <arrow/io/interfaces.h>
#include <arrow/result.h>

namespace mainstem::sink {

// Rows of so many bytes, before encoding, make a row group of a file that is to have `file_bytes`:
// a group is held in memory until it is full, and counts for the size of its file only then. Small
// files get smaller ones.
inline int64_t RowGroupBytesOf(int64_t file_bytes) {
  return std::clamp(file_bytes, int64_t{64} << 10, int64_t{32} << 20);
}

// Collects what the Parquet writer puts out, until it is taken.
class TakenStream final : public arrow::io::OutputStream {
 public:
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Write(const void* data, int64_t byte_count) override {
    bytes_.append(static_cast<const char*>(data), static_cast<size_t>(byte_count));
    position_ += byte_count;
    return arrow::Status::OK();
  }
  std::string Take() { return std::exchange(bytes_, {}); }
  int64_t position() const { return position_; }  // of all that was written, taken or not

 private:
  std::string bytes_;
  int64_t position_ = 0;
  bool closed_ = false;
};

}  // namespace mainstem::sink

// Bytes of a file in, lines out, in bounded memory: a line beyond the limit is passed over, its
// beginning kept for the report. Knows at each moment the offset to go on from. With quoting a
// "line" is a record of csv, which may hold line breaks in quotes. Private to filesystem. Not
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "format/csv_quoting.h"

namespace mainstem::source {

class LineBuffer {
 public:
  struct Line {
    std::string_view text;  // without '\n' and a '\r' before it; valid until Prepare
    int64_t offset = 0;     // of its first byte
    int64_t length = 0;     // as in the file, without the line's end
    bool too_long = false;  // `text` is only its beginning
  };

  LineBuffer(int64_t offset, size_t max_line_bytes,
             std::optional<format::CsvQuoting> quoting = std::nullopt);
  // Forgets everything: the next bytes are those at `offset`. `before`: the bytes in front of it.
  void Reset(int64_t offset, std::string before = "");

  // Room for `size` bytes more; Commit says how many came.
  std::span<std::byte> Prepare(size_t size);
  void Commit(size_t size) { end_ += size; }

  // False: no complete line is left.
  bool Next(Line* line);
  // What stands behind the last newline, at the end of a file; false when nothing does.
  bool TakeRest(Line* line);

  int64_t position() const {
    return skipping_ ? skip_offset_ : base_ + static_cast<int64_t>(begin_);
  }
  // Offset of the next byte to be committed.
  int64_t end_offset() const { return base_ + static_cast<int64_t>(end_); }
  // The last up to kTailBytes before position().
  std::string Tail() const;
  static constexpr size_t kTailBytes = 64;

 private:
  size_t FindEnd();
  void BeginLine(size_t begin);
  void Emit(size_t end, Line* line);
  void BeginSkipping();

  size_t max_line_bytes_;
  std::optional<format::CsvRecordScanner> records_;  // absent: each newline ends a line
  std::string data_;
  int64_t base_ = 0;    // file offset of data_[0]
  size_t begin_ = 0;    // first byte not given out
  size_t scanned_ = 0;  // no line's end between begin_ and here
  size_t end_ = 0;
  bool skipping_ = false;
  int64_t skip_offset_ = 0;
  std::string skip_prefix_;
  std::string skip_tail_;
};

}  // namespace mainstem::source

// One Parquet file, read row group by row group: which bytes are needed, and rows out of them.
// Does no I/O itself: the caller brings the bytes. Private to filesystem. Not thread-safe; CPU work
// over a millisecond: on the pool.
//
// Memory: the footer, the compressed bytes of the wanted columns of one row group, one batch.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "core/status.h"

namespace mainstem::source {

// The last bytes of each file: the footer's length and the magic number.
inline constexpr int64_t kParquetTailBytes = 8;
// kDecodeError for what is no Parquet file; `tail`: its last bytes, at most kParquetTailBytes.
Result<int64_t> ParquetFooterBytes(std::string_view tail, int64_t file_bytes);

class ParquetFile {
 public:
  // `footer`: without the tail. `wanted`: columns by name; those the file lacks are NULL.
  // kDecodeError, naming the column, when its type does not fit.
  static Result<std::unique_ptr<ParquetFile>> Open(const std::string& footer, int64_t file_bytes,
                                                   std::shared_ptr<arrow::Schema> wanted);
  ~ParquetFile();

  int64_t row_count() const;
  // The row group that holds the row, and its first row.
  struct Place {
    int row_group = 0;
    int64_t first_row = 0;
  };
  Place Find(int64_t row) const;
  int64_t RowsOf(int row_group) const;

  struct Range {
    int64_t offset = 0;
    int64_t size = 0;
  };
  // What Begin needs of the file, in order of offset. kDecodeError when the footer is wrong.
  Result<std::vector<Range>> RangesOf(int row_group) const;
  // `bytes`: one for each range.
  Status Begin(int row_group, std::vector<std::string> bytes);
  // The next rows of the row group, as many as keep a batch small; null: no more.
  Result<std::shared_ptr<arrow::RecordBatch>> Next();

 private:
  struct Parts;
  ParquetFile();
  std::unique_ptr<Parts> parts_;
};

}  // namespace mainstem::source

// Avro's object container files: a header that holds the schema, then blocks of rows. Pure: bytes
// in and out, no I/O. For the filesystem connector; not thread-safe.
//
//   header  "Obj" 0x01, metadata as an Avro map of bytes ("avro.schema", "avro.codec"), 16 bytes of
//           a marker that is the file's own
//   block   row count as long, size in bytes as long, the rows (compressed by the codec), the
//   marker codecs  null; deflate (RFC 1951); snappy (with a big-endian CRC-32 of the rows behind
//   it);
//           zstandard
// A file is valid iff its header is and each block ends with the header's marker.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/status.h"
#include "format/format.h"

namespace mainstem::format {

inline constexpr size_t kAvroMarkerBytes = 16;
// Of a header; of a block, as stored and as unpacked. Writers make blocks of some 64 KiB.
inline constexpr size_t kMaxAvroHeaderBytes = size_t{8} << 20;
inline constexpr size_t kMaxAvroBlockBytes = size_t{64} << 20;
inline constexpr size_t kMaxAvroUnpackedBytes = size_t{256} << 20;

struct AvroFileHeader {
  std::string schema;
  std::string codec;
  std::string marker;
  size_t bytes = 0;  // of the header itself
};
// nullopt: more bytes are needed. kDecodeError: no such file.
Result<std::optional<AvroFileHeader>> ParseAvroFileHeader(std::string_view bytes);

// The start of a file. `metadata`: its schema, its codec and whatever else, in this order.
void AppendAvroFileHeader(std::span<const std::pair<std::string_view, std::string_view>> metadata,
                          std::string_view marker, std::string* out);
// A block of rows that are encoded already.
Status AppendAvroBlock(const std::string& codec, int64_t row_count, std::string_view rows,
                       std::string_view marker, std::string* out);

struct AvroBlockHead {
  int64_t row_count = 0;
  size_t data_bytes = 0;
  size_t head_bytes = 0;
  size_t bytes() const { return head_bytes + data_bytes + kAvroMarkerBytes; }
};
Result<std::optional<AvroBlockHead>> ParseAvroBlockHead(std::string_view bytes);

// Rows of one file's blocks.
class AvroFileDecoder {
 public:
  // kDecodeError when the file's schema or codec cannot be read into the columns.
  static Result<std::unique_ptr<AvroFileDecoder>> Make(const AvroFileHeader& header,
                                                       DecodeTarget target,
                                                       const FormatOptions& options);
  virtual ~AvroFileDecoder() = default;
  // Unpacks a block; CPU work over a millisecond. `data` is copied where it is needed later.
  virtual Status Begin(std::string_view data, int64_t row_count) = 0;
  // Passes over rows of the block.
  virtual Status Skip(int64_t row_count) = 0;
  // At most so many rows more. A row that cannot be read ends the block: those before it come
  // first, then the error.
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Next(int64_t max_rows) = 0;
  virtual int64_t rows_left() const = 0;
};

// Rows into the bytes of one file.
class AvroFileEncoder {
 public:
  static Result<std::unique_ptr<AvroFileEncoder>> Make(const arrow::Schema& schema,
                                                       const FormatOptions& options);
  virtual ~AvroFileEncoder() = default;
  virtual Status Write(const arrow::RecordBatch& rows) = 0;
  // Writes what is held back; nothing may be written after.
  virtual Status Finish() = 0;
  // The bytes made since the last call.
  virtual std::string TakeBytes() = 0;
};

}  // namespace mainstem::format

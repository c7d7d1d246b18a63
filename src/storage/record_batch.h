// Kafka's record batch, format version 2: header view, validation, iteration over records, and the
// few changes a log makes in place. Pure functions over bytes that the caller keeps; any thread.
// Gateways, sources, sinks and the SQL engine read records with RecordReader and write them with
// BatchBuilder (storage/batch_builder.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/status.h"
#include "storage/compression.h"

namespace mainstem::storage {

// offset  0 base offset i64      | 8 length of what follows i32 | 12 leader epoch i32 | 16 magic i8
// offset 17 CRC-32C u32 of everything from offset 21
// offset 21 attributes i16       | 23 last offset delta i32     | 27 base timestamp i64
// offset 35 max timestamp i64    | 43 producer id i64           | 51 producer epoch i16
// offset 53 base sequence i32    | 57 record count i32          | 61 records (these are compressed)
// All big-endian.
inline constexpr size_t kBatchHeaderBytes = 61;
inline constexpr size_t kBatchPrefixBytes = 12;  // base offset and length, which length leaves out
inline constexpr size_t kBatchCrcBegin = 21;
inline constexpr int8_t kBatchMagic = 2;
inline constexpr int kTransactionalBit = 16;
inline constexpr int kControlBit = 32;

struct BatchHeader {
  Offset base_offset;
  int32_t batch_length = 0;
  LeaderEpoch leader_epoch;
  int8_t magic = 0;
  uint32_t crc = 0;
  int16_t attributes = 0;
  int32_t last_offset_delta = 0;
  int64_t base_timestamp = 0;
  int64_t max_timestamp = 0;
  ProducerId producer_id;
  ProducerEpoch producer_epoch;
  int32_t base_sequence = 0;
  int32_t record_count = 0;

  size_t total_bytes() const { return static_cast<size_t>(batch_length) + kBatchPrefixBytes; }
  Offset last_offset() const { return base_offset + last_offset_delta; }
  Offset next_offset() const { return base_offset + (int64_t{last_offset_delta} + 1); }
  int codec_bits() const { return attributes & 7; }
  Codec codec() const { return static_cast<Codec>(codec_bits()); }
  bool log_append_time() const { return attributes & 8; }
  bool transactional() const { return attributes & kTransactionalBit; }
  bool control() const { return attributes & kControlBit; }
  bool idempotent() const { return producer_id.value() >= 0; }
  // Sequence numbers wrap from 2147483647 to 0.
  int32_t last_sequence() const;
};

// Reads the header of the batch that `bytes` begins with. kCorruptMessage when it is cut off or the
// length is impossible; kInvalidRecord when the magic is not 2. Does not check the CRC.
Result<BatchHeader> ParseBatchHeader(std::span<const std::byte> bytes);
// The same for bytes that were checked before.
BatchHeader ReadBatchHeader(const std::byte* batch);
bool BatchCrcMatches(std::span<const std::byte> batch);

struct RecordHeader {
  std::string_view key;
  std::optional<std::string_view> value;
};

// Views into the reader's bytes: valid as long as the reader and the batch live.
struct RecordView {
  Offset offset;
  int64_t timestamp_ms = 0;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  int32_t header_count = 0;
  std::span<const std::byte> headers;  // encoded
  std::span<const std::byte> content;  // encoded: key, value and headers, with their lengths
};
Result<std::vector<RecordHeader>> ReadHeaders(const RecordView& record);

inline constexpr size_t kDefaultDecompressedLimit = size_t{128} << 20;

// Walks the records of one batch. Checks every length. Owns the decompressed bytes, borrows the
// batch. Movable (views stay valid).
class RecordReader {
 public:
  // kInvalidRecord for broken or too large compressed data, kUnsupportedCompression.
  static Result<RecordReader> Open(std::span<const std::byte> batch,
                                   size_t decompressed_limit = kDefaultDecompressedLimit);
  // False at the end; kInvalidRecord for broken bytes.
  Result<bool> Next(RecordView* record);
  const BatchHeader& header() const { return header_; }

 private:
  RecordReader() = default;
  BatchHeader header_;
  std::vector<std::byte> decompressed_;
  std::span<const std::byte> rest_;
  int32_t read_count_ = 0;
};

struct BatchChecks {
  bool trusted = false;       // inner batches: control and transactional bits are allowed
  bool require_keys = false;  // compacted topics
  size_t max_bytes = SIZE_MAX;
};
// What a log checks before it takes a batch: CRC, magic, counts, control bit, producer fields,
// record structure. Records of a compressed batch are looked at only when keys are required; their
// readers find broken ones.
Status ValidateBatch(const BatchHeader& header, std::span<const std::byte> batch,
                     const BatchChecks& checks);

// In place. Offset and epoch lie outside the CRC.
inline constexpr LeaderEpoch kLeaderEpoch{0};  // one node leads for ever
void SetBaseOffset(std::byte* batch, Offset base_offset, LeaderEpoch epoch);
// Sets the bit and the greatest timestamp, and computes the CRC anew.
void SetLogAppendTime(std::span<std::byte> batch, int64_t timestamp_ms);
// The same records under another codec.
Result<std::vector<std::byte>> RecompressBatch(std::span<const std::byte> batch, Codec codec,
                                               size_t decompressed_limit);

}  // namespace mainstem::storage

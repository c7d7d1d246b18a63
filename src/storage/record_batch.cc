#include "storage/record_batch.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "storage/batch_times.h"
#include "storage/bytes.h"
#include "storage/crc32c.h"

namespace mainstem::storage {
namespace {

Status InvalidRecord(std::string message) {
  return MakeError(ErrorCode::kInvalidRecord, std::move(message));
}

// A length-prefixed piece; -1 gives nullopt.
bool TakeNullable(std::span<const std::byte>* bytes, std::optional<std::string_view>* piece) {
  int64_t length = 0;
  if (!TakeVarint(bytes, &length)) return false;
  if (length < 0) {
    piece->reset();
    return length == -1;
  }
  if (static_cast<uint64_t>(length) > bytes->size()) return false;
  piece->emplace(reinterpret_cast<const char*>(bytes->data()), static_cast<size_t>(length));
  *bytes = bytes->subspan(static_cast<size_t>(length));
  return true;
}

bool SkipHeaders(std::span<const std::byte>* bytes, int64_t count) {
  std::optional<std::string_view> piece;
  for (int64_t i = 0; i < count; ++i) {
    if (!TakeNullable(bytes, &piece) || !piece) return false;
    if (!TakeNullable(bytes, &piece)) return false;
  }
  return true;
}

struct RawRecord {
  int64_t timestamp_delta = 0;
  int64_t offset_delta = 0;
  int64_t header_count = 0;
};

// HOT PATH: every uncompressed record that is appended goes through here. Budget: 20 ns.
bool TakeRecord(std::span<const std::byte>* rest, RawRecord* raw, RecordView* view) {
  int64_t length = 0;
  if (!TakeVarint(rest, &length)) return false;
  if (length < 0 || static_cast<uint64_t>(length) > rest->size()) return false;
  std::span<const std::byte> body = rest->first(static_cast<size_t>(length));
  *rest = rest->subspan(static_cast<size_t>(length));
  if (body.empty()) return false;
  body = body.subspan(1);  // attributes, unused
  if (!TakeVarint(&body, &raw->timestamp_delta)) return false;
  if (!TakeVarint(&body, &raw->offset_delta)) return false;
  view->content = body;
  if (!TakeNullable(&body, &view->key) || !TakeNullable(&body, &view->value)) return false;
  if (!TakeVarint(&body, &raw->header_count)) return false;
  if (raw->header_count < 0 || raw->header_count > static_cast<int64_t>(body.size())) return false;
  view->headers = body;
  return SkipHeaders(&body, raw->header_count) && body.empty();
}

int64_t TimeOf(const BatchHeader& header, const RawRecord& raw) {
  if (header.log_append_time()) return header.max_timestamp;
  return static_cast<int64_t>(static_cast<uint64_t>(header.base_timestamp) +
                              static_cast<uint64_t>(raw.timestamp_delta));
}

Result<BatchTimes> ValidateRecords(const BatchHeader& header, std::span<const std::byte> records,
                                   bool require_keys, bool exact_deltas) {
  RawRecord raw;
  RecordView view;
  BatchTimes times;
  uint64_t oldest = UINT64_MAX;  // so that what is negative is none
  for (int32_t i = 0; i < header.record_count; ++i) {
    if (!TakeRecord(&records, &raw, &view)) {
      return InvalidRecord(fmt::format("record {} of the batch is broken", i));
    }
    if (exact_deltas && raw.offset_delta != i) {
      return InvalidRecord(fmt::format("record {} has offset delta {}", i, raw.offset_delta));
    }
    if (require_keys && !view.key) {
      return InvalidRecord("a record without a key can't go to a compacted topic");
    }
    int64_t time_ms = TimeOf(header, raw);
    times.newest_ms = std::max(times.newest_ms, time_ms);
    oldest = std::min(oldest, static_cast<uint64_t>(time_ms));
  }
  if (!records.empty()) return InvalidRecord("bytes follow the last record of the batch");
  if (oldest <= INT64_MAX) times.oldest_ms = static_cast<int64_t>(oldest);
  return times;
}

// How many bytes at most the codec makes one of.
int64_t ExpansionMax(Codec codec) {
  switch (codec) {
    case Codec::kNone: return 1;
    case Codec::kGzip: return 1032;   // a run of 258 in two bits
    case Codec::kSnappy: return 22;   // a copy of 64 in three bytes
    case Codec::kLz4: return 255;     // a byte more of a length
    case Codec::kZstd: return 32768;  // a block of 128 KiB in four bytes
  }
  return 1;
}

// A batch may claim two thousand million records: whoever believes it makes room for them.
Status CheckRecordCount(const BatchHeader& header, size_t packed_bytes) {
  constexpr int64_t kRecordBytesMin = 7;    // each of its fields in one byte
  constexpr int64_t kExpansionSlack = 512;  // a first piece
  int64_t bytes =
      static_cast<int64_t>(packed_bytes) * ExpansionMax(header.codec()) + kExpansionSlack;
  bytes = std::min(bytes, static_cast<int64_t>(kDefaultDecompressedLimit));
  if (header.record_count <= bytes / kRecordBytesMin) return Status::OK();
  return InvalidRecord(fmt::format("record batch with {} records in {} compressed bytes",
                                   header.record_count, packed_bytes));
}

}  // namespace

int32_t BatchHeader::last_sequence() const {
  if (base_sequence < 0) return base_sequence;
  uint32_t sum = static_cast<uint32_t>(base_sequence) + static_cast<uint32_t>(last_offset_delta);
  return static_cast<int32_t>(sum & 0x7fffffff);
}

BatchHeader ReadBatchHeader(const std::byte* at) {
  return BatchHeader{.base_offset = Offset(LoadBig<int64_t>(at)),
                     .batch_length = LoadBig<int32_t>(at + 8),
                     .leader_epoch = LeaderEpoch(LoadBig<int32_t>(at + 12)),
                     .magic = static_cast<int8_t>(at[16]),
                     .crc = LoadBig<uint32_t>(at + 17),
                     .attributes = LoadBig<int16_t>(at + 21),
                     .last_offset_delta = LoadBig<int32_t>(at + 23),
                     .base_timestamp = LoadBig<int64_t>(at + 27),
                     .max_timestamp = LoadBig<int64_t>(at + 35),
                     .producer_id = ProducerId(LoadBig<int64_t>(at + 43)),
                     .producer_epoch = ProducerEpoch(LoadBig<int16_t>(at + 51)),
                     .base_sequence = LoadBig<int32_t>(at + 53),
                     .record_count = LoadBig<int32_t>(at + 57)};
}

Result<BatchHeader> ParseBatchHeader(std::span<const std::byte> bytes) {
  // Older formats have their magic at the same place, so it is told first.
  if (bytes.size() > 16 && static_cast<int8_t>(bytes[16]) != kBatchMagic) {
    return InvalidRecord(fmt::format("record batch with magic {}, only 2 is supported",
                                     static_cast<int>(static_cast<int8_t>(bytes[16]))));
  }
  if (bytes.size() < kBatchHeaderBytes) {
    return MakeError(ErrorCode::kCorruptMessage, "record batch is cut off in its header");
  }
  BatchHeader header = ReadBatchHeader(bytes.data());
  if (header.batch_length < static_cast<int32_t>(kBatchHeaderBytes - kBatchPrefixBytes)) {
    return MakeError(ErrorCode::kCorruptMessage,
                     fmt::format("record batch with length {}", header.batch_length));
  }
  if (header.total_bytes() > bytes.size()) {
    return MakeError(ErrorCode::kCorruptMessage,
                     fmt::format("record batch of {} bytes is cut off at {}", header.total_bytes(),
                                 bytes.size()));
  }
  return header;
}

bool BatchCrcMatches(std::span<const std::byte> batch) {
  return Crc32c(batch.subspan(kBatchCrcBegin)) == LoadBig<uint32_t>(batch.data() + 17);
}

Result<std::vector<RecordHeader>> ReadHeaders(const RecordView& record) {
  std::vector<RecordHeader> headers;
  std::span<const std::byte> rest = record.headers;
  for (int32_t i = 0; i < record.header_count; ++i) {
    RecordHeader header;
    std::optional<std::string_view> key;
    if (!TakeNullable(&rest, &key) || !key || !TakeNullable(&rest, &header.value)) {
      return InvalidRecord("a record header is broken");
    }
    header.key = *key;
    headers.push_back(header);
  }
  return headers;
}

Result<RecordReader> RecordReader::Open(std::span<const std::byte> batch,
                                        size_t decompressed_limit) {
  RecordReader reader;
  ASSIGN_OR_RETURN(reader.header_, ParseBatchHeader(batch));
  std::span<const std::byte> records =
      batch.first(reader.header_.total_bytes()).subspan(kBatchHeaderBytes);
  if (reader.header_.codec_bits() == 0) {
    reader.rest_ = records;
    return reader;
  }
  ASSIGN_OR_RETURN(reader.decompressed_,
                   Decompress(reader.header_.codec(), records, decompressed_limit));
  reader.rest_ = reader.decompressed_;
  return reader;
}

Result<bool> RecordReader::Next(RecordView* record) {
  if (read_count_ == header_.record_count) {
    if (!rest_.empty()) return InvalidRecord("bytes follow the last record of the batch");
    return false;
  }
  RawRecord raw;
  if (!TakeRecord(&rest_, &raw, record)) {
    return InvalidRecord(fmt::format("record {} of the batch is broken", read_count_));
  }
  ++read_count_;
  record->offset = header_.base_offset + raw.offset_delta;
  record->timestamp_ms = TimeOf(header_, raw);
  record->header_count = static_cast<int32_t>(raw.header_count);
  return true;
}

Status ValidateBatch(const BatchHeader& header, std::span<const std::byte> batch,
                     const BatchChecks& checks) {
  return ValidateBatchTimes(header, batch, checks).status();
}

Result<BatchTimes> ValidateBatchTimes(const BatchHeader& header, std::span<const std::byte> batch,
                                      const BatchChecks& checks) {
  if (batch.size() > checks.max_bytes) {
    return MakeError(ErrorCode::kMessageTooLarge,
                     fmt::format("record batch of {} bytes, the topic takes at most {}",
                                 batch.size(), checks.max_bytes));
  }
  if (!BatchCrcMatches(batch)) {
    return MakeError(ErrorCode::kCorruptMessage, "record batch with a wrong CRC");
  }
  if (header.codec_bits() > static_cast<int>(Codec::kZstd)) {
    return MakeError(ErrorCode::kUnsupportedCompression,
                     fmt::format("unknown compression codec {}", header.codec_bits()));
  }
  if (header.record_count <= 0 || header.last_offset_delta != header.record_count - 1) {
    return InvalidRecord(fmt::format("record batch with {} records and last offset delta {}",
                                     header.record_count, header.last_offset_delta));
  }
  if (header.control() && !checks.trusted) {
    return InvalidRecord("clients can't write control batches");
  }
  if (header.log_append_time() && !checks.trusted) {
    return MakeError(ErrorCode::kInvalidTimestamp,
                     "clients can't write batches with the time of an append");
  }
  bool numbered = header.base_sequence >= 0 && header.producer_epoch.value() >= 0;
  if (header.idempotent() && !numbered && !header.control()) {
    return InvalidRecord("record batch with a producer id but no epoch or sequence");
  }
  std::span<const std::byte> records = batch.subspan(kBatchHeaderBytes);
  if (header.codec_bits() == 0) {
    return ValidateRecords(header, records, checks.require_keys, /*exact_deltas=*/true);
  }
  RETURN_IF_ERROR(CheckRecordCount(header, records.size()));
  if (!checks.require_keys) {
    const int64_t first = TimeOf(header, {});
    return BatchTimes{.newest_ms = std::max({BatchTimes::kNone, first, header.max_timestamp}),
                      .oldest_ms = std::max(BatchTimes::kNone, first)};
  }
  ASSIGN_OR_RETURN(std::vector<std::byte> plain,
                   Decompress(header.codec(), records, kDefaultDecompressedLimit));
  return ValidateRecords(header, plain, checks.require_keys, /*exact_deltas=*/true);
}

void SetBaseOffset(std::byte* batch, Offset base_offset, LeaderEpoch epoch) {
  StoreBig(batch, base_offset.value());
  StoreBig(batch + 12, epoch.value());
}

void SetLogAppendTime(std::span<std::byte> batch, int64_t timestamp_ms) {
  StoreBig<int16_t>(batch.data() + 21,
                    static_cast<int16_t>(LoadBig<int16_t>(batch.data() + 21) | 8));
  SetMaxTimestamp(batch, timestamp_ms);
}

void SetMaxTimestamp(std::span<std::byte> batch, int64_t timestamp_ms) {
  StoreBig(batch.data() + 35, timestamp_ms);
  StoreBig(batch.data() + 17, Crc32c(batch.subspan(kBatchCrcBegin)));
}

Result<std::vector<std::byte>> RecompressBatch(std::span<const std::byte> batch, Codec codec,
                                               size_t decompressed_limit) {
  ASSIGN_OR_RETURN(BatchHeader header, ParseBatchHeader(batch));
  std::span<const std::byte> records = batch.first(header.total_bytes()).subspan(kBatchHeaderBytes);
  ASSIGN_OR_RETURN(std::vector<std::byte> plain,
                   Decompress(header.codec(), records, decompressed_limit));
  ASSIGN_OR_RETURN(BatchTimes times, ValidateRecords(header, plain, false, true));
  ASSIGN_OR_RETURN(std::vector<std::byte> packed, Compress(codec, plain));
  std::vector<std::byte> result(kBatchHeaderBytes + packed.size());
  std::copy_n(batch.begin(), kBatchHeaderBytes, result.begin());
  std::copy(packed.begin(), packed.end(), result.begin() + kBatchHeaderBytes);
  StoreBig<int32_t>(result.data() + 8, static_cast<int32_t>(result.size() - kBatchPrefixBytes));
  StoreBig<int16_t>(result.data() + 21,
                    static_cast<int16_t>((header.attributes & ~7) | static_cast<int16_t>(codec)));
  SetMaxTimestamp(result, times.newest_ms);
  return result;
}

}  // namespace mainstem::storage

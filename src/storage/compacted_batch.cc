#include "storage/compacted_batch.h"

#include <algorithm>

#include <fmt/format.h>

#include "storage/bytes.h"
#include "storage/crc32c.h"
#include "storage/varint.h"

namespace mainstem::storage {
namespace {

bool IsAborted(const BatchHeader& header, const std::vector<AbortedTransaction>& aborted) {
  if (!header.transactional()) return false;
  auto ends_before = [](const AbortedTransaction& one, Offset wanted) {
    return one.last_offset < wanted;
  };
  auto it = std::lower_bound(aborted.begin(), aborted.end(), header.base_offset, ends_before);
  for (; it != aborted.end(); ++it) {
    if (it->producer_id == header.producer_id && it->first_offset <= header.base_offset)
      return true;
    // All that ended later began at or after the stable offset of then.
    if (it->last_stable_offset > header.base_offset) break;
  }
  return false;
}

Status WrongCrc(std::span<const std::byte> batch) {
  return MakeError(ErrorCode::kCorruptMessage,
                   fmt::format("the record batch at offset {} has a wrong CRC",
                               ReadBatchHeader(batch.data()).base_offset));
}

void PutVarint(std::vector<std::byte>* out, int64_t value) {
  uint64_t raw = ZigZag(value);
  for (; raw >= 0x80; raw >>= 7) out->push_back(static_cast<std::byte>(raw | 0x80));
  out->push_back(static_cast<std::byte>(raw));
}

void PutRecord(const RecordView& record, int64_t time_delta, int64_t offset_delta,
               std::vector<std::byte>* out) {
  size_t body = 1 + VarintSize(time_delta) + VarintSize(offset_delta) + record.content.size();
  PutVarint(out, static_cast<int64_t>(body));
  out->push_back(std::byte{0});
  PutVarint(out, time_delta);
  PutVarint(out, offset_delta);
  out->insert(out->end(), record.content.begin(), record.content.end());
}

struct Sifted {
  std::vector<RecordView> kept;
  bool has_tombstone = false;  // among those that the rules speak of
};

Result<Sifted> Sift(RecordReader* reader, const CompactionRules& rules, int64_t horizon_ms) {
  Sifted sifted;
  RecordView record;
  while (true) {
    ASSIGN_OR_RETURN(bool more, reader->Next(&record));
    if (!more) return sifted;
    if (record.offset >= rules.mapped_end) {
      sifted.kept.push_back(record);
      continue;
    }
    if (!record.key) continue;  // from before the topic was compacted: nothing could replace it
    std::optional<Offset> newest = rules.newest->Find(*record.key);
    if (newest && record.offset < *newest) continue;
    if (!record.value) {
      bool is_expired = horizon_ms >= 0 && rules.now_ms >= horizon_ms;
      if (is_expired) continue;
      sifted.has_tombstone = true;
    }
    sifted.kept.push_back(record);
  }
}

// The header of the batch before, with what differs: `batch` has room for it, then the records.
void SealBatch(const BatchHeader& header, std::vector<std::byte>* batch) {
  std::byte* at = batch->data();
  StoreBig<int32_t>(at + 8, static_cast<int32_t>(batch->size() - kBatchPrefixBytes));
  StoreBig<int16_t>(at + 21, header.attributes);
  StoreBig<int64_t>(at + 27, header.base_timestamp);
  StoreBig<int64_t>(at + 35, header.max_timestamp);
  StoreBig<int32_t>(at + 57, header.record_count);
  StoreBig<uint32_t>(at + 17, Crc32c(std::span(*batch).subspan(kBatchCrcBegin)));
}

Result<std::vector<std::byte>> Rewrite(std::span<const std::byte> batch, const BatchHeader& header,
                                       const std::vector<RecordView>& kept) {
  std::vector<std::byte> records;
  for (const RecordView& record : kept) {
    // Of a batch with the time of the append, all records have the batch's greatest timestamp.
    int64_t time_delta = header.log_append_time() ? 0 : record.timestamp_ms - header.base_timestamp;
    PutRecord(record, time_delta, record.offset - header.base_offset, &records);
  }
  if (header.codec() != Codec::kNone) {
    ASSIGN_OR_RETURN(records, Compress(header.codec(), records));
  }
  std::vector<std::byte> result(kBatchHeaderBytes + records.size());
  std::copy_n(batch.begin(), kBatchHeaderBytes, result.begin());
  std::copy(records.begin(), records.end(), result.begin() + kBatchHeaderBytes);
  SealBatch(header, &result);
  return result;
}

}  // namespace

Result<CompactedBatch> CompactBatch(std::span<const std::byte> batch,
                                    const CompactionRules& rules) {
  if (!BatchCrcMatches(batch)) {
    return WrongCrc(batch);
  }
  BatchHeader header = ReadBatchHeader(batch.data());
  CompactedBatch result{.max_timestamp = header.max_timestamp};
  if (header.control() || header.base_offset >= rules.mapped_end) return result;
  if (IsAborted(header, *rules.aborted)) {
    result.kind = CompactedBatch::Kind::kEmpty;
    result.max_timestamp = -1;
    return result;
  }
  ASSIGN_OR_RETURN(RecordReader reader, RecordReader::Open(batch));
  bool has_horizon = (header.attributes & kDeleteHorizonBit) != 0;
  int64_t horizon_ms = has_horizon ? header.base_timestamp : -1;
  ASSIGN_OR_RETURN(Sifted sifted, Sift(&reader, rules, horizon_ms));
  if (sifted.kept.empty()) {
    result.kind = CompactedBatch::Kind::kEmpty;
    result.max_timestamp = -1;
    return result;
  }
  bool sets_horizon = sifted.has_tombstone && !has_horizon;
  if (sets_horizon) horizon_ms = rules.now_ms + rules.delete_retention_ms;
  if (sifted.has_tombstone) result.delete_horizon_ms = horizon_ms;
  bool keeps_all = static_cast<int32_t>(sifted.kept.size()) == header.record_count;
  if (keeps_all && !sets_horizon) return result;

  header.record_count = static_cast<int32_t>(sifted.kept.size());
  if (sets_horizon) {
    header.attributes = static_cast<int16_t>(header.attributes | kDeleteHorizonBit);
    header.base_timestamp = horizon_ms;
  }
  if (!header.log_append_time()) {
    header.max_timestamp = -1;
    for (const RecordView& record : sifted.kept) {
      header.max_timestamp = std::max(header.max_timestamp, record.timestamp_ms);
    }
  }
  result.kind = CompactedBatch::Kind::kChanged;
  result.max_timestamp = header.max_timestamp;
  ASSIGN_OR_RETURN(result.bytes, Rewrite(batch, header, sifted.kept));
  return result;
}

std::vector<std::byte> MakeEmptyBatch(std::span<const std::byte> batch) {
  BatchHeader header = ReadBatchHeader(batch.data());
  header.attributes = static_cast<int16_t>(header.attributes & ~7 & ~kDeleteHorizonBit);
  header.base_timestamp = header.max_timestamp = -1;
  header.record_count = 0;
  std::vector<std::byte> result(batch.begin(), batch.begin() + kBatchHeaderBytes);
  SealBatch(header, &result);
  return result;
}

Result<MappedKeys> MapKeys(std::span<const std::byte> batch, Offset from, Offset end,
                           const std::vector<AbortedTransaction>& aborted, KeyOffsets* newest) {
  BatchHeader header = ReadBatchHeader(batch.data());
  MappedKeys mapped{.end = std::min(end, header.next_offset())};
  bool is_without_keys = header.control() || IsAborted(header, aborted);
  if (header.next_offset() <= from || is_without_keys) return mapped;
  if (!BatchCrcMatches(batch)) {
    return WrongCrc(batch);
  }
  ASSIGN_OR_RETURN(RecordReader reader, RecordReader::Open(batch));
  RecordView record;
  while (true) {
    ASSIGN_OR_RETURN(bool more, reader.Next(&record));
    if (!more || record.offset >= end) return mapped;
    if (record.offset < from || !record.key) continue;
    if (!newest->Put(*record.key, record.offset)) {
      mapped.end = record.offset;
      mapped.is_full = true;
      return mapped;
    }
  }
}

}  // namespace mainstem::storage

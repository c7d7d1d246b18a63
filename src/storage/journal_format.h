// The journal's bytes on disk; the page docs/formats/journal.md explains them. Pure functions; any
// thread. Little-endian. A change of any byte here raises kJournalVersion.
//
// FILE: a header block of 4096 bytes, then frames, each at a multiple of 4096.
//   0 magic u32 "MSJH" | 4 version u16 | 6 zero u16 | 8 journal id u64 | 16 incarnation u64
//   24 CRC-32C of bytes 0..24 u32 | 28 zero u32 | 32 incarnation of the file that was written after
//   this one u64, 0: none yet | 40 bytes of this file u64 | 48 CRC-32C of bytes 0..48 u32 | zeros
// Bytes 32 to 52 are valid iff that last CRC matches; files of older programs have zeros there.
//
// FRAME: one durable write. Header of 64 bytes, entries, zeros up to a multiple of 4096.
//   0 magic u32 "MSJF" | 4 version u16 | 6 zero u16 | 8 journal id u64 | 16 incarnation u64
//   24 sequence u64 | 32 previous sequence u64 | 40 body bytes u32 | 44 entry count u32
//   48 zeros | 60 CRC-32C of bytes 0..60 u32
// `previous sequence` names the frame that was durable before this one was written.
// A frame is valid iff its header is, it names the id and incarnation of its file, and exactly
// `entry count` valid entries fill exactly `body bytes`.
//
// ENTRY: header of 16 bytes, payload, zeros up to a multiple of 8.
//   0 CRC-32C u32 | 4 payload bytes u32 | 8 type u8 | 9 zeros
// The CRC goes over journal id and sequence of the frame (so that an old entry in a recycled file
// is never taken for a new one), bytes 4..16, and the payload. Of an append (type 1) it covers the
// first kAppendCheckedBytes only; the batch's own CRC covers the rest.
// An entry is valid iff its CRC matches and, for an append, the batch is whole and its CRC matches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/ids.h"
#include "storage/log.h"
#include "storage/record_batch.h"

namespace mainstem::storage {

inline constexpr uint16_t kJournalVersion = 1;
inline constexpr size_t kJournalBlockBytes = 4096;
inline constexpr size_t kFrameHeaderBytes = 64;
inline constexpr size_t kSectorBytes = 512;  // what a disk writes whole or not at all, at least
inline constexpr size_t kEntryHeaderBytes = 16;
inline constexpr size_t kEntryAlignment = 8;

// Types below 64 carry changes; a snapshot (storage/snapshot_format.h) holds the same, and those
// from 64 on.
enum class EntryType : uint8_t {
  kAppend = 1,                  // topic id 16 bytes, partition i32, zero u32, one record batch
  kTopic = 2,                   // a topic was made or changed
  kTopicDeleted = 3,            //
  kProducerIds = 4,             // ids below this one may have been handed out
  kGroupOffsets = 5,            // committed or deleted offsets
  kJobEpoch = 6,                // last committed epoch of a job, or that it is forgotten
  kMeta = 7,                    // a small value, or its removal
  kLogStart = 8,                // the log start of a partition moved
  kPin = 9,                     // a retention pin, or its removal
  kTransaction = 10,            // state of a transactional id, or that it is forgotten
  kPendingOffsets = 11,         // of groups, until their transaction ends
  kCompaction = 12,             // compacted segments took the place of others
  kPartition = 64,              // snapshot only: flushed position, segments, producers
  kPartitionTransactions = 65,  // snapshot only: open and aborted transactions
  kPartitionCompaction = 66,    // snapshot only: how far compaction is, which segments it made
};

// Payload of kAppend: where the batch begins, and how much of the payload the entry's CRC covers.
inline constexpr size_t kAppendPrefixBytes = 24;
inline constexpr size_t kAppendCheckedBytes = kAppendPrefixBytes + kBatchCrcBegin;
static_assert(kAppendPrefixBytes % kEntryAlignment == 0);
static_assert(kAppendCheckedBytes == 45);
static_assert(kJournalBlockBytes == AlignedBuffer::kAlignment);
static_assert(kFrameHeaderBytes % kEntryAlignment == 0);

struct JournalFileHeader {
  uint64_t journal_id = 0;
  uint64_t incarnation = 0;
  uint64_t followed_by = 0;  // incarnation of the file that was written after this one; 0: none
  int64_t file_bytes = 0;    // as the file was made; 0: not known
};
struct FrameHeader {
  uint64_t journal_id = 0;
  uint64_t incarnation = 0;
  LogPosition sequence;
  LogPosition previous;
  uint32_t body_bytes = 0;
  uint32_t entry_count = 0;
};

// `block` has kJournalBlockBytes.
void EncodeFileHeader(const JournalFileHeader& header, std::byte* block);
std::optional<JournalFileHeader> DecodeFileHeader(std::span<const std::byte> block);
// Whether this is the header of a file of a later format: not damaged, but not for this program.
bool IsOfLaterFormat(std::span<const std::byte> block);
void EncodeFrameHeader(const FrameHeader& header, std::byte* at);
std::optional<FrameHeader> DecodeFrameHeader(std::span<const std::byte> bytes);
// Whether these bytes were the header of the frame that comes right after `previous` in a file of
// that id and incarnation, and are damaged in one field: all but one of those that can be known are
// as they must be, and the header is not valid. A write that was cut does not leave that, because
// kSectorBytes are written whole or not at all.
bool IsDamagedFrameHeader(std::span<const std::byte> bytes, uint64_t journal_id,
                          uint64_t incarnation, LogPosition previous);

constexpr size_t EntrySpace(size_t payload_bytes) {
  return (kEntryHeaderBytes + payload_bytes + kEntryAlignment - 1) & ~(kEntryAlignment - 1);
}
constexpr size_t FrameSpace(size_t body_bytes) {
  return (kFrameHeaderBytes + body_bytes + kJournalBlockBytes - 1) & ~(kJournalBlockBytes - 1);
}

// Checksum of what names a frame, which the CRC of each of its entries begins with.
uint32_t FrameSeed(uint64_t journal_id, LogPosition sequence);
// Writes header and padding around a payload that is already at `entry` + kEntryHeaderBytes.
void SealEntry(std::byte* entry, EntryType type, size_t payload_bytes, uint32_t frame_seed);

struct EntryView {
  EntryType type = EntryType::kAppend;
  std::span<const std::byte> payload{};
  size_t space = 0;  // with header and padding
};
std::optional<EntryView> DecodeEntry(std::span<const std::byte> bytes, uint32_t frame_seed);

struct AppendView {
  TopicPartition partition;
  std::span<const std::byte> batch;
};
void EncodeAppendPrefix(const TopicPartition& partition, std::byte* payload);
AppendView DecodeAppend(std::span<const std::byte> payload);  // of a valid entry

}  // namespace mainstem::storage

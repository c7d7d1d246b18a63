#include "storage/journal_format.h"

#include <algorithm>
#include <cstring>

#include "storage/bytes.h"
#include "storage/crc32c.h"

namespace mainstem::storage {
namespace {

constexpr uint32_t kFileMagic = 0x484a534d;   // "MSJH"
constexpr uint32_t kFrameMagic = 0x464a534d;  // "MSJF"
constexpr size_t kFileCrcAt = 24;
constexpr size_t kFollowedByAt = 32;
constexpr size_t kFileBytesAt = 40;
constexpr size_t kSecondCrcAt = 48;
constexpr size_t kFrameCrcAt = 60;

}  // namespace

void EncodeFileHeader(const JournalFileHeader& header, std::byte* block) {
  std::memset(block, 0, kJournalBlockBytes);
  StoreLittle<uint32_t>(block, kFileMagic);
  StoreLittle<uint16_t>(block + 4, kJournalVersion);
  StoreLittle(block + 8, header.journal_id);
  StoreLittle(block + 16, header.incarnation);
  StoreLittle(block + kFileCrcAt, Crc32c({block, kFileCrcAt}));
  StoreLittle(block + kFollowedByAt, header.followed_by);
  StoreLittle(block + kFileBytesAt, header.file_bytes);
  StoreLittle(block + kSecondCrcAt, Crc32c({block, kSecondCrcAt}));
}

std::optional<JournalFileHeader> DecodeFileHeader(std::span<const std::byte> block) {
  if (block.size() < kFileCrcAt + 4 || LoadLittle<uint32_t>(block.data()) != kFileMagic ||
      LoadLittle<uint16_t>(block.data() + 4) != kJournalVersion ||
      LoadLittle<uint32_t>(block.data() + kFileCrcAt) != Crc32c(block.first(kFileCrcAt))) {
    return std::nullopt;
  }
  JournalFileHeader header{.journal_id = LoadLittle<uint64_t>(block.data() + 8),
                           .incarnation = LoadLittle<uint64_t>(block.data() + 16)};
  bool has_second =
      block.size() >= kSecondCrcAt + 4 &&
      LoadLittle<uint32_t>(block.data() + kSecondCrcAt) == Crc32c(block.first(kSecondCrcAt));
  if (has_second) {
    header.followed_by = LoadLittle<uint64_t>(block.data() + kFollowedByAt);
    header.file_bytes = LoadLittle<int64_t>(block.data() + kFileBytesAt);
  }
  return header;
}

bool IsOfLaterFormat(std::span<const std::byte> block) {
  return block.size() >= kFileCrcAt + 4 && LoadLittle<uint32_t>(block.data()) == kFileMagic &&
         LoadLittle<uint16_t>(block.data() + 4) > kJournalVersion &&
         LoadLittle<uint32_t>(block.data() + kFileCrcAt) == Crc32c(block.first(kFileCrcAt));
}

void EncodeFrameHeader(const FrameHeader& header, std::byte* at) {
  std::memset(at, 0, kFrameHeaderBytes);
  StoreLittle<uint32_t>(at, kFrameMagic);
  StoreLittle<uint16_t>(at + 4, kJournalVersion);
  StoreLittle(at + 8, header.journal_id);
  StoreLittle(at + 16, header.incarnation);
  StoreLittle(at + 24, header.sequence.value());
  StoreLittle(at + 32, header.previous.value());
  StoreLittle(at + 40, header.body_bytes);
  StoreLittle(at + 44, header.entry_count);
  StoreLittle(at + kFrameCrcAt, Crc32c({at, kFrameCrcAt}));
}

std::optional<FrameHeader> DecodeFrameHeader(std::span<const std::byte> bytes) {
  if (bytes.size() < kFrameHeaderBytes || LoadLittle<uint32_t>(bytes.data()) != kFrameMagic ||
      LoadLittle<uint16_t>(bytes.data() + 4) != kJournalVersion ||
      LoadLittle<uint32_t>(bytes.data() + kFrameCrcAt) != Crc32c(bytes.first(kFrameCrcAt))) {
    return std::nullopt;
  }
  const std::byte* at = bytes.data();
  return FrameHeader{.journal_id = LoadLittle<uint64_t>(at + 8),
                     .incarnation = LoadLittle<uint64_t>(at + 16),
                     .sequence = LogPosition(LoadLittle<int64_t>(at + 24)),
                     .previous = LogPosition(LoadLittle<int64_t>(at + 32)),
                     .body_bytes = LoadLittle<uint32_t>(at + 40),
                     .entry_count = LoadLittle<uint32_t>(at + 44)};
}

bool IsDamagedFrameHeader(std::span<const std::byte> bytes, uint64_t journal_id,
                          uint64_t incarnation, LogPosition previous) {
  if (bytes.size() < kFrameHeaderBytes || DecodeFrameHeader(bytes)) return false;
  const std::byte* at = bytes.data();
  int64_t ahead = LoadLittle<int64_t>(at + 24) - previous.value();
  int wrong = 0;
  wrong += LoadLittle<uint32_t>(at) != kFrameMagic;
  wrong += LoadLittle<uint16_t>(at + 4) != kJournalVersion;
  wrong += LoadLittle<uint64_t>(at + 8) != journal_id;
  wrong += LoadLittle<uint64_t>(at + 16) != incarnation;
  wrong += ahead != 1 && ahead != 2;  // 2: the first one after a start
  wrong += LoadLittle<int64_t>(at + 32) != previous.value();
  return wrong <= 1;
}

uint32_t FrameSeed(uint64_t journal_id, LogPosition sequence) {
  std::array<std::byte, 16> name;
  StoreLittle(name.data(), journal_id);
  StoreLittle(name.data() + 8, sequence.value());
  return Crc32c(name);
}

namespace {

uint32_t EntryCrc(const std::byte* entry, EntryType type, size_t payload_bytes, uint32_t seed) {
  size_t checked = type == EntryType::kAppend ? kAppendCheckedBytes : payload_bytes;
  return Crc32c({entry + 4, kEntryHeaderBytes - 4 + checked}, seed);
}

}  // namespace

void SealEntry(std::byte* entry, EntryType type, size_t payload_bytes, uint32_t frame_seed) {
  StoreLittle(entry + 4, static_cast<uint32_t>(payload_bytes));
  StoreLittle<uint64_t>(entry + 8, static_cast<uint64_t>(type));
  size_t used = kEntryHeaderBytes + payload_bytes;
  std::memset(entry + used, 0, EntrySpace(payload_bytes) - used);
  StoreLittle(entry, EntryCrc(entry, type, payload_bytes, frame_seed));
}

std::optional<EntryView> DecodeEntry(std::span<const std::byte> bytes, uint32_t frame_seed) {
  if (bytes.size() < kEntryHeaderBytes) return std::nullopt;
  size_t payload_bytes = LoadLittle<uint32_t>(bytes.data() + 4);
  EntryView view{.type = static_cast<EntryType>(bytes[8]), .space = EntrySpace(payload_bytes)};
  if (view.space > bytes.size()) return std::nullopt;
  view.payload = bytes.subspan(kEntryHeaderBytes, payload_bytes);
  bool append = view.type == EntryType::kAppend;
  if (append && payload_bytes < kAppendPrefixBytes + kBatchHeaderBytes) return std::nullopt;
  uint32_t crc = EntryCrc(bytes.data(), view.type, payload_bytes, frame_seed);
  if (crc != LoadLittle<uint32_t>(bytes.data())) return std::nullopt;
  if (append) {
    std::span<const std::byte> batch = view.payload.subspan(kAppendPrefixBytes);
    if (ReadBatchHeader(batch.data()).total_bytes() != batch.size()) return std::nullopt;
    if (!BatchCrcMatches(batch)) return std::nullopt;
  }
  return view;
}

void EncodeAppendPrefix(const TopicPartition& partition, std::byte* payload) {
  std::memcpy(payload, partition.topic_id.data(), 16);
  StoreLittle(payload + 16, partition.partition.value());
  StoreLittle<uint32_t>(payload + 20, 0);
}

AppendView DecodeAppend(std::span<const std::byte> payload) {
  AppendView view;
  std::memcpy(view.partition.topic_id.data(), payload.data(), 16);
  view.partition.partition = PartitionId(LoadLittle<int32_t>(payload.data() + 16));
  view.batch = payload.subspan(kAppendPrefixBytes);
  return view;
}

}  // namespace mainstem::storage

// Kafka's files of one partition, which its own tools read; docs/formats/segments.md explains them.
// All integers are big-endian. Version: that of Kafka's message format 2.
//
// <base offset, 20 digits>.log        record batches, one after the other, offsets ascending
// <base offset, 20 digits>.index      entries of 8 bytes:
//    0 last offset of a batch minus base offset i32 | 4 position of that batch in the .log i32
// <base offset, 20 digits>.timeindex  entries of 12 bytes:
//    0 greatest timestamp so far i64 | 8 last offset of the batch that has it minus base offset i32
// partition.metadata                  text: "version: 0\ntopic_id: <id in base64url>\n"
//
// An .index is valid iff offsets and positions ascend and lie within the .log; a .timeindex iff
// timestamps ascend and offsets do not descend. What is missing at their end is read from the
// .log. The active .log may end with zeros up to a multiple of 4096; its true length is in the
// snapshot (storage/snapshot.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/ids.h"
#include "storage/log.h"

namespace mainstem::storage {

inline constexpr size_t kIndexEntryBytes = 8;
inline constexpr size_t kTimeIndexEntryBytes = 12;

struct IndexEntry {
  int32_t relative_offset = 0;
  int32_t position = 0;
};
struct TimeIndexEntry {
  int64_t timestamp_ms = 0;
  int32_t relative_offset = 0;
};
static_assert(sizeof(IndexEntry) == kIndexEntryBytes);

std::string SegmentFileName(Offset base_offset, std::string_view extension);  // ".log"
std::optional<Offset> ParseSegmentFileName(std::string_view name, std::string_view extension);
std::string PartitionMetadata(const TopicId& id);
// Nothing when the text is no such file.
std::optional<TopicId> ParsePartitionMetadata(std::string_view text);

std::vector<std::byte> EncodeIndex(std::span<const IndexEntry> entries);
std::vector<std::byte> EncodeTimeIndex(std::span<const TimeIndexEntry> entries);
// The valid entries at the beginning.
std::vector<IndexEntry> DecodeIndex(std::span<const std::byte> bytes, int64_t segment_bytes);
std::vector<TimeIndexEntry> DecodeTimeIndex(std::span<const std::byte> bytes);

}  // namespace mainstem::storage

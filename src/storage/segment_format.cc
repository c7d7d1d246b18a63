#include "storage/segment_format.h"

#include <charconv>
#include <cstring>

#include <absl/strings/escaping.h>
#include <fmt/format.h>

#include "storage/bytes.h"

namespace mainstem::storage {

std::string SegmentFileName(Offset base_offset, std::string_view extension) {
  return fmt::format("{:020}{}", base_offset.value(), extension);
}

std::optional<Offset> ParseSegmentFileName(std::string_view name, std::string_view extension) {
  if (name.size() != 20 + extension.size() || !name.ends_with(extension)) return std::nullopt;
  int64_t value = 0;
  auto [stop, error] = std::from_chars(name.data(), name.data() + 20, value);
  if (error != std::errc() || stop != name.data() + 20) return std::nullopt;
  return Offset(value);
}

std::string PartitionMetadata(const TopicId& id) {
  absl::string_view bytes(reinterpret_cast<const char*>(id.data()), id.size());
  std::string text = absl::WebSafeBase64Escape(bytes);
  return fmt::format("version: 0\ntopic_id: {}\n", text);
}

std::optional<TopicId> ParsePartitionMetadata(std::string_view text) {
  constexpr std::string_view kBefore = "version: 0\ntopic_id: ";
  if (!text.starts_with(kBefore)) return std::nullopt;
  text.remove_prefix(kBefore.size());
  text = text.substr(0, text.find('\n'));
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(absl::string_view(text.data(), text.size()), &bytes)) {
    return std::nullopt;
  }
  TopicId id{};
  if (bytes.size() != id.size()) return std::nullopt;
  std::memcpy(id.data(), bytes.data(), id.size());
  return id;
}

std::vector<std::byte> EncodeIndex(std::span<const IndexEntry> entries) {
  std::vector<std::byte> bytes(entries.size() * kIndexEntryBytes);
  std::byte* at = bytes.data();
  for (const IndexEntry& entry : entries) {
    StoreBig(at, entry.relative_offset);
    StoreBig(at + 4, entry.position);
    at += kIndexEntryBytes;
  }
  return bytes;
}

std::vector<std::byte> EncodeTimeIndex(std::span<const TimeIndexEntry> entries) {
  std::vector<std::byte> bytes(entries.size() * kTimeIndexEntryBytes);
  std::byte* at = bytes.data();
  for (const TimeIndexEntry& entry : entries) {
    StoreBig(at, entry.timestamp_ms);
    StoreBig(at + 8, entry.relative_offset);
    at += kTimeIndexEntryBytes;
  }
  return bytes;
}

std::vector<IndexEntry> DecodeIndex(std::span<const std::byte> bytes, int64_t segment_bytes) {
  std::vector<IndexEntry> entries;
  entries.reserve(bytes.size() / kIndexEntryBytes);
  IndexEntry last{.relative_offset = -1, .position = -1};
  for (; bytes.size() >= kIndexEntryBytes; bytes = bytes.subspan(kIndexEntryBytes)) {
    IndexEntry entry{.relative_offset = LoadBig<int32_t>(bytes.data()),
                     .position = LoadBig<int32_t>(bytes.data() + 4)};
    bool ascends = entry.relative_offset > last.relative_offset && entry.position > last.position;
    if (!ascends || entry.position >= segment_bytes) break;
    entries.push_back(last = entry);
  }
  return entries;
}

std::vector<TimeIndexEntry> DecodeTimeIndex(std::span<const std::byte> bytes) {
  std::vector<TimeIndexEntry> entries;
  entries.reserve(bytes.size() / kTimeIndexEntryBytes);
  for (; bytes.size() >= kTimeIndexEntryBytes; bytes = bytes.subspan(kTimeIndexEntryBytes)) {
    TimeIndexEntry entry{.timestamp_ms = LoadBig<int64_t>(bytes.data()),
                         .relative_offset = LoadBig<int32_t>(bytes.data() + 8)};
    bool ascends = entries.empty() || (entry.timestamp_ms > entries.back().timestamp_ms &&
                                       entry.relative_offset >= entries.back().relative_offset);
    if (!ascends) break;
    entries.push_back(entry);
  }
  return entries;
}

}  // namespace mainstem::storage

#include "gateway/logs/log_event.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "core/fnv1a.h"

namespace mainstem::gateway::logs {
namespace {

constexpr size_t kTimeDigits = 13;
constexpr size_t kSourceDigits = 24;
constexpr size_t kIndexDigits = 19;

std::string SourceDigits(const EventSource& source) {
  uint64_t number = Fnv1a(source.stream, Fnv1a("/", Fnv1a(source.group_id)));
  return fmt::format("{:024}", number);
}

std::optional<int64_t> ReadDigits(std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool whole = error == std::errc() && end == text.data() + text.size() && value >= 0;
  return whole && text[0] != '-' ? std::optional(value) : std::nullopt;
}

}  // namespace

EventPosition PositionOf(const storage::RecordView& record) {
  return {.timestamp_ms = std::clamp<int64_t>(record.timestamp_ms, 0, kEventTimeMax),
          .index = record.offset.value() + 1};
}

int64_t IngestionTimeOf(const storage::RecordView& record) {
  int64_t own = PositionOf(record).timestamp_ms;
  auto headers = storage::ReadHeaders(record);
  if (!headers.ok()) return own;  // a client's compressed batch may have broken ones
  for (const storage::RecordHeader& header : *headers) {
    if (header.key != kIngestionHeader || !header.value) continue;
    if (auto time = ReadDigits(*header.value)) return *time;
  }
  return own;
}

int64_t JsonBytesBound(std::string_view text) {
  int64_t bytes = 0;
  for (char c : text) {
    auto code = static_cast<unsigned char>(c);
    if (code < 0x20 || code == 0x7F) {
      bytes += 6;  // \u0001
    } else if (code >= 0x80) {
      bytes += 3;  // of no UTF-8: U+FFFD
    } else {
      bytes += c == '"' || c == '\\' ? 2 : 1;
    }
  }
  return bytes;
}

std::string FormatEventId(const EventSource& source, const EventPosition& position) {
  int64_t time = std::clamp<int64_t>(position.timestamp_ms, 0, kEventTimeMax);
  return fmt::format("{:013}{}{:019}", time, SourceDigits(source), position.index);
}

std::optional<EventPosition> ParseEventId(const EventSource& source, std::string_view id) {
  if (id.size() != kTimeDigits + kSourceDigits + kIndexDigits) return std::nullopt;
  if (id.substr(kTimeDigits, kSourceDigits) != SourceDigits(source)) return std::nullopt;
  auto time = ReadDigits(id.substr(0, kTimeDigits));
  auto index = ReadDigits(id.substr(kTimeDigits + kSourceDigits));
  if (!time || !index) return std::nullopt;
  return EventPosition{.timestamp_ms = *time, .index = *index};
}

}  // namespace mainstem::gateway::logs

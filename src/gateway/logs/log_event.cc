#include "gateway/logs/log_event.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "core/fnv1a.h"

namespace mainstem::gateway::logs {
namespace {

constexpr int64_t kTimeMax = 9'999'999'999'999;
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

Result<int64_t> IngestionTimeOf(const storage::RecordView& record) {
  ASSIGN_OR_RETURN(auto headers, storage::ReadHeaders(record));
  for (const storage::RecordHeader& header : headers) {
    if (header.key != kIngestionHeader || !header.value) continue;
    if (auto time = ReadDigits(*header.value)) return *time;
  }
  return std::max<int64_t>(record.timestamp_ms, 0);
}

std::string FormatEventId(const EventSource& source, const EventPosition& position) {
  int64_t time = std::clamp<int64_t>(position.timestamp_ms, 0, kTimeMax);
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

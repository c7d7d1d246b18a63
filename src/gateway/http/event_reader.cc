#include "gateway/http/event_reader.h"

#include <algorithm>
#include <charconv>

#include <absl/time/time.h>
#include <fmt/format.h>

namespace mainstem::gateway::http {
namespace {

using storage::TopicPartition;

template <typename T>
bool ParseWhole(std::string_view text, T* value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size() && *value >= 0;
}

Status BadFrom(std::string_view text) {
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = fmt::format("cannot read from '{}'", text),
                    .hint = "use earliest, latest, an offset, a time like 2026-01-31T12:00:00Z or "
                            "@1769860800000, or positions like 0:17,1:4"});
}

Task<Offset> ResolveOne(storage::Log* log, TopicPartition partition, ReadFrom from,
                        int64_t back_count) {
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await log->Offsets(partition));
  Offset start = offsets.log_start;
  Offset end = offsets.high_watermark;
  switch (from.kind) {
    case ReadFrom::Kind::kEarliest: co_return start;
    case ReadFrom::Kind::kLatest:
      co_return std::max(start, end - std::min(back_count, end.value()));
    // One that is not there yet is waited for, other than a position of a reader who has been
    // there.
    case ReadFrom::Kind::kOffset: co_return std::min(from.offset, end);
    case ReadFrom::Kind::kTime: {
      CO_ASSIGN_OR_RETURN(storage::OffsetForTime found,
                          co_await log->FindByTime(partition, from.time_ms));
      co_return found.offset.value() < 0 ? end : found.offset;
    }
    case ReadFrom::Kind::kPositions: {
      auto position = from.positions.find(partition.partition);
      // A partition that came later than the positions is read from its start.
      co_return position == from.positions.end() ? start : position->second;
    }
  }
  co_return start;
}

}  // namespace

std::string FormatPositions(const Positions& positions) {
  std::string out;
  for (const auto& [partition, offset] : positions) {
    if (!out.empty()) out.push_back(',');
    fmt::format_to(std::back_inserter(out), "{}:{}", partition.value(), offset.value());
  }
  return out;
}

Result<Positions> ParsePositions(std::string_view text) {
  Positions positions;
  std::string_view rest = text;
  while (true) {
    size_t comma = rest.find(',');
    std::string_view piece = rest.substr(0, comma);
    size_t colon = std::min(piece.find(':'), piece.size());
    int32_t partition = 0;
    int64_t offset = 0;
    if (colon == piece.size() || !ParseWhole(piece.substr(0, colon), &partition) ||
        !ParseWhole(piece.substr(colon + 1), &offset)) {
      return BadFrom(text);
    }
    positions[PartitionId(partition)] = Offset(offset);
    if (comma == std::string_view::npos) return positions;
    rest.remove_prefix(comma + 1);
  }
}

Result<ReadFrom> ParseReadFrom(std::string_view text) {
  ReadFrom from;
  if (text == "earliest") return from;
  if (text == "latest") {
    from.kind = ReadFrom::Kind::kLatest;
    return from;
  }
  int64_t number = 0;
  if (ParseWhole(text, &number)) {
    from.kind = ReadFrom::Kind::kOffset;
    from.offset = Offset(number);
    return from;
  }
  from.kind = ReadFrom::Kind::kTime;
  if (text.starts_with('@') && ParseWhole(text.substr(1), &from.time_ms)) return from;
  absl::Time time;
  std::string ignored;
  if (absl::ParseTime(absl::RFC3339_full, absl::string_view(text.data(), text.size()), &time,
                      &ignored)) {
    from.time_ms = absl::ToUnixMillis(time);
    return from;
  }
  if (text.find(':') == std::string_view::npos) return BadFrom(text);
  from.kind = ReadFrom::Kind::kPositions;
  ASSIGN_OR_RETURN(from.positions, ParsePositions(text));
  return from;
}

Task<Positions> ResolvePositions(storage::Log* log, storage::TopicInfo topic,
                                 ResolveOptions options) {
  if (options.from.kind == ReadFrom::Kind::kOffset && options.partitions.size() > 1) {
    co_return MakeError(ErrorCode::kInvalidArgument,
                        {.message = "an offset belongs to one partition",
                         .hint = "add partition=, or give positions like 0:17,1:4"});
  }
  Positions positions;
  for (PartitionId partition : options.partitions) {
    TopicPartition id{.topic_id = topic.id, .partition = partition};
    CO_ASSIGN_OR_RETURN(Offset offset,
                        co_await ResolveOne(log, id, options.from, options.back_count));
    positions[partition] = offset;
  }
  co_return positions;
}

void WriteGap(const Gap& gap, JsonWriter* json) {
  json->BeginObject().Field("partition", gap.partition.value());
  json->Field("from", gap.from.value()).Field("to", gap.to.value()).EndObject();
}

Task<VisitResult> VisitRecords(storage::Log* log, storage::TopicPartition partition, Offset from,
                               size_t byte_limit, RecordVisitor visit) {
  storage::ReadOptions read_options{.max_bytes = byte_limit, .read_committed = true};
  Result<storage::ReadResult> read = co_await log->Read(partition, from, read_options);
  if (Is(read.status(), ErrorCode::kOffsetOutOfRange)) {
    // Retention went past the reader, or the topic was made anew: go on where records begin.
    CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await log->Offsets(partition));
    from = offsets.log_start;
    read = co_await log->Read(partition, from, read_options);
  }
  CO_RETURN_IF_ERROR(read);
  VisitResult result{.begin = from, .next = from, .high_watermark = read->high_watermark};
  for (const storage::SharedBytes& batch : read->batches) {
    CO_ASSIGN_OR_RETURN(auto reader, storage::RecordReader::Open(batch.bytes));
    Offset end = reader.header().next_offset();
    storage::RecordView record;
    while (!reader.header().control()) {
      CO_ASSIGN_OR_RETURN(bool more, reader.Next(&record));
      if (!more) break;
      if (record.offset < from) continue;
      CO_ASSIGN_OR_RETURN(bool wanted, visit(record));
      result.next = record.offset + 1;
      if (!wanted) {
        result.stopped = true;
        co_return result;
      }
    }
    result.next = std::max(result.next, end);
  }
  co_return result;
}

}  // namespace mainstem::gateway::http

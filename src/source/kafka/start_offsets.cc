#include "source/kafka/start_offsets.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>

namespace mainstem::source {
namespace {

using Mode = ScanBoundary::Mode;

// 'partition:0,offset:42;partition:1,offset:300'
void ReadSpecificOffsets(connector::TableOptions* options, const std::string& name,
                         ScanBoundary* boundary) {
  if (!options->Has(name)) options->Fail(name, "is needed for the mode 'specific-offsets'");
  for (const std::string& item : options->List(name)) {
    std::vector<std::string> parts = absl::StrSplit(item, absl::ByAnyChar(",:"));
    int32_t partition;
    int64_t offset;
    if (parts.size() != 4 || parts[0] != "partition" || parts[2] != "offset" ||
        !absl::SimpleAtoi(parts[1], &partition) || !absl::SimpleAtoi(parts[3], &offset)) {
      options->Fail(name, "must look like 'partition:0,offset:42;partition:1,offset:300'");
      return;
    }
    boundary->offsets[partition] = Offset(offset);
  }
}

void ReadDetails(connector::TableOptions* options, const std::string& prefix,
                 ScanBoundary* boundary) {
  std::string timestamp = prefix + ".timestamp-millis";
  if (boundary->mode == Mode::kTimestamp) {
    if (!options->Has(timestamp)) options->Fail(timestamp, "is needed for the mode 'timestamp'");
    boundary->timestamp_ms = options->Integer(timestamp, 0);
  }
  if (boundary->mode == Mode::kSpecific) {
    ReadSpecificOffsets(options, prefix + ".specific-offsets", boundary);
  }
}

std::string Shown(const PartitionRef& partition) {
  return partition.topic + "/" + std::to_string(partition.partition.partition.value());
}

std::optional<Offset> Committed(const GroupOffsets& groups, const PartitionRef& partition) {
  auto found = groups.find({partition.topic, partition.partition.partition.value()});
  if (found == groups.end()) return std::nullopt;
  return found->second;
}

Task<Offset> OffsetAtTime(storage::Log* log, storage::TopicPartition partition,
                          int64_t timestamp_ms, Offset high_watermark) {
  CO_ASSIGN_OR_RETURN(storage::OffsetForTime found,
                      co_await log->FindByTime(partition, timestamp_ms));
  co_return found.offset.value() < 0 ? high_watermark : found.offset;
}

}  // namespace

ScanBoundary ReadStartBoundary(connector::TableOptions* options) {
  static constexpr Mode kModes[] = {Mode::kGroup, Mode::kEarliest, Mode::kLatest, Mode::kTimestamp,
                                    Mode::kSpecific};
  ScanBoundary boundary;
  boundary.mode = kModes[options->Choice(
      "scan.startup.mode",
      {"group-offsets", "earliest-offset", "latest-offset", "timestamp", "specific-offsets"}, 0)];
  ReadDetails(options, "scan.startup", &boundary);
  return boundary;
}

ScanBoundary ReadEndBoundary(connector::TableOptions* options) {
  static constexpr Mode kModes[] = {Mode::kNone, Mode::kLatest, Mode::kGroup, Mode::kTimestamp,
                                    Mode::kSpecific};
  ScanBoundary boundary;
  boundary.mode = kModes[options->Choice(
      "scan.bounded.mode",
      {"unbounded", "latest-offset", "group-offsets", "timestamp", "specific-offsets"}, 0)];
  ReadDetails(options, "scan.bounded", &boundary);
  return boundary;
}

Task<GroupOffsets> LoadGroupOffsets(storage::Log* log, std::string group) {
  GroupOffsets offsets;
  if (group.empty()) co_return offsets;
  CO_ASSIGN_OR_RETURN(auto all, co_await log->LoadOffsets());
  for (const auto& [key, committed] : all) {
    if (key.group == group) offsets[{key.topic, key.partition.value()}] = committed.offset;
  }
  co_return offsets;
}

Task<Offset> ResolveStart(BoundaryContext context, ScanBoundary boundary, PartitionRef partition,
                          const GroupOffsets* groups) {
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets known,
                      co_await context.log->Offsets(partition.partition));
  switch (boundary.mode) {
    case Mode::kEarliest: co_return known.log_start;
    case Mode::kLatest: co_return known.high_watermark;
    case Mode::kTimestamp:
      co_return co_await OffsetAtTime(context.log, partition.partition, boundary.timestamp_ms,
                                      known.high_watermark);
    case Mode::kSpecific: {
      auto found = boundary.offsets.find(partition.partition.partition.value());
      if (found == boundary.offsets.end()) break;
      co_return std::clamp(found->second, known.log_start, known.high_watermark);
    }
    default: break;
  }
  std::optional<Offset> committed = Committed(*groups, partition);
  if (committed) co_return std::max(*committed, known.log_start);
  if (context.reset == "earliest") co_return known.log_start;
  if (context.reset == "latest") co_return known.high_watermark;
  co_return MakeError(
      ErrorCode::kInvalidArgument,
      {.message = "table '" + context.table + "': " +
                  (context.group.empty() ? "there is no 'properties.group.id'"
                                         : "group '" + context.group + "' has no offset for '" +
                                               Shown(partition) + "'") +
                  " to start from",
       .hint = "set 'scan.startup.mode' = 'earliest-offset' or 'latest-offset', or "
               "'properties.auto.offset.reset'"});
}

Task<std::optional<Offset>> ResolveEnd(BoundaryContext context, ScanBoundary boundary,
                                       PartitionRef partition, const GroupOffsets* groups) {
  if (boundary.mode == Mode::kNone) co_return std::nullopt;
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets known,
                      co_await context.log->Offsets(partition.partition));
  if (boundary.mode == Mode::kLatest) co_return known.high_watermark;
  if (boundary.mode == Mode::kTimestamp) {
    CO_ASSIGN_OR_RETURN(
        Offset end, co_await OffsetAtTime(context.log, partition.partition, boundary.timestamp_ms,
                                          known.high_watermark));
    co_return end;
  }
  std::optional<Offset> end;
  if (boundary.mode == Mode::kSpecific) {
    auto found = boundary.offsets.find(partition.partition.partition.value());
    if (found != boundary.offsets.end()) end = found->second;
  } else {
    end = Committed(*groups, partition);
  }
  if (end) co_return end;
  co_return MakeError(ErrorCode::kInvalidArgument,
                      {.message = "table '" + context.table +
                                  "': 'scan.bounded.mode' gives no end "
                                  "for '" +
                                  Shown(partition) + "'",
                       .hint = "name the partition in 'scan.bounded.specific-offsets', or commit "
                               "offsets for the group"});
}

}  // namespace mainstem::source

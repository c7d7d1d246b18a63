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

std::optional<Offset> Committed(const GroupOffsets& groups, const PartitionName& partition) {
  auto found = groups.find(partition);
  if (found == groups.end()) return std::nullopt;
  return found->second;
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

Task<Offset> ResolveStart(BoundaryContext context, ScanBoundary boundary, PartitionName partition,
                          const GroupOffsets* groups) {
  CO_ASSIGN_OR_RETURN(PartitionBounds known, co_await context.topics->Bounds(partition));
  switch (boundary.mode) {
    case Mode::kEarliest: co_return known.begin;
    case Mode::kLatest: co_return known.end;
    case Mode::kTimestamp: {
      CO_ASSIGN_OR_RETURN(std::optional<Offset> found,
                          co_await context.topics->OffsetAtTime(partition, boundary.timestamp_ms));
      co_return found.value_or(known.end);
    }
    case Mode::kSpecific: {
      auto found = boundary.offsets.find(partition.partition);
      if (found == boundary.offsets.end()) break;
      co_return std::clamp(found->second, known.begin, known.end);
    }
    default: break;
  }
  std::optional<Offset> committed = Committed(*groups, partition);
  if (committed) co_return std::max(*committed, known.begin);
  if (context.reset == "earliest") co_return known.begin;
  if (context.reset == "latest") co_return known.end;
  co_return MakeError(
      ErrorCode::kInvalidArgument,
      {.message = "table '" + context.table + "': " +
                  (context.group.empty() ? "there is no 'properties.group.id'"
                                         : "group '" + context.group + "' has no offset for '" +
                                               partition.ToString() + "'") +
                  " to start from",
       .hint = "set 'scan.startup.mode' = 'earliest-offset' or 'latest-offset', or "
               "'properties.auto.offset.reset'"});
}

Task<std::optional<Offset>> ResolveEnd(BoundaryContext context, ScanBoundary boundary,
                                       PartitionName partition, const GroupOffsets* groups) {
  if (boundary.mode == Mode::kNone) co_return std::nullopt;
  CO_ASSIGN_OR_RETURN(PartitionBounds known, co_await context.topics->Bounds(partition));
  if (boundary.mode == Mode::kLatest) co_return known.end;
  if (boundary.mode == Mode::kTimestamp) {
    CO_ASSIGN_OR_RETURN(std::optional<Offset> found,
                        co_await context.topics->OffsetAtTime(partition, boundary.timestamp_ms));
    co_return found.value_or(known.end);
  }
  std::optional<Offset> end;
  if (boundary.mode == Mode::kSpecific) {
    auto found = boundary.offsets.find(partition.partition);
    if (found != boundary.offsets.end()) end = found->second;
  } else {
    end = Committed(*groups, partition);
  }
  if (end) co_return end;
  co_return MakeError(ErrorCode::kInvalidArgument,
                      {.message = "table '" + context.table +
                                  "': 'scan.bounded.mode' gives no end "
                                  "for '" +
                                  partition.ToString() + "'",
                       .hint = "name the partition in 'scan.bounded.specific-offsets', or commit "
                               "offsets for the group"});
}

}  // namespace mainstem::source

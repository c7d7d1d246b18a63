// A page of records across partitions, in order of time: what people and pages look at. Bounded by
// count, by bytes and by how much is looked at.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gateway/http/event_reader.h"

namespace mainstem::gateway::http {

struct PageOptions {
  int64_t limit = 1;
  size_t bytes_max = 0;  // of the records as JSON; a single one may be larger
  // Of what is found the newest is kept, and what is older passed over; else the oldest, and what
  // is newer is left for the next page.
  bool newest = false;
};

struct Page {
  std::vector<std::string> records;  // as JSON
  Positions next;                    // behind the page
  std::vector<Gap> gaps;
  int64_t scanned = 0;
  bool complete = true;  // false: cut by bytes, or by how much was looked at
};

// The record as JSON, or nothing when it is not wanted.
using RecordShow = std::function<Result<std::optional<std::string>>(
    PartitionId partition, const storage::RecordView& record)>;

// Reads on from `from`. The order of a partition's records is kept: one counts as no older than the
// one before it. `log` and what `show` refers to outlive the call.
Task<Page> ReadPage(storage::Log* log, storage::TopicId topic, Positions from, PageOptions options,
                    RecordShow show);

// Adds the member "gaps" to an answer, when there are any.
void WriteGaps(const std::vector<Gap>& gaps, JsonWriter* json);

}  // namespace mainstem::gateway::http

// Reads records of a topic for people and pages: where to begin, a bounded page across partitions,
// and the position text that a client hands back to go on ("0:17,1:4").
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json_writer.h"
#include "storage/log.h"
#include "storage/record_batch.h"

namespace mainstem::gateway::http {

// Partition to the offset of the next record to read.
using Positions = std::map<PartitionId, Offset>;
std::string FormatPositions(const Positions& positions);
Result<Positions> ParsePositions(std::string_view text);

// Where reading begins: "earliest", "latest", an offset (of one partition), a time
// ("2026-01-31T12:00:00Z", or "@" and milliseconds since 1970), or positions ("0:17,1:4").
struct ReadFrom {
  enum class Kind { kEarliest, kLatest, kOffset, kTime, kPositions };
  Kind kind = Kind::kEarliest;
  Offset offset;
  int64_t time_ms = 0;
  Positions positions;
};
Result<ReadFrom> ParseReadFrom(std::string_view text);

// The positions of `from` in the partitions given. kLatest: the end minus `back_count` records, not
// before the log's start. Offsets and positions stay as given, wherever records are.
struct ResolveOptions {
  ReadFrom from;
  std::vector<PartitionId> partitions;
  int64_t back_count = 0;
};
Task<Positions> ResolvePositions(storage::Log* log, storage::TopicInfo topic,
                                 ResolveOptions options);

// What a reader that asked for `from` does not get: it goes on at `to`. Retention went past it, or,
// with `to` below `from`, the position lay beyond the end, as in a topic that was made anew.
struct Gap {
  PartitionId partition;
  Offset from;
  Offset to;
};
// {"partition","from","to"}
void WriteGap(const Gap& gap, JsonWriter* json);

// One partition's records from `from` on, at most `byte_limit` of batches (the first one whole).
// `visit` sees each record once, in order, and returns false to stop. Gives the position behind the
// last record seen; control batches are stepped over. A position where no records are moves to the
// log's start.
struct VisitResult {
  Offset begin;  // where it moved to, else `from`
  Offset next;
  Offset high_watermark;
  bool stopped = false;
};
using RecordVisitor = std::function<Result<bool>(const storage::RecordView& record)>;
Task<VisitResult> VisitRecords(storage::Log* log, storage::TopicPartition partition, Offset from,
                               size_t byte_limit, RecordVisitor visit);

}  // namespace mainstem::gateway::http

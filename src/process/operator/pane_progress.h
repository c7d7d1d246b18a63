// How far a PaneAggregate has sent the windows of each key group, as it keeps it over a restart:
// subtasks may differ (each has its own clock), and a window that is put together a second time
// counts rows twice. Plain values.
//
// Stored form: i64 watermark, ms | (i32 first key group | i32 the one behind the last | i64 end of
// the first window that has not been sent)*, little endian. Before there were parts: the watermark
// alone.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/status.h"
#include "process/operator/element.h"
#include "process/state/key_group.h"

namespace mainstem::process {

struct PaneProgress {
  static constexpr int64_t kNothingSent = std::numeric_limits<int64_t>::min();
  struct Part {
    KeyGroupRange groups;
    int64_t next_end = kNothingSent;
    bool operator==(const Part&) const = default;
  };
  int64_t watermark_ms = kNoWatermark;
  std::vector<Part> parts;  // ascending

  std::string ToBlob() const;
  // What the blobs of all subtasks say of these key groups; the watermark is the highest of those
  // that had some of them. After the end of time as at a fresh start: what was drained goes on.
  // Without parts: only the watermark is known, the lowest of all.
  static Result<PaneProgress> Of(const std::vector<std::string>& blobs, KeyGroupRange groups);
};

}  // namespace mainstem::process

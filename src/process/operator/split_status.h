// What the watermark of one split of a source hangs on, as its feed tells. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/executor.h"
#include "process/operator/element.h"

namespace mainstem::process {

struct SplitStatus {
  std::string id;
  int64_t watermark_ms = kNoWatermark;
  int64_t lag_records = -1;                    // unread, as its reader told last; -1: unknown
  std::optional<Duration> caught_up_for = {};  // there has been nothing to read for so long
  bool is_idle = false;                        // it does not count for the watermark
  bool waits = false;                          // others of a bounded source are read before it
  bool ended = false;
};

}  // namespace mainstem::process

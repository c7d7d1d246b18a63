// The watermark as an operator keeps it over a restart: what was late stays late.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "process/operator/element.h"

namespace mainstem::process {

inline std::string WatermarkBlob(int64_t watermark_ms) {
  return {reinterpret_cast<const char*>(&watermark_ms), sizeof(watermark_ms)};
}

// The lowest of all subtasks' watermarks; kNoWatermark at a fresh start, and after the end of time:
// what has ended says so again, and what was only drained goes on.
inline int64_t LowestWatermark(const std::vector<std::string>& blobs) {
  int64_t lowest = blobs.empty() ? kNoWatermark : kEndOfTime;
  for (const std::string& blob : blobs) {
    int64_t watermark = kNoWatermark;
    if (blob.size() == sizeof(watermark)) std::memcpy(&watermark, blob.data(), sizeof(watermark));
    lowest = std::min(lowest, watermark);
  }
  return lowest == kEndOfTime ? kNoWatermark : lowest;
}

}  // namespace mainstem::process

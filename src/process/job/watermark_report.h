// Why the watermark of a job is where it is: what EXPLAIN WATERMARK tells. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "process/operator/split_status.h"

namespace mainstem::process {

// A source of a running job with all its splits.
struct SourceWatermarks {
  std::string table;
  bool has_watermark = false;  // its table declares one
  int64_t idle_timeout_ms = 0;
  std::vector<SplitStatus> splits = {};
};

struct WatermarkReport {
  enum class State : uint8_t { kActive, kIdle, kEnded, kWithout };
  struct Row {
    std::string table;
    std::string split;
    std::optional<int64_t> watermark_ms = {};  // none before its first row
    std::optional<int64_t> unread = {};        // none: the source can't tell
    State state = State::kActive;
    std::optional<int64_t> quiet_since_ms = {};  // wall clock; read to its end since then
    bool holds_back = false;
    std::string why = {};  // of those that hold the watermark back, and of idle ones
  };
  std::optional<int64_t> watermark_ms;  // of the job's sources together
  std::string summary;                  // one sentence
  std::vector<Row> rows;                // those that hold it back first
};
inline std::string_view ToString(WatermarkReport::State state) {
  switch (state) {
    case WatermarkReport::State::kActive: return "active";
    case WatermarkReport::State::kIdle: return "idle";
    case WatermarkReport::State::kEnded: return "ended";
    case WatermarkReport::State::kWithout: return "no watermark";
  }
  return "?";
}

// `now_ms`: the wall clock.
WatermarkReport ExplainWatermark(const std::vector<SourceWatermarks>& sources, int64_t now_ms);

}  // namespace mainstem::process

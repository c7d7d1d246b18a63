// Which windows a row belongs to: TUMBLE, HOP and CUMULATE are arithmetic on the row's time.
// Windows are half open, aligned to the epoch plus an offset, in local time when the time column is
// TIMESTAMP_LTZ. Pure, any thread.
#pragma once

#include <cstdint>
#include <vector>

#include <absl/time/time.h>

#include "process/plan/logical_plan.h"

namespace mainstem::process {

// Window bounds are "local" milliseconds: of a TIMESTAMP(3) without zone.
struct WindowRows {
  std::vector<int32_t> rows;  // input rows; one that is in several windows comes several times
  std::vector<int64_t> ends;  // end of the window, exclusive
};

class WindowAssigner {
 public:
  WindowAssigner(const plan::Window& window, absl::TimeZone time_zone);

  // `times_ms`: event time of each row (UTC). Assign and StartOf: not for kSession, whose windows
  // depend on the rows before.
  void Assign(const std::vector<int64_t>& times_ms, WindowRows* out) const;
  int64_t StartOf(int64_t window_end) const;
  // The event time from which on rows of the window are late: its end, as an instant.
  int64_t ToInstant(int64_t local_ms) const;
  int64_t ToLocal(int64_t instant_ms) const;
  // No window that ends later is over at `watermark_ms`; ends before it may not be over either,
  // where the zone's clock is set back.
  int64_t LastEndBy(int64_t watermark_ms) const;

 private:
  plan::Window window_;
  absl::TimeZone time_zone_;
  bool shifts_;
};

// Local times differ from instants by less than this.
inline constexpr int64_t kZoneSlackMs = 36LL * 3600 * 1000;

// A local time without zone as an instant; in a gap of the zone, the instant after it.
int64_t LocalToInstant(int64_t local_ms, const absl::TimeZone& zone);

// Rounds down also below zero.
inline int64_t FloorTo(int64_t value, int64_t unit, int64_t offset) {
  int64_t remainder = (value - offset) % unit;
  if (remainder < 0) remainder += unit;
  return value - remainder;
}

}  // namespace mainstem::process

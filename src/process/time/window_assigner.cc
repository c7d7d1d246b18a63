#include "process/time/window_assigner.h"

#include "core/status.h"

namespace mainstem::process {

WindowAssigner::WindowAssigner(const plan::Window& window, absl::TimeZone time_zone)
    : window_(window),
      time_zone_(time_zone),
      shifts_(window.local_time_zone && time_zone != absl::UTCTimeZone()) {}

int64_t WindowAssigner::ToLocal(int64_t instant_ms) const {
  if (!shifts_) return instant_ms;
  absl::CivilSecond civil = absl::ToCivilSecond(absl::FromUnixMillis(instant_ms), time_zone_);
  int64_t milliseconds = instant_ms - FloorTo(instant_ms, 1000, 0);
  return (civil - absl::CivilSecond(1970, 1, 1)) * 1000 + milliseconds;
}

int64_t WindowAssigner::LastEndBy(int64_t watermark_ms) const {
  constexpr int64_t kClockChangeMs = 3LL * 3600 * 1000;
  return shifts_ ? ToLocal(watermark_ms) + kClockChangeMs : watermark_ms + 1;
}

int64_t LocalToInstant(int64_t local_ms, const absl::TimeZone& zone) {
  int64_t whole = FloorTo(local_ms, 1000, 0);
  absl::CivilSecond civil = absl::CivilSecond(1970, 1, 1) + whole / 1000;
  return absl::ToUnixMillis(absl::FromCivil(civil, zone)) + (local_ms - whole);
}

int64_t WindowAssigner::ToInstant(int64_t local_ms) const {
  return shifts_ ? LocalToInstant(local_ms, time_zone_) : local_ms;
}

int64_t WindowAssigner::StartOf(int64_t window_end) const {
  CHECK(window_.kind != plan::WindowKind::kSession);
  if (window_.kind != plan::WindowKind::kCumulate) return window_end - window_.size_ms;
  return FloorTo(window_end - 1, window_.size_ms, window_.offset_ms);
}

void WindowAssigner::Assign(const std::vector<int64_t>& times_ms, WindowRows* out) const {
  CHECK(window_.kind != plan::WindowKind::kSession);
  out->rows.clear();
  out->ends.clear();
  for (size_t row = 0; row < times_ms.size(); ++row) {
    int64_t time = ToLocal(times_ms[row]);
    auto add = [&](int64_t end) {
      out->rows.push_back(static_cast<int32_t>(row));
      out->ends.push_back(end);
    };
    switch (window_.kind) {
      case plan::WindowKind::kTumble:
        add(FloorTo(time, window_.size_ms, window_.offset_ms) + window_.size_ms);
        break;
      case plan::WindowKind::kHop: {
        int64_t last_start = FloorTo(time, window_.slide_ms, window_.offset_ms);
        // Earlier windows that still hold the row; none does when it lies between two windows.
        int64_t left = window_.size_ms - 1 - (time - last_start);
        if (left < 0) break;
        int64_t first_start = last_start - left / window_.slide_ms * window_.slide_ms;
        for (int64_t start = first_start; start <= last_start; start += window_.slide_ms) {
          add(start + window_.size_ms);
        }
        break;
      }
      case plan::WindowKind::kCumulate: {
        int64_t start = FloorTo(time, window_.size_ms, window_.offset_ms);
        int64_t end = FloorTo(time, window_.slide_ms, window_.offset_ms) + window_.slide_ms;
        for (; end <= start + window_.size_ms; end += window_.slide_ms) add(end);
        break;
      }
      case plan::WindowKind::kSession: break;
    }
  }
}

}  // namespace mainstem::process

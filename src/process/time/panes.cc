#include "process/time/panes.h"

#include <algorithm>

#include "core/status.h"

namespace mainstem::process {
namespace {

// So many panes are put together one by one, in the order in which Flink does it: sums of DOUBLE
// depend on it.
constexpr int64_t kFewPanes = 8;

}  // namespace

bool Panes::Fit(const plan::Window& window) {
  const bool overlaps =
      window.kind == plan::WindowKind::kHop || window.kind == plan::WindowKind::kCumulate;
  return overlaps && window.slide_ms > 0 && window.size_ms > window.slide_ms &&
         window.size_ms % window.slide_ms == 0;
}

Panes::Panes(const plan::Window& window)
    : slide_ms_(window.slide_ms),
      offset_ms_(window.offset_ms),
      count_(window.size_ms / window.slide_ms),
      cumulates_(window.kind == plan::WindowKind::kCumulate) {
  CHECK(Fit(window));
  if (count_ <= kFewPanes) return;
  while ((int64_t{2} << levels_) <= count_) ++levels_;
}

bool Panes::IsTaken(const PaneSpan& span) const {
  return !cumulates_ || FloorTo(span.begin(), count_, 0) == FloorTo(span.end - 1, count_, 0);
}

void Panes::SpansOf(int64_t window_end, std::vector<PaneSpan>* spans) const {
  spans->clear();
  const int64_t begin = WindowBegin(window_end);
  for (int64_t end = window_end; end > begin;) {
    PaneSpan span{end, 0};
    while (span.level < levels_) {
      const PaneSpan wider{end, span.level + 1};
      if (end % (int64_t{1} << wider.level) != 0 || wider.begin() < begin) break;
      span = wider;
    }
    spans->push_back(span);
    end = span.begin();
  }
}

void Panes::SpansEndingAt(int64_t end, std::vector<PaneSpan>* spans) const {
  spans->clear();
  for (int level = 1; level <= levels_ && end % (int64_t{1} << level) == 0; ++level) {
    if (IsTaken({end, level})) spans->push_back({end, level});
  }
}

void Panes::SpansOver(int64_t pane_end, int64_t last_end, std::vector<PaneSpan>* spans) const {
  spans->clear();
  for (int level = 1; level <= levels_; ++level) {
    const int64_t width = int64_t{1} << level;
    const PaneSpan span{FloorTo(pane_end - 1, width, 0) + width, level};
    if (span.end > last_end) break;
    if (LastWindowEnd(span.begin() + 1) > last_end && IsTaken(span)) spans->push_back(span);
  }
}

void Panes::SpansDoneAfter(int64_t window_end, std::vector<PaneSpan>* spans) const {
  spans->clear();
  const int64_t begin = WindowBegin(window_end);
  if (cumulates_ && LastWindowEnd(window_end) != window_end) return;
  // A HOP that moves on leaves its first pane behind, a CUMULATE that is over all of them.
  const int64_t last = cumulates_ ? window_end : begin + 1;
  for (int level = 0; level <= levels_; ++level) {
    const int64_t width = int64_t{1} << level;
    for (int64_t from = -FloorTo(-begin, width, 0); from < last; from += width) {
      if (IsTaken({from + width, level})) spans->push_back({from + width, level});
    }
  }
}

}  // namespace mainstem::process

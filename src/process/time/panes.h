// Windows that overlap (HOP, CUMULATE), cut into panes: the stretches of time between two steps of
// the window. A row is accumulated once, in its pane; a window is put together from panes, and, so
// that a window of thousands of them takes a dozen, from spans of 2^level panes that are put
// together once, when they are over. Pure arithmetic, any thread.
//
// Panes are numbered from the epoch (plus the windows' offset); "end" is the number of the pane
// behind the last one. Source: Li et al., "No pane, no gain", SIGMOD Record 2005; the spans are the
// usual dyadic decomposition of an interval.
#pragma once

#include <cstdint>
#include <vector>

#include "process/plan/logical_plan.h"
#include "process/time/window_assigner.h"

namespace mainstem::process {

// 2^level panes, of which the last one is end - 1; `end` is a multiple of 2^level.
struct PaneSpan {
  int64_t end = 0;
  int level = 0;

  int64_t begin() const { return end - (int64_t{1} << level); }
  // As a name space of a state table: ascending by end, then by level.
  int64_t name() const { return end * kMaxLevels + level; }
  static PaneSpan Of(int64_t name) {
    return {FloorTo(name, kMaxLevels, 0) / kMaxLevels, static_cast<int>(name & (kMaxLevels - 1))};
  }
  static constexpr int64_t kMaxLevels = 64;
};

class Panes {
 public:
  // Whether `window` is one that panes are for: HOP and CUMULATE of more than one whole step.
  static bool Fit(const plan::Window& window);
  // `window` must fit.
  explicit Panes(const plan::Window& window);

  // Of the pane that a local time lies in: its end.
  int64_t EndAt(int64_t local_ms) const {
    return (FloorTo(local_ms, slide_ms_, offset_ms_) - offset_ms_) / slide_ms_ + 1;
  }
  // The local time at which a pane, and a window, ends.
  int64_t TimeOf(int64_t end) const { return offset_ms_ + end * slide_ms_; }
  // The first pane of the window that ends with pane `end`.
  int64_t WindowBegin(int64_t end) const {
    return cumulates_ ? FloorTo(end - 1, count_, 0) : end - count_;
  }
  // The end of the last window that a pane is in.
  int64_t LastWindowEnd(int64_t pane_end) const {
    return cumulates_ ? FloorTo(pane_end - 1, count_, 0) + count_ : pane_end - 1 + count_;
  }
  // The greatest level of spans. Few panes are put together one by one.
  int levels() const { return levels_; }
  // The spans that make up the window, the last one first.
  void SpansOf(int64_t window_end, std::vector<PaneSpan>* spans) const;
  // Spans above level 0 that end with this pane and that some window takes, the smallest first.
  void SpansEndingAt(int64_t end, std::vector<PaneSpan>* spans) const;
  // Spans above level 0 that hold this pane, end by `last_end`, and are taken by a window that ends
  // behind it.
  void SpansOver(int64_t pane_end, int64_t last_end, std::vector<PaneSpan>* spans) const;
  // Spans that no window behind this one takes, but this one may have.
  void SpansDoneAfter(int64_t window_end, std::vector<PaneSpan>* spans) const;

 private:
  bool IsTaken(const PaneSpan& span) const;

  int64_t slide_ms_;
  int64_t offset_ms_;
  int64_t count_;  // panes of a whole window
  bool cumulates_;
  int levels_ = 0;
};

}  // namespace mainstem::process

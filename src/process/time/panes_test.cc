#include "process/time/panes.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

namespace mainstem::process {
namespace {

plan::Window Window(plan::WindowKind kind, int64_t size, int64_t slide, int64_t offset = 0) {
  plan::Window window;
  window.kind = kind;
  window.size_ms = size;
  window.slide_ms = slide;
  window.offset_ms = offset;
  return window;
}

TEST(PanesTest, FitOverlappingWindowsOfWholeSteps) {
  EXPECT_TRUE(Panes::Fit(Window(plan::WindowKind::kHop, 10, 5)));
  EXPECT_TRUE(Panes::Fit(Window(plan::WindowKind::kCumulate, 20, 5)));
  EXPECT_FALSE(Panes::Fit(Window(plan::WindowKind::kHop, 10, 4)));
  EXPECT_FALSE(Panes::Fit(Window(plan::WindowKind::kHop, 10, 10)));
  EXPECT_FALSE(Panes::Fit(Window(plan::WindowKind::kHop, 5, 10)));
  EXPECT_FALSE(Panes::Fit(Window(plan::WindowKind::kTumble, 10, 0)));
}

TEST(PanesTest, NumbersPanesAlsoBeforeTheEpoch) {
  const Panes panes(Window(plan::WindowKind::kHop, 10, 5, 1));
  EXPECT_EQ(panes.EndAt(1), 1);
  EXPECT_EQ(panes.EndAt(5), 1);
  EXPECT_EQ(panes.EndAt(6), 2);
  EXPECT_EQ(panes.EndAt(0), 0);
  EXPECT_EQ(panes.TimeOf(0), 1);
  EXPECT_EQ(panes.TimeOf(-3), -14);
  for (int64_t end : {-7, 0, 9}) {
    for (int level : {0, 3}) {
      const PaneSpan span = PaneSpan::Of(PaneSpan{end * 8, level}.name());
      EXPECT_EQ(span.end, end * 8);
      EXPECT_EQ(span.level, level);
    }
  }
}

// Plays the life of a stream: spans are put together when they are over and go when they are done;
// each window must find exactly its panes, and nothing may stay.
void Play(const plan::Window& window) {
  const Panes panes(window);
  const int64_t first = -50, last = 3 * (window.size_ms / window.slide_ms);
  std::map<int64_t, std::multiset<int64_t>> live;  // by name: the panes that are in it
  std::vector<PaneSpan> spans;
  for (int64_t end = first; end < last + 4 * (window.size_ms / window.slide_ms); ++end) {
    if (end <= last) live[PaneSpan{end, 0}.name()].insert(end);
    panes.SpansEndingAt(end, &spans);
    for (const PaneSpan& span : spans) {
      const PaneSpan right{end, span.level - 1};
      const PaneSpan left{right.begin(), span.level - 1};
      for (const PaneSpan& half : {left, right}) {
        if (auto it = live.find(half.name()); it != live.end()) {
          live[span.name()].insert(it->second.begin(), it->second.end());
        }
      }
    }
    panes.SpansOf(end, &spans);
    std::multiset<int64_t> found;
    for (const PaneSpan& span : spans) {
      if (auto it = live.find(span.name()); it != live.end()) {
        found.insert(it->second.begin(), it->second.end());
      }
    }
    std::multiset<int64_t> expected;
    for (int64_t pane = std::max(first, panes.WindowBegin(end) + 1); pane <= std::min(end, last);
         ++pane) {
      expected.insert(pane);
    }
    ASSERT_EQ(found, expected) << "window " << end;
    if (panes.levels() > 0) {
      EXPECT_LE(spans.size(), 2u * static_cast<size_t>(panes.levels()) + 1);
    }
    panes.SpansDoneAfter(end, &spans);
    for (const PaneSpan& span : spans) live.erase(span.name());
  }
  EXPECT_TRUE(live.empty());
}

TEST(PanesTest, EachWindowFindsItsPanesOnce) {
  for (int64_t count : {2, 5, 8, 9, 16, 37, 64, 100}) {
    SCOPED_TRACE(count);
    Play(Window(plan::WindowKind::kHop, count * 10, 10));
    Play(Window(plan::WindowKind::kCumulate, count * 10, 10));
  }
}

TEST(PanesTest, ALateRowIsInTheSpansThatWereMade) {
  const Panes panes(Window(plan::WindowKind::kHop, 160, 10));
  std::vector<PaneSpan> spans;
  panes.SpansOver(3, 10, &spans);  // pane 2: spans [2,4), [0,4), [0,8); [0,16) is not over
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_EQ(spans[0].end, 4);
  EXPECT_EQ(spans[1].end, 4);
  EXPECT_EQ(spans[2].end, 8);
  panes.SpansOver(3, 17, &spans);  // no window behind 17 takes one that begins with pane 0
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0].begin(), 2);
}

}  // namespace
}  // namespace mainstem::process

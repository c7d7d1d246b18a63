#include "sqltest/disorder.h"

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <set>

namespace mainstem::sqltest {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::min();

struct TimedLine {
  FixtureLine line;
  RowTime time;
};

// How far ahead a line is looked for that comes next.
constexpr size_t kAhead = 64;

// Takes one of the lines that may come next, until none is left: one whose watermark passes none of
// those that are still to come.
void ShuffleRun(std::vector<TimedLine>* run, std::mt19937_64* random) {
  std::multiset<int64_t> to_come;  // their event times
  for (const TimedLine& timed : *run) to_come.insert(timed.time.rowtime_ms);
  for (size_t done = 0; done + 1 < run->size(); ++done) {
    int64_t first = *to_come.begin(), second = *std::next(to_come.begin());
    std::vector<size_t> possible;
    for (size_t i = done; i < std::min(run->size(), done + kAhead); ++i) {
      const RowTime& time = (*run)[i].time;
      int64_t first_other = time.rowtime_ms == first ? second : first;
      if (first_other > time.watermark_ms) possible.push_back(i);
    }
    if (possible.empty()) return;  // the rest is as it was
    size_t chosen = possible[(*random)() % possible.size()];
    to_come.erase(to_come.find((*run)[chosen].time.rowtime_ms));
    auto begin = run->begin() + static_cast<ptrdiff_t>(done);
    auto at = run->begin() + static_cast<ptrdiff_t>(chosen);
    std::rotate(begin, at, at + 1);
  }
}

}  // namespace

Fixture Shuffled(const Fixture& fixture, const std::vector<RowTime>& times, uint64_t seed) {
  std::mt19937_64 random(seed);
  Fixture out = fixture;
  out.lines.clear();
  std::map<int, int64_t> watermarks;  // of each partition
  std::vector<TimedLine> run;
  auto flush = [&] {
    ShuffleRun(&run, &random);
    for (TimedLine& timed : run) out.lines.push_back(std::move(timed.line));
    run.clear();
  };
  for (size_t i = 0; i < fixture.lines.size(); ++i) {
    const FixtureLine& line = fixture.lines[i];
    if (line.bad) {  // has no time: stays where it is
      flush();
      out.lines.push_back(line);
      continue;
    }
    int64_t& watermark = watermarks.try_emplace(line.partition, kNever).first->second;
    bool is_late = times[i].rowtime_ms <= watermark;
    bool goes_on = !run.empty() && !is_late && run.back().line.arrival == line.arrival &&
                   run.back().line.partition == line.partition;
    if (!goes_on) flush();
    run.push_back({line, times[i]});
    if (is_late) flush();
    watermark = std::max(watermark, times[i].watermark_ms);
  }
  flush();
  return out;
}

Fixture WithLateCopies(const Fixture& fixture, const std::vector<RowTime>& times, int64_t late_ms,
                       uint64_t seed) {
  Fixture out = fixture;
  // What counts is the slowest partition's.
  std::map<int, int64_t> watermarks;
  for (size_t i = 0; i < times.size(); ++i) {
    if (fixture.lines[i].bad) continue;
    int64_t& watermark = watermarks.try_emplace(fixture.lines[i].partition, kNever).first->second;
    watermark = std::max(watermark, times[i].watermark_ms);
  }
  int64_t slowest = std::numeric_limits<int64_t>::max();
  for (const auto& [partition, watermark] : watermarks) slowest = std::min(slowest, watermark);
  std::vector<FixtureLine> copies;
  for (size_t i = 0; i < times.size(); ++i) {
    if (fixture.lines[i].bad || slowest - times[i].rowtime_ms < late_ms) continue;
    copies.push_back(fixture.lines[i]);
    copies.back().arrival = fixture.lines.back().arrival + 1000;
  }
  std::mt19937_64 random(seed);
  std::shuffle(copies.begin(), copies.end(), random);
  out.lines.insert(out.lines.end(), copies.begin(), copies.end());
  return out;
}

}  // namespace mainstem::sqltest

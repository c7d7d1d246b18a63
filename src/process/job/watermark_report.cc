#include "process/job/watermark_report.h"

#include <algorithm>
#include <tuple>

#include <absl/time/time.h>
#include <fmt/format.h>

namespace mainstem::process {
namespace {

using Row = WatermarkReport::Row;
using State = WatermarkReport::State;

std::string Seconds(int64_t millis) { return absl::FormatDuration(absl::Milliseconds(millis)); }

std::string Records(int64_t count) {
  return count == 1 ? "1 record is" : fmt::format("{} records are", count);
}

Row RowOf(const SourceWatermarks& source, const SplitStatus& split, int64_t now_ms) {
  Row row{.table = source.table, .split = split.id};
  if (split.watermark_ms != kNoWatermark) row.watermark_ms = split.watermark_ms;
  if (split.lag_records >= 0) row.unread = split.lag_records;
  if (split.caught_up_for) {
    row.quiet_since_ms =
        now_ms -
        std::chrono::duration_cast<std::chrono::milliseconds>(*split.caught_up_for).count();
  }
  if (split.ended) {
    row.state = State::kEnded;
  } else if (split.is_idle) {
    row.state = State::kIdle;
    row.why = "it does not count: nothing has come for longer than the idle timeout of " +
              Seconds(source.idle_timeout_ms);
  } else if (!source.has_watermark) {
    row.state = State::kWithout;
  }
  return row;
}

// Of an active split whose watermark is the lowest.
std::string WhyHeld(const Row& row, bool waits, const SourceWatermarks& source, int64_t now_ms) {
  if (waits) return "it has not been begun: others of the table are read before it";
  const std::string begin = row.watermark_ms ? "" : "it has given no row yet; ";
  if (row.unread.value_or(0) > 0) return begin + Records(*row.unread) + " unread";
  if (!row.quiet_since_ms) {
    return begin + (row.watermark_ms ? "its rows are the oldest" : "it is being read");
  }
  const int64_t quiet_ms = now_ms - *row.quiet_since_ms;
  const std::string quiet = fmt::format("nothing has come for {}", Seconds(quiet_ms));
  if (source.idle_timeout_ms == 0) {
    return begin + quiet + ", and without 'table.exec.source.idle-timeout' it counts all the same";
  }
  return begin + quiet +
         fmt::format("; it does not count any more {} from now",
                     Seconds(std::max<int64_t>(0, source.idle_timeout_ms - quiet_ms)));
}

std::string Summary(const WatermarkReport& report, size_t held_count, size_t active_count) {
  if (report.rows.empty()) return "the job has no source that is read";
  if (active_count == 0) {
    const bool any = std::any_of(report.rows.begin(), report.rows.end(),
                                 [](const Row& row) { return row.state != State::kWithout; });
    if (!any) return "no source of the job has a WATERMARK";
    return "every partition is idle or has ended: nothing holds the watermark back";
  }
  const Row& first = report.rows.front();
  std::string who = fmt::format("{} of {}", first.split, first.table);
  if (held_count > 1) who += fmt::format(" and {} more", held_count - 1);
  return fmt::format("{} {} the watermark back: {}", who, held_count > 1 ? "hold" : "holds",
                     first.why);
}

}  // namespace

WatermarkReport ExplainWatermark(const std::vector<SourceWatermarks>& sources, int64_t now_ms) {
  WatermarkReport report;
  struct Origin {
    const SourceWatermarks* source;
    bool waits;
  };
  std::vector<Origin> origins;  // of each row
  int64_t lowest = kEndOfTime;
  size_t active_count = 0;
  for (const SourceWatermarks& source : sources) {
    for (const SplitStatus& split : source.splits) {
      report.rows.push_back(RowOf(source, split, now_ms));
      origins.push_back({&source, split.waits});
      if (report.rows.back().state != State::kActive) continue;
      ++active_count;
      lowest = std::min(lowest, split.watermark_ms);
    }
  }
  size_t held_count = 0;
  for (size_t i = 0; i < report.rows.size(); ++i) {
    Row& row = report.rows[i];
    if (row.state != State::kActive || row.watermark_ms.value_or(kNoWatermark) != lowest) continue;
    row.holds_back = true;
    row.why = WhyHeld(row, origins[i].waits, *origins[i].source, now_ms);
    ++held_count;
  }
  if (active_count > 0 && lowest != kNoWatermark) report.watermark_ms = lowest;
  const auto rank = [](const Row& row) {
    return std::make_tuple(!row.holds_back, row.state != State::kActive,
                           row.watermark_ms.value_or(kNoWatermark));
  };
  std::stable_sort(report.rows.begin(), report.rows.end(),
                   [&](const Row& a, const Row& b) { return rank(a) < rank(b); });
  report.summary = Summary(report, held_count, active_count);
  return report;
}

}  // namespace mainstem::process

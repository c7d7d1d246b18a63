#include "cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <simdjson.h>

#include "cli/command.h"
#include "cli/text_table.h"

namespace mainstem::cli {
namespace {

using simdjson::dom::element;

// What the graph's boxes are called: process/job/job_graph.cc.
constexpr std::string_view kSource = "Source: ";
constexpr std::string_view kSink = "Sink: ";
constexpr std::string_view kPrint = "print";

std::optional<double> Known(const element& object, std::string_view member) {
  double value = 0;
  if (object[member].get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

size_t ColumnsOfTerminal() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

JobProgress ProgressOf(const process::JobDescription& job) {
  JobProgress out{
      .name = ShortName(job.name), .ratio = job.progress.ratio, .eta_ms = job.progress.eta_ms};
  out.draining = job.state == process::JobState::kFinishing;
  for (const process::OperatorDescription& op : job.operators) {
    if (op.name.starts_with(kSource)) {
      out.rows += op.rows_out;
      out.rows_per_second += op.rows_out_per_second;
    }
    if (!op.name.starts_with(kSink)) continue;
    out.rows_written += op.rows_in;
    out.prints_to_screen |= op.detail.starts_with(kPrint);
  }
  return out;
}

JobProgress ProgressOf(const element& job) {
  JobProgress out{.name = ShortName(TextOf(job, "name"))};
  out.draining = TextOf(job, "state") == ToString(process::JobState::kFinishing);
  element progress;
  if (job["progress"].get(progress) == simdjson::SUCCESS) {
    out.ratio = Known(progress, "ratio");
    if (auto eta = Known(progress, "eta_ms")) out.eta_ms = static_cast<int64_t>(*eta);
  }
  for (element op : job["operators"].get_array()) {
    std::string name = TextOf(op, "name");
    if (name.starts_with(kSink)) out.rows_written += IntOf(op, "rows_in");
    if (!name.starts_with(kSource)) continue;
    out.rows += IntOf(op, "rows_out");
    out.rows_per_second += NumberOf(op, "rows_out_per_second");
  }
  return out;
}

void EstimatePace(const JobProgress& first, double seconds_ago, JobProgress* now) {
  if (now->rows_per_second > 0 || seconds_ago <= 0) return;
  now->rows_per_second = static_cast<double>(now->rows - first.rows) / seconds_ago;
  if (!now->ratio || *now->ratio <= 0 || now->rows_per_second <= 0) return;
  double unread = static_cast<double>(now->rows) * (1 - *now->ratio) / *now->ratio;
  now->eta_ms = static_cast<int64_t>(unread / now->rows_per_second * 1000);
}

std::string ProgressText(const JobProgress& progress, size_t width) {
  std::string text = ": ";
  if (progress.ratio) text += fmt::format("{:.0f}%, ", *progress.ratio * 100);
  text += HumanCount(progress.rows) + " rows";
  if (progress.draining) {
    text += ", delivering the last results";
  } else {
    if (progress.rows_per_second >= 1) {
      text += fmt::format(", {}/s", HumanCount(static_cast<int64_t>(progress.rows_per_second)));
    }
    if (progress.eta_ms) text += fmt::format(", {} to go", HumanDuration(*progress.eta_ms));
  }
  size_t room = width > text.size() ? width - text.size() : 0;
  return CutTo(CutTo(progress.name, room) + text, width);
}

ProgressLine::ProgressLine()
    : terminal_(isatty(STDERR_FILENO) != 0), screen_is_output_(isatty(STDOUT_FILENO) != 0) {}

void ProgressLine::Show(JobProgress progress) {
  if (!terminal_ || (progress.prints_to_screen && screen_is_output_)) return;
  auto now = std::chrono::steady_clock::now();
  if (!first_ || first_->name != progress.name) {
    first_ = progress;
    first_seen_ = now;
  }
  EstimatePace(*first_, std::chrono::duration<double>(now - first_seen_).count(), &progress);
  fmt::print(stderr, "\r\033[K{}", "  " + ProgressText(progress, ColumnsOfTerminal() - 3));
  std::fflush(stderr);
  shown_ = true;
}

void ProgressLine::Clear() {
  if (!shown_) return;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace mainstem::cli

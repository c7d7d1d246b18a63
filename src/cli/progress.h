// How far a job is, on one line of the terminal that is written over: rows, share, time to go.
// Nothing is shown where no person looks (standard error is no terminal).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "process/job/job_description.h"

namespace simdjson::dom {
class element;
}

namespace mainstem::cli {

struct JobProgress {
  std::string name;  // without the default catalog and database, which most names begin with
  int64_t rows = 0;  // read by its sources so far
  int64_t rows_written = 0;  // that its sinks were given
  double rows_per_second = 0;
  std::optional<double> ratio = {};  // of a bounded input whose size is known
  std::optional<int64_t> eta_ms = {};
  bool draining = false;          // the input has ended, its last results are on their way
  bool prints_to_screen = false;  // a `print` sink: its rows would mix with the line
};
JobProgress ProgressOf(const process::JobDescription& job);
JobProgress ProgressOf(const simdjson::dom::element& job);  // as the admin API tells it

// The node knows a job's pace only after some seconds: until then as between `first`, seen that
// long ago, and now.
void EstimatePace(const JobProgress& first, double seconds_ago, JobProgress* now);

// "load: 45%, 1,234,567 rows, 230,000/s, 12s to go". A name that leaves no room for the rest in
// `width` columns is cut.
std::string ProgressText(const JobProgress& progress, size_t width);

// Lifecycle: make, Show any number of times, Clear (or destroy). One thread.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine() { Clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void Show(JobProgress progress);
  void Clear();

 private:
  bool terminal_ = false;
  bool screen_is_output_ = false;  // standard output is the same terminal
  bool shown_ = false;
  std::optional<JobProgress> first_;  // of the job that is shown
  std::chrono::steady_clock::time_point first_seen_;
};

}  // namespace mainstem::cli

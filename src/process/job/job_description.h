// What a job tells about itself: the snapshot that the console, the admin API and the CLI show.
// Plain data; rates are over the last seconds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mainstem::process {

enum class JobState : uint8_t {
  kCreated,  // accepted, not yet started
  kRunning,
  kRestarting,  // failed, waits for its back-off; `error` says why
  kFinishing,   // bounded input has ended, sinks are being drained
  kFinished,
  kStopped,  // by the user, with a checkpoint: Resume goes on from it
  kCancelled,
  kFailed,  // gave up: the error can't go away by itself
};
// Flink's names.
inline std::string_view ToString(JobState state) {
  switch (state) {
    case JobState::kCreated: return "CREATED";
    case JobState::kRunning: return "RUNNING";
    case JobState::kRestarting: return "RESTARTING";
    case JobState::kFinishing: return "FINISHING";
    case JobState::kFinished: return "FINISHED";
    case JobState::kStopped: return "STOPPED";
    case JobState::kCancelled: return "CANCELLED";
    case JobState::kFailed: return "FAILED";
  }
  return "?";
}
inline bool IsTerminal(JobState state) {
  return state == JobState::kFinished || state == JobState::kStopped ||
         state == JobState::kCancelled || state == JobState::kFailed;
}

// One box of the operator graph.
struct OperatorDescription {
  int id = 0;          // within the job
  std::string name;    // "Source: clicks", "WindowAggregate", "Sink: totals"
  std::string detail;  // expressions, keys, window
  int parallelism = 1;
  std::vector<int> inputs;             // ids
  std::vector<std::string> exchanges;  // for each input: "forward", "hash", "gather"
  int64_t rows_in = 0;
  int64_t rows_out = 0;
  double rows_in_per_second = 0;
  double rows_out_per_second = 0;
  double bytes_in_per_second = 0;       // sources: bytes read
  std::optional<int64_t> watermark_ms;  // slowest subtask; nullopt before the first
  double busy_ratio = 0;                // share of time spent working, most loaded subtask
  double backpressured_ratio = 0;       // share of time waiting for the next operator
  int64_t state_entries = 0;
  int64_t state_bytes = 0;
  int64_t late_rows = 0;
  int64_t rejected_rows = 0;
  int64_t lag_records = -1;  // sources: unread records; -1 unknown
};

struct SinkDescription {
  std::string name;
  std::string connector;
  std::string guarantee;
  int64_t rows_delivered = 0;
  int64_t lag_records = 0;         // records of the internal topic not yet delivered
  std::vector<int64_t> positions;  // delivered up to, for each partition of the internal topic
  // "running"; "ended", as its job has; "retrying"; "failed": as retrying, but what is wrong will
  // hardly pass by itself; "parked": waits until the destination's table fits ('drift' = 'park').
  std::string state = "running";
  std::string last_error;  // of the last three; empty: none since the last success
  int64_t retry_count = 0;
  int64_t rejected_rows = 0;  // refused by the destination, earlier starts included if kept
};

struct CheckpointDescription {
  int64_t id = 0;
  int64_t completed_at_ms = 0;
  int64_t duration_ms = 0;
  int64_t failed_count = 0;
};

// The last savepoint that was asked for.
struct SavepointDescription {
  std::string path;  // empty: none
  int64_t completed_at_ms = 0;
  bool in_progress = false;
  std::string error;  // of the last one, if it failed
};

struct ProgressDescription {
  // Of a bounded input; nullopt when the size of the input is not known.
  std::optional<double> ratio;
  std::optional<int64_t> eta_ms;
};

struct JobDescription {
  std::string id;
  std::string name;
  std::string statement;  // the INSERT or STATEMENT SET
  JobState state = JobState::kCreated;
  bool bounded = false;
  int parallelism = 1;
  std::string error;  // last failure; kept while restarting
  int64_t restart_count = 0;
  int64_t created_at_ms = 0;
  int64_t started_at_ms = 0;
  int64_t finished_at_ms = 0;
  std::vector<OperatorDescription> operators;
  std::vector<SinkDescription> sinks;
  CheckpointDescription checkpoint;
  SavepointDescription savepoint;
  ProgressDescription progress;
  // Records that could not be decoded and rows that destinations refused, of this start of the job.
  int64_t rejected_rows = 0;
  std::string first_rejected;    // of the former: where it came from and why; empty: none
  std::string quarantine_topic;  // holds some; empty: there is none
};

}  // namespace mainstem::process

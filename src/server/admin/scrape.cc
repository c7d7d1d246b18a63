#include "server/admin/scrape.h"

#include "server/admin/jobs_api.h"

namespace mainstem::server {
namespace {

using Labels = std::map<std::string, std::string>;

// The values of one thing: all have its labels.
class Teller {
 public:
  Teller(Labels labels, Metrics* into) : labels_(std::move(labels)), into_(into) {}
  void Gauge(const char* name, const char* help, double value) {
    into_->AddGauge({.name = name, .help = help, .labels = labels_}).Set(value);
  }
  // A total that has been counted elsewhere.
  void Total(const char* name, const char* help, int64_t value) {
    auto& counter = into_->AddCounter({.name = name, .help = help, .labels = labels_});
    counter.Increment(static_cast<double>(value));
  }

 private:
  Labels labels_;
  Metrics* into_;
};

void AddOperator(const process::JobDescription& job, const process::OperatorDescription& op,
                 int64_t now_ms, Metrics* into) {
  Teller teller({{"job", job.id}, {"operator", std::to_string(op.id)}, {"name", op.name}}, into);
  teller.Total("mainstem_operator_rows_in_total", "rows that came in since the last restart",
               op.rows_in);
  teller.Total("mainstem_operator_rows_out_total", "rows that went out since the last restart",
               op.rows_out);
  teller.Total("mainstem_operator_late_rows_total", "rows that came after their window had closed",
               op.late_rows);
  teller.Total("mainstem_operator_rejected_rows_total", "records that could not be decoded",
               op.rejected_rows);
  teller.Gauge("mainstem_operator_busy_ratio", "share of time spent working, busiest subtask",
               op.busy_ratio);
  teller.Gauge("mainstem_operator_backpressured_ratio",
               "share of time spent waiting for the next operator", op.backpressured_ratio);
  teller.Gauge("mainstem_operator_state_bytes", "state", static_cast<double>(op.state_bytes));
  if (op.watermark_ms) {
    teller.Gauge("mainstem_operator_watermark_lag_seconds", "wall time less watermark",
                 static_cast<double>(now_ms - *op.watermark_ms) / 1000);
  }
  if (op.lag_records >= 0) {
    teller.Gauge("mainstem_source_lag_records", "records that a source has not read yet",
                 static_cast<double>(op.lag_records));
  }
}

void AddSink(const process::JobDescription& job, const process::SinkDescription& sink,
             Metrics* into) {
  Teller teller({{"job", job.id}, {"sink", sink.name}, {"connector", sink.connector}}, into);
  teller.Total("mainstem_sink_rows_delivered_total", "rows that the destination has taken",
               sink.rows_delivered);
  teller.Total("mainstem_sink_rejected_rows_total", "rows that the destination has refused",
               sink.rejected_rows);
  teller.Total("mainstem_sink_retries_total", "deliveries that were tried again", sink.retry_count);
  teller.Gauge("mainstem_sink_lag_records", "changes that wait for their delivery",
               static_cast<double>(sink.lag_records));
  const bool is_parked = sink.state == "parked";
  teller.Gauge("mainstem_sink_failing", "1 while the last attempt has failed",
               sink.last_error.empty() || is_parked ? 0 : 1);
  teller.Gauge("mainstem_sink_parked", "1 while it waits until the destination's table fits",
               is_parked ? 1 : 0);
}

}  // namespace

void AddTopics(const NodeSample& sample, Metrics* into) {
  for (const TopicSample& topic : sample.topics) {
    Teller teller({{"topic", topic.topic.name}}, into);
    teller.Total("mainstem_topic_records_in_total", "offsets given so far", topic.records_end);
    teller.Gauge("mainstem_topic_records", "offsets from the log start to the high watermark",
                 static_cast<double>(topic.records));
    teller.Gauge("mainstem_topic_bytes", "size of its batches",
                 static_cast<double>(topic.size_bytes));
    teller.Gauge("mainstem_topic_partitions", "partitions", topic.topic.partition_count);
  }
}

void AddJob(const process::JobDescription& job, int64_t now_ms, Metrics* into) {
  Labels labels = {{"job", job.id}, {"name", job.name}};
  Labels with_state = labels;
  with_state["state"] = ToString(job.state);
  Teller(with_state, into).Gauge("mainstem_job_state", "1 for the state that the job is in", 1);
  Teller teller(labels, into);
  teller.Total("mainstem_job_restarts_total", "restarts after a failure", job.restart_count);
  teller.Total("mainstem_job_checkpoints_failed_total", "checkpoints that failed",
               job.checkpoint.failed_count);
  if (job.checkpoint.completed_at_ms > 0) {
    teller.Gauge("mainstem_job_checkpoint_seconds", "how long the last checkpoint took",
                 static_cast<double>(job.checkpoint.duration_ms) / 1000);
    teller.Gauge("mainstem_job_checkpoint_age_seconds", "since the last checkpoint",
                 static_cast<double>(now_ms - job.checkpoint.completed_at_ms) / 1000);
  }
  for (const auto& op : job.operators) AddOperator(job, op, now_ms, into);
  for (const auto& sink : job.sinks) AddSink(job, sink, into);
}

}  // namespace mainstem::server

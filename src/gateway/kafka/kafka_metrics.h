// The counters of the Kafka door, by API and outcome, in the node's Prometheus registry. Made once,
// before the first connection; counting is lock-free, on any shard.
#pragma once

#include <atomic>
#include <map>

#include "core/metrics.h"
#include "gateway/kafka/api.h"

namespace mainstem::gateway::kafka {

class KafkaMetrics {
 public:
  // `metrics` outlives it.
  explicit KafkaMetrics(Metrics* metrics);

  enum class Outcome {
    kOk,
    kError,   // the answer tells of an error, in itself or in a part
    kClosed,  // no answer: the connection was ended
  };
  // `seconds`: from the whole request to its answer; a fetch may wait in that for data.
  void CountRequest(ApiKey api, Outcome outcome, double seconds);

  prometheus::Gauge& connections() { return *connections_; }
  prometheus::Counter& refused_connections() { return *refused_connections_; }
  prometheus::Counter& received_bytes() { return *received_bytes_; }
  prometheus::Counter& sent_bytes() { return *sent_bytes_; }
  // Of record batches in answers to Fetch, as they are stored.
  void CountFetched(int64_t bytes);
  int64_t fetched_bytes() const { return fetched_bytes_.load(std::memory_order_relaxed); }

 private:
  struct Api {
    prometheus::Counter* ok = nullptr;
    prometheus::Counter* error = nullptr;
    prometheus::Counter* closed = nullptr;
    prometheus::Histogram* seconds = nullptr;
  };
  std::map<ApiKey, Api> apis_;  // constant after construction
  prometheus::Gauge* connections_;
  prometheus::Counter* refused_connections_;
  prometheus::Counter* received_bytes_;
  prometheus::Counter* sent_bytes_;
  prometheus::Counter* fetched_counter_;
  std::atomic<int64_t> fetched_bytes_{0};
};

}  // namespace mainstem::gateway::kafka

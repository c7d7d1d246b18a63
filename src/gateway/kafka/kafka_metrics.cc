#include "gateway/kafka/kafka_metrics.h"

#include <string>
#include <vector>

namespace mainstem::gateway::kafka {
namespace {

// Upper limits of the buckets, in seconds: 0.1 ms to a fetch's longest usual wait.
const std::vector<double> kSeconds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                      0.05,   0.1,     0.25,   0.5,   1,      2.5,   5};

}  // namespace

KafkaMetrics::KafkaMetrics(Metrics* metrics)
    : connections_(&metrics->AddGauge(
          {.name = "mainstem_kafka_connections", .help = "open connections of Kafka clients"})),
      refused_connections_(
          &metrics->AddCounter({.name = "mainstem_kafka_connections_refused_total",
                                .help = "connections over the limit, closed at once"})),
      received_bytes_(&metrics->AddCounter({.name = "mainstem_kafka_received_bytes_total",
                                            .help = "bytes of requests of Kafka clients"})),
      sent_bytes_(&metrics->AddCounter({.name = "mainstem_kafka_sent_bytes_total",
                                        .help = "bytes of answers to Kafka clients"})),
      fetched_counter_(&metrics->AddCounter(
          {.name = "mainstem_kafka_fetched_bytes_total",
           .help = "bytes of record batches in answers to Fetch, as they are stored"})) {
  for (const ApiInfo& api : AllApis()) {
    std::string name(api.name);
    auto count = [&](const char* outcome) {
      return &metrics->AddCounter({.name = "mainstem_kafka_requests_total",
                                   .help = "requests of Kafka clients by API and outcome",
                                   .labels = {{"api", name}, {"outcome", outcome}}});
    };
    Api& made = apis_[api.key];
    made.ok = count("ok");
    made.error = count("error");
    made.closed = count("closed");
    made.seconds = &metrics->AddHistogram({.name = "mainstem_kafka_request_seconds",
                                           .help = "from the whole request to its answer",
                                           .labels = {{"api", name}}},
                                          kSeconds);
  }
}

void KafkaMetrics::CountRequest(ApiKey api, Outcome outcome, double seconds) {
  const Api& counters = apis_.at(api);
  switch (outcome) {
    case Outcome::kOk: counters.ok->Increment(); break;
    case Outcome::kError: counters.error->Increment(); break;
    case Outcome::kClosed: counters.closed->Increment(); break;
  }
  counters.seconds->Observe(seconds);
}

void KafkaMetrics::CountFetched(int64_t bytes) {
  fetched_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  fetched_counter_->Increment(static_cast<double>(bytes));
}

}  // namespace mainstem::gateway::kafka

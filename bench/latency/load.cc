// How long an event takes through a query: sends events at a steady rate to one topic, follows the
// topic that the query's results go to, and compares the time at which each result is here with the
// time at which the newest event that it counts was handed to the client. librdkafka on both ends,
// in one process and by one clock. Prints one JSON line.
// Usage: query_load BOOTSTRAP INPUT OUTPUT EVENTS_PER_S SECONDS WARM_UP_S KEYS
//   events:  {"k": 0 .. KEYS-1, "v": .., "ts": nanoseconds}   results: {.., "ts": nanoseconds ..}
// Ends by itself after SECONDS + WARM_UP_S; exit code 1 without results, or when an event failed.
#include <librdkafka/rdkafkacpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

int64_t NowNanos() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

std::unique_ptr<RdKafka::Conf> Configured(
    std::initializer_list<std::pair<const char*, std::string>> settings) {
  std::unique_ptr<RdKafka::Conf> conf(RdKafka::Conf::create(RdKafka::Conf::CONF_GLOBAL));
  std::string error;
  for (const auto& [name, value] : settings) {
    if (conf->set(name, value, error) == RdKafka::Conf::CONF_OK) continue;
    std::fprintf(stderr, "%s\n", error.c_str());
    std::exit(2);
  }
  return conf;
}

class Failures : public RdKafka::DeliveryReportCb {
 public:
  void dr_cb(RdKafka::Message& message) override {
    count += message.err() != RdKafka::ERR_NO_ERROR;
  }
  int64_t count = 0;
};

struct Sent {
  int64_t events = 0;
  int64_t failed = 0;
  int64_t late_ms = 0;  // the longest that this program itself was behind its schedule
};

// One millisecond's events at a time.
Sent Send(const std::string& bootstrap, const std::string& topic, int64_t rate, int64_t seconds,
          int64_t keys) {
  Failures failures;
  auto conf = Configured({{"bootstrap.servers", bootstrap}, {"linger.ms", "0"}, {"acks", "all"}});
  std::string error;
  conf->set("dr_cb", &failures, error);
  std::unique_ptr<RdKafka::Producer> producer(RdKafka::Producer::create(conf.get(), error));
  Sent sent;
  char event[128];
  const int64_t begin = NowNanos();
  for (int64_t ms = 0; ms < seconds * 1000; ++ms) {
    const int64_t due = begin + ms * 1'000'000;
    const int64_t wait = due - NowNanos();
    if (wait > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(wait));
    sent.late_ms = std::max(sent.late_ms, (NowNanos() - due) / 1'000'000);
    for (; sent.events < rate * (ms + 1) / 1000; ++sent.events) {
      const int size = std::snprintf(event, sizeof(event), R"({"k":%lld,"v":%lld,"ts":%lld})",
                                     static_cast<long long>(sent.events * 2654435761 % keys),
                                     static_cast<long long>(sent.events % 100),
                                     static_cast<long long>(NowNanos()));
      RdKafka::ErrorCode code;
      while ((code = producer->produce(topic, 0, RdKafka::Producer::RK_MSG_COPY, event,
                                       static_cast<size_t>(size), nullptr, 0, 0, nullptr)) ==
             RdKafka::ERR__QUEUE_FULL) {
        producer->poll(1);  // a broker that falls behind makes the schedule late, and is waited for
      }
      sent.failed += code != RdKafka::ERR_NO_ERROR;
    }
    producer->poll(0);
  }
  producer->flush(30'000);
  sent.failed += failures.count;
  return sent;
}

// The time in a result; 0 when it has none (a tombstone).
int64_t StampOf(const RdKafka::Message& message) {
  const std::string_view text(static_cast<const char*>(message.payload()), message.len());
  const size_t at = text.find("\"ts\":");
  return at == std::string_view::npos ? 0 : std::atoll(text.data() + at + 5);
}

double Percentile(const std::vector<int64_t>& sorted, double share) {
  const auto at = static_cast<size_t>(share * static_cast<double>(sorted.size() - 1));
  return static_cast<double>(sorted[at]) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) {
    std::fprintf(stderr,
                 "usage: query_load BOOTSTRAP INPUT OUTPUT EVENTS_PER_S SECONDS WARM_UP_S KEYS\n");
    return 2;
  }
  const std::string bootstrap = argv[1], input = argv[2], output = argv[3];
  const int64_t rate = std::atoll(argv[4]), seconds = std::atoll(argv[5]);
  const int64_t warm_up = std::atoll(argv[6]), keys = std::atoll(argv[7]);

  auto conf = Configured({{"bootstrap.servers", bootstrap},
                          {"group.id", "latency"},
                          {"enable.auto.commit", "false"},
                          {"fetch.wait.max.ms", "100"}});
  std::string error;
  std::unique_ptr<RdKafka::KafkaConsumer> consumer(
      RdKafka::KafkaConsumer::create(conf.get(), error));
  std::unique_ptr<RdKafka::TopicPartition> partition(
      RdKafka::TopicPartition::create(output, 0, RdKafka::Topic::OFFSET_END));
  std::vector<RdKafka::TopicPartition*> partitions{partition.get()};
  if (consumer->assign(partitions) != RdKafka::ERR_NO_ERROR) return 2;

  Sent sent;
  std::atomic<bool> done = false;
  std::thread producer([&] {
    std::this_thread::sleep_for(std::chrono::seconds(1));  // the consumer stands at the end by then
    sent = Send(bootstrap, input, rate, warm_up + seconds, keys);
    done = true;
  });
  const int64_t counted_from = NowNanos() + (warm_up + 1) * 1'000'000'000;
  std::vector<int64_t> latencies;
  while (true) {
    std::unique_ptr<RdKafka::Message> message(consumer->consume(200));
    if (message->err() == RdKafka::ERR_NO_ERROR) {
      const int64_t stamp = StampOf(*message);
      if (stamp >= counted_from) latencies.push_back(NowNanos() - stamp);
    } else if (done) {
      break;  // nothing more has come for a while
    }
  }
  producer.join();
  consumer->close();
  std::sort(latencies.begin(), latencies.end());
  if (latencies.empty() || sent.failed > 0) {
    std::fprintf(stderr, "%zu results, %lld events not accepted\n", latencies.size(),
                 static_cast<long long>(sent.failed));
    return 1;
  }
  std::printf(
      R"({"events":%lld,"results":%zu,"p50_ms":%.2f,"p90_ms":%.2f,"p99_ms":%.2f,"p999_ms":%.2f,"max_ms":%.1f,"sender_late_ms":%lld})"
      "\n",
      static_cast<long long>(sent.events), latencies.size(), Percentile(latencies, 0.5),
      Percentile(latencies, 0.9), Percentile(latencies, 0.99), Percentile(latencies, 0.999),
      static_cast<double>(latencies.back()) / 1e6, static_cast<long long>(sent.late_ms));
  return 0;
}

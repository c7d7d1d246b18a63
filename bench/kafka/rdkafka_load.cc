// Load through librdkafka: produces or consumes N records of a size and prints one JSON line.
// Usage: rdkafka_load produce|consume BOOTSTRAP TOPIC COUNT SIZE [key=value of librdkafka ...]
// Ends by itself after COUNT records or 120 s without progress; exit code 1 when any record failed.
#include <librdkafka/rdkafkacpp.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Reports : public RdKafka::DeliveryReportCb {
 public:
  void dr_cb(RdKafka::Message& message) override {
    if (message.err() != RdKafka::ERR_NO_ERROR) {
      ++failed;
    } else {
      ++delivered;
    }
  }
  long delivered = 0;
  long failed = 0;
};

void Set(RdKafka::Conf& conf, const std::string& key, const std::string& value) {
  std::string error;
  if (conf.set(key, value, error) != RdKafka::Conf::CONF_OK) {
    std::fprintf(stderr, "%s\n", error.c_str());
    std::exit(2);
  }
}

void Print(const char* what, long count, size_t size, double seconds, long failed) {
  std::printf(
      "{\"load\":\"librdkafka-%s\",\"records\":%ld,\"bytes\":%zu,\"seconds\":%.3f,"
      "\"mib_per_s\":%.1f,\"failed\":%ld}\n",
      what, count, size * static_cast<size_t>(count), seconds,
      static_cast<double>(size) * static_cast<double>(count) / seconds / (1 << 20), failed);
}

int Produce(RdKafka::Conf* conf, const std::string& topic, long count, size_t size) {
  std::string error;
  Reports reports;
  conf->set("dr_cb", &reports, error);
  std::unique_ptr<RdKafka::Producer> producer(RdKafka::Producer::create(conf, error));
  if (!producer) return std::fprintf(stderr, "%s\n", error.c_str()), 2;
  std::vector<char> payload(size);
  unsigned state = 42;
  for (char& c : payload)
    c = static_cast<char>('a' + (state = state * 1664525u + 1013904223u) / (1u << 28));
  Clock::time_point start = Clock::now();
  for (long i = 0; i < count;) {
    auto code =
        producer->produce(topic, RdKafka::Topic::PARTITION_UA, RdKafka::Producer::RK_MSG_COPY,
                          payload.data(), payload.size(), nullptr, 0, 0, nullptr);
    if (code == RdKafka::ERR__QUEUE_FULL) {
      producer->poll(5);
      continue;
    }
    if (code != RdKafka::ERR_NO_ERROR)
      return std::fprintf(stderr, "%s\n", RdKafka::err2str(code).c_str()), 1;
    if (++i % 1000 == 0) producer->poll(0);
  }
  producer->flush(120'000);
  Print("produce", reports.delivered, size, SecondsSince(start), reports.failed);
  return reports.delivered == count ? 0 : 1;
}

int Consume(RdKafka::Conf* conf, const std::string& topic, long count) {
  std::string error;
  std::unique_ptr<RdKafka::KafkaConsumer> consumer(RdKafka::KafkaConsumer::create(conf, error));
  if (!consumer) return std::fprintf(stderr, "%s\n", error.c_str()), 2;
  consumer->subscribe({topic});
  Clock::time_point start = Clock::now();
  Clock::time_point first = start;
  Clock::time_point progress = start;
  long seen = 0;
  size_t bytes = 0;
  while (seen < count && SecondsSince(progress) < 120) {
    std::unique_ptr<RdKafka::Message> message(consumer->consume(1000));
    if (message->err() != RdKafka::ERR_NO_ERROR) continue;
    progress = Clock::now();
    if (seen++ == 0) first = progress;
    bytes += message->len();
  }
  Print("consume", seen, seen > 0 ? bytes / static_cast<size_t>(seen) : 0, SecondsSince(first), 0);
  consumer->close();
  return seen == count ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fprintf(stderr,
                 "usage: rdkafka_load produce|consume BOOTSTRAP TOPIC COUNT SIZE [k=v ...]\n");
    return 2;
  }
  std::string what = argv[1];
  std::unique_ptr<RdKafka::Conf> conf(RdKafka::Conf::create(RdKafka::Conf::CONF_GLOBAL));
  Set(*conf, "bootstrap.servers", argv[2]);
  if (what == "produce") {
    Set(*conf, "acks", "all");
    Set(*conf, "linger.ms", "5");
    Set(*conf, "batch.size", "262144");
    Set(*conf, "queue.buffering.max.kbytes", "65536");
  } else {
    Set(*conf, "group.id", "bench-" + std::to_string(Clock::now().time_since_epoch().count()));
    Set(*conf, "auto.offset.reset", "earliest");
    Set(*conf, "enable.auto.commit", "false");
  }
  for (int i = 6; i < argc; ++i) {
    std::string pair = argv[i];
    size_t equals = pair.find('=');
    Set(*conf, pair.substr(0, equals), pair.substr(equals + 1));
  }
  long count = std::atol(argv[4]);
  size_t size = static_cast<size_t>(std::atol(argv[5]));
  return what == "produce" ? Produce(conf.get(), argv[3], count, size)
                           : Consume(conf.get(), argv[3], count);
}

// Prometheus metrics of one node. Names are mainstem_<what>_<unit>[_total]. Registration takes a
// lock and happens at start or when a topic or job appears; counting is a lock-free add.
// Thread-safe. What is registered lives as long as the Metrics.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

namespace prometheus {
class Registry;
}

namespace mainstem {

struct MetricName {
  std::string name;
  std::string help;
  std::map<std::string, std::string> labels = {};
};

class Metrics {
 public:
  Metrics();
  ~Metrics();
  // The same name and labels give the same object.
  prometheus::Counter& AddCounter(const MetricName& name);
  prometheus::Gauge& AddGauge(const MetricName& name);
  // `bounds`: ascending upper limits of the buckets.
  prometheus::Histogram& AddHistogram(const MetricName& name, std::vector<double> bounds);
  // The exposition format that Prometheus scrapes (version 0.0.4).
  std::string Text() const;

 private:
  std::unique_ptr<prometheus::Registry> registry_;
};

}  // namespace mainstem

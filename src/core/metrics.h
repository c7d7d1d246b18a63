// Prometheus metrics of one node. Names are mainstem_<what>_<unit>[_total]. Registration takes a
// lock and happens at start or when a topic or job appears; counting is a lock-free add.
// Thread-safe. What is registered lives as long as the Metrics.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

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
  // A value that somebody counts already: asked for by each Text(), on its thread. What `value`
  // refers to outlives the last Text().
  enum class Kind { kCounter, kGauge };
  void AddFunction(const MetricName& name, Kind kind, std::function<double()> value);
  // The exposition format that Prometheus scrapes (version 0.0.4).
  std::string Text() const;

 private:
  struct Function {
    MetricName name;
    Kind kind;
    std::function<double()> value;
  };
  std::unique_ptr<prometheus::Registry> registry_;
  mutable std::mutex mutex_;  // guards functions_
  std::vector<Function> functions_;
};

}  // namespace mainstem

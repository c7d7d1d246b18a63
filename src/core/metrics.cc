#include "core/metrics.h"

#include <algorithm>

#include <prometheus/metric_family.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace mainstem {

Metrics::Metrics() : registry_(std::make_unique<prometheus::Registry>()) {}
Metrics::~Metrics() = default;

prometheus::Counter& Metrics::AddCounter(const MetricName& name) {
  return prometheus::BuildCounter()
      .Name(name.name)
      .Help(name.help)
      .Register(*registry_)
      .Add(name.labels);
}

prometheus::Gauge& Metrics::AddGauge(const MetricName& name) {
  return prometheus::BuildGauge()
      .Name(name.name)
      .Help(name.help)
      .Register(*registry_)
      .Add(name.labels);
}

prometheus::Histogram& Metrics::AddHistogram(const MetricName& name, std::vector<double> bounds) {
  return prometheus::BuildHistogram()
      .Name(name.name)
      .Help(name.help)
      .Register(*registry_)
      .Add(name.labels, std::move(bounds));
}

void Metrics::AddFunction(const MetricName& name, Kind kind, std::function<double()> value) {
  std::lock_guard lock(mutex_);
  functions_.push_back({name, kind, std::move(value)});
}

std::string Metrics::Text() const {
  std::vector<prometheus::MetricFamily> families = registry_->Collect();
  std::lock_guard lock(mutex_);
  for (const Function& function : functions_) {
    bool is_counter = function.kind == Kind::kCounter;
    prometheus::ClientMetric metric;
    for (const auto& [label, value] : function.name.labels) metric.label.push_back({label, value});
    (is_counter ? metric.counter.value : metric.gauge.value) = function.value();
    // Those of one name are one family: its head may stand in the text once only.
    auto same = [&](const prometheus::MetricFamily& f) { return f.name == function.name.name; };
    auto family = std::find_if(families.begin(), families.end(), same);
    if (family != families.end()) {
      family->metric.push_back(std::move(metric));
      continue;
    }
    families.push_back(
        {function.name.name,
         function.name.help,
         is_counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge,
         {metric}});
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace mainstem

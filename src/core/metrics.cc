#include "core/metrics.h"

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

std::string Metrics::Text() const {
  return prometheus::TextSerializer().Serialize(registry_->Collect());
}

}  // namespace mainstem

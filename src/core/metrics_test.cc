#include "core/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mainstem {
namespace {

TEST(MetricsTest, PrintsWhatWasCounted) {
  Metrics metrics;
  MetricName name{.name = "mainstem_bytes_in_total", .help = "bytes", .labels = {{"topic", "a"}}};
  metrics.AddCounter(name).Increment(3);
  metrics.AddCounter(name).Increment(4);
  metrics.AddGauge({.name = "mainstem_memory_bytes", .help = "memory"}).Set(5);
  std::string text = metrics.Text();
  EXPECT_THAT(text, testing::HasSubstr("mainstem_bytes_in_total{topic=\"a\"} 7"));
  EXPECT_THAT(text, testing::HasSubstr("mainstem_memory_bytes 5"));
}

TEST(MetricsTest, AsksForWhatSomebodyElseCounts) {
  Metrics metrics;
  int64_t bytes = 1;
  metrics.AddFunction(
      {.name = "mainstem_sent_bytes_total", .help = "sent", .labels = {{"door", "x"}}},
      Metrics::Kind::kCounter, [&bytes] { return static_cast<double>(bytes); });
  bytes = 12;
  std::string text = metrics.Text();
  EXPECT_THAT(text, testing::HasSubstr("# TYPE mainstem_sent_bytes_total counter"));
  EXPECT_THAT(text, testing::HasSubstr("mainstem_sent_bytes_total{door=\"x\"} 12"));
}

TEST(MetricsTest, WritesTheHeadOfAFamilyOnce) {
  Metrics metrics;
  for (std::string door : {"kafka", "http"}) {
    metrics.AddFunction({.name = "mainstem_open", .help = "open", .labels = {{"door", door}}},
                        Metrics::Kind::kGauge, [] { return 1; });
  }
  std::string text = metrics.Text();
  EXPECT_EQ(text.find("# TYPE mainstem_open"), text.rfind("# TYPE mainstem_open"));
  EXPECT_THAT(text, testing::HasSubstr("mainstem_open{door=\"kafka\"} 1"));
  EXPECT_THAT(text, testing::HasSubstr("mainstem_open{door=\"http\"} 1"));
}

}  // namespace
}  // namespace mainstem

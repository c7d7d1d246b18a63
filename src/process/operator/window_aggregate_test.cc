#include "process/operator/window_aggregate.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/operator/operator_test_support.h"
#include "process/operator/watermark_blob.h"

namespace mainstem::process {
namespace {

using optest::MakeBatch;
using optest::OperatorBench;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Input (k STRING, v BIGINT, ts TIMESTAMP(3)); output k, COUNT(*), window_start, window_end.
WindowAggregateOptions Options(plan::WindowKind kind, int64_t size, int64_t slide = 0) {
  WindowAggregateOptions options;
  options.window.kind = kind;
  options.window.time_column = 2;
  options.window.size_ms = size;
  options.window.slide_ms = slide;
  options.keys = {0};
  options.key_types = {arrow::utf8()};
  plan::AggregateSpec count;
  count.call.name = "COUNT";
  options.aggregates = {count};
  options.properties = {plan::WindowProperty::kStart, plan::WindowProperty::kEnd};
  auto time = arrow::timestamp(arrow::TimeUnit::MILLI);
  options.output_schema =
      arrow::schema({arrow::field("k", arrow::utf8()), arrow::field("c", arrow::int64()),
                     arrow::field("window_start", time), arrow::field("window_end", time)});
  return options;
}

Element Rows(const std::vector<std::vector<std::string>>& rows) {
  return Element::Batch(MakeBatch("slt", rows));
}

TEST(WindowAggregateTest, FiresWhenTheWatermarkReachesTheLastMillisecond) {
  OperatorBench bench(
      std::make_unique<WindowAggregateOperator>(Options(plan::WindowKind::kTumble, 10)));
  EXPECT_THAT(
      bench.Push(Rows({{"+I", "a", "1", "3"}, {"+I", "b", "1", "9"}, {"+I", "a", "1", "10"}})),
      IsEmpty());
  EXPECT_THAT(bench.Push(Element::Watermark(8)), ElementsAre("wm 8"));
  EXPECT_THAT(bench.Push(Element::Watermark(9)), ElementsAre("+I a 1 0 10", "+I b 1 0 10", "wm 9"));
  EXPECT_THAT(bench.Push(Element::Watermark(kEndOfTime)),
              ElementsAre("+I a 1 10 20", "wm 9223372036854775807"));
  EXPECT_EQ(bench.metrics().state_entries, 0);
}

TEST(WindowAggregateTest, DropsAndCountsLateRows) {
  OperatorBench bench(
      std::make_unique<WindowAggregateOperator>(Options(plan::WindowKind::kTumble, 10)));
  bench.Push(Element::Watermark(9));
  bench.Push(Rows({{"+I", "a", "1", "9"}, {"+I", "a", "1", "-1"}, {"+I", "a", "1", "10"}}));
  EXPECT_EQ(bench.metrics().late_rows, 2);
  EXPECT_THAT(bench.Push(Element::Watermark(19)), ElementsAre("+I a 1 10 20", "wm 19"));
}

TEST(WindowAggregateTest, KeepsWindowsAndLatenessThroughARestore) {
  auto factory = MakeMemoryStateBackendFactory();
  std::string blob;
  {
    OperatorBench bench(
        std::make_unique<WindowAggregateOperator>(Options(plan::WindowKind::kTumble, 10)), {}, {},
        factory.get());
    bench.Push(Element::Watermark(9));
    bench.Push(Rows({{"+I", "a", "1", "15"}}));
    blob = bench.Checkpoint("/one");
  }
  OperatorBench bench(
      std::make_unique<WindowAggregateOperator>(Options(plan::WindowKind::kTumble, 10)), {blob},
      {"/one"}, factory.get());
  bench.Push(Rows({{"+I", "a", "1", "5"}, {"+I", "a", "1", "16"}}));
  EXPECT_EQ(bench.metrics().late_rows, 1);
  EXPECT_THAT(bench.Push(Element::Watermark(19)), ElementsAre("+I a 2 10 20", "wm 19"));
}

// The first watermark after a restore is that of the slowest split, which may have been idle.
TEST(WindowAggregateTest, WhatWasLateStaysLateUnderAWatermarkThatBeginsLower) {
  auto factory = MakeMemoryStateBackendFactory();
  OperatorBench bench(
      std::make_unique<WindowAggregateOperator>(Options(plan::WindowKind::kTumble, 10)),
      {WatermarkBlob(100)}, {}, factory.get());
  EXPECT_THAT(bench.Push(Element::Watermark(50)), ElementsAre("wm 100"));
  EXPECT_THAT(bench.Push(Rows({{"+I", "a", "1", "60"}})), IsEmpty());
  EXPECT_EQ(bench.metrics().late_rows, 1);
  EXPECT_EQ(LowestWatermark({bench.Checkpoint("/one")}), 100);
  EXPECT_THAT(bench.Push(Element::Watermark(100)), ElementsAre("wm 100"));
}

TEST(WindowAggregateTest, CountsTheMemoryOfWhatItHasTaken) {
  WindowAggregateOptions options = Options(plan::WindowKind::kTumble, 10);
  options.keys = {1};
  options.key_types = {arrow::int64()};
  plan::AggregateSpec texts;
  texts.call.name = "ARRAY_AGG";
  texts.call.args = {LogicalType::String()};
  texts.call.is_grouped = true;
  texts.args = {0};
  options.aggregates = {texts};
  options.output_schema = arrow::schema(
      {arrow::field("v", arrow::int64()), arrow::field("texts", arrow::list(arrow::utf8())),
       options.output_schema->field(2), options.output_schema->field(3)});
  OperatorBench bench(std::make_unique<WindowAggregateOperator>(options));
  std::vector<std::vector<std::string>> rows;
  const std::string text(1024, 'x');
  for (int i = 0; i < 10'000; ++i) rows.push_back({"+I", text, std::to_string(i), "3"});
  bench.Push(Rows(rows));
  EXPECT_GT(bench.metrics().state_bytes, 10'000'000);
}

}  // namespace
}  // namespace mainstem::process

#include "process/operator/processing_time.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/operator/operator_test_support.h"
#include "process/operator/window_aggregate.h"

namespace mainstem::process {
namespace {

using optest::MakeBatch;
using optest::OperatorBench;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Input (k STRING, pt TIMESTAMP(3)); output k, COUNT(*).
std::unique_ptr<Operator> CountPerHour() {
  WindowAggregateOptions options;
  options.window.kind = plan::WindowKind::kTumble;
  options.window.time_column = 1;
  options.window.event_time = false;
  options.window.size_ms = 3'600'000;
  options.keys = {0};
  options.key_types = {arrow::utf8()};
  plan::AggregateSpec count;
  count.call.name = "COUNT";
  options.aggregates = {count};
  options.output_schema =
      arrow::schema({arrow::field("k", arrow::utf8()), arrow::field("c", arrow::int64())});
  return std::make_unique<ProcessingTimeOperator>(
      std::make_unique<WindowAggregateOperator>(options), 1);
}

// The times in the rows don't matter: the simulated clock stands still.
Element KeyRows(const std::vector<std::string>& keys) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& key : keys) rows.push_back({"+I", key, "7"});
  return Element::Batch(MakeBatch("st", rows));
}

constexpr int64_t kFarAway = int64_t{1} << 45;

TEST(ProcessingTimeTest, TheClockClosesWindowsAndWatermarksDoNot) {
  OperatorBench bench(CountPerHour());
  // What follows hears of the clock as of a watermark.
  const std::string clock = "wm 1767229199999";
  EXPECT_THAT(bench.Push(KeyRows({"a", "b", "a"})), ElementsAre(clock));
  EXPECT_THAT(bench.Push(Element::Watermark(kFarAway)), ElementsAre(clock));
  EXPECT_THAT(bench.Push(KeyRows({"a"})), IsEmpty());
  EXPECT_THAT(bench.Push(Element::Time(kFarAway)),
              ElementsAre("+I a 3", "+I b 1", "wm 35184372088831"));
  EXPECT_THAT(bench.Push(Element::Time(kFarAway + 1)), ElementsAre("wm 35184372088832"));
  EXPECT_EQ(bench.metrics().late_rows, 0);
}

TEST(ProcessingTimeTest, AClockThatGoesBackMakesNoRowLate) {
  OperatorBench bench(CountPerHour());
  bench.Push(Element::Time(kFarAway));
  bench.Push(KeyRows({"a"}));
  bench.Push(Element::Time(1000));
  bench.Push(KeyRows({"a"}));
  EXPECT_EQ(bench.metrics().late_rows, 0);
  EXPECT_THAT(bench.Push(Element::Time(2 * kFarAway)), ElementsAre("+I a 2", "wm 70368744177663"));
}

TEST(ProcessingTimeTest, TheEndOfTheInputSendsWhatIsOpen) {
  OperatorBench bench(CountPerHour());
  bench.Push(KeyRows({"a"}));
  EXPECT_THAT(bench.Push(Element::Watermark(kEndOfTime)),
              ElementsAre("+I a 1", "wm 9223372036854775807"));
}

TEST(ProcessingTimeTest, WindowsThatCloseDuringARestartAreSentAfterIt) {
  auto factory = MakeMemoryStateBackendFactory();
  std::string blob;
  {
    OperatorBench bench(CountPerHour(), {}, {}, factory.get());
    bench.Push(KeyRows({"a"}));
    blob = bench.Checkpoint("/one");
  }
  OperatorBench bench(CountPerHour(), {blob}, {"/one"}, factory.get());
  EXPECT_THAT(bench.Push(Element::Time(kFarAway)), ElementsAre("+I a 1", "wm 35184372088831"));
}

TEST(ProcessingTimeTest, AClockThatWasSetBackDuringARestartMakesNoRowLate) {
  auto factory = MakeMemoryStateBackendFactory();
  std::string blob;
  {
    OperatorBench bench(CountPerHour(), {}, {}, factory.get());
    bench.Push(Element::Time(kFarAway));
    blob = bench.Checkpoint("/one");
  }
  OperatorBench bench(CountPerHour(), {blob}, {"/one"}, factory.get());
  bench.Push(KeyRows({"a"}));
  EXPECT_EQ(bench.metrics().late_rows, 0);
  EXPECT_THAT(bench.Push(Element::Time(2 * kFarAway)), ElementsAre("+I a 1", "wm 70368744177663"));
}

}  // namespace
}  // namespace mainstem::process

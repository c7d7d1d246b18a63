#include "process/operator/pane_aggregate.h"

#include <map>
#include <random>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/operator/operator_test_support.h"

namespace mainstem::process {
namespace {

using optest::MakeBatch;
using optest::OperatorBench;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAreArray;

// Input (k STRING, v BIGINT, ts TIMESTAMP(3)); output k, COUNT(*), SUM(v), window_end.
WindowAggregateOptions PaneOptions(plan::WindowKind kind, int64_t size, int64_t slide) {
  WindowAggregateOptions options;
  options.window.kind = kind;
  options.window.time_column = 2;
  options.window.size_ms = size;
  options.window.slide_ms = slide;
  options.keys = {0};
  options.key_types = {arrow::utf8()};
  plan::AggregateSpec count, sum;
  count.call.name = "COUNT";
  sum.call.name = "SUM";
  sum.call.args = {LogicalType::BigInt()};
  sum.args = {1};
  options.aggregates = {count, sum};
  options.properties = {plan::WindowProperty::kEnd};
  options.output_schema =
      arrow::schema({arrow::field("k", arrow::utf8()), arrow::field("c", arrow::int64()),
                     arrow::field("s", arrow::int64()),
                     arrow::field("window_end", arrow::timestamp(arrow::TimeUnit::MILLI))});
  return options;
}

std::unique_ptr<Operator> Make(plan::WindowKind kind, int64_t size, int64_t slide) {
  return std::make_unique<PaneAggregateOperator>(PaneOptions(kind, size, slide));
}

Element PaneRows(const std::vector<std::vector<std::string>>& rows) {
  return Element::Batch(MakeBatch("slt", rows));
}

TEST(PaneAggregateTest, ALateRowOfAHopStillCountsInItsOpenWindows) {
  OperatorBench bench(Make(plan::WindowKind::kHop, 10, 5));
  bench.Push(Element::Watermark(9));
  bench.Push(PaneRows({{"+I", "a", "1", "7"}, {"+I", "a", "1", "4"}}));
  EXPECT_EQ(bench.metrics().late_rows, 1);
  EXPECT_THAT(bench.Push(Element::Watermark(100)), ElementsAre("+I a 1 1 15", "wm 100"));
  EXPECT_EQ(bench.metrics().state_entries, 0);
}

TEST(PaneAggregateTest, CumulateRepeatsItsValueEachStep) {
  OperatorBench bench(Make(plan::WindowKind::kCumulate, 20, 5));
  bench.Push(PaneRows({{"+I", "a", "1", "1"}, {"+I", "a", "1", "12"}}));
  EXPECT_THAT(bench.Push(Element::Watermark(100)),
              ElementsAre("+I a 1 1 5", "+I a 1 1 10", "+I a 2 2 15", "+I a 2 2 20", "wm 100"));
}

TEST(PaneAggregateTest, WindowsFarApartCostNothingBetween) {
  OperatorBench bench(Make(plan::WindowKind::kHop, 3'600'000, 1));
  bench.Push(PaneRows({{"+I", "a", "1", "-5000000000000"}, {"+I", "b", "2", "5000000000000"}}));
  // 3.6 million windows hold the first row: up to the watermark only two have ended.
  EXPECT_THAT(
      bench.Push(Element::Watermark(-4'999'999'999'999)),
      ElementsAre("+I a 1 1 -4999999999999", "+I a 1 1 -4999999999998", "wm -4999999999999"));
}

TEST(PaneAggregateTest, ARowThatIsTakenBackLeavesNoWindow) {
  OperatorBench bench(Make(plan::WindowKind::kHop, 10, 5));
  bench.Push(PaneRows({{"+I", "a", "1", "7"}, {"+I", "b", "1", "7"}}));
  bench.Push(PaneRows({{"-D", "a", "1", "7"}}));
  EXPECT_THAT(bench.Push(Element::Watermark(100)),
              ElementsAre("+I b 1 1 10", "+I b 1 1 15", "wm 100"));
}

// Two subtasks, of which one has sent more windows, become one. The key is `owner`'s; watermarks
// are those of subtasks 0 and 1.
class MergedSubtasks {
 public:
  MergedSubtasks() {
    const auto codec = RowCodec::Make({arrow::utf8()}).ValueOrDie();
    EncodedRows keys;
    const auto batch = MakeBatch("s", {{"+I", "a"}});
    CHECK_OK(codec.Encode(batch.rows->columns(), 1, &keys));
    keys.ComputeHashes();
    owner_ = SubtaskOf(KeyGroupOf(keys.hash(0)), 2);
  }
  void Run(int64_t owners_watermark, int64_t others_watermark) {
    for (int subtask : {0, 1}) {
      const std::string directory = "/" + std::to_string(subtask);
      OperatorBench bench(Make(plan::WindowKind::kHop, 10, 1), {}, {}, &*factory_, {subtask, 2});
      if (subtask == owner_) bench.Push(PaneRows({{"+I", "a", "1", "5"}}));
      bench.Push(Element::Watermark(subtask == owner_ ? owners_watermark : others_watermark));
      blobs_.push_back(bench.Checkpoint(directory));
      directories_.push_back(directory);
    }
    // A barrier may come before anything else.
    std::string blob;
    {
      OperatorBench bench(Make(plan::WindowKind::kHop, 10, 1), blobs_, directories_, &*factory_);
      blob = bench.Checkpoint("/merged");
    }
    merged_.emplace(Make(plan::WindowKind::kHop, 10, 1), std::vector{blob},
                    std::vector<std::string>{"/merged"}, &*factory_);
  }
  OperatorBench& bench() { return *merged_; }

 private:
  int owner_;
  std::unique_ptr<StateBackendFactory> factory_ = MakeMemoryStateBackendFactory();
  std::vector<std::string> blobs_, directories_;
  std::optional<OperatorBench> merged_;
};

TEST(PaneAggregateTest, SendsNoWindowAgainThatOnlyAnotherSubtaskHadNotReached) {
  MergedSubtasks merged;
  merged.Run(9, 6);
  EXPECT_THAT(merged.bench().Push(Element::Watermark(10)), ElementsAre("+I a 1 1 11", "wm 10"));
  merged.bench().Push(PaneRows({{"+I", "a", "2", "6"}}));
  EXPECT_THAT(merged.bench().Push(Element::Watermark(11)), ElementsAre("+I a 2 3 12", "wm 11"));
}

TEST(PaneAggregateTest, BringsKeysUpThatAreBehindAnotherSubtasks) {
  MergedSubtasks merged;
  merged.Run(6, 9);
  EXPECT_THAT(merged.bench().Push(Element::Watermark(10)),
              ElementsAre("+I a 1 1 8", "+I a 1 1 9", "+I a 1 1 10", "+I a 1 1 11", "wm 10"));
  EXPECT_THAT(merged.bench().Push(Element::Watermark(100)),
              ElementsAre("+I a 1 1 12", "+I a 1 1 13", "+I a 1 1 14", "+I a 1 1 15", "wm 100"));
  EXPECT_EQ(merged.bench().metrics().state_entries, 0);
}

TEST(PaneProgressTest, ComesBackForOtherKeyGroups) {
  const PaneProgress first{.watermark_ms = 9, .parts = {{{0, 64}, 10}}};
  const PaneProgress second{.watermark_ms = 6, .parts = {{{64, 100}, 7}, {{100, 128}, 8}}};
  EXPECT_EQ(second.ToBlob().size(), 8u + 2 * 16);
  const auto of = [&](int begin, int end) {
    return PaneProgress::Of({second.ToBlob(), first.ToBlob()}, {begin, end}).ValueOrDie();
  };
  EXPECT_EQ(of(0, 128).watermark_ms, 9);
  EXPECT_THAT(of(32, 90).parts,
              ElementsAre(PaneProgress::Part{{32, 64}, 10}, PaneProgress::Part{{64, 90}, 7}));
  EXPECT_EQ(of(64, 128).watermark_ms, 6);
  EXPECT_EQ(PaneProgress::Of({}, {0, 128})->watermark_ms, kNoWatermark);
  const PaneProgress ended{.watermark_ms = kEndOfTime, .parts = {{{0, 128}, 99}}};
  EXPECT_EQ(PaneProgress::Of({ended.ToBlob()}, {0, 128})->watermark_ms, kNoWatermark);
  EXPECT_FALSE(PaneProgress::Of({first.ToBlob() + "x"}, {0, 128}).ok());
}

// Random rows, some of them late, through checkpoints and restores, against plain counting.
class Play {
 public:
  Play(plan::WindowKind kind, int64_t size, int64_t slide)
      : options_(PaneOptions(kind, size, slide)), assigner_(options_.window, absl::UTCTimeZone()) {
    Restart({}, {});
  }

  int64_t late() const { return late_; }
  void Run(uint64_t seed, int rounds) {
    std::mt19937_64 random(seed);
    int64_t now = -static_cast<int64_t>(random() % 1000);
    for (int round = 0; round < rounds; ++round) {
      std::vector<std::vector<std::string>> rows;
      for (uint64_t i = random() % 8; i > 0; --i) {
        const int64_t time = now + static_cast<int64_t>(random() % 300) - 200;
        rows.push_back({"+I", std::string(1, static_cast<char>('a' + random() % 4)),
                        std::to_string(random() % 100), std::to_string(time)});
        Count(rows.back(), time);
      }
      if (!rows.empty()) {
        ASSERT_THAT(bench_->Push(PaneRows(rows)), IsEmpty());
      }
      if (random() % 3 == 0) {
        now += static_cast<int64_t>(random() % 120);
        if (random() % 20 == 0) now += 100'000;
        watermark_ = std::max(watermark_, now - 60);
        ASSERT_NO_FATAL_FAILURE(Expect(bench_->Push(Element::Watermark(watermark_))));
      }
      if (random() % 10 == 0) {
        const std::string directory = "/" + std::to_string(round);
        const std::string blob = bench_->Checkpoint(directory);
        Restart({blob}, {directory});
      }
    }
    watermark_ = kEndOfTime;
    Expect(bench_->Push(Element::Watermark(watermark_)));
    EXPECT_EQ(bench_->metrics().state_entries, 0);
  }

 private:
  void Restart(std::vector<std::string> blobs, std::vector<std::string> from) {
    bench_.reset();
    bench_.emplace(std::make_unique<PaneAggregateOperator>(options_), std::move(blobs),
                   std::move(from), factory_.get());
  }
  void Count(const std::vector<std::string>& row, int64_t time) {
    WindowRows windows;
    assigner_.Assign({time}, &windows);
    bool counts = false;
    for (const int64_t end : windows.ends) {
      if (end - 1 <= watermark_) continue;
      auto& [count, sum] = open_[{end, row[1]}];
      ++count;
      sum += std::stoll(row[2]);
      counts = true;
    }
    if (!counts) ++late_;
  }
  void Expect(std::vector<std::string> lines) {
    lines.pop_back();  // the watermark
    std::vector<std::string> expected;
    while (!open_.empty() && open_.begin()->first.first - 1 <= watermark_) {
      const auto& [window, value] = *open_.begin();
      expected.push_back(
          fmt::format("+I {} {} {} {}", window.second, value.first, value.second, window.first));
      open_.erase(open_.begin());
    }
    EXPECT_THAT(lines, UnorderedElementsAreArray(expected)) << "watermark " << watermark_;
  }

  WindowAggregateOptions options_;
  WindowAssigner assigner_;
  std::unique_ptr<StateBackendFactory> factory_ = MakeMemoryStateBackendFactory();
  std::optional<OperatorBench> bench_;
  std::map<std::pair<int64_t, std::string>, std::pair<int64_t, int64_t>> open_;
  int64_t watermark_ = kNoWatermark;
  int64_t late_ = 0;
};

TEST(PaneAggregateTest, EqualsCountingInEachWindow) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    const auto play = [&](plan::WindowKind kind, int64_t size, int64_t slide) {
      Play stream(kind, size, slide);
      stream.Run(seed, 300);
      return stream.late();
    };
    EXPECT_GT(play(plan::WindowKind::kHop, 50, 10), 0);
    EXPECT_GT(play(plan::WindowKind::kHop, 120, 5), 0);
    play(plan::WindowKind::kHop, 640, 10);
    EXPECT_GT(play(plan::WindowKind::kCumulate, 60, 20), 0);
    play(plan::WindowKind::kCumulate, 220, 5);
  }
}

}  // namespace
}  // namespace mainstem::process

#include "process/operator/conflict_check.h"

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

// Rows (k STRING, v BIGINT) with PRIMARY KEY (k), of a query that tells its rows apart by v.
std::unique_ptr<Operator> CheckByK() {
  return std::make_unique<ConflictCheckOperator>(ConflictCheckOperator::Options{
      .columns = {{"k", LogicalType::String()}, {"v", LogicalType::BigInt()}},
      .primary_key = {0},
      .upsert_key = {1},
      .fail = true,
      .table_name = "t"});
}

// The last field is the stamp.
Element StampedRows(const std::vector<std::vector<std::string>>& rows) {
  return Element::Batch(MakeBatch("sll", rows));
}

TEST(ConflictCheckTest, WaitsForTheWatermarkOfTheRowFromTheFirstOneOn) {
  OperatorBench bench(CheckByK());
  EXPECT_THAT(bench.Push(StampedRows({{"+I", "a", "1", "110"}})), IsEmpty());
  EXPECT_THAT(bench.Push(Element::Watermark(100)), ElementsAre("wm 100"));
  EXPECT_THAT(bench.Push(StampedRows({{"-D", "a", "1", "110"}, {"+I", "a", "2", "110"}})),
              IsEmpty());
  EXPECT_THAT(bench.Push(Element::Watermark(110)), ElementsAre("+I a 2", "wm 110"));
}

TEST(ConflictCheckTest, RestoredRowsKeepTheirStamps) {
  auto factory = MakeMemoryStateBackendFactory();
  {
    OperatorBench bench(CheckByK(), {}, {}, factory.get());
    bench.Push(StampedRows({{"+I", "a", "1", "110"}}));
    bench.Checkpoint("/one");
  }
  OperatorBench bench(CheckByK(), {}, {"/one"}, factory.get());
  EXPECT_THAT(bench.Push(Element::Watermark(100)), ElementsAre("wm 100"));
  EXPECT_THAT(bench.Push(Element::Watermark(110)), ElementsAre("+I a 1", "wm 110"));
}

TEST(ConflictCheckTest, WhatComesBehindTheEndOfTimeIsSettledAtTheEnd) {
  OperatorBench bench(CheckByK());
  bench.Push(Element::Watermark(kEndOfTime));
  bench.Push(StampedRows({{"+I", "a", "1", "9223372036854775807"}}));
  EXPECT_THAT(bench.Push(Element::End()), ElementsAre("+I a 1", "end"));
}

TEST(StampWatermarkTest, NoStampIsEarlierThanThoseBeforeARestore) {
  auto stamp = [] {
    return std::make_unique<StampWatermarkOperator>(
        arrow::schema({arrow::field("k", arrow::utf8()), arrow::field("w", arrow::int64())}));
  };
  std::vector<std::string> blobs;
  for (int64_t watermark : {110, 90}) {
    OperatorBench bench(stamp());
    bench.Push(Element::Watermark(watermark));
    blobs.push_back(bench.Checkpoint("/" + std::to_string(watermark)));
  }
  OperatorBench bench(stamp(), blobs);
  // What goes on is what came: other subtasks may be behind.
  EXPECT_THAT(bench.Push(Element::Watermark(50)), ElementsAre("wm 50"));
  EXPECT_THAT(bench.Push(Element::Batch(MakeBatch("s", {{"+I", "a"}}))), ElementsAre("+I a 110"));
}

}  // namespace
}  // namespace mainstem::process

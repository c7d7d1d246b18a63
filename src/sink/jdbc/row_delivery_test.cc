// What a RowDelivery asks of a database when rows are refused: a database in memory that counts.
#include "sink/jdbc/row_delivery.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

namespace mainstem::sink {
namespace {

class CountingDelivery final : public RowDelivery {
 public:
  CountingDelivery(Options options, bool has_savepoints)
      : RowDelivery(std::move(options)), has_savepoints_(has_savepoints) {}

  bool CanStore(const arrow::RecordBatch&, int64_t) const override { return true; }
  Status CheckTable() override { return table_; }

  Status table_;                  // what CheckTable finds
  std::vector<int64_t> refuses_;  // rows; all of them when it is empty
  int write_count_ = 0;

 protected:
  Result<bool> BeginAndMove(Offset) override { return true; }
  Status WriteChunk(const RowChanges&, std::span<const RowChange> changes) override {
    ++write_count_;
    for (const RowChange& change : changes) {
      bool is_refused = refuses_.empty() ||
                        std::find(refuses_.begin(), refuses_.end(), change.row) != refuses_.end();
      if (is_refused) return MakeError(ErrorCode::kInvalidRecord, "no");
    }
    return Status::OK();
  }
  Status RunScript(const std::string&) override { return Status::OK(); }
  size_t rows_per_chunk() const override { return 1000; }
  std::string unstorable_cause() const override { return ""; }
  bool has_savepoints() const override { return has_savepoints_; }

 private:
  bool has_savepoints_;
};

class RowDeliveryTest : public ::testing::TestWithParam<bool> {
 protected:
  RowDeliveryTest() {
    arrow::Int64Builder numbers;
    for (int64_t row = 0; row < 64; ++row) {
      CHECK_OK(numbers.Append(row));
      rows_.changes.push_back({.row = row});
    }
    auto schema = arrow::schema({arrow::field("n", arrow::int64())});
    rows_.rows = arrow::RecordBatch::Make(schema, 64, {numbers.Finish().ValueOrDie()});
    RowDelivery::Options options{.table = {.name = "t", .schema = schema, .primary_key = {"n"}},
                                 .delivery_id = "job/sink",
                                 .partition = PartitionId(0)};
    delivery_ = std::make_unique<CountingDelivery>(std::move(options), GetParam());
  }

  RowChanges rows_;
  std::unique_ptr<CountingDelivery> delivery_;
};
INSTANTIATE_TEST_SUITE_P(Savepoints, RowDeliveryTest, ::testing::Bool());

TEST_P(RowDeliveryTest, ATableThatHasChangedIsLookedAtBeforeRowsAreTriedInHalves) {
  delivery_->table_ = MakeError(ErrorCode::kInvalidArgument, "column 'n' takes no NULL");
  auto refused = delivery_->Apply(rows_, Offset(1));
  EXPECT_TRUE(Is(refused.status(), ErrorCode::kInvalidArgument)) << refused.status();
  EXPECT_EQ(delivery_->write_count_, 1);
}

TEST_P(RowDeliveryTest, RowsThatAreRefusedAreFoundInHalves) {
  delivery_->refuses_ = {5, 40};
  auto refused = delivery_->Apply(rows_, Offset(1));
  ASSERT_TRUE(refused.ok()) << refused.status();
  ASSERT_EQ(refused->size(), 2u);
  EXPECT_EQ((*refused)[0].key, "n=5");
  EXPECT_EQ((*refused)[1].key, "n=40");
  EXPECT_LT(delivery_->write_count_, 30);
}

}  // namespace
}  // namespace mainstem::sink

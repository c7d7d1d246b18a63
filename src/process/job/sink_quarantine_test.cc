#include "process/job/sink_quarantine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "process/job/job_topics.h"
#include "storage/testing/memory_log.h"

namespace mainstem::process {
namespace {

using ::testing::HasSubstr;

class SinkQuarantineTest : public ::testing::Test {
 protected:
  // One start of the job: counts what is there, then refuses these rows one after another.
  Status Start(std::vector<std::string> origins, RejectPolicy policy = RejectPolicy::kQuarantine) {
    SinkQuarantineOptions options{.rule = {.policy = policy, .max = 3},
                                  .topic = QuarantineTopicName("job"),
                                  .table = "o",
                                  .delivery_id = "job.sink-1"};
    SinkQuarantine quarantine(&env_, &log_, std::move(options));
    return env_.Run(RefuseAll(&quarantine, std::move(origins)));
  }
  static Task<> RefuseAll(SinkQuarantine* quarantine, std::vector<std::string> origins) {
    CO_RETURN_IF_ERROR(co_await quarantine->CountKept());
    for (const std::string& origin : origins) {
      std::vector<connector::RejectedRecord> rows(1);
      rows[0].origin = origin;
      rows[0].raw_bytes = "+I[1]";
      rows[0].cause = MakeError(ErrorCode::kInvalidRecord, "too great");
      CO_RETURN_IF_ERROR(co_await quarantine->OnRejected(std::move(rows)));
    }
    co_return Status::OK();
  }
  static Task<> DeleteKept(storage::Log* log) {
    auto topic = log->FindTopic(QuarantineTopicName("job"));
    CO_RETURN_IF_ERROR(co_await log->DeleteRecords({topic->id, PartitionId(0)}, Offset(-1)));
    co_return Status::OK();
  }

  int64_t KeptCount() {
    int64_t count = 0;
    Status status = env_.Run(CountKept(&log_, &count));
    EXPECT_TRUE(status.ok()) << status;
    return count;
  }
  static Task<> CountKept(storage::Log* log, int64_t* count) {
    auto topic = log->FindTopic(QuarantineTopicName("job"));
    storage::TopicPartition where{topic->id, PartitionId(0)};
    CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await log->Offsets(where));
    *count = offsets.high_watermark.value();
    co_return Status::OK();
  }

  SimDisk disk_{1};
  SimEnv env_{&disk_, {}};
  storage::MemoryLog log_{&env_};
};

TEST_F(SinkQuarantineTest, CountsWhatEarlierStartsHaveKept) {
  EXPECT_TRUE(Start({"job.sink-1/0@<5", "job.sink-1/1@<9"}).ok());
  EXPECT_TRUE(Start({"job.sink-1/0@<7"}).ok());
  Status status = Start({"job.sink-1/0@<8"});
  EXPECT_TRUE(Is(status, ErrorCode::kInvalidRecord));
  EXPECT_THAT(Describe(status), HasSubstr("4 rows of table 'o' were refused"));
  // Whoever has looked at them and deletes them gives the sink a new chance.
  ASSERT_TRUE(env_.Run(DeleteKept(&log_)).ok());
  EXPECT_TRUE(Start({"job.sink-1/0@<8"}).ok());
}

TEST_F(SinkQuarantineTest, CountsARowThatCameTwiceOnceAndOthersNotAtAll) {
  EXPECT_TRUE(Start({"job.sink-1/0@<5", "job.sink-1/0@<5"}).ok());
  EXPECT_TRUE(Start({"job.sink-1/0@<5"}).ok());
  EXPECT_TRUE(Start({"job.sink-1/0@<6", "job.sink-1/0@<7"}).ok());
}

// A delivery that fails after it has refused a row is tried again for ever.
TEST_F(SinkQuarantineTest, KeepsAndCountsARowOnceHoweverOftenItsDeliveryIsTriedAgain) {
  std::vector<std::string> again(10, "job.sink-1/0@<5");
  EXPECT_TRUE(Start(again).ok());
  EXPECT_EQ(KeptCount(), 1);
  EXPECT_TRUE(Start(again).ok());
  EXPECT_EQ(KeptCount(), 1);
  EXPECT_TRUE(Start(again, RejectPolicy::kSkip).ok());
}

TEST_F(SinkQuarantineTest, RemembersNothingWithoutALimit) {
  SinkQuarantineOptions options{
      .rule = {.policy = RejectPolicy::kQuarantine, .max = std::numeric_limits<int64_t>::max()},
      .topic = QuarantineTopicName("job"),
      .table = "o",
      .delivery_id = "job.sink-1"};
  for (int start = 1; start <= 2; ++start) {
    SinkQuarantine quarantine(&env_, &log_, options);
    std::vector<std::string> again(5, "job.sink-1/0@<5");
    ASSERT_TRUE(env_.Run(RefuseAll(&quarantine, std::move(again))).ok());
    EXPECT_EQ(quarantine.row_count(), 5);
    EXPECT_EQ(KeptCount(), 5 * start);
  }
}

TEST_F(SinkQuarantineTest, KeepsEqualRowsOfOneCall) {
  SinkQuarantineOptions options{.rule = {.policy = RejectPolicy::kQuarantine, .max = 3},
                                .topic = QuarantineTopicName("job"),
                                .table = "o",
                                .delivery_id = "job.sink-1"};
  SinkQuarantine quarantine(&env_, &log_, std::move(options));
  std::vector<connector::RejectedRecord> rows(2);
  for (auto& row : rows) {
    row.origin = "job.sink-1/0@<5";
    row.raw_bytes = "+I[1]";
    row.cause = MakeError(ErrorCode::kInvalidRecord, "too great");
  }
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(env_.Run(quarantine.OnRejected(rows)).ok());
  EXPECT_EQ(quarantine.row_count(), 2);
  EXPECT_EQ(KeptCount(), 2);
}

TEST_F(SinkQuarantineTest, CountsAnewWhereNothingIsKept) {
  std::vector<std::string> three = {"job.sink-1/0@<1", "job.sink-1/0@<2", "job.sink-1/0@<3"};
  EXPECT_TRUE(Start(three, RejectPolicy::kSkip).ok());
  EXPECT_TRUE(Start(three, RejectPolicy::kSkip).ok());
}

}  // namespace
}  // namespace mainstem::process

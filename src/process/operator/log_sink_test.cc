// Rows that a topic can't take, and the batches of the others.
#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "process/operator/operator_test_support.h"
#include "process/operator/sink_operator.h"
#include "storage/record_batch.h"
#include "storage/testing/memory_log.h"

namespace mainstem::process {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

storage::TopicPartition Place(uint8_t topic) {
  storage::TopicId id{};
  id[0] = topic;
  return {id, PartitionId(0)};
}
Task<storage::TopicPartition> Quarantine() { co_return Place(9); }

// The first column is the value; "bad" is refused.
class TextWriter final : public connector::LogWriter {
 public:
  TextWriter(size_t max_bytes, storage::TopicPartition place)
      : max_bytes_(max_bytes), place_(place) {}
  Result<std::vector<connector::LogRecord>> Encode(
      const ChangelogBatch& batch, std::vector<connector::RejectedRecord>* refused) override {
    std::vector<connector::LogRecord> records;
    const auto& texts = static_cast<const arrow::StringArray&>(*batch.rows->column(0));
    for (int64_t row = 0; row < texts.length(); ++row) {
      if (texts.GetView(row) == "bad") {
        refused->push_back({"out", "+I[bad]", MakeError(ErrorCode::kInvalidRecord, "too long")});
        continue;
      }
      connector::LogRecord& record = records.emplace_back();
      record.partition = place_;
      record.value = texts.GetString(row);
    }
    return records;
  }
  size_t max_batch_bytes() const override { return max_bytes_; }

 private:
  size_t max_bytes_;
  storage::TopicPartition place_;
};

class TextSink final : public connector::TableSink {
 public:
  connector::SinkKind kind() const override { return connector::SinkKind::kLog; }
  connector::SinkMode mode() const override { return connector::SinkMode::kAppendOnly; }
  std::string guarantee() const override { return "exactly once"; }
  Task<std::unique_ptr<connector::LogWriter>> MakeLogWriter() override {
    std::unique_ptr<connector::LogWriter> writer = std::make_unique<TextWriter>(max_bytes, place);
    co_return writer;
  }
  size_t max_bytes = SIZE_MAX;
  storage::TopicPartition place = Place(1);
};

class LogSinkTest : public ::testing::Test {
 protected:
  // One start of the sink's only subtask.
  Status Start(RejectPolicy policy, std::vector<std::string> restored_blobs = {}) {
    options_.sink = &sink_;
    options_.rejects = {.policy = policy, .max = 2};
    options_.quarantine = Quarantine;
    context_ = {};
    context_.env = &env_;
    context_.metrics = &metrics_;
    context_.restored_blobs = std::move(restored_blobs);
    operator_ = std::make_unique<LogSinkOperator>(options_, &pending_);
    return env_.Run(operator_->Open(&context_));
  }
  Status Write(const std::vector<std::string>& texts) {
    std::vector<std::vector<std::string>> rows;
    for (const std::string& text : texts) rows.push_back({"+I", text});
    return env_.Run(operator_->OnBatch(0, optest::MakeBatch("s", rows), nullptr));
  }
  // The values of each batch, before them the topic: "1: a b".
  std::vector<std::string> Snapshot() {
    auto snapshot = operator_->Snapshot();
    CHECK_OK(snapshot);
    blob_ = snapshot->blob;
    std::vector<std::string> lines;
    for (const auto& append : snapshot->appends) {
      sizes_.push_back(append.batch.size());
      std::string line = std::to_string(append.partition.topic_id[0]) + ":";
      auto reader = storage::RecordReader::Open(append.batch);
      CHECK_OK(reader);
      storage::RecordView record;
      while (reader->Next(&record).ValueOrDie()) line += " " + std::string(*record.value);
      lines.push_back(line);
    }
    return lines;
  }

  SimDisk disk_{1};
  SimEnv env_{&disk_, {.seed = 1}};
  TextSink sink_;
  LogSinkOptions options_;
  PendingOutput pending_;
  OperatorMetrics metrics_;
  OperatorContext context_;
  std::unique_ptr<LogSinkOperator> operator_;
  std::string blob_;
  std::vector<size_t> sizes_;
};

TEST_F(LogSinkTest, RefusedRowsAreKeptInTheSameEpoch) {
  ASSERT_TRUE(Start(RejectPolicy::kQuarantine).ok());
  ASSERT_TRUE(Write({"a", "bad", "b"}).ok());
  EXPECT_THAT(Snapshot(), ElementsAre("1: a b", "9: +I[bad]"));
  EXPECT_EQ(metrics_.rejected_rows, 1);
}

Task<> MakeTopic(storage::Log* log, storage::TopicPartition* place) {
  CO_ASSIGN_OR_RETURN(storage::TopicInfo topic, co_await log->CreateTopic("out", 1, {}, false));
  *place = {topic.id, PartitionId(0)};
  co_return Status::OK();
}

Task<> EndOf(storage::Log* log, storage::TopicPartition place, Offset* end) {
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await log->Offsets(place));
  *end = offsets.high_watermark;
  co_return Status::OK();
}

TEST_F(LogSinkTest, AtLeastOnceRowsAreInTheLogBeforeTheEpoch) {
  storage::MemoryLog log(&env_);
  CHECK_OK(env_.Run(MakeTopic(&log, &sink_.place)));
  options_.at_once = &log;
  ASSERT_TRUE(Start(RejectPolicy::kQuarantine).ok());
  ASSERT_TRUE(Write({"a", "bad", "b"}).ok());
  ASSERT_TRUE(Write({"c"}).ok());
  Offset end;
  CHECK_OK(env_.Run(EndOf(&log, sink_.place, &end)));
  EXPECT_EQ(end, Offset(3));
  EXPECT_THAT(Snapshot(), ElementsAre("9: +I[bad]"));
  // What the log refuses ends the job.
  CHECK_OK(env_.Run(log.DeleteTopic(sink_.place.topic_id)));
  EXPECT_FALSE(Write({"d"}).ok());
}

TEST_F(LogSinkTest, WithSkipTheyAreLeftOutAndWithFailTheyEndTheJob) {
  ASSERT_TRUE(Start(RejectPolicy::kSkip).ok());
  ASSERT_TRUE(Write({"a", "bad"}).ok());
  EXPECT_THAT(Snapshot(), ElementsAre("1: a"));
  ASSERT_TRUE(Start(RejectPolicy::kFail).ok());
  Status status = Write({"a", "bad"});
  EXPECT_TRUE(Is(status, ErrorCode::kEvaluationError));
  EXPECT_THAT(Describe(status), HasSubstr("too long; +I[bad]"));
}

TEST_F(LogSinkTest, TheLimitHoldsOverRestarts) {
  ASSERT_TRUE(Start(RejectPolicy::kQuarantine).ok());
  ASSERT_TRUE(Write({"bad"}).ok());
  Snapshot();
  ASSERT_TRUE(Start(RejectPolicy::kQuarantine, {blob_}).ok());
  ASSERT_TRUE(Write({"bad"}).ok());
  Snapshot();
  ASSERT_TRUE(Start(RejectPolicy::kQuarantine, {blob_}).ok());
  Status status = Write({"bad"});
  EXPECT_THAT(Describe(status), HasSubstr("3 rows were refused, 'sink.bad-records.max' is 2"));
}

TEST_F(LogSinkTest, BatchesStayBelowWhatTheTopicTakes) {
  sink_.max_bytes = 200;
  ASSERT_TRUE(Start(RejectPolicy::kQuarantine).ok());
  std::string text(40, 'x');
  ASSERT_TRUE(Write({text, text, text, text}).ok());
  EXPECT_THAT(Snapshot(), ElementsAre("1: " + text + " " + text, "1: " + text + " " + text));
  for (size_t bytes : sizes_) EXPECT_LE(bytes, 200u);
}

}  // namespace
}  // namespace mainstem::process

// What becomes of records that can't be decoded, of rows that a destination refuses, and of
// destinations that are not as declared: jobs by SQL over connectors of memory and a real log.
#include "process/job/bad_records.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "process/job/job_manager.h"
#include "process/job/job_topics.h"
#include "process/job/testing/memory_connectors.h"
#include "storage/embedded_log.h"
#include "storage/test_log.h"

namespace mainstem::process {
namespace {

using testing::MemoryTable;
using testing::MemoryWorld;

struct Kept {
  std::string value;
  std::map<std::string, std::string> headers;
};

// Remembers the job, how it was in the end, and what was said last.
class JobListener final : public ResultListener {
 public:
  std::string job_id;
  int64_t rows = 0;
  Status OnRows(std::vector<ResultRow> more) override {
    rows += static_cast<int64_t>(more.size());
    return Status::OK();
  }
  Status OnJob(const std::string& id) override {
    job_id = id;
    return Status::OK();
  }
  JobDescription finished;
  Status OnJobFinished(const JobDescription& job) override {
    finished = job;
    return Status::OK();
  }
  std::string message;
  Status OnStatementDone(const std::string& said) override {
    message = said;
    return Status::OK();
  }
};

class BadRecordsTest : public ::testing::Test {
 public:
  BadRecordsTest() {
    auto& source = world_.sources["src"];
    arrow::Int64Builder values;
    CHECK_OK(values.AppendValues({1, 2, 3, 4, 5}));
    auto schema = arrow::schema({arrow::field("v", arrow::int64())});
    source.splits.resize(1);
    source.splits[0].emplace_back().rows =
        arrow::RecordBatch::Make(schema, 5, {values.Finish().ValueOrDie()});
    for (int i : {7, 8}) {
      Status cause = MakeError(ErrorCode::kDecodeError, "no number");
      source.rejected.push_back({.origin = fmt::format("a.log:{}", i),
                                 .raw_bytes = fmt::format("line {}", i),
                                 .cause = cause});
    }
    world_.tables["out"] = std::make_shared<MemoryTable>();
    testing::AddMemoryConnectors(&world_, &registry_);
  }

  // Runs INSERT INTO out SELECT v FROM src with further options of the two tables.
  Status Run(const std::string& source_options, const std::string& sink_options) {
    return RunScript(fmt::format(
        "CREATE TABLE src (v BIGINT) WITH ('connector' = 'memory', 'name' = 'src'{});"
        "CREATE TABLE o (v BIGINT) WITH ('connector' = 'memory-table', 'name' = 'out'{});"
        "INSERT INTO o SELECT v FROM src;",
        source_options, sink_options));
  }
  Status RunScript(std::string script) {
    auto env = MakeRealEnv({.shard_count = 2});
    return RunBlocking(env->shard(0), RunHere(env.get(), this, std::move(script)));
  }

  static Task<> RunHere(Env* env, BadRecordsTest* test, std::string script) {
    CO_ASSIGN_OR_RETURN(auto log, co_await storage::EmbeddedLog::Open(
                                      env, storage::SmallLog(test->folder_.path() + "/log")));
    JobManagerOptions options;
    options.state_directory = test->folder_.path() + "/state";
    options.default_parallelism = 2;
    options.state_memory_bytes = 32u << 20;
    CO_ASSIGN_OR_RETURN(auto manager, JobManager::Make(env, log.get(), &test->registry_,
                                                       std::move(options), Logger::Silent()));
    CO_RETURN_IF_ERROR(co_await manager->Start());
    ExecuteOptions execute;
    Status outcome =
        co_await manager->Execute(std::move(script), std::move(execute), &test->listener_);
    Status kept = co_await ReadKept(test, log.get());
    CO_RETURN_IF_ERROR(co_await manager->Stop());
    CO_RETURN_IF_ERROR(co_await log->Stop());
    CO_RETURN_IF_ERROR(outcome);
    co_return kept;
  }

  static Task<> ReadKept(BadRecordsTest* test, storage::Log* log) {
    test->kept_.clear();
    auto topic = log->FindTopic(QuarantineTopicName(test->listener_.job_id));
    if (!topic) co_return Status::OK();
    storage::TopicPartition where{topic->id, PartitionId(0)};
    CO_ASSIGN_OR_RETURN(storage::ReadResult read, co_await log->Read(where, Offset(0), {}));
    for (const storage::SharedBytes& batch : read.batches) {
      CO_ASSIGN_OR_RETURN(auto reader, storage::RecordReader::Open(batch.bytes));
      storage::RecordView record;
      while (true) {
        CO_ASSIGN_OR_RETURN(bool more, reader.Next(&record));
        if (!more) break;
        Kept& kept = test->kept_.emplace_back();
        kept.value = record.value.value_or("null");
        CO_ASSIGN_OR_RETURN(auto headers, storage::ReadHeaders(record));
        for (const auto& header : headers) {
          kept.headers[std::string(header.key)] = header.value.value_or("null");
        }
      }
    }
    co_return Status::OK();
  }

  std::vector<std::string> Delivered() { return world_.tables["out"]->Fold(); }

  storage::FreshFolder folder_;
  MemoryWorld world_;
  connector::ConnectorRegistry registry_;
  JobListener listener_;
  std::vector<Kept> kept_;
};

const std::vector<std::string> kAll = {"1", "2", "3", "4", "5"};

TEST_F(BadRecordsTest, ARecordThatCannotBeDecodedFailsTheJobUnlessToldOtherwise) {
  Status status = Run("", "");
  EXPECT_TRUE(Is(status, ErrorCode::kDecodeError)) << status;
  EXPECT_EQ(TextOf(status).message, "no number");
  EXPECT_EQ(TextOf(status).detail, "a.log:7");
  EXPECT_NE(TextOf(status).hint.find("'scan.bad-records'"), std::string::npos);
  EXPECT_TRUE(Delivered().empty());
}

TEST_F(BadRecordsTest, SkippedRecordsAreLeftOut) {
  Status status = Run(", 'scan.bad-records' = 'skip'", "");
  EXPECT_TRUE(status.ok()) << Describe(status);
  EXPECT_EQ(Delivered(), kAll);
  EXPECT_TRUE(kept_.empty());
}

TEST_F(BadRecordsTest, QuarantinedRecordsAreKeptWithOriginStageAndCause) {
  Status status = Run(", 'scan.bad-records' = 'quarantine'", "");
  EXPECT_TRUE(status.ok()) << Describe(status);
  EXPECT_EQ(Delivered(), kAll);
  ASSERT_EQ(kept_.size(), 2u);
  EXPECT_EQ(kept_[0].value, "line 7");
  EXPECT_EQ(kept_[1].value, "line 8");
  EXPECT_EQ(kept_[0].headers["origin"], "a.log:7");
  EXPECT_EQ(kept_[0].headers["stage"], "decode");
  EXPECT_EQ(kept_[0].headers["cause"], "no number");
  EXPECT_EQ(listener_.finished.rejected_rows, 2);
  EXPECT_EQ(listener_.finished.first_rejected, "a.log:7: no number");
  EXPECT_EQ(listener_.finished.quarantine_topic, QuarantineTopicName(listener_.job_id));
}

TEST_F(BadRecordsTest, MoreThanTheLimitEndTheJob) {
  Status status = Run(", 'scan.bad-records' = 'quarantine', 'scan.bad-records.max' = '2'", "");
  EXPECT_TRUE(status.ok()) << Describe(status);
  status = Run(", 'scan.bad-records' = 'quarantine', 'scan.bad-records.max' = '1'", "");
  EXPECT_TRUE(Is(status, ErrorCode::kDecodeError)) << status;
  EXPECT_NE(TextOf(status).detail.find("2 records were rejected"), std::string::npos);
}

TEST_F(BadRecordsTest, AQueryOverATableWithQuarantineLeavesBadRecordsOut) {
  Status status = RunScript(
      "CREATE TABLE src (v BIGINT) WITH ('connector' = 'memory', 'name' = 'src',"
      " 'scan.bad-records' = 'quarantine'); SELECT v FROM src;");
  EXPECT_TRUE(status.ok()) << Describe(status);
  EXPECT_EQ(listener_.rows, 5);
  EXPECT_EQ(listener_.message, "2 records could not be decoded; the first: a.log:7: no number");
}

class RefusedRowsTest : public BadRecordsTest {
 public:
  RefusedRowsTest() {
    world_.sources["src"].rejected.clear();
    world_.tables["out"]->refused_text = "3";
  }
};

TEST_F(RefusedRowsTest, GoToTheQuarantineAndAllOthersArrive) {
  Status status = Run("", "");
  EXPECT_TRUE(status.ok()) << Describe(status);
  EXPECT_EQ(Delivered(), (std::vector<std::string>{"1", "2", "4", "5"}));
  ASSERT_EQ(kept_.size(), 1u);
  EXPECT_EQ(kept_[0].value, "3");
  EXPECT_EQ(kept_[0].headers["stage"], "deliver");
  EXPECT_EQ(kept_[0].headers["cause"], "the table does not take this row");
  EXPECT_TRUE(kept_[0].headers["origin"].starts_with(listener_.job_id + "-"));
}

TEST_F(RefusedRowsTest, AreLeftOutWithSkip) {
  Status status = Run("", ", 'sink.bad-records' = 'skip'");
  EXPECT_TRUE(status.ok()) << Describe(status);
  EXPECT_EQ(Delivered().size(), 4u);
  EXPECT_TRUE(kept_.empty());
}

TEST_F(RefusedRowsTest, StopTheDeliveryWithFail) {
  Status status = Run("", ", 'sink.bad-records' = 'fail'");
  EXPECT_TRUE(Is(status, ErrorCode::kInvalidRecord)) << status;
  EXPECT_TRUE(Delivered().empty());
  EXPECT_TRUE(kept_.empty());
}

TEST_F(RefusedRowsTest, StopTheDeliveryWhenTheyAreTooMany) {
  world_.tables["out"]->refused_text = "";
  for (auto& batch : world_.sources["src"].splits[0]) batch.rows = batch.rows->Slice(0, 4);
  Status status = Run("", ", 'sink.bad-records.max' = '0'");
  EXPECT_TRUE(status.ok()) << Describe(status);
  world_.tables["out"]->refused_text = "3";
  status = Run("", ", 'sink.bad-records.max' = '0'");
  EXPECT_TRUE(Is(status, ErrorCode::kInvalidRecord)) << status;
  EXPECT_EQ(TextOf(status).message, "the table does not take this row");
  EXPECT_EQ(TextOf(status).detail,
            "1 rows of table 'default_catalog.default_database.o' were refused, "
            "'sink.bad-records.max' is 0");
  EXPECT_TRUE(kept_.empty());
}

class DriftTest : public BadRecordsTest {
 public:
  DriftTest() {
    world_.sources["src"].rejected.clear();
    table().differences = {{.column = "v", .problem = "there is no v", .cure = "add v"}};
  }
  MemoryTable& table() { return *world_.tables["out"]; }
};

TEST_F(DriftTest, IsAnErrorUnlessToldOtherwise) {
  Status status = Run("", "");
  EXPECT_TRUE(Is(status, ErrorCode::kInvalidArgument)) << status;
  EXPECT_EQ(TextOf(status).message, "the table does not fit: there is no v");
  EXPECT_EQ(TextOf(status).hint, "add v");
  EXPECT_TRUE(Delivered().empty());
}

TEST_F(DriftTest, ParksTheSinkUntilTheTableFits) {
  table().looks_left = 2;
  Status status = Run("", ", 'drift' = 'park'");
  EXPECT_TRUE(status.ok()) << Describe(status);
  EXPECT_EQ(Delivered(), kAll);
  EXPECT_TRUE(kept_.empty());
}

TEST_F(DriftTest, IsMendedWhereThatIsAllowedAndPossible) {
  table().differences[0].statement = "ADD v";
  Status status = Run("", ", 'drift' = 'evolve'");
  EXPECT_TRUE(status.ok()) << Describe(status);
  EXPECT_EQ(Delivered(), kAll);
  table().differences = {{.column = "w", .problem = "there is no w"}};
  status = Run("", ", 'drift' = 'evolve'");
  EXPECT_TRUE(Is(status, ErrorCode::kInvalidArgument)) << status;
}

TEST_F(DriftTest, WhatDoesNotBlockHoldsNothingUp) {
  table().differences[0].blocks = false;
  for (const char* policy : {"fail", "park"}) {
    Status status = Run("", fmt::format(", 'drift' = '{}'", policy));
    EXPECT_TRUE(status.ok()) << Describe(status);
  }
  EXPECT_EQ(Delivered().size(), 2 * kAll.size());
}

TEST_F(BadRecordsTest, WrongOptionsAreNamed) {
  for (const char* option : {"'scan.bad-records' = 'ignore'", "'scan.bad-records.max' = '-1'",
                             "'scan.bad-records.max' = '3x'"}) {
    Status status = Run(std::string(", ") + option, "");
    EXPECT_TRUE(Is(status, ErrorCode::kInvalidConfig)) << status;
    EXPECT_NE(TextOf(status).message.find(option), std::string::npos) << status;
  }
  Status status = Run("", ", 'sink.bad-records' = 'maybe'");
  EXPECT_TRUE(Is(status, ErrorCode::kInvalidConfig)) << status;
}

}  // namespace
}  // namespace mainstem::process

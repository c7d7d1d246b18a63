// Rows into a made-up stream: keys, calls and their limits, what a call does not take, what no
// stream takes, a writer that goes on after another.
#include "sink/kinesis/kinesis_writer.h"

#include <set>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sink/kinesis/kinesis_sink.h"

namespace mainstem::sink {
namespace {

using connector::KinesisPut;
using connector::KinesisPutOutcome;
using testing::HasSubstr;
using Texts = std::vector<std::string>;

class MadeUpTarget final : public connector::KinesisStream {
 public:
  Task<std::vector<connector::KinesisShard>> ListShards() override { co_return No(); }
  Task<std::string> GetIterator(std::string, connector::ShardPosition) override { co_return No(); }
  Task<connector::KinesisRecords> GetRecords(std::string, int64_t) override { co_return No(); }
  Task<std::vector<KinesisPutOutcome>> PutRecords(std::vector<KinesisPut> records) override {
    calls.push_back(records.size());
    if (fails_in == 0) co_return MakeError(ErrorCode::kUnavailable, "away");
    --fails_in;
    for (const KinesisPut& record : records) {
      if (record.data.find("bad") == std::string::npos) continue;
      co_return MakeError(ErrorCode::kInvalidArgument, "ValidationException");
    }
    std::vector<KinesisPutOutcome> outcomes;
    for (size_t i = 0; i < records.size(); ++i) {
      if (throttled.contains(i)) {
        outcomes.push_back({.error_code = "ProvisionedThroughputExceededException"});
      } else {
        outcomes.push_back({});
        taken.push_back(records[i]);
      }
    }
    throttled.clear();
    co_return outcomes;
  }
  Task<int64_t> RecordBytesMax() override { co_return 100; }
  int64_t NowMs() const override { return 0; }

  static Status No() { return MakeError(ErrorCode::kUnsupported, "not here"); }

  std::vector<KinesisPut> taken;
  std::vector<size_t> calls;
  std::set<size_t> throttled;  // of the next call
  int fails_in = -1;           // calls; negative: never
};

class KeptRows final : public connector::RejectHandler {
 public:
  Task<> OnRejected(std::vector<connector::RejectedRecord> records) override {
    for (const auto& record : records) causes.push_back(Describe(record.cause));
    co_return Status::OK();
  }
  Texts causes;
};

class KinesisWriterTest : public testing::Test {
 protected:
  KinesisWriterTest() {
    options_.table_name = "t";
    options_.stream_name = "clicks";
    options_.schema =
        arrow::schema({arrow::field("k", arrow::utf8()), arrow::field("n", arrow::int32())});
    options_.format.format = "json";
    options_.key_columns = {0};
  }
  std::unique_ptr<connector::DeliveryWriter> Open() {
    auto writer =
        MakeKinesisWriter(env_.get(), std::make_shared<const KinesisSinkOptions>(options_),
                          progress_, target_, "job.sink", PartitionId(3));
    writer->set_reject_handler(&kept_);
    Run(OpenIt(writer.get(), &position_));
    return writer;
  }
  static Task<> OpenIt(connector::DeliveryWriter* writer, std::optional<Offset>* position) {
    CO_ASSIGN_OR_RETURN(*position, co_await writer->Open());
    co_return Status::OK();
  }
  void Run(Task<> task) {
    Status status = RunBlocking(env_->shard(0), std::move(task));
    EXPECT_TRUE(status.ok()) << Describe(status);
  }
  Status Try(Task<> task) { return RunBlocking(env_->shard(0), std::move(task)); }
  ChangelogBatch Rows(const std::vector<std::pair<std::string, int>>& rows,
                      std::vector<RowKind> kinds = {}) {
    arrow::StringBuilder keys;
    arrow::Int32Builder numbers;
    for (const auto& [key, number] : rows) {
      EXPECT_TRUE(keys.Append(key).ok() && numbers.Append(number).ok());
    }
    ChangelogBatch batch;
    batch.rows =
        arrow::RecordBatch::Make(options_.schema, static_cast<int64_t>(rows.size()),
                                 {keys.Finish().ValueOrDie(), numbers.Finish().ValueOrDie()});
    batch.kinds = std::move(kinds);
    return batch;
  }
  Texts Taken() const {
    Texts texts;
    for (const KinesisPut& put : target_->taken)
      texts.push_back(put.partition_key + " " + put.data);
    return texts;
  }

  std::unique_ptr<Env> env_ = MakeRealEnv({.shard_count = 1});
  KinesisSinkOptions options_;
  std::shared_ptr<KinesisProgress> progress_ = std::make_shared<KinesisProgress>();
  std::shared_ptr<MadeUpTarget> target_ = std::make_shared<MadeUpTarget>();
  KeptRows kept_;
  std::optional<Offset> position_;
};

TEST_F(KinesisWriterTest, PutsRowsInCallsThatAreNotTooLarge) {
  options_.records_max = 3;
  options_.bytes_max = 50;
  auto writer = Open();
  EXPECT_FALSE(position_);
  Run(writer->Deliver(Rows({{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}}), Offset(7)));
  EXPECT_EQ(Taken(), (Texts{R"(a {"k":"a","n":1})", R"(b {"k":"b","n":2})", R"(c {"k":"c","n":3})",
                            R"(d {"k":"d","n":4})"}));
  EXPECT_EQ(target_->calls, (std::vector<size_t>{3, 1}));
  target_->calls.clear();
  options_.bytes_max = 1;
  Run(Open()->Deliver(Rows({{"a", 1}, {"b", 2}}), Offset(9)));
  EXPECT_EQ(position_, Offset(7));
  EXPECT_EQ(target_->calls, (std::vector<size_t>{1, 1}));
}

TEST_F(KinesisWriterTest, WhatACallDoesNotTakeGoesBeforeAllElse) {
  options_.records_max = 3;
  target_->throttled = {1, 2};
  Run(Open()->Deliver(Rows({{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}}), Offset(7)));
  EXPECT_EQ(Taken().size(), 4u);
  EXPECT_EQ(Taken()[1], R"(b {"k":"b","n":2})");
  EXPECT_EQ(target_->calls, (std::vector<size_t>{3, 2, 1}));
}

TEST_F(KinesisWriterTest, WhoWantsItFailsAtOnce) {
  options_.fails_at_once = true;
  target_->throttled = {0};
  Status status = Try(Open()->Deliver(Rows({{"a", 1}}), Offset(7)));
  EXPECT_THAT(Describe(status), HasSubstr("did not take 1 of 1 records"));
}

TEST_F(KinesisWriterTest, ANewWriterGoesOnBehindWhatWasTaken) {
  options_.records_max = 1;
  target_->fails_in = 2;
  auto rows = [&] { return Rows({{"a", 1}, {"b", 2}, {"c", 3}}); };
  EXPECT_TRUE(Is(Try(Open()->Deliver(rows(), Offset(7))), ErrorCode::kUnavailable));
  target_->fails_in = -1;
  Run(Open()->Deliver(rows(), Offset(7)));
  EXPECT_EQ(target_->taken.size(), 3u);
}

TEST_F(KinesisWriterTest, RowsThatNoStreamTakesAreHandedOver) {
  Run(Open()->Deliver(Rows({{"a", 1}, {std::string(60, 'x'), 2}, {"", 3}, {"bad", 4}, {"e", 5}}),
                      Offset(7)));
  EXPECT_EQ(Taken(), (Texts{R"(a {"k":"a","n":1})", R"(e {"k":"e","n":5})"}));
  ASSERT_EQ(kept_.causes.size(), 3u);
  EXPECT_THAT(kept_.causes[0], HasSubstr("the stream takes 100"));
  EXPECT_THAT(kept_.causes[1], HasSubstr("its partition key is empty"));
  EXPECT_THAT(kept_.causes[2], HasSubstr("ValidationException"));
}

TEST_F(KinesisWriterTest, DeletionsOfKeyedTablesHaveNoData) {
  options_.is_upsert = true;
  Run(Open()->Deliver(
      Rows({{"a", 1}, {"a", 1}, {"a", 2}, {"a", 2}},
           {RowKind::kInsert, RowKind::kUpdateBefore, RowKind::kUpdateAfter, RowKind::kDelete}),
      Offset(7)));
  EXPECT_EQ(Taken(), (Texts{R"(a {"k":"a","n":1})", R"(a {"k":"a","n":2})", "a "}));
}

TEST_F(KinesisWriterTest, KeysAreColumnsFixedOrRandom) {
  options_.key_columns = {0, 1};
  options_.key_delimiter = "/";
  EXPECT_EQ(PartitionKeyOf(*Rows({{"a", 1}}).rows, 0, options_), "a/1");
  std::string umlauts;
  for (int i = 0; i < 300; ++i) umlauts += "ä";
  EXPECT_EQ(PartitionKeyOf(*Rows({{umlauts, 1}}).rows, 0, options_).size(), 512u);
  options_.key_columns = {};
  Run(Open()->Deliver(Rows({{"a", 1}, {"a", 1}}), Offset(7)));
  EXPECT_NE(target_->taken[0].partition_key, target_->taken[1].partition_key);
  options_.is_fixed = true;
  Run(Open()->Deliver(Rows({{"a", 1}}), Offset(8)));
  EXPECT_EQ(target_->taken[2].partition_key, "3");
}

TEST_F(KinesisWriterTest, OptionsAreFlinks) {
  auto refusal = [&](const std::map<std::string, std::string>& more, Texts partitioned = {}) {
    connector::TableDescriptor table{.name = "t", .schema = options_.schema};
    table.options = {{"connector", "kinesis"},
                     {"stream.arn", "arn:aws:kinesis:eu-west-1:000000000000:stream/clicks"},
                     {"aws.region", "eu-west-1"},
                     {"format", "json"}};
    table.partition_keys = std::move(partitioned);
    for (const auto& [name, value] : more) table.options[name] = value;
    connector::ConnectorContext context;
    context.env = env_.get();
    connector::ConnectorRegistry registry;
    registry.Add(KinesisSinkConnector({}));
    Status status = registry.MakeSink(std::move(table), context).status();
    return status.ok() ? "" : Describe(status);
  };
  EXPECT_EQ(refusal({{"sink.partitioner", "fixed"}, {"sink.requests.max-inflight", "4"}}), "");
  EXPECT_EQ(refusal({{"sink.partitioner-field-delimiter", ""}}, {"k"}), "");
  EXPECT_THAT(refusal({{"sink.partitioner", "fixed"}}, {"k"}), HasSubstr("PARTITIONED BY"));
  EXPECT_THAT(refusal({{"sink.partitioner", "org.my.Class"}}), HasSubstr("'random' or 'fixed'"));
  EXPECT_THAT(refusal({{"sink.batch.max-size", "501"}}), HasSubstr("500"));
  EXPECT_THAT(refusal({{"sink.producer.fail-on-error", "true"}}),
              HasSubstr("'sink.fail-on-error'"));
  EXPECT_THAT(refusal({{"sink.batch.maxsize", "1"}}), HasSubstr("sink.batch.max-size"));
}

}  // namespace
}  // namespace mainstem::sink

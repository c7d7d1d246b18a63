#include "sink/kafka/kafka_sink.h"

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connector/remark.h"
#include "sink/testing/fake_log.h"

namespace mainstem::sink {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ChangelogBatch Rows(const std::shared_ptr<arrow::Schema>& schema, const std::string& json,
                    std::vector<RowKind> kinds = {}) {
  auto array = arrow::json::ArrayFromJSONString(arrow::struct_(schema->fields()), json);
  CHECK_OK(array);
  auto batch = arrow::RecordBatch::FromStructArray(*array);
  CHECK_OK(batch);
  ChangelogBatch rows;
  rows.rows = *batch;
  rows.kinds = std::move(kinds);
  return rows;
}

Task<> MakeTopic(storage::Log* log, std::string name) {
  co_return (co_await log->CreateTopic(std::move(name), 1, {}, false)).status();
}

class KafkaSinkTest : public testing::Test {
 protected:
  KafkaSinkTest() {
    table_.name = "t";
    table_.schema =
        arrow::schema({arrow::field("id", arrow::utf8()), arrow::field("n", arrow::int64())});
    table_.options = {{"connector", "kafka"},
                      {"topic", "out"},
                      {"properties.bootstrap.servers", "localhost:9092"},
                      {"format", "json"}};
    context_.log = &log_;
    context_.own_addresses = {"127.0.0.1:9092"};
  }

  Result<std::unique_ptr<connector::TableSink>> Make() {
    bool upsert = table_.options["connector"] == "upsert-kafka";
    return (upsert ? UpsertKafkaSinkConnector() : KafkaSinkConnector()).make_sink(table_, context_);
  }
  std::string MakeFailure() {
    auto sink = Make();
    return sink.ok() ? "no failure" : Describe(sink.status());
  }
  std::unique_ptr<connector::LogWriter> Writer() {
    auto sink = Make();
    CHECK_OK(sink);
    sink_ = std::move(*sink);
    std::unique_ptr<connector::LogWriter> writer;
    CHECK_OK(RunBlocking(env_->shard(0), Open(sink_.get(), &writer)));
    return writer;
  }
  Result<std::vector<connector::LogRecord>> Encode(
      const std::unique_ptr<connector::LogWriter>& writer, const ChangelogBatch& batch) {
    refused_.clear();
    return writer->Encode(batch, &refused_);
  }
  static Task<> Open(connector::TableSink* sink, std::unique_ptr<connector::LogWriter>* writer) {
    CO_ASSIGN_OR_RETURN(*writer, co_await sink->MakeLogWriter());
    co_return Status::OK();
  }

  std::unique_ptr<Env> env_ = MakeRealEnv({.shard_count = 1});
  FakeLog log_;
  connector::TableDescriptor table_;
  connector::ConnectorContext context_;
  std::unique_ptr<connector::TableSink> sink_;
  std::vector<connector::RejectedRecord> refused_;
};

TEST_F(KafkaSinkTest, CreatesTheTopicAndEncodesRows) {
  auto writer = Writer();
  ASSERT_TRUE(log_.FindTopic("out"));
  EXPECT_EQ(sink_->mode(), connector::SinkMode::kAppendOnly);
  auto records = Encode(writer, Rows(table_.schema, R"([["a", 1], ["b", null]])"));
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 2u);
  EXPECT_EQ((*records)[0].value, R"({"id":"a","n":1})");
  EXPECT_EQ((*records)[0].key, std::nullopt);
  EXPECT_EQ((*records)[0].timestamp_ms, -1);
  EXPECT_EQ((*records)[0].partition.topic_id, log_.FindTopic("out")->id);
}

TEST_F(KafkaSinkTest, WritesKeysAndLeavesThemOutOfTheValueWhenAsked) {
  log_.AddTopic("out", 4);
  table_.options["key.format"] = "json";
  table_.options["key.fields"] = "id";
  table_.options["value.fields-include"] = "EXCEPT_KEY";
  auto writer = Writer();
  auto records = Encode(writer, Rows(table_.schema, R"([["a", 1], ["a", 2], ["b", 3]])"));
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_EQ((*records)[0].key, R"({"id":"a"})");
  EXPECT_EQ((*records)[0].value, R"({"n":1})");
  EXPECT_EQ((*records)[0].partition, (*records)[1].partition);
}

class CompactedTopicTest : public KafkaSinkTest {
 protected:
  CompactedTopicTest() {
    log_.AddTopic("out", 1, {{"cleanup.policy", "compact"}});
    table_.options["key.format"] = "raw";
    table_.options["key.fields"] = "id";
  }
  ChangelogBatch TwoWithoutKey() {
    return Rows(table_.schema, R"([["a", 1], [null, 2], ["b", 3], [null, 4]])");
  }
};

TEST_F(CompactedTopicTest, RefusesRowsWithoutAKey) {
  auto writer = Writer();
  auto records = Encode(writer, TwoWithoutKey());
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 2u);
  EXPECT_EQ((*records)[0].key, "a");
  EXPECT_EQ((*records)[1].key, "b");
  ASSERT_EQ(refused_.size(), 2u);
  EXPECT_EQ(refused_[0].origin, "out");
  EXPECT_EQ(refused_[0].raw_bytes, "+I[null, 2]");
  EXPECT_THAT(Describe(refused_[0].cause), HasSubstr("which is compacted"));
}

TEST_F(KafkaSinkTest, RefusesRecordsThatAreLongerThanTheTopicTakes) {
  log_.AddTopic("out", 1, {{"max.message.bytes", "200"}});
  auto writer = Writer();
  std::string longer(200, 'x');
  auto records = Encode(writer, Rows(table_.schema, "[[\"a\", 1], [\"" + longer + "\", 2]]"));
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_EQ(records->size(), 1u);
  EXPECT_EQ(writer->max_batch_bytes(), 200u);
  ASSERT_EQ(refused_.size(), 1u);
  EXPECT_THAT(Describe(refused_[0].cause), HasSubstr("topic 'out', which takes 200"));
  EXPECT_THAT(Describe(refused_[0].cause), HasSubstr("max.message.bytes"));
}

TEST_F(CompactedTopicTest, SaysAtOnceThatATableWithoutKeysDoesNotFit) {
  table_.options.erase("key.format");
  table_.options.erase("key.fields");
  auto sink = Make();
  ASSERT_TRUE(sink.ok());
  std::unique_ptr<connector::LogWriter> writer;
  Status status = RunBlocking(env_->shard(0), Open(sink->get(), &writer));
  EXPECT_TRUE(Is(status, ErrorCode::kInvalidConfig));
  EXPECT_THAT(Describe(status), HasSubstr("upsert-kafka"));
}

TEST_F(KafkaSinkTest, WritesARawNullAsNoValueAndNoKey) {
  table_.schema = arrow::schema({arrow::field("line", arrow::utf8())});
  table_.options["format"] = "raw";
  table_.options["key.format"] = "raw";
  table_.options["key.fields"] = "line";
  auto writer = Writer();
  auto records = Encode(writer, Rows(table_.schema, R"([["a"], [null], [""]])"));
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_EQ((*records)[0].key, "a");
  EXPECT_EQ((*records)[1].key, std::nullopt);
  EXPECT_EQ((*records)[1].value, std::nullopt);
  EXPECT_EQ((*records)[2].key, "");
}

TEST_F(KafkaSinkTest, RefusesUpdatesWithoutAChangelogFormat) {
  auto writer = Writer();
  auto records = Encode(writer, Rows(table_.schema, R"([["a", 1], ["a", 2]])",
                                     {RowKind::kInsert, RowKind::kUpdateAfter}));
  ASSERT_FALSE(records.ok());
  EXPECT_THAT(Describe(records.status()), HasSubstr("upsert-kafka"));
}

TEST_F(KafkaSinkTest, AChangelogFormatTellsTheKindOfEachRow) {
  table_.options["format"] = "debezium-json";
  auto writer = Writer();
  EXPECT_EQ(sink_->mode(), connector::SinkMode::kRetract);
  auto records = Encode(
      writer, Rows(table_.schema, R"([["a", 1], ["a", 1]])", {RowKind::kInsert, RowKind::kDelete}));
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_THAT(*(*records)[0].value, HasSubstr(R"("op":"c")"));
  EXPECT_THAT(*(*records)[1].value, HasSubstr(R"("op":"d")"));
}

TEST_F(KafkaSinkTest, UpsertWritesTombstonesForDeletes) {
  table_.options = {{"connector", "upsert-kafka"},
                    {"topic", "out"},
                    {"properties.bootstrap.servers", "127.0.0.1:9092"},
                    {"key.format", "raw"},
                    {"value.format", "json"}};
  table_.primary_key = {"id"};
  auto writer = Writer();
  EXPECT_EQ(sink_->mode(), connector::SinkMode::kUpsert);
  auto records = Encode(writer, Rows(table_.schema, R"([["a", 1], ["b", 2]])",
                                     {RowKind::kUpdateAfter, RowKind::kDelete}));
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_EQ((*records)[0].key, "a");
  EXPECT_EQ((*records)[0].value, R"({"id":"a","n":1})");
  EXPECT_EQ((*records)[1].key, "b");
  EXPECT_EQ((*records)[1].value, std::nullopt);
}

TEST_F(KafkaSinkTest, WritesTimestampAndHeaders) {
  auto with_metadata =
      arrow::schema({arrow::field("id", arrow::utf8()), arrow::field("off", arrow::int64()),
                     arrow::field("ts", arrow::timestamp(arrow::TimeUnit::MILLI, "UTC")),
                     arrow::field("h", arrow::map(arrow::utf8(), arrow::binary()))});
  table_.schema = with_metadata;
  table_.metadata_columns = {{"off", "offset", true}, {"ts", "timestamp"}, {"h", "headers"}};
  auto writer = Writer();
  // Virtual columns are not written, so rows come without them.
  auto schema =
      arrow::schema({with_metadata->field(0), with_metadata->field(2), with_metadata->field(3)});
  auto records = Encode(writer, Rows(schema, R"([["a", 1234, [["x", "y"]]], ["b", null, null]])"));
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_EQ((*records)[0].value, R"({"id":"a"})");
  EXPECT_EQ((*records)[0].timestamp_ms, 1234);
  EXPECT_THAT((*records)[0].headers, ElementsAre(std::pair<std::string, std::string>("x", "y")));
  EXPECT_EQ((*records)[1].timestamp_ms, -1);
  EXPECT_TRUE((*records)[1].headers.empty());
}

TEST_F(KafkaSinkTest, FollowsATopicThatGetsMorePartitions) {
  log_.AddTopic("out", 1);
  auto writer = Writer();
  log_.AddTopic("out", 8);
  std::set<int32_t> seen;
  for (int i = 0; i < 20; ++i) {
    auto records = Encode(writer, Rows(table_.schema, R"([["a", 1]])"));
    ASSERT_TRUE(records.ok());
    seen.insert((*records)[0].partition.partition.value());
  }
  EXPECT_EQ(seen.size(), 8u);
}

TEST_F(KafkaSinkTest, SaysWhenTheTopicIsGone) {
  auto writer = Writer();
  log_.RemoveTopic("out");
  auto records = Encode(writer, Rows(table_.schema, R"([["a", 1]])"));
  EXPECT_TRUE(Is(records.status(), ErrorCode::kUnknownTopic));
}

TEST_F(KafkaSinkTest, DeliversToOtherClusters) {
  table_.options["properties.bootstrap.servers"] = "elsewhere:9092, other:9092";
  auto sink = Make();
  ASSERT_TRUE(sink.ok()) << sink.status();
  EXPECT_EQ((*sink)->kind(), connector::SinkKind::kDelivery);
  EXPECT_EQ((*sink)->mode(), connector::SinkMode::kAppendOnly);
  EXPECT_EQ((*sink)->guarantee(), "exactly once (position in the same transaction)");
  table_.options["sink.delivery-guarantee"] = "at-least-once";
  EXPECT_EQ((*Make())->guarantee(), "at least once");
  table_.options["properties.bootstrap.servers"] = "elsewhere:9092, localhost:9092";
  EXPECT_EQ((*Make())->kind(), connector::SinkKind::kLog);
}

TEST_F(KafkaSinkTest, ATopicThatIsMadeForUpsertsKeepsTheLastValueOfEachKey) {
  table_.primary_key = {"id"};
  table_.options = {{"connector", "upsert-kafka"},
                    {"topic", "newest"},
                    {"properties.bootstrap.servers", "localhost:9092"},
                    {"key.format", "json"},
                    {"value.format", "json"}};
  Writer();
  EXPECT_EQ(log_.FindTopic("newest")->config.at("cleanup.policy"), "compact");
  const auto remark = [this] { return dynamic_cast<connector::RemarkingPart&>(*sink_).Remark(); };
  EXPECT_EQ(remark(), "");
  table_.options["topic"] = "old";
  CHECK_OK(RunBlocking(env_->shard(0), MakeTopic(&log_, "old")));
  Writer();
  EXPECT_THAT(remark(), HasSubstr("'cleanup.policy'"));
}

TEST_F(KafkaSinkTest, RefusesWrongTables) {
  table_.primary_key = {"id"};
  EXPECT_THAT(MakeFailure(), HasSubstr("takes no PRIMARY KEY"));
  table_.primary_key = {};
  table_.options["key.fields"] = "idd";
  EXPECT_THAT(MakeFailure(), HasSubstr("needs 'key.format'"));
  table_.options["key.format"] = "raw";
  EXPECT_THAT(MakeFailure(), HasSubstr("did you mean 'id'"));
  table_.options["key.fields"] = "id";
  table_.options["topic"] = "a;b";
  EXPECT_THAT(MakeFailure(), HasSubstr("one topic"));
  table_.options["topic"] = "a";
  table_.options["sink.partitioner"] = "org.example.Mine";
  EXPECT_THAT(MakeFailure(), HasSubstr("round-robin"));
  table_.options["connector"] = "upsert-kafka";
  table_.options.erase("sink.partitioner");
  EXPECT_THAT(MakeFailure(), HasSubstr("PRIMARY KEY"));
}

}  // namespace
}  // namespace mainstem::sink

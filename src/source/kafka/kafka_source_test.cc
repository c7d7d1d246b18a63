// The kafka source over the real log in a fresh folder: positions, formats of key and value,
// metadata, bounds, waiting, and what is refused.
#include "source/kafka/kafka_source.h"

#include <absl/strings/escaping.h>
#include <arrow/api.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "connector/restored_source.h"
#include "connector/retention.h"
#include "storage/batch_builder.h"
#include "storage/embedded_log.h"

namespace mainstem::source {
namespace {

using namespace std::chrono_literals;
using Rows = std::vector<std::string>;
using Options = std::map<std::string, std::string>;
using storage::TopicPartition;

constexpr char kOwnAddress[] = "127.0.0.1:9092";

struct TestRecord {
  std::optional<std::string> key;
  std::optional<std::string> value;
  int64_t timestamp_ms = 1000;
};

std::vector<std::byte> MakeBatch(const std::vector<TestRecord>& records, storage::Codec codec) {
  storage::BatchBuilder builder({.codec = codec});
  std::vector<storage::RecordHeader> headers = {{.key = "h", .value = "1"}};
  for (const TestRecord& record : records) {
    std::optional<std::string_view> key;
    std::optional<std::string_view> value;
    if (record.key) key = *record.key;
    if (record.value) value = *record.value;
    builder.Add(record.timestamp_ms, key, value, headers);
  }
  return builder.Build().ValueOrDie();
}

std::string RowText(const ChangelogBatch& batch, int64_t row) {
  std::string text;
  if (!batch.kinds.empty())
    text = std::string(ToString(batch.kinds[static_cast<size_t>(row)])) + " ";
  for (int i = 0; i < batch.rows->num_columns(); ++i) {
    text += (i == 0 ? "" : "|") + batch.rows->column(i)->GetScalar(row).ValueOrDie()->ToString();
  }
  return text;
}

struct SeenOfTopic {
  Rows rows;
  Rows rejected;
  std::string position;
  bool ended = false;
  bool caught_up = false;
  int64_t lag = -1;
};

void NoteTopic(const connector::SourceBatch& batch, SeenOfTopic* seen) {
  for (int64_t row = 0; row < batch.batch.rows->num_rows(); ++row) {
    seen->rows.push_back(RowText(batch.batch, row));
  }
  for (const auto& rejected : batch.rejected) {
    seen->rejected.push_back(rejected.origin + " " + rejected.raw_bytes);
  }
  seen->position = batch.position;
  seen->ended = batch.end_of_split;
  seen->caught_up = batch.caught_up;
  seen->lag = batch.lag_records;
}

// Reads until the split is over or has nothing unread.
Task<> ReadQuiet(Env* env, connector::TableSource* source, connector::SourceSplit split,
                 std::vector<int> projection, size_t max_rows, SeenOfTopic* seen) {
  CO_ASSIGN_OR_RETURN(auto reader, co_await source->OpenSplit(split, projection));
  do {
    CO_ASSIGN_OR_RETURN(auto batch, co_await reader->Read(max_rows, env->Now()));
    NoteTopic(batch, seen);
  } while (!seen->ended && !seen->caught_up);
  co_return Status::OK();
}

std::string HexOf(const storage::TopicId& id) {
  return absl::BytesToHexString(std::string(reinterpret_cast<const char*>(id.data()), id.size()));
}

class KafkaSourceTest : public testing::Test {
 protected:
  KafkaSourceTest() {
    char name[] = "/tmp/mainstem-test-XXXXXX";
    folder_ = mkdtemp(name);
    Run(OpenLog());
  }
  ~KafkaSourceTest() override {
    Run(log_->Stop());
    log_.reset();
    env_.reset();
    std::filesystem::remove_all(folder_);
  }
  void Run(Task<> task) {
    Status status = RunBlocking(env_->shard(0), std::move(task));
    EXPECT_TRUE(status.ok()) << Describe(status);
  }
  Task<> OpenLog() {
    storage::EmbeddedLogOptions options;
    options.data_dir = folder_;
    options.journal_file_bytes = int64_t{4} << 20;
    CO_ASSIGN_OR_RETURN(log_, co_await storage::EmbeddedLog::Open(env_.get(), options));
    storage::TopicConfig config;
    CO_ASSIGN_OR_RETURN(topic_, co_await log_->CreateTopic("clicks", 2, config, false));
    co_return Status::OK();
  }
  Task<> Append(int32_t partition, std::vector<TestRecord> records,
                storage::Codec codec = storage::Codec::kNone) {
    std::vector<std::byte> batch = MakeBatch(records, codec);
    TopicPartition target{topic_.id, PartitionId(partition)};
    storage::AppendOptions options;
    CO_RETURN_IF_ERROR(co_await log_->Append(target, batch, options));
    co_return Status::OK();
  }

  connector::TableDescriptor Table(Options more = {}) {
    connector::TableDescriptor table{.name = "t",
                                     .schema = arrow::schema({arrow::field("user", arrow::utf8()),
                                                              arrow::field("n", arrow::int32())})};
    table.options = {{"connector", "kafka"},
                     {"topic", "clicks"},
                     {"properties.bootstrap.servers", kOwnAddress},
                     {"scan.startup.mode", "earliest-offset"},
                     {"format", "json"}};
    for (auto& [name, value] : more) table.options[name] = value;
    return table;
  }
  Result<std::unique_ptr<connector::TableSource>> Make(connector::TableDescriptor table) {
    connector::ConnectorContext context;
    context.env = env_.get();
    context.log = log_.get();
    context.own_addresses = {kOwnAddress};
    connector::ConnectorRegistry registry;
    registry.Add(KafkaSourceConnector());
    registry.Add(UpsertKafkaSourceConnector());
    return registry.MakeSource(std::move(table), context);
  }
  Task<> ReadAll(connector::TableDescriptor table, std::vector<int> projection, SeenOfTopic* seen,
                 size_t max_rows = 100) {
    CO_ASSIGN_OR_RETURN(auto source, Make(std::move(table)));
    CO_ASSIGN_OR_RETURN(auto splits, co_await source->DiscoverSplits());
    for (const auto& split : splits) {
      CO_RETURN_IF_ERROR(
          co_await ReadQuiet(env_.get(), source.get(), split, projection, max_rows, seen));
    }
    co_return Status::OK();
  }

  std::string folder_;
  std::unique_ptr<Env> env_ = MakeRealEnv({.shard_count = 2});
  std::unique_ptr<storage::EmbeddedLog> log_;
  storage::TopicInfo topic_;
};

std::string Event(const std::string& user, int n) {
  return "{\"user\":\"" + user + "\",\"n\":" + std::to_string(n) + "}";
}

TEST_F(KafkaSourceTest, ReadsAllPartitionsFromTheBeginning) {
  Run(Append(0, {{"k", Event("a", 1)}, {"k", Event("b", 2)}}));
  Run(Append(1, {{"k", Event("c", 3)}}, storage::Codec::kLz4));
  Run(Append(1, {{"k", Event("d", 4)}}, storage::Codec::kZstd));
  SeenOfTopic seen;
  Run(ReadAll(Table(), {1, 0}, &seen));
  EXPECT_EQ(seen.rows, (Rows{"1|a", "2|b", "3|c", "4|d"}));
  EXPECT_TRUE(seen.caught_up);
  EXPECT_EQ(seen.lag, 0);
  EXPECT_FALSE(seen.ended);
}

TEST_F(KafkaSourceTest, GoesOnFromEveryPositionWhateverTheBatches) {
  std::vector<TestRecord> records;
  for (int i = 0; i < 25; ++i) records.push_back({"k", Event("u", i)});
  Run(Append(0, records, storage::Codec::kSnappy));
  Run(Append(0, records));
  for (size_t max_rows : {1u, 7u, 25u, 30u}) {
    SeenOfTopic seen;
    Run(ReadAll(Table(), {1}, &seen, max_rows));
    ASSERT_EQ(seen.rows.size(), 50u);
    EXPECT_EQ(seen.rows[26], "1");
  }
  auto source = Make(Table()).ValueOrDie();
  for (int64_t from = 0; from <= 50; ++from) {
    SeenOfTopic seen;
    connector::SourceSplit split{.id = "clicks/0", .position = std::to_string(from)};
    if (from == 50) Run(Append(0, {{"k", Event("u", 99)}}));
    Run(ReadQuiet(env_.get(), source.get(), split, {1}, 9, &seen));
    EXPECT_EQ(seen.rows.size(), from == 50 ? 1u : static_cast<size_t>(50 - from));
    EXPECT_EQ(seen.position, (from == 50 ? "51@" : "50@") + HexOf(topic_.id));
  }
}

TEST_F(KafkaSourceTest, GivesMetadata) {
  Run(Append(1, {{"k", Event("a", 1), 1700000000123}, {"k", Event("b", 2), 1700000000124}}));
  connector::TableDescriptor table = Table();
  auto zoned = arrow::timestamp(arrow::TimeUnit::MILLI, "UTC");
  table.schema =
      arrow::schema({arrow::field("n", arrow::int32()), arrow::field("ts", zoned),
                     arrow::field("off", arrow::int64()), arrow::field("part", arrow::int64()),
                     arrow::field("topic", arrow::utf8()), arrow::field("kind", arrow::utf8()),
                     arrow::field("h", arrow::map(arrow::utf8(), arrow::binary()))});
  table.metadata_columns = {
      {.column = "ts", .key = "timestamp"},        {.column = "off", .key = "offset"},
      {.column = "part", .key = "partition"},      {.column = "topic", .key = "topic"},
      {.column = "kind", .key = "timestamp-type"}, {.column = "h", .key = "headers"}};
  SeenOfTopic seen;
  Run(ReadAll(table, {2, 0, 1, 3, 4, 5}, &seen));
  EXPECT_EQ(seen.rows, (Rows{"0|1|2023-11-14 22:13:20.123Z|1|clicks|CreateTime",
                             "1|2|2023-11-14 22:13:20.124Z|1|clicks|CreateTime"}));
  SeenOfTopic headers;
  Run(ReadAll(table, {6}, &headers));
  ASSERT_EQ(headers.rows.size(), 2u);
  EXPECT_NE(headers.rows[0].find('h'), std::string::npos);
}

TEST_F(KafkaSourceTest, RejectsBadRecordsWithTheirPlaceAndBytes) {
  Run(Append(0,
             {{"k", Event("a", 1)}, {"k", "broken"}, {"k", std::nullopt}, {"k", Event("b", 2)}}));
  SeenOfTopic seen;
  Run(ReadAll(Table(), {0}, &seen));
  EXPECT_EQ(seen.rows, (Rows{"a", "b"}));
  EXPECT_EQ(seen.rejected, Rows{"clicks/0@1 broken"});
}

TEST_F(KafkaSourceTest, TakesColumnsFromTheKey) {
  Run(Append(0, {{"{\"user\":\"a\"}", "{\"n\":1}"},
                 {std::nullopt, "{\"n\":2}"},
                 {"bad", "{\"n\":3}"},
                 {"{\"user\":\"d\"}", "{\"n\":4}"}}));
  connector::TableDescriptor table = Table({{"key.format", "json"},
                                            {"key.fields", "k_user"},
                                            {"key.fields-prefix", "k_"},
                                            {"value.format", "json"},
                                            {"value.fields-include", "EXCEPT_KEY"}});
  table.options.erase("format");
  table.schema =
      arrow::schema({arrow::field("k_user", arrow::utf8()), arrow::field("n", arrow::int32())});
  SeenOfTopic seen;
  Run(ReadAll(table, {0, 1}, &seen));
  EXPECT_EQ(seen.rows, (Rows{"a|1", "null|2", "d|4"}));
  EXPECT_EQ(seen.rejected.size(), 1u);
}

TEST_F(KafkaSourceTest, ReadsAKeyedTopicAsAChangelog) {
  Run(Append(0, {{"{\"user\":\"a\"}", Event("a", 1)}, {"{\"user\":\"a\"}", std::nullopt}}));
  connector::TableDescriptor table =
      Table({{"connector", "upsert-kafka"}, {"key.format", "json"}, {"value.format", "json"}});
  table.options.erase("format");
  table.options.erase("scan.startup.mode");
  table.primary_key = {"user"};
  SeenOfTopic seen;
  Run(ReadAll(table, {0, 1}, &seen));
  EXPECT_EQ(seen.rows, (Rows{"+U a|1", "-D a|null"}));
}

// A deletion has no value, so that no rule of the value's format concerns it.
TEST_F(KafkaSourceTest, DeletesWhateverTheFormatSaysOfMissingFields) {
  std::string key = "{\"user\":\"a\"}";
  Run(Append(0, {{key, Event("a", 1)}, {key, std::nullopt}, {key, Event("a", 2)}}));
  connector::TableDescriptor table = Table({{"connector", "upsert-kafka"},
                                            {"key.format", "json"},
                                            {"value.format", "json"},
                                            {"value.json.fail-on-missing-field", "true"}});
  table.options.erase("format");
  table.options.erase("scan.startup.mode");
  table.primary_key = {"user"};
  SeenOfTopic seen;
  Run(ReadAll(table, {1, 0}, &seen));
  EXPECT_EQ(seen.rows, (Rows{"+U 1|a", "-D null|a", "+U 2|a"}));
  EXPECT_EQ(seen.rejected, Rows{});
  SeenOfTopic counted;
  Run(ReadAll(table, {}, &counted));
  EXPECT_EQ(counted.rows, (Rows{"+U ", "-D ", "+U "}));
  table.schema =
      arrow::schema({arrow::field("user", arrow::utf8()), arrow::field("v", arrow::utf8())});
  table.options["value.format"] = "raw";
  table.options["value.fields-include"] = "EXCEPT_KEY";
  table.options.erase("value.json.fail-on-missing-field");
  SeenOfTopic raw;
  Run(ReadAll(table, {1, 0}, &raw));
  EXPECT_EQ(raw.rows,
            (Rows{"+U " + Event("a", 1) + "|a", "-D null|a", "+U " + Event("a", 2) + "|a"}));
}

// 'raw' makes a row of NULL of a missing value; a record whose key is bad has none.
TEST_F(KafkaSourceTest, GivesNoRowOfARecordWhoseKeyIsBad) {
  Run(Append(0, {{"{\"user\":\"a\"}", "1"}, {"bad", "2"}, {"{\"user\":\"c\"}", "3"}}));
  Options options = {{"key.format", "json"},
                     {"key.fields", "user"},
                     {"value.format", "raw"},
                     {"value.fields-include", "EXCEPT_KEY"}};
  connector::TableDescriptor table = Table(options);
  table.options.erase("format");
  table.schema =
      arrow::schema({arrow::field("user", arrow::utf8()), arrow::field("v", arrow::utf8())});
  SeenOfTopic seen;
  Run(ReadAll(table, {0, 1}, &seen));
  EXPECT_EQ(seen.rows, (Rows{"a|1", "c|3"}));
  EXPECT_EQ(seen.rejected, Rows{"clicks/0@1 2"});
  table.options["key.json.ignore-parse-errors"] = "true";
  SeenOfTopic skipped;
  Run(ReadAll(table, {0, 1}, &skipped));
  EXPECT_EQ(skipped.rows, (Rows{"a|1", "c|3"}));
  EXPECT_EQ(skipped.rejected, Rows{});
}

TEST_F(KafkaSourceTest, TellsBadRecordsInTheirOrderWhateverIsBadOfThem) {
  Run(Append(0,
             {{"{\"user\":\"a\"}", "no json"}, {"bad", "{}"}, {"{\"user\":\"c\"}", "nor this"}}));
  Options options = {{"key.format", "json"},
                     {"key.fields", "user"},
                     {"value.format", "json"},
                     {"value.fields-include", "EXCEPT_KEY"}};
  connector::TableDescriptor table = Table(options);
  table.options.erase("format");
  table.schema =
      arrow::schema({arrow::field("user", arrow::utf8()), arrow::field("v", arrow::utf8())});
  SeenOfTopic seen;
  Run(ReadAll(table, {0, 1}, &seen));
  EXPECT_EQ(seen.rejected, (Rows{"clicks/0@0 no json", "clicks/0@1 {}", "clicks/0@2 nor this"}));
}

TEST_F(KafkaSourceTest, EndsABoundedScanWhereItWasWhenItBegan) {
  Run(Append(0, {{"k", Event("a", 1)}, {"k", Event("b", 2)}}));
  auto source = Make(Table({{"scan.bounded.mode", "latest-offset"}})).ValueOrDie();
  EXPECT_TRUE(source->bounded());
  std::vector<connector::SourceSplit> splits;
  Run([](connector::TableSource* from, std::vector<connector::SourceSplit>* out) -> Task<> {
    CO_ASSIGN_OR_RETURN(*out, co_await from->DiscoverSplits());
    co_return Status::OK();
  }(source.get(), &splits));
  EXPECT_EQ(splits[0].position, "0-2@" + HexOf(topic_.id));
  EXPECT_EQ(splits[1].position, "0-0@" + HexOf(topic_.id));
  Run(Append(0, {{"k", Event("c", 3)}}));
  SeenOfTopic seen;
  Run(ReadQuiet(env_.get(), source.get(), splits[0], {0}, 1, &seen));
  EXPECT_EQ(seen.rows, (Rows{"a", "b"}));
  EXPECT_TRUE(seen.ended);
  SeenOfTopic empty;
  Run(ReadQuiet(env_.get(), source.get(), splits[1], {0}, 1, &empty));
  EXPECT_TRUE(empty.ended);
}

TEST_F(KafkaSourceTest, StartsWhereTheOptionsSay) {
  Run(Append(0, {{"k", Event("a", 1), 1000}, {"k", Event("b", 2), 2000}}));
  auto rows = [&](Options options) {
    SeenOfTopic seen;
    options["scan.bounded.mode"] = "latest-offset";
    Run(ReadAll(Table(std::move(options)), {0}, &seen));
    return seen.rows;
  };
  EXPECT_EQ(rows({{"scan.startup.mode", "latest-offset"}}), Rows{});
  EXPECT_EQ(rows({{"scan.startup.mode", "timestamp"}, {"scan.startup.timestamp-millis", "1500"}}),
            Rows{"b"});
  EXPECT_EQ(rows({{"scan.startup.mode", "specific-offsets"},
                  {"scan.startup.specific-offsets", "partition:0,offset:1;partition:1,offset:0"}}),
            Rows{"b"});
  EXPECT_EQ(rows({{"scan.startup.mode", "group-offsets"},
                  {"properties.group.id", "g"},
                  {"properties.auto.offset.reset", "earliest"}}),
            (Rows{"a", "b"}));
  auto source = Make(Table({{"properties.group.id", "g"}})).ValueOrDie();
  Run(source->OnCheckpointComplete(
      {{.id = "clicks/0", .position = "1"}, {.id = "clicks/1", .position = "0"}}));
  EXPECT_EQ(rows({{"scan.startup.mode", "group-offsets"}, {"properties.group.id", "g"}}),
            Rows{"b"});
}

TEST_F(KafkaSourceTest, ReadsPartitionsThatAreNewerThanACheckpointFromTheirBeginning) {
  Run(Append(0, {{"k", Event("a", 1)}}));
  Run(Append(1, {{"k", Event("b", 2)}}));
  std::vector<connector::SourceSplit> splits;
  const auto discover = [&](Options options) {
    auto source = Make(Table(std::move(options))).ValueOrDie();
    CHECK_OK(dynamic_cast<connector::RestoredSource&>(*source).SetRestored(
        {{.split = {.id = "clicks/0", .position = "0"}}}));
    Run([](connector::TableSource* from, std::vector<connector::SourceSplit>* out) -> Task<> {
      CO_ASSIGN_OR_RETURN(*out, co_await from->DiscoverSplits());
      co_return Status::OK();
    }(source.get(), &splits));
    ASSERT_EQ(splits.size(), 1u);
    EXPECT_EQ(splits[0].id, "clicks/1");
    EXPECT_EQ(splits[0].position, "0@" + HexOf(topic_.id));
  };
  discover({{"scan.startup.mode", "latest-offset"}});
  // Neither one has an offset in the group.
  discover({{"scan.startup.mode", "group-offsets"}, {"properties.group.id", "none"}});
}

// Also of one that is longer than what was read of the old one.
TEST_F(KafkaSourceTest, DoesNotGoOnInATopicThatWasMadeAgain) {
  Run(Append(0, {{"k", Event("a", 1)}, {"k", Event("b", 2)}}));
  auto source = Make(Table()).ValueOrDie();
  auto bounded = Make(Table({{"scan.bounded.mode", "latest-offset"}})).ValueOrDie();
  std::vector<connector::SourceSplit> begin, ends;
  const auto discover = [](connector::TableSource* from,
                           std::vector<connector::SourceSplit>* out) -> Task<> {
    CO_ASSIGN_OR_RETURN(*out, co_await from->DiscoverSplits());
    co_return Status::OK();
  };
  Run(discover(source.get(), &begin));
  Run(discover(bounded.get(), &ends));
  SeenOfTopic seen;
  Run(ReadQuiet(env_.get(), source.get(), begin[0], {1}, 9, &seen));
  std::unique_ptr<connector::SplitReader> reader;
  Run([](connector::TableSource* from, connector::SourceSplit split,
         std::unique_ptr<connector::SplitReader>* out) -> Task<> {
    std::vector<int> columns = {1};
    CO_ASSIGN_OR_RETURN(*out, co_await from->OpenSplit(std::move(split), std::move(columns)));
    co_return Status::OK();
  }(source.get(), {.id = "clicks/0", .position = seen.position}, &reader));
  Run([](storage::Log* log, storage::TopicInfo* topic) -> Task<> {
    CO_RETURN_IF_ERROR(co_await log->DeleteTopic(topic->id));
    storage::TopicConfig config;
    CO_ASSIGN_OR_RETURN(*topic, co_await log->CreateTopic("clicks", 1, config, false));
    co_return Status::OK();
  }(log_.get(), &topic_));
  for (int n = 10; n < 14; ++n) Run(Append(0, {{"k", Event("c", n)}}));

  Status running =
      RunBlocking(env_->shard(0), [](connector::SplitReader* from, TimePoint deadline) -> Task<> {
        co_return (co_await from->Read(9, deadline)).status();
      }(reader.get(), env_->Now()));
  EXPECT_TRUE(Is(running, ErrorCode::kUnknownTopic)) << running;
  // Of the second partition, which the new topic does not have, the cause is told as well.
  for (const connector::SourceSplit& split :
       {connector::SourceSplit{.id = "clicks/0", .position = seen.position}, begin[1], ends[0]}) {
    SeenOfTopic none;
    Status told =
        RunBlocking(env_->shard(0), ReadQuiet(env_.get(), source.get(), split, {1}, 9, &none));
    EXPECT_TRUE(Is(told, ErrorCode::kOffsetOutOfRange)) << told;
    EXPECT_EQ(TextOf(told).message,
              "table 't': topic 'clicks' was deleted and made again since it was read last");
    EXPECT_EQ(TextOf(told).hint, "submit the script as a new job");
    EXPECT_EQ(none.rows, Rows{});
  }
  // Of what was read to its end nothing is lost.
  SeenOfTopic over;
  Run(ReadQuiet(env_.get(), bounded.get(), {.id = "clicks/0", .position = "2-2@" + HexOf({})}, {1},
                9, &over));
  EXPECT_TRUE(over.ended);
  // A position of old knows no topic; the next one does.
  SeenOfTopic old;
  Run(ReadQuiet(env_.get(), source.get(), {.id = "clicks/0", .position = "3"}, {1}, 9, &old));
  EXPECT_EQ(old.rows, Rows{"13"});
  EXPECT_EQ(old.position, "4@" + HexOf(topic_.id));
  // Without a checkpoint the new topic is read from its beginning.
  CHECK_OK(dynamic_cast<connector::RestoredSource&>(*source).SetRestored({}));
  Run(discover(source.get(), &begin));
  ASSERT_EQ(begin.size(), 1u);
  EXPECT_EQ(begin[0].position, "0@" + HexOf(topic_.id));
}

TEST_F(KafkaSourceTest, TellsOnceThatHeldRecordsAreGoneAndGoesOn) {
  for (int n = 0; n < 6; ++n) Run(Append(0, {{"k", Event("a", n)}}));
  Run([](storage::Log* log, TopicPartition partition) -> Task<> {
    co_return (co_await log->DeleteRecords(partition, Offset(4))).status();
  }(log_.get(), {topic_.id, PartitionId(0)}));
  const std::string id = "@" + HexOf(topic_.id);
  const std::string other = "@" + std::string(32, 'a');
  const std::string dropped = "offsets 1 to 3 of partition 'clicks/0' were dropped";
  struct Case {
    std::string position;
    std::string told;
  };
  for (const Case& lost :
       {Case{"1" + id, dropped}, Case{"1", dropped},
        Case{"9" + id, "partition 'clicks/0' ends at offset 6, and 9 was to be read"},
        Case{"5" + other, "topic 'clicks' was deleted and made again since it was read last"}}) {
    connector::SourceSplit split{.id = "clicks/0", .position = lost.position};
    auto source = Make(Table({{"scan.holds-retention", "true"}})).ValueOrDie();
    SeenOfTopic seen;
    Status told =
        RunBlocking(env_->shard(0), ReadQuiet(env_.get(), source.get(), split, {1}, 9, &seen));
    EXPECT_TRUE(Is(told, ErrorCode::kOffsetOutOfRange)) << told;
    EXPECT_NE(TextOf(told).message.find(lost.told), std::string::npos) << told;
    Run(ReadQuiet(env_.get(), source.get(), split, {1}, 9, &seen));
    EXPECT_EQ(seen.rows, (Rows{"4", "5"})) << lost.position;
    EXPECT_EQ(seen.position, "6" + id);
  }
}

// Of all partitions of a topic that was made again it is told once; one that is not there any more
// gives nothing, until it is.
TEST_F(KafkaSourceTest, WaitsForAPartitionThatATopicMadeAgainDoesNotHave) {
  const std::string other = "@" + std::string(32, 'a');
  auto source = Make(Table({{"scan.holds-retention", "true"}})).ValueOrDie();
  connector::SourceSplit first{.id = "clicks/0", .position = "5" + other};
  connector::SourceSplit gone{.id = "clicks/7", .position = "5" + other};
  SeenOfTopic seen;
  Status told =
      RunBlocking(env_->shard(0), ReadQuiet(env_.get(), source.get(), first, {1}, 9, &seen));
  EXPECT_TRUE(Is(told, ErrorCode::kOffsetOutOfRange)) << told;
  Run(ReadQuiet(env_.get(), source.get(), gone, {1}, 9, &seen));
  EXPECT_TRUE(seen.caught_up && seen.rows.empty() && !seen.ended);
  EXPECT_EQ(seen.position, gone.position);
  std::unique_ptr<connector::SplitReader> reader;
  Run([](connector::TableSource* from, connector::SourceSplit split,
         std::unique_ptr<connector::SplitReader>* out) -> Task<> {
    std::vector<int> columns = {1};
    CO_ASSIGN_OR_RETURN(*out, co_await from->OpenSplit(std::move(split), std::move(columns)));
    co_return Status::OK();
  }(source.get(), gone, &reader));
  Run([](storage::Log* log, storage::TopicId topic) -> Task<> {
    co_return (co_await log->AddPartitions(topic, 8)).status();
  }(log_.get(), topic_.id));
  Status there =
      RunBlocking(env_->shard(0), [](connector::SplitReader* from, TimePoint deadline) -> Task<> {
        co_return (co_await from->Read(9, deadline)).status();
      }(reader.get(), env_->Now()));
  EXPECT_TRUE(Is(there, ErrorCode::kUnavailable)) << there;
}

TEST_F(KafkaSourceTest, HoldsWhatItHasNotReadWhenAskedTo) {
  const std::string id = "@" + HexOf(topic_.id);
  const std::vector<connector::SourceSplit> positions = {{.id = "clicks/0", .position = "3" + id},
                                                         {.id = "clicks/1", .position = "4"},
                                                         {.id = "gone/0", .position = "5" + id}};
  auto plain = Make(Table()).ValueOrDie();
  EXPECT_TRUE(dynamic_cast<connector::HoldingSource*>(plain.get())->HeldFrom(positions).empty());
  auto source = Make(Table({{"scan.holds-retention", "true"}})).ValueOrDie();
  const std::map<TopicPartition, Offset> held = {{{topic_.id, PartitionId(0)}, Offset(3)},
                                                 {{topic_.id, PartitionId(1)}, Offset(4)}};
  EXPECT_EQ(dynamic_cast<connector::HoldingSource*>(source.get())->HeldFrom(positions), held);
}

TEST_F(KafkaSourceTest, WaitsForNewRecordsAndWakesForThem) {
  auto source = Make(Table()).ValueOrDie();
  SeenOfTopic seen;
  auto scenario = [](KafkaSourceTest* test, Env* env, connector::TableSource* from,
                     SeenOfTopic* out, std::function<Task<>()> append) -> Task<> {
    connector::SourceSplit split{.id = "clicks/0", .position = "0"};
    std::vector<int> projection = {0};
    CO_ASSIGN_OR_RETURN(auto reader, co_await from->OpenSplit(split, projection));
    CO_ASSIGN_OR_RETURN(auto nothing, co_await reader->Read(10, env->Now()));
    EXPECT_TRUE(nothing.caught_up);
    EXPECT_EQ(nothing.batch.rows->num_rows(), 0);
    Executor executor = co_await asio::this_coro::executor;
    TaskScope scope(executor, "append", [](const std::string&, const Status&) {});
    scope.Spawn("append", append());
    CO_ASSIGN_OR_RETURN(auto batch, co_await reader->Read(10, env->Now() + 60s));
    NoteTopic(batch, out);
    co_return co_await scope.Close();
  };
  std::function<Task<>()> append = [&] {
    std::vector<TestRecord> records = {{"k", Event("late", 1)}};
    return Append(0, std::move(records));
  };
  Run(scenario(this, env_.get(), source.get(), &seen, append));
  EXPECT_EQ(seen.rows, Rows{"late"});
}

TEST_F(KafkaSourceTest, SaysWhatIsWrongWithATable) {
  auto message = [&](Options options) {
    connector::TableDescriptor table = Table(std::move(options));
    Status status = Make(table).status();
    return status.ok() ? std::string("accepted") : Describe(status);
  };
  EXPECT_EQ(message({{"properties.bootstrap.servers", "kafka.example:9092"}}), "accepted");
  EXPECT_NE(message({{"properties.bootstrap.servers", "kafka.example:9092"},
                     {"properties.no.such", "x"}}),
            "accepted");
  EXPECT_NE(message({{"topic-pattern", "c.*"}}), "accepted");
  EXPECT_NE(message({{"scan.startup.mode", "timestamp"}}), "accepted");
  EXPECT_NE(message({{"key.format", "json"}}), "accepted");
  SeenOfTopic seen;
  Status status = RunBlocking(env_->shard(0), ReadAll(Table({{"topic", "click"}}), {0}, &seen));
  EXPECT_EQ(TextOf(status).hint, "did you mean 'clicks'?");
  connector::TableDescriptor no_mode = Table();
  no_mode.options.erase("scan.startup.mode");
  status = RunBlocking(env_->shard(0), ReadAll(no_mode, {0}, &seen));
  EXPECT_TRUE(Is(status, ErrorCode::kInvalidArgument));
}

}  // namespace
}  // namespace mainstem::source

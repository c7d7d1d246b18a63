// A shard of a made-up stream: positions, what the KPL packs, iterators that expire, throttling,
// the end of a shard, what is refused.
#include "source/kinesis/shard_reader.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "source/kinesis/kinesis_source.h"

namespace mainstem::source {
namespace {

using connector::KinesisRecord;
using connector::KinesisRecords;
using connector::ShardPosition;
using testing::HasSubstr;

// Records have the sequence numbers 0, 1, 2 ..; an iterator is the place of the next one.
class MadeUpStream final : public connector::KinesisStream {
 public:
  Task<std::vector<connector::KinesisShard>> ListShards() override { co_return listing; }
  Task<std::string> GetIterator(std::string, ShardPosition position) override {
    ++iterators;
    if (is_gone) co_return MakeError(ErrorCode::kNotFound, "ResourceNotFoundException");
    if (position.kind != ShardPosition::Kind::kAfter) co_return std::string("0");
    co_return std::to_string(std::stoi(position.sequence_number) + 1);
  }
  Task<KinesisRecords> GetRecords(std::string iterator, int64_t limit) override {
    if (throttles > 0) {
      --throttles;
      co_return MakeError(ErrorCode::kResourceExhausted, "throttled");
    }
    if (expirations > 0) {
      --expirations;
      co_return MakeError(ErrorCode::kOffsetOutOfRange, "expired");
    }
    KinesisRecords out;
    size_t at = std::stoul(iterator);
    for (; at < data.size() && static_cast<int64_t>(out.records.size()) < limit; ++at) {
      KinesisRecord record{.data = data[at], .partition_key = "k", .sequence_number = ""};
      record.sequence_number = std::to_string(at);
      record.arrival_ms = 1000 + static_cast<int64_t>(at);
      out.records.push_back(std::move(record));
    }
    const bool is_all = at == data.size();
    out.millis_behind = is_all ? 0 : 5;
    if (!is_all || !is_closed) out.next_iterator = std::to_string(at);
    co_return out;
  }
  Task<std::vector<connector::KinesisPutOutcome>> PutRecords(
      std::vector<connector::KinesisPut>) override {
    co_return MakeError(ErrorCode::kUnsupported, "");
  }
  Task<int64_t> RecordBytesMax() override { co_return 0; }
  int64_t NowMs() const override { return 0; }

  std::vector<std::string> data;
  std::vector<connector::KinesisShard> listing = {{.id = "s"}};
  bool is_closed = false;
  bool is_gone = false;
  int throttles = 0;
  int expirations = 0;
  int iterators = 0;
};

std::string PackedByKpl(const std::vector<std::string>& values) {
  std::string message = std::string("\x0a\x01k", 3);
  for (const std::string& value : values) {
    message += std::string("\x1a", 1) + static_cast<char>(value.size() + 4) +
               std::string("\x08\x00\x1a", 3) + static_cast<char>(value.size()) + value;
  }
  std::string digest(16, '\0');
  EVP_Digest(message.data(), message.size(), reinterpret_cast<unsigned char*>(digest.data()),
             nullptr, EVP_md5(), nullptr);
  return "\xF3\x89\x9A\xC2" + message + digest;
}

class ShardReaderTest : public testing::Test {
 protected:
  std::unique_ptr<ShardReader> Reader(const std::string& position = "TRIM_HORIZON",
                                      int64_t fetch_max = 10000) {
    connector::TableDescriptor table{
        .name = "t",
        .schema = arrow::schema(
            {arrow::field("n", arrow::int32()),
             arrow::field("at", arrow::timestamp(arrow::TimeUnit::MILLI, "UTC")),
             arrow::field("number", arrow::utf8()), arrow::field("shard", arrow::utf8())})};
    table.metadata_columns = {{"at", "timestamp", true},
                              {"number", "sequence-number", true},
                              {"shard", "shard-id", true}};
    ScanLayout layout = ScanLayout::Make(table, {0, 1, 2, 3}, {});
    auto decoder = format::MakeDecoder("json", layout.decode_target(), {}).ValueOrDie();
    ShardDecoder::Options decode;
    decode.env = env_.get();
    decode.stream = "clicks";
    decode.shard = "s";
    ShardReadOptions options;
    options.env = env_.get();
    options.stream = stream_;
    options.lineage = lineage_;
    options.stream_name = "clicks";
    options.shard = "s";
    options.fetch_max = fetch_max;
    return std::make_unique<ShardReader>(
        std::move(options), ShardPosition::Parse(position).ValueOrDie(),
        std::make_unique<ShardDecoder>(decode, std::move(layout), std::move(decoder)));
  }
  Result<connector::SourceBatch> Read(ShardReader* reader, size_t max_rows = 100) {
    std::optional<connector::SourceBatch> batch;
    Status status = RunBlocking(env_->shard(0), ReadInto(env_.get(), reader, max_rows, &batch));
    if (!status.ok()) return status;
    return std::move(*batch);
  }
  static Task<> ReadInto(Env* env, ShardReader* reader, size_t max_rows,
                         std::optional<connector::SourceBatch>* into) {
    CO_ASSIGN_OR_RETURN(auto batch, co_await reader->Read(max_rows, env->Now()));
    *into = std::move(batch);
    co_return Status::OK();
  }
  static std::vector<int> Numbers(const connector::SourceBatch& batch) {
    const auto& column = static_cast<const arrow::Int32Array&>(*batch.batch.rows->column(0));
    std::vector<int> numbers;
    for (int64_t i = 0; i < column.length(); ++i) numbers.push_back(column.Value(i));
    return numbers;
  }
  void Put(int begin, int end) {
    for (int n = begin; n < end; ++n) stream_->data.push_back("{\"n\":" + std::to_string(n) + "}");
  }

  std::unique_ptr<Env> env_ = MakeRealEnv({.shard_count = 1});
  std::shared_ptr<MadeUpStream> stream_ = std::make_shared<MadeUpStream>();
  std::shared_ptr<ShardLineage> lineage_ = std::make_shared<ShardLineage>();
};

TEST_F(ShardReaderTest, GoesOnFromEveryPositionWhateverTheBatches) {
  Put(0, 10);
  for (size_t max_rows : {1u, 3u, 10u, 20u}) {
    for (int64_t fetch_max : {1, 4, 100}) {
      auto reader = Reader("TRIM_HORIZON", fetch_max);
      std::vector<int> seen;
      while (seen.size() < 10) {
        auto batch = Read(reader.get(), max_rows).ValueOrDie();
        for (int n : Numbers(batch)) seen.push_back(n);
        EXPECT_EQ(batch.position, "AFTER:" + std::to_string(seen.back()));
        EXPECT_EQ(batch.caught_up, seen.size() == 10);
        auto again = Read(Reader(batch.position).get()).ValueOrDie();
        EXPECT_EQ(Numbers(again).size(), 10 - seen.size());
      }
      for (int n = 0; n < 10; ++n) EXPECT_EQ(seen[static_cast<size_t>(n)], n);
    }
  }
}

TEST_F(ShardReaderTest, TakesApartWhatTheKplHasPacked) {
  stream_->data = {R"({"n":1})", PackedByKpl({R"({"n":2})", "{", R"({"n":3})"}), R"({"n":4})"};
  auto reader = Reader();
  auto batch = Read(reader.get()).ValueOrDie();
  EXPECT_EQ(Numbers(batch), (std::vector<int>{1, 2, 3, 4}));
  ASSERT_EQ(batch.rejected.size(), 1u);
  EXPECT_EQ(batch.rejected[0].origin, "clicks/s@1/1");
  EXPECT_EQ(batch.rejected[0].raw_bytes, "{");
  const auto& numbers = static_cast<const arrow::StringArray&>(*batch.batch.rows->column(2));
  EXPECT_EQ(numbers.GetString(1), "1");
  EXPECT_EQ(numbers.GetString(2), "1");
  const auto& times = static_cast<const arrow::TimestampArray&>(*batch.batch.rows->column(1));
  EXPECT_EQ(times.Value(3), 1002);
  EXPECT_EQ(batch.batch.rows->column(3)->GetScalar(0).ValueOrDie()->ToString(), "s");
}

TEST_F(ShardReaderTest, IteratorsThatExpireAreAskedForAgain) {
  Put(0, 3);
  auto reader = Reader();
  Read(reader.get()).ValueOrDie();
  Put(3, 5);
  stream_->expirations = 1;
  EXPECT_EQ(Numbers(Read(reader.get()).ValueOrDie()), (std::vector<int>{3, 4}));
  EXPECT_EQ(stream_->iterators, 2);
  stream_->expirations = 10;
  EXPECT_FALSE(Read(reader.get()).ok());
}

TEST_F(ShardReaderTest, AThrottledShardIsReadOnLater) {
  Put(0, 2);
  stream_->throttles = 2;
  auto reader = Reader();
  std::vector<int> seen;
  while (seen.empty()) {
    auto batch = Read(reader.get()).ValueOrDie();
    EXPECT_EQ(batch.caught_up, batch.batch.rows->num_rows() > 0);
    seen = Numbers(batch);
  }
  EXPECT_EQ(seen, (std::vector<int>{0, 1}));
}

TEST_F(ShardReaderTest, AClosedShardEndsWhenItsChildrenAreBeingRead) {
  Put(0, 2);
  stream_->is_closed = true;
  lineage_->Take(stream_->listing, ShardLineage::Want::kAll);
  auto reader = Reader();
  auto last = Read(reader.get()).ValueOrDie();
  EXPECT_EQ(last.position, "SHARD_END");
  EXPECT_FALSE(last.end_of_split);
  EXPECT_FALSE(last.caught_up);
  EXPECT_FALSE(Read(reader.get()).ValueOrDie().end_of_split);
  stream_->listing = {{.id = "s", .is_open = false}, {.id = "child", .parent = "s"}};
  EXPECT_EQ(lineage_->Take(stream_->listing, ShardLineage::Want::kAll).size(), 1u);
  EXPECT_FALSE(Read(reader.get()).ValueOrDie().end_of_split);
  lineage_->SetOpened("child");
  EXPECT_TRUE(Read(reader.get()).ValueOrDie().end_of_split);
  // So does one that a checkpoint holds.
  EXPECT_TRUE(Read(Reader("SHARD_END").get()).ValueOrDie().end_of_split);
}

TEST_F(ShardReaderTest, AShardThatIsGoneIsNamed) {
  stream_->is_gone = true;
  Status status = Read(Reader("AFTER:7").get()).status();
  EXPECT_TRUE(Is(status, ErrorCode::kNotFound));
  EXPECT_THAT(Describe(status), HasSubstr("shard 'clicks/s' is gone"));
}

// ---- options

Result<std::unique_ptr<connector::TableSource>> Make(
    Env* env, const std::map<std::string, std::string>& more) {
  connector::TableDescriptor table{.name = "t",
                                   .schema = arrow::schema({arrow::field("n", arrow::int32())})};
  table.options = {{"connector", "kinesis"},
                   {"stream.arn", "arn:aws:kinesis:eu-west-1:000000000000:stream/clicks"},
                   {"aws.region", "eu-west-1"},
                   {"format", "json"}};
  for (const auto& [name, value] : more) {
    if (value.empty()) {
      table.options.erase(name);
    } else {
      table.options[name] = value;
    }
  }
  connector::ConnectorContext context;
  context.env = env;
  connector::ConnectorRegistry registry;
  registry.Add(KinesisSourceConnector({}));
  return registry.MakeSource(std::move(table), context);
}

TEST_F(ShardReaderTest, OptionsAreFlinks) {
  auto refusal = [&](const std::map<std::string, std::string>& more) {
    Status status = Make(env_.get(), more).status();
    return status.ok() ? "" : Describe(status);
  };
  EXPECT_EQ(refusal({}), "");
  EXPECT_EQ(refusal({{"source.init.position", "AT_TIMESTAMP"},
                     {"source.init.timestamp", "2026-01-01T00:00:00.000+00:00"},
                     {"source.shard.discovery.interval", "1 s"}}),
            "");
  EXPECT_THAT(refusal({{"source.init.position", "AT_TIMESTAMP"}}), HasSubstr("is needed"));
  EXPECT_THAT(refusal({{"source.init.timestamp", "0"}}), HasSubstr("AT_TIMESTAMP"));
  EXPECT_THAT(refusal({{"source.init.position", "EARLIEST"}}), HasSubstr("TRIM_HORIZON"));
  EXPECT_THAT(refusal({{"source.reader.type", "EFO"}}), HasSubstr("POLLING"));
  EXPECT_THAT(refusal({{"source.init.positon", "LATEST"}}),
              HasSubstr("did you mean 'source.init.position'?"));
  EXPECT_THAT(refusal({{"stream", "clicks"}}), HasSubstr("stream.arn"));
  EXPECT_THAT(refusal({{"scan.stream.initpos", "LATEST"}}), HasSubstr("'source.init.position'"));
  EXPECT_THAT(refusal({{"stream.arn", "clicks"}}), HasSubstr("arn:aws:kinesis:"));
  EXPECT_THAT(refusal({{"aws.region", ""}}), HasSubstr("aws.region"));
  EXPECT_THAT(refusal({{"format", ""}}), HasSubstr("format"));
  EXPECT_THAT(refusal({{"aws.credentials.provider", "ASSUME_ROLE"}}), HasSubstr("not supported"));
  const std::string secret = refusal({{"aws.endpoint", "http://me:s3cret@host"}});
  EXPECT_THAT(secret, HasSubstr("aws.endpoint"));
  EXPECT_THAT(secret, testing::Not(HasSubstr("s3cret")));
}

}  // namespace
}  // namespace mainstem::source

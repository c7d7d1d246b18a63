// Avro files on the simulated disk: restart at every row, growth, other files in the same place,
// and broken blocks.
#include "source/filesystem/avro_split_reader.h"

#include "source/filesystem/testing/file_source_fixture.h"

namespace mainstem::source {
namespace {

using arrow::field;
using namespace std::chrono_literals;

const arrow::FieldVector& Fields() {
  static const arrow::FieldVector fields = {field("id", arrow::int32()),
                                            field("name", arrow::utf8())};
  return fields;
}

// The encoder ends a block at 64 KiB.
std::string AvroBytes(int begin, int end, size_t name_bytes) {
  arrow::Int32Builder ids;
  arrow::StringBuilder names;
  for (int i = begin; i < end; ++i) {
    CHECK_OK(ids.Append(i));
    CHECK_OK(names.Append(std::string(name_bytes, static_cast<char>('a' + i % 26))));
  }
  auto schema = arrow::schema(Fields());
  auto encoder = format::AvroFileEncoder::Make(*schema, {{"codec", "null"}}).ValueOrDie();
  auto rows = arrow::RecordBatch::Make(schema, end - begin,
                                       {ids.Finish().ValueOrDie(), names.Finish().ValueOrDie()});
  CHECK_OK(encoder->Write(*rows));
  CHECK_OK(encoder->Finish());
  return encoder->TakeBytes();
}

class AvroSplitReaderTest : public FileSourceFixture {
 protected:
  AvroSplitReaderTest() : FileSourceFixture("avro") {}
};

TEST_F(AvroSplitReaderTest, GoesOnBehindEachRow) {
  Write("/d/a.avro", AvroBytes(0, 9, 30000));  // blocks of three rows
  auto source = Open(Fields());
  Seen whole = ReadAll(source.get(), {0}, 1);
  ASSERT_EQ(whole.rows, (Lines{"0", "1", "2", "3", "4", "5", "6", "7", "8"}));
  for (size_t i = 0; i < whole.positions.size(); ++i) {
    Seen rest = ReadAll(source.get(), {0}, 2, whole.positions[i]);
    size_t done = std::min<size_t>(i + 1, 9);
    EXPECT_EQ(rest.rows, Lines(whole.rows.begin() + static_cast<ptrdiff_t>(done), whole.rows.end()))
        << whole.positions[i];
  }
  EXPECT_EQ(ReadAll(source.get(), {}, 100).rows.size(), 9u);  // COUNT(*)
}

TEST_F(AvroSplitReaderTest, SaysThatAFileWasWrittenAnewInPlace) {
  Write("/d/a.avro", AvroBytes(0, 9, 30000));
  auto source = Open(Fields());
  auto splits = Discover(source.get());
  Seen whole = ReadAll(source.get(), {0}, 1);
  splits[0].position = whole.positions[4];
  Write("/d/a.avro", AvroBytes(100, 104, 10));
  EXPECT_EQ(TextOf(OpenOnly(source.get(), splits[0])).message,
            "table 't': file '/d/a.avro' was replaced before it was read to its end");
}

TEST_F(AvroSplitReaderTest, SaysThatAFileWasCutWhileNobodyReadIt) {
  std::string bytes = AvroBytes(0, 9, 30000);
  Write("/d/a.avro", bytes);
  auto source = Open(Fields());
  auto splits = Discover(source.get());
  splits[0].position = ReadAll(source.get(), {0}, 1).positions[4];
  Write("/d/a.avro", bytes.substr(0, 50000));
  EXPECT_EQ(TextOf(OpenOnly(source.get(), splits[0])).message,
            "file '/d/a.avro' became shorter while it was read");
}

TEST_F(AvroSplitReaderTest, GoesOnWhenAFileThatWasAwayAtARestartIsThereAgain) {
  Write("/d/a.avro", AvroBytes(0, 9, 30000));
  auto source = Open(Fields(), {{"source.monitor-interval", "1 s"}});
  auto before = Discover(source.get());
  before[0].position = ReadAll(Open(Fields()).get(), {0}, 1).positions[4];
  CHECK_OK(env_.Run(env_.files().Rename("/d", "/away")));
  EXPECT_TRUE(ReadSplit(source.get(), before[0], 3).rows.empty());
  CHECK_OK(env_.Run(env_.files().Rename("/away", "/d")));
  auto after = Discover(source.get());
  ASSERT_EQ(after.size(), 1u);
  EXPECT_EQ(after[0].id, before[0].id + "-2");
  EXPECT_EQ(ReadSplit(source.get(), after[0], 3).rows, (Lines{"5", "6", "7", "8"}));
}

TEST_F(AvroSplitReaderTest, GoesOnBehindABrokenBlock) {
  std::string bytes = AvroBytes(0, 9, 30000);
  Write("/d/a.avro", bytes);
  size_t first_block = format::ParseAvroFileHeader(bytes).ValueOrDie()->bytes;
  std::string torn = bytes;
  for (size_t i = 0; i < 12; ++i) torn[first_block + i] = '\xff';  // its counts
  Write("/d/b.avro", torn);
  std::string short_text = bytes;
  short_text[first_block + 10] = '\x7f';  // within the first row
  Write("/d/c.avro", short_text);
  Write("/d/d.avro", bytes.substr(0, bytes.size() - 40));
  Write("/d/e.avro", "PAR1 is another format, and this one is long enough");
  auto source = Open(Fields());
  Seen seen = ReadAll(source.get(), {0}, 100);
  Lines expected = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "3", "4", "5", "6", "7", "8"};
  ASSERT_GE(seen.rows.size(), expected.size());
  EXPECT_EQ(Lines(seen.rows.begin(), seen.rows.begin() + 15), expected);
  ASSERT_GE(seen.rejected.size(), 3u);
  EXPECT_NE(seen.rejected[0].find("file '/d/b.avro'"), std::string::npos);
  EXPECT_NE(seen.rejected.back().find("not an Avro file"), std::string::npos);
  EXPECT_NE(seen.rejected[seen.rejected.size() - 2].find("cut off within a block"),
            std::string::npos);
}

TEST_F(AvroSplitReaderTest, TellsColumnAndBothTypesWhenTheyDoNotFit) {
  Write("/d/a.avro", AvroBytes(0, 2, 10));
  auto source = Open({field("name", arrow::int32())});
  EXPECT_EQ(
      ReadAll(source.get(), {0}, 10).rejected,
      (Lines{"/d/a.avro@0:0: file '/d/a.avro': column 'name': Avro's string cannot be read as "
             "INT"}));
}

Task<> Follow(Env* env, connector::TableSource* source, std::string rest, Lines* rows) {
  CO_ASSIGN_OR_RETURN(auto splits, co_await source->DiscoverSplits());
  CHECK(splits.size() == 1);
  std::vector<int> projection = {0};
  CO_ASSIGN_OR_RETURN(auto reader, co_await source->OpenSplit(splits[0], projection));
  for (int round = 0; round < 20; ++round) {
    if (round == 10) {
      OpenOptions options;
      options.write = true;
      CO_ASSIGN_OR_RETURN(auto file, co_await env->files().Open("/d/a.avro", options));
      CO_ASSIGN_OR_RETURN(int64_t size, co_await file->Size());
      CO_RETURN_IF_ERROR(
          co_await file->WriteAt(size, std::as_bytes(std::span(rest.data(), rest.size()))));
    }
    CO_ASSIGN_OR_RETURN(auto batch, co_await reader->Read(100, env->Now() + 100ms));
    CHECK(!batch.end_of_split && batch.rejected.empty());
    for (int64_t row = 0; row < batch.batch.rows->num_rows(); ++row) {
      rows->push_back(batch.batch.rows->column(0)->GetScalar(row).ValueOrDie()->ToString());
    }
  }
  co_return Status::OK();
}

TEST_F(AvroSplitReaderTest, FollowsAFileThatGrowsWithinABlock) {
  std::string bytes = AvroBytes(0, 9, 30000);
  size_t half = bytes.size() / 2;
  Write("/d/a.avro", bytes.substr(0, half));
  auto source = Open(Fields(), {{"source.monitor-interval", "1 s"}});
  Lines rows;
  CHECK_OK(env_.Run(Follow(&env_, source.get(), bytes.substr(half), &rows)));
  EXPECT_EQ(rows, (Lines{"0", "1", "2", "3", "4", "5", "6", "7", "8"}));
}

TEST_F(AvroSplitReaderTest, SaysWhichFileWasReplacedBeforeItWasRead) {
  Write("/d/a.avro", AvroBytes(0, 4, 10));
  auto source = Open(Fields());
  auto splits = Discover(source.get());
  ASSERT_EQ(splits.size(), 1u);
  CHECK_OK(env_.Run(env_.files().Remove("/d/a.avro")));
  Write("/d/a.avro", AvroBytes(0, 4, 10));
  EXPECT_EQ(TextOf(OpenOnly(source.get(), splits[0])).message,
            "table 't': file '/d/a.avro' was replaced before it was read to its end");
}

}  // namespace
}  // namespace mainstem::source

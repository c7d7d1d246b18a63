// Parquet files on the simulated disk: types, projection, restart at every row, and files that are
// none or not what the table says.
#include "source/filesystem/parquet_split_reader.h"

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <parquet/arrow/writer.h>

#include "source/filesystem/testing/file_source_fixture.h"

namespace mainstem::source {
namespace {

using arrow::field;
using Options = std::map<std::string, std::string>;

template <typename Builder, typename Value>
std::shared_ptr<arrow::Array> Column(Builder builder, const std::vector<Value>& values) {
  for (const Value& value : values) CHECK_OK(builder.Append(value));
  CHECK_OK(builder.AppendNull());
  return builder.Finish().ValueOrDie();
}

std::string ParquetBytes(const std::shared_ptr<arrow::Table>& table, int64_t row_group_rows,
                         const std::shared_ptr<parquet::WriterProperties>& properties =
                             parquet::default_writer_properties()) {
  auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
  CHECK_OK(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), sink, row_group_rows,
                                      properties));
  return sink->Finish().ValueOrDie()->ToString();
}

// id INT, name STRING, price DECIMAL(10, 2), all NULL in the last row.
std::shared_ptr<arrow::Table> Goods(int count) {
  std::vector<int32_t> ids;
  std::vector<std::string> names;
  std::vector<arrow::Decimal128> prices;
  for (int i = 0; i < count - 1; ++i) {
    ids.push_back(i);
    names.push_back("n" + std::to_string(i));
    prices.push_back(arrow::Decimal128(i * 100 + 5));
  }
  auto decimal = arrow::decimal128(10, 2);
  return arrow::Table::Make(
      arrow::schema(
          {field("id", arrow::int32()), field("name", arrow::utf8()), field("price", decimal)}),
      {Column(arrow::Int32Builder(), ids), Column(arrow::StringBuilder(), names),
       Column(arrow::Decimal128Builder(decimal, arrow::default_memory_pool()), prices)});
}

class ParquetSplitReaderTest : public FileSourceFixture {
 protected:
  ParquetSplitReaderTest() : FileSourceFixture("parquet") {}
};

const arrow::FieldVector& GoodsFields() {
  static const arrow::FieldVector fields = {
      field("id", arrow::int64()), field("name", arrow::utf8()),
      field("price", arrow::decimal128(12, 3)), field("absent", arrow::float64())};
  return fields;
}

TEST_F(ParquetSplitReaderTest, ReadsWantedColumnsInTheTablesTypes) {
  Write("/d/a.parquet", ParquetBytes(Goods(4), 3));
  auto source = Open(GoodsFields());
  EXPECT_EQ(ReadAll(source.get(), {2, 0, 3}, 100).rows,
            (Lines{"0.050|0|null", "1.050|1|null", "2.050|2|null", "null|null|null"}));
  EXPECT_EQ(ReadAll(source.get(), {3}, 100).rows, (Lines{"null", "null", "null", "null"}));
  EXPECT_EQ(ReadAll(source.get(), {}, 100).rows.size(), 4u);  // COUNT(*)
}

TEST_F(ParquetSplitReaderTest, GoesOnBehindEachRow) {
  Write("/d/a.parquet", ParquetBytes(Goods(9), 4));
  auto source = Open(GoodsFields());
  Seen whole = ReadAll(source.get(), {0, 1}, 1);
  ASSERT_EQ(whole.rows.size(), 9u);
  EXPECT_EQ(whole.lags.front(), 8);
  EXPECT_EQ(whole.lags.back(), 0);
  for (size_t i = 0; i < whole.positions.size(); ++i) {
    for (size_t max_rows : {1, 3, 100}) {
      Seen rest = ReadAll(source.get(), {0, 1}, max_rows, whole.positions[i]);
      EXPECT_EQ(rest.rows,
                Lines(whole.rows.begin() + static_cast<ptrdiff_t>(i) + 1, whole.rows.end()))
          << i << " " << max_rows;
    }
  }
}

TEST_F(ParquetSplitReaderTest, ReadsAFileWrittenAnewInPlaceFromItsBeginning) {
  Write("/d/a.parquet", ParquetBytes(Goods(9), 4));
  auto source = Open(GoodsFields());
  auto splits = Discover(source.get());
  Seen whole = ReadAll(source.get(), {0}, 5);
  Write("/d/a.parquet", ParquetBytes(Goods(7), 4));
  auto followed = Open(GoodsFields(), {{"source.monitor-interval", "1 s"}});
  EXPECT_EQ(ReadAll(followed.get(), {0}, 5, whole.positions[0]).rows.size(), 7u);
  splits[0].position = whole.positions[0];
  EXPECT_EQ(TextOf(OpenOnly(source.get(), splits[0])).message,
            "table 't': file '/d/a.parquet' was replaced before it was read to its end");
}

TEST_F(ParquetSplitReaderTest, GoesOnWhenAFileThatWasAwayAtARestartIsThereAgain) {
  Write("/d/a.parquet", ParquetBytes(Goods(9), 4));
  Seen whole = ReadAll(Open(GoodsFields()).get(), {0}, 3);
  auto source = Open(GoodsFields(), {{"source.monitor-interval", "1 s"}});
  auto before = Discover(source.get());
  CHECK_OK(env_.Run(env_.files().Rename("/d", "/away")));
  before[0].position = whole.positions[0];
  EXPECT_TRUE(ReadSplit(source.get(), before[0], 3).rows.empty());
  CHECK_OK(env_.Run(env_.files().Rename("/away", "/d")));
  auto after = Discover(source.get());
  ASSERT_EQ(after.size(), 1u);
  EXPECT_EQ(after[0].id, before[0].id + "-2");
  EXPECT_EQ(ReadSplit(source.get(), after[0], 3).rows,
            Lines(whole.rows.begin() + 3, whole.rows.end()));
}

TEST_F(ParquetSplitReaderTest, TellsFileColumnAndBothTypesWhenTheyDoNotFit) {
  Write("/d/a.parquet", ParquetBytes(Goods(4), 3));
  auto source = Open({field("price", arrow::int32()), field("id", arrow::int32())});
  EXPECT_EQ(ReadAll(source.get(), {0}, 10).rejected,
            (Lines{"/d/a.parquet@0: file '/d/a.parquet': column 'price' holds decimal128(10, 2), "
                   "the table declares it INT"}));
  // What is not asked for need not fit.
  EXPECT_EQ(ReadAll(source.get(), {1}, 10).rows.size(), 4u);
}

TEST_F(ParquetSplitReaderTest, RejectsWhatIsNoParquetFile) {
  std::string good = ParquetBytes(Goods(40), 10);
  Write("/d/a.parquet", "id,name\n1,x\n");
  Write("/d/b.parquet", "x");
  Write("/d/c.parquet", good.substr(0, good.size() - 1));
  Write("/d/d.parquet", good);
  std::string lying = good;
  lying[good.size() - 5] = '\x7f';  // the footer's length
  Write("/d/e.parquet", lying);
  std::string torn = good;
  for (size_t i = good.size() - 60; i < good.size() - 30; ++i) torn[i] = '\xff';
  Write("/d/f.parquet", torn);
  auto source = Open(GoodsFields());
  Seen seen = ReadAll(source.get(), {0, 1}, 100);
  EXPECT_GE(seen.rows.size(), 40u);
  ASSERT_GE(seen.rejected.size(), 4u);
  for (size_t i : {0u, 1u, 2u}) {
    EXPECT_NE(seen.rejected[i].find("not a Parquet file"), std::string::npos);
  }
  EXPECT_NE(seen.rejected[3].find("not a sound Parquet file"), std::string::npos);
}

TEST_F(ParquetSplitReaderTest, PassesOverARowGroupWithBrokenPages) {
  std::string good = ParquetBytes(Goods(40), 10);
  for (size_t i = 4; i < 40; ++i) good[i] = '\xff';  // the first chunk's page header
  Write("/d/a.parquet", good);
  auto source = Open(GoodsFields());
  Seen seen = ReadAll(source.get(), {0}, 100);
  EXPECT_EQ(seen.rows.size(), 30u);
  ASSERT_EQ(seen.rejected.size(), 1u);
  EXPECT_NE(seen.rejected[0].find("/d/a.parquet@0: file '/d/a.parquet'"), std::string::npos);
}

TEST_F(ParquetSplitReaderTest, CutsTimesAndDecodesDictionariesAndNestedColumns) {
  auto micros = arrow::timestamp(arrow::TimeUnit::MICRO, "Europe/Berlin");
  auto times = Column(arrow::TimestampBuilder(micros, arrow::default_memory_pool()),
                      std::vector<int64_t>{-1, 1700000000123456});
  arrow::StringDictionaryBuilder words;
  for (const char* word : {"x", "y", "x"}) CHECK_OK(words.Append(word));
  auto dictionary = words.Finish().ValueOrDie();
  auto numbers = std::make_shared<arrow::Int16Builder>();
  arrow::LargeListBuilder lists(arrow::default_memory_pool(), numbers);
  for (int i = 0; i < 3; ++i) {
    CHECK_OK(lists.Append());
    for (int j = 0; j < i; ++j) CHECK_OK(numbers->Append(static_cast<int16_t>(j)));
  }
  auto list = lists.Finish().ValueOrDie();
  auto row =
      arrow::StructArray::Make({times, list}, std::vector<std::string>{"t", "l"}).ValueOrDie();
  auto table =
      arrow::Table::Make(arrow::schema({field("t", times->type()), field("w", dictionary->type()),
                                        field("l", list->type()), field("r", row->type())}),
                         {times, dictionary, list, row});
  auto properties = parquet::WriterProperties::Builder().compression(arrow::Compression::ZSTD);
  Write("/d/a.parquet", ParquetBytes(table, 2, properties->build()));
  auto millis = arrow::timestamp(arrow::TimeUnit::MILLI, "UTC");
  auto source =
      Open({field("t", millis), field("w", arrow::utf8()), field("l", arrow::list(arrow::int32())),
            field("r", arrow::struct_({field("absent", arrow::int32()),
                                       field("l", arrow::list(arrow::int64()))}))});
  Seen seen = ReadAll(source.get(), {0, 1, 2, 3}, 10);
  EXPECT_EQ(seen.rejected, Lines());
  ASSERT_EQ(seen.rows.size(), 3u);
  EXPECT_NE(seen.rows[0].find("1969-12-31 23:59:59.999Z|x|"), std::string::npos) << seen.rows[0];
  EXPECT_NE(seen.rows[1].find("2023-11-14 22:13:20.123Z|y|"), std::string::npos) << seen.rows[1];
  EXPECT_EQ(seen.rows[2].find("null|x|"), 0u) << seen.rows[2];
  EXPECT_NE(seen.rows[2].find("[0, 1]"), std::string::npos) << seen.rows[2];
}

// INT96, as Spark and Impala write it, reaches further than nanoseconds of 64 bits do.
TEST_F(ParquetSplitReaderTest, RejectsTimesOfInt96ThatTheColumnCannotHold) {
  auto micros = arrow::timestamp(arrow::TimeUnit::MICRO);
  auto nanos = arrow::timestamp(arrow::TimeUnit::NANO);
  auto write = [&](const std::string& path, const std::shared_ptr<arrow::DataType>& type,
                   int64_t value) {
    auto times = Column(arrow::TimestampBuilder(type, arrow::default_memory_pool()),
                        std::vector<int64_t>{value});
    auto row = arrow::StructArray::Make({times, times}, std::vector<std::string>{"n", "m"});
    auto table = arrow::Table::Make(
        arrow::schema({field("n", type), field("m", type), field("r", (*row)->type())}),
        {times, times, *row});
    auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
    auto int96 = parquet::ArrowWriterProperties::Builder().enable_deprecated_int96_timestamps();
    CHECK_OK(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), sink, 10,
                                        parquet::default_writer_properties(), int96->build()));
    Write(path, sink->Finish().ValueOrDie()->ToString());
  };
  write("/d/far.parquet", micros, 253402300799123456);  // 9999-12-31 23:59:59.123456
  write("/d/near.parquet", nanos, 1700000000123456789);
  auto row = arrow::struct_({field("n", nanos), field("m", micros)});
  auto source = Open({field("n", nanos), field("m", micros), field("r", row)});
  Seen seen = ReadAll(source.get(), {1}, 10);
  EXPECT_EQ(seen.rejected, Lines());
  EXPECT_EQ(seen.rows,
            (Lines{"9999-12-31 23:59:59.123456", "null", "2023-11-14 22:13:20.123456", "null"}));
  for (int with_nanoseconds : {0, 2}) {
    seen = ReadAll(source.get(), {with_nanoseconds, 1}, 10);
    ASSERT_EQ(seen.rejected.size(), 1u);
    EXPECT_NE(seen.rejected[0].find("a time is beyond what TIMESTAMP(9) can hold"),
              std::string::npos)
        << seen.rejected[0];
    ASSERT_EQ(seen.rows.size(), 2u);
    EXPECT_NE(seen.rows[0].find("2023-11-14 22:13:20.123456789"), std::string::npos)
        << seen.rows[0];
    EXPECT_NE(seen.rows[0].find("|2023-11-14 22:13:20.123456"), std::string::npos) << seen.rows[0];
  }
}

TEST_F(ParquetSplitReaderTest, KnowsAFileAgainThatItHasRead) {
  Write("/d/a.parquet", ParquetBytes(Goods(4), 3));
  auto source = Open(GoodsFields(), {{"source.monitor-interval", "1 s"}});
  auto before = Discover(source.get());
  EXPECT_EQ(ReadAll(source.get(), {0}, 10).rows.size(), 4u);
  auto after = Discover(source.get());
  ASSERT_EQ(after.size(), 1u);
  EXPECT_EQ(after[0].id, before[0].id);
}

TEST_F(ParquetSplitReaderTest, WaitsForAFileToBeComplete) {
  std::string good = ParquetBytes(Goods(4), 3);
  Write("/d/a.parquet", good.substr(0, good.size() / 2));
  auto source = Open(GoodsFields(), {{"source.monitor-interval", "1 s"}});
  EXPECT_EQ(ReadAll(source.get(), {0}, 10).rejected, Lines());
  Write("/d/a.parquet", good);
  EXPECT_EQ(ReadAll(source.get(), {0}, 10).rows.size(), 4u);
}

TEST_F(ParquetSplitReaderTest, SaysWhichFileWasReplacedBeforeItWasRead) {
  Write("/d/a.parquet", ParquetBytes(Goods(4), 3));
  auto source = Open(GoodsFields());
  auto splits = Discover(source.get());
  ASSERT_EQ(splits.size(), 1u);
  CHECK_OK(env_.Run(env_.files().Remove("/d/a.parquet")));
  Write("/d/a.parquet", ParquetBytes(Goods(4), 3));
  EXPECT_EQ(TextOf(OpenOnly(source.get(), splits[0])).message,
            "table 't': file '/d/a.parquet' was replaced before it was read to its end");
}

}  // namespace
}  // namespace mainstem::source

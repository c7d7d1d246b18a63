#include "sink/clickhouse/clickhouse_table.h"

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mainstem::sink {
namespace {

using testing::HasSubstr;

std::shared_ptr<arrow::RecordBatch> ClickhouseRows(const std::shared_ptr<arrow::DataType>& type,
                                                   const std::string& json) {
  auto schema = arrow::schema({arrow::field("c", type)});
  auto array = arrow::json::ArrayFromJSONString(arrow::struct_(schema->fields()), json);
  CHECK_OK(array);
  auto batch = arrow::RecordBatch::FromStructArray(*array);
  CHECK_OK(batch);
  return *batch;
}

struct TypePair {
  std::shared_ptr<arrow::DataType> type;
  std::string column;
  bool fits;
};

TEST(ClickhouseTableTest, AColumnTakesEveryValueOrIsRefused) {
  auto wall = [](arrow::TimeUnit::type unit) { return arrow::timestamp(unit); };
  auto instant = [](arrow::TimeUnit::type unit) { return arrow::timestamp(unit, "UTC"); };
  const std::vector<TypePair> pairs = {
      {arrow::boolean(), "Nullable(UInt8)", true},
      {arrow::boolean(), "Nullable(Bool)", true},
      {arrow::int32(), "Nullable(Int64)", true},
      {arrow::int64(), "Nullable(Int32)", false},
      {arrow::int32(), "Nullable(UInt32)", false},
      {arrow::int32(), "Nullable(Float64)", false},
      {arrow::float64(), "Nullable(Float32)", false},
      {arrow::decimal128(10, 2), "Nullable(Decimal(12, 4))", true},
      {arrow::decimal128(10, 2), "Nullable(Decimal(11, 4))", false},
      {arrow::utf8(), "LowCardinality(Nullable(String))", true},
      {arrow::utf8(), "Nullable(FixedString(10))", false},
      {arrow::utf8(), "String", false},  // takes no NULL
      {arrow::date32(), "Nullable(Date)", true},
      {wall(arrow::TimeUnit::SECOND), "Nullable(DateTime('UTC'))", true},
      {wall(arrow::TimeUnit::MILLI), "Nullable(DateTime)", true},
      {wall(arrow::TimeUnit::MICRO), "Nullable(DateTime)", false},
      {wall(arrow::TimeUnit::MILLI), "Nullable(DateTime64(3, 'Asia/Tokyo'))", true},
      {wall(arrow::TimeUnit::MICRO), "Nullable(DateTime64(3))", false},
      {wall(arrow::TimeUnit::MILLI), "Nullable(String)", true},
      {instant(arrow::TimeUnit::MILLI), "Nullable(String)", false},
      {arrow::list(arrow::int32()), "Array(Int32)", false},
  };
  for (const TypePair& pair : pairs) {
    ClickhouseTable table{.shown = "d.t",
                          .full_name = "`d`.`t`",
                          .engine = "MergeTree",
                          .sorting_key = {},
                          .columns = {{.name = "c", .type = pair.column}}};
    auto differences = CompareClickhouseTable(table, *arrow::schema({arrow::field("c", pair.type)}),
                                              {}, ClickhousePlaceColumns{});
    EXPECT_EQ(differences.empty(), pair.fits) << pair.type->ToString() << " " << pair.column;
  }
}

TEST(ClickhouseTableTest, EvolvingAddsColumnsAndWidensThoseOutsideTheSortingKey) {
  ClickhouseTable table{.shown = "d.t",
                        .full_name = "`d`.`t`",
                        .engine = "MergeTree",
                        .sorting_key = {"id"},
                        .columns = {{.name = "id", .type = "Int32"},
                                    {.name = "n", .type = "Nullable(Int32)"},
                                    {.name = "x", .type = "Float32"},
                                    {.name = "d", .type = "Decimal(8, 2)"},
                                    {.name = "scale", .type = "Decimal(8, 1)"},
                                    {.name = "text", .type = "String"},
                                    {.name = "word", .type = "LowCardinality(String)"},
                                    {.name = "other", .type = "UInt64"}}};
  auto schema = arrow::schema(
      {arrow::field("id", arrow::int64(), false), arrow::field("n", arrow::int64(), false),
       arrow::field("x", arrow::float64()), arrow::field("d", arrow::decimal128(10, 2), false),
       arrow::field("scale", arrow::decimal128(10, 2), false), arrow::field("text", arrow::utf8()),
       arrow::field("word", arrow::utf8()), arrow::field("other", arrow::int64(), false),
       arrow::field("more", arrow::timestamp(arrow::TimeUnit::MILLI))});
  std::vector<std::string> statements;
  for (const auto& difference :
       CompareClickhouseTable(table, *schema, {}, ClickhousePlaceColumns{})) {
    EXPECT_TRUE(difference.blocks);
    statements.push_back(difference.statement);
  }
  EXPECT_THAT(statements, testing::ElementsAre(
                              "", "ALTER TABLE `d`.`t` MODIFY COLUMN `n` Nullable(Int64)",
                              "ALTER TABLE `d`.`t` MODIFY COLUMN `x` Nullable(Float64)",
                              "ALTER TABLE `d`.`t` MODIFY COLUMN `d` Decimal(10, 2)", "",
                              "ALTER TABLE `d`.`t` MODIFY COLUMN `text` Nullable(String)", "", "",
                              "ALTER TABLE `d`.`t` ADD COLUMN `more` "
                              "Nullable(DateTime64(3, 'UTC'))"));
}

TEST(ClickhouseTableTest, LinesAreTabSeparatedAndEscaped) {
  auto line = [](const std::shared_ptr<arrow::DataType>& type, const std::string& json,
                 const std::string& column = "DateTime64(3)") {
    ClickhouseTable table{.shown = "d.t",
                          .engine = {},
                          .sorting_key = {},
                          .columns = {{.name = "c", .type = column}}};
    return ClickhouseLine(table, *ClickhouseRows(type, json), 0).ValueOrDie();
  };
  EXPECT_EQ(line(arrow::utf8(), R"([["a\tb\\c\nd"]])"), "a\\tb\\\\c\\nd");
  EXPECT_EQ(line(arrow::utf8(), "[[null]]"), "\\N");
  EXPECT_EQ(line(arrow::utf8(), R"([["\\N"]])"), "\\\\N");
  EXPECT_EQ(line(arrow::boolean(), "[[true]]"), "1");
  EXPECT_EQ(line(arrow::float64(), "[[1e300]]"), "1e+300");
  EXPECT_EQ(line(arrow::decimal128(10, 2), R"([["-0.05"]])"), "-0.05");
  EXPECT_EQ(line(arrow::date32(), "[[20000]]"), "2024-10-04");
  EXPECT_EQ(line(arrow::timestamp(arrow::TimeUnit::MILLI), "[[1767225600123]]"),
            "2026-01-01 00:00:00.123");
  EXPECT_EQ(line(arrow::timestamp(arrow::TimeUnit::MILLI, "UTC"), "[[1767225600023]]"),
            "2026-01-01 00:00:00.023Z");
  EXPECT_EQ(line(arrow::timestamp(arrow::TimeUnit::SECOND, "UTC"), "[[1767225600]]"),
            "2026-01-01 00:00:00Z");
  EXPECT_EQ(line(arrow::timestamp(arrow::TimeUnit::MILLI, "UTC"), "[[-1]]"),
            "1969-12-31 23:59:59.999Z");
  for (const char* zone : {"", "UTC"}) {
    auto type = arrow::timestamp(arrow::TimeUnit::MILLI, zone);
    EXPECT_EQ(line(type, "[[1767225600000]]", "DateTime"),
              std::string("2026-01-01 00:00:00") + (*zone == 0 ? "" : "Z"));
  }
}

TEST(ClickhouseTableTest, ATimeOutOfTheColumnsRangeIsAMisfit) {
  auto misfit = [](const std::string& column, const std::string& json) {
    ClickhouseTable table{.shown = "d.t",
                          .engine = {},
                          .sorting_key = {},
                          .columns = {{.name = "c", .type = column}}};
    return ClickhouseMisfit(table, *ClickhouseRows(arrow::date32(), json), 0);
  };
  EXPECT_EQ(misfit("Nullable(Date)", "[[0]]"), "");
  EXPECT_THAT(misfit("Nullable(Date)", "[[-1]]"), HasSubstr("1970 to 2105"));
  EXPECT_EQ(misfit("Date32", "[[-1]]"), "");
  EXPECT_THAT(misfit("Date32", "[[-30000]]"), HasSubstr("1900 to 2299"));
  EXPECT_EQ(misfit("Date", "[[null]]"), "");
  ClickhouseTable table{.shown = "d.t",
                        .engine = {},
                        .sorting_key = {},
                        .columns = {{.name = "c", .type = "DateTime"}}};
  auto type = arrow::timestamp(arrow::TimeUnit::MILLI);
  EXPECT_EQ(ClickhouseMisfit(table, *ClickhouseRows(type, "[[86400000]]"), 0), "");
  EXPECT_THAT(ClickhouseMisfit(table, *ClickhouseRows(type, "[[86400001]]"), 0),
              HasSubstr("fractions of a second"));
}

}  // namespace
}  // namespace mainstem::sink

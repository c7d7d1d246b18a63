#include "sink/print/print_sink.h"

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>

#include "sink/blackhole/blackhole_sink.h"

namespace mainstem::sink {
namespace {

ChangelogBatch PrintRows(std::shared_ptr<arrow::Schema> schema, const std::string& json) {
  auto array = arrow::json::ArrayFromJSONString(arrow::struct_(schema->fields()), json);
  CHECK_OK(array);
  auto batch = arrow::RecordBatch::FromStructArray(*array);
  CHECK_OK(batch);
  ChangelogBatch rows;
  rows.rows = *batch;
  return rows;
}

TEST(PrintSinkTest, PrintsKindAndFields) {
  auto schema =
      arrow::schema({arrow::field("a", arrow::utf8()), arrow::field("b", arrow::int64()),
                     arrow::field("c", arrow::float64()), arrow::field("d", arrow::boolean())});
  ChangelogBatch rows = PrintRows(schema, R"([["x", 1, 1.0, true], [null, -2, null, false]])");
  EXPECT_EQ(PrintedRows(rows, ""), "+I[x, 1, 1.0, TRUE]\n+I[null, -2, null, FALSE]\n");
  rows.kinds = {RowKind::kUpdateAfter, RowKind::kDelete};
  EXPECT_EQ(PrintedRows(rows, "id"), "id> +U[x, 1, 1.0, TRUE]\nid> -D[null, -2, null, FALSE]\n");
}

TEST(PrintSinkTest, PrintsTimesWithTheDigitsOfTheirUnitAndNestedValues) {
  auto schema =
      arrow::schema({arrow::field("t", arrow::timestamp(arrow::TimeUnit::MILLI)),
                     arrow::field("l", arrow::list(arrow::int32())),
                     arrow::field("m", arrow::map(arrow::utf8(), arrow::int32())),
                     arrow::field("r", arrow::struct_({arrow::field("x", arrow::utf8())}))});
  ChangelogBatch rows = PrintRows(
      schema, R"([[1767225600050, [1, null], [["k", 2]], {"x": "y"}], [null, [], [], null]])");
  EXPECT_EQ(PrintedRows(rows, ""),
            "+I[2026-01-01 00:00:00.050, [1, NULL], {k=2}, (y)]\n+I[null, [], {}, null]\n");
}

TEST(PrintSinkTest, RefusesAnOptionThatIsNotABoolean) {
  connector::TableDescriptor table;
  table.name = "p";
  table.schema = arrow::schema({arrow::field("a", arrow::int32())});
  table.options = {{"connector", "print"}, {"standard-error", "maybe"}};
  auto sink = PrintConnector().make_sink(table, {});
  ASSERT_FALSE(sink.ok());
  EXPECT_NE(sink.status().message().find("standard-error"), std::string::npos);
}

TEST(BlackholeSinkTest, SwallowsEveryKindOfChange) {
  auto sink = BlackholeConnector().make_sink({}, {});
  ASSERT_TRUE(sink.ok());
  EXPECT_EQ((*sink)->mode(), connector::SinkMode::kRetract);
  EXPECT_EQ((*sink)->kind(), connector::SinkKind::kInline);
}

}  // namespace
}  // namespace mainstem::sink

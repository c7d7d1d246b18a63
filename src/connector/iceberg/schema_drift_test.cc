#include "connector/iceberg/schema_drift.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "connector/iceberg/column_types.h"

namespace mainstem::connector::iceberg {
namespace {

Schema TableOf(const arrow::FieldVector& columns) {
  return SchemaOfColumns(*arrow::schema(columns), {}).ValueOrDie();
}

TEST(SchemaDriftTest, TheSameColumnsDoNotDiffer) {
  arrow::FieldVector columns = {arrow::field("a", arrow::int32()),
                                arrow::field("b", arrow::utf8(), false)};
  EXPECT_TRUE(
      CompareColumns("shop.t", TableOf(columns), *arrow::schema(columns)).ValueOrDie().empty());
}

TEST(SchemaDriftTest, EachColumnIsOneDifferenceWithTheChangeThatMakesItFit) {
  Schema table = TableOf(
      {arrow::field("n", arrow::int32()), arrow::field("text", arrow::utf8()),
       arrow::field("key", arrow::utf8(), false), arrow::field("needed", arrow::utf8(), false),
       arrow::field("place", arrow::struct_({arrow::field("x", arrow::int32())}))});
  auto columns = arrow::schema(
      {arrow::field("n", arrow::int64()), arrow::field("text", arrow::int32()),
       arrow::field("key", arrow::utf8()), arrow::field("more", arrow::decimal128(10, 2)),
       arrow::field("place", arrow::struct_({arrow::field("x", arrow::int32()),
                                             arrow::field("y", arrow::int32())}))});
  Differences found = CompareColumns("shop.t", table, *columns).ValueOrDie();
  ASSERT_EQ(found.size(), 6u);
  EXPECT_EQ(found[0].kind, DifferenceKind::kType);
  EXPECT_EQ(found[0].statement, "ALTER TABLE shop.t ALTER COLUMN n TYPE long");
  EXPECT_EQ(found[1].kind, DifferenceKind::kType);
  EXPECT_EQ(found[1].statement, "");
  EXPECT_EQ(found[2].kind, DifferenceKind::kNull);
  EXPECT_EQ(found[2].statement, "");
  EXPECT_EQ(found[3].kind, DifferenceKind::kColumn);
  EXPECT_EQ(found[3].statement, "ALTER TABLE shop.t ADD COLUMN more decimal(10, 2)");
  EXPECT_EQ(found[4].column, "place");
  EXPECT_EQ(found[4].statement,
            "ALTER TABLE shop.t ALTER COLUMN place TYPE struct<x: int, y: int>");
  EXPECT_EQ(found[5].kind, DifferenceKind::kRequired);
  EXPECT_EQ(found[5].column, "needed");
  for (const Difference& difference : found) EXPECT_TRUE(difference.blocks);
}

}  // namespace
}  // namespace mainstem::connector::iceberg

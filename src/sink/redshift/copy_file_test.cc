#include "sink/redshift/copy_file.h"

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>

namespace mainstem::sink {
namespace {

RowChanges CopyRows(const std::string& json) {
  auto schema = arrow::schema({arrow::field("s", arrow::utf8()), arrow::field("n", arrow::int64()),
                               arrow::field("d", arrow::decimal128(10, 2)),
                               arrow::field("at", arrow::timestamp(arrow::TimeUnit::MILLI))});
  auto array = arrow::json::ArrayFromJSONString(arrow::struct_(schema->fields()), json);
  CHECK_OK(array);
  RowChanges rows;
  rows.rows = arrow::RecordBatch::FromStructArray(*array).ValueOrDie();
  return rows;
}

TEST(CopyFileTest, TextsAreQuotedNullIsNotAndADeletionIsItsKey) {
  RowChanges rows =
      CopyRows(R"([["a \"b\", c\nd", 1, "1.50", "2026-01-02 03:04:05.678"], ["", 5, null, null]])");
  std::vector<RowChange> changes = {{.row = 0}, {.row = 1, .is_delete = true}};
  EXPECT_EQ(CopyFile(rows, changes, {0}),
            "\"a \"\"b\"\", c\nd\",1,1.50,2026-01-02 03:04:05.678,f,0\n"
            "\"\",\\N,\\N,\\N,t,1\n");
}

TEST(CopyFileTest, ATextThatStandsForNullIsNotForAFile) {
  RowChanges rows = CopyRows(R"([["\\N", 1, "1.50", null], ["\\NN", 1, null, null],
                                 ["a\u0000b", 1, null, null], [null, 1, null, null]])");
  EXPECT_FALSE(IsCopyRow(*rows.rows, 0));
  EXPECT_TRUE(IsCopyRow(*rows.rows, 1));
  EXPECT_FALSE(IsCopyRow(*rows.rows, 2));
  EXPECT_TRUE(IsCopyRow(*rows.rows, 3));
}

TEST(CopyFileTest, AManifestNamesItsFilesWhichMustBeThere) {
  EXPECT_EQ(CopyManifest({"s3://b/k1", "s3://b/k2"}),
            R"({"entries":[{"url":"s3://b/k1","mandatory":true},)"
            R"({"url":"s3://b/k2","mandatory":true}]})");
}

}  // namespace
}  // namespace mainstem::sink

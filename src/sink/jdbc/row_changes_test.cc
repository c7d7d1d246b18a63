#include "sink/jdbc/row_changes.h"

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>

#include "sink/refused_row.h"

namespace mainstem::sink {
namespace {

constexpr RowKind kI = RowKind::kInsert, kUB = RowKind::kUpdateBefore, kUA = RowKind::kUpdateAfter,
                  kD = RowKind::kDelete;

std::shared_ptr<arrow::Schema> KeyValue() {
  return arrow::schema({arrow::field("k", arrow::utf8()), arrow::field("v", arrow::int64())});
}

ChangelogBatch Rows(const std::string& json, std::vector<RowKind> kinds) {
  auto array = arrow::json::ArrayFromJSONString(arrow::struct_(KeyValue()->fields()), json);
  CHECK_OK(array);
  ChangelogBatch rows;
  rows.rows = *arrow::RecordBatch::FromStructArray(*array);
  rows.kinds = std::move(kinds);
  return rows;
}

Result<RowChanges> Fold(const std::vector<ChangelogBatch>& batches,
                        const std::vector<int>& key_columns) {
  auto can_store = [](const arrow::RecordBatch& rows, int64_t row) { return !HoldsNul(rows, row); };
  return FoldChanges(KeyValue(), batches, key_columns, can_store);
}

std::string Text(const RowChanges& changes) {
  std::string text;
  for (const RowChange& change : changes.changes) {
    text += (change.is_delete ? "-" : "+") + KeyText(*changes.rows, {0}, change.row) + "," +
            KeyText(*changes.rows, {1}, change.row) + " ";
  }
  return text;
}

TEST(RowChangesTest, TheLastChangeOfAKeyWinsAcrossBatches) {
  std::vector<ChangelogBatch> batches;
  batches.push_back(Rows(R"([["a", 1], ["b", 1], ["c", 1]])", {}));
  batches.push_back(
      Rows(R"([["a", 1], ["a", 2], ["b", 1], ["c", 1], ["c", 3]])", {kUB, kUA, kD, kD, kI}));
  auto changes = Fold(batches, {0});
  ASSERT_TRUE(changes.ok());
  EXPECT_EQ(Text(*changes), "+k=a,v=2 -k=b,v=1 +k=c,v=3 ");
}

TEST(RowChangesTest, WithoutAKeyRowsAreKeptAndUpdatesRefused) {
  std::vector<ChangelogBatch> batches;
  batches.push_back(Rows(R"([["a", 1], ["a", 1]])", {}));
  EXPECT_EQ(Fold(batches, {})->changes.size(), 2u);
  batches.push_back(Rows(R"([["a", 1]])", {kD}));
  EXPECT_TRUE(Is(Fold(batches, {}).status(), ErrorCode::kInvalidArgument));
}

TEST(RowChangesTest, NullAndTheTextNullAreDifferentKeys) {
  std::vector<ChangelogBatch> batches;
  batches.push_back(Rows(R"([[null, 1], ["NULL", 2]])", {}));
  EXPECT_EQ(Fold(batches, {0})->changes.size(), 2u);
}

TEST(RowChangesTest, SetsRowsAsideThatHoldTheNulCharacter) {
  std::vector<ChangelogBatch> batches;
  batches.push_back(Rows("[[\"a\\u0000b\", 1], [\"c\", 2]]", {}));
  auto changes = Fold(batches, {0});
  ASSERT_TRUE(changes.ok());
  EXPECT_EQ(changes->changes.size(), 1u);
  ASSERT_EQ(changes->unstorable.size(), 1u);
  EXPECT_EQ(changes->unstorable[0].row, 0);
}

TEST(RowChangesTest, ADeletionIsStorableWhenItsKeyIs) {
  std::vector<ChangelogBatch> batches;
  batches.push_back(Rows("[[\"a\\u0000b\", 1], [\"a\\u0000b\", 2]]", {kD, kI}));
  auto changes = Fold(batches, {1});
  ASSERT_TRUE(changes.ok());
  ASSERT_EQ(changes->changes.size(), 1u);
  EXPECT_TRUE(changes->changes[0].is_delete);
  ASSERT_EQ(changes->unstorable.size(), 1u);
  EXPECT_EQ(changes->unstorable[0].row, 1);
}

TEST(RowChangesTest, WritesArraysAsPostgresReadsThem) {
  std::vector<RowChange> all = {{0}, {1}, {2}};
  auto text = [&](std::shared_ptr<arrow::DataType> type, const std::string& json) {
    auto array = arrow::json::ArrayFromJSONString(type, json);
    CHECK_OK(array);
    return ArrayText(**array, all);
  };
  EXPECT_EQ(text(arrow::int32(), "[1, null, -3]"), "{1,NULL,-3}");
  EXPECT_EQ(text(arrow::utf8(), R"(["a\"b", "c\\d", ""])"), R"({"a\"b","c\\d",""})");
  EXPECT_EQ(text(arrow::timestamp(arrow::TimeUnit::MILLI), "[0, 1500, null]"),
            R"({"1970-01-01 00:00:00.000","1970-01-01 00:00:01.500",NULL})");
  EXPECT_EQ(text(arrow::binary(), R"(["A", "", null])"), R"({"\\x41","\\x",NULL})");
  EXPECT_EQ(text(arrow::list(arrow::utf8()), R"([["x", null], [], null])"),
            R"({"{\"x\",NULL}","{}",NULL})");
}

}  // namespace
}  // namespace mainstem::sink

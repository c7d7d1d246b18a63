#include "process/state/row_codec.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "process/state/key_group.h"

namespace mainstem::process {
namespace {

std::shared_ptr<arrow::Array> Strings(const std::vector<std::optional<std::string>>& values) {
  arrow::StringBuilder builder;
  for (const auto& value : values) {
    CHECK_OK(value ? builder.Append(*value) : builder.AppendNull());
  }
  return builder.Finish().ValueOrDie();
}

std::shared_ptr<arrow::Array> Ints(const std::vector<std::optional<int32_t>>& values) {
  arrow::Int32Builder builder;
  for (const auto& value : values) {
    CHECK_OK(value ? builder.Append(*value) : builder.AppendNull());
  }
  return builder.Finish().ValueOrDie();
}

TEST(RowCodecTest, WritesTheDocumentedBytes) {
  auto codec = RowCodec::Make({arrow::utf8(), arrow::int32()}).ValueOrDie();
  EncodedRows rows;
  CHECK_OK(codec.Encode({Strings({"ab", std::nullopt}), Ints({std::nullopt, 258})}, 2, &rows));
  EXPECT_EQ(rows.row(0), std::string_view("\x01\x02\x00\x00\x00"
                                          "ab\x00",
                                          8));
  EXPECT_EQ(rows.row(1), std::string_view("\x00\x01\x02\x01\x00\x00", 6));
}

TEST(RowCodecTest, RoundTripsSlicesAndNulls) {
  arrow::BooleanBuilder bool_builder;
  CHECK_OK(bool_builder.Append(true));
  CHECK_OK(bool_builder.AppendNull());
  CHECK_OK(bool_builder.Append(false));
  arrow::Decimal128Builder decimal_builder(arrow::decimal128(20, 2));
  CHECK_OK(decimal_builder.AppendNull());
  CHECK_OK(decimal_builder.Append(arrow::Decimal128("123.45")));
  CHECK_OK(decimal_builder.Append(arrow::Decimal128("-1.00")));
  arrow::TimestampBuilder time_builder(arrow::timestamp(arrow::TimeUnit::MILLI),
                                       arrow::default_memory_pool());
  CHECK_OK(time_builder.AppendValues(std::vector<int64_t>{5, 6, 7}));
  ColumnVector columns = {
      bool_builder.Finish().ValueOrDie()->Slice(1), decimal_builder.Finish().ValueOrDie()->Slice(1),
      time_builder.Finish().ValueOrDie()->Slice(1), Strings({"x", std::nullopt, ""})->Slice(1),
      Ints({1, 2, std::nullopt})->Slice(1)};
  std::vector<std::shared_ptr<arrow::DataType>> types;
  for (const auto& column : columns) types.push_back(column->type());
  auto codec = RowCodec::Make(types).ValueOrDie();
  EncodedRows rows;
  CHECK_OK(codec.Encode(columns, 2, &rows));
  std::vector<std::string_view> views = {rows.row(0), rows.row(1)};
  auto decoded = codec.Decode(views).ValueOrDie();
  for (size_t i = 0; i < columns.size(); ++i) {
    EXPECT_TRUE(decoded[i]->Equals(columns[i])) << decoded[i]->ToString();
  }
}

TEST(RowCodecTest, RefusesDamagedRows) {
  auto codec = RowCodec::Make({arrow::utf8(), arrow::int32()}).ValueOrDie();
  EncodedRows rows;
  CHECK_OK(codec.Encode({Strings({"hello"}), Ints({7})}, 1, &rows));
  std::string whole(rows.row(0));
  for (size_t length = 0; length < whole.size(); ++length) {
    std::vector<std::string_view> cut = {std::string_view(whole).substr(0, length)};
    EXPECT_TRUE(Is(codec.Decode(cut).status(), ErrorCode::kCorruptStorage)) << length;
  }
  std::string longer = whole + "x";
  std::vector<std::string_view> views = {longer};
  EXPECT_FALSE(codec.Decode(views).ok());
}

TEST(KeyGroupTest, EachGroupBelongsToTheSubtaskWhoseRangeHoldsIt) {
  for (int parallelism : {1, 2, 3, 5, 7, 16, 127, 128}) {
    int next = 0;
    for (int i = 0; i < parallelism; ++i) {
      KeyGroupRange range = KeyGroupsOf(i, parallelism);
      EXPECT_EQ(range.begin, next);
      next = range.end;
      for (int group = range.begin; group < range.end; ++group) {
        EXPECT_EQ(SubtaskOf(group, parallelism), i);
      }
    }
    EXPECT_EQ(next, kKeyGroupCount);
  }
}

TEST(KeyGroupTest, HashNeverChanges) {
  // Golden: key groups of stored state follow from it.
  EXPECT_EQ(StableHash("mainstem"), 14715630862558730139u);
  EXPECT_EQ(StableHash("a key longer than eight bytes"), 3629863502946332262u);
}

}  // namespace
}  // namespace mainstem::process

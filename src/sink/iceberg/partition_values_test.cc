// Buckets as the format's specification has them (its appendix B), other transforms by their
// definitions; bounds that are cut.
#include "sink/iceberg/partition_values.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "sink/iceberg/data_file.h"

namespace mainstem::sink {
namespace {

namespace iceberg = connector::iceberg;
using iceberg::TransformKind;
using iceberg::Type;
using iceberg::TypeKind;

Type TypeOfKind(TypeKind kind, int32_t precision = 0, int32_t scale = 0) {
  Type type;
  type.kind = kind;
  type.precision = precision;
  type.scale = scale;
  return type;
}

template <typename T>
std::string Raw(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

int32_t HashOf(const std::string& bytes) { return static_cast<int32_t>(Murmur3(bytes)); }

int32_t NumberOf(const std::string& bytes) {
  int32_t value = 0;
  CHECK(bytes.size() == sizeof(value));
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

int32_t Transformed(TransformKind kind, TypeKind type, const std::string& value,
                    int32_t width = 0) {
  return NumberOf(TransformValue({.kind = kind, .width = width}, TypeOfKind(type), value));
}

constexpr int64_t kMicros = 1510871468000000;  // 2017-11-16T22:31:08
constexpr int32_t kMuch = 2147483647;

TEST(PartitionValuesTest, HashesAsTheSpecificationSays) {
  EXPECT_EQ(HashOf(Raw(int64_t{34})), 2017239379);
  EXPECT_EQ(HashOf(DecimalValueBytes(0, 1420)), -500754589);
  EXPECT_EQ(HashOf(Raw(int64_t{17486})), -653330422);        // 2017-11-16
  EXPECT_EQ(HashOf(Raw(int64_t{81068000000})), -662762989);  // 22:31:08
  EXPECT_EQ(HashOf(Raw(kMicros)), -2047944441);
  EXPECT_EQ(HashOf("iceberg"), 1210000089);
  EXPECT_EQ(HashOf(std::string("\0\1\2\3", 4)), -188683207);
  EXPECT_EQ(HashOf(""), 0);
  EXPECT_EQ(Transformed(TransformKind::kBucket, TypeKind::kInt, Raw(int32_t{34}), kMuch),
            2017239379 % kMuch);
  EXPECT_EQ(Transformed(TransformKind::kBucket, TypeKind::kDate, Raw(int32_t{17486}), 16),
            (-653330422 & kMuch) % 16);
}

TEST(PartitionValuesTest, CutsTimesDownAlsoBefore1970) {
  auto micros = [](int64_t value) { return Raw(value); };
  EXPECT_EQ(Transformed(TransformKind::kYear, TypeKind::kTimestamp, micros(kMicros)), 47);
  EXPECT_EQ(Transformed(TransformKind::kMonth, TypeKind::kTimestamp, micros(kMicros)),
            47 * 12 + 10);
  EXPECT_EQ(Transformed(TransformKind::kDay, TypeKind::kTimestampTz, micros(kMicros)), 17486);
  EXPECT_EQ(Transformed(TransformKind::kHour, TypeKind::kTimestamp, micros(kMicros)), 419686);
  EXPECT_EQ(Transformed(TransformKind::kYear, TypeKind::kTimestamp, micros(-1)), -1);
  EXPECT_EQ(Transformed(TransformKind::kMonth, TypeKind::kTimestamp, micros(-1)), -1);
  EXPECT_EQ(Transformed(TransformKind::kDay, TypeKind::kTimestamp, micros(-1)), -1);
  EXPECT_EQ(Transformed(TransformKind::kHour, TypeKind::kTimestamp, micros(-1)), -1);
  EXPECT_EQ(Transformed(TransformKind::kMonth, TypeKind::kDate, Raw(int32_t{-31})), -1);
  EXPECT_EQ(Transformed(TransformKind::kMonth, TypeKind::kDate, Raw(int32_t{-32})), -2);
}

TEST(PartitionValuesTest, TruncatesTowardsTheLeast) {
  iceberg::Transform ten{.kind = TransformKind::kTruncate, .width = 10};
  EXPECT_EQ(NumberOf(TransformValue(ten, TypeOfKind(TypeKind::kInt), Raw(int32_t{-1}))), -10);
  EXPECT_EQ(NumberOf(TransformValue(ten, TypeOfKind(TypeKind::kInt), Raw(int32_t{19}))), 10);
  EXPECT_EQ(TransformValue(ten, TypeOfKind(TypeKind::kLong), Raw(int64_t{-11})), Raw(int64_t{-20}));
  EXPECT_EQ(TransformValue(ten, TypeOfKind(TypeKind::kDecimal, 9, 2), DecimalValueBytes(-1, ~0ull)),
            DecimalValueBytes(-1, static_cast<uint64_t>(-10)));
  iceberg::Transform three{.kind = TransformKind::kTruncate, .width = 3};
  EXPECT_EQ(TransformValue(three, TypeOfKind(TypeKind::kString), "a\xc3\xa4\xe2\x82\xac\xf0"),
            "a\xc3\xa4\xe2\x82\xac");
  EXPECT_EQ(TransformValue(three, TypeOfKind(TypeKind::kBinary), "abcd"), "abc");
}

TEST(PartitionValuesTest, WritesDecimalsInTheFewestBytes) {
  EXPECT_EQ(DecimalValueBytes(0, 0), std::string(1, '\0'));
  EXPECT_EQ(DecimalValueBytes(0, 127), "\x7f");
  EXPECT_EQ(DecimalValueBytes(0, 128), std::string("\0\x80", 2));
  EXPECT_EQ(DecimalValueBytes(-1, ~0ull), "\xff");
  EXPECT_EQ(DecimalValueBytes(-1, static_cast<uint64_t>(-129)), "\xff\x7f");
  EXPECT_EQ(DecimalValueBytes(1, 0).size(), 9u);
}

TEST(PartitionValuesTest, PutsRowsIntoTheirPartitionsInOrder) {
  arrow::StringBuilder names;
  arrow::Int64Builder numbers;
  ASSERT_TRUE(names.AppendValues({"x/1", "y", "x/1"}).ok() && names.AppendNull().ok());
  ASSERT_TRUE(numbers.AppendValues({1, 2, 3, 4}).ok());
  auto schema =
      arrow::schema({arrow::field("n", arrow::int64()), arrow::field("name", arrow::utf8())});
  auto batch = arrow::RecordBatch::Make(
      schema, 4, {numbers.Finish().ValueOrDie(), names.Finish().ValueOrDie()});
  iceberg::Schema table;
  table.fields.push_back(
      {.id = 1, .name = "n", .required = false, .type = TypeOfKind(TypeKind::kLong)});
  table.fields.push_back(
      {.id = 2, .name = "name", .required = false, .type = TypeOfKind(TypeKind::kString)});
  iceberg::PartitionSpec spec{
      .id = 0, .fields = {{.source_id = 2, .id = 1000, .name = "name", .transform = {}}}};
  auto splitter = PartitionSplitter::Make(table, spec, *schema);
  ASSERT_TRUE(splitter.ok()) << splitter.status();
  auto parts = splitter->Split(batch);
  ASSERT_TRUE(parts.ok()) << parts.status();
  ASSERT_EQ(parts->size(), 3u);
  EXPECT_EQ((*parts)[0].rows->num_rows(), 2);
  EXPECT_EQ((*parts)[0].tuple[0], "x/1");
  EXPECT_EQ((*parts)[2].tuple[0], std::nullopt);
  EXPECT_EQ(splitter->Folder((*parts)[0].tuple), "name=x%2F1/");
  EXPECT_EQ(splitter->Folder((*parts)[2].tuple), "name=null/");
  EXPECT_LT(splitter->Folder({std::string(5000, 'x')}).size(), 120u);
  spec.fields[0].transform = iceberg::ParseTransform("zorder[3]");
  EXPECT_TRUE(Is(PartitionSplitter::Make(table, spec, *schema).status(), ErrorCode::kUnsupported));
}

TEST(DataFileTest, CutsLongBoundsSoThatTheyStillBound) {
  Type text = TypeOfKind(TypeKind::kString), bytes = TypeOfKind(TypeKind::kBinary);
  const std::string sixteen = "0123456789abcdef";
  EXPECT_EQ(CutLowerBound(text, sixteen + "g"), sixteen);
  EXPECT_EQ(CutUpperBound(text, sixteen), sixteen);
  EXPECT_EQ(CutUpperBound(text, sixteen + "g"), "0123456789abcdeg");
  std::string umlauts;
  for (int i = 0; i < 20; ++i) umlauts += "\xc3\xa4";
  EXPECT_EQ(CutLowerBound(text, umlauts), umlauts.substr(0, 32));
  EXPECT_EQ(CutUpperBound(text, umlauts), umlauts.substr(0, 30) + "\xc3\xa5");
  std::string last;
  for (int i = 0; i < 17; ++i) last += "\xf4\x8f\xbf\xbf";  // the last character there is
  EXPECT_EQ(CutUpperBound(text, last), std::nullopt);
  EXPECT_EQ(CutUpperBound(text, "a" + last), "b");
  EXPECT_EQ(CutUpperBound(text, std::string(15, 'a') + "\xed\x9f\xbfz"),
            std::string(15, 'a') + "\xee\x80\x80");  // over what are no characters
  EXPECT_EQ(CutUpperBound(bytes, std::string(17, '\xff')), std::nullopt);
  EXPECT_EQ(CutUpperBound(bytes, std::string(15, 'a') + "\xff\xff"), std::string(14, 'a') + "b");
  EXPECT_EQ(CutUpperBound(TypeOfKind(TypeKind::kLong), std::string(20, 'x')), std::string(20, 'x'));
}

}  // namespace
}  // namespace mainstem::sink

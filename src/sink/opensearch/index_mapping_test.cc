#include "sink/opensearch/index_mapping.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

namespace mainstem::sink {
namespace {

TEST(IndexMappingTest, TheNewestIndexOfADataStreamCounts) {
  auto mapping = ParseIndexMapping(
      R"({".ds-a-000002":{"mappings":{"dynamic":"strict","properties":{"n":{"type":"long"},)"
      R"("place":{"properties":{"x":{"type":"long"}}}}}},)"
      R"(".ds-a-000001":{"mappings":{"dynamic":false,"properties":{"old":{"type":"long"}}}}})");
  ASSERT_TRUE(mapping.has_value());
  EXPECT_EQ(mapping->index, ".ds-a-000002");
  EXPECT_EQ(mapping->dynamic, "strict");
  EXPECT_EQ(mapping->fields,
            (std::map<std::string, std::string>{{"n", "long"}, {"place", "object"}}));
  EXPECT_EQ(
      ParseIndexMapping(R"({"a":{"mappings":{"dynamic":"strict"}},"b":{"mappings":{}}})")->dynamic,
      "true");
  EXPECT_EQ(ParseIndexMapping(R"({"a":{"mappings":{"dynamic":false}}})")->dynamic, "false");
  EXPECT_EQ(ParseIndexMapping(R"({"a":{"mappings":{}}})")->dynamic, "true");
  EXPECT_FALSE(ParseIndexMapping("[]").has_value());
  EXPECT_FALSE(ParseIndexMapping(R"({"a":1})").has_value());
  EXPECT_FALSE(ParseIndexMapping("").has_value());
}

TEST(IndexMappingTest, MissingFieldsBlockOnlyWhereTheMappingIsStrict) {
  auto columns = arrow::schema({arrow::field("n", arrow::int32())});
  IndexMapping mapping{.index = "i", .fields = {}};
  EXPECT_TRUE(CompareMapping("i", mapping, *columns).empty());
  mapping.dynamic = "strict";
  auto found = CompareMapping("i", mapping, *columns);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(found[0].blocks);
  EXPECT_EQ(found[0].statement, R"(PUT /i/_mapping {"properties":{"n":{"type":"long"}}})");
  mapping.dynamic = "false";
  EXPECT_FALSE(CompareMapping("i", mapping, *columns).at(0).blocks);
  EXPECT_EQ(CompareMapping("i", mapping, *columns).at(0).statement, "");
  mapping.dynamic = "strict_allow_templates";
  EXPECT_TRUE(CompareMapping("i", mapping, *columns).empty());
  mapping.dynamic = "strict";
  EXPECT_TRUE(
      CompareMapping("i", mapping, *arrow::schema({arrow::field("a.b", arrow::int32())})).empty());
  EXPECT_EQ(FieldMapping(*arrow::field("s", arrow::utf8())),
            R"({"properties":{"s":{"type":"keyword","ignore_above":8191}}})");
}

struct MappingCase {
  std::shared_ptr<arrow::DataType> type;
  const char* field;
  const char* outcome;  // "fits", "may refuse", "refuses"
};

TEST(IndexMappingTest, ATypeTakesAllValuesOrSomeOrNone) {
  const MappingCase cases[] = {
      {arrow::int64(), "long", "fits"},
      {arrow::int64(), "keyword", "fits"},
      {arrow::int64(), "integer", "may refuse"},
      {arrow::int16(), "integer", "fits"},
      {arrow::int64(), "date", "fits"},
      {arrow::int64(), "boolean", "refuses"},
      {arrow::int64(), "object", "refuses"},
      {arrow::float64(), "long", "may refuse"},
      {arrow::decimal128(10, 2), "scaled_float", "fits"},
      {arrow::float64(), "date", "refuses"},
      {arrow::utf8(), "text", "fits"},
      {arrow::utf8(), "ip", "fits"},
      {arrow::utf8(), "long", "may refuse"},
      {arrow::boolean(), "boolean", "fits"},
      {arrow::boolean(), "long", "refuses"},
      {arrow::list(arrow::int32()), "long", "fits"},
      {arrow::struct_({arrow::field("x", arrow::int32())}), "nested", "fits"},
      {arrow::struct_({arrow::field("x", arrow::int32())}), "long", "refuses"},
      {arrow::struct_({arrow::field("lat", arrow::float64())}), "geo_point", "fits"},
      {arrow::list(arrow::float32()), "knn_vector", "fits"},
      {arrow::struct_({arrow::field("gte", arrow::int32())}), "integer_range", "fits"},
      {arrow::float64(), "rank_feature", "fits"},
  };
  for (const MappingCase& test : cases) {
    IndexMapping mapping{.index = "i", .fields = {{"c", test.field}}};
    auto found = CompareMapping("i", mapping, *arrow::schema({arrow::field("c", test.type)}));
    const char* outcome = found.empty() ? "fits" : found[0].blocks ? "refuses" : "may refuse";
    EXPECT_STREQ(outcome, test.outcome) << test.type->ToString() << " into " << test.field;
  }
}

}  // namespace
}  // namespace mainstem::sink

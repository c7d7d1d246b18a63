#include "connector/iceberg/iceberg_schema.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "connector/iceberg/column_types.h"
#include "connector/iceberg/partition_spec.h"

namespace mainstem::connector::iceberg {
namespace {

Result<Schema> SchemaOf(const std::string& json) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  CHECK(!parser.parse(json).get(root));
  return ParseSchema(root);
}

std::shared_ptr<arrow::Schema> WideColumns() {
  auto row = arrow::struct_(
      {arrow::field("x", arrow::int32(), false), arrow::field("y", arrow::list(arrow::utf8()))});
  return arrow::schema({arrow::field("id", arrow::int64(), false),
                        arrow::field("small", arrow::int16()), arrow::field("row", row),
                        arrow::field("tags", arrow::map(arrow::utf8(), arrow::float64())),
                        arrow::field("at", arrow::timestamp(arrow::TimeUnit::MILLI, "UTC")),
                        arrow::field("price", arrow::decimal128(10, 2)),
                        arrow::field("clock", arrow::time32(arrow::TimeUnit::MILLI))});
}

constexpr const char* kWideSchema =
    R"({"type":"struct","schema-id":0,"identifier-field-ids":[1],"fields":[)"
    R"({"id":1,"name":"id","required":true,"type":"long"},)"
    R"({"id":2,"name":"small","required":false,"type":"int"},)"
    R"({"id":3,"name":"row","required":false,"type":{"type":"struct","fields":[)"
    R"({"id":8,"name":"x","required":true,"type":"int"},)"
    R"({"id":9,"name":"y","required":false,"type":{"type":"list","element-id":10,)"
    R"("element":"string","element-required":false}}]}},)"
    R"({"id":4,"name":"tags","required":false,"type":{"type":"map","key-id":11,"key":"string",)"
    R"("value-id":12,"value":"double","value-required":false}},)"
    R"({"id":5,"name":"at","required":false,"type":"timestamptz"},)"
    R"x({"id":6,"name":"price","required":false,"type":"decimal(10, 2)"},)x"
    R"({"id":7,"name":"clock","required":false,"type":"time"}]})";

TEST(IcebergSchemaTest, GivesIdsToColumnsBeforeWhatIsInsideThem) {
  auto schema = SchemaOfColumns(*WideColumns(), {"id"});
  ASSERT_TRUE(schema.ok()) << schema.status();
  EXPECT_EQ(SchemaText(*schema), kWideSchema);
}

TEST(IcebergSchemaTest, ReadsWhatItWritesAndKeepsWhatItDoesNotKnow) {
  auto read = SchemaOf(kWideSchema);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(SchemaText(*read), kWideSchema);
  const std::string odd =
      R"({"type":"struct","schema-id":3,"fields":[{"id":1,"name":"a","required":false,)"
      R"("type":"variant","doc":"it's \"new\"","initial-default":[1]}]})";
  read = SchemaOf(odd);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(SchemaText(*read), odd);
  for (const char* bad : {"{}", R"({"fields":[{"id":1}]})", R"({"fields":[1]})", "[]",
                          R"({"fields":[{"id":1,"name":"a","required":true,"type":)"
                          R"({"type":"list","element":"int"}}]})"}) {
    EXPECT_TRUE(Is(SchemaOf(bad).status(), ErrorCode::kCorruptStorage)) << bad;
  }
}

TEST(IcebergSchemaTest, FilesHoldTheColumnsInTheTablesTypesWithItsIds) {
  auto table = SchemaOf(kWideSchema);
  ASSERT_TRUE(table.ok());
  auto file = FileSchema(*table, *WideColumns());
  ASSERT_TRUE(file.ok()) << file.status();
  auto id_of = [](const arrow::Field& field) { return *field.metadata()->Get("PARQUET:field_id"); };
  EXPECT_EQ(id_of(*(*file)->field(0)), "1");
  EXPECT_TRUE((*file)->field(1)->type()->Equals(arrow::int32()));
  EXPECT_EQ(id_of(*(*file)->field(2)->type()->field(1)), "9");
  EXPECT_EQ(id_of(*(*file)->field(2)->type()->field(1)->type()->field(0)), "10");
  const auto& map = static_cast<const arrow::MapType&>(*(*file)->field(3)->type());
  EXPECT_EQ(id_of(*map.key_field()) + id_of(*map.item_field()), "1112");
  EXPECT_TRUE((*file)->field(4)->type()->Equals(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")));
  EXPECT_TRUE((*file)->field(6)->type()->Equals(arrow::time64(arrow::TimeUnit::MICRO)));
}

TEST(IcebergSchemaTest, RefusesColumnsWithoutAFormAndNamesTheCure) {
  auto nanos = arrow::schema({arrow::field("at", arrow::timestamp(arrow::TimeUnit::NANO))});
  Status status = SchemaOfColumns(*nanos, {}).status();
  EXPECT_EQ(TextOf(status).hint, "CAST it to TIMESTAMP(6), or TIMESTAMP_LTZ(6)");
  auto nested = arrow::schema({arrow::field(
      "r", arrow::struct_({arrow::field("d", arrow::duration(arrow::TimeUnit::MILLI))}))});
  status = SchemaOfColumns(*nested, {}).status();
  EXPECT_NE(status.ToString().find("'r.d'"), std::string::npos) << status;
}

TEST(IcebergSchemaTest, GrowsByColumnsFieldsAndWiderNumbersOnly) {
  auto table = SchemaOf(
      R"({"type":"struct","schema-id":4,"fields":[{"id":7,"name":"small","required":true,)"
      R"("type":"int","doc":"kept"},{"id":9,"name":"row","required":false,"type":{"type":"struct",)"
      R"("fields":[{"id":12,"name":"x","required":false,"type":"int"}]}}]})");
  ASSERT_TRUE(table.ok());
  auto columns = arrow::schema(
      {arrow::field("row", arrow::struct_({arrow::field("x", arrow::int64()),
                                           arrow::field("z", arrow::boolean(), false)})),
       arrow::field("new", arrow::list(arrow::int32()), false),
       arrow::field("small", arrow::int8())});
  int32_t last_id = 20;
  auto grown = GrowSchema(*table, *columns, 5, &last_id);
  ASSERT_TRUE(grown.ok() && *grown) << grown.status();
  EXPECT_EQ(last_id, 23);
  EXPECT_EQ(SchemaText(**grown),
            R"({"type":"struct","schema-id":5,"fields":[{"id":7,"name":"small","required":true,)"
            R"("type":"int","doc":"kept"},{"id":9,"name":"row","required":false,"type":)"
            R"({"type":"struct","fields":[{"id":12,"name":"x","required":false,"type":"long"},)"
            R"({"id":21,"name":"z","required":false,"type":"boolean"}]}},)"
            R"({"id":22,"name":"new","required":false,"type":{"type":"list","element-id":23,)"
            R"("element":"int","element-required":false}}]})");
  last_id = 23;
  grown = GrowSchema(**grown, *columns, 6, &last_id);
  ASSERT_TRUE(grown.ok());
  EXPECT_FALSE(grown->has_value());
  EXPECT_EQ(last_id, 23);
}

TEST(IcebergPartitionTest, ReadsTermsAsPeopleWriteThem) {
  auto schema = SchemaOfColumns(*WideColumns(), {});
  ASSERT_TRUE(schema.ok());
  auto terms =
      ParsePartitionTerms("days(at), bucket(16, id),truncate(small,10) , `clock`, HOUR(at)");
  ASSERT_TRUE(terms.ok()) << terms.status();
  auto spec = MakePartitionSpec(*terms, *schema);
  ASSERT_TRUE(spec.ok()) << spec.status();
  JsonWriter json;
  WritePartitionSpec(*spec, &json);
  EXPECT_EQ(json.text(),
            R"({"spec-id":0,"fields":[)"
            R"({"name":"at_day","transform":"day","source-id":5,"field-id":1000},)"
            R"({"name":"id_bucket","transform":"bucket[16]","source-id":1,"field-id":1001},)"
            R"({"name":"small_trunc","transform":"truncate[10]","source-id":2,"field-id":1002},)"
            R"({"name":"clock","transform":"identity","source-id":7,"field-id":1003},)"
            R"({"name":"at_hour","transform":"hour","source-id":5,"field-id":1004}]})");
  EXPECT_EQ(PartitionText(*spec, *schema),
            "day(at), bucket(16, id), truncate(10, small), clock, hour(at)");
  simdjson::dom::parser parser;
  auto read = ParsePartitionSpec(parser.parse(json.text()).value());
  ASSERT_TRUE(read.ok()) << read.status();
  JsonWriter again;
  WritePartitionSpec(*read, &again);
  EXPECT_EQ(again.text(), json.text());
}

TEST(IcebergPartitionTest, RefusesTermsThatCannotBeMeant) {
  auto schema = SchemaOfColumns(*WideColumns(), {});
  ASSERT_TRUE(schema.ok());
  for (const char* bad : {"bucket(id)", "bucket(0, id)", "day(at", "day()", "month(at, 3)",
                          "decade(at)", "a,,b", "day(small)", "bucket(4, row)", "hour(nothing)",
                          "day(at), day(at)", "bucket(2147483648, id)"}) {
    auto terms = ParsePartitionTerms(bad);
    Status status = terms.status();
    if (status.ok()) status = MakePartitionSpec(*terms, *schema).status();
    EXPECT_TRUE(Is(status, ErrorCode::kInvalidArgument)) << bad << ": " << status;
  }
}

TEST(IcebergPartitionTest, KeepsTransformsThatItDoesNotKnow) {
  EXPECT_EQ(ParseTransform("zorder[3]").kind, TransformKind::kOther);
  EXPECT_EQ(TransformText(ParseTransform("zorder[3]")), "zorder[3]");
  EXPECT_EQ(ParseTransform("bucket").kind, TransformKind::kOther);
  EXPECT_EQ(ParseTransform("bucket[x]").kind, TransformKind::kOther);
  EXPECT_EQ(ParseTransform("day[3]").kind, TransformKind::kOther);
  EXPECT_EQ(ParseTransform("truncate[8]"),
            (Transform{.kind = TransformKind::kTruncate, .width = 8}));
}

}  // namespace
}  // namespace mainstem::connector::iceberg

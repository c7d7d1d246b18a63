// Change events in JSON: debezium-json, canal-json, maxwell-json.
#include "format/testing/decoded_rows.h"

namespace mainstem::format {
namespace {

using arrow::field;

const arrow::FieldVector& ChangeFields() {
  static const arrow::FieldVector fields = {field("id", arrow::int32()),
                                            field("name", arrow::utf8()),
                                            field("w", arrow::decimal128(5, 2))};
  return fields;
}

TEST(DebeziumJsonTest, TurnsEventsIntoAChangelog) {
  Decoded decoded = Decode(
      "debezium-json", ChangeFields(),
      {R"({"before":null,"after":{"id":1,"name":"a","w":1.5},"op":"c"})",
       R"({"op":"u","before":{"id":1,"name":"a","w":1.5},"after":{"id":1,"name":"b","w":2}})",
       R"({"before":{"id":1,"name":"b","w":2},"after":null,"op":"d","source":{"db":"x"}})",
       R"({"before":null,"after":{"id":2,"name":"r"},"op":"r"})"});
  EXPECT_EQ(decoded.rows,
            (Lines{R"(+I{"id":1,"name":"a","w":1.5})", R"(-U{"id":1,"name":"a","w":1.5})",
                   R"(+U{"id":1,"name":"b","w":2})", R"(-D{"id":1,"name":"b","w":2})",
                   R"(+I{"id":2,"name":"r","w":null})"}));
  EXPECT_EQ(decoded.raw.message_of_row, (std::vector<uint32_t>{0, 1, 1, 2, 3}));
}

TEST(DebeziumJsonTest, DropsBothHalvesOfAnUpdateWithABadImage) {
  Decoded decoded =
      Decode("debezium-json", ChangeFields(),
             {R"({"before":{"id":1},"after":{"id":"x"},"op":"u"})",
              R"({"before":{"id":"y"},"after":{"id":"x"},"op":"u"})",
              R"({"before":null,"after":{"id":5},"op":"c"})", R"({"after":{"id":5},"op":"u"})",
              R"({"after":{"id":5},"op":"z"})", R"({"after":{"id":5}})", "{"});
  EXPECT_EQ(decoded.rows, (Lines{R"({"id":5,"name":null,"w":null})"}));
  ASSERT_EQ(decoded.causes.size(), 6u);
  std::vector<size_t> indices;
  for (const RejectedMessage& rejected : decoded.raw.rejected) indices.push_back(rejected.index);
  EXPECT_EQ(indices, (std::vector<size_t>{0, 1, 3, 4, 5, 6}));
}

TEST(ChangeEventsTest, GiveNoRowOfAnEmptyMessage) {
  for (const char* name : {"debezium-json", "canal-json", "maxwell-json"}) {
    Decoded decoded = Decode(name, ChangeFields(), {"", " "});
    EXPECT_EQ(decoded.rows, Lines{}) << name;
    ASSERT_EQ(decoded.raw.rejected.size(), 1u) << name;
    EXPECT_EQ(decoded.raw.rejected[0].index, 1u) << name;
  }
}

TEST(DebeziumJsonTest, ReadsThePayloadWhenTheSchemaIsIncluded) {
  Decoded decoded = Decode("debezium-json", ChangeFields(),
                           {R"({"schema":{},"payload":{"before":null,"after":{"id":1},"op":"c"}})"},
                           {{"schema-include", "true"}});
  EXPECT_EQ(decoded.rows, (Lines{R"({"id":1,"name":null,"w":null})"}));
}

TEST(DebeziumJsonTest, WritesWhatItReads) {
  auto schema = arrow::schema(ChangeFields());
  Lines events = {R"({"before":null,"after":{"id":1,"name":"a","w":1.5},"op":"c"})",
                  R"({"before":{"id":1,"name":"a","w":1.5},"after":null,"op":"d"})"};
  Decoded decoded = Decode("debezium-json", ChangeFields(), events);
  auto encoder = MakeEncoder("debezium-json", schema, {});
  EXPECT_EQ((*encoder)->Encode(decoded.raw.batch).ValueOrDie(), events);
}

TEST(CanalJsonTest, GivesTheRowsOfFlink) {
  Decoded decoded = Decode(
      "canal-json", ChangeFields(),
      {R"({"data":[{"id":"1","name":"a","w":"1.5"},{"id":"2","name":"b","w":"2"}],"old":null,)"
       R"("type":"INSERT","database":"d","table":"p","ts":1,"es":1})",
       R"({"data":[{"id":"1","name":"a","w":"9"},{"id":"2","name":"bb","w":"2"}],)"
       R"("old":[{"w":"1.5"},{"name":"b"}],"type":"UPDATE","database":"d","table":"p"})",
       R"({"data":[{"id":"2","name":"bb","w":"2"}],"old":null,"type":"DELETE","table":"p"})",
       R"({"data":null,"type":"QUERY"})"});
  EXPECT_EQ(decoded.rows,
            (Lines{R"(+I{"id":1,"name":"a","w":1.5})", R"(+I{"id":2,"name":"b","w":2})",
                   R"(-U{"id":1,"name":null,"w":1.5})", R"(+U{"id":1,"name":"a","w":9})",
                   R"(-U{"id":2,"name":"b","w":null})", R"(+U{"id":2,"name":"bb","w":2})",
                   R"(-D{"id":2,"name":"bb","w":2})"}));
  EXPECT_TRUE(decoded.causes.empty());
}

// Whether 'old' names a column is found once an event, not once a row of it.
TEST(CanalJsonTest, ReadsAMessageOfVeryManyRows) {
  constexpr int kRows = 20000;
  std::string data;
  std::string old;
  for (int i = 0; i < kRows; ++i) {
    data += std::string(i > 0 ? "," : "") + R"({"id":"1","name":"a","w":"9"})";
    old += std::string(i > 0 ? "," : "") + R"({"w":"1.5"})";
  }
  Decoded decoded = Decode("canal-json", ChangeFields(),
                           {R"({"data":[)" + data + R"(],"old":[)" + old + R"(],"type":"UPDATE"})",
                            R"({"data":[{"id":"2","name":"b"}],"old":[{"name":null}],)"
                            R"("type":"UPDATE"})"});
  ASSERT_EQ(decoded.rows.size(), size_t{2} * kRows + 2);
  EXPECT_EQ(decoded.rows[0], R"(-U{"id":1,"name":"a","w":1.5})");
  EXPECT_EQ(decoded.rows[2 * kRows - 1], R"(+U{"id":1,"name":"a","w":9})");
  EXPECT_EQ(decoded.rows[2 * kRows], R"(-U{"id":2,"name":null,"w":null})");
}

TEST(DebeziumJsonTest, TellsMetadataOfEachRow) {
  Lines events = {
      R"({"before":{"id":1},"after":{"id":2},"op":"u","ts_ms":1589362330904,"source":)"
      R"({"version":"1.1","ts_ms":1589362330000,"db":"inv","schema":"s","table":"p","pos":154}})",
      R"({"before":null,"after":{"id":"x"},"op":"c","ts_ms":5})",
      R"({"before":null,"after":{"id":3},"op":"c","source":{"ts_ms":"?","db":null}})"};
  std::vector<std::string> keys = {"source.timestamp", "ingestion-timestamp", "source.database",
                                   "source.schema",    "source.table",        "schema"};
  Decoded decoded = Decode("debezium-json", ChangeFields(), events, {}, keys);
  ASSERT_EQ(decoded.rows.size(), 3u);
  EXPECT_EQ(MetadataText(decoded.raw),
            (Lines{"2020-05-13 09:32:10.000Z | 2020-05-13 09:32:10.000Z | null",
                   "2020-05-13 09:32:10.904Z | 2020-05-13 09:32:10.904Z | null", "inv | inv | null",
                   "s | s | null", "p | p | null", "null | null | null"}));
  Decoded properties =
      Decode("debezium-json", ChangeFields(), {events[2]}, {}, {"source.properties"});
  EXPECT_NE(MetadataText(properties.raw)[0].find("ts_ms"), std::string::npos);
}

TEST(DebeziumJsonTest, TellsTheSchemaBesideThePayload) {
  Decoded decoded =
      Decode("debezium-json", ChangeFields(),
             {R"({"schema":{"type":"struct"},"payload":{"before":null,"after":{"id":1},"op":"c",)"
              R"("ts_ms":7,"source":{"db":"d"}}})"},
             {{"schema-include", "true"}}, {"source.database", "schema", "ingestion-timestamp"});
  EXPECT_EQ(MetadataText(decoded.raw),
            (Lines{"d", R"({"type":"struct"})", "1970-01-01 00:00:00.007Z"}));
}

TEST(CanalJsonTest, FiltersByRegularExpressionsOfTheWholeName) {
  Lines events = {R"({"data":[{"id":1}],"type":"INSERT","database":"shop_1","table":"orders"})",
                  R"({"data":[{"id":2}],"type":"INSERT","database":"shop_x","table":"orders"})",
                  R"({"data":[{"id":3}],"type":"INSERT","database":"shop_2","table":"order"})"};
  Decoded decoded =
      Decode("canal-json", {field("id", arrow::int32())}, events,
             {{"database.include", "shop_[0-9]+"}, {"table.include", "orders|items"}});
  EXPECT_EQ(decoded.rows, (Lines{R"({"id":1})"}));
  EXPECT_EQ(decoded.raw.skipped, 2u);
  auto broken = MakeDecoder("canal-json", arrow::schema(ChangeFields()), {{"table.include", "("}});
  EXPECT_NE(Describe(broken.status()).find("is no regular expression"), std::string::npos);
}

TEST(CanalJsonTest, TellsMetadataOfEachRow) {
  Decoded decoded =
      Decode("canal-json", ChangeFields(),
             {R"({"data":[{"id":1},{"id":2}],"type":"INSERT","database":"d","table":"t","es":1000,)"
              R"("ts":2000,"pkNames":["id"],"sqlType":{"id":4,"name":12}})"},
             {}, {"event-timestamp", "ingestion-timestamp", "database", "table"});
  EXPECT_EQ(MetadataText(decoded.raw),
            (Lines{"1970-01-01 00:00:01.000Z | 1970-01-01 00:00:01.000Z",
                   "1970-01-01 00:00:02.000Z | 1970-01-01 00:00:02.000Z", "d | d", "t | t"}));
  Decoded nested = Decode("canal-json", ChangeFields(),
                          {R"({"data":[{"id":1}],"type":"INSERT","pkNames":["id"],)"
                           R"("sqlType":{"id":4,"name":12}})"},
                          {}, {"pk-names", "sql-type"});
  EXPECT_EQ(nested.raw.metadata[0]->ToString().find("\"id\"") == std::string::npos, false);
  EXPECT_EQ(nested.raw.metadata[1]->ToString().find("12") == std::string::npos, false);
}

TEST(CanalJsonTest, RejectsAnEventWithARowThatIsNull) {
  Lines events = {R"({"data":[{"id":1},null],"type":"INSERT"})",
                  R"({"data":[{"id":1},{"id":2}],"old":[{"id":0},null],"type":"UPDATE"})",
                  R"({"data":[{"id":3}],"old":[null],"type":"INSERT"})"};
  Decoded strict = Decode("canal-json", {field("id", arrow::int32())}, events);
  EXPECT_EQ(strict.rows, (Lines{R"({"id":3})"}));
  ASSERT_EQ(strict.causes.size(), 2u);
  EXPECT_EQ(strict.causes[0].find("an entry of 'data' or 'old' is null"), 0u) << strict.causes[0];
  Decoded lenient = Decode("canal-json", {field("id", arrow::int32())}, events,
                           {{"ignore-parse-errors", "true"}});
  EXPECT_EQ(lenient.rows, (Lines{R"({"id":3})"}));
  EXPECT_TRUE(lenient.causes.empty());
}

TEST(CanalJsonTest, WritesWhatItReads) {
  Lines events = {R"({"data":[{"id":1,"name":"a","w":1.5}],"type":"INSERT"})",
                  R"({"data":[{"id":1,"name":"a","w":1.5}],"type":"DELETE"})"};
  Decoded decoded = Decode("canal-json", ChangeFields(), events);
  auto encoder = MakeEncoder("canal-json", arrow::schema(ChangeFields()), {});
  EXPECT_EQ((*encoder)->Encode(decoded.raw.batch).ValueOrDie(), events);
}

TEST(MaxwellJsonTest, GivesTheRowsOfFlink) {
  Decoded decoded =
      Decode("maxwell-json", ChangeFields(),
             {R"({"database":"test","table":"p","type":"insert","ts":1596684883,"data":)"
              R"({"id":1,"name":"a","w":1.5}})",
              R"({"type":"update","data":{"id":1,"name":null,"w":9},"old":{"w":1.5}})",
              R"({"type":"update","data":{"id":1,"name":"c","w":9},"old":{"name":null}})",
              R"({"type":"delete","data":{"id":1,"name":"c","w":9}})"});
  EXPECT_EQ(decoded.rows,
            (Lines{R"(+I{"id":1,"name":"a","w":1.5})", R"(-U{"id":1,"name":null,"w":1.5})",
                   R"(+U{"id":1,"name":null,"w":9})", R"(-U{"id":1,"name":null,"w":9})",
                   R"(+U{"id":1,"name":"c","w":9})", R"(-D{"id":1,"name":"c","w":9})"}));
  EXPECT_EQ(decoded.raw.message_of_row, (std::vector<uint32_t>{0, 1, 1, 2, 2, 3}));
}

TEST(MaxwellJsonTest, RejectsOrSkipsWhatItCannotRead) {
  Lines events = {R"({"type":"bootstrap-start","data":{}})",
                  R"({"type":"update","data":{"id":1}})",
                  R"({"type":"insert"})",
                  R"({"type":"insert","data":{"id":"x"}})",
                  "no json",
                  " ",
                  R"({"type":"insert","data":{"id":7}})"};
  Decoded strict = Decode("maxwell-json", ChangeFields(), events);
  EXPECT_EQ(strict.rows, (Lines{R"({"id":7,"name":null,"w":null})"}));
  ASSERT_EQ(strict.causes.size(), 6u);
  EXPECT_NE(strict.causes[0].find("'type' is 'no"), 0u);
  Decoded lenient =
      Decode("maxwell-json", ChangeFields(), events, {{"ignore-parse-errors", "true"}});
  EXPECT_TRUE(lenient.causes.empty());
  EXPECT_EQ(lenient.rows.size(), 2u);  // a bad field is NULL
  EXPECT_EQ(lenient.raw.skipped, 5u);
}

TEST(MaxwellJsonTest, TellsMetadataOfEachRow) {
  Decoded decoded = Decode("maxwell-json", ChangeFields(),
                           {R"({"database":"test","table":"p","type":"insert","ts":1596684883,)"
                            R"("primary_key_columns":["id"],"data":{"id":1}})",
                            R"({"type":"insert","data":{"id":2}})"},
                           {}, {"ingestion-timestamp", "database", "table"});
  EXPECT_EQ(MetadataText(decoded.raw),
            (Lines{"2020-08-06 03:34:43.000Z | null", "test | null", "p | null"}));
}

TEST(MaxwellJsonTest, WritesWhatItReads) {
  Lines events = {R"({"data":{"id":1,"name":"a","w":1.5},"type":"insert"})",
                  R"({"data":{"id":1,"name":"a","w":1.5},"type":"delete"})"};
  Decoded decoded = Decode("maxwell-json", ChangeFields(), events);
  auto encoder = MakeEncoder("maxwell-json", arrow::schema(ChangeFields()), {});
  EXPECT_EQ((*encoder)->Encode(decoded.raw.batch).ValueOrDie(), events);
}

}  // namespace
}  // namespace mainstem::format

// csv, regex and raw.
#include "format/testing/decoded_rows.h"

namespace mainstem::format {
namespace {

using arrow::field;
const arrow::FieldVector& CsvFields() {
  static const arrow::FieldVector fields = {
      field("id", arrow::int32()), field("name", arrow::utf8()),
      field("d", arrow::decimal128(5, 2)), field("ts", arrow::timestamp(arrow::TimeUnit::MILLI)),
      field("b", arrow::boolean())};
  return fields;
}

// What Flink 2.3 gives for the same lines.
TEST(CsvFormatTest, GivesTheRowsOfFlinkForQuotesNullsAndBadFields) {
  Decoded decoded = Decode(
      "csv", CsvFields(),
      {"1,plain,1.5,2026-01-01 00:00:00,true",
       "2,\"with, comma\",NULL,2026-01-01 00:00:00.123,false", "3,\"q\"\"uote\",x,NULL,true",
       "# comment", "abc,bad int,1,2026-01-01 00:00:00,true", "4,short",
       "5,,2.25,2026-01-01T00:00:00,TRUE", "6,NULL,123456.789,2026-01-01 00:00:00,0"},
      {{"null-literal", "NULL"}, {"ignore-parse-errors", "true"}, {"allow-comments", "true"}});
  EXPECT_EQ(
      decoded.rows,
      (Lines{R"({"id":1,"name":"plain","d":1.5,"ts":"2026-01-01 00:00:00","b":true})",
             R"({"id":2,"name":"with, comma","d":null,"ts":"2026-01-01 00:00:00.123","b":false})",
             R"({"id":3,"name":"q\"uote","d":null,"ts":null,"b":true})",
             R"({"id":null,"name":"bad int","d":1,"ts":"2026-01-01 00:00:00","b":true})",
             R"({"id":4,"name":"short","d":null,"ts":null,"b":null})",
             R"({"id":5,"name":"","d":2.25,"ts":null,"b":true})",
             R"({"id":6,"name":null,"d":null,"ts":"2026-01-01 00:00:00","b":false})"}));
  EXPECT_TRUE(decoded.causes.empty());
}

TEST(CsvFormatTest, UsesOtherDelimitersAndQuotes) {
  arrow::FieldVector fields = {field("id", arrow::int32()), field("name", arrow::utf8())};
  Decoded decoded = Decode("csv", fields, {"1;a,b", "2;'x;y'\r\n"},
                           {{"field-delimiter", ";"}, {"quote-character", "'"}});
  EXPECT_EQ(decoded.rows, (Lines{R"({"id":1,"name":"a,b"})", R"({"id":2,"name":"x;y"})"}));
  decoded = Decode("csv", fields, {"1\t\"a"},
                   {{"field-delimiter", "\\t"}, {"disable-quote-character", "true"}});
  EXPECT_EQ(decoded.rows, (Lines{R"({"id":1,"name":"\"a"})"}));
  decoded = Decode("csv", fields, {R"(1,a\,b)", R"(2,"q\"x")"}, {{"escape-character", "\\"}});
  EXPECT_EQ(decoded.rows, (Lines{R"({"id":1,"name":"a,b"})", R"({"id":2,"name":"q\"x"})"}));
}

TEST(CsvFormatTest, RejectsBadLinesWithFieldAndPlace) {
  arrow::FieldVector fields = {field("id", arrow::int32()), field("name", arrow::utf8())};
  Decoded decoded = Decode("csv", fields, {"1,ok", "zz,bad", "1", "1,2,3", "1,\"open", "1,\"a\"b"});
  EXPECT_EQ(decoded.rows, (Lines{R"({"id":1,"name":"ok"})"}));
  EXPECT_EQ(decoded.causes,
            (Lines{"field 'id': 'zz' is not an INT; at byte 0 of the line",
                   "the line has 1 fields, expected 2", "the line has 3 fields, expected 2",
                   "a quoted field has no end", "text follows a quoted field"}));
}

TEST(CsvFormatTest, DecodesOnlyTheColumnsAskedForByTheirPlace) {
  auto decoder = MakeDecoder("csv", arrow::schema(CsvFields()), {4, 0}, {});
  std::vector<std::string_view> lines = {"7,x,not a number,never,true"};
  DecodedMessages decoded = (*decoder)->Decode(lines).ValueOrDie();
  ASSERT_EQ(decoded.batch.rows->num_rows(), 1);
  EXPECT_EQ(decoded.batch.rows->schema()->field_names(), (Lines{"b", "id"}));
  EXPECT_EQ(decoded.batch.rows->column(1)->GetScalar(0).ValueOrDie()->ToString(), "7");
}

TEST(CsvFormatTest, ReadsListsAndReplacesBytesThatAreNotUtf8) {
  arrow::FieldVector fields = {field("l", arrow::list(arrow::int32())), field("s", arrow::utf8())};
  Decoded decoded = Decode("csv", fields, {"1;2;3,a\xffz", ",x", "1;b,x"});
  EXPECT_EQ(decoded.rows,
            (Lines{"{\"l\":[1,2,3],\"s\":\"a\xEF\xBF\xBDz\"}", R"({"l":[],"s":"x"})"}));
  EXPECT_EQ(decoded.causes.size(), 1u);
}

TEST(CsvFormatTest, QuotesAsTheDialectDoes) {
  auto schema = arrow::schema(CsvFields());
  std::vector<std::string_view> messages = {
      R"({"id":1,"name":"plain","d":10,"ts":"2026-01-01 00:00:00","b":true})",
      R"({"id":null,"name":"say \"hi\"","d":0.05})"};
  ChangelogBatch batch =
      (*MakeDecoder("json", schema, {}).ValueOrDie()).Decode(messages).ValueOrDie().batch;
  auto encode = [&](const FormatOptions& options) {
    return (*MakeEncoder("csv", schema, options).ValueOrDie()).Encode(batch).ValueOrDie();
  };
  EXPECT_EQ(encode({}),
            (Lines{R"(1,plain,1E+1,"2026-01-01 00:00:00",true)", R"(,"say ""hi""",0.05,,)"}));
  EXPECT_EQ(
      encode({{"null-literal", "n/a"},
              {"write-bigdecimal-in-scientific-notation", "false"},
              {"field-delimiter", "|"}}),
      (Lines{R"(1|"plain"|10|"2026-01-01 00:00:00"|true)", R"(n/a|"say ""hi"""|0.05|n/a|n/a)"}));
}

TEST(CsvFormatTest, TakesALineForEmptyOnlyWhenNothingIsInIt) {
  arrow::FieldVector one = {field("s", arrow::utf8())};
  EXPECT_EQ(Decode("csv", one, {"", " \t", "\"\"", "\n"}).rows,
            (Lines{R"({"s":""})", R"({"s":" \t"})", R"({"s":""})", R"({"s":""})"}));
  EXPECT_EQ(Decode("csv", one, {""}, {{"null-literal", ""}}).rows, (Lines{R"({"s":null})"}));
  std::vector<std::string_view> null_message = {std::string_view()};
  auto decoder = MakeDecoder("csv", arrow::schema(one), {}).ValueOrDie();
  EXPECT_EQ(decoder->Decode(null_message).ValueOrDie().batch.rows->num_rows(), 0);
  arrow::FieldVector three = {field("a", arrow::utf8()), field("b", arrow::utf8()),
                              field("c", arrow::utf8())};
  Decoded decoded = Decode("csv", three, {"", "\t\t", " "}, {{"field-delimiter", "\\t"}});
  EXPECT_EQ(decoded.rows, (Lines{R"({"a":"","b":"","c":""})"}));
  EXPECT_EQ(decoded.causes, (Lines{"the line has 1 fields, expected 3"}));
}

TEST(CsvFormatTest, QuotesAnEmptyTextThatIsAloneInItsLine) {
  auto schema = arrow::schema({field("s", arrow::utf8())});
  std::vector<std::string_view> messages = {R"({"s":""})", R"({"s":null})"};
  ChangelogBatch batch =
      (*MakeDecoder("json", schema, {}).ValueOrDie()).Decode(messages).ValueOrDie().batch;
  auto encode = [&](const FormatOptions& options) {
    return (*MakeEncoder("csv", schema, options).ValueOrDie()).Encode(batch).ValueOrDie();
  };
  EXPECT_EQ(encode({{"null-literal", "NULL"}}), (Lines{R"("")", "NULL"}));
  EXPECT_EQ(encode({{"disable-quote-character", "true"}, {"null-literal", "-"}}), (Lines{"", "-"}));
}

constexpr char kAccessLog[] =
    R"((?P<ip>\S+) \S+ (?<user>\S+) \[(?P<ts>[^\]]+)\] "(?P<method>\S+) (?P<path>\S+)[^"]*" )"
    R"((?P<status>\d+) (?P<bytes>\S+).*)";

TEST(RegexFormatTest, ReadsAnAccessLogByNamedGroups) {
  arrow::FieldVector fields = {
      field("ip", arrow::utf8()),     field("user", arrow::utf8()),
      field("path", arrow::utf8()),   field("status", arrow::int32()),
      field("bytes", arrow::int64()), field("ts", arrow::timestamp(arrow::TimeUnit::MILLI, "UTC"))};
  Decoded decoded = Decode(
      "regex", fields,
      {R"(83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /x.png HTTP/1.1" 200 203023 "-" "M")",
       R"(1.2.3.4 - bob [17/May/2015:12:05:03 +0200] "GET / HTTP/1.1" 304 - "-" "M")", "garbage",
       R"(1.2.3.4 - - [17/Mai/2015:12:05:03 +0200] "GET / HTTP/1.1" 200 1 "-")"},
      {{"pattern", kAccessLog},
       {"timestamp-format", "dd/MMM/yyyy:HH:mm:ss Z"},
       {"null-literal", "-"}});
  EXPECT_EQ(decoded.rows,
            (Lines{R"({"ip":"83.149.9.216","user":null,"path":"/x.png","status":200,)"
                   R"("bytes":203023,"ts":"2015-05-17 10:05:03Z"})",
                   R"({"ip":"1.2.3.4","user":"bob","path":"/","status":304,"bytes":null,)"
                   R"("ts":"2015-05-17 10:05:03Z"})"}));
  ASSERT_EQ(decoded.causes.size(), 2u);
  EXPECT_EQ(decoded.causes[0], "the line does not match 'regex.pattern'");
  EXPECT_EQ(decoded.raw.rejected[1].index, 3u);
}

TEST(RegexFormatTest, SaysWhatIsWrongWithThePattern) {
  auto schema = arrow::schema({field("status", arrow::int32())});
  EXPECT_FALSE(MakeDecoder("regex", schema, {}).ok());
  EXPECT_FALSE(MakeDecoder("regex", schema, {{"pattern", "(unclosed"}}).ok());
  Status status = MakeDecoder("regex", schema, {{"pattern", "(?P<statsu>\\d+)"}}).status();
  EXPECT_EQ(TextOf(status).hint, "did you mean 'statsu'?");
  EXPECT_FALSE(MakeDecoder("regex", schema,
                           {{"pattern", "(?P<status>\\d+)"}, {"timestamp-format", "yyyy-qq"}})
                   .ok());
}

TEST(RawFormatTest, TakesTheMessageAsItIs) {
  EXPECT_EQ(Decode("raw", {field("line", arrow::utf8())}, {"a b", ""}).rows,
            (Lines{R"({"line":"a b"})", R"({"line":""})"}));
  EXPECT_EQ(Decode("raw", {field("n", arrow::int32())}, {std::string("\0\0\1\2", 4), "x"}).rows,
            (Lines{R"({"n":258})"}));
  EXPECT_EQ(Decode("raw", {field("n", arrow::int16())}, {std::string("\1\0", 2)},
                   {{"endianness", "little-endian"}})
                .rows,
            (Lines{R"({"n":1})"}));
  EXPECT_EQ(Decode("raw", {field("s", arrow::utf8())}, {"\xe4"}, {{"charset", "ISO-8859-1"}}).rows,
            (Lines{R"({"s":"ä"})"}));
  EXPECT_FALSE(
      MakeDecoder("raw", arrow::schema({field("a", arrow::utf8()), field("b", arrow::utf8())}), {})
          .ok());
}

}  // namespace
}  // namespace mainstem::format

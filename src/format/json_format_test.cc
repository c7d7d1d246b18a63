// The json format's decoder and encoder. Rows are compared as the JSON text the encoder gives, so
// that most cases are one line.
#include <arrow/api.h>
#include <gtest/gtest.h>

#include "format/testing/decoded_rows.h"

namespace mainstem::format {
namespace {

using arrow::field;

Decoded DecodeJson(const arrow::FieldVector& fields, const Lines& messages,
                   const FormatOptions& options = {}) {
  return format::Decode("json", fields, messages, options);
}

// One column `v` of one message; "rejected" if it was.
std::string One(std::shared_ptr<arrow::DataType> type, const std::string& json,
                const FormatOptions& options = {}) {
  Decoded decoded = DecodeJson({field("v", std::move(type))}, {"{\"v\":" + json + "}"}, options);
  if (decoded.rows.empty()) return decoded.causes.empty() ? "skipped" : "rejected";
  std::string row = decoded.rows[0];
  return row.substr(5, row.size() - 6);
}

TEST(JsonFormatTest, ReadsTheColumnsAskedForAndNullForWhatIsMissing) {
  Decoded decoded = DecodeJson(
      {field("user_id", arrow::utf8()), field("amount", arrow::int32()),
       field("ts", arrow::timestamp(arrow::TimeUnit::MILLI))},
      {R"({"user_id": "a", "amount": 10, "ts": "2026-03-01 10:00:01"})",
       R"({"amount": null, "other": {"x": [1, 2, {"y": null}]}, "user_id": "b"})", R"({ })"});
  EXPECT_EQ(decoded.rows,
            (std::vector<std::string>{R"({"user_id":"a","amount":10,"ts":"2026-03-01 10:00:01"})",
                                      R"({"user_id":"b","amount":null,"ts":null})",
                                      R"({"user_id":null,"amount":null,"ts":null})"}));
  EXPECT_TRUE(decoded.causes.empty());
}

TEST(JsonFormatTest, IsLenientAboutScalarsAsTheDialectIs) {
  EXPECT_EQ(One(arrow::int32(), R"("5")"), "5");
  EXPECT_EQ(One(arrow::int32(), R"(" -5 ")"), "-5");
  EXPECT_EQ(One(arrow::int32(), "1.9"), "1");
  EXPECT_EQ(One(arrow::int32(), "-1.9"), "-1");
  EXPECT_EQ(One(arrow::int64(), "1e3"), "1000");
  EXPECT_EQ(One(arrow::int32(), R"("1.5")"), "rejected");
  EXPECT_EQ(One(arrow::int8(), "1.5"), "rejected");
  EXPECT_EQ(One(arrow::int32(), "true"), "rejected");
  EXPECT_EQ(One(arrow::utf8(), "5"), R"("5")");
  EXPECT_EQ(One(arrow::utf8(), "1.50"), R"("1.50")");
  EXPECT_EQ(One(arrow::utf8(), "true"), R"("true")");
  EXPECT_EQ(One(arrow::utf8(), "null"), "null");
  EXPECT_EQ(One(arrow::utf8(), R"({"a": [1,  "x y"]})"), R"("{\"a\":[1,\"x y\"]}")");
  EXPECT_EQ(One(arrow::utf8(), R"([ ])"), R"("[]")");
  EXPECT_EQ(One(arrow::boolean(), "true"), "true");
  EXPECT_EQ(One(arrow::boolean(), R"(" TRUE ")"), "true");
  EXPECT_EQ(One(arrow::boolean(), R"("yes")"), "false");
  EXPECT_EQ(One(arrow::boolean(), "1"), "false");
  EXPECT_EQ(One(arrow::float64(), "1"), "1.0");
  EXPECT_EQ(One(arrow::float64(), R"("1.5e3")"), "1500.0");
  EXPECT_EQ(One(arrow::float64(), R"("NaN")"), R"("NaN")");
  EXPECT_EQ(One(arrow::float32(), "1e39"), R"("Infinity")");
}

TEST(JsonFormatTest, RefusesNumbersBeyondTheirType) {
  EXPECT_EQ(One(arrow::int8(), "127"), "127");
  EXPECT_EQ(One(arrow::int8(), "128"), "rejected");
  EXPECT_EQ(One(arrow::int16(), "-32768"), "-32768");
  EXPECT_EQ(One(arrow::int16(), "32768"), "rejected");
  EXPECT_EQ(One(arrow::int32(), "2147483647"), "2147483647");
  EXPECT_EQ(One(arrow::int32(), "2147483648"), "rejected");
  EXPECT_EQ(One(arrow::int32(), "1e10"), "rejected");
  EXPECT_EQ(One(arrow::int64(), "9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(One(arrow::int64(), "-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(One(arrow::int64(), "9223372036854775808"), "rejected");
  EXPECT_EQ(One(arrow::int64(), "1e19"), "rejected");
  EXPECT_EQ(One(arrow::float64(), "123456789012345678901234567890"), "1.2345678901234568E29");
}

TEST(JsonFormatTest, ReadsDecimalsExactly) {
  auto type = arrow::decimal128(5, 2);
  EXPECT_EQ(One(type, "1.5"), "1.5");
  EXPECT_EQ(One(type, R"("999.99")"), "999.99");
  EXPECT_EQ(One(type, "1.005"), "1.01");
  EXPECT_EQ(One(type, "-1.005"), "-1.01");
  EXPECT_EQ(One(type, "0.004999999999999999999999999999999999999999"), "0");
  EXPECT_EQ(One(type, "999.995"), "null");
  EXPECT_EQ(One(type, "1000"), "null");
  EXPECT_EQ(One(type, "1.5e2"), "150");
  EXPECT_EQ(One(type, "1e-400000"), "0");
  EXPECT_EQ(One(type, "0e400000"), "0");
  EXPECT_EQ(One(type, "1e400000"), "null");
  EXPECT_EQ(One(type, R"("abc")"), "rejected");
  EXPECT_EQ(One(arrow::decimal128(38, 18), "12345678901234567890.123456789012345678"),
            "12345678901234567890.123456789012345678");
}

TEST(JsonFormatTest, ReadsTimesInTheStandardAskedFor) {
  auto ts = arrow::timestamp(arrow::TimeUnit::MILLI);
  auto ltz = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  FormatOptions iso = {{"timestamp-format.standard", "ISO-8601"}};
  EXPECT_EQ(One(ts, R"("2026-01-01 00:00:00.123")"), R"("2026-01-01 00:00:00.123")");
  EXPECT_EQ(One(ts, R"("1969-12-31 23:59:59.999")"), R"("1969-12-31 23:59:59.999")");
  EXPECT_EQ(One(ts, R"("2026-01-01T00:00:00")"), "rejected");
  EXPECT_EQ(One(ts, R"("2026-02-29 00:00:00")"), "rejected");
  EXPECT_EQ(One(ts, R"("2024-02-29 23:59:60")"), "rejected");
  EXPECT_EQ(One(ts, "1700000000"), "rejected");
  EXPECT_EQ(One(ts, R"("2026-01-01T10:05")", iso), R"("2026-01-01 10:05:00")");
  EXPECT_EQ(One(ts, R"("2026-01-01 10:05:00")", iso), "rejected");
  EXPECT_EQ(One(ltz, R"("2026-01-01 00:00:00.000001Z")"), R"("2026-01-01 00:00:00.000001Z")");
  EXPECT_EQ(One(ltz, R"("2026-01-01 00:00:00")"), "rejected");
  EXPECT_EQ(One(ltz, R"("2026-01-01T00:00:00Z")", iso), R"("2026-01-01 00:00:00Z")");
  EXPECT_EQ(One(arrow::date32(), R"("2026-01-31")"), R"("2026-01-31")");
  EXPECT_EQ(One(arrow::date32(), R"("2026-1-31")"), "rejected");
  EXPECT_EQ(One(arrow::time32(arrow::TimeUnit::MILLI), R"("10:05:03.25")"), R"("10:05:03.25")");
}

TEST(JsonFormatTest, ReadsNestedRowsArraysAndMaps) {
  auto row = arrow::struct_({field("a", arrow::int32()), field("b", arrow::list(arrow::utf8()))});
  EXPECT_EQ(One(row, R"({"b": ["x", null], "a": 1, "c": 2})"), R"({"a":1,"b":["x",null]})");
  EXPECT_EQ(One(row, R"({})"), R"({"a":null,"b":null})");
  EXPECT_EQ(One(row, "null"), "null");
  EXPECT_EQ(One(row, "5"), "rejected");
  EXPECT_EQ(One(row, R"({"a": "x"})"), "rejected");
  EXPECT_EQ(One(arrow::map(arrow::utf8(), arrow::int64()), R"({"x": 1, "y": null})"),
            R"({"x":1,"y":null})");
  EXPECT_EQ(One(arrow::list(row), R"([{"a": 1}, null, {"a": 2, "b": []}])"),
            R"([{"a":1,"b":null},null,{"a":2,"b":[]}])");
  EXPECT_EQ(One(arrow::list(arrow::int32()), "[1, [2]]"), "rejected");
  EXPECT_EQ(One(arrow::binary(), R"("aGVsbG8=")"), R"("aGVsbG8=")");
  EXPECT_EQ(One(arrow::binary(), R"("h%")"), "rejected");
}

TEST(JsonFormatTest, TakesTheLastOfDuplicateKeys) {
  auto map = arrow::map(arrow::utf8(), arrow::int32());
  auto row = arrow::struct_({field("a", arrow::int32())});
  Decoded decoded = DecodeJson({field("v", arrow::int32()), field("m", map), field("r", row)},
                               {R"({"v": "bad", "m": {"k": 1}, "v": 2, "r": {"a": 1}})",
                                R"({"v": 1, "m": {"k": 1, "j": 2, "k": 3}, "r": {"a": 1, "a": 4}})",
                                R"({"v": 7, "m": {}, "r": null})"});
  EXPECT_EQ(decoded.rows, (std::vector<std::string>{R"({"v":2,"m":{"k":1},"r":{"a":1}})",
                                                    R"({"v":1,"m":{"j":2,"k":3},"r":{"a":4}})",
                                                    R"({"v":7,"m":{},"r":null})"}));
  EXPECT_EQ(decoded.raw.message_of_row, (std::vector<uint32_t>{0, 1, 2}));
}

TEST(JsonFormatTest, UnderstandsEscapesInKeysAndValues) {
  Decoded decoded = DecodeJson(
      {field("a\"b", arrow::utf8()), field("c", arrow::utf8())},
      {R"({"a\"b": "x\n\u00e4\ud83d\ude00", "\u0063": "q\\"})", R"({"a\"b": "2", "c": "plain"})"});
  EXPECT_EQ(decoded.rows, (std::vector<std::string>{"{\"a\\\"b\":\"x\\nä😀\",\"c\":\"q\\\\\"}",
                                                    R"({"a\"b":"2","c":"plain"})"}));
}

TEST(JsonFormatTest, RejectsABrokenMessageWithoutHurtingItsNeighbours) {
  std::vector<std::string> broken = {"",
                                     "   ",
                                     "{",
                                     "}",
                                     "[1]",
                                     "5",
                                     "null",
                                     R"({"v": 1)",
                                     R"({"v" 1})",
                                     R"({"v": 1,})",
                                     R"({"v": 1} x)",
                                     R"({"v": 1}{"v": 2})",
                                     R"({"v": 01})",
                                     R"({"v": 1, "w": tru})",
                                     R"({"v": 1, "w": {"x": nul}})",
                                     R"({"v": 1, "w": [1, 2})",
                                     R"({"v": 1, "w": "abc)",
                                     R"({"v": 1, "w": "a"b})",
                                     R"({"v": 1, "w": "a"\"})",
                                     R"({"v": 1, "w": "a\\"x})",
                                     R"({"v": 1, "w": -})",
                                     "{\"v\": 1, \"w\": \"\xff\"}",
                                     "{\"v\": 1, \"w\": \"a\nb\"}"};
  for (const std::string& message : broken) {
    Decoded decoded =
        DecodeJson({field("v", arrow::int32())}, {R"({"v":7})", message, R"({"v":8})"});
    EXPECT_EQ(decoded.rows, (std::vector<std::string>{R"({"v":7})", R"({"v":8})"})) << message;
    ASSERT_EQ(decoded.causes.size(), 1u) << message;
    EXPECT_EQ(decoded.raw.rejected[0].index, 1u);
    EXPECT_TRUE(Is(decoded.raw.rejected[0].cause, ErrorCode::kDecodeError));
    EXPECT_EQ(decoded.raw.message_of_row, (std::vector<uint32_t>{0, 2}));
  }
}

TEST(JsonFormatTest, NamesFieldValueAndPlaceOfABadValue) {
  Decoded decoded = DecodeJson(
      {field("a", arrow::utf8()), field("r", arrow::struct_({field("n", arrow::int32())}))},
      {R"({"a":"x","r":{"n":"many"}})"});
  ASSERT_EQ(decoded.causes.size(), 1u);
  EXPECT_EQ(decoded.causes[0], "field 'r.n': 'many' is not an INT; at byte 19 of the message");
}

TEST(JsonFormatTest, IgnoresParseErrorsWhenToldTo) {
  Decoded decoded = DecodeJson(
      {field("a", arrow::int32()),
       field("r", arrow::struct_({field("n", arrow::int32()), field("m", arrow::utf8())}))},
      {R"({"a":"x","r":{"n":"many","m":"kept"}})", "{broken", R"({"a":1})"},
      {{"ignore-parse-errors", "true"}});
  EXPECT_EQ(decoded.rows, (std::vector<std::string>{R"({"a":null,"r":{"n":null,"m":"kept"}})",
                                                    R"({"a":1,"r":null})"}));
  EXPECT_EQ(decoded.raw.skipped, 1u);
  EXPECT_TRUE(decoded.causes.empty());
}

TEST(JsonFormatTest, FailsOnAMissingFieldWhenToldTo) {
  Decoded decoded =
      DecodeJson({field("a", arrow::int32()), field("b", arrow::int32())},
                 {R"({"a":1})", R"({"a":1,"b":null})"}, {{"fail-on-missing-field", "true"}});
  EXPECT_EQ(decoded.rows, (std::vector<std::string>{R"({"a":1,"b":null})"}));
  ASSERT_EQ(decoded.causes.size(), 1u);
  EXPECT_EQ(decoded.causes[0], "field 'b' is missing");
}

TEST(JsonFormatTest, RefusesDeepNestingInsteadOfOverflowingTheStack) {
  std::string deep(100000, '[');
  deep.append(100000, ']');
  Decoded decoded = DecodeJson({field("v", arrow::int32())}, {"{\"w\":" + deep + ",\"v\":1}"});
  EXPECT_EQ(decoded.causes.size(), 1u);
}

TEST(JsonFormatTest, KeepsRowsApartWhenKeysChangePlaces) {
  std::vector<std::string> messages;
  for (int i = 0; i < 1000; ++i) {
    std::string a = "\"a\":" + std::to_string(i);
    std::string b = "\"b\":\"" + std::to_string(i) + "\"";
    messages.push_back(i % 3 == 0   ? "{" + a + "," + b + "}"
                       : i % 3 == 1 ? "{" + b + ",\"ab\":0," + a + "}"
                                    : "{\"x\":1," + a + ",\"y\":2," + b + "}");
  }
  Decoded decoded = DecodeJson({field("a", arrow::int32()), field("b", arrow::utf8())}, messages);
  ASSERT_EQ(decoded.rows.size(), 1000u);
  for (int i = 0; i < 1000; ++i) {
    std::string n = std::to_string(i);
    EXPECT_EQ(decoded.rows[static_cast<size_t>(i)], "{\"a\":" + n + ",\"b\":\"" + n + "\"}");
  }
}

TEST(JsonFormatTest, NullMessagesGiveNoRow) {
  auto decoder = MakeDecoder("json", arrow::schema({field("v", arrow::int32())}), {});
  std::vector<std::string_view> messages = {std::string_view(), "{\"v\":1}"};
  DecodedMessages decoded = (*decoder)->Decode(messages).ValueOrDie();
  EXPECT_EQ(decoded.batch.rows->num_rows(), 1);
  EXPECT_TRUE(decoded.rejected.empty());
  EXPECT_EQ(decoded.message_of_row, (std::vector<uint32_t>{1}));
}

TEST(JsonFormatTest, WritesAsTheDialectDoes) {
  auto schema = arrow::schema({field("d", arrow::decimal128(9, 2)), field("x", arrow::float64()),
                               field("s", arrow::utf8()),
                               field("t", arrow::timestamp(arrow::TimeUnit::MICRO))});
  auto decoder = MakeDecoder("json", schema, {});
  std::vector<std::string_view> messages = {
      R"({"d":10,"x":1e10,"s":"a/\"\u0001\t","t":"2026-01-01 00:00:00.120000"})",
      R"({"d":12.30,"x":0.001,"s":null,"t":"2026-01-01 00:00:00"})"};
  ChangelogBatch batch = (*decoder)->Decode(messages).ValueOrDie().batch;
  auto encode = [&](const FormatOptions& options) {
    return (*MakeEncoder("json", schema, options).ValueOrDie()).Encode(batch).ValueOrDie();
  };
  EXPECT_EQ(encode({}),
            (std::vector<std::string>{
                R"({"d":1E+1,"x":1.0E10,"s":"a/\"\u0001\t","t":"2026-01-01 00:00:00.12"})",
                R"({"d":12.3,"x":0.001,"s":null,"t":"2026-01-01 00:00:00"})"}));
  EXPECT_EQ(encode({{"encode.decimal-as-plain-number", "true"},
                    {"encode.ignore-null-fields", "true"},
                    {"timestamp-format.standard", "ISO-8601"}})[1],
            R"({"d":12.3,"x":0.001,"t":"2026-01-01T00:00:00"})");
}

TEST(JsonFormatTest, RefusesUnknownOptionsWithTheNearName) {
  auto schema = arrow::schema({field("v", arrow::int32())});
  Status status = MakeDecoder("json", schema, {{"ignore-parse-error", "true"}}).status();
  EXPECT_TRUE(Is(status, ErrorCode::kInvalidArgument));
  EXPECT_EQ(TextOf(status).hint, "did you mean 'ignore-parse-errors'?");
  EXPECT_FALSE(MakeDecoder("jsn", schema, {}).ok());
  EXPECT_FALSE(MakeDecoder("json", schema, {{"ignore-parse-errors", "yes"}}).ok());
  EXPECT_FALSE(MakeDecoder("json", schema,
                           {{"ignore-parse-errors", "true"}, {"fail-on-missing-field", "true"}})
                   .ok());
}

TEST(JsonFormatTest, RefusesToWriteDeletes) {
  auto schema = arrow::schema({field("v", arrow::int32())});
  ChangelogBatch batch;
  batch.rows = arrow::RecordBatch::MakeEmpty(schema).ValueOrDie();
  batch.kinds = {RowKind::kDelete};
  EXPECT_TRUE(Is((*MakeEncoder("json", schema, {}).ValueOrDie()).Encode(batch).status(),
                 ErrorCode::kUnsupported));
}

}  // namespace
}  // namespace mainstem::format

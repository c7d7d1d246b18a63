// Avro: schemas, the binary and the JSON encoding, schema resolution, container files, and what
// hostile bytes must not do.
#include "format/avro/avro_binary.h"
#include "format/avro/avro_file.h"
#include "format/avro/avro_json.h"
#include "format/avro/avro_reader.h"
#include "format/testing/decoded_rows.h"

namespace mainstem::format {
namespace {

using arrow::field;

std::string Hex(std::string_view bytes) {
  std::string text;
  for (unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

// Rows from their JSON text.
std::shared_ptr<arrow::RecordBatch> Rows(const arrow::FieldVector& fields, const Lines& json) {
  Decoded decoded = Decode("json", fields, json);
  EXPECT_EQ(decoded.causes, Lines());
  return decoded.raw.batch.rows;
}

Lines Encode(const arrow::FieldVector& fields, const Lines& json,
             const FormatOptions& options = {}) {
  auto encoder = MakeEncoder("avro", arrow::schema(fields), options);
  EXPECT_TRUE(encoder.ok()) << encoder.status().ToString();
  return (*encoder)->Encode({.rows = Rows(fields, json), .kinds = {}}).ValueOrDie();
}

const arrow::FieldVector& AllFields() {
  static const arrow::FieldVector fields = {
      field("b", arrow::boolean(), false),
      field("i8", arrow::int8()),
      field("i", arrow::int32(), false),
      field("l", arrow::int64()),
      field("f", arrow::float32()),
      field("d", arrow::float64()),
      field("s", arrow::utf8()),
      field("y", arrow::binary()),
      field("dec", arrow::decimal128(10, 2)),
      field("day", arrow::date32()),
      field("t", arrow::time32(arrow::TimeUnit::MILLI)),
      field("ts", arrow::timestamp(arrow::TimeUnit::MILLI)),
      field("a", arrow::list(field("item", arrow::int32()))),
      field("m", arrow::map(arrow::utf8(), arrow::utf8())),
      field("r", arrow::struct_({field("x", arrow::int64()), field("y", arrow::utf8(), false)}))};
  return fields;
}

const Lines& AllRows() {
  static const Lines rows = {
      R"({"b":true,"i8":-7,"i":1,"l":-9000000000,"f":1.5,"d":-0.25,"s":"h\u00e9","y":"AQI=",)"
      R"("dec":-12.34,"day":"1969-12-31","t":"01:02:03.004","ts":"2026-01-02 03:04:05.678",)"
      R"("a":[1,null,3],"m":{"k":"v","n":null},"r":{"x":5,"y":"z"}})",
      R"({"b":false,"i8":null,"i":-64,"l":null,"f":null,"d":null,"s":null,"y":null,"dec":null,)"
      R"("day":null,"t":null,"ts":null,"a":null,"m":null,"r":null})"};
  return rows;
}

TEST(AvroFormatTest, WritesTheBytesOfTheSpecification) {
  arrow::FieldVector fields = {field("a", arrow::int64(), false), field("b", arrow::utf8()),
                               field("c", arrow::decimal128(5, 2), false)};
  Lines messages =
      Encode(fields, {R"({"a":-65,"b":"foo","c":-1.5})", R"({"a":27,"b":null,"c":327.68})"});
  EXPECT_EQ(Hex(messages[0]),
            "8101"
            "02"
            "06666f6f"
            "04"
            "ff6a");
  EXPECT_EQ(Hex(messages[1]),
            "36"
            "00"
            "06"
            "008000");
}

TEST(AvroFormatTest, ReadsWhatItWritesInBothEncodings) {
  for (const char* encoding : {"binary", "json"}) {
    FormatOptions options = {{"encoding", encoding}};
    Lines messages = Encode(AllFields(), AllRows(), options);
    Decoded decoded = Decode("avro", AllFields(), messages, options);
    EXPECT_EQ(decoded.causes, Lines());
    EXPECT_TRUE(decoded.raw.batch.rows->Equals(*Rows(AllFields(), AllRows()))) << encoding;
  }
}

TEST(AvroFormatTest, WritesJsonAsAvroDoes) {
  arrow::FieldVector fields = {field("i", arrow::int32(), false), field("s", arrow::utf8()),
                               field("y", arrow::binary()),
                               field("r", arrow::struct_({field("d", arrow::float64())}))};
  Lines messages =
      Encode(fields, {R"({"i":1,"s":"a","y":"/wA=","r":{"d":1.0}})"}, {{"encoding", "json"}});
  EXPECT_EQ(messages[0],
            "{\"i\":1,\"s\":{\"string\":\"a\"},\"y\":{\"bytes\":\"\xC3\xBF\\u0000\"},"
            "\"r\":{\"org.apache.flink.avro.generated.record_r\":{\"d\":{\"double\":1.0}}}}");
}

TEST(AvroFormatTest, MapsTimestampsAsTheOptionSays) {
  auto micros = arrow::timestamp(arrow::TimeUnit::MICRO);
  auto zoned = arrow::timestamp(arrow::TimeUnit::MILLI, "UTC");
  auto millis = arrow::timestamp(arrow::TimeUnit::MILLI);
  auto schema = arrow::schema({field("a", micros), field("b", zoned), field("c", millis, false)});
  EXPECT_EQ(DeriveAvroSchema(*schema, {.legacy_timestamps = false}).ValueOrDie(),
            R"({"type":"record","name":"record","namespace":"org.apache.flink.avro.generated",)"
            R"("fields":[{"name":"a","type":["null",{"type":"long","logicalType":)"
            R"("local-timestamp-micros"}],"default":null},{"name":"b","type":["null",)"
            R"({"type":"long","logicalType":"timestamp-millis"}],"default":null},)"
            R"({"name":"c","type":{"type":"long","logicalType":"local-timestamp-millis"}}]})");
  for (const auto& type : {micros, zoned}) {
    auto refused = MakeEncoder("avro", arrow::schema({field("x", type)}), {});
    EXPECT_NE(Describe(refused.status()).find("timestamp_mapping.legacy"), std::string::npos);
  }
  EXPECT_NE(DeriveAvroSchema(*arrow::schema({field("c", millis)}), {})
                .ValueOrDie()
                .find("\"timestamp-millis\""),
            std::string::npos);
}

TEST(AvroFormatTest, RejectsMessagesThatAreBroken) {
  arrow::FieldVector fields = {field("a", arrow::list(field("item", arrow::int32(), false)), false),
                               field("s", arrow::utf8(), false)};
  Lines good = Encode(fields, {R"({"a":[1,2],"s":"x"})"});
  Lines messages = {good[0],
                    good[0].substr(0, 3),
                    good[0] + "!",
                    "",
                    std::string("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10),  // a count
                    std::string("\x00\xfe\xff\xff\xff\x0f", 6),                   // a length
                    std::string(12, '\xff')};
  Decoded decoded = Decode("avro", fields, messages);
  EXPECT_EQ(decoded.rows, (Lines{R"({"a":[1,2],"s":"x"})"}));
  ASSERT_EQ(decoded.causes.size(), 6u);
  EXPECT_NE(decoded.causes[1].find("left over"), std::string::npos);
  EXPECT_NE(decoded.causes[3].find("items where"), std::string::npos);
  EXPECT_NE(decoded.causes[4].find("a length of"), std::string::npos);
  Decoded json = Decode("avro", fields, {R"({"a":[1]})", "{", R"({"a":[1],"s":{"string":"x"}})"},
                        {{"encoding", "json"}});
  ASSERT_EQ(json.causes.size(), 3u);
  EXPECT_NE(json.causes[0].find("field 's' is missing"), std::string::npos);
}

// Reads a record of `writer` into the columns.
Lines Resolve(const std::string& writer, const std::string& json, const arrow::FieldVector& fields,
              const char* reader = nullptr) {
  auto schema = AvroSchema::Parse(writer);
  if (!schema.ok()) return {TextOf(schema.status()).message};
  std::string binary;
  Status encoded = AvroJsonReader().ToBinary(json, (*schema)->root(), &binary);
  EXPECT_TRUE(encoded.ok()) << encoded.ToString();
  std::vector<std::unique_ptr<arrow::ArrayBuilder>> owned;
  std::vector<arrow::ArrayBuilder*> builders;
  for (const auto& column : fields) {
    owned.emplace_back();
    CHECK_OK(arrow::MakeBuilder(arrow::default_memory_pool(), column->type(), &owned.back()));
    builders.push_back(owned.back().get());
  }
  std::shared_ptr<const AvroSchema> reader_schema;
  if (reader != nullptr) reader_schema = AvroSchema::Parse(reader).ValueOrDie();
  auto made =
      AvroRecordReader::Make(*schema, *arrow::schema(fields), builders, reader_schema.get(), {});
  if (!made.ok()) return {TextOf(made.status()).message};
  AvroInput input(binary);
  bool good = (*made)->Read(&input);
  Lines out;
  for (auto* builder : builders) {
    auto array = builder->Finish().ValueOrDie();
    EXPECT_EQ(array->length(), 1);
    EXPECT_TRUE(array->ValidateFull().ok());
    out.push_back(array->GetScalar(0).ValueOrDie()->ToString());
  }
  if (!good) return {input.error()};
  return out;
}

TEST(AvroResolutionTest, FindsFieldsByNameAndPassesOverTheOthers) {
  const char* writer =
      R"({"type":"record","name":"w","fields":[{"name":"x","type":{"type":"array","items":)"
      R"({"type":"map","values":"string"}}},{"name":"b","type":"int"},{"name":"e","type":)"
      R"({"type":"enum","name":"E","symbols":["P","Q"]}},{"name":"next","type":["null","w"]},)"
      R"({"name":"a","type":["string","null"]}]})";
  const char* value =
      R"({"x":[{"k":"v"},{}],"b":7,"e":"Q","next":{"w":{"x":[],"b":1,"e":"P","next":null,)"
      R"("a":null}},"a":{"string":"s"}})";
  EXPECT_EQ(Resolve(writer, value,
                    {field("a", arrow::utf8()), field("b", arrow::float64()),
                     field("absent", arrow::int32()), field("e", arrow::utf8())}),
            (Lines{"s", "7", "null", "Q"}));
  EXPECT_EQ(Resolve(writer, value, {field("absent", arrow::int32(), false)}),
            (Lines{"column 'absent' is NOT NULL, and the writer's schema has no such field"}));
  EXPECT_EQ(Resolve(writer, value, {field("b", arrow::utf8())}),
            (Lines{"column 'b': Avro's int cannot be read as STRING"}));
}

TEST(AvroResolutionTest, BringsTimesAndDecimalsToTheColumn) {
  const char* writer =
      R"({"type":"record","name":"w","fields":[{"name":"t","type":{"type":"long","logicalType":)"
      R"("timestamp-micros"}},{"name":"d","type":{"type":"fixed","name":"F","size":3,)"
      R"("logicalType":"decimal","precision":6,"scale":1}},{"name":"m","type":{"type":"long",)"
      R"("logicalType":"time-micros"}},{"name":"n","type":["null","int","string"]}]})";
  const char* value = R"({"t":-1,"d":"\u0000\u0000\u00ff","m":3723004000,"n":{"int":5}})";
  EXPECT_EQ(
      Resolve(writer, value,
              {field("t", arrow::timestamp(arrow::TimeUnit::MILLI)),
               field("d", arrow::decimal128(10, 3)),
               field("m", arrow::time32(arrow::TimeUnit::MILLI)), field("n", arrow::int64())}),
      (Lines{"1969-12-31 23:59:59.999", "25.500", "01:02:03.004", "5"}));
  Lines wrong_branch = Resolve(writer, value, {field("n", arrow::utf8())});
  EXPECT_NE(wrong_branch[0].find("Avro's int cannot be read as STRING"), std::string::npos);
  EXPECT_NE(Resolve(writer, value, {field("d", arrow::decimal128(3, 2))})[0].find("more digits"),
            std::string::npos);
}

TEST(AvroResolutionTest, TakesDefaultsAndAliasesOfTheReadersSchema) {
  const char* writer = R"({"type":"record","name":"w","fields":[{"name":"old","type":"int"}]})";
  const char* reader =
      R"({"type":"record","name":"r","fields":[{"name":"new","type":"int","aliases":["old"]},)"
      R"({"name":"d","type":["null","string"],"default":null},)"
      R"({"name":"e","type":{"type":"array","items":"int"},"default":[1,2]}]})";
  EXPECT_EQ(Resolve(writer, R"({"old":3})",
                    {field("new", arrow::int32()), field("d", arrow::utf8()),
                     field("e", arrow::list(arrow::int64()))},
                    reader),
            (Lines{"3", "null", "list<item: int64>[1, 2]"}));
}

TEST(AvroSchemaTest, SaysWhatIsWrong) {
  auto problem = [](const std::string& json) {
    return TextOf(AvroSchema::Parse(json).status()).message;
  };
  EXPECT_NE(problem("{").find("not an Avro schema"), std::string::npos);
  EXPECT_NE(problem(R"("nothing")").find("there is no type 'nothing'"), std::string::npos);
  EXPECT_NE(problem(R"(["null",["int"]])").find("a union holds a union"), std::string::npos);
  EXPECT_NE(problem(R"({"type":"record","name":"r","fields":[{"name":"a","type":"int",)"
                    R"("default":"x"}]})")
                .find("the default of field 'a'"),
            std::string::npos);
  std::string deep = "\"int\"";
  for (int i = 0; i < 100; ++i) deep = R"({"type":"array","items":)" + deep + "}";
  EXPECT_NE(problem(deep).find("nested too deeply"), std::string::npos);
}

// Everything that a file's blocks hold, or the error.
Result<Lines> ReadFile(const std::string& bytes, const arrow::FieldVector& fields) {
  ASSIGN_OR_RETURN(auto header, ParseAvroFileHeader(bytes));
  if (!header) return MakeError(ErrorCode::kDecodeError, "cut off");
  DecodeTarget target{.schema = arrow::schema(fields), .projection = {}};
  for (size_t i = 0; i < fields.size(); ++i) target.projection.push_back(static_cast<int>(i));
  ASSIGN_OR_RETURN(auto decoder, AvroFileDecoder::Make(*header, target, {}));
  ASSIGN_OR_RETURN(auto encoder, MakeEncoder("json", target.schema, {}));
  Lines lines;
  for (std::string_view rest = std::string_view(bytes).substr(header->bytes); !rest.empty();) {
    ASSIGN_OR_RETURN(auto head, ParseAvroBlockHead(rest));
    if (!head || rest.size() < head->bytes()) return MakeError(ErrorCode::kDecodeError, "cut off");
    RETURN_IF_ERROR(
        decoder->Begin(rest.substr(head->head_bytes, head->data_bytes), head->row_count));
    while (decoder->rows_left() > 0) {
      ASSIGN_OR_RETURN(auto rows, decoder->Next(1000));
      ASSIGN_OR_RETURN(Lines text, encoder->Encode({.rows = rows, .kinds = {}}));
      lines.insert(lines.end(), text.begin(), text.end());
    }
    rest.remove_prefix(head->bytes());
  }
  return lines;
}

TEST(AvroFileTest, ReadsWhatItWritesWithEveryCodec) {
  arrow::FieldVector fields = {field("id", arrow::int64(), false), field("s", arrow::utf8())};
  Lines rows;
  for (int i = 0; i < 20000; ++i) {
    rows.push_back(fmt::format(R"({{"id":{},"s":"name {}"}})", i, i % 7));
  }
  for (const char* codec : {"null", "deflate", "snappy", "zstandard"}) {
    auto encoder = AvroFileEncoder::Make(*arrow::schema(fields), {{"codec", codec}});
    ASSERT_TRUE(encoder.ok()) << encoder.status().ToString();
    ASSERT_TRUE((*encoder)->Write(*Rows(fields, rows)).ok());
    ASSERT_TRUE((*encoder)->Finish().ok());
    std::string bytes = (*encoder)->TakeBytes();
    EXPECT_EQ(ReadFile(bytes, fields).ValueOrDie(), rows) << codec;
    // A block that is cut or changed is told, whatever the codec.
    std::string broken = bytes;
    broken[bytes.size() / 2] ^= 0x55;
    Result<Lines> read = ReadFile(broken, fields);
    EXPECT_TRUE(!read.ok() || std::string(codec) != "snappy");  // it has a checksum
  }
  EXPECT_NE(Describe(AvroFileEncoder::Make(*arrow::schema(fields), {{"codec", "snapy"}}).status())
                .find("snappy"),
            std::string::npos);
}

TEST(AvroFileTest, TellsWhatIsNoAvroFile) {
  arrow::FieldVector fields = {field("id", arrow::int64())};
  EXPECT_NE(TextOf(ReadFile("PAR1xxxx", fields).status()).message.find("not an Avro file"),
            std::string::npos);
  auto encoder = AvroFileEncoder::Make(*arrow::schema(fields), {{"codec", "zstandard"}});
  ASSERT_TRUE((*encoder)->Finish().ok());
  std::string empty = (*encoder)->TakeBytes();
  EXPECT_EQ(ReadFile(empty, fields).ValueOrDie(), Lines());
  std::string other = empty;
  other.replace(other.find("zstandard"), 9, "bzip2bzip");
  EXPECT_NE(TextOf(ReadFile(other, fields).status()).message.find("codec"), std::string::npos);
  EXPECT_NE(TextOf(ReadFile(empty, {field("id", arrow::utf8())}).status())
                .message.find("cannot be read as STRING"),
            std::string::npos);
}

}  // namespace
}  // namespace mainstem::format

// protobuf: messages made and read by libprotobuf itself from its text form, Flink's rules for what
// is absent, and what a wrong schema or message is told.
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>

#include "core/sim/sim_env.h"
#include "format/protobuf/protobuf_schema.h"
#include "format/testing/decoded_rows.h"

namespace mainstem::format {
namespace {

namespace pb = google::protobuf;
using arrow::field;

constexpr const char* kBody = R"(
  package shop.v1;
  enum State { NEW = 0; PAID = 1; SENT = 5; }
  message Item { %s string sku = 1; %s int32 count = 2; }
  message Order {
    %s bool ok = 1; %s int32 i = 2; %s sint64 l = 3; %s float f = 4; %s double d = 5;
    %s string s = 6; %s bytes y = 7; %s State state = 8; %s State number = 9;
    %s fixed32 u = 10; %s uint64 v = 11;
    repeated int32 a = 12; repeated Item items = 13; map<string, int64> m = 14;
    map<string, Item> by_id = 15; %s Item first = 16;
    oneof choice { string left = 17; int32 right = 18; }
    repeated State states = 19; repeated string tags = 20;
  })";

std::string Proto(const std::string& syntax) {
  std::string text = kBody;
  const std::string label = syntax == "proto2" ? "optional" : "";
  for (size_t at; (at = text.find("%s")) != std::string::npos;) text.replace(at, 2, label);
  return "syntax = \"" + syntax + "\";" + text;
}

// The same schema by libprotobuf alone.
class Messages {
 public:
  explicit Messages(const std::string& proto) {
    pb::io::ArrayInputStream input(proto.data(), static_cast<int>(proto.size()));
    pb::io::Tokenizer tokenizer(&input, nullptr);
    pb::FileDescriptorProto file;
    EXPECT_TRUE(pb::compiler::Parser().Parse(&tokenizer, &file));
    file.set_name("orders.proto");
    set_.add_file()->CopyFrom(file);
    message_.reset(
        factory_.GetPrototype(pool_.BuildFile(file)->FindMessageTypeByName("Order"))->New());
  }

  std::string Bytes(const std::string& text) {
    EXPECT_TRUE(pb::TextFormat::ParseFromString(text, message_.get()));
    return message_->SerializePartialAsString();
  }
  std::string Text(const std::string& bytes) {
    EXPECT_TRUE(message_->ParseFromString(bytes));
    std::string text;
    pb::TextFormat::Printer printer;
    printer.SetSingleLineMode(true);
    EXPECT_TRUE(printer.PrintToString(*message_, &text));
    return text;
  }
  std::string DescriptorSet() const { return set_.SerializeAsString(); }

 private:
  pb::DescriptorPool pool_;
  pb::FileDescriptorSet set_;
  pb::DynamicMessageFactory factory_{&pool_};
  std::unique_ptr<pb::Message> message_;
};

const arrow::FieldVector& OrderFields() {
  static const auto item =
      arrow::struct_({field("sku", arrow::utf8()), field("count", arrow::int32())});
  static const arrow::FieldVector fields = {field("ok", arrow::boolean()),
                                            field("i", arrow::int32()),
                                            field("l", arrow::int64()),
                                            field("f", arrow::float32()),
                                            field("d", arrow::float64()),
                                            field("s", arrow::utf8()),
                                            field("y", arrow::binary()),
                                            field("state", arrow::utf8()),
                                            field("number", arrow::int32()),
                                            field("u", arrow::int32()),
                                            field("v", arrow::int64()),
                                            field("a", arrow::list(arrow::int32())),
                                            field("items", arrow::list(item)),
                                            field("m", arrow::map(arrow::utf8(), arrow::int64())),
                                            field("by_id", arrow::map(arrow::utf8(), item)),
                                            field("first", item),
                                            field("left", arrow::utf8()),
                                            field("right", arrow::int32()),
                                            field("states", arrow::list(arrow::utf8())),
                                            field("tags", arrow::list(arrow::utf8()))};
  return fields;
}

FormatOptions OrderOptions(const std::string& syntax, FormatOptions more = {}) {
  more.emplace("proto", Proto(syntax));
  more.emplace("message-class-name", "shop.v1.Order");
  return more;
}

constexpr const char* kOrderText =
    R"(ok: true i: -7 l: -9000000000 f: 1.5 d: -0.25 s: "h\303\251" y: "\001\002" state: PAID )"
    R"(number: SENT u: 4294967295 v: 18446744073709551615 a: 1 a: -3 )"
    R"(items { sku: "tea" count: 2 } items { sku: "milk" } m { key: "k" value: 7 } )"
    R"(by_id { key: "3" value { sku: "tea" } } first { sku: "cup" count: 1 } right: 4 )"
    R"(states: NEW states: SENT tags: "a" tags: "")";

TEST(ProtobufFormatTest, ReadsEveryTypeOfBothSyntaxes) {
  for (const char* syntax : {"proto2", "proto3"}) {
    Messages messages(Proto(syntax));
    Decoded decoded =
        Decode("protobuf", OrderFields(), {messages.Bytes(kOrderText)}, OrderOptions(syntax));
    EXPECT_EQ(decoded.causes, Lines());
    // A scalar that is not there is its default in proto3, in a oneof too: Flink can't tell either.
    const bool is_proto3 = std::string(syntax) == "proto3";
    EXPECT_EQ(
        decoded.rows,
        Lines({std::string(
                   R"({"ok":true,"i":-7,"l":-9000000000,"f":1.5,"d":-0.25,"s":"hé","y":"AQI=",)"
                   R"("state":"PAID","number":5,"u":-1,"v":-1,"a":[1,-3],)"
                   R"("items":[{"sku":"tea","count":2},{"sku":"milk","count":)") +
               (is_proto3 ? "0" : "null") + R"(}],"m":{"k":7},"by_id":{"3":{"sku":"tea","count":)" +
               (is_proto3 ? "0" : "null") + R"(}},"first":{"sku":"cup","count":1},"left":)" +
               (is_proto3 ? R"("")" : "null") +
               R"(,"right":4,"states":["NEW","SENT"],"tags":["a",""]})"}));
  }
}

TEST(ProtobufFormatTest, WhatIsAbsentIsNullOrADefaultAsTheOptionSays) {
  const std::string no_scalars =
      R"({"ok":null,"i":null,"l":null,"f":null,"d":null,"s":null,"y":null,"state":null,)"
      R"("number":null,"u":null,"v":null,)";
  const std::string default_scalars =
      R"({"ok":false,"i":0,"l":0,"f":0.0,"d":0.0,"s":"","y":"","state":"NEW","number":0,)"
      R"("u":0,"v":0,)";
  const std::string no_rows = R"("a":null,"items":null,"m":null,"by_id":null,"first":null,)";
  const std::string default_rows =
      R"("a":[],"items":[],"m":{},"by_id":{},"first":{"sku":"","count":0},)";
  const auto read = [](const char* syntax, const char* defaults) {
    return Decode("protobuf", OrderFields(), {""},
                  OrderOptions(syntax, {{"read-default-values", defaults}}))
        .rows;
  };
  EXPECT_EQ(
      read("proto2", "false"),
      Lines({no_scalars + no_rows + R"("left":null,"right":null,"states":null,"tags":null})"}));
  EXPECT_EQ(read("proto3", "false"), Lines({default_scalars + no_rows +
                                            R"("left":"","right":0,"states":null,"tags":null})"}));
  const Lines all(
      {default_scalars + default_rows + R"("left":"","right":0,"states":[],"tags":[]})"});
  EXPECT_EQ(read("proto2", "true"), all);
  EXPECT_EQ(read("proto3", "true"), all);
}

TEST(ProtobufFormatTest, WritesWhatLibprotobufReads) {
  Messages messages(Proto("proto3"));
  arrow::FieldVector fields = OrderFields();
  const Lines json = {
      R"({"ok":true,"i":-7,"l":-9000000000,"f":1.5,"d":-0.25,"s":"hé","y":"AQI=","state":"PAID",)"
      R"("number":5,"u":-1,"v":-1,"a":[1,null,-3],"items":[{"sku":"tea","count":2},null],)"
      R"("m":{"k":7},"by_id":{"3":{"sku":null,"count":4}},"first":{"sku":"cup","count":1},)"
      R"("left":null,"right":4,"states":["NEW",null,"SENT"],"tags":["a",null]})",
      "{}"};
  Decoded rows = Decode("json", fields, json);
  ASSERT_EQ(rows.causes, Lines());
  auto encoder = MakeEncoder("protobuf", arrow::schema(fields),
                             OrderOptions("proto3", {{"write-null-string-literal", "none"}}));
  ASSERT_TRUE(encoder.ok()) << encoder.status().ToString();
  auto written = (*encoder)->Encode({.rows = rows.raw.batch.rows, .kinds = {}});
  ASSERT_TRUE(written.ok()) << written.status().ToString();
  EXPECT_EQ(messages.Text((*written)[0]),
            R"(ok: true i: -7 l: -9000000000 f: 1.5 d: -0.25 s: "h\303\251" y: "\001\002" )"
            R"(state: PAID number: SENT u: 4294967295 v: 18446744073709551615 a: 1 a: 0 a: -3 )"
            R"(items { sku: "tea" count: 2 } items { } m { key: "k" value: 7 } )"
            R"(by_id { key: "3" value { count: 4 } } first { sku: "cup" count: 1 } right: 4 )"
            R"(states: NEW states: NEW states: SENT tags: "a" tags: "none" )");
  EXPECT_EQ((*written)[1], "");
}

TEST(ProtobufFormatTest, ReadsTheWantedColumnsOnly) {
  Messages messages(Proto("proto2"));
  const auto schema = arrow::schema(OrderFields());
  auto decoder = MakeDecoder("protobuf", schema, {15, 1}, OrderOptions("proto2")).ValueOrDie();
  const std::string bytes = messages.Bytes(kOrderText);
  std::string_view view = bytes;
  DecodedMessages decoded = decoder->Decode({&view, 1}).ValueOrDie();
  EXPECT_EQ(decoded.batch.rows->schema()->field_names(), Lines({"first", "i"}));
  EXPECT_EQ(decoded.batch.rows->column(1)->GetScalar(0).ValueOrDie()->ToString(), "-7");
}

TEST(ProtobufFormatTest, AKeyThatComesTwiceInAMapCountsOnceWithItsLastValue) {
  // Two entries "k" -> 1, "k" -> 2 of field 14.
  const std::string bytes = "\x72\x05\x0a\x01k\x10\x01\x72\x05\x0a\x01k\x10\x02";
  Decoded decoded = Decode("protobuf", {field("m", arrow::map(arrow::utf8(), arrow::int64()))},
                           {bytes}, OrderOptions("proto3"));
  EXPECT_EQ(decoded.rows, Lines({R"({"m":{"k":2}})"}));
}

TEST(ProtobufFormatTest, ABadMessageIsRejectedOrLeftOutAndANullMessageIsNoRow) {
  const arrow::FieldVector fields = {field("i", arrow::int32()), field("s", arrow::utf8())};
  const Lines input = {"\x10\x01", "\x32\x7f", "\x32\x01\xff", "\x10\x02"};
  Decoded decoded = Decode("protobuf", fields, input, OrderOptions("proto3"));
  EXPECT_EQ(decoded.rows, Lines({R"({"i":1,"s":""})", R"({"i":2,"s":""})"}));
  ASSERT_EQ(decoded.causes.size(), 2u);
  EXPECT_NE(decoded.causes[0].find("not of the protobuf schema"), std::string::npos)
      << decoded.causes[0];
  Decoded lenient =
      Decode("protobuf", fields, input, OrderOptions("proto3", {{"ignore-parse-errors", "true"}}));
  EXPECT_EQ(lenient.causes, Lines());
  EXPECT_EQ(lenient.raw.skipped, 2u);
  auto decoder =
      MakeDecoder("protobuf", arrow::schema(fields), OrderOptions("proto3")).ValueOrDie();
  std::string_view nothing;
  EXPECT_EQ(decoder->Decode({&nothing, 1}).ValueOrDie().batch.rows->num_rows(), 0);
}

TEST(ProtobufFormatTest, RequiredFieldsMustBeThereInBothDirections) {
  const FormatOptions options = {
      {"proto", "syntax = \"proto2\"; message R { required int32 id = 1; optional int32 n = 2; }"},
      {"message-class-name", "R"}};
  const arrow::FieldVector fields = {field("id", arrow::int32()), field("n", arrow::int32())};
  Decoded decoded = Decode("protobuf", fields, {"\x10\x01"}, options);
  ASSERT_EQ(decoded.causes.size(), 1u);
  EXPECT_NE(decoded.causes[0].find("required fields are missing: id"), std::string::npos)
      << decoded.causes[0];
  auto encoder = MakeEncoder("protobuf", arrow::schema(fields), options).ValueOrDie();
  Decoded rows = Decode("json", fields, {R"({"n":1})"});
  auto written = encoder->Encode({.rows = rows.raw.batch.rows, .kinds = {}});
  EXPECT_NE(written.status().ToString().find("required fields of message R"), std::string::npos);
}

TEST(ProtobufFormatTest, AnEnumTakesNoNameThatItLacksAndShowsANumberItDoesNotKnow) {
  const arrow::FieldVector fields = {field("state", arrow::utf8())};
  auto encoder =
      MakeEncoder("protobuf", arrow::schema(fields), OrderOptions("proto3")).ValueOrDie();
  Decoded rows = Decode("json", fields, {R"({"state":"LOST"})"});
  auto written = encoder->Encode({.rows = rows.raw.batch.rows, .kinds = {}});
  EXPECT_NE(written.status().ToString().find("enum shop.v1.State has no value 'LOST'"),
            std::string::npos);
  EXPECT_EQ(Decode("protobuf", fields, {"\x40\x09"}, OrderOptions("proto3")).rows,
            Lines({R"({"state":"UNRECOGNIZED"})"}));
}

std::string Refusal(const arrow::FieldVector& fields, const FormatOptions& options) {
  auto decoder = MakeDecoder("protobuf", arrow::schema(fields), options);
  EXPECT_FALSE(decoder.ok());
  return decoder.ok() ? "" : Describe(decoder.status());
}

TEST(ProtobufFormatTest, SaysWhatDoesNotFit) {
  const auto with = [](const char* name, std::shared_ptr<arrow::DataType> type) {
    return Refusal({field(name, std::move(type))}, OrderOptions("proto3"));
  };
  const auto has = [](const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  has(with("i", arrow::int64()), "column 'i' does not fit field shop.v1.Order.i, which is INT");
  has(with("a", arrow::int32()), "which is ARRAY<INT>");
  has(with("m", arrow::map(arrow::utf8(), arrow::utf8())), "which is MAP<STRING, BIGINT>");
  has(with("stat", arrow::utf8()), "column 'stat' is no field of message shop.v1.Order");
  has(with("stat", arrow::utf8()), "did you mean 'state'?");
  has(with("first", arrow::struct_({field("sku", arrow::int32())})), "column 'first.sku'");
  const arrow::FieldVector fields = {field("i", arrow::int32())};
  has(Refusal(fields, {{"proto", Proto("proto3")}, {"message-class-name", "shop.v1.Ordr"}}),
      "no message 'shop.v1.Ordr'");
  has(Refusal(fields, {{"proto", "message {"}, {"message-class-name", "M"}}), "line 1");
  has(Refusal(fields, {{"message-class-name", "M"}}), "needs one of 'protobuf.proto'");
  has(Refusal(fields, {{"proto", Proto("proto3")}}), "message-class-name");
  has(Refusal(fields, {{"proto", "syntax=\"proto3\"; import \"other.proto\"; message M {}"},
                       {"message-class-name", "M"}}),
      "other.proto");
}

TEST(ProtobufFormatTest, FindsAMessageByTheNameOfItsJavaClass) {
  const arrow::FieldVector fields = {field("sku", arrow::utf8())};
  for (const char* name :
       {"shop.v1.Item", "com.shop.Orders$Item", "shop.v1.OrdersProto$Item", "com.shop.Item"}) {
    FormatOptions options = {{"proto", Proto("proto3")}, {"message-class-name", name}};
    EXPECT_TRUE(MakeDecoder("protobuf", arrow::schema(fields), options).ok()) << name;
  }
}

TEST(ProtobufFormatTest, MessagesThatProtobufBringsAreThere) {
  const FormatOptions options = {
      {"proto",
       "syntax = \"proto3\"; import \"google/protobuf/timestamp.proto\"; "
       "message M { google.protobuf.Timestamp at = 1; }"},
      {"message-class-name", "M"}};
  const arrow::FieldVector fields = {field(
      "at", arrow::struct_({field("seconds", arrow::int64()), field("nanos", arrow::int32())}))};
  EXPECT_EQ(Decode("protobuf", fields, {"\x0a\x02\x08\x05"}, options).rows,
            Lines({R"({"at":{"seconds":5,"nanos":0}})"}));
}

Task<> DecodeWithFile(Env* env, std::string path, std::string contents, FormatOptions options,
                      std::string message, Lines* rows) {
  if (!contents.empty()) {
    CO_RETURN_IF_ERROR(co_await env->files().WriteAtomically(path, std::move(contents)));
  }
  const auto schema = arrow::schema({field("i", arrow::int32())});
  CO_ASSIGN_OR_RETURN(auto decoder, MakeDecoder("protobuf", schema, options));
  std::string_view view = message;
  CO_RETURN_IF_ERROR(co_await decoder->Prepare(env, {&view, 1}));
  CO_ASSIGN_OR_RETURN(DecodedMessages decoded, decoder->Decode({&view, 1}));
  rows->push_back(decoded.batch.rows->ToString());
  co_return Status::OK();
}

TEST(ProtobufFormatTest, ReadsItsSchemaFromAProtoFileOrADescriptorSet) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  Lines rows;
  const auto run = [&](const std::string& option, const std::string& contents) {
    return env.Run(DecodeWithFile(&env, "/schema", contents,
                                  {{option, "/schema"}, {"message-class-name", "shop.v1.Order"}},
                                  "\x10\x05", &rows));
  };
  Status absent = run("proto-file", "");
  EXPECT_NE(Describe(absent).find("the protobuf schema can't be read"), std::string::npos)
      << Describe(absent);
  ASSERT_TRUE(run("proto-file", Proto("proto3")).ok());
  ASSERT_TRUE(run("descriptor-file", Messages(Proto("proto3")).DescriptorSet()).ok());
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0], rows[1]);
  EXPECT_NE(rows[0].find("5"), std::string::npos);
  EXPECT_NE(Describe(run("descriptor-file", "no such thing")).find("no descriptor set"),
            std::string::npos);
}

}  // namespace
}  // namespace mainstem::format

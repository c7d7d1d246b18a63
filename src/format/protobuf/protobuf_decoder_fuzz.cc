// Any bytes as a message of a schema that has everything, as a descriptor set and as a .proto text.
#include "format/protobuf/protobuf_schema.h"
#include "format/testing/fuzz_decoder.h"

namespace mainstem::format {
namespace {

constexpr const char* kProto = R"(
  syntax = "proto3";
  message M {
    enum E { ZERO = 0; ONE = 1; }
    message Inner { string a = 1; repeated sint32 b = 2; M again = 3; }
    int32 a = 1; int64 b = 2; string c = 3; bytes d = 4; bool e = 5; double f = 6; float g = 7;
    E h = 8; repeated Inner i = 9; map<string, Inner> j = 10; map<int64, E> k = 11;
    oneof l { fixed32 m = 12; sfixed64 n = 13; } Inner o = 14; repeated E p = 15;
  })";

std::shared_ptr<arrow::Schema> Columns() {
  using arrow::field;
  auto inner = arrow::struct_({field("a", arrow::utf8()), field("b", arrow::list(arrow::int32()))});
  return arrow::schema(
      {field("a", arrow::int32()), field("b", arrow::int64()), field("c", arrow::utf8()),
       field("d", arrow::binary()), field("e", arrow::boolean()), field("f", arrow::float64()),
       field("g", arrow::float32()), field("h", arrow::utf8()), field("i", arrow::list(inner)),
       field("j", arrow::map(arrow::utf8(), inner)),
       field("k", arrow::map(arrow::int64(), arrow::int8())), field("m", arrow::int32()),
       field("n", arrow::int64()), field("o", inner), field("p", arrow::list(arrow::utf8()))});
}

// What was read can be written, and that can be read. It need not be the same: of a oneof's
// members, which are all read, the last one is what is written.
void FuzzMessage(std::string_view input, const char* defaults) {
  const FormatOptions options = {
      {"proto", kProto}, {"message-class-name", "M"}, {"read-default-values", defaults}};
  auto decoder = MakeDecoder("protobuf", Columns(), options).ValueOrDie();
  DecodedMessages first = decoder->Decode({&input, 1}).ValueOrDie();
  CHECK_OK(first.batch.rows->ValidateFull());
  CHECK(static_cast<size_t>(first.batch.rows->num_rows()) + first.rejected.size() == 1);
  DecodedMessages second = decoder->Decode({&input, 1}).ValueOrDie();
  CHECK(second.batch.rows->Equals(*first.batch.rows, arrow::EqualOptions().nans_equal(true)));
  auto encoder = MakeEncoder("protobuf", Columns(), options).ValueOrDie();
  auto written = encoder->Encode(first.batch);
  if (!written.ok()) return;  // an enum's value without a name
  for (const std::string& message : *written) {
    std::string_view view = message;
    DecodedMessages again = decoder->Decode({&view, 1}).ValueOrDie();
    CHECK(again.rejected.empty());
  }
}

}  // namespace
}  // namespace mainstem::format

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mainstem::format;
  static const char kNothing = 0;
  std::string_view input(size == 0 ? &kNothing : reinterpret_cast<const char*>(data), size);
  FuzzMessage(input, "false");
  FuzzMessage(input, "true");
  auto schema = ProtobufSchema::FromDescriptorSet(input, "M");
  if (schema.ok()) mainstem::IgnoreError((*schema)->Fit(*Columns()).status(), "any schema");
  mainstem::IgnoreError(ProtobufSchema::FromText(input, "M").status(), "any text");
  return 0;
}

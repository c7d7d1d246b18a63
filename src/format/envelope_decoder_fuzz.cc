// Any bytes as change events: debezium-json, canal-json and maxwell-json.
#include "format/testing/fuzz_decoder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mainstem::format;
  auto schema =
      arrow::schema({arrow::field("id", arrow::int32()), arrow::field("name", arrow::utf8())});
  FuzzDecoder("debezium-json", schema, {}, data, size);
  FuzzDecoder("debezium-json", schema, {{"schema-include", "true"}}, data, size);
  FuzzDecoder("maxwell-json", schema, {}, data, size);
  FuzzDecoder("canal-json", schema, {{"ignore-parse-errors", "true"}}, data, size);
  return 0;
}

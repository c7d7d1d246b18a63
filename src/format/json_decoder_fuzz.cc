// Any bytes as messages of the json format, strict and lenient.
#include "format/testing/fuzz_decoder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mainstem::format;
  FuzzDecoder("json", FuzzSchema(true), {}, data, size);
  FuzzDecoder("json", FuzzSchema(true), {{"ignore-parse-errors", "true"}}, data, size);
  return 0;
}

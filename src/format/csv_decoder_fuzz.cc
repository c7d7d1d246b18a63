// Any bytes as lines of the csv format, with and without escapes and bad fields as NULL.
#include "format/testing/fuzz_decoder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mainstem::format;
  FuzzDecoder("csv", FuzzSchema(false), {}, data, size);
  FuzzDecoder("csv", FuzzSchema(false),
              {{"ignore-parse-errors", "true"}, {"escape-character", "\\"}, {"null-literal", "x"}},
              data, size);
  return 0;
}

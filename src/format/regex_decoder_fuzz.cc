// Any bytes as lines of the regex format, with a timestamp pattern, and as raw messages.
#include "format/testing/fuzz_decoder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mainstem::format;
  auto schema = arrow::schema({arrow::field("a", arrow::int32()), arrow::field("b", arrow::utf8()),
                               arrow::field("t", arrow::timestamp(arrow::TimeUnit::MILLI))});
  FuzzDecoder("regex", schema,
              {{"pattern", "(?<a>\\S*) (?<b>.*?) \\[(?<t>[^\\]]*)\\]"},
               {"timestamp-format", "dd/MMM/yyyy:HH:mm:ss Z"},
               {"null-literal", "-"}},
              data, size);
  FuzzDecoder("raw", arrow::schema({arrow::field("v", arrow::utf8())}), {}, data, size);
  FuzzDecoder("raw", arrow::schema({arrow::field("v", arrow::int64())}), {}, data, size);
  return 0;
}

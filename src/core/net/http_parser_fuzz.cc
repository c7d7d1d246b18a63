// Feeds bytes to the request parser, whole and split at a position taken from the input, and checks
// that both ways end alike.
#include <cstdlib>

#include "core/net/http_parser.h"

namespace {

using mainstem::net::HttpRequestParser;

constexpr size_t kBodyLimit = 4096;

// "" when more bytes are needed or the input is refused.
std::string Parse(std::string_view input, size_t split) {
  HttpRequestParser parser({.head_bytes = 2048, .query_parameter_count = 16});
  std::string pending(input.substr(0, split));
  bool rest_given = false;
  while (true) {
    auto used = parser.Put(pending);
    if (!used.ok()) return {};
    pending.erase(0, *used);
    if (parser.head_done() && !parser.done() && *used > 0 && parser.body_bytes() == 0) {
      if (!parser.SetBodyLimit(kBodyLimit).ok()) return {};
    }
    if (parser.body_bytes() > kBodyLimit) std::abort();
    if (parser.done()) break;
    if (*used > 0) continue;
    if (rest_given) return {};
    rest_given = true;
    pending.append(input.substr(split));
  }
  auto request = parser.Take();
  return request.method_name + " " + request.path() + "\n" + request.body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  size_t split = size == 0 ? 0 : data[0] % (size + 1);
  std::string whole = Parse(input, size);
  std::string pieces = Parse(input, split);
  if (!whole.empty() && !pieces.empty() && whole != pieces) std::abort();
  return 0;
}

#include "format/utf8.h"

#include <algorithm>

#include <simdjson.h>

namespace mainstem::format {

std::string_view ReplaceInvalidUtf8(std::string_view text, std::string* scratch) {
  if (simdjson::validate_utf8(text.data(), text.size())) return text;
  scratch->clear();
  while (!text.empty()) {
    // The longest valid sequence is four bytes; a byte that starts none is replaced alone.
    size_t length = 0;
    for (size_t n = 1; n <= 4 && n <= text.size() && length == 0; ++n) {
      if (simdjson::validate_utf8(text.data(), n)) length = n;
    }
    scratch->append(length > 0 ? text.substr(0, length) : std::string_view("\xEF\xBF\xBD"));
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return *scratch;
}

}  // namespace mainstem::format

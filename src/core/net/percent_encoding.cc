#include "core/net/percent_encoding.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

namespace mainstem::net {

std::string PercentEncode(std::string_view text, std::string_view kept) {
  constexpr std::string_view kMarks = "-._~";
  std::string out;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || kMarks.find(c) != std::string_view::npos ||
        kept.find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  return out;
}

}  // namespace mainstem::net

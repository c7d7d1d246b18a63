#include "core/net/aws_profiles.h"

#include <algorithm>

#include <fmt/format.h>

namespace mainstem::net {
namespace {

std::string_view StripBlanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

Status BadProfileLine(int line, std::string_view why) {
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = fmt::format("line {}: {}", line, why), .hint = kAwsProfileHint});
}

}  // namespace

std::string AwsProfile::Find(const std::string& key) const {
  auto found = values.find(key);
  return found == values.end() ? "" : found->second;
}

Result<std::vector<AwsProfile>> ParseAwsProfiles(std::string_view text) {
  std::vector<AwsProfile> profiles = {{.name = "", .line = 1}};
  int number = 0;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = StripBlanks(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      if (line.back() != ']') return BadProfileLine(number, "a name without ]");
      std::string_view name = StripBlanks(line.substr(1, line.size() - 2));
      profiles.push_back({.name = std::string(name), .line = number});
      continue;
    }
    size_t equals = line.find('=');
    if (equals == std::string_view::npos) return BadProfileLine(number, "no name = value");
    std::string_view name = StripBlanks(line.substr(0, equals));
    std::string_view value = StripBlanks(line.substr(equals + 1));
    profiles.back().values[std::string(name)] = std::string(value);
  }
  return profiles;
}

}  // namespace mainstem::net

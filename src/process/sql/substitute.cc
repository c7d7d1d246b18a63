#include "process/sql/substitute.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "core/suggest.h"

namespace mainstem::process::sql {

Result<std::string> Substitute(const std::string& script, const std::vector<std::string>& defines) {
  std::map<std::string, std::string> values;
  std::vector<std::string> names;
  for (const std::string& define : defines) {
    size_t equals = define.find('=');
    if (equals == std::string::npos || equals == 0) {
      return MakeError(
          ErrorCode::kInvalidArgument,
          {.message = fmt::format("'-D {}' has no '='", define), .hint = "write -D NAME=value"});
    }
    values[define.substr(0, equals)] = define.substr(equals + 1);
    names.push_back(define.substr(0, equals));
  }
  std::string out;
  size_t at = 0;
  while (true) {
    size_t begin = script.find("${", at);
    size_t end = begin == std::string::npos ? std::string::npos : script.find('}', begin);
    if (end == std::string::npos) break;
    std::string name = script.substr(begin + 2, end - begin - 2);
    size_t line_begin = script.rfind('\n', begin);
    line_begin = line_begin == std::string::npos ? 0 : line_begin + 1;
    size_t comment = script.find("--", line_begin);
    out += script.substr(at, begin - at);
    at = end + 1;
    auto it = values.find(name);
    if (it != values.end()) {
      out += it->second;
    } else if (comment != std::string::npos && comment < begin) {
      out += script.substr(begin, at - begin);  // a comment may speak of names
    } else {
      auto line = std::count(script.begin(), script.begin() + static_cast<ptrdiff_t>(begin), '\n');
      std::string hint = fmt::format("give -D {}=value", name);
      if (auto near = mainstem::NearestName(name, names))
        hint = fmt::format("did you mean '{}'?", *near);
      return MakeError(
          ErrorCode::kInvalidArgument,
          {.message = fmt::format("line {}: ${{{}}} has no value", line + 1, name), .hint = hint});
    }
  }
  return out + script.substr(at);
}

}  // namespace mainstem::process::sql

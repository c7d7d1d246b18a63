#include "format/format_options.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>

namespace mainstem::format {

std::string OptionReader::Text(const std::string& name, std::string default_value) const {
  auto found = options_.find(name);
  return found == options_.end() ? std::move(default_value) : found->second;
}

bool OptionReader::Bool(const std::string& name, bool default_value) {
  auto found = options_.find(name);
  if (found == options_.end()) return default_value;
  if (absl::EqualsIgnoreCase(found->second, "true")) return true;
  if (absl::EqualsIgnoreCase(found->second, "false")) return false;
  Fail(name, "must be 'true' or 'false'");
  return default_value;
}

size_t OptionReader::Choice(const std::string& name, const std::vector<std::string>& choices,
                            size_t default_index) {
  auto found = options_.find(name);
  if (found == options_.end()) return default_index;
  std::string known;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (absl::EqualsIgnoreCase(found->second, choices[i])) return i;
    known += (i == 0 ? "'" : ", '") + choices[i] + "'";
  }
  Fail(name, "must be one of " + known);
  return default_index;
}

char OptionReader::Character(const std::string& name, char default_value) {
  auto found = options_.find(name);
  if (found == options_.end()) return default_value;
  const std::string& text = found->second;
  if (text.size() == 1) return text[0];
  if (text == "\\t") return '\t';
  if (text == "\\\\") return '\\';
  Fail(name, "must be a single ASCII character");
  return default_value;
}

void OptionReader::Fail(const std::string& name, std::string problem) {
  if (!status_.ok()) return;
  auto found = options_.find(name);
  std::string value = found == options_.end() ? "" : " = '" + found->second + "'";
  status_ = MakeError(ErrorCode::kInvalidArgument,
                      {.message = "option '" + format_ + "." + name + "'" + value + " " + problem});
}

}  // namespace mainstem::format

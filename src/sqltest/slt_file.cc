#include "sqltest/slt_file.h"

#include <sstream>

namespace mainstem::sqltest {

Result<std::vector<SltSection>> ParseSlt(const std::string& text) {
  std::vector<SltSection> sections;
  std::istringstream in(text);
  std::string line;
  int number = 0;
  while (std::getline(in, line)) {
    ++number;
    bool comment = line.starts_with("--- ");
    if (!comment && line.starts_with("-- ")) {
      std::istringstream words(line.substr(3));
      SltSection& section = sections.emplace_back();
      section.line = number;
      words >> section.kind >> section.argument;
      bool known = section.kind == "file" || section.kind == "input" || section.kind == "setup" ||
                   section.kind == "query" || section.kind == "expect";
      if (!known) {
        return MakeError(ErrorCode::kSyntaxError,
                         fmt::format("line {}: unknown section '{}'", number, section.kind));
      }
      continue;
    }
    if (sections.empty()) {
      SltSection& head = sections.emplace_back();
      head.kind = "head";
    }
    sections.back().lines.push_back(line);
  }
  for (SltSection& section : sections) {
    while (!section.lines.empty() && section.lines.back().empty()) section.lines.pop_back();
  }
  return sections;
}

std::string PrintSlt(const std::vector<SltSection>& sections) {
  std::string out;
  for (const SltSection& section : sections) {
    if (section.kind != "head") {
      if (!out.empty() && section.kind != "expect") out += "\n";
      out += "-- " + section.kind + (section.argument.empty() ? "" : " " + section.argument) + "\n";
    }
    for (const std::string& line : section.lines) out += line + "\n";
  }
  return out;
}

}  // namespace mainstem::sqltest

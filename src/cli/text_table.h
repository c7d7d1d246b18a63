// Tables for people: columns aligned, numbers to the right, cut to the terminal's width. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mainstem::cli {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : header_(std::move(header)) {}
  // As many cells as the header has columns.
  void Add(std::vector<std::string> row);
  // `max_width`: columns of the terminal, 0 for no limit. Ends with a newline; "(none)" when empty.
  std::string Render(size_t max_width) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

// Control characters as "\x1b": what data holds must not move the cursor or colour the screen. Line
// breaks and tabs as blanks when `one_line`, else as they are.
std::string Printable(std::string_view text, bool one_line);
// At most `width` characters, an ellipsis at the end of what was cut.
std::string CutTo(const std::string& text, size_t width);
// Without "default_catalog.default_database.", wherever it stands.
std::string ShortName(std::string name);
// 1536 -> "1.5 KiB"
std::string HumanBytes(double bytes);
// 1234567 -> "1,234,567"
std::string HumanCount(int64_t count);
// 93784000 -> "1d 2h"; 1500 -> "1.5s"
std::string HumanDuration(int64_t ms);
// Milliseconds since 1970 -> "2026-11-28 15:04:05.120", in UTC.
std::string HumanTime(int64_t ms);

}  // namespace mainstem::cli

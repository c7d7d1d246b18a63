#include "cli/text_table.h"

#include <algorithm>
#include <cctype>
#include <ctime>

#include <absl/strings/str_replace.h>
#include <fmt/format.h>

#include "core/status.h"

namespace mainstem::cli {
namespace {

// Code points, not bytes: close enough to columns for names and numbers.
size_t WidthOf(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

bool IsNumber(const std::string& cell) {
  return !cell.empty() &&
         (std::isdigit(static_cast<unsigned char>(cell[0])) ||
          (cell[0] == '-' && cell.size() > 1)) &&
         cell.find_first_not_of("0123456789.,-%KMGTiBs/ ") == std::string::npos;
}

}  // namespace

std::string CutTo(const std::string& text, size_t width) {
  if (WidthOf(text) <= width) return text;
  if (width == 0) return "";
  std::string out;
  size_t count = 0;
  for (char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80 && ++count >= width) break;
    out += c;
  }
  return out + "…";
}

std::string Printable(std::string_view text, bool one_line) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned char c = static_cast<unsigned char>(text[i]);
    bool is_break = c == '\n' || c == '\r' || c == '\t';
    // U+0080 to U+009F are controls, too.
    bool is_c1 = c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (is_break) {
      out += one_line ? ' ' : text[i];
    } else if (is_c1) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[++i]));
    } else if (c < 0x20 || c == 0x7F) {
      out += fmt::format("\\x{:02x}", c);
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string ShortName(std::string name) {
  absl::StrReplaceAll({{"default_catalog.default_database.", ""}}, &name);
  return name;
}

void TextTable::Add(std::vector<std::string> row) {
  CHECK(row.size() == header_.size());
  for (std::string& cell : row) cell = Printable(cell, true);
  rows_.push_back(std::move(row));
}

std::string TextTable::Render(size_t max_width) const {
  if (rows_.empty()) return "(none)\n";
  constexpr size_t kLeastColumn = 8;
  std::vector<size_t> widths;
  std::vector<bool> numeric(header_.size(), true);
  for (const std::string& cell : header_) widths.push_back(WidthOf(cell));
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], WidthOf(row[i]));
      if (!row[i].empty() && !IsNumber(row[i])) numeric[i] = false;
    }
  }
  auto total = [&] {
    size_t sum = 2 * (widths.size() - 1);
    for (size_t width : widths) sum += width;
    return sum;
  };
  while (max_width > 0 && total() > max_width) {
    auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kLeastColumn) break;
    --*widest;
  }
  std::string out;
  auto append = [&](const std::vector<std::string>& row, bool is_header) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      std::string cell = CutTo(row[i], widths[i]);
      std::string padding(widths[i] - std::min(widths[i], WidthOf(cell)), ' ');
      line += numeric[i] ? padding + cell : cell + padding;
      if (i + 1 < row.size()) line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
    if (is_header) out += std::string(std::min(total(), size_t{200}), '-') + "\n";
  };
  append(header_, true);
  for (const auto& row : rows_) append(row, false);
  return out;
}

std::string HumanBytes(double bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (bytes >= 1024 && unit < 4) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, units[unit]);
}

std::string HumanCount(int64_t count) {
  std::string digits = std::to_string(count < 0 ? -count : count);
  for (int i = static_cast<int>(digits.size()) - 3; i > 0; i -= 3) {
    digits.insert(static_cast<size_t>(i), ",");
  }
  return count < 0 ? "-" + digits : digits;
}

std::string HumanDuration(int64_t ms) {
  if (ms < 1000) return fmt::format("{}ms", ms);
  if (ms < 60'000) return fmt::format("{:.1f}s", static_cast<double>(ms) / 1000);
  int64_t minutes = ms / 60'000;
  if (minutes < 60) return fmt::format("{}m {}s", minutes, ms / 1000 % 60);
  if (minutes < 24 * 60) return fmt::format("{}h {}m", minutes / 60, minutes % 60);
  return fmt::format("{}d {}h", minutes / 1440, minutes / 60 % 24);
}

std::string HumanTime(int64_t ms) {
  std::time_t seconds = ms >= 0 ? ms / 1000 : (ms - 999) / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return fmt::format("{}.{:03}", text, ms - seconds * 1000);
}

}  // namespace mainstem::cli

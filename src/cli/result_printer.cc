#include "cli/result_printer.h"

#include <fmt/format.h>

#include "cli/command.h"
#include "core/json_writer.h"

namespace mainstem::cli {
namespace {

constexpr std::string_view kNull = "<NULL>";

bool IsNumericType(const std::string& type) {
  for (std::string_view name :
       {"TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL"}) {
    if (type.starts_with(name)) return true;
  }
  return false;
}

size_t WidthForType(const std::string& type) {
  if (type.starts_with("TIMESTAMP")) return 23;
  if (type.starts_with("DATE")) return 10;
  if (type.starts_with("BOOLEAN")) return 5;
  return IsNumericType(type) ? 12 : 20;
}

std::string Pad(std::string_view text, size_t width, bool right) {
  size_t shown = 0;
  for (char c : text) shown += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  std::string padding(shown < width ? width - shown : 0, ' ');
  return right ? padding + std::string(text) : std::string(text) + padding;
}

}  // namespace

void ResultPrinter::Columns(std::vector<std::string> names, const std::vector<std::string>& types) {
  names_ = std::move(names);
  widths_.clear();
  numeric_.clear();
  rows_ = 0;
  in_result_ = true;
  std::string header = "op ", line = "-- ";
  for (size_t i = 0; i < names_.size(); ++i) {
    const std::string& type = i < types.size() ? types[i] : std::string();
    numeric_.push_back(IsNumericType(type));
    widths_.push_back(std::max(names_[i].size(), WidthForType(type)));
    header += " " + Pad(names_[i], widths_[i], numeric_[i]);
    line += " " + std::string(widths_[i], '-');
  }
  if (!options_.json) fmt::print(options_.out, "{}\n{}\n", header, line);
}

void ResultPrinter::Row(std::string_view kind,
                        const std::vector<std::optional<std::string>>& fields) {
  ++rows_;
  std::string line;
  if (options_.json) {
    line = fmt::format("{{\"op\":\"{}\",\"row\":{{", kind);
    for (size_t i = 0; i < fields.size() && i < names_.size(); ++i) {
      line += (i > 0 ? "," : "") + JsonQuote(names_[i]) + ":";
      line += fields[i] ? JsonQuote(*fields[i]) : "null";
    }
    line += "}}";
  } else {
    line = std::string(kind) + " ";
    for (size_t i = 0; i < fields.size() && i < widths_.size(); ++i) {
      std::string_view text = fields[i] ? std::string_view(*fields[i]) : kNull;
      line += " " + Pad(text, widths_[i], numeric_[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
  }
  fmt::print(options_.out, "{}\n", line);
}

void ResultPrinter::Done() {
  if (!in_result_) return;
  in_result_ = false;
  if (!options_.json) fmt::print(options_.out, "({} row{})\n\n", rows_, rows_ == 1 ? "" : "s");
  std::fflush(options_.out);
}

void ResultPrinter::Message(const std::string& text) {
  if (!text.empty() && !options_.json) fmt::print(options_.out, "{}\n", text);
  std::fflush(options_.out);
}

}  // namespace mainstem::cli

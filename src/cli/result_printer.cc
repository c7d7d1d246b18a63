#include "cli/result_printer.h"

#include <fmt/format.h>

#include "cli/command.h"
#include "core/json_writer.h"

namespace mainstem::cli {
namespace {

constexpr std::string_view kNull = "<NULL>";

// "DECIMAL(10, 2) NOT NULL" -> "DECIMAL"
std::string FamilyOf(const std::string& type) { return type.substr(0, type.find_first_of(" (<")); }

bool IsNumeric(std::string_view family) {
  for (std::string_view name :
       {"TINYINT", "SMALLINT", "INT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL"}) {
    if (family == name) return true;
  }
  return false;
}

size_t WidthFor(std::string_view family) {
  if (family.starts_with("TIMESTAMP")) return 23;
  if (family == "DATE") return 10;
  if (family == "BOOLEAN") return 5;
  return IsNumeric(family) ? 12 : 20;
}

// The field of a row as JSON. NaN and infinities, which JSON does not have, stay text.
std::string JsonOf(const std::string& text, std::string_view family) {
  if (family == "BOOLEAN" && (text == "TRUE" || text == "FALSE")) {
    return text == "TRUE" ? "true" : "false";
  }
  bool is_number = IsNumeric(family) && !text.empty() &&
                   text.find_first_not_of("-+.0123456789E") == std::string::npos;
  return is_number ? text : JsonQuote(text);
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
  types_.clear();
  rows_ = 0;
  in_result_ = true;
  std::string header = "op ", line = "-- ";
  for (size_t i = 0; i < names_.size(); ++i) {
    types_.push_back(i < types.size() ? FamilyOf(types[i]) : std::string());
    widths_.push_back(std::max(names_[i].size(), WidthFor(types_[i])));
    header += " " + Pad(names_[i], widths_[i], IsNumeric(types_[i]));
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
      line += fields[i] ? JsonOf(*fields[i], types_[i]) : "null";
    }
    line += "}}";
  } else {
    line = std::string(kind) + " ";
    for (size_t i = 0; i < fields.size() && i < widths_.size(); ++i) {
      std::string_view text = fields[i] ? std::string_view(*fields[i]) : kNull;
      line += " " + Pad(text, widths_[i], IsNumeric(types_[i]));
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

void ResultPrinter::Job(const std::string& id) {
  if (options_.json) {
    fmt::print(options_.out, "{{\"job\":{}}}\n", JsonQuote(id));
    std::fflush(options_.out);
  } else {
    Message("started job " + id);
  }
}

}  // namespace mainstem::cli

#include "cli/result_printer.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/progress.h"
#include "cli/text_table.h"
#include "core/json_writer.h"

namespace mainstem::cli {
namespace {

constexpr std::string_view kNull = "<NULL>";
constexpr size_t kMeasuredRowsMax = 1000;  // more are not held back
constexpr size_t kMeasuredWidthMax = 80;   // one long text does not push all others off the screen

// "DECIMAL(10, 2) NOT NULL" -> "DECIMAL"
std::string FamilyOf(const std::string& type) { return type.substr(0, type.find_first_of(" (<")); }

bool IsNumeric(std::string_view family) {
  for (std::string_view name :
       {"TINYINT", "SMALLINT", "INT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL"}) {
    if (family == name) return true;
  }
  return false;
}

// At least: rows that come later may be wider than the first ones.
size_t LeastWidth(std::string_view family) {
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

// What EXPLAIN and SHOW CREATE answer with.
bool IsOutline(std::string_view text) {
  return text.find('\n') != std::string_view::npos &&
         (text.starts_with("== ") || text.starts_with("CREATE "));
}

size_t CodePoints(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string Pad(std::string_view text, size_t width, bool right) {
  size_t shown = CodePoints(text);
  std::string padding(shown < width ? width - shown : 0, ' ');
  return right ? padding + std::string(text) : std::string(text) + padding;
}

}  // namespace

void ResultPrinter::Columns(std::vector<std::string> names, const std::vector<std::string>& types) {
  names_ = std::move(names);
  widths_.clear();
  waiting_.clear();
  types_.clear();
  for (size_t i = 0; i < names_.size(); ++i) {
    types_.push_back(i < types.size() ? FamilyOf(types[i]) : std::string());
  }
  rows_ = 0;
  in_result_ = true;
  is_text_ = false;
}

void ResultPrinter::Print(const std::string& text) {
  if (!status_.ok() || std::fwrite(text.data(), 1, text.size(), options_.out) == text.size())
    return;
  status_ = CannotPrint(errno);
}

Status ResultPrinter::Flush() {
  if (!waiting_.empty()) PrintBegin();
  if (status_.ok() && std::fflush(options_.out) != 0) status_ = CannotPrint(errno);
  return status_;
}

void ResultPrinter::PrintBegin() {
  std::string header = "op ", line = "-- ";
  for (size_t i = 0; i < names_.size(); ++i) {
    size_t width = std::max(CodePoints(names_[i]), LeastWidth(types_[i]));
    for (const Line& row : waiting_) {
      width = std::max(width, std::min(CodePoints(row.cells[i]), kMeasuredWidthMax));
    }
    widths_.push_back(width);
    header += " " + Pad(names_[i], width, IsNumeric(types_[i]));
    line += " " + std::string(width, '-');
  }
  Print(header + "\n" + line + "\n");
  for (const Line& row : waiting_) PrintLine(row);
  waiting_.clear();
}

void ResultPrinter::PrintLine(const Line& line) {
  std::string text = line.kind + " ";
  for (size_t i = 0; i < line.cells.size(); ++i) {
    text += " " + Pad(line.cells[i], widths_[i], IsNumeric(types_[i]));
  }
  text.erase(text.find_last_not_of(' ') + 1);
  Print(text + "\n");
}

void ResultPrinter::Row(std::string_view kind,
                        const std::vector<std::optional<std::string>>& fields) {
  ++rows_;
  if (options_.json) {
    std::string line = fmt::format("{{\"op\":\"{}\",\"row\":{{", kind);
    for (size_t i = 0; i < fields.size() && i < names_.size(); ++i) {
      line += (i > 0 ? "," : "") + JsonQuote(names_[i]) + ":";
      line += fields[i] ? JsonOf(*fields[i], types_[i]) : "null";
    }
    Print(line + "}}\n");
    return;
  }
  if (MayBeText() && rows_ == 1 && !fields.empty() && fields[0] && IsOutline(*fields[0])) {
    is_text_ = true;
    Print(Printable(*fields[0], false) + "\n");
    return;
  }
  Line line{.kind = std::string(kind), .cells = {}};
  for (size_t i = 0; i < names_.size(); ++i) {
    bool is_there = i < fields.size() && fields[i];
    line.cells.push_back(is_there ? Printable(*fields[i], true) : std::string(kNull));
  }
  if (!widths_.empty()) return PrintLine(line);
  waiting_.push_back(std::move(line));
  if (waiting_.size() == kMeasuredRowsMax) PrintBegin();
}

Status ResultPrinter::Done() {
  if (!in_result_) return status_;
  in_result_ = false;
  if (!options_.json && is_text_) {
    Print("\n");
  } else if (!options_.json) {
    if (widths_.empty()) PrintBegin();
    Print(fmt::format("({} row{})\n\n", rows_, rows_ == 1 ? "" : "s"));
  }
  return Flush();
}

Status ResultPrinter::Message(const std::string& text) {
  if (!text.empty() && !options_.json) Print(text + "\n");
  return Flush();
}

Status ResultPrinter::Job(const std::string& id) {
  if (!options_.json) return Message("started job " + id);
  Print(fmt::format("{{\"job\":{}}}\n", JsonQuote(id)));
  return Flush();
}

Status ResultPrinter::JobFinished(const process::JobDescription& job) {
  const JobProgress progress = ProgressOf(job);
  int64_t took_ms = job.finished_at_ms - job.started_at_ms;
  // What a destination has refused was given to the sink, and is not there.
  int64_t refused = 0;
  for (const process::SinkDescription& sink : job.sinks) refused += sink.rejected_rows;
  int64_t written = std::max<int64_t>(0, progress.rows_written - refused);
  if (options_.json) {
    JsonWriter json;
    json.BeginObject().Field("job", job.id).Field("state", ToString(job.state));
    json.Field("rows_read", progress.rows).Field("rows_written", written);
    json.Field("rows_refused", refused).Field("took_ms", took_ms).EndObject();
    Print(json.Take() + "\n");
  } else {
    std::string refusals = refused == 0 ? "" : fmt::format(", {} refused", HumanCount(refused));
    Print(fmt::format("{}: {} rows read, {} written{} in {}\n", progress.name,
                      HumanCount(progress.rows), HumanCount(written), refusals,
                      HumanDuration(took_ms)));
  }
  return Flush();
}

}  // namespace mainstem::cli

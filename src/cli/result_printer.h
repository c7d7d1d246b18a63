// Prints the rows of a query as they come: a header, then one line a row with its kind. Columns are
// as wide as the rows before the first Flush need; a wider value later shifts only its row. A query
// that fails before its first row shows no header. A result of one text of several lines (EXPLAIN,
// SHOW CREATE TABLE) is printed as it is. `json`: one object a line, {"op":"+I","row":{...}}:
// numbers and booleans as such, everything else as text. One thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "process/job/job_description.h"

namespace mainstem::cli {

class ResultPrinter {
 public:
  struct Options {
    bool json = false;
    std::FILE* out = stdout;  // outlives the printer
  };
  explicit ResultPrinter(Options options) : options_(options) {}

  void Columns(std::vector<std::string> names, const std::vector<std::string>& types);
  void Row(std::string_view kind, const std::vector<std::optional<std::string>>& fields);
  // The rows so far are seen now, through a pipe, too. An error, here and below, when the output
  // takes no more.
  Status Flush();
  // Ends one result; says how many rows there were.
  Status Done();
  Status Message(const std::string& text);
  // A job was started that goes on by itself.
  Status Job(const std::string& id);
  // A job that was waited for has finished: what it read and wrote.
  Status JobFinished(const process::JobDescription& job);

 private:
  struct Line {
    std::string kind;
    std::vector<std::string> cells;
  };
  void Print(const std::string& text);
  void PrintLine(const Line& line);
  // Fixes the widths by the rows that wait, prints the header and them. Once in a result.
  void PrintBegin();
  // What EXPLAIN and SHOW CREATE name their column.
  bool MayBeText() const { return names_.size() == 1 && names_[0] == "result"; }

  Options options_;
  Status status_;  // the first failure to write
  std::vector<std::string> names_;
  std::vector<size_t> widths_;      // empty until the header is printed
  std::vector<std::string> types_;  // without NOT NULL and parameters: "DECIMAL"
  int64_t rows_ = 0;
  bool in_result_ = false;
  std::vector<Line> waiting_;  // rows before the header
  bool is_text_ = false;       // the result is a text: no header, no count
};

}  // namespace mainstem::cli

// Prints the rows of a query as they come: a header, then one line a row with its kind when the
// result is a changelog. `json`: one object a line, {"op":"+I","row":{...}}: numbers and booleans
// as such, everything else as text. One thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
  // Ends one result; says how many rows there were.
  void Done();
  void Message(const std::string& text);
  // A job was started that goes on by itself.
  void Job(const std::string& id);

 private:
  Options options_;
  std::vector<std::string> names_;
  std::vector<size_t> widths_;
  std::vector<std::string> types_;  // without NOT NULL and parameters: "DECIMAL"
  int64_t rows_ = 0;
  bool in_result_ = false;
};

}  // namespace mainstem::cli

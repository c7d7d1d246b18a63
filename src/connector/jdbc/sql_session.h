// A session with a database whose statements have '?' for parameters: MySQL, MariaDB, SQLite.
// Everything blocks: call it on the blocking pool only. Not thread-safe; one call at a time.
//
// Errors tell what to do about them, as those of PostgresConnection: kUnavailable: try again later;
// kInvalidRecord: the values of a row were refused; kPermissionDenied, kNotFound, kInvalidArgument,
// kInternal: will not go away by itself.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/status.h"

namespace mainstem::connector {

struct SqlBytes {
  std::string bytes;
};
// NULL, a number, a text, bytes.
using SqlValue = std::variant<std::monostate, int64_t, double, std::string, SqlBytes>;

struct SqlRows {
  std::vector<std::vector<std::optional<std::string>>> rows;  // as text
  int64_t affected_count = 0;                                 // of a statement without rows
};

// `a"b` to `"a""b"`.
inline std::string QuoteIdentifier(std::string_view identifier, char quote) {
  std::string quoted(1, quote);
  for (char c : identifier) {
    if (c == quote) quoted.push_back(quote);
    quoted.push_back(c);
  }
  quoted.push_back(quote);
  return quoted;
}

class SqlSession {
 public:
  virtual ~SqlSession() = default;
  // Prepared at first use and kept.
  virtual Result<SqlRows> Run(const std::string& statement,
                              std::span<const SqlValue> parameters) = 0;
  // One statement without parameters and rows; not kept.
  virtual Status Execute(const std::string& statement) = 0;
  virtual std::string Quote(std::string_view identifier) const {
    return QuoteIdentifier(identifier, '"');
  }
  virtual const std::string& shown() const = 0;
};

}  // namespace mainstem::connector

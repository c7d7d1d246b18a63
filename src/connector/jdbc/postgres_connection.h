// One session with a PostgreSQL server: libpq behind Status and owned results. Everything blocks:
// call it on the blocking pool only. Not thread-safe; one call at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connector/close_on_pool.h"
#include "connector/jdbc/jdbc_url.h"
#include "core/env.h"
#include "core/status.h"

struct pg_conn;
struct pg_result;

namespace mainstem::connector {

// What went wrong, in terms of what to do about it, from the SQLSTATE that the server gave:
// kUnavailable: try again later (connection, resources, conflicts between transactions);
// kInvalidRecord: the values of a row were refused (classes 22 and 23, a trigger's exception);
// kPermissionDenied, kNotFound, kInvalidArgument, kInternal: will not go away by itself.
ErrorCode CodeOfSqlState(std::string_view sql_state);

// Rows of an answer, as text.
class PostgresRows {
 public:
  explicit PostgresRows(pg_result* result) : result_(result) {}
  int row_count() const;
  int column_count() const;
  bool IsNull(int row, int column) const;
  std::string Text(int row, int column) const;  // "" for null
  size_t Size(int row, int column) const;       // of that text
  int64_t Integer(int row, int column) const;
  bool Bool(int row, int column) const;
  int64_t affected_count() const;

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

// "name" with its quotes.
std::string QuoteIdentifier(std::string_view identifier);

using PostgresParameter = std::optional<std::string>;  // as text, without NUL

class PostgresConnection {
 public:
  // kUnavailable when there is nobody to talk to, kPermissionDenied for wrong credentials.
  static Result<std::unique_ptr<PostgresConnection>> Open(const PostgresTarget& target);

  // One statement. `statement` is prepared at first use and kept when `keep` is set.
  enum class Keep : uint8_t { kNo, kYes };
  Result<PostgresRows> Run(const std::string& statement,
                           const std::vector<PostgresParameter>& parameters = {},
                           Keep keep = Keep::kNo);
  // Several statements without parameters, in one trip.
  Status RunScript(const std::string& statements);

  const std::string& shown() const { return shown_; }
  ~PostgresConnection();

 private:
  PostgresConnection(pg_conn* connection, std::string shown)
      : connection_(connection), shown_(std::move(shown)) {}
  Result<PostgresRows> Check(pg_result* result) const;
  Result<std::string> Prepare(const std::string& statement, size_t parameter_count);

  pg_conn* connection_;
  std::string shown_;
  std::vector<std::string> prepared_;  // statement texts; the name is "s<index>"
};

}  // namespace mainstem::connector

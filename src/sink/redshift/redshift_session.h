// A session with Amazon Redshift, which speaks PostgreSQL's protocol and much of its SQL: see
// sql_session.h. Everything blocks: on the pool only. Private to redshift.
#pragma once

#include <memory>
#include <string>

#include "connector/jdbc/postgres_connection.h"
#include "connector/jdbc/sql_session.h"

namespace mainstem::sink {

class RedshiftSession final : public connector::SqlSession {
 public:
  static Result<std::unique_ptr<RedshiftSession>> Open(const connector::PostgresTarget& target);

  // Parameters are put into the statement as literals. kInvalidRecord also for rows that a COPY
  // could not load; what Redshift calls an internal error is kUnavailable: conflicts between
  // transactions are among them.
  Result<connector::SqlRows> Run(const std::string& statement,
                                 std::span<const connector::SqlValue> parameters) override;
  Status Execute(const std::string& statement) override;
  const std::string& shown() const override { return connection_->shown(); }

 private:
  explicit RedshiftSession(std::unique_ptr<connector::PostgresConnection> connection)
      : connection_(std::move(connection)) {}

  std::unique_ptr<connector::PostgresConnection> connection_;
};

// 'a''b'
std::string SqlLiteral(std::string_view text);

}  // namespace mainstem::sink

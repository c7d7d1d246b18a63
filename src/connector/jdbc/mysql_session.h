// A session with MySQL or MariaDB, by libmariadb: see sql_session.h.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "connector/jdbc/mysql_url.h"
#include "connector/jdbc/sql_session.h"

struct st_mysql;
struct st_mysql_stmt;

namespace mainstem::connector {

class MysqlSession final : public SqlSession {
 public:
  // In UTC, with strict checks of values, whatever the server's defaults are.
  static Result<std::unique_ptr<SqlSession>> Open(const MysqlTarget& target);
  ~MysqlSession() override;

  Result<SqlRows> Run(const std::string& statement, std::span<const SqlValue> parameters) override;
  Status Execute(const std::string& statement) override;
  std::string Quote(std::string_view identifier) const override;
  const std::string& shown() const override { return shown_; }

 private:
  MysqlSession(st_mysql* connection, std::string shown)
      : connection_(connection), shown_(std::move(shown)) {}
  Status ErrorOf(unsigned code, const char* state, const char* message) const;
  Result<st_mysql_stmt*> Prepare(const std::string& statement);
  Result<SqlRows> FetchAll(st_mysql_stmt* statement) const;

  st_mysql* connection_;
  std::string shown_;
  std::map<std::string, st_mysql_stmt*> statements_;
};

// From MySQL's "Server Error Message Reference" and MariaDB's.
ErrorCode CodeOfMysql(unsigned code, std::string_view sql_state);

}  // namespace mainstem::connector

// A session with a SQLite file: see sql_session.h.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "connector/jdbc/sql_session.h"

struct sqlite3;
struct sqlite3_stmt;

namespace mainstem::connector {

struct SqliteTarget {
  std::string path;
};

class SqliteSession final : public SqlSession {
 public:
  // The file must exist: kNotFound. Commits are durable when they return, and a lock of somebody
  // else's is waited for, for 10 seconds.
  static Result<std::unique_ptr<SqlSession>> Open(const SqliteTarget& target);
  ~SqliteSession() override;

  Result<SqlRows> Run(const std::string& statement, std::span<const SqlValue> parameters) override;
  Status Execute(const std::string& statement) override;
  const std::string& shown() const override { return path_; }

 private:
  SqliteSession(sqlite3* database, std::string path)
      : database_(database), path_(std::move(path)) {}
  Status ErrorOf(int code) const;
  Result<sqlite3_stmt*> Prepare(const std::string& statement);

  sqlite3* database_;
  std::string path_;
  std::map<std::string, sqlite3_stmt*> statements_;
};

}  // namespace mainstem::connector

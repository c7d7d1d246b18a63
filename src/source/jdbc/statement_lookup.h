// Finds rows of a table of MySQL, MariaDB or SQLite by key.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connector/jdbc/jdbc_options.h"
#include "connector/jdbc/sql_session.h"
#include "connector/table.h"

namespace mainstem::source {

class StatementLookup final : public connector::TableLookup {
 public:
  struct Options {
    connector::JdbcServer server;  // not PostgreSQL
    std::string table_name;
    std::shared_ptr<arrow::Schema> schema;  // of the SQL table
    std::vector<int> key_columns;           // indices into it, as is the projection
    std::vector<int> projection;
    connector::LookupOptions lookup;
  };
  StatementLookup(Env* env, Options options) : env_(env), options_(std::move(options)) {}
  ~StatementLookup() override;
  const connector::LookupOptions& options() const override { return options_.lookup; }
  Task<std::shared_ptr<arrow::RecordBatch>> Find(std::shared_ptr<arrow::RecordBatch> keys) override;

 private:
  // Blocking.
  Status Open();
  Result<std::shared_ptr<arrow::RecordBatch>> Select(const arrow::RecordBatch& keys);
  std::string StatementFor(size_t key_count) const;
  Result<std::shared_ptr<arrow::RecordBatch>> Decode(const connector::SqlRows& rows) const;

  Env* env_;
  Options options_;
  bool is_mysql_ = false;
  std::unique_ptr<connector::SqlSession> session_;
};

}  // namespace mainstem::source

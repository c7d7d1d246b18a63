// Finds rows of a table of PostgreSQL by key: one statement for all keys of a batch.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "source/jdbc/jdbc_table.h"

namespace mainstem::source {

class JdbcLookup final : public connector::TableLookup {
 public:
  // Columns are indices into the target's schema.
  JdbcLookup(Env* env, JdbcTarget target, std::vector<int> key_columns, std::vector<int> projection,
             connector::LookupOptions options)
      : env_(env),
        target_(std::move(target)),
        key_columns_(std::move(key_columns)),
        projection_(std::move(projection)),
        options_(options) {}
  ~JdbcLookup() override;
  const connector::LookupOptions& options() const override { return options_; }
  Task<std::shared_ptr<arrow::RecordBatch>> Find(std::shared_ptr<arrow::RecordBatch> keys) override;

 private:
  // Blocking.
  Status Open();
  Result<std::shared_ptr<arrow::RecordBatch>> Select(const arrow::RecordBatch& keys);

  Env* env_;
  JdbcTarget target_;
  std::vector<int> key_columns_;
  std::vector<int> projection_;
  connector::LookupOptions options_;
  std::unique_ptr<connector::PostgresConnection> connection_;
  std::optional<JdbcTable> table_;
  std::string statement_;
};

}  // namespace mainstem::source

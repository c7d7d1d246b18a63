// Reads a table of PostgreSQL once, in one transaction, by a cursor. A position names the last row
// that was read: by its place in the heap (ctid), so that a restart goes on behind it; by its
// number where there is no such place (views, partitioned and foreign tables), which is right as
// long as nobody changes the table between.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "source/jdbc/jdbc_table.h"

namespace mainstem::source {

class JdbcReader final : public connector::SplitReader {
 public:
  struct Options {
    JdbcTarget target;
    std::vector<int> projection;
    std::string filter_column;  // of the SQL table; empty: all rows
    int64_t filter_from = 0;    // inclusive, both
    int64_t filter_to = 0;
    std::string position;    // "": from the beginning
    int64_t fetch_size = 0;  // 0: as many as are asked for
  };
  JdbcReader(Env* env, Options options) : env_(env), options_(std::move(options)) {}
  ~JdbcReader() override;
  Task<connector::SourceBatch> Read(size_t max_rows, TimePoint deadline) override;

 private:
  // Blocking.
  Status Open();
  Result<connector::SourceBatch> Fetch(size_t max_rows);

  Env* env_;
  Options options_;
  std::unique_ptr<connector::PostgresConnection> connection_;
  std::optional<JdbcTable> table_;
  int64_t rows_read_ = 0;
};

}  // namespace mainstem::source

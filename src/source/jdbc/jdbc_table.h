// A table of PostgreSQL as it is read: which of its columns are ours, how they are selected, and
// the rows of an answer as Arrow columns. Blocks where it takes a connection: on the pool only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "connector/jdbc/jdbc_url.h"
#include "connector/jdbc/postgres_connection.h"
#include "connector/table.h"

namespace mainstem::source {

struct JdbcTarget {
  connector::PostgresTarget server;
  std::string table_name;                 // option 'table-name': table or schema.table
  std::shared_ptr<arrow::Schema> schema;  // of the SQL table
};

class JdbcTable {
 public:
  // Looks the table up on the server. NotFound and InvalidArgument name the table or column.
  static Result<JdbcTable> Find(connector::PostgresConnection* connection, const JdbcTarget& target,
                                const std::vector<int>& projection);
  // Unsupported for a column of a type that can't be read (ARRAY, MAP, ROW).
  static Status CheckTypes(const std::string& table, const arrow::Schema& schema);

  const std::string& name() const { return name_; }  // quoted
  // Rows lie in one heap of their own, in an order that a ctid names.
  bool has_ctid() const { return has_ctid_; }
  // The projection's columns, each as a text that Decode reads.
  const std::string& select_list() const { return select_list_; }
  // "\"name\"" and "bigint" of a column of the SQL table.
  struct Column {
    std::string name;
    std::string type;
  };
  Result<Column> ColumnOf(const std::string& field_name) const;

  // Of rows of select_list() and, behind it, their place as text. Rows whose text is no value of
  // the column's type are left out: they go to `rejected`.
  Result<std::shared_ptr<arrow::RecordBatch>> Decode(
      const connector::PostgresRows& rows, std::vector<connector::RejectedRecord>* rejected) const;
  // The column of a row's place.
  int place_column() const;

 private:
  std::string shown_;  // for messages
  std::string name_;
  bool has_ctid_ = false;
  std::vector<std::pair<std::string, std::string>> server_columns_;  // names and types
  std::string select_list_;
  std::shared_ptr<arrow::Schema> schema_;  // of the projection
};

}  // namespace mainstem::source

#include "source/jdbc/jdbc_reader.h"

#include <absl/strings/numbers.h>
#include <absl/strings/strip.h>
#include <arrow/api.h>
#include <fmt/format.h>

namespace mainstem::source {

JdbcReader::~JdbcReader() { connector::CloseOnPool(env_, std::move(connection_)); }

Task<connector::SourceBatch> JdbcReader::Read(size_t max_rows, TimePoint) {
  co_return co_await env_->blocking_pool().Run(
      [this, max_rows]() -> Result<connector::SourceBatch> {
        if (!connection_) RETURN_IF_ERROR(Open());
        return Fetch(max_rows);
      });
}

Status JdbcReader::Open() {
  ASSIGN_OR_RETURN(auto connection, connector::PostgresConnection::Open(options_.target.server));
  ASSIGN_OR_RETURN(table_, JdbcTable::Find(connection.get(), options_.target, options_.projection));
  // In the order of the heap, whatever else the planner would like better.
  RETURN_IF_ERROR(
      connection->RunScript("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
                            "SET LOCAL synchronize_seqscans = off; "
                            "SET LOCAL max_parallel_workers_per_gather = 0; "
                            "SET LOCAL enable_indexscan = off; "
                            "SET LOCAL enable_indexonlyscan = off"));
  std::string where, offset;
  absl::string_view position = options_.position;
  if (absl::ConsumePrefix(&position, "ctid:")) {
    if (!table_->has_ctid()) {
      return MakeError(ErrorCode::kInvalidArgument,
                       {.message = "table " + table_->name() +
                                   " was one heap when the job stopped and is none now (a view, a "
                                   "partitioned table, or one with children): the row to go on at "
                                   "is not known",
                        .hint = "start the job anew"});
    }
    where = fmt::format("ctid > '{}'::tid", std::string(position));
  } else if (absl::ConsumePrefix(&position, "row:") && absl::SimpleAtoi(position, &rows_read_)) {
    offset = fmt::format(" OFFSET {}", rows_read_);
  } else if (!position.empty()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "jdbc cannot go on at '" + options_.position + "'");
  }
  if (!options_.filter_column.empty()) {
    ASSIGN_OR_RETURN(const JdbcTable::Column column, table_->ColumnOf(options_.filter_column));
    where += fmt::format("{}{} BETWEEN {} AND {}", where.empty() ? "" : " AND ", column.name,
                         options_.filter_from, options_.filter_to);
  }
  RETURN_IF_ERROR(connection->RunScript(
      fmt::format("DECLARE rows NO SCROLL CURSOR FOR SELECT {}, {} FROM {}{}{}{}",
                  table_->select_list(), table_->has_ctid() ? "ctid::text" : "''", table_->name(),
                  where.empty() ? "" : " WHERE ", where, offset)));
  connection_ = std::move(connection);
  return Status::OK();
}

Result<connector::SourceBatch> JdbcReader::Fetch(size_t max_rows) {
  int64_t count = std::max<int64_t>(static_cast<int64_t>(max_rows), 1);
  if (options_.fetch_size > 0) count = std::min(count, options_.fetch_size);
  ASSIGN_OR_RETURN(const auto rows,
                   connection_->Run(fmt::format("FETCH FORWARD {} FROM rows", count)));
  connector::SourceBatch out;
  ASSIGN_OR_RETURN(out.batch.rows, table_->Decode(rows, &out.rejected));
  rows_read_ += rows.row_count();
  out.position = options_.position;
  if (rows.row_count() > 0) {
    out.position = table_->has_ctid()
                       ? "ctid:" + rows.Text(rows.row_count() - 1, table_->place_column())
                       : fmt::format("row:{}", rows_read_);
    options_.position = out.position;
  }
  for (int row = 0; row < rows.row_count(); ++row) {
    for (int column = 0; column < table_->place_column(); ++column) {
      out.bytes_read += rows.Size(row, column);
    }
  }
  out.end_of_split = rows.row_count() < count;
  return out;
}

}  // namespace mainstem::source

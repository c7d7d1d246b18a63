#include "sink/redshift/redshift_table.h"

#include <absl/strings/str_join.h>
#include <fmt/format.h>

namespace mainstem::sink {

using connector::SqlRows;
using connector::SqlValue;
namespace {

constexpr char kRedshiftPlace[] = "connector 'redshift': ";
// Of the table that is loaded, beside the columns of the destination.
constexpr char kDeletedColumn[] = "mainstem_deleted";
constexpr char kOrderColumn[] = "mainstem_order";

// "shop"."orders" to "shop"."mainstem_delivery".
std::string PositionsBeside(const std::string& table) {
  size_t dot = table.rfind("\".\"");
  return (dot == std::string::npos ? "" : table.substr(0, dot + 2)) + "mainstem_delivery";
}

}  // namespace

Result<connector::Differences> FindRedshiftDifferences(const RedshiftOptions& options) {
  ASSIGN_OR_RETURN(auto session, RedshiftSession::Open(options.server));
  ASSIGN_OR_RETURN(StatementInspection found,
                   InspectStatementTable(session.get(), SqlDialect::kRedshift, options.table));
  return std::move(found.differences);
}

Status EvolveRedshift(const RedshiftOptions& options) {
  ASSIGN_OR_RETURN(auto session, RedshiftSession::Open(options.server));
  return EvolveStatementTable(session.get(), SqlDialect::kRedshift, options.table);
}

RedshiftLoader::RedshiftLoader(RedshiftOptions options, std::string delivery_id, PartitionId part,
                               std::unique_ptr<RedshiftSession> session, StatementTable table)
    : options_(std::move(options)),
      delivery_id_(std::move(delivery_id)),
      part_(part),
      session_(std::move(session)),
      table_(std::move(table)),
      positions_(PositionsBeside(table_.name)) {}

Result<std::unique_ptr<RedshiftLoader>> RedshiftLoader::Open(const RedshiftOptions& options,
                                                             std::string delivery_id,
                                                             PartitionId part) {
  ASSIGN_OR_RETURN(auto session, RedshiftSession::Open(options.server));
  ASSIGN_OR_RETURN(StatementInspection found,
                   InspectStatementTable(session.get(), SqlDialect::kRedshift, options.table));
  RETURN_IF_ERROR(connector::DriftError(kRedshiftPlace, found.differences));
  std::unique_ptr<RedshiftLoader> loader(new RedshiftLoader(
      options, std::move(delivery_id), part, std::move(session), std::move(found.table)));
  RETURN_IF_ERROR(loader->FindPosition());
  return loader;
}

Status RedshiftLoader::CheckTable() {
  ASSIGN_OR_RETURN(StatementInspection found,
                   InspectStatementTable(session_.get(), SqlDialect::kRedshift, options_.table));
  return connector::DriftError(kRedshiftPlace, found.differences);
}

Status RedshiftLoader::FindPosition() {
  const std::vector<SqlValue> id = {delivery_id_, int64_t{part_.value()}};
  const std::string find =
      "SELECT position FROM " + positions_ + " WHERE delivery_id = ? AND part = ?";
  const std::string create = "CREATE TABLE IF NOT EXISTS " + positions_ +
                             " (delivery_id varchar(1024) NOT NULL, part int NOT NULL, position "
                             "bigint NOT NULL)";
  Result<SqlRows> found = session_->Run(find, id);
  if (Is(found.status(), ErrorCode::kNotFound)) {
    Status created = session_->Execute(create);
    if (Is(created, ErrorCode::kPermissionDenied)) {
      return MakeError(
          ErrorCode::kPermissionDenied,
          {.message = std::string(kRedshiftPlace) + "the user may not make " + positions_ +
                      ", which keeps the delivered positions",
           .detail = TextOf(created).message,
           .hint = "run " + create + "; then GRANT SELECT, INSERT, UPDATE on it to the user"});
    }
    // Another writer may have made it at the same time.
    found = session_->Run(find, id);
    if (!created.ok() && !found.ok()) {
      return MakeError(ErrorCode::kUnavailable, TextOf(created));
    }
  }
  RETURN_IF_ERROR(found);
  if (found->rows.empty()) {
    // Under a lock: two writers that begin at the same time make one row.
    RETURN_IF_ERROR(session_->Execute("BEGIN"));
    RETURN_IF_ERROR(session_->Execute("LOCK TABLE " + positions_));
    ASSIGN_OR_RETURN(found, session_->Run(find, id));
    if (found->rows.empty()) {
      RETURN_IF_ERROR(session_->Run("INSERT INTO " + positions_ + " VALUES (?, ?, -1)", id));
    }
    RETURN_IF_ERROR(session_->Execute("COMMIT"));
  }
  int64_t position = found->rows.empty() ? -1 : std::stoll(found->rows[0][0].value_or("-1"));
  if (position >= 0) position_ = Offset(position);
  return Status::OK();
}

Status RedshiftLoader::Stage(const std::string& manifest_url) {
  const std::string columns = absl::StrJoin(table_.columns, ", ");
  RETURN_IF_ERROR(session_->Execute("DROP TABLE IF EXISTS mainstem_rows"));
  RETURN_IF_ERROR(session_->Execute(fmt::format(
      "CREATE TEMP TABLE mainstem_rows AS SELECT {}, FALSE AS {}, CAST(0 AS bigint) AS {} FROM {} "
      "LIMIT 0",
      columns, kDeletedColumn, kOrderColumn, table_.name)));
  std::string role = options_.iam_role == "default" ? "default" : SqlLiteral(options_.iam_role);
  std::string region =
      options_.copy_region.empty() ? "" : " REGION " + SqlLiteral(options_.copy_region);
  return session_->Execute(
      fmt::format("COPY mainstem_rows ({}, {}, {}) FROM {} IAM_ROLE {}{} MANIFEST FORMAT AS CSV "
                  "DATEFORMAT 'auto' "
                  "TIMEFORMAT 'auto' COMPUPDATE OFF STATUPDATE OFF",
                  columns, kDeletedColumn, kOrderColumn, SqlLiteral(manifest_url), role, region));
}

std::string RedshiftLoader::MergeScript() const {
  const std::string columns = absl::StrJoin(table_.columns, ", ");
  if (table_.key_columns.empty()) {
    return fmt::format("INSERT INTO {} ({}) SELECT {} FROM mainstem_rows", table_.name, columns,
                       columns);
  }
  std::vector<std::string> there, later, values;
  for (int column : table_.key_columns) {
    const std::string& name = table_.columns[static_cast<size_t>(column)];
    there.push_back(table_.name + "." + name + " = mainstem_rows." + name);
    later.push_back("later." + name + " = loaded." + name);
  }
  for (const std::string& name : table_.columns) values.push_back("loaded." + name);
  // Which keys are one is for Redshift to say, whose texts may differ in blanks at their end or in
  // case: of those in a load the last one counts.
  return fmt::format("DELETE FROM {} USING mainstem_rows WHERE {}; ", table_.name,
                     absl::StrJoin(there, " AND ")) +
         fmt::format(
             "INSERT INTO {} ({}) SELECT {} FROM mainstem_rows AS loaded LEFT JOIN mainstem_rows "
             "AS later ON {} AND later.{} > loaded.{} WHERE later.{} IS NULL AND NOT loaded.{}",
             table_.name, columns, absl::StrJoin(values, ", "), absl::StrJoin(later, " AND "),
             kOrderColumn, kOrderColumn, kOrderColumn, kDeletedColumn);
}

Status RedshiftLoader::MovePosition(Offset end) {
  int64_t seen = position_ ? position_->value() : -1;
  ASSIGN_OR_RETURN(
      SqlRows moved,
      session_->Run(
          "UPDATE " + positions_ +
              " SET position = ? WHERE delivery_id = ? AND part = ? AND position = ?",
          std::vector<SqlValue>{end.value(), delivery_id_, int64_t{part_.value()}, seen}));
  if (moved.affected_count == 1) return Status::OK();
  return MakeError(
      ErrorCode::kUnavailable,
      {.message = std::string(kRedshiftPlace) + "another writer has moved the position of '" +
                  delivery_id_ + "', partition " + std::to_string(part_.value()),
       .detail = "nothing of this batch was written; going on from the stored one"});
}

Status RedshiftLoader::InTransaction(Offset end, const std::string& script, bool keep) {
  RETURN_IF_ERROR(session_->Execute("BEGIN"));
  RETURN_IF_ERROR(session_->Execute("LOCK TABLE " + positions_));
  RETURN_IF_ERROR(MovePosition(end));
  if (!script.empty()) {
    Status merged = session_->Execute(script);
    if (Is(merged, ErrorCode::kInvalidRecord)) RETURN_IF_ERROR(session_->Execute("ROLLBACK"));
    RETURN_IF_ERROR(merged);
  }
  if (!keep) return session_->Execute("ROLLBACK");
  RETURN_IF_ERROR(session_->Execute("COMMIT"));
  position_ = end;
  return Status::OK();
}

Status RedshiftLoader::Merge(Offset end, bool keep) {
  return InTransaction(end, MergeScript(), keep);
}

Status RedshiftLoader::MergeNothing(Offset end) { return InTransaction(end, "", true); }

}  // namespace mainstem::sink

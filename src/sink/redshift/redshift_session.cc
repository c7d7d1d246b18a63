#include "sink/redshift/redshift_session.h"

#include <absl/strings/match.h>
#include <absl/strings/str_replace.h>
#include <fmt/format.h>

namespace mainstem::sink {

using connector::SqlRows;
using connector::SqlValue;
namespace {

// A COPY of 64 MiB takes seconds; who waits for locks longer than this tries again.
constexpr int kStatementMs = 600'000;

std::string LiteralOf(const SqlValue& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return SqlLiteral(*text);
  if (const auto* real = std::get_if<double>(&value)) return fmt::format("{}", *real);
  CHECK(std::holds_alternative<std::monostate>(value));
  return "NULL";
}

// Redshift has one SQLSTATE, XX000, for all that PostgreSQL does not have.
Status InRedshift(const Status& status) {
  if (!Is(status, ErrorCode::kInternal)) return status;
  ErrorText text = TextOf(status);
  const std::string& message = text.message;
  // "Load into table 'x' failed. Check 'sys_load_error_detail' system table for details."
  if (absl::StrContains(message, "Load into table") || absl::StrContains(message, "load_error") ||
      absl::StrContains(message, "Cannot insert a NULL")) {
    return MakeError(ErrorCode::kInvalidRecord, std::move(text));
  }
  if (absl::StrContains(message, "S3ServiceException") &&
      absl::StrContains(message + text.detail, "Access Denied")) {
    text.hint = "let the role of 'sink.copy.iam-role' read the bucket: s3:GetObject, s3:ListBucket";
    return MakeError(ErrorCode::kPermissionDenied, std::move(text));
  }
  return MakeError(ErrorCode::kUnavailable, std::move(text));
}

}  // namespace

std::string SqlLiteral(std::string_view text) {
  return "'" + absl::StrReplaceAll(absl::string_view(text.data(), text.size()), {{"'", "''"}}) +
         "'";
}

Result<std::unique_ptr<RedshiftSession>> RedshiftSession::Open(
    const connector::PostgresTarget& target) {
  ASSIGN_OR_RETURN(auto connection, connector::PostgresConnection::Open(target));
  std::unique_ptr<RedshiftSession> session(new RedshiftSession(std::move(connection)));
  RETURN_IF_ERROR(session->Execute(fmt::format("SET statement_timeout TO {}", kStatementMs)));
  return session;
}

Result<SqlRows> RedshiftSession::Run(const std::string& statement,
                                     std::span<const SqlValue> parameters) {
  for (const SqlValue& value : parameters) {
    const auto* text = std::get_if<std::string>(&value);
    // Redshift takes it for the beginning of an escape, PostgreSQL of today does not.
    if (text != nullptr && text->find('\\') != std::string::npos) {
      return MakeError(ErrorCode::kInvalidArgument, "a name with a backslash: " + *text);
    }
  }
  std::string text;
  size_t used = 0;
  bool is_quoted = false;  // a name
  for (char c : statement) {
    if (c == '"') is_quoted = !is_quoted;
    if (c != '?' || is_quoted) {
      text += c;
      continue;
    }
    CHECK(used < parameters.size());
    text += LiteralOf(parameters[used++]);
  }
  CHECK(used == parameters.size());
  Result<connector::PostgresRows> answer = connection_->Run(text);
  if (!answer.ok()) return InRedshift(answer.status());
  SqlRows rows;
  rows.affected_count = answer->affected_count();
  for (int row = 0; row < answer->row_count(); ++row) {
    auto& values = rows.rows.emplace_back();
    for (int column = 0; column < answer->column_count(); ++column) {
      values.emplace_back(std::nullopt);
      if (!answer->IsNull(row, column)) values.back() = answer->Text(row, column);
    }
  }
  return rows;
}

Status RedshiftSession::Execute(const std::string& statement) {
  Status status = connection_->RunScript(statement);
  return status.ok() ? status : InRedshift(status);
}

}  // namespace mainstem::sink

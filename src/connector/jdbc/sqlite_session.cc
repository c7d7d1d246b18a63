#include "connector/jdbc/sqlite_session.h"

#include <sqlite3.h>

namespace mainstem::connector {
namespace {

constexpr int kBusyMilliseconds = 10000;

ErrorCode CodeOfSqlite(int code) {
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG: return ErrorCode::kInvalidRecord;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_PROTOCOL:
    case SQLITE_SCHEMA:
    case SQLITE_INTERRUPT:
    case SQLITE_ABORT: return ErrorCode::kUnavailable;
    case SQLITE_FULL: return ErrorCode::kDiskFull;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH: return ErrorCode::kPermissionDenied;
    case SQLITE_CANTOPEN: return ErrorCode::kNotFound;
    case SQLITE_ERROR:
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_RANGE: return ErrorCode::kInvalidArgument;
    default: return ErrorCode::kInternal;
  }
}

int Bind(sqlite3_stmt* statement, int index, const SqlValue& value) {
  // The values live until the statement has run.
  if (const auto* number = std::get_if<int64_t>(&value)) {
    return sqlite3_bind_int64(statement, index, *number);
  }
  if (const auto* number = std::get_if<double>(&value)) {
    return sqlite3_bind_double(statement, index, *number);
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    return sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_STATIC,
                               SQLITE_UTF8);
  }
  if (const auto* bytes = std::get_if<SqlBytes>(&value)) {
    return sqlite3_bind_blob64(statement, index, bytes->bytes.data(), bytes->bytes.size(),
                               SQLITE_STATIC);
  }
  return sqlite3_bind_null(statement, index);
}

std::vector<std::optional<std::string>> RowOf(sqlite3_stmt* statement) {
  std::vector<std::optional<std::string>> row;
  for (int i = 0; i < sqlite3_column_count(statement); ++i) {
    const unsigned char* text = sqlite3_column_text(statement, i);
    if (text == nullptr) {
      row.emplace_back(std::nullopt);
      continue;
    }
    auto size = static_cast<size_t>(sqlite3_column_bytes(statement, i));
    row.emplace_back(std::string(reinterpret_cast<const char*>(text), size));
  }
  return row;
}

}  // namespace

Result<std::unique_ptr<SqlSession>> SqliteSession::Open(const SqliteTarget& target) {
  sqlite3* database = nullptr;
  int code = sqlite3_open_v2(target.path.c_str(), &database,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (database == nullptr) return MakeError(ErrorCode::kResourceExhausted, "no memory for SQLite");
  std::unique_ptr<SqliteSession> session(new SqliteSession(database, target.path));
  sqlite3_extended_result_codes(database, 1);
  sqlite3_busy_timeout(database, kBusyMilliseconds);
  if (code != SQLITE_OK) {
    ErrorText text = TextOf(session->ErrorOf(code));
    if (CodeOfSqlite(code) == ErrorCode::kNotFound) {
      text.hint = "make the file with its tables first, where this user may write";
    }
    return MakeError(CodeOfSqlite(code), std::move(text));
  }
  // A position that is stored but not durable would let the log forget rows too early.
  RETURN_IF_ERROR(session->Execute("PRAGMA synchronous = FULL"));
  RETURN_IF_ERROR(session->Execute("PRAGMA foreign_keys = ON"));
  return std::unique_ptr<SqlSession>(std::move(session));
}

SqliteSession::~SqliteSession() {
  for (auto& [text, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(database_);
}

Status SqliteSession::ErrorOf(int code) const {
  return MakeError(CodeOfSqlite(code),
                   {.message = "SQLite file " + path_ + ": " + sqlite3_errmsg(database_) +
                               " (code " + std::to_string(code) + ")"});
}

Result<sqlite3_stmt*> SqliteSession::Prepare(const std::string& statement) {
  auto found = statements_.find(statement);
  if (found != statements_.end()) return found->second;
  sqlite3_stmt* prepared = nullptr;
  int code = sqlite3_prepare_v3(database_, statement.c_str(), static_cast<int>(statement.size()),
                                SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  if (code != SQLITE_OK) return ErrorOf(code);
  statements_[statement] = prepared;
  return prepared;
}

Result<SqlRows> SqliteSession::Run(const std::string& statement,
                                   std::span<const SqlValue> parameters) {
  ASSIGN_OR_RETURN(sqlite3_stmt * prepared, Prepare(statement));
  int index = 0;
  for (const SqlValue& value : parameters) {
    int code = Bind(prepared, ++index, value);
    if (code != SQLITE_OK) return ErrorOf(code);
  }
  SqlRows rows;
  int code;
  while ((code = sqlite3_step(prepared)) == SQLITE_ROW) rows.rows.push_back(RowOf(prepared));
  Status status = code == SQLITE_DONE ? Status::OK() : ErrorOf(code);
  rows.affected_count = sqlite3_changes64(database_);
  sqlite3_reset(prepared);  // repeats the error of the step
  sqlite3_clear_bindings(prepared);
  RETURN_IF_ERROR(status);
  return rows;
}

Status SqliteSession::Execute(const std::string& statement) {
  int code = sqlite3_exec(database_, statement.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Status::OK() : ErrorOf(code);
}

}  // namespace mainstem::connector

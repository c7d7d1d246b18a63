#include "connector/jdbc/postgres_connection.h"

#include <libpq-fe.h>

#include <algorithm>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>

#include "connector/secret_file.h"

namespace mainstem::connector {
namespace {

// First line only: the rest repeats statement and parameters.
std::string FirstLine(const char* message) {
  std::string_view text = message == nullptr ? "" : message;
  size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  return std::string(text.substr(begin, text.find('\n', begin) - begin));
}

std::string Field(const pg_result* result, int field) {
  const char* text = PQresultErrorField(result, field);
  return text == nullptr ? "" : text;
}

Status ConnectError(PGconn* connection, const std::string& shown) {
  // libpq gives no SQLSTATE here: what can be waited for is told from what can't by its text.
  std::string text = PQerrorMessage(connection);
  ErrorCode code = ErrorCode::kUnavailable;
  std::string hint;
  for (const char* refusal :
       {"password authentication failed", "no password supplied", "no pg_hba.conf entry", "role \"",
        "Peer authentication failed", "permission denied for database"}) {
    if (!absl::StrContains(text, refusal)) continue;
    code = ErrorCode::kPermissionDenied;
    hint =
        "check the options 'username' and 'password' or 'password-file', and the server's "
        "pg_hba.conf";
  }
  if (absl::StrContains(text, "database \"") && absl::StrContains(text, "does not exist")) {
    code = ErrorCode::kNotFound;
    hint = "check the database name in the option 'url'";
  }
  for (const char* tls : {"certificate", "server does not support SSL", "invalid sslmode"}) {
    if (!absl::StrContains(text, tls)) continue;
    code = ErrorCode::kPermissionDenied;
    hint = "check 'sslmode' and 'sslrootcert' in the option 'url'";
  }
  return MakeError(code, {.message = "cannot connect to PostgreSQL at " + shown,
                          .detail = FirstLine(text.c_str()),
                          .hint = std::move(hint)});
}

}  // namespace

ErrorCode CodeOfSqlState(std::string_view sql_state) {
  // Source: "PostgreSQL Error Codes", appendix A of its manual.
  if (sql_state.empty()) return ErrorCode::kUnavailable;  // libpq's own: the connection is gone
  std::string_view error_class = sql_state.substr(0, 2);
  if (error_class == "08" || error_class == "53" || error_class == "57" || error_class == "58") {
    return ErrorCode::kUnavailable;
  }
  for (std::string_view passing : {"40001", "40P01", "40003", "55P03", "55006", "25006"}) {
    if (sql_state == passing) return ErrorCode::kUnavailable;
  }
  // 21000: two rows meet in one key (citext); 54000: too long for an index; 44000: a view's check
  // option; P0001: a trigger's RAISE.
  if (error_class == "22" || error_class == "23" || sql_state == "54000" || sql_state == "21000" ||
      sql_state == "44000" || sql_state == "P0001" || sql_state == "40002") {
    return ErrorCode::kInvalidRecord;
  }
  if (error_class == "28" || sql_state == "42501") return ErrorCode::kPermissionDenied;
  if (sql_state == "42P01" || sql_state == "3D000" || sql_state == "3F000") {
    return ErrorCode::kNotFound;
  }
  if (error_class == "42" || error_class == "0A") return ErrorCode::kInvalidArgument;
  return ErrorCode::kInternal;
}

std::string QuoteIdentifier(std::string_view identifier) {
  std::string quoted = "\"";
  for (char c : identifier) {
    if (c == '"') quoted.push_back('"');
    quoted.push_back(c);
  }
  return quoted + "\"";
}

void PostgresRows::Clear::operator()(pg_result* result) const { PQclear(result); }
int PostgresRows::row_count() const { return PQntuples(result_.get()); }
int PostgresRows::column_count() const { return PQnfields(result_.get()); }
bool PostgresRows::IsNull(int row, int column) const {
  return PQgetisnull(result_.get(), row, column) != 0;
}
std::string PostgresRows::Text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<size_t>(PQgetlength(result_.get(), row, column))};
}
size_t PostgresRows::Size(int row, int column) const {
  return static_cast<size_t>(PQgetlength(result_.get(), row, column));
}
int64_t PostgresRows::Integer(int row, int column) const {
  int64_t value = 0;
  CHECK(absl::SimpleAtoi(Text(row, column), &value));
  return value;
}
bool PostgresRows::Bool(int row, int column) const { return Text(row, column) == "t"; }
int64_t PostgresRows::affected_count() const {
  int64_t count = 0;
  return absl::SimpleAtoi(PQcmdTuples(result_.get()), &count) ? count : 0;
}

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::Open(const PostgresTarget& target) {
  // Defaults come first: the url's parameters win. They bound how long a dead peer holds a thread.
  std::vector<std::pair<std::string, std::string>> parameters = {
      {"application_name", "mainstem"}, {"connect_timeout", "10"}, {"keepalives_idle", "10"},
      {"keepalives_interval", "5"},     {"keepalives_count", "3"}, {"tcp_user_timeout", "30000"},
  };
  // Redshift does not know them at the start, and COPY takes its time.
  std::string options = target.is_redshift ? "" : "-clock_timeout=10s -cstatement_timeout=120s";
  for (const auto& [name, value] : target.parameters) {
    if (name == "options") {
      options += " " + value;
      continue;
    }
    std::erase_if(parameters,
                  [&wanted = name](const auto& other) { return other.first == wanted; });
    parameters.emplace_back(name, value);
  }
  if (!options.empty()) parameters.emplace_back("options", options);
  if (!target.password_file.empty()) {
    std::erase_if(parameters, [](const auto& one) { return one.first == "password"; });
    ASSIGN_OR_RETURN(std::string password, ReadSecretFileBlocking(target.password_file));
    parameters.emplace_back("password", std::move(password));
  }
  parameters.emplace_back("client_encoding", "UTF8");
  std::vector<const char*> names, values;
  for (const auto& [name, value] : parameters) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  PGconn* raw = PQconnectdbParams(names.data(), values.data(), 0);
  if (raw == nullptr) return MakeError(ErrorCode::kResourceExhausted, "no memory for a connection");
  std::unique_ptr<PostgresConnection> connection(new PostgresConnection(raw, target.shown));
  if (PQstatus(raw) != CONNECTION_OK) return ConnectError(raw, target.shown);
  PQsetNoticeProcessor(
      raw, [](void*, const char*) {}, nullptr);
  if (target.is_redshift) {
    RETURN_IF_ERROR(connection->RunScript("SET datestyle TO 'ISO, YMD'; SET timezone TO 'UTC'"));
    return connection;
  }
  // A position that is stored but not durable would let the log forget rows too early.
  RETURN_IF_ERROR(connection->RunScript(
      "SELECT set_config('synchronous_commit', 'on', false) WHERE "
      "current_setting('synchronous_commit') = 'off'; SET datestyle = 'ISO, YMD'; "
      "SET standard_conforming_strings = on; SET default_transaction_isolation = 'read committed'; "
      "SET timezone = 'UTC'"));
  return connection;
}

PostgresConnection::~PostgresConnection() { PQfinish(connection_); }

Result<PostgresRows> PostgresConnection::Check(pg_result* result) const {
  PostgresRows rows(result);
  ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return rows;
  std::string state = Field(result, PG_DIAG_SQLSTATE);
  std::string message = Field(result, PG_DIAG_MESSAGE_PRIMARY);
  if (message.empty()) message = FirstLine(PQerrorMessage(connection_));
  ErrorText text{.message = "PostgreSQL at " + shown_ + ": " + message,
                 .detail = Field(result, PG_DIAG_MESSAGE_DETAIL),
                 .hint = Field(result, PG_DIAG_MESSAGE_HINT)};
  if (!state.empty()) text.message += " (SQLSTATE " + state + ")";
  return MakeError(CodeOfSqlState(state), std::move(text));
}

Result<std::string> PostgresConnection::Prepare(const std::string& statement,
                                                size_t parameter_count) {
  auto found = std::find(prepared_.begin(), prepared_.end(), statement);
  std::string name = "s" + std::to_string(found - prepared_.begin());
  if (found != prepared_.end()) return name;
  RETURN_IF_ERROR(Check(PQprepare(connection_, name.c_str(), statement.c_str(),
                                  static_cast<int>(parameter_count), nullptr)));
  prepared_.push_back(statement);
  return name;
}

Result<PostgresRows> PostgresConnection::Run(const std::string& statement,
                                             const std::vector<PostgresParameter>& parameters,
                                             Keep keep) {
  std::vector<const char*> values;
  for (const PostgresParameter& parameter : parameters) {
    values.push_back(parameter ? parameter->c_str() : nullptr);
  }
  auto count = static_cast<int>(values.size());
  if (keep == Keep::kNo) {
    return Check(PQexecParams(connection_, statement.c_str(), count, nullptr, values.data(),
                              nullptr, nullptr, 0));
  }
  ASSIGN_OR_RETURN(std::string name, Prepare(statement, values.size()));
  return Check(
      PQexecPrepared(connection_, name.c_str(), count, values.data(), nullptr, nullptr, 0));
}

Status PostgresConnection::RunScript(const std::string& statements) {
  return Check(PQexec(connection_, statements.c_str())).status();
}

}  // namespace mainstem::connector

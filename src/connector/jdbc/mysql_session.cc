#include "connector/jdbc/mysql_session.h"

#include <mysql.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <list>

#include "connector/secret_file.h"

namespace mainstem::connector {
namespace {

constexpr size_t kShownMessageBytes = 500;

// Where a statement's parameters lie while it runs.
struct Bindings {
  std::vector<MYSQL_BIND> binds;
  std::list<unsigned long> lengths;
};

void BindText(const std::string& text, enum_field_types type, Bindings* bindings,
              MYSQL_BIND* bind) {
  bind->buffer_type = type;
  bind->buffer = const_cast<char*>(text.data());
  bindings->lengths.push_back(text.size());
  bind->buffer_length = text.size();
  bind->length = &bindings->lengths.back();
}

// The values live until the statement has run.
Bindings BindingsOf(std::span<const SqlValue> parameters) {
  Bindings bindings;
  bindings.binds.resize(parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    MYSQL_BIND* bind = &bindings.binds[i];
    std::memset(bind, 0, sizeof(*bind));
    if (const auto* number = std::get_if<int64_t>(&parameters[i])) {
      bind->buffer_type = MYSQL_TYPE_LONGLONG;
      bind->buffer = const_cast<int64_t*>(number);
    } else if (const auto* real = std::get_if<double>(&parameters[i])) {
      bind->buffer_type = MYSQL_TYPE_DOUBLE;
      bind->buffer = const_cast<double*>(real);
    } else if (const auto* text = std::get_if<std::string>(&parameters[i])) {
      BindText(*text, MYSQL_TYPE_STRING, &bindings, bind);
    } else if (const auto* bytes = std::get_if<SqlBytes>(&parameters[i])) {
      BindText(bytes->bytes, MYSQL_TYPE_BLOB, &bindings, bind);
    } else {
      bind->buffer_type = MYSQL_TYPE_NULL;
    }
  }
  return bindings;
}

Status ConnectError(const MysqlTarget& target, MYSQL* connection) {
  unsigned code = mysql_errno(connection);
  ErrorText text{.message = "cannot connect to MySQL at " + target.shown,
                 .detail = mysql_error(connection)};
  ErrorCode kind = CodeOfMysql(code, mysql_sqlstate(connection));
  if (code == 2026 || code == 2012) {  // TLS
    kind = ErrorCode::kPermissionDenied;
    text.hint = "check 'sslMode' and 'serverSslCert' in the option 'url'";
  } else if (kind == ErrorCode::kPermissionDenied) {
    text.hint =
        "check the options 'username' and 'password' or 'password-file', and the user's host";
  } else if (kind == ErrorCode::kNotFound) {
    text.hint = "check the database name in the option 'url'";
  }
  return MakeError(kind, std::move(text));
}

void SetOptions(const MysqlTarget& target, MYSQL* connection) {
  unsigned connect_seconds = target.connect_seconds, answer_seconds = target.answer_seconds;
  mysql_optionsv(connection, MYSQL_OPT_CONNECT_TIMEOUT, &connect_seconds);
  mysql_optionsv(connection, MYSQL_OPT_READ_TIMEOUT, &answer_seconds);
  mysql_optionsv(connection, MYSQL_OPT_WRITE_TIMEOUT, &answer_seconds);
  mysql_optionsv(connection, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  my_bool wants_tls = target.tls != MysqlTls::kNone && target.tls != MysqlTls::kPreferred;
  my_bool verifies = target.tls == MysqlTls::kVerify;
  if (target.tls != MysqlTls::kNone) {
    if (!target.ca_file.empty())
      mysql_optionsv(connection, MYSQL_OPT_SSL_CA, target.ca_file.c_str());
    mysql_optionsv(connection, MYSQL_OPT_SSL_ENFORCE, &wants_tls);
  }
  mysql_optionsv(connection, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verifies);
}

}  // namespace

ErrorCode CodeOfMysql(unsigned code, std::string_view sql_state) {
  // Deadlock, lock wait, too many connections, shutting down, full disk or table, read only for
  // now.
  for (unsigned passing : {1205u, 1213u, 1040u, 1053u, 1077u, 1021u, 1114u, 1203u, 1226u, 1290u,
                           1836u, 1317u, 1969u, 3024u, 1020u, 1047u}) {
    if (code == passing) return ErrorCode::kUnavailable;
  }
  if (code >= 2000 && code < 3000) return ErrorCode::kUnavailable;  // the client's: connection gone
  for (unsigned denied :
       {1044u, 1045u, 1142u, 1143u, 1227u, 1370u, 1698u, 1251u, 1130u, 1820u, 1862u}) {
    if (code == denied) return ErrorCode::kPermissionDenied;
  }
  if (code == 1049 || code == 1146) return ErrorCode::kNotFound;
  // Wrong value, out of range, too long, null, trigger's SIGNAL, check constraints, JSON.
  for (unsigned refused : {1366u, 1264u, 1406u, 1048u, 1062u, 1292u, 1265u, 1364u, 1644u, 3819u,
                           4025u, 3140u, 1118u}) {
    if (code == refused) return ErrorCode::kInvalidRecord;
  }
  std::string_view error_class = sql_state.substr(0, 2);
  if (error_class == "22" || error_class == "23" || error_class == "45") {
    return ErrorCode::kInvalidRecord;
  }
  if (error_class == "08" || error_class == "40") return ErrorCode::kUnavailable;
  if (error_class == "28") return ErrorCode::kPermissionDenied;
  if (error_class == "42") return ErrorCode::kInvalidArgument;
  return ErrorCode::kInternal;
}

Result<std::unique_ptr<SqlSession>> MysqlSession::Open(const MysqlTarget& target) {
  std::string password = target.password;
  if (!target.password_file.empty()) {
    ASSIGN_OR_RETURN(password, ReadSecretFileBlocking(target.password_file));
  }
  MYSQL* connection = mysql_init(nullptr);
  if (connection == nullptr) return MakeError(ErrorCode::kResourceExhausted, "no memory for MySQL");
  std::unique_ptr<MysqlSession> session(new MysqlSession(connection, target.shown));
  SetOptions(target, connection);
  // Found rows, not changed ones: an UPDATE that changes nothing has still found its row.
  if (mysql_real_connect(connection, target.host.c_str(), target.user.c_str(), password.c_str(),
                         target.database.c_str(), target.port, nullptr,
                         CLIENT_FOUND_ROWS) == nullptr) {
    return ConnectError(target, connection);
  }
  for (const char* setting :
       {"SET sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
        "NO_ENGINE_SUBSTITUTION'",
        "SET time_zone = '+00:00'", "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET innodb_lock_wait_timeout = 10", "SET lock_wait_timeout = 10", "SET autocommit = 1"}) {
    RETURN_IF_ERROR(session->Execute(setting));
  }
  return std::unique_ptr<SqlSession>(std::move(session));
}

MysqlSession::~MysqlSession() {
  for (auto& [text, statement] : statements_) mysql_stmt_close(statement);
  mysql_close(connection_);
}

Status MysqlSession::ErrorOf(unsigned code, const char* state, const char* message) const {
  std::string said = message;
  if (said.size() > kShownMessageBytes) said.resize(kShownMessageBytes);
  ErrorCode kind = CodeOfMysql(code, state);
  ErrorText text{.message = "MySQL at " + shown_ + ": " + said + " (error " + std::to_string(code) +
                            ", SQLSTATE " + state + ")"};
  if (kind == ErrorCode::kPermissionDenied) {
    text.hint =
        "GRANT the user SELECT, INSERT, UPDATE and DELETE on the table, SELECT alone to look rows "
        "up";
  }
  return MakeError(kind, std::move(text));
}

Result<MYSQL_STMT*> MysqlSession::Prepare(const std::string& statement) {
  auto found = statements_.find(statement);
  if (found != statements_.end()) return found->second;
  MYSQL_STMT* prepared = mysql_stmt_init(connection_);
  if (prepared == nullptr) return MakeError(ErrorCode::kResourceExhausted, "no memory for MySQL");
  if (mysql_stmt_prepare(prepared, statement.data(), statement.size()) != 0) {
    Status error = ErrorOf(mysql_stmt_errno(prepared), mysql_stmt_sqlstate(prepared),
                           mysql_stmt_error(prepared));
    mysql_stmt_close(prepared);
    return error;
  }
  statements_[statement] = prepared;
  return prepared;
}

Result<SqlRows> MysqlSession::FetchAll(MYSQL_STMT* statement) const {
  SqlRows rows;
  unsigned count = mysql_stmt_field_count(statement);
  std::vector<MYSQL_BIND> binds(count);
  std::vector<unsigned long> lengths(count);
  std::unique_ptr<my_bool[]> nulls(new my_bool[count]());
  // Numbers and times are made texts into these; only texts and bytes may be longer.
  std::vector<std::array<char, 256>> buffers(count);
  for (unsigned i = 0; i < count; ++i) {
    std::memset(&binds[i], 0, sizeof(MYSQL_BIND));
    binds[i].buffer_type = MYSQL_TYPE_STRING;
    binds[i].buffer = buffers[i].data();
    binds[i].buffer_length = buffers[i].size();
    binds[i].length = &lengths[i];
    binds[i].is_null = &nulls[i];
  }
  if (mysql_stmt_bind_result(statement, binds.data()) != 0) {
    return ErrorOf(mysql_stmt_errno(statement), mysql_stmt_sqlstate(statement),
                   mysql_stmt_error(statement));
  }
  int outcome;
  while ((outcome = mysql_stmt_fetch(statement)) == 0 || outcome == MYSQL_DATA_TRUNCATED) {
    std::vector<std::optional<std::string>> row(count);
    for (unsigned i = 0; i < count; ++i) {
      if (nulls[i]) continue;
      if (lengths[i] <= buffers[i].size()) {
        row[i].emplace(buffers[i].data(), lengths[i]);
        continue;
      }
      row[i].emplace(lengths[i], '\0');
      MYSQL_BIND cell = binds[i];
      cell.buffer = row[i]->data();
      cell.buffer_length = lengths[i];
      if (mysql_stmt_fetch_column(statement, &cell, i, 0) != 0) {
        return MakeError(ErrorCode::kUnavailable, "MySQL at " + shown_ + " sent half a value");
      }
    }
    rows.rows.push_back(std::move(row));
  }
  if (outcome == MYSQL_NO_DATA) return rows;
  return ErrorOf(mysql_stmt_errno(statement), mysql_stmt_sqlstate(statement),
                 mysql_stmt_error(statement));
}

Result<SqlRows> MysqlSession::Run(const std::string& statement,
                                  std::span<const SqlValue> parameters) {
  ASSIGN_OR_RETURN(MYSQL_STMT * prepared, Prepare(statement));
  auto error = [&] {
    return ErrorOf(mysql_stmt_errno(prepared), mysql_stmt_sqlstate(prepared),
                   mysql_stmt_error(prepared));
  };
  Bindings bindings = BindingsOf(parameters);
  if (mysql_stmt_bind_param(prepared, bindings.binds.data()) != 0) return error();
  if (mysql_stmt_execute(prepared) != 0) return error();
  if (mysql_stmt_field_count(prepared) == 0) {
    SqlRows rows;
    rows.affected_count = static_cast<int64_t>(mysql_stmt_affected_rows(prepared));
    return rows;
  }
  if (mysql_stmt_store_result(prepared) != 0) return error();
  Result<SqlRows> rows = FetchAll(prepared);
  mysql_stmt_free_result(prepared);
  return rows;
}

Status MysqlSession::Execute(const std::string& statement) {
  if (mysql_real_query(connection_, statement.data(), statement.size()) == 0) return Status::OK();
  return ErrorOf(mysql_errno(connection_), mysql_sqlstate(connection_), mysql_error(connection_));
}

std::string MysqlSession::Quote(std::string_view identifier) const {
  return QuoteIdentifier(identifier, '`');
}

}  // namespace mainstem::connector

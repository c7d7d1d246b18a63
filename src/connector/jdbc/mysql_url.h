// Reads 'jdbc:mysql:' and 'jdbc:mariadb:' addresses as MySQL's and MariaDB's JDBC drivers write
// them. Pure. Secrets stay inside: nothing here shows a parameter's value.
#pragma once

#include <cstdint>
#include <string>

#include "core/status.h"

namespace mainstem::connector {

enum class MysqlTls : uint8_t {
  kNone,
  kPreferred,  // where the server can
  kRequired,   // without a look at the certificate
  kVerify,     // certificate and name
};

struct MysqlTarget {
  std::string host = "localhost";
  uint16_t port = 3306;
  std::string database;
  std::string user;
  std::string password;
  std::string password_file;  // read for each connection; wins over `password`
  MysqlTls tls = MysqlTls::kPreferred;
  std::string ca_file;  // PEM
  unsigned connect_seconds = 10;
  unsigned answer_seconds = 120;
  std::string shown;  // "db.example:3306/shop": for messages
};

bool IsMysqlUrl(const std::string& url);
// InvalidArgument names the part that is wrong, never a value.
Result<MysqlTarget> ParseMysqlUrl(const std::string& url);

}  // namespace mainstem::connector

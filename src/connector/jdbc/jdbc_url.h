// Reads 'jdbc:postgresql:' addresses as PostgreSQL's JDBC driver writes them, and 'jdbc:redshift:'
// ones, into libpq's connection parameters. Pure. Secrets stay inside: nothing here shows a
// parameter's value.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/status.h"

namespace mainstem::connector {

struct PostgresTarget {
  // libpq's keyword and value; later ones win.
  std::vector<std::pair<std::string, std::string>> parameters;
  std::string password_file = {};  // read for each connection; wins over a password
  std::string shown;  // "db.example:5432/shop": for messages, without user and password
  bool is_redshift = false;
};

// InvalidArgument names the part that is wrong, never a value. Unsupported for other databases.
Result<PostgresTarget> ParseJdbcUrl(const std::string& url);
// The same for 'jdbc:redshift:', with its port 5439.
Result<PostgresTarget> ParseRedshiftUrl(const std::string& url);

// "a%20b" to "a b".
Result<std::string> DecodeUrlPart(std::string_view text);
// "a=1&b=x%20y" in order, decoded.
Result<std::vector<std::pair<std::string, std::string>>> UrlParameters(std::string_view query);

}  // namespace mainstem::connector

#include "connector/jdbc/jdbc_options.h"

#include "connector/options.h"

namespace mainstem::connector {

std::vector<OptionSpec> JdbcServerOptions() {
  return {
      {.name = "url",
       .documentation = "jdbc:postgresql://host:5432/database?sslmode=verify-full&...",
       .required = true},
      {.name = "table-name",
       .documentation = "table or schema.table; it must exist.",
       .required = true},
      {.name = "username", .documentation = "The database user."},
      {.name = "password", .documentation = "Its password.", .secret = true},
      {.name = "driver", .documentation = "Accepted, without effect: the url names the database."},
      {.name = "connection.max-retry-timeout", .documentation = "Accepted, without effect."},
      {.name = "compatible-mode", .documentation = "Accepted, without effect."},
  };
}

Result<PostgresTarget> JdbcServerOf(const TableDescriptor& table) {
  const TableOptions options(table);
  Result<PostgresTarget> target = ParseJdbcUrl(options.Text("url", ""));
  if (!target.ok()) {
    ErrorText text = TextOf(target.status());
    text.message = "table '" + table.name + "': " + text.message;
    return MakeError(CodeOf(target.status()), std::move(text));
  }
  if (auto user = options.Find("username")) target->parameters.emplace_back("user", *user);
  if (auto password = options.Find("password")) {
    target->parameters.emplace_back("password", *password);
  }
  return target;
}

}  // namespace mainstem::connector

#include "connector/jdbc/jdbc_options.h"

#include "connector/options.h"
#include "core/error_context.h"

namespace mainstem::connector {

std::vector<OptionSpec> JdbcServerOptions() {
  return {
      {.name = "url",
       .documentation = "jdbc:postgresql://host:5432/database?sslmode=verify-full&...; as a sink "
                        "also jdbc:mysql://host:3306/database and jdbc:sqlite:/file",
       .required = true},
      {.name = "table-name",
       .documentation = "table or schema.table; it must exist.",
       .required = true},
      {.name = "username", .documentation = "The database user."},
      {.name = "password", .documentation = "Its password.", .secret = true},
      {.name = "password-file",
       .documentation = "The file that holds the password, read for each connection (ours)."},
      {.name = "driver", .documentation = "Accepted, without effect: the url names the database."},
      {.name = "connection.max-retry-timeout", .documentation = "Accepted, without effect."},
      {.name = "compatible-mode", .documentation = "Accepted, without effect."},
  };
}

namespace {

Status NamingTable(const Status& status, const TableDescriptor& table) {
  return InContext("table '" + table.name + "': ", status);
}

Result<PostgresTarget> PostgresServerOf(const TableDescriptor& table,
                                        const std::string& base_directory) {
  const TableOptions options(table);
  Result<PostgresTarget> target = ParseJdbcUrl(options.Text("url", ""));
  if (!target.ok()) return NamingTable(target.status(), table);
  if (auto user = options.Find("username")) target->parameters.emplace_back("user", *user);
  if (auto password = options.Find("password")) {
    target->parameters.emplace_back("password", *password);
  }
  target->password_file = options.Path("password-file", base_directory);
  return target;
}

}  // namespace

Result<JdbcServer> JdbcServerOf(const TableDescriptor& table, const std::string& base_directory) {
  const TableOptions options(table);
  const std::string url = options.Text("url", "");
  if (IsMysqlUrl(url)) {
    Result<MysqlTarget> target = ParseMysqlUrl(url);
    if (!target.ok()) return NamingTable(target.status(), table);
    target->user = options.Text("username", target->user);
    target->password = options.Text("password", target->password);
    target->password_file = options.Path("password-file", base_directory);
    return *std::move(target);
  }
  const std::string sqlite = "jdbc:sqlite:";
  if (url.starts_with(sqlite)) {
    std::string path = url.substr(sqlite.size());
    if (path.empty() || path[0] == ':') {
      return NamingTable(MakeError(ErrorCode::kInvalidArgument,
                                   {.message = "option 'url': it must name a file",
                                    .hint = "write it as jdbc:sqlite:/folder/file.db"}),
                         table);
    }
    if (path[0] != '/') path = base_directory + "/" + path;
    return SqliteTarget{.path = std::move(path)};
  }
  ASSIGN_OR_RETURN(PostgresTarget target, PostgresServerOf(table, base_directory));
  return target;
}

}  // namespace mainstem::connector

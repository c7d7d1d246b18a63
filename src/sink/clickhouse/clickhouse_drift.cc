#include "sink/clickhouse/clickhouse_drift.h"

#include "connector/secret_file.h"

namespace mainstem::sink {

Task<std::unique_ptr<ClickhouseSession>> OpenClickhouse(
    Env* env, std::shared_ptr<const ClickhouseOptions> options) {
  ClickhouseServer server = options->server;
  if (!options->password_file.empty()) {
    CO_ASSIGN_OR_RETURN(server.password,
                        co_await connector::ReadSecretFile(env, options->password_file));
  }
  co_return std::make_unique<ClickhouseSession>(std::move(server));
}

Result<ClickhouseInspection> InspectClickhouse(ClickhouseSession* session,
                                               const ClickhouseOptions& options) {
  ClickhouseInspection result;
  ASSIGN_OR_RETURN(std::optional<ClickhouseTable> found, session->Describe(options.table));
  if (!found) {
    result.differences.push_back(
        {.kind = connector::DifferenceKind::kTable,
         .problem = "ClickHouse at " + options.server.url + " has no table '" +
                    options.server.database + "." + options.table +
                    "', or this user may not see it",
         .cure = "create it: the connector does not choose an engine for you"});
    return result;
  }
  result.table = std::move(*found);
  result.differences =
      CompareClickhouseTable(result.table, *options.schema, options.key, options.place);
  return result;
}

Status EvolveClickhouse(ClickhouseSession* session, const ClickhouseOptions& options) {
  return connector::RunStatements(
      options.server.database + "." + options.table,
      [&]() -> Result<connector::Differences> {
        ASSIGN_OR_RETURN(ClickhouseInspection found, InspectClickhouse(session, options));
        return std::move(found.differences);
      },
      [&](const std::string& statement) { return session->Run(statement).status(); });
}

}  // namespace mainstem::sink

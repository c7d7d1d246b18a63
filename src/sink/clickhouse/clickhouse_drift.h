// A sink's table of ClickHouse as it is, beside what it is to be. Private to clickhouse.
#pragma once

#include <memory>

#include "core/env.h"
#include "sink/clickhouse/clickhouse_session.h"
#include "sink/clickhouse/clickhouse_writer.h"

namespace mainstem::sink {

// With the password of its file, if there is one. Connects at the first call.
Task<std::unique_ptr<ClickhouseSession>> OpenClickhouse(
    Env* env, std::shared_ptr<const ClickhouseOptions> options);

struct ClickhouseInspection {
  connector::Differences differences;
  ClickhouseTable table;  // when it is there
};
// Blocks.
Result<ClickhouseInspection> InspectClickhouse(ClickhouseSession* session,
                                               const ClickhouseOptions& options);
// Blocks. Runs the statements of the differences.
Status EvolveClickhouse(ClickhouseSession* session, const ClickhouseOptions& options);

}  // namespace mainstem::sink

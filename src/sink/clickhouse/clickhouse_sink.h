// The connector 'clickhouse' as a sink: rows by INSERTs over HTTP, exactly once in effect.
//
// ClickHouse has no transaction over two tables, and none that outlives a request. So what is sent
// twice must be the same row twice: each row carries a version, or an id, that follows from its
// place in the log, and the table's engine (ReplacingMergeTree) keeps the newest of each sorting
// key. Readers that ask with FINAL never see a row twice or an older one; without FINAL they may
// until a merge. How far a delivery has come is a row of 'mainstem_delivery', written after the
// rows.
#pragma once

#include "connector/registry.h"

namespace mainstem::sink {

connector::ConnectorSpec ClickhouseSinkConnector();

}  // namespace mainstem::sink

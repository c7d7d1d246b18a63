// The connector 'filesystem' as a sink: rows into Parquet, JSON or CSV files of a folder on the
// local disk, exactly once (file_commit.h).
#pragma once

#include "connector/registry.h"

namespace mainstem::sink {

connector::ConnectorSpec FileSinkConnector();

}  // namespace mainstem::sink

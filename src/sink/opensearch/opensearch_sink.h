// The connectors 'opensearch', 'opensearch-2', 'elasticsearch-7' and 'elasticsearch-8' as sinks:
// rows become documents, upserted and deleted by primary key or appended.
//
// Exactly once in effect. Each document carries an external version that follows from the place of
// its row in the log, so that what is sent again changes nothing and an older row never covers a
// newer one. How far the delivery has come is a document of the same cluster (search_cluster.h):
// before a group of rows is sent it says how far the group goes, afterwards that it is done. A
// writer that finds a group begun but not done sends at least that group again as one, so that the
// documents never show a state between.
#pragma once

#include <vector>

#include "connector/registry.h"

namespace mainstem::sink {

// One for each name.
std::vector<connector::ConnectorSpec> OpenSearchSinkConnectors();

}  // namespace mainstem::sink

// A table's index as it is, beside what its documents need. Blocks. Private to opensearch.
#pragma once

#include "connector/drift.h"
#include "sink/opensearch/delivery_writer.h"

namespace mainstem::sink {

// Nothing differs where the index is yet to be made, the user may not see its mapping, or its name
// depends on the row: then the documents have to tell.
Result<connector::Differences> FindIndexDifferences(SearchCluster* cluster,
                                                    const OpenSearchOptions& options);
// Adds the fields that a mapping lacks which does not take them by itself.
Status EvolveIndex(SearchCluster* cluster, const OpenSearchOptions& options);

}  // namespace mainstem::sink

// Sends records of a delivery stream to OpenSearch by _bulk, as documents of their own
// (document_request.h). Private to this folder.
#pragma once

#include <memory>

#include "sink/firehose/document_request.h"
#include "sink/opensearch/search_cluster.h"

namespace mainstem::sink {

std::unique_ptr<RecordClient> MakeDocumentClient(ClusterOptions cluster, DocumentNames names);

}  // namespace mainstem::sink

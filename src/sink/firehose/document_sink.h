// The connector 'firehose-opensearch' as a sink: rows of bytes, each a JSON object, become
// documents of OpenSearch or Elasticsearch, as Amazon Data Firehose makes them
// (document_request.h). At least once (record_sink.h), and in effect once where documents have ids:
// they follow from the row's place in the log. For columns as fields, keys and deletions there is
// 'opensearch'.
#pragma once

#include "connector/registry.h"

namespace mainstem::sink {

connector::ConnectorSpec DocumentSinkConnector();

}  // namespace mainstem::sink

// Delivers one partition into documents, in groups that are sent as one: see opensearch_sink.h.
// Private to this folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connector/drift.h"
#include "connector/options.h"
#include "connector/table.h"
#include "core/backoff.h"
#include "sink/opensearch/index_pattern.h"
#include "sink/opensearch/search_cluster.h"

namespace mainstem::sink {

// What a table's options say.
struct OpenSearchOptions {
  std::string connector;  // its name, for messages
  std::string table_name;
  ClusterOptions cluster;
  IndexPattern index;
  std::shared_ptr<arrow::Schema> schema;
  std::vector<int> key_columns;
  std::string key_delimiter;
  connector::FormatChoice format;
  connector::DriftPolicy drift = connector::DriftPolicy::kFail;
  bool is_data_stream = false;
  std::string template_file;  // empty: none
  size_t actions_max = 1000;  // of one request
  size_t bytes_max = 2u << 20;
  Duration interval{};  // 0: no limit by time
  Backoff::Bounds pauses{.first = std::chrono::milliseconds(100), .last = std::chrono::seconds(30)};
};

Result<std::unique_ptr<connector::DeliveryWriter>> MakeOpenSearchWriter(
    Env* env, std::shared_ptr<const OpenSearchOptions> options, std::string delivery_id,
    PartitionId partition);

}  // namespace mainstem::sink

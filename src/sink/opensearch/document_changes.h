// What delivered rows ask of the documents of an index: of each document the last change, with the
// version that makes it safe to send twice. Pure.
//
// A row without key makes a document of its own, whose id tells where in the log it stood: sent
// again, it is the same document.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "core/ids.h"
#include "core/status.h"
#include "format/changelog.h"
#include "sink/opensearch/index_pattern.h"

namespace mainstem::sink {

// Rows of one delivery, up to (excluding) `end`.
struct DeliveredRows {
  ChangelogBatch batch;
  Offset end;
};

struct DocumentChange {
  int64_t row = 0;  // in DocumentChanges::rows
  bool is_delete = false;
  std::string index;
  std::string id;
  int64_t version = 0;
};

struct UnnamedRow {
  int64_t row = 0;
  bool is_delete = false;
  std::string problem;
};

struct DocumentChanges {
  std::shared_ptr<arrow::RecordBatch> rows;
  std::vector<DocumentChange> changes;  // one for a document, in the order of those last changes
  std::vector<UnnamedRow> unnamed;      // of which no index or id can be made
};

struct DocumentNaming {
  std::shared_ptr<arrow::Schema> schema;
  std::vector<int> key_columns;  // empty: append only
  std::string key_delimiter;
  const IndexPattern* index = nullptr;
  // Unique in time and for each partition: versions and ids of two histories of one delivery must
  // not meet. Versions are first_version + the end of the delivery.
  int64_t first_version = 0;
  PartitionId partition;
};

Result<DocumentChanges> FoldDocuments(const DocumentNaming& naming,
                                      const std::vector<DeliveredRows>& deliveries);

}  // namespace mainstem::sink

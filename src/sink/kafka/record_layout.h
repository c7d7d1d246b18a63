// Which columns of a table go into a record's key, its value and its metadata. Pure.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connector/options.h"
#include "connector/table.h"
#include "sink/kafka/partitioner.h"

namespace mainstem::sink {

// Column numbers count the columns of a sink's rows: those of the table without virtual ones.
struct RecordLayout {
  std::string topic;
  connector::FormatChoice value_format;
  std::shared_ptr<arrow::Schema> value_schema;
  std::vector<int> value_columns;
  connector::FormatChoice key_format;  // empty: records have no key
  std::shared_ptr<arrow::Schema> key_schema;
  std::vector<int> key_columns;
  std::optional<int> timestamp_column;
  std::optional<int> headers_column;
  int column_count = 0;
  PartitionerKind partitioner = PartitionerKind::kDefault;
  bool upsert = false;        // deletes become tombstones
  bool is_changelog = false;  // the value format tells the row kind
  bool is_at_once = false;    // at least once, not with the epoch
};

enum class KafkaFlavour : uint8_t { kPlain, kUpsert };
Result<RecordLayout> MakeRecordLayout(const connector::TableDescriptor& table,
                                      KafkaFlavour flavour);

}  // namespace mainstem::sink

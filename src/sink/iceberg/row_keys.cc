#include "sink/iceberg/row_keys.h"

#include <cstring>

#include <arrow/api.h>
#include <openssl/sha.h>

#include "sink/iceberg/partition_values.h"

namespace mainstem::sink {

namespace iceberg = connector::iceberg;

namespace {

iceberg::RowKey HashOfKey(const std::string& bytes) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
  iceberg::RowKey key;
  std::memcpy(&key.high, digest, sizeof(key.high));
  std::memcpy(&key.low, digest + sizeof(key.high), sizeof(key.low));
  return key;
}

}  // namespace

Result<std::vector<iceberg::RowKey>> KeysOfRows(const arrow::RecordBatch& rows,
                                                const iceberg::Schema& table,
                                                const std::vector<std::string>& key_columns) {
  std::vector<std::pair<const iceberg::Type*, std::shared_ptr<arrow::Array>>> columns;
  for (const std::string& name : key_columns) {
    const iceberg::Field* field = table.Find(name);
    std::shared_ptr<arrow::Array> values = rows.GetColumnByName(name);
    if (field == nullptr || values == nullptr || field->type.is_nested()) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "column '" + name + "' of the PRIMARY KEY is not in the table, or no value");
    }
    columns.emplace_back(&field->type, std::move(values));
  }
  std::vector<iceberg::RowKey> keys;
  keys.reserve(static_cast<size_t>(rows.num_rows()));
  for (int64_t row = 0; row < rows.num_rows(); ++row) {
    std::string bytes;
    for (const auto& [type, values] : columns) {
      bool is_null = values->IsNull(row);
      std::string value = is_null ? "" : ValueBytes(*type, *values, row);
      // Lengths in front: two columns never look like others.
      auto length = static_cast<int64_t>(is_null ? -1 : static_cast<int64_t>(value.size()));
      bytes.append(reinterpret_cast<const char*>(&length), sizeof(length));
      bytes += value;
    }
    keys.push_back(HashOfKey(bytes));
  }
  return keys;
}

}  // namespace mainstem::sink

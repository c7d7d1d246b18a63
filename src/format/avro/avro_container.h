// Avro's container files (avro_file.h) as a whole, of rows that the caller encodes and decodes by
// itself with avro_binary.h: for formats that are built on Avro, as Iceberg's manifests. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "format/avro/avro_schema.h"

namespace mainstem::format {

struct AvroContainerHead {
  std::string schema;                           // JSON
  std::map<std::string, std::string> metadata;  // beside schema and codec
};
// `rows`: each encoded as the schema says. Compressed by deflate, which all readers know.
Result<std::string> WriteAvroContainer(const AvroContainerHead& head,
                                       const std::vector<std::string>& rows);

struct AvroContainer {
  std::shared_ptr<const AvroSchema> schema;
  struct Block {
    int64_t row_count = 0;
    std::string bytes;  // unpacked
  };
  std::vector<Block> blocks;
};
// kDecodeError for what is not a whole file.
Result<AvroContainer> ReadAvroContainer(std::string_view bytes);

}  // namespace mainstem::format

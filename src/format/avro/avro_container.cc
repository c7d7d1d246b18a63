#include "format/avro/avro_container.h"

#include <optional>

#include "core/fnv1a.h"
#include "format/avro/avro_binary.h"
#include "format/avro/avro_codec.h"
#include "format/avro/avro_file.h"

namespace mainstem::format {
namespace {

constexpr size_t kContainerBlockBytes = size_t{64} << 10;
constexpr const char* kContainerCodec = "deflate";

// The file's own, not secret.
std::string MarkerOf(const std::string& schema, const std::vector<std::string>& rows) {
  std::string marker;
  uint64_t hash = Fnv1a(schema);
  AppendAvroRaw(hash, &marker);
  for (const std::string& row : rows) hash = Fnv1a(row, hash);
  AppendAvroRaw(hash, &marker);
  return marker;
}

Status TornContainer(const std::string& problem) {
  return MakeError(ErrorCode::kDecodeError, "not a sound Avro file: " + problem);
}

}  // namespace

Result<std::string> WriteAvroContainer(const AvroContainerHead& head,
                                       const std::vector<std::string>& rows) {
  std::string marker = MarkerOf(head.schema, rows);
  std::vector<std::pair<std::string_view, std::string_view>> metadata = {
      {"avro.schema", head.schema}, {"avro.codec", kContainerCodec}};
  metadata.insert(metadata.end(), head.metadata.begin(), head.metadata.end());
  std::string bytes;
  AppendAvroFileHeader(metadata, marker, &bytes);
  std::string block;
  int64_t block_rows = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    block += rows[i];
    ++block_rows;
    if (block.size() < kContainerBlockBytes && i + 1 < rows.size()) continue;
    RETURN_IF_ERROR(AppendAvroBlock(kContainerCodec, block_rows, block, marker, &bytes));
    block.clear();
    block_rows = 0;
  }
  return bytes;
}

Result<AvroContainer> ReadAvroContainer(std::string_view bytes) {
  ASSIGN_OR_RETURN(std::optional<AvroFileHeader> header, ParseAvroFileHeader(bytes));
  if (!header) return TornContainer("its header does not end");
  Status codec = CheckAvroCodec(header->codec);
  if (!codec.ok()) return MakeError(ErrorCode::kDecodeError, TextOf(codec));
  AvroContainer container;
  ASSIGN_OR_RETURN(container.schema, AvroSchema::Parse(header->schema));
  bytes.remove_prefix(header->bytes);
  while (!bytes.empty()) {
    ASSIGN_OR_RETURN(std::optional<AvroBlockHead> head, ParseAvroBlockHead(bytes));
    if (!head || bytes.size() < head->bytes()) return TornContainer("its last block is cut off");
    std::string_view packed = bytes.substr(head->head_bytes, head->data_bytes);
    if (bytes.substr(head->head_bytes + head->data_bytes, kAvroMarkerBytes) != header->marker) {
      return TornContainer("a block does not end with the marker");
    }
    AvroContainer::Block block{.row_count = head->row_count, .bytes = {}};
    ASSIGN_OR_RETURN(block.bytes, UnpackAvroBlock(header->codec, packed, kMaxAvroUnpackedBytes));
    container.blocks.push_back(std::move(block));
    bytes.remove_prefix(head->bytes());
  }
  return container;
}

}  // namespace mainstem::format

#include "gateway/dynamodb/stored_record_format.h"

namespace mainstem::gateway::dynamodb {
namespace {

constexpr char kTableTag = 'T';
constexpr char kItemTag = 'I';
constexpr size_t kLengthBytes = 4;
// Two levels of JSON each. More than any update allows: what is in the log must be readable.
constexpr int kStoredNestingMax = aws::kStoredDepthMax / 2 - 2;

Status BrokenRecord(const char* what) {
  return MakeError(ErrorCode::kCorruptStorage,
                   {.message = "a record of DynamoDB's tables can't be read",
                    .detail = what,
                    .hint = "was something else written to __mainstem_dynamodb?"});
}

Result<std::string_view> WithoutVersion(std::string_view value) {
  if (value.empty() || static_cast<uint8_t>(value[0]) != kStoredVersion) {
    return BrokenRecord("its version is unknown");
  }
  return value.substr(1);
}

}  // namespace

std::string TableRecordKey(std::string_view table_name) {
  return std::string(1, kTableTag).append(table_name);
}

std::string ItemRecordKey(std::string_view table_id, const ItemKey& key) {
  CHECK(table_id.size() == kTableIdBytes);
  std::string out(1, kItemTag);
  out.append(table_id);
  auto length = static_cast<uint32_t>(key.partition.size());
  for (int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(length >> shift));
  return out.append(key.partition).append(key.sort);
}

std::string TableRecordValue(const TableDefinition& definition) {
  return std::string(1, static_cast<char>(kStoredVersion)) + EncodeTableDefinition(definition);
}

std::string ItemRecordValue(const Item& item) {
  auto out = aws::MakeBodyWriter(aws::BodyCodec::kJson);
  WriteItem(item, out.get());
  return std::string(1, static_cast<char>(kStoredVersion)) + out->Take();
}

Result<StoredKey> ParseRecordKey(std::string_view key) {
  StoredKey out;
  if (key.size() > 1 && key[0] == kTableTag) {
    out.table_name = key.substr(1);
    return out;
  }
  constexpr size_t kHeadBytes = 1 + kTableIdBytes + kLengthBytes;
  if (key.size() < kHeadBytes || key[0] != kItemTag) return BrokenRecord("its key is unknown");
  out.table_id = key.substr(1, kTableIdBytes);
  uint32_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length = length << 8 | static_cast<uint8_t>(key[1 + kTableIdBytes + i]);
  }
  std::string_view rest = key.substr(kHeadBytes);
  if (length > rest.size()) return BrokenRecord("its key is cut off");
  out.item = MakeItemKey(std::string(rest.substr(0, length)), std::string(rest.substr(length)));
  return out;
}

Result<TableDefinition> ParseTableRecord(std::string_view value) {
  ASSIGN_OR_RETURN(std::string_view text, WithoutVersion(value));
  return DecodeTableDefinition(text);
}

Result<Item> ParseItemRecord(std::string_view value) {
  ASSIGN_OR_RETURN(std::string_view text, WithoutVersion(value));
  auto document = aws::DecodeStoredJson(std::string(text));
  if (!document.ok()) return BrokenRecord("its item is not JSON");
  auto item = ParseItem(document->root, kStoredNestingMax);
  if (!item.ok()) return BrokenRecord("its item is none");
  return item;
}

}  // namespace mainstem::gateway::dynamodb

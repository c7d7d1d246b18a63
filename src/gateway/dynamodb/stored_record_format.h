// How tables lie in the log: records of one partition of the compacted topic "__mainstem_dynamodb".
// One batch is one change: all of it is there after a crash, or nothing.
//
//   key    'T' | table's name
//   value  version u8 = 1 | TableDefinition in JSON; none: the table was deleted
//
//   key    'I' | table's id, 36 bytes | partition key's length u32 | partition key | sort text
//   value  version u8 = 1 | the item in DynamoDB's JSON; none: the item was deleted
//
// Big-endian. Partition key and sort text are ItemKey's. A record is valid iff its key is one of
// these two and its value, if any, begins with the version and decodes. Items of tables that are
// not there belong to a deletion that a crash cut off.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/dynamodb/table.h"

namespace mainstem::gateway::dynamodb {

inline constexpr std::string_view kStoreTopic = "__mainstem_dynamodb";
inline constexpr uint8_t kStoredVersion = 1;
inline constexpr size_t kTableIdBytes = 36;

std::string TableRecordKey(std::string_view table_name);
std::string ItemRecordKey(std::string_view table_id, const ItemKey& key);
std::string TableRecordValue(const TableDefinition& definition);
std::string ItemRecordValue(const Item& item);

struct StoredKey {
  std::string table_name{};  // of a table's record
  std::string table_id{};    // of an item's
  ItemKey item{};
};
// kCorruptStorage, all three.
Result<StoredKey> ParseRecordKey(std::string_view key);
Result<TableDefinition> ParseTableRecord(std::string_view value);
Result<Item> ParseItemRecord(std::string_view value);

}  // namespace mainstem::gateway::dynamodb

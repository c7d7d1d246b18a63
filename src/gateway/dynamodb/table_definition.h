// What a table is beside its items: keys, indexes, settings. Durable as JSON. Plain values; any
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/dynamodb/attribute_value.h"

namespace mainstem::gateway::dynamodb {

struct KeyAttribute {
  std::string name;
  ValueType type = ValueType::kString;  // or kNumber, kBinary
  bool operator==(const KeyAttribute&) const = default;
};

struct KeySchema {
  KeyAttribute hash;
  std::optional<KeyAttribute> range{};
  bool operator==(const KeySchema&) const = default;
};

// Told as it was given; nothing is throttled by it.
struct Throughput {
  int64_t read = 0;
  int64_t write = 0;
  bool operator==(const Throughput&) const = default;
};

struct IndexDefinition {
  std::string name;
  KeySchema keys;
  bool global = true;
  std::string projection = "ALL";  // KEYS_ONLY, INCLUDE
  std::vector<std::string> included{};
  Throughput throughput{};
  bool operator==(const IndexDefinition&) const = default;
};

struct TableDefinition {
  std::string name;
  std::string id;  // a UUID; another one for a table of the same name made later
  int64_t created_ms = 0;
  KeySchema keys;
  std::map<std::string, ValueType> attributes{};  // AttributeDefinitions
  bool on_demand = false;
  Throughput throughput{};
  std::vector<IndexDefinition> indexes{};
  std::map<std::string, std::string> tags{};
  bool deletion_protection = false;
  std::string table_class{};  // empty: never named
  bool operator==(const TableDefinition&) const = default;

  const IndexDefinition* FindIndex(std::string_view index_name) const;
};

std::string EncodeTableDefinition(const TableDefinition& definition);
// kCorruptStorage when it is no such text.
Result<TableDefinition> DecodeTableDefinition(std::string_view text);

}  // namespace mainstem::gateway::dynamodb

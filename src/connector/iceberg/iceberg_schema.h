// Schemas of Iceberg tables: columns with ids, parsed from the JSON of table metadata and written
// back. Pure values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <simdjson.h>

#include "core/json_writer.h"
#include "core/status.h"

namespace mainstem::connector::iceberg {

enum class TypeKind : uint8_t {
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kDecimal,
  kDate,
  kTime,
  kTimestamp,
  kTimestampTz,
  kString,
  kUuid,
  kFixed,
  kBinary,
  kStruct,
  kList,
  kMap,
  kOther  // of later versions of the format: kept, never written to
};

struct Field;

struct Type {
  TypeKind kind = TypeKind::kOther;
  int32_t precision = 0;  // of a decimal
  int32_t scale = 0;
  int64_t length = 0;         // of fixed
  std::string other = {};     // kOther: its JSON
  std::vector<Field> fields;  // of a struct; list: its element; map: key and value

  bool is_nested() const {
    return kind == TypeKind::kStruct || kind == TypeKind::kList || kind == TypeKind::kMap;
  }
};

struct Field {
  int32_t id = 0;
  std::string name;
  bool required = false;
  Type type;
  // What else the JSON says (doc, defaults), as it stands.
  std::vector<std::pair<std::string, std::string>> more = {};
};

struct Schema {
  int32_t id = 0;
  std::vector<Field> fields;
  std::vector<int32_t> identifier_ids = {};  // of the columns that tell rows apart

  const Field* Find(std::string_view name) const;  // of the top level
  const Field* FindId(int32_t id) const;           // of any level
};

// "decimal(10, 2)", "struct<a: int, b: string>".
std::string TypeText(const Type& type);
bool SameType(const Type& a, const Type& b);  // ids, names of elements and `required` apart

// kCorruptStorage for what is none.
Result<Schema> ParseSchema(simdjson::dom::element json);
void WriteSchema(const Schema& schema, JsonWriter* json);
std::string SchemaText(const Schema& schema);

// That metadata is not what the format says.
Status DamagedMetadata(const std::string& what);

}  // namespace mainstem::connector::iceberg

// Avro schemas: parsed from JSON, derived from a table's columns, and written as JSON. Immutable
// once made; any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "core/status.h"

namespace mainstem::format {

enum class AvroKind : uint8_t {
  kNull,
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kBytes,
  kString,
  kRecord,
  kEnum,
  kArray,
  kMap,
  kUnion,
  kFixed
};
std::string_view ToString(AvroKind kind);

enum class AvroLogical : uint8_t {
  kNone,
  kDecimal,
  kDate,
  kTimeMillis,
  kTimeMicros,
  kTimestampMillis,
  kTimestampMicros,
  kTimestampNanos,
  kLocalTimestampMillis,
  kLocalTimestampMicros,
  kLocalTimestampNanos
};

struct AvroType;

struct AvroField {
  std::string name;
  std::vector<std::string> aliases;
  const AvroType* type = nullptr;
  bool has_default = false;
  std::string default_binary;  // the default's encoding in `type`
};

// A node of a schema. Types may contain themselves: recursion over a schema needs a bound of its
// own, that of the data it follows.
struct AvroType {
  AvroKind kind = AvroKind::kNull;
  AvroLogical logical = AvroLogical::kNone;  // one that does not fit its kind counts as none
  int precision = 0;                         // of a decimal
  int scale = 0;
  size_t fixed_bytes = 0;
  std::string name;                       // full, of records, enums and fixed
  std::vector<AvroField> fields;          // of a record
  std::vector<std::string> symbols;       // of an enum
  std::vector<const AvroType*> branches;  // of a union; of an array or map: what it holds

  // At least so many bytes encode a value. 0: a value may take none.
  int64_t least_bytes = 1;
  const AvroType& item() const { return *branches[0]; }
};

// Bounds of what a schema may be: it comes from outside.
inline constexpr size_t kMaxAvroSchemaBytes = size_t{4} << 20;
inline constexpr int kMaxAvroSchemaDepth = 64;
inline constexpr size_t kMaxAvroTypes = 20000;

class AvroSchema {
 public:
  // kDecodeError: not a schema.
  static Result<std::shared_ptr<const AvroSchema>> Parse(std::string_view json);
  const AvroType& root() const { return *root_; }

 private:
  friend class AvroSchemaParser;
  std::deque<AvroType> types_;
  const AvroType* root_ = nullptr;
};

struct AvroSchemaRules {
  // TIMESTAMP becomes timestamp-millis, as if it were an instant, and TIMESTAMP_LTZ and more
  // digits do not exist. Else local-timestamp-* and timestamp-*.
  bool legacy_timestamps = true;
};
// The schema that stands for these columns, as the dialect derives it. Unsupported for types that
// Avro has no form for.
Result<std::string> DeriveAvroSchema(const arrow::Schema& columns, const AvroSchemaRules& rules);

}  // namespace mainstem::format

// How an Iceberg table is partitioned: columns and what is done with their values (transforms).
// Parsed from metadata, from the texts people write, and written as JSON. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "connector/iceberg/iceberg_schema.h"

namespace mainstem::connector::iceberg {

enum class TransformKind : uint8_t {
  kIdentity,
  kBucket,
  kTruncate,
  kYear,
  kMonth,
  kDay,
  kHour,
  kVoid,
  kOther  // not known: nothing can be written into such a partition
};

struct Transform {
  TransformKind kind = TransformKind::kIdentity;
  int32_t width = 0;       // of bucket and truncate
  std::string other = {};  // kOther: its name
  bool operator==(const Transform&) const = default;
};
// "bucket[16]", "day".
std::string TransformText(const Transform& transform);
Transform ParseTransform(std::string_view text);
// Of the values that come out. kInvalidArgument when it does not work on the type.
Result<Type> TransformResult(const Transform& transform, const Type& source);

struct PartitionField {
  int32_t source_id = 0;
  int32_t id = 0;  // from 1000 on
  std::string name;
  Transform transform;
};

struct PartitionSpec {
  int32_t id = 0;
  std::vector<PartitionField> fields = {};
};

Result<PartitionSpec> ParsePartitionSpec(simdjson::dom::element json);
void WritePartitionFields(const PartitionSpec& spec, JsonWriter* json);  // the array alone
void WritePartitionSpec(const PartitionSpec& spec, JsonWriter* json);

// A column with a transform, as people write it: "day(at)", "bucket(16, id)", "truncate(4, name)",
// "name".
struct PartitionTerm {
  std::string column;
  Transform transform;
};
// Terms with commas between. kInvalidArgument, naming the term, for what is none.
Result<std::vector<PartitionTerm>> ParsePartitionTerms(std::string_view text);
// The spec of these terms, with names as other engines give them: "at_day", "id_bucket", "name".
// kInvalidArgument: a column is missing, or its type does not go with the transform.
Result<PartitionSpec> MakePartitionSpec(const std::vector<PartitionTerm>& terms,
                                        const Schema& schema);
// "day(at), name": for messages.
std::string PartitionText(const PartitionSpec& spec, const Schema& schema);

}  // namespace mainstem::connector::iceberg

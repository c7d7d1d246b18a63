#include "connector/iceberg/manifest_format.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include "format/avro/avro_binary.h"
#include "format/avro/avro_container.h"

namespace mainstem::connector::iceberg {

std::string AvroName(const std::string& name) {
  std::string result;
  for (char c : name) {
    bool is_good = absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_' ||
                   (!result.empty() && absl::ascii_isdigit(static_cast<unsigned char>(c)));
    if (is_good) {
      result.push_back(c);
    } else if (absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      result += std::string("_") + c;
    } else {
      result += fmt::format("_x{:X}", static_cast<unsigned char>(c));
    }
  }
  return result;
}

namespace {

using format::AppendAvroBytes;
using format::AppendAvroLong;
using format::AvroInput;
using format::AvroKind;
using format::AvroType;

// ---- schemas

constexpr std::string_view kListFields =
    R"({"type":"record","name":"manifest_file","fields":[)"
    R"({"name":"manifest_path","type":"string","field-id":500},)"
    R"({"name":"manifest_length","type":"long","field-id":501},)"
    R"({"name":"partition_spec_id","type":"int","field-id":502},)"
    R"({"name":"content","type":"int","field-id":517},)"
    R"({"name":"sequence_number","type":"long","field-id":515},)"
    R"({"name":"min_sequence_number","type":"long","field-id":516},)"
    R"({"name":"added_snapshot_id","type":"long","field-id":503},)"
    R"({"name":"added_files_count","type":"int","field-id":504},)"
    R"({"name":"existing_files_count","type":"int","field-id":505},)"
    R"({"name":"deleted_files_count","type":"int","field-id":506},)"
    R"({"name":"added_rows_count","type":"long","field-id":512},)"
    R"({"name":"existing_rows_count","type":"long","field-id":513},)"
    R"({"name":"deleted_rows_count","type":"long","field-id":514},)"
    R"({"name":"partitions","type":["null",{"type":"array","items":{"type":"record","name":"r508",)"
    R"("fields":[{"name":"contains_null","type":"boolean","field-id":509},)"
    R"({"name":"contains_nan","type":["null","boolean"],"default":null,"field-id":518},)"
    R"({"name":"lower_bound","type":["null","bytes"],"default":null,"field-id":510},)"
    R"({"name":"upper_bound","type":["null","bytes"],"default":null,"field-id":511}]},)"
    R"("element-id":508}],"default":null,"field-id":507},)"
    R"({"name":"key_metadata","type":["null","bytes"],"default":null,"field-id":519})";
constexpr std::string_view kListFieldsOf3 =
    R"(,{"name":"first_row_id","type":["null","long"],"default":null,"field-id":520})";
constexpr std::string_view kFileFieldsOf3 =
    R"(,{"name":"first_row_id","type":["null","long"],"default":null,"field-id":142},)"
    R"({"name":"content_offset","type":["null","long"],"default":null,"field-id":144},)"
    R"({"name":"content_size_in_bytes","type":["null","long"],"default":null,"field-id":145})";

std::string CountsSchema(std::string_view name, int id, int key, int value,
                         std::string_view value_type) {
  return fmt::format(
      R"({{"name":"{}","type":["null",{{"type":"array","items":{{"type":"record","name":"k{}_v{}",)"
      R"("fields":[{{"name":"key","type":"int","field-id":{}}},)"
      R"({{"name":"value","type":"{}","field-id":{}}}]}},"logicalType":"map"}}],)"
      R"("default":null,"field-id":{}}},)",
      name, key, value, key, value_type, value, id);
}

std::string PartitionTypeText(const Type& type, int32_t field_id) {
  switch (type.kind) {
    case TypeKind::kBoolean: return "\"boolean\"";
    case TypeKind::kInt: return "\"int\"";
    case TypeKind::kLong: return "\"long\"";
    case TypeKind::kFloat: return "\"float\"";
    case TypeKind::kDouble: return "\"double\"";
    case TypeKind::kString: return "\"string\"";
    case TypeKind::kDate: return R"({"type":"int","logicalType":"date"})";
    case TypeKind::kTime: return R"({"type":"long","logicalType":"time-micros"})";
    case TypeKind::kTimestamp:
      return R"({"type":"long","logicalType":"timestamp-micros","adjust-to-utc":false})";
    case TypeKind::kTimestampTz:
      return R"({"type":"long","logicalType":"timestamp-micros","adjust-to-utc":true})";
    case TypeKind::kDecimal:
      return fmt::format(R"({{"type":"fixed","name":"decimal_f{}","size":{},)"
                         R"("logicalType":"decimal","precision":{},"scale":{}}})",
                         field_id, DecimalBytes(type.precision), type.precision, type.scale);
    case TypeKind::kUuid:
      return fmt::format(R"({{"type":"fixed","name":"uuid_f{}","size":16,"logicalType":"uuid"}})",
                         field_id);
    case TypeKind::kFixed:
      return fmt::format(R"({{"type":"fixed","name":"fixed_f{}","size":{}}})", field_id,
                         type.length);
    default: return "\"bytes\"";
  }
}

std::string ManifestSchemaText(const PartitionSpec& spec, const std::vector<Type>& types,
                               int64_t format_version) {
  std::string partition;
  for (size_t i = 0; i < spec.fields.size(); ++i) {
    const PartitionField& field = spec.fields[i];
    if (i > 0) partition += ",";
    partition += fmt::format(R"({{"name":"{}","type":["null",{}],"default":null,"field-id":{}}})",
                             AvroName(field.name), PartitionTypeText(types[i], field.id), field.id);
  }
  std::string text =
      R"({"type":"record","name":"manifest_entry","fields":[)"
      R"({"name":"status","type":"int","field-id":0},)"
      R"({"name":"snapshot_id","type":["null","long"],"default":null,"field-id":1},)"
      R"({"name":"sequence_number","type":["null","long"],"default":null,"field-id":3},)"
      R"({"name":"file_sequence_number","type":["null","long"],"default":null,"field-id":4},)"
      R"({"name":"data_file","type":{"type":"record","name":"r2","fields":[)"
      R"({"name":"content","type":"int","field-id":134},)"
      R"({"name":"file_path","type":"string","field-id":100},)"
      R"({"name":"file_format","type":"string","field-id":101},)"
      R"({"name":"partition","type":{"type":"record","name":"r102","fields":[)";
  text += partition;
  text += R"(]},"field-id":102},)"
          R"({"name":"record_count","type":"long","field-id":103},)"
          R"({"name":"file_size_in_bytes","type":"long","field-id":104},)";
  text += CountsSchema("column_sizes", 108, 117, 118, "long");
  text += CountsSchema("value_counts", 109, 119, 120, "long");
  text += CountsSchema("null_value_counts", 110, 121, 122, "long");
  text += CountsSchema("nan_value_counts", 137, 138, 139, "long");
  text += CountsSchema("lower_bounds", 125, 126, 127, "bytes");
  text += CountsSchema("upper_bounds", 128, 129, 130, "bytes");
  text +=
      R"({"name":"key_metadata","type":["null","bytes"],"default":null,"field-id":131},)"
      R"({"name":"split_offsets","type":["null",{"type":"array","items":"long","element-id":133}],)"
      R"("default":null,"field-id":132},)"
      R"({"name":"equality_ids","type":["null",{"type":"array","items":"int","element-id":136}],)"
      R"("default":null,"field-id":135},)"
      R"({"name":"sort_order_id","type":["null","int"],"default":null,"field-id":140},)"
      R"({"name":"referenced_data_file","type":["null","string"],"default":null,"field-id":143})";
  if (format_version >= 3) text += kFileFieldsOf3;
  text += R"(]},"field-id":2}]})";
  return text;
}

// ---- encoding

void AppendNull(std::string* out) { AppendAvroLong(0, out); }
void AppendSome(std::string* out) { AppendAvroLong(1, out); }

void AppendOptionalBytes(const std::optional<std::string>& value, std::string* out) {
  if (!value) return AppendNull(out);
  AppendSome(out);
  AppendAvroBytes(*value, out);
}

template <typename T, typename Append>
void AppendMap(const std::map<int32_t, T>& map, Append append, std::string* out) {
  if (map.empty()) return AppendNull(out);
  AppendSome(out);
  AppendAvroLong(static_cast<int64_t>(map.size()), out);
  for (const auto& [key, value] : map) {
    AppendAvroLong(key, out);
    append(value, out);
  }
  AppendAvroLong(0, out);
}

int64_t LittleEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size() && i < 8; ++i) {
    value |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  if (bytes.size() == 4) return static_cast<int32_t>(static_cast<uint32_t>(value));
  return static_cast<int64_t>(value);
}

void AppendPartitionValue(const Type& type, const std::optional<std::string>& value,
                          std::string* out) {
  if (!value) return AppendNull(out);
  AppendSome(out);
  switch (type.kind) {
    case TypeKind::kInt:
    case TypeKind::kDate:
    case TypeKind::kLong:
    case TypeKind::kTime:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampTz: AppendAvroLong(LittleEndian(*value), out); return;
    case TypeKind::kBoolean:
    case TypeKind::kFloat:
    case TypeKind::kDouble:
    case TypeKind::kUuid:
    case TypeKind::kFixed: out->append(*value); return;
    case TypeKind::kDecimal: {
      auto size = static_cast<size_t>(DecimalBytes(type.precision));
      bool is_negative = !value->empty() && (value->front() & 0x80) != 0;
      CHECK(value->size() <= size);
      out->append(size - value->size(), is_negative ? '\xff' : '\0');
      out->append(*value);
      return;
    }
    default: AppendAvroBytes(*value, out); return;
  }
}

void AppendOptionalLong(const std::optional<int64_t>& value, std::string* out) {
  if (!value) return AppendNull(out);
  AppendSome(out);
  AppendAvroLong(*value, out);
}

template <typename T>
void AppendLongs(const std::vector<T>& values, std::string* out) {
  if (values.empty()) return AppendNull(out);
  AppendSome(out);
  AppendAvroLong(static_cast<int64_t>(values.size()), out);
  for (T value : values) AppendAvroLong(value, out);
  AppendAvroLong(0, out);
}

std::string EncodeRow(const std::vector<Type>& types, const ManifestRow& row,
                      int64_t format_version) {
  const DataFile& file = row.file;
  std::string out;
  AppendAvroLong(static_cast<int64_t>(row.status), &out);
  AppendOptionalLong(row.snapshot_id, &out);
  bool is_new = row.status == ManifestStatus::kAdded;
  AppendOptionalLong(is_new ? std::nullopt : row.sequence_number, &out);
  AppendOptionalLong(is_new ? std::nullopt : row.file_sequence_number, &out);
  AppendAvroLong(file.content, &out);
  AppendAvroBytes(file.path, &out);
  AppendAvroBytes(file.format, &out);
  for (size_t i = 0; i < types.size(); ++i) AppendPartitionValue(types[i], file.partition[i], &out);
  AppendAvroLong(file.record_count, &out);
  AppendAvroLong(file.size_bytes, &out);
  auto append_long = [](int64_t value, std::string* to) { AppendAvroLong(value, to); };
  auto append_bytes = [](const std::string& value, std::string* to) { AppendAvroBytes(value, to); };
  AppendMap(file.column_sizes, append_long, &out);
  AppendMap(file.value_counts, append_long, &out);
  AppendMap(file.null_counts, append_long, &out);
  AppendMap(file.nan_counts, append_long, &out);
  AppendMap(file.lower_bounds, append_bytes, &out);
  AppendMap(file.upper_bounds, append_bytes, &out);
  AppendOptionalBytes(file.key_metadata, &out);
  AppendLongs(file.split_offsets, &out);
  AppendLongs(file.equality_ids, &out);
  AppendOptionalLong(file.sort_order_id, &out);
  AppendOptionalBytes(file.referenced_file, &out);
  if (format_version < 3) return out;
  AppendOptionalLong(file.first_row_id, &out);
  AppendOptionalLong(file.content_offset, &out);
  AppendOptionalLong(file.content_size, &out);
  return out;
}

std::string EncodeListEntry(const ManifestEntry& entry, int64_t format_version) {
  std::string out;
  AppendAvroBytes(entry.path, &out);
  for (int64_t number :
       {entry.length, int64_t{entry.spec_id}, int64_t{entry.content}, entry.sequence_number,
        entry.min_sequence_number, entry.added_snapshot_id, int64_t{entry.added_files},
        int64_t{entry.existing_files}, int64_t{entry.deleted_files}, entry.added_rows,
        entry.existing_rows, entry.deleted_rows}) {
    AppendAvroLong(number, &out);
  }
  AppendSome(&out);
  if (!entry.partitions.empty()) {
    AppendAvroLong(static_cast<int64_t>(entry.partitions.size()), &out);
    for (const PartitionSummary& summary : entry.partitions) {
      out.push_back(summary.contains_null ? '\1' : '\0');
      if (summary.contains_nan) {
        AppendSome(&out);
        out.push_back(*summary.contains_nan ? '\1' : '\0');
      } else {
        AppendNull(&out);
      }
      AppendOptionalBytes(summary.lower, &out);
      AppendOptionalBytes(summary.upper, &out);
    }
  }
  AppendAvroLong(0, &out);
  AppendOptionalBytes(entry.key_metadata, &out);
  if (format_version >= 3) AppendOptionalLong(entry.first_row_id, &out);
  return out;
}

template <typename T>
T Raw(std::string_view bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), std::min(sizeof(value), bytes.size()));
  return value;
}

template <typename T>
int Order(T a, T b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

// Two's complement, big-endian, of any lengths.
int CompareDecimals(std::string_view a, std::string_view b) {
  auto negative = [](std::string_view v) { return !v.empty() && (v.front() & 0x80) != 0; };
  if (negative(a) != negative(b)) return negative(a) ? -1 : 1;
  size_t size = std::max(a.size(), b.size());
  char fill = negative(a) ? '\xff' : '\0';
  std::string left = std::string(size - a.size(), fill) + std::string(a);
  std::string right = std::string(size - b.size(), fill) + std::string(b);
  return std::memcmp(left.data(), right.data(), size);
}

bool IsNan(const Type& type, std::string_view bytes) {
  if (type.kind == TypeKind::kFloat) return std::isnan(Raw<float>(bytes));
  return type.kind == TypeKind::kDouble && std::isnan(Raw<double>(bytes));
}

}  // namespace

Result<std::vector<Type>> PartitionTypes(const Schema& schema, const PartitionSpec& spec) {
  std::vector<Type> types;
  for (const PartitionField& field : spec.fields) {
    const Field* source = schema.FindId(field.source_id);
    if (source == nullptr) {
      return DamagedMetadata("the partition '" + field.name + "' is of a column that is not there");
    }
    ASSIGN_OR_RETURN(Type type, TransformResult(field.transform, source->type));
    types.push_back(std::move(type));
  }
  return types;
}

int DecimalBytes(int32_t precision) {
  // log2(10) bits a digit, and one for the sign.
  return static_cast<int>(std::ceil((precision * std::log2(10.0) + 1) / 8));
}

int CompareValues(const Type& type, std::string_view a, std::string_view b) {
  switch (type.kind) {
    case TypeKind::kInt:
    case TypeKind::kDate:
    case TypeKind::kLong:
    case TypeKind::kTime:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampTz: return Order(LittleEndian(a), LittleEndian(b));
    case TypeKind::kFloat: return Order(Raw<float>(a), Raw<float>(b));
    case TypeKind::kDouble: return Order(Raw<double>(a), Raw<double>(b));
    case TypeKind::kDecimal: return CompareDecimals(a, b);
    default: return a.compare(b);
  }
}

std::vector<ManifestRow> AddedRows(int64_t snapshot_id, const std::vector<DataFile>& files) {
  std::vector<ManifestRow> rows;
  for (const DataFile& file : files) {
    rows.push_back({.status = ManifestStatus::kAdded, .snapshot_id = snapshot_id, .file = file});
  }
  return rows;
}

Result<std::string> WriteManifest(const Schema& schema, const PartitionSpec& spec,
                                  const std::vector<ManifestRow>& rows, int64_t format_version) {
  ASSIGN_OR_RETURN(std::vector<Type> types, PartitionTypes(schema, spec));
  bool has_deletes = !rows.empty() && rows.front().file.content != 0;
  JsonWriter fields;
  WritePartitionFields(spec, &fields);
  format::AvroContainerHead head;
  head.schema = ManifestSchemaText(spec, types, format_version);
  head.metadata = {{"schema", SchemaText(schema)},
                   {"schema-id", std::to_string(schema.id)},
                   {"partition-spec", fields.Take()},
                   {"partition-spec-id", std::to_string(spec.id)},
                   {"format-version", std::to_string(format_version)},
                   {"content", has_deletes ? "deletes" : "data"}};
  std::vector<std::string> encoded;
  for (const ManifestRow& row : rows) encoded.push_back(EncodeRow(types, row, format_version));
  return format::WriteAvroContainer(head, encoded);
}

namespace {

void CountRow(const ManifestRow& row, ManifestEntry* entry) {
  switch (row.status) {
    case ManifestStatus::kAdded:
      ++entry->added_files;
      entry->added_rows += row.file.record_count;
      return;
    case ManifestStatus::kExisting: {
      ++entry->existing_files;
      entry->existing_rows += row.file.record_count;
      int64_t number = row.sequence_number.value_or(0);
      bool is_first = entry->existing_files == 1;
      if (is_first || number < entry->min_sequence_number) entry->min_sequence_number = number;
      return;
    }
    case ManifestStatus::kDeleted:
      ++entry->deleted_files;
      entry->deleted_rows += row.file.record_count;
      return;
  }
}

void AddToSummary(const Type& type, const std::optional<std::string>& value,
                  PartitionSummary* summary) {
  if (!summary->contains_nan) summary->contains_nan = false;
  if (!value) {
    summary->contains_null = true;
  } else if (IsNan(type, *value)) {
    summary->contains_nan = true;
  } else {
    if (!summary->lower || CompareValues(type, *value, *summary->lower) < 0) {
      summary->lower = value;
    }
    if (!summary->upper || CompareValues(type, *value, *summary->upper) > 0) {
      summary->upper = value;
    }
  }
}

}  // namespace

Result<ManifestEntry> SummarizeManifest(const Schema& schema, const PartitionSpec& spec,
                                        int64_t snapshot_id, const std::vector<ManifestRow>& rows) {
  ASSIGN_OR_RETURN(std::vector<Type> types, PartitionTypes(schema, spec));
  ManifestEntry entry;
  entry.spec_id = spec.id;
  entry.content = !rows.empty() && rows.front().file.content != 0 ? 1 : 0;
  entry.added_snapshot_id = snapshot_id;
  entry.partitions.resize(types.size());
  for (const ManifestRow& row : rows) {
    CountRow(row, &entry);
    for (size_t i = 0; i < types.size(); ++i) {
      AddToSummary(types[i], row.file.partition[i], &entry.partitions[i]);
    }
  }
  return entry;
}

Result<std::string> WriteManifestList(const Snapshot& snapshot,
                                      const std::vector<ManifestEntry>& entries,
                                      int64_t format_version) {
  format::AvroContainerHead head;
  head.schema = kListFields;
  if (format_version >= 3) head.schema += kListFieldsOf3;
  head.schema += "]}";
  head.metadata = {
      {"snapshot-id", std::to_string(snapshot.id)},
      {"parent-snapshot-id", snapshot.parent_id ? std::to_string(*snapshot.parent_id) : "null"},
      {"sequence-number", std::to_string(snapshot.sequence_number)},
      {"format-version", std::to_string(format_version)}};
  std::vector<std::string> rows;
  for (const ManifestEntry& entry : entries) rows.push_back(EncodeListEntry(entry, format_version));
  return format::WriteAvroContainer(head, rows);
}

}  // namespace mainstem::connector::iceberg

// The reading half of manifest_format.h.
#include <algorithm>
#include <functional>

#include "connector/iceberg/manifest_format.h"
#include "format/avro/avro_binary.h"
#include "format/avro/avro_container.h"

namespace mainstem::connector::iceberg {
namespace {

using format::AvroInput;
using format::AvroKind;
using format::AvroType;

// Reads a field's value, or returns false without having read anything: it is passed over then.
using FieldReader = std::function<bool(const std::string& name, const AvroType& type)>;

bool ReadFields(const AvroType& record, AvroInput* input, const FieldReader& read) {
  for (const format::AvroField& field : record.fields) {
    const AvroType* type = field.type;
    if (type->kind == AvroKind::kUnion) {
      size_t branch = 0;
      if (!input->Choice(type->branches.size(), &branch)) return false;
      type = type->branches[branch];
      if (type->kind == AvroKind::kNull) continue;
    }
    if (!read(field.name, *type) && !input->failed()) input->Skip(*type, 0);
    if (input->failed()) return false;
  }
  return true;
}

bool ReadNumber(const AvroType& type, AvroInput* input, int64_t* value) {
  if (type.kind != AvroKind::kInt && type.kind != AvroKind::kLong) return false;
  return input->Long(value);
}

bool ReadBytes(const AvroType& type, AvroInput* input, std::optional<std::string>* value) {
  std::string_view bytes;
  if (type.kind != AvroKind::kBytes && type.kind != AvroKind::kString) return false;
  if (!input->Bytes(&bytes)) return false;
  *value = std::string(bytes);
  return true;
}

bool ReadOptional(const AvroType& type, AvroInput* input, std::optional<int64_t>* value) {
  int64_t number = 0;
  if (!ReadNumber(type, input, &number)) return false;
  *value = number;
  return true;
}

bool ReadSummaries(const AvroType& array, AvroInput* input,
                   std::vector<PartitionSummary>* summaries) {
  const AvroType& record = array.item();
  for (;;) {
    int64_t count = 0;
    if (!input->BlockCount(record.least_bytes, &count)) return false;
    if (count == 0) return true;
    for (int64_t i = 0; i < count; ++i) {
      PartitionSummary summary;
      bool flag = false;
      bool good = ReadFields(record, input, [&](const std::string& name, const AvroType& type) {
        if (name == "contains_null") return input->Boolean(&summary.contains_null);
        if (name == "contains_nan") {
          if (!input->Boolean(&flag)) return false;
          summary.contains_nan = flag;
          return true;
        }
        if (name == "lower_bound") return ReadBytes(type, input, &summary.lower);
        if (name == "upper_bound") return ReadBytes(type, input, &summary.upper);
        return false;
      });
      if (!good) return false;
      summaries->push_back(std::move(summary));
    }
  }
}

bool ReadListEntry(const AvroType& record, AvroInput* input, ManifestEntry* entry) {
  std::optional<std::string> path;
  auto read_int = [&](const AvroType& type, int32_t* into) {
    int64_t value = 0;
    if (!ReadNumber(type, input, &value)) return false;
    *into = static_cast<int32_t>(value);
    return true;
  };
  bool good = ReadFields(record, input, [&](const std::string& name, const AvroType& type) {
    if (name == "manifest_path") return ReadBytes(type, input, &path);
    if (name == "manifest_length") return ReadNumber(type, input, &entry->length);
    if (name == "partition_spec_id") return read_int(type, &entry->spec_id);
    if (name == "content") return read_int(type, &entry->content);
    if (name == "sequence_number") return ReadNumber(type, input, &entry->sequence_number);
    if (name == "min_sequence_number") return ReadNumber(type, input, &entry->min_sequence_number);
    if (name == "added_snapshot_id") return ReadNumber(type, input, &entry->added_snapshot_id);
    // Older writers have "data" in these names.
    if (name == "added_files_count" || name == "added_data_files_count") {
      return read_int(type, &entry->added_files);
    }
    if (name == "existing_files_count" || name == "existing_data_files_count") {
      return read_int(type, &entry->existing_files);
    }
    if (name == "deleted_files_count" || name == "deleted_data_files_count") {
      return read_int(type, &entry->deleted_files);
    }
    if (name == "added_rows_count") return ReadNumber(type, input, &entry->added_rows);
    if (name == "existing_rows_count") return ReadNumber(type, input, &entry->existing_rows);
    if (name == "deleted_rows_count") return ReadNumber(type, input, &entry->deleted_rows);
    if (name == "partitions" && type.kind == AvroKind::kArray &&
        type.item().kind == AvroKind::kRecord) {
      return ReadSummaries(type, input, &entry->partitions);
    }
    if (name == "key_metadata") return ReadBytes(type, input, &entry->key_metadata);
    if (name == "first_row_id") return ReadOptional(type, input, &entry->first_row_id);
    return false;
  });
  if (!good) return false;
  if (!path) return input->Fail("a manifest has no path");
  entry->path = std::move(*path);
  return true;
}

// The items of an array, each read by `read`.
bool ReadItems(const AvroType& array, AvroInput* input, const std::function<bool()>& read) {
  for (;;) {
    int64_t count = 0;
    if (!input->BlockCount(array.item().least_bytes, &count)) return false;
    if (count == 0) return true;
    for (int64_t i = 0; i < count; ++i) {
      if (!read()) return false;
    }
  }
}

template <typename T>
bool ReadNumbers(const AvroType& type, AvroInput* input, std::vector<T>* values) {
  if (type.kind != AvroKind::kArray) return false;
  return ReadItems(type, input, [&] {
    int64_t value = 0;
    if (!ReadNumber(type.item(), input, &value)) return input->Fail("a list is not of numbers");
    values->push_back(static_cast<T>(value));
    return true;
  });
}

// A map by column id, which is an array of records of key and value.
bool ReadById(const AvroType& type, AvroInput* input,
              const std::function<bool(int32_t, const AvroType&)>& read_value) {
  bool is_map = type.kind == AvroKind::kArray && type.item().kind == AvroKind::kRecord &&
                type.item().fields.size() == 2;
  if (!is_map) return false;
  return ReadItems(type, input, [&] {
    int64_t key = 0;
    bool has_value = true;
    bool good = ReadFields(type.item(), input, [&](const std::string& name, const AvroType& part) {
      if (name == "key") return ReadNumber(part, input, &key);
      if (name != "value") return false;
      has_value = read_value(static_cast<int32_t>(key), part);
      return has_value;
    });
    return good && has_value;
  });
}

bool ReadCounts(const AvroType& type, AvroInput* input, std::map<int32_t, int64_t>* counts) {
  return ReadById(type, input, [&](int32_t id, const AvroType& value) {
    return ReadNumber(value, input, &(*counts)[id]);
  });
}

bool ReadBounds(const AvroType& type, AvroInput* input, std::map<int32_t, std::string>* bounds) {
  return ReadById(type, input, [&](int32_t id, const AvroType& value) {
    std::optional<std::string> bytes;
    if (!ReadBytes(value, input, &bytes)) return false;
    (*bounds)[id] = std::move(*bytes);
    return true;
  });
}

std::string LittleEndianBytes(int64_t value, size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
  return bytes;
}

// Without the bytes in front that only repeat the sign.
std::string ShortestDecimal(std::string_view bytes) {
  while (bytes.size() > 1) {
    bool next_is_negative = (bytes[1] & 0x80) != 0;
    if (bytes[0] != (next_is_negative ? '\xff' : '\0')) break;
    bytes.remove_prefix(1);
  }
  return std::string(bytes);
}

// A partition's value, of the kind in which Avro has it, in the form of bounds.
bool ReadPartitionValue(const Type& type, const AvroType& stored, AvroInput* input,
                        std::optional<std::string>* value) {
  std::string_view bytes;
  int64_t number = 0;
  bool flag = false;
  switch (stored.kind) {
    case AvroKind::kBoolean:
      if (!input->Boolean(&flag)) return false;
      *value = std::string(1, flag ? '\1' : '\0');
      return true;
    case AvroKind::kInt:
    case AvroKind::kLong: {
      if (!input->Long(&number)) return false;
      bool is_short = type.kind == TypeKind::kInt || type.kind == TypeKind::kDate;
      *value = LittleEndianBytes(number, is_short ? 4 : 8);
      return true;
    }
    case AvroKind::kFloat:
    case AvroKind::kDouble:
      if (!input->Fixed(stored.kind == AvroKind::kFloat ? 4 : 8, &bytes)) return false;
      *value = std::string(bytes);
      return true;
    case AvroKind::kFixed:
    case AvroKind::kBytes:
    case AvroKind::kString: {
      bool is_fixed = stored.kind == AvroKind::kFixed;
      if (is_fixed ? !input->Fixed(stored.fixed_bytes, &bytes) : !input->Bytes(&bytes)) {
        return false;
      }
      bool is_decimal = type.kind == TypeKind::kDecimal;
      *value = is_decimal ? ShortestDecimal(bytes) : std::string(bytes);
      return true;
    }
    default: return input->Fail("a partition's value is of a kind that is not known");
  }
}

struct PartitionNames {
  std::vector<std::string> names;  // as Avro has them
  std::vector<Type> types;
};

bool ReadPartition(const PartitionNames& partition, const AvroType& record, AvroInput* input,
                   PartitionTuple* tuple) {
  if (record.kind != AvroKind::kRecord) return false;
  if (record.fields.size() != partition.names.size()) {
    return input->Fail("its partitions are not those of its spec");
  }
  tuple->resize(partition.names.size());
  return ReadFields(record, input, [&](const std::string& name, const AvroType& type) {
    auto found = std::find(partition.names.begin(), partition.names.end(), name);
    if (found == partition.names.end()) {
      return input->Fail("its partition '" + name + "' is not of its spec");
    }
    size_t index = static_cast<size_t>(found - partition.names.begin());
    return ReadPartitionValue(partition.types[index], type, input, &(*tuple)[index]);
  });
}

bool ReadDataFile(const PartitionNames* partition, const AvroType& record, AvroInput* input,
                  DataFile* file) {
  std::optional<std::string> path, format;
  file->sort_order_id.reset();
  bool good = ReadFields(record, input, [&](const std::string& name, const AvroType& type) {
    int64_t number = 0;
    if (name == "content") {
      if (!ReadNumber(type, input, &number)) return false;
      file->content = static_cast<int32_t>(number);
      return true;
    }
    if (name == "file_path") return ReadBytes(type, input, &path);
    if (name == "file_format") return ReadBytes(type, input, &format);
    if (name == "partition") {
      return partition != nullptr && ReadPartition(*partition, type, input, &file->partition);
    }
    if (name == "record_count") return ReadNumber(type, input, &file->record_count);
    if (name == "file_size_in_bytes") return ReadNumber(type, input, &file->size_bytes);
    if (name == "column_sizes") return ReadCounts(type, input, &file->column_sizes);
    if (name == "value_counts") return ReadCounts(type, input, &file->value_counts);
    if (name == "null_value_counts") return ReadCounts(type, input, &file->null_counts);
    if (name == "nan_value_counts") return ReadCounts(type, input, &file->nan_counts);
    if (name == "lower_bounds") return ReadBounds(type, input, &file->lower_bounds);
    if (name == "upper_bounds") return ReadBounds(type, input, &file->upper_bounds);
    if (name == "key_metadata") return ReadBytes(type, input, &file->key_metadata);
    if (name == "split_offsets") return ReadNumbers(type, input, &file->split_offsets);
    if (name == "equality_ids") return ReadNumbers(type, input, &file->equality_ids);
    if (name == "referenced_data_file") return ReadBytes(type, input, &file->referenced_file);
    if (name == "first_row_id") return ReadOptional(type, input, &file->first_row_id);
    if (name == "content_offset") return ReadOptional(type, input, &file->content_offset);
    if (name == "content_size_in_bytes") return ReadOptional(type, input, &file->content_size);
    if (name != "sort_order_id" || !ReadNumber(type, input, &number)) return false;
    file->sort_order_id = static_cast<int32_t>(number);
    return true;
  });
  if (!good) return false;
  bool has_partition = partition == nullptr || file->partition.size() == partition->names.size();
  if (!path || !has_partition) return input->Fail("a file has no path or no partition");
  file->path = std::move(*path);
  if (format) file->format = std::move(*format);
  return true;
}

bool ReadRow(const PartitionNames* partition, const AvroType& record, AvroInput* input,
             const ManifestEntry& entry, ManifestRow* row) {
  std::optional<int64_t> snapshot_id;
  int64_t status = 0, number = 0;
  bool has_file = false;
  bool good = ReadFields(record, input, [&](const std::string& name, const AvroType& type) {
    if (name == "status") return ReadNumber(type, input, &status);
    if (name == "data_file" && type.kind == AvroKind::kRecord) {
      has_file = ReadDataFile(partition, type, input, &row->file);
      return has_file;
    }
    std::optional<int64_t>* into = name == "snapshot_id"            ? &snapshot_id
                                   : name == "sequence_number"      ? &row->sequence_number
                                   : name == "file_sequence_number" ? &row->file_sequence_number
                                                                    : nullptr;
    if (into == nullptr || !ReadNumber(type, input, &number)) return false;
    *into = number;
    return true;
  });
  if (!good) return false;
  if (!has_file || status < 0 || status > 2) return input->Fail("a row is about no file");
  row->status = static_cast<ManifestStatus>(status);
  row->snapshot_id = snapshot_id.value_or(entry.added_snapshot_id);
  if (row->status == ManifestStatus::kAdded) {
    if (!row->sequence_number) row->sequence_number = entry.sequence_number;
    if (!row->file_sequence_number) row->file_sequence_number = entry.sequence_number;
  }
  return true;
}

}  // namespace

Result<std::vector<ManifestEntry>> ReadManifestList(std::string_view bytes) {
  Result<format::AvroContainer> container = format::ReadAvroContainer(bytes);
  if (!container.ok()) return DamagedMetadata(TextOf(container.status()).message);
  const AvroType& record = container->schema->root();
  if (record.kind != AvroKind::kRecord) return DamagedMetadata("a manifest list has no rows");
  std::vector<ManifestEntry> entries;
  for (const format::AvroContainer::Block& block : container->blocks) {
    AvroInput input(block.bytes);
    for (int64_t row = 0; row < block.row_count; ++row) {
      ManifestEntry entry;
      if (!ReadListEntry(record, &input, &entry)) {
        return DamagedMetadata("a manifest list: " + input.error());
      }
      entries.push_back(std::move(entry));
    }
  }
  return entries;
}

namespace {

// Null: partitions are passed over.
Result<std::vector<ManifestRow>> ReadRows(std::string_view bytes, const ManifestEntry& entry,
                                          const PartitionNames* partition) {
  Result<format::AvroContainer> container = format::ReadAvroContainer(bytes);
  if (!container.ok()) return DamagedMetadata(TextOf(container.status()).message);
  const AvroType& record = container->schema->root();
  if (record.kind != AvroKind::kRecord) return DamagedMetadata("a manifest has no rows");
  std::vector<ManifestRow> rows;
  std::optional<int64_t> next_row_id = entry.first_row_id;
  for (const format::AvroContainer::Block& block : container->blocks) {
    AvroInput input(block.bytes);
    for (int64_t i = 0; i < block.row_count; ++i) {
      ManifestRow row;
      if (!ReadRow(partition, record, &input, entry, &row)) {
        return DamagedMetadata("manifest '" + entry.path + "': " + input.error());
      }
      // Files without a number of their own are counted on from the manifest's.
      if (next_row_id && row.file.content == 0 && !row.file.first_row_id &&
          row.status != ManifestStatus::kDeleted) {
        row.file.first_row_id = next_row_id;
        *next_row_id += row.file.record_count;
      }
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

}  // namespace

Result<std::vector<ManifestRow>> ReadManifest(std::string_view bytes, const ManifestEntry& entry,
                                              const Schema& schema, const PartitionSpec& spec) {
  PartitionNames partition;
  ASSIGN_OR_RETURN(partition.types, PartitionTypes(schema, spec));
  for (const PartitionField& field : spec.fields) partition.names.push_back(AvroName(field.name));
  return ReadRows(bytes, entry, &partition);
}

Result<std::vector<ManifestRow>> ReadManifestFiles(std::string_view bytes,
                                                   const ManifestEntry& entry) {
  return ReadRows(bytes, entry, nullptr);
}

}  // namespace mainstem::connector::iceberg

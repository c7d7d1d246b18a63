#include "connector/iceberg/table_metadata.h"

#include <algorithm>
#include <set>

#include <absl/strings/numbers.h>
#include <fmt/format.h>

namespace mainstem::connector::iceberg {
namespace {

namespace dom = simdjson::dom;

constexpr int64_t kFirstVersion = 2, kLastVersion = 3;
constexpr const char* kMainRef = "main";
constexpr int64_t kOldMetadataMs = 20 * 60 * 1000;  // requests to S3 are good for 15 minutes
constexpr size_t kLogLengthMax = 2000;

// A field that is absent is not an error, one of another type is.
class MetadataReader {
 public:
  explicit MetadataReader(dom::object object) : object_(object) {}

  template <typename T>
  bool Number(const char* name, T* value) {
    known_.insert(name);
    int64_t number = 0;
    dom::element element;
    if (object_[name].get(element) || element.is_null()) return false;
    if (element.get(number)) return Fail(name);
    *value = static_cast<T>(number);
    return true;
  }
  bool Text(const char* name, std::string* value) {
    known_.insert(name);
    std::string_view text;
    dom::element element;
    if (object_[name].get(element) || element.is_null()) return false;
    if (element.get(text)) return Fail(name);
    *value = text;
    return true;
  }
  bool Array(const char* name, dom::array* value) {
    known_.insert(name);
    dom::element element;
    if (object_[name].get(element) || element.is_null()) return false;
    return !element.get(*value) || Fail(name);
  }
  bool Object(const char* name, dom::object* value) {
    known_.insert(name);
    dom::element element;
    if (object_[name].get(element) || element.is_null()) return false;
    return !element.get(*value) || Fail(name);
  }
  const std::set<std::string, std::less<>>& known() const { return known_; }
  Status status() const {
    return bad_.empty() ? Status::OK() : DamagedMetadata("'" + bad_ + "' is of another type");
  }

 private:
  bool Fail(const char* name) {
    bad_ = name;
    return false;
  }
  dom::object object_;
  std::set<std::string, std::less<>> known_;
  std::string bad_;
};

Properties ReadProperties(dom::object object) {
  Properties properties;
  for (auto [key, value] : object) {
    std::string_view text;
    properties[std::string(key)] = value.get(text) ? simdjson::minify(value) : std::string(text);
  }
  return properties;
}

Result<Snapshot> ReadSnapshot(dom::element json) {
  dom::object object;
  if (json.get(object)) return DamagedMetadata("a snapshot is no object");
  MetadataReader reader(object);
  Snapshot snapshot;
  if (!reader.Number("snapshot-id", &snapshot.id)) {
    return DamagedMetadata("a snapshot has no id");
  }
  int64_t number = 0;
  if (reader.Number("parent-snapshot-id", &number)) snapshot.parent_id = number;
  if (reader.Number("schema-id", &number)) snapshot.schema_id = static_cast<int32_t>(number);
  reader.Number("sequence-number", &snapshot.sequence_number);
  reader.Number("timestamp-ms", &snapshot.timestamp_ms);
  reader.Text("manifest-list", &snapshot.manifest_list);
  dom::object summary;
  if (reader.Object("summary", &summary)) snapshot.summary = ReadProperties(summary);
  RETURN_IF_ERROR(reader.status());
  snapshot.json = simdjson::minify(json);
  return snapshot;
}

std::vector<NumberedText> ReadNumbered(dom::array array, const char* id_name) {
  std::vector<NumberedText> texts;
  for (dom::element element : array) {
    int64_t id = 0;
    if (element[id_name].get(id)) id = 0;
    texts.push_back({.id = static_cast<int32_t>(id), .json = simdjson::minify(element)});
  }
  return texts;
}

std::vector<std::string> ReadElements(dom::array array) {
  std::vector<std::string> elements;
  for (dom::element element : array) elements.push_back(simdjson::minify(element));
  return elements;
}

Status ReadCurrentSchema(dom::array array, int32_t id, Schema* schema) {
  for (dom::element element : array) {
    int64_t found = 0;
    if (element["schema-id"].get(found) || found != id) continue;
    ASSIGN_OR_RETURN(*schema, ParseSchema(element));
    return Status::OK();
  }
  return DamagedMetadata("the current schema is missing");
}

Status ReadDefaultSpec(dom::array array, int32_t id, PartitionSpec* spec) {
  for (dom::element element : array) {
    int64_t found = 0;
    if (element["spec-id"].get(found) || found != id) continue;
    ASSIGN_OR_RETURN(*spec, ParsePartitionSpec(element));
    return Status::OK();
  }
  return DamagedMetadata("the default partition spec is missing");
}

Status ReadHistory(MetadataReader* reader, TableMetadata* metadata) {
  dom::array array;
  if (reader->Array("snapshots", &array)) {
    for (dom::element element : array) {
      ASSIGN_OR_RETURN(Snapshot snapshot, ReadSnapshot(element));
      metadata->snapshots.push_back(std::move(snapshot));
    }
  }
  int64_t current = -1;
  if (reader->Number("current-snapshot-id", &current) && current != -1) {
    metadata->current_snapshot_id = current;
    if (metadata->current_snapshot() == nullptr) {
      return DamagedMetadata("the current snapshot is missing");
    }
  }
  dom::object refs;
  if (reader->Object("refs", &refs)) {
    for (auto [name, ref] : refs) metadata->refs[std::string(name)] = simdjson::minify(ref);
  }
  if (reader->Array("snapshot-log", &array)) metadata->snapshot_log = ReadElements(array);
  if (reader->Array("metadata-log", &array)) metadata->metadata_log = ReadElements(array);
  return Status::OK();
}

void WriteNumbered(const char* name, const std::vector<NumberedText>& texts, JsonWriter* json) {
  json->Key(name).BeginArray();
  for (const NumberedText& text : texts) json->Raw(text.json);
  json->EndArray();
}

void WriteElements(const char* name, const std::vector<std::string>& elements, JsonWriter* json) {
  json->Key(name).BeginArray();
  for (const std::string& element : elements) json->Raw(element);
  json->EndArray();
}

void WriteProperties(const Properties& properties, JsonWriter* json) {
  json->BeginObject();
  for (const auto& [key, value] : properties) json->Field(key, value);
  json->EndObject();
}

std::string TrimSlashes(std::string text) {
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

// Statistics of snapshots that are gone go, too.
void DropStatistics(const std::set<int64_t>& gone, TableMetadata* metadata) {
  dom::parser parser;
  for (auto& [key, text] : metadata->more) {
    dom::array array;
    if (key != "statistics" && key != "partition-statistics") continue;
    if (parser.parse(text).get(array)) continue;
    JsonWriter kept;
    kept.BeginArray();
    for (dom::element element : array) {
      int64_t id = 0;
      bool is_gone = !element["snapshot-id"].get(id) && gone.count(id) > 0;
      if (!is_gone) kept.Raw(simdjson::minify(element));
    }
    text = kept.EndArray().Take();
  }
}

void DropExpired(const std::vector<int64_t>& expired, TableMetadata* metadata) {
  if (expired.empty()) return;
  std::set<int64_t> gone(expired.begin(), expired.end());
  DropStatistics(gone, metadata);
  std::erase_if(metadata->snapshots, [&](const Snapshot& s) { return gone.count(s.id) > 0; });
  // The log goes on behind the last one that is gone: before it, it would have a hole.
  dom::parser parser;
  size_t keep_from = 0;
  for (size_t i = 0; i < metadata->snapshot_log.size(); ++i) {
    int64_t id = 0;
    dom::element entry;
    if (!parser.parse(metadata->snapshot_log[i]).get(entry) && !entry["snapshot-id"].get(id) &&
        gone.count(id) > 0) {
      keep_from = i + 1;
    }
  }
  metadata->snapshot_log.erase(
      metadata->snapshot_log.begin(),
      metadata->snapshot_log.begin() + static_cast<std::ptrdiff_t>(keep_from));
}

// "write.metadata.previous-versions-max".
size_t PreviousVersionsMax(const TableMetadata& metadata) {
  size_t most = 0;
  bool is_number =
      absl::SimpleAtoi(metadata.Property("write.metadata.previous-versions-max", "100"), &most);
  return is_number && most > 0 ? most : 1;
}

// How many of the oldest entries go. Where files go with their entries, the young ones stay for a
// while, however many there are: a name that is free again too soon could be taken by a writer that
// has slept, or by a request that lingers.
size_t SurplusOfLog(const TableMetadata& metadata) {
  size_t most = PreviousVersionsMax(metadata), count = metadata.metadata_log.size();
  if (count <= most) return 0;
  size_t surplus = count - most;
  if (!DeletesOldMetadata(metadata) || count > kLogLengthMax) return surplus;
  dom::parser parser;
  for (size_t i = 0; i < surplus; ++i) {
    dom::element entry;
    int64_t timestamp_ms = 0;
    // When it was replaced, which is when the next one was made.
    if (parser.parse(metadata.metadata_log[i + 1]).get(entry)) continue;
    if (entry["timestamp-ms"].get(timestamp_ms)) continue;
    if (timestamp_ms + kOldMetadataMs > metadata.last_updated_ms) return i;
  }
  return surplus;
}

}  // namespace

void WriteSnapshot(const Snapshot& snapshot, JsonWriter* json) {
  if (!snapshot.json.empty()) {
    json->Raw(snapshot.json);
    return;
  }
  json->BeginObject().Field("snapshot-id", snapshot.id);
  if (snapshot.parent_id) json->Field("parent-snapshot-id", *snapshot.parent_id);
  json->Field("sequence-number", snapshot.sequence_number);
  json->Field("timestamp-ms", snapshot.timestamp_ms);
  json->Field("manifest-list", snapshot.manifest_list).Key("summary");
  WriteProperties(snapshot.summary, json);
  if (snapshot.schema_id) json->Field("schema-id", *snapshot.schema_id);
  if (snapshot.first_row_id) {
    json->Field("first-row-id", *snapshot.first_row_id).Field("added-rows", snapshot.added_rows);
  }
  json->EndObject();
}

const Snapshot* TableMetadata::FindSnapshot(int64_t id) const {
  auto found = std::find_if(snapshots.begin(), snapshots.end(),
                            [&](const Snapshot& snapshot) { return snapshot.id == id; });
  return found == snapshots.end() ? nullptr : &*found;
}

const Snapshot* TableMetadata::current_snapshot() const {
  return current_snapshot_id ? FindSnapshot(*current_snapshot_id) : nullptr;
}

std::string TableMetadata::Property(const std::string& name, std::string default_value) const {
  auto found = properties.find(name);
  return found == properties.end() ? std::move(default_value) : found->second;
}

bool DeletesOldMetadata(const TableMetadata& metadata) {
  return metadata.Property("write.metadata.delete-after-commit.enabled", "false") == "true";
}

std::string TableMetadata::data_location() const {
  return TrimSlashes(Property("write.data.path", TrimSlashes(location) + "/data"));
}

std::string TableMetadata::metadata_folder() const {
  return TrimSlashes(Property("write.metadata.path", TrimSlashes(location) + "/metadata"));
}

Result<TableMetadata> ParseTableMetadata(std::string_view text) {
  dom::parser parser;
  dom::object root;
  if (parser.parse(text.data(), text.size()).get(root)) return DamagedMetadata("not JSON");
  MetadataReader reader(root);
  TableMetadata metadata;
  if (!reader.Number("format-version", &metadata.format_version)) {
    return DamagedMetadata("it has no format version");
  }
  bool is_known =
      metadata.format_version >= kFirstVersion && metadata.format_version <= kLastVersion;
  if (!is_known) {
    return MakeError(
        ErrorCode::kUnsupported,
        {.message = fmt::format("the table has format version {}", metadata.format_version),
         .detail = "this node writes versions 2 and 3",
         .hint = metadata.format_version < kFirstVersion
                     ? "set its property 'format-version' to '2' with an engine that can"
                     : "use another table: a version cannot be taken back"});
  }
  reader.Text("table-uuid", &metadata.uuid);
  reader.Text("location", &metadata.location);
  reader.Number("last-sequence-number", &metadata.last_sequence_number);
  reader.Number("last-updated-ms", &metadata.last_updated_ms);
  reader.Number("last-column-id", &metadata.last_column_id);
  reader.Number("last-partition-id", &metadata.last_partition_id);
  reader.Number("next-row-id", &metadata.next_row_id);
  int32_t schema_id = 0, spec_id = 0;
  reader.Number("current-schema-id", &schema_id);
  reader.Number("default-spec-id", &spec_id);
  dom::array schemas, specs;
  dom::object properties;
  if (!reader.Array("schemas", &schemas) || !reader.Array("partition-specs", &specs)) {
    return DamagedMetadata("it has no schemas or no partition specs");
  }
  metadata.schemas = ReadNumbered(schemas, "schema-id");
  metadata.specs = ReadNumbered(specs, "spec-id");
  RETURN_IF_ERROR(ReadCurrentSchema(schemas, schema_id, &metadata.schema));
  RETURN_IF_ERROR(ReadDefaultSpec(specs, spec_id, &metadata.spec));
  if (reader.Object("properties", &properties)) metadata.properties = ReadProperties(properties);
  RETURN_IF_ERROR(ReadHistory(&reader, &metadata));
  RETURN_IF_ERROR(reader.status());
  if (metadata.location.empty()) return DamagedMetadata("it has no location");
  for (auto [key, value] : root) {
    if (reader.known().count(key) > 0) continue;
    metadata.more.emplace_back(std::string(key), simdjson::minify(value));
  }
  return metadata;
}

std::string TableMetadataText(const TableMetadata& metadata) {
  JsonWriter json;
  json.BeginObject().Field("format-version", metadata.format_version);
  json.Field("table-uuid", metadata.uuid).Field("location", metadata.location);
  json.Field("last-sequence-number", metadata.last_sequence_number);
  json.Field("last-updated-ms", metadata.last_updated_ms);
  json.Field("last-column-id", metadata.last_column_id);
  if (metadata.format_version >= 3) json.Field("next-row-id", metadata.next_row_id);
  json.Field("current-schema-id", metadata.schema.id);
  WriteNumbered("schemas", metadata.schemas, &json);
  json.Field("default-spec-id", metadata.spec.id);
  WriteNumbered("partition-specs", metadata.specs, &json);
  json.Field("last-partition-id", metadata.last_partition_id).Key("properties");
  WriteProperties(metadata.properties, &json);
  json.Field("current-snapshot-id", metadata.current_snapshot_id.value_or(-1));
  json.Key("refs").BeginObject();
  for (const auto& [name, ref] : metadata.refs) json.Key(name).Raw(ref);
  json.EndObject().Key("snapshots").BeginArray();
  for (const Snapshot& snapshot : metadata.snapshots) WriteSnapshot(snapshot, &json);
  json.EndArray();
  WriteElements("snapshot-log", metadata.snapshot_log, &json);
  WriteElements("metadata-log", metadata.metadata_log, &json);
  for (const auto& [key, value] : metadata.more) json.Key(key).Raw(value);
  return json.EndObject().Take();
}

TableMetadata MakeTableMetadata(const NewTable& table, std::string uuid, int64_t now_ms) {
  TableMetadata metadata;
  metadata.format_version = table.format_version;
  metadata.uuid = std::move(uuid);
  metadata.location = TrimSlashes(table.location);
  metadata.last_updated_ms = now_ms;
  metadata.schema = table.schema;
  metadata.schemas.push_back({.id = table.schema.id, .json = SchemaText(table.schema)});
  std::vector<const Field*> open;
  for (const Field& field : table.schema.fields) open.push_back(&field);
  while (!open.empty()) {
    const Field* field = open.back();
    open.pop_back();
    metadata.last_column_id = std::max(metadata.last_column_id, field->id);
    for (const Field& inside : field->type.fields) open.push_back(&inside);
  }
  metadata.spec = table.spec;
  for (const PartitionField& field : table.spec.fields) {
    metadata.last_partition_id = std::max(metadata.last_partition_id, field.id);
  }
  JsonWriter spec;
  WritePartitionSpec(table.spec, &spec);
  metadata.specs.push_back({.id = table.spec.id, .json = spec.Take()});
  metadata.properties = table.properties;
  metadata.more = {{"default-sort-order-id", "0"},
                   {"sort-orders", R"([{"order-id":0,"fields":[]}])"},
                   {"statistics", "[]"},
                   {"partition-statistics", "[]"}};
  return metadata;
}

TableMetadata ApplyChange(const TableMetadata& base, const TableChange& change, int64_t now_ms) {
  TableMetadata metadata = base;
  metadata.last_updated_ms = std::max(now_ms, base.last_updated_ms);
  for (const auto& [key, value] : change.set_properties) metadata.properties[key] = value;
  if (change.schema) {
    metadata.schema = *change.schema;
    metadata.schemas.push_back({.id = change.schema->id, .json = SchemaText(*change.schema)});
    metadata.last_column_id = change.last_column_id;
  }
  DropExpired(change.expired, &metadata);
  if (change.snapshot) {
    const Snapshot& snapshot = *change.snapshot;
    metadata.snapshots.push_back(snapshot);
    metadata.current_snapshot_id = snapshot.id;
    metadata.last_sequence_number = snapshot.sequence_number;
    if (snapshot.first_row_id) {
      metadata.next_row_id = *snapshot.first_row_id + snapshot.added_rows;
    }
    metadata.last_updated_ms = std::max(metadata.last_updated_ms, snapshot.timestamp_ms);
    JsonWriter ref;
    ref.BeginObject();
    for (const auto& [key, value] : MainRefFields(base, snapshot.id)) ref.Key(key).Raw(value);
    metadata.refs[kMainRef] = ref.EndObject().Take();
    JsonWriter entry;
    entry.BeginObject().Field("timestamp-ms", snapshot.timestamp_ms);
    entry.Field("snapshot-id", snapshot.id).EndObject();
    metadata.snapshot_log.push_back(entry.Take());
  }
  if (!base.metadata_location.empty()) {
    JsonWriter entry;
    entry.BeginObject().Field("timestamp-ms", base.last_updated_ms);
    entry.Field("metadata-file", base.metadata_location).EndObject();
    metadata.metadata_log.push_back(entry.Take());
  }
  size_t surplus = SurplusOfLog(metadata);
  metadata.metadata_log.erase(metadata.metadata_log.begin(),
                              metadata.metadata_log.begin() + static_cast<std::ptrdiff_t>(surplus));
  return metadata;
}

std::vector<MetadataVersion> PreviousVersions(const TableMetadata& metadata) {
  std::vector<MetadataVersion> versions;
  dom::parser parser;
  for (const std::string& text : metadata.metadata_log) {
    dom::element entry;
    std::string_view file;
    MetadataVersion version;
    if (parser.parse(text).get(entry) || entry["metadata-file"].get(file)) continue;
    if (entry["timestamp-ms"].get(version.timestamp_ms)) version.timestamp_ms = 0;
    version.location = file;
    versions.push_back(std::move(version));
  }
  return versions;
}

std::vector<std::pair<std::string, std::string>> MainRefFields(const TableMetadata& metadata,
                                                               int64_t snapshot_id) {
  std::vector<std::pair<std::string, std::string>> fields = {
      {"snapshot-id", std::to_string(snapshot_id)}, {"type", "\"branch\""}};
  auto found = metadata.refs.find(kMainRef);
  if (found == metadata.refs.end()) return fields;
  dom::parser parser;
  dom::object object;
  if (parser.parse(found->second).get(object)) return fields;
  for (auto [key, value] : object) {
    if (key == "snapshot-id" || key == "type") continue;
    fields.emplace_back(std::string(key), simdjson::minify(value));
  }
  return fields;
}

std::string UuidText(uint64_t high, uint64_t low) {
  high = (high & ~uint64_t{0xf000}) | 0x4000;
  low = (low & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff,
                     high & 0xffff, low >> 48, low & 0xffffffffffffull);
}

}  // namespace mainstem::connector::iceberg

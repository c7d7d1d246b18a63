#include "sink/kafka/record_layout.h"

#include <algorithm>

#include <arrow/api.h>

#include "core/suggest.h"

namespace mainstem::sink {
namespace {

using connector::TableDescriptor;
using connector::TableOptions;

Status Refuse(const TableDescriptor& table, std::string problem, std::string hint = "") {
  return MakeError(ErrorCode::kSemanticError,
                   {.message = "table '" + table.name + "': " + problem, .hint = std::move(hint)});
}

// Tells which columns are physical and where the writable metadata is.
Status ReadColumns(const TableDescriptor& table, RecordLayout* layout,
                   std::vector<std::shared_ptr<arrow::Field>>* physical,
                   std::vector<int>* physical_columns) {
  for (const auto& field : table.schema->fields()) {
    auto is_it = [&](const connector::MetadataColumn& m) { return m.column == field->name(); };
    auto metadata =
        std::find_if(table.metadata_columns.begin(), table.metadata_columns.end(), is_it);
    if (metadata == table.metadata_columns.end()) {
      physical->push_back(field);
      physical_columns->push_back(layout->column_count++);
      continue;
    }
    if (metadata->is_virtual) continue;
    if (metadata->key == "timestamp" && field->type()->id() == arrow::Type::TIMESTAMP) {
      layout->timestamp_column = layout->column_count++;
    } else if (metadata->key == "headers" && field->type()->id() == arrow::Type::MAP) {
      layout->headers_column = layout->column_count++;
    } else {
      return Refuse(
          table,
          "metadata column '" + metadata->column + "' ('" + metadata->key + "') cannot be written",
          "declare it VIRTUAL; writable are 'timestamp' (TIMESTAMP_LTZ(3)) and "
          "'headers' (MAP<STRING, BYTES>)");
    }
  }
  return Status::OK();
}

Result<format::FormatInfo> FindFormat(const TableDescriptor& table, const std::string& name) {
  for (const format::FormatInfo& info : format::ListFormats()) {
    if (info.name == name) return info;
  }
  return Refuse(table, "there is no format '" + name + "'");
}

Status ReadTopic(const TableDescriptor& table, TableOptions* options, RecordLayout* layout) {
  std::vector<std::string> topics = options->List("topic");
  if (topics.size() == 1) {
    layout->topic = topics[0];
    return Status::OK();
  }
  return Refuse(table, topics.empty() ? "a sink needs the option 'topic'"
                                      : "a sink writes to one topic, 'topic' names several");
}

Status ReadWriting(TableOptions* options, RecordLayout* layout) {
  layout->is_at_once =
      options->Choice("sink.delivery-guarantee", {"exactly-once", "at-least-once", "none"}, 0) != 0;
  std::string name = options->Text("sink.partitioner", "default");
  if (name == "default") return Status::OK();
  if (name == "fixed") {
    layout->partitioner = PartitionerKind::kFixed;
  } else if (name == "round-robin") {
    layout->partitioner = PartitionerKind::kRoundRobin;
  } else {
    options->Fail("sink.partitioner", "must be one of 'default', 'fixed', 'round-robin'",
                  "classes of one's own cannot be loaded here");
  }
  return options->status();
}

// Fills key and value columns. `key_fields` are names of physical columns.
Status SplitKeyAndValue(const TableDescriptor& table, const std::vector<std::string>& key_fields,
                        TableOptions* options,
                        const std::vector<std::shared_ptr<arrow::Field>>& physical,
                        const std::vector<int>& physical_columns, RecordLayout* layout) {
  std::string prefix = options->Text("key.fields-prefix", "");
  bool except_key = options->Choice("value.fields-include", {"ALL", "EXCEPT_KEY"}, 0) == 1;
  RETURN_IF_ERROR(options->status());
  if (!prefix.empty() && !except_key) {
    return Refuse(table, "'key.fields-prefix' needs 'value.fields-include' = 'EXCEPT_KEY'");
  }
  std::vector<std::string> names;
  for (const auto& field : physical) names.push_back(field->name());
  arrow::FieldVector key_schema, value_schema;
  for (const std::string& name : key_fields) {
    auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      return Refuse(table, "key field '" + name + "' is not a column", SuggestionFor(name, names));
    }
    if (!name.starts_with(prefix)) {
      return Refuse(table, "key field '" + name + "' does not begin with the prefix '" + prefix +
                               "' of 'key.fields-prefix'");
    }
    auto index = static_cast<size_t>(found - names.begin());
    key_schema.push_back(physical[index]->WithName(name.substr(prefix.size())));
    layout->key_columns.push_back(physical_columns[index]);
  }
  for (size_t i = 0; i < physical.size(); ++i) {
    bool is_key = std::find(key_fields.begin(), key_fields.end(), names[i]) != key_fields.end();
    if (except_key && is_key) continue;
    value_schema.push_back(physical[i]);
    layout->value_columns.push_back(physical_columns[i]);
  }
  layout->key_schema = arrow::schema(std::move(key_schema));
  layout->value_schema = arrow::schema(std::move(value_schema));
  return Status::OK();
}

Result<std::vector<std::string>> KeyFieldsOf(const TableDescriptor& table, TableOptions* options,
                                             const RecordLayout& layout) {
  bool has_key_format = !layout.key_format.format.empty();
  std::vector<std::string> key_fields = options->List("key.fields");
  if (layout.upsert) {
    if (table.primary_key.empty()) {
      return Refuse(table, "'upsert-kafka' needs a PRIMARY KEY (...) NOT ENFORCED",
                    "the key's columns become the record's key");
    }
    if (!has_key_format || !options->Has("value.format")) {
      return Refuse(table, "'upsert-kafka' needs 'key.format' and 'value.format'");
    }
    return table.primary_key;
  }
  if (has_key_format && key_fields.empty()) {
    return Refuse(table, "'key.format' needs 'key.fields'", "for example 'key.fields' = 'id'");
  }
  if (!has_key_format && !key_fields.empty()) {
    return Refuse(table, "'key.fields' needs 'key.format'", "for example 'key.format' = 'raw'");
  }
  return key_fields;
}

Status CheckFormats(const TableDescriptor& table, RecordLayout* layout) {
  if (layout->value_format.format.empty()) {
    return Refuse(table, "a format is needed", "for example 'format' = 'json'");
  }
  ASSIGN_OR_RETURN(format::FormatInfo value, FindFormat(table, layout->value_format.format));
  layout->is_changelog = value.is_changelog;
  if (layout->upsert && value.is_changelog) {
    return Refuse(table, "'upsert-kafka' needs a value format that knows inserts only, '" +
                             value.name + "' is a changelog format");
  }
  if (!layout->upsert && !value.is_changelog && !table.primary_key.empty()) {
    return Refuse(table, "'kafka' with the format '" + value.name + "' takes no PRIMARY KEY",
                  "use 'upsert-kafka', or a changelog format such as 'debezium-json'");
  }
  if (!layout->key_format.format.empty()) {
    ASSIGN_OR_RETURN(format::FormatInfo key, FindFormat(table, layout->key_format.format));
    if (key.is_changelog) return Refuse(table, "a changelog format cannot be a 'key.format'");
  }
  return Status::OK();
}

// Where a schema is registered unless the table says it.
void NameSubject(const char* suffix, const std::string& topic, connector::FormatChoice* choice) {
  if (choice->format != "avro-confluent") return;
  if (choice->options.count("schema-registry.subject") > 0) return;
  choice->options.emplace("subject", topic + suffix);
}

}  // namespace

Result<RecordLayout> MakeRecordLayout(const TableDescriptor& table, KafkaFlavour flavour) {
  RecordLayout layout;
  layout.upsert = flavour == KafkaFlavour::kUpsert;
  TableOptions options(table);
  RETURN_IF_ERROR(ReadTopic(table, &options, &layout));
  RETURN_IF_ERROR(ReadWriting(&options, &layout));
  layout.value_format = connector::ValueFormatOf(table);
  layout.key_format = connector::KeyFormatOf(table);
  NameSubject("-value", layout.topic, &layout.value_format);
  NameSubject("-key", layout.topic, &layout.key_format);
  std::vector<std::shared_ptr<arrow::Field>> physical;
  std::vector<int> physical_columns;
  RETURN_IF_ERROR(ReadColumns(table, &layout, &physical, &physical_columns));
  ASSIGN_OR_RETURN(auto key_fields, KeyFieldsOf(table, &options, layout));
  RETURN_IF_ERROR(CheckFormats(table, &layout));
  RETURN_IF_ERROR(
      SplitKeyAndValue(table, key_fields, &options, physical, physical_columns, &layout));
  return layout;
}

}  // namespace mainstem::sink

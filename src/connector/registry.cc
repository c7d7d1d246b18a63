#include "connector/registry.h"

#include "connector/options.h"
#include "core/error_context.h"
#include "core/suggest.h"
#include "format/format.h"

namespace mainstem::connector {
namespace {

// Options that any table may carry: the planner reads them, connectors do not.
const std::vector<std::string>& CommonOptions() {
  static const std::vector<std::string> names = {
      "connector",
      "scan.parallelism",
      "sink.parallelism",
      "scan.watermark.emit.strategy",
      "scan.watermark.alignment.group",
      "scan.watermark.alignment.max-drift",
      "scan.watermark.alignment.update-interval",
      "scan.watermark.idle-timeout",
      "scan.bad-records",
      "scan.bad-records.max",
      "sink.bad-records",
      "sink.bad-records.max",
      "property-version",
  };
  return names;
}

bool Matches(const OptionSpec& spec, const std::string& name) {
  if (!spec.name.empty() && spec.name.back() == '*') {
    return name.compare(0, spec.name.size() - 1, spec.name, 0, spec.name.size() - 1) == 0;
  }
  return spec.name == name;
}

Status InTable(const TableDescriptor& table, const Status& status) {
  return InContext("table '" + table.name + "': ", status);
}

// Every option name that a format of this table takes, in full.
std::vector<std::string> FormatOptionNames(const TableDescriptor& table) {
  std::vector<std::string> names = {"format", "value.format", "key.format"};
  for (const format::FormatInfo& info : format::ListFormats()) {
    if (info.name != ValueFormatOf(table).format && info.name != KeyFormatOf(table).format) {
      continue;
    }
    for (const std::string& option : info.option_names) {
      for (const char* prefix : {"", "value.", "key."}) {
        names.push_back(prefix + info.name + "." + option);
      }
    }
  }
  return names;
}

Status CheckFormats(const TableDescriptor& table) {
  for (const FormatChoice& choice : {ValueFormatOf(table), KeyFormatOf(table)}) {
    if (choice.format.empty()) continue;
    Status status = format::CheckFormatOptions(choice.format, choice.options);
    if (!status.ok()) return InTable(table, status);
  }
  return Status::OK();
}

// The connector's own and those of the format of its values.
std::vector<std::string> MetadataKeys(const TableDescriptor& table, const ConnectorSpec& spec) {
  std::vector<std::string> keys;
  for (const auto& [key, type] : spec.metadata_keys) keys.push_back(key);
  const format::FormatInfo* info = format::FindFormat(ValueFormatOf(table).format);
  if (!spec.takes_format_metadata || info == nullptr) return keys;
  for (const auto& [key, type] : info->metadata_keys) {
    keys.push_back(std::string(kValueMetadataPrefix) + key);
  }
  return keys;
}

Status CheckOptionName(const TableDescriptor& table, const ConnectorSpec& spec,
                       const std::string& name) {
  const std::vector<std::string>& common = CommonOptions();
  if (std::find(common.begin(), common.end(), name) != common.end()) return Status::OK();
  std::vector<std::string> known;
  for (const OptionSpec& option : spec.options) {
    if (Matches(option, name)) return Status::OK();
    known.push_back(option.name);
  }
  if (spec.takes_format) {
    std::vector<std::string> format_names = FormatOptionNames(table);
    if (std::find(format_names.begin(), format_names.end(), name) != format_names.end()) {
      return Status::OK();
    }
    known.insert(known.end(), format_names.begin(), format_names.end());
  }
  std::string hint = SuggestionFor(name, known);
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = "table '" + table.name + "': connector '" + spec.name +
                               "' has no option '" + name + "'",
                    .hint = std::move(hint)});
}

}  // namespace

void ConnectorRegistry::Add(ConnectorSpec spec) {
  std::string name = spec.name;
  auto [position, is_new] = by_name_.try_emplace(name, std::move(spec));
  if (is_new) return;
  // A system that is both source and sink comes in two halves, from two folders.
  ConnectorSpec& present = position->second;
  for (OptionSpec& option : spec.options) {
    auto is_it = [&](const OptionSpec& other) { return other.name == option.name; };
    auto known = std::find_if(present.options.begin(), present.options.end(), is_it);
    if (known == present.options.end()) {
      present.options.push_back(std::move(option));
    } else if (known->documentation.empty()) {
      known->documentation = std::move(option.documentation);
    }
  }
  if (spec.make_sink && present.make_source && !spec.documentation.empty()) {
    present.documentation += "; as a sink: " + spec.documentation;
  }
  present.takes_format |= spec.takes_format;
  present.takes_format_metadata |= spec.takes_format_metadata;
  present.metadata_keys.merge(spec.metadata_keys);
  if (spec.make_source) present.make_source = std::move(spec.make_source);
  if (spec.make_sink) present.make_sink = std::move(spec.make_sink);
}

const ConnectorSpec* ConnectorRegistry::Find(const std::string& name) const {
  auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &found->second;
}

std::vector<const ConnectorSpec*> ConnectorRegistry::List() const {
  std::vector<const ConnectorSpec*> specs;
  for (const auto& [name, spec] : by_name_) specs.push_back(&spec);
  return specs;
}

std::vector<std::string> ConnectorRegistry::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, spec] : by_name_) names.push_back(name);
  return names;
}

Status ConnectorRegistry::Check(const TableDescriptor& table) const {
  auto connector = table.options.find("connector");
  if (connector == table.options.end()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "table '" + table.name + "' has no option 'connector'",
                      .hint = SuggestionFor("", Names())});
  }
  const ConnectorSpec* spec = Find(connector->second);
  if (spec == nullptr) {
    return MakeError(
        ErrorCode::kInvalidArgument,
        {.message = "table '" + table.name + "': there is no connector '" + connector->second + "'",
         .hint = SuggestionFor(connector->second, Names())});
  }
  for (const auto& [name, value] : table.options) {
    RETURN_IF_ERROR(CheckOptionName(table, *spec, name));
  }
  for (const OptionSpec& option : spec->options) {
    if (!option.required || table.options.count(option.name) > 0) continue;
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "table '" + table.name + "': connector '" + spec->name +
                                 "' needs the option '" + option.name + "'",
                      .hint = option.documentation});
  }
  std::vector<std::string> keys = MetadataKeys(table, *spec);
  for (const MetadataColumn& column : table.metadata_columns) {
    if (std::find(keys.begin(), keys.end(), column.key) != keys.end()) continue;
    return MakeError(
        ErrorCode::kInvalidArgument,
        {.message = "table '" + table.name + "': connector '" + spec->name + "' has no metadata '" +
                    column.key + "' (column '" + column.column + "')",
         .hint = SuggestionFor(column.key, keys)});
  }
  if (spec->takes_format) RETURN_IF_ERROR(CheckFormats(table));
  return Status::OK();
}

Result<std::unique_ptr<TableSource>> ConnectorRegistry::MakeSource(TableDescriptor table,
                                                                   ConnectorContext context) const {
  RETURN_IF_ERROR(Check(table));
  const ConnectorSpec* spec = Find(table.options.at("connector"));
  if (!spec->make_source) {
    return MakeError(ErrorCode::kSemanticError,
                     {.message = "table '" + table.name + "': connector '" + spec->name +
                                 "' can only be written to"});
  }
  return spec->make_source(std::move(table), std::move(context));
}

Result<std::unique_ptr<TableSink>> ConnectorRegistry::MakeSink(TableDescriptor table,
                                                               ConnectorContext context) const {
  RETURN_IF_ERROR(Check(table));
  const ConnectorSpec* spec = Find(table.options.at("connector"));
  if (!spec->make_sink) {
    return MakeError(ErrorCode::kSemanticError,
                     {.message = "table '" + table.name + "': connector '" + spec->name +
                                 "' can only be read from"});
  }
  return spec->make_sink(std::move(table), std::move(context));
}

}  // namespace mainstem::connector

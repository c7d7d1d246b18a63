#include "connector/description.h"

#include "format/format.h"

namespace mainstem::connector {

std::vector<std::string> FormatsOf(const ConnectorSpec& spec) {
  std::vector<std::string> names;
  if (!spec.takes_format) return names;
  for (const format::FormatInfo& info : format::ListFormats()) names.push_back(info.name);
  return names;
}

void WriteDescription(const ConnectorSpec& spec, JsonWriter* json) {
  json->BeginObject().Field("name", spec.name).Field("documentation", spec.documentation);
  json->Field("source", static_cast<bool>(spec.make_source));
  json->Field("sink", static_cast<bool>(spec.make_sink)).Key("formats").BeginArray();
  for (const std::string& name : FormatsOf(spec)) json->Value(name);
  json->EndArray().Key("options").BeginArray();
  for (const OptionSpec& option : spec.options) {
    json->BeginObject().Field("name", option.name).Field("default", option.default_value);
    json->Field("documentation", option.documentation).Field("required", option.required);
    json->Field("secret", option.secret).EndObject();
  }
  json->EndArray().Key("metadata").BeginObject();
  for (const auto& [key, type] : spec.metadata_keys) json->Field(key, type);
  json->EndObject().EndObject();
}

}  // namespace mainstem::connector

// A connector as people and machines are told of it.
#pragma once

#include "connector/registry.h"
#include "core/json_writer.h"

namespace mainstem::connector {

// {name, documentation, source, sink, formats: [name], options: [{name, default, documentation,
// required, secret}], metadata: {key: SQL type}}
void WriteDescription(const ConnectorSpec& spec, JsonWriter* json);
// The formats that it may be asked for; none when it takes no 'format'.
std::vector<std::string> FormatsOf(const ConnectorSpec& spec);

}  // namespace mainstem::connector

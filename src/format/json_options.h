// The options that json and the formats wrapping it share. Private to format/.
#pragma once

#include "format/format_options.h"
#include "format/json_appender.h"

namespace mainstem::format {

Result<JsonRules> ReadJsonRules(const std::string& format, const FormatOptions& options);

}  // namespace mainstem::format

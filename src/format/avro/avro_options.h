// The options of avro. Private to format/.
#pragma once

#include <string>

#include "format/format_options.h"

namespace mainstem::format {

struct AvroOptions {
  std::string codec = "snappy";  // of files
  bool json = false;             // the encoding of messages
  bool legacy_timestamps = true;
};
Result<AvroOptions> ReadAvroOptions(const std::string& format, const FormatOptions& options);

}  // namespace mainstem::format

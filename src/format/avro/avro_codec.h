// How blocks of Avro's container files are packed. Private to format/. Pure.
#pragma once

#include <string>
#include <string_view>

#include "core/status.h"

namespace mainstem::format {

// "null", "deflate", "snappy", "zstandard"; kInvalidArgument with the near name for others.
Status CheckAvroCodec(const std::string& codec);
Status PackAvroBlock(const std::string& codec, std::string_view plain, std::string* packed);
// kDecodeError for what is not in the codec's format, or grows beyond `plain_bytes_max`.
Result<std::string> UnpackAvroBlock(const std::string& codec, std::string_view packed,
                                    size_t plain_bytes_max);

}  // namespace mainstem::format

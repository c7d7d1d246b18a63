// Single values as bytes: keys of DISTINCT sets and of MIN/MAX maps, elements of collected lists,
// and the stored form of accumulators. Integers, dates and times sort as their bytes do.
//   NULL: 0x00. Else 0x01, then: fixed-width types big-endian (signed ones with the sign bit
//   flipped), FLOAT/DOUBLE and DECIMAL as 4/8/16 raw bytes, text: u32 length and bytes, lists: u32
//   count and elements, maps: u32 count and key/value pairs, rows: fields in order.
#pragma once

#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "core/status.h"

namespace mainstem::process {

inline constexpr uint8_t kValueCodecVersion = 1;

void EncodeValue(const arrow::ArrayData& data, int64_t row, std::string* out);
// Appends the next value of `bytes` to a builder of the same type; CorruptStorage if it is cut off.
Status DecodeValue(std::string_view* bytes, arrow::ArrayBuilder* builder);

void PutFixed64(uint64_t value, std::string* out);
void PutFixed32(uint32_t value, std::string* out);
void PutBytes(std::string_view bytes, std::string* out);  // u32 length, bytes
Result<uint64_t> TakeFixed64(std::string_view* bytes);
Result<uint32_t> TakeFixed32(std::string_view* bytes);
Result<std::string_view> TakeBytes(std::string_view* bytes);
Status CorruptValue();

}  // namespace mainstem::process

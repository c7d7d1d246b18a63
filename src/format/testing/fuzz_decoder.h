// What the fuzz targets of the decoders share. Header only, for fuzz targets.
#pragma once

#include <arrow/api.h>

#include "format/format.h"

namespace mainstem::format {

// Cuts the input at zero bytes into messages and decodes them with one decoder, twice: it must not
// crash or read outside, its columns must be valid, every message must be told about, and the
// second time must give what the first gave.
inline void FuzzDecoder(const std::string& format, const std::shared_ptr<arrow::Schema>& schema,
                        const FormatOptions& options, const uint8_t* data, size_t size) {
  static const char kNothing = 0;
  std::string_view input(size == 0 ? &kNothing : reinterpret_cast<const char*>(data), size);
  std::vector<std::string_view> messages;
  while (true) {
    size_t end = input.find('\0');
    messages.push_back(input.substr(0, end));
    if (end == std::string_view::npos) break;
    input.remove_prefix(end + 1);
  }
  auto decoder = MakeDecoder(format, schema, options).ValueOrDie();
  DecodedMessages first = decoder->Decode(messages).ValueOrDie();
  CHECK_OK(first.batch.rows->ValidateFull());
  CHECK(first.message_of_row.size() == static_cast<size_t>(first.batch.rows->num_rows()));
  for (uint32_t message : first.message_of_row) CHECK(message < messages.size());
  for (const RejectedMessage& rejected : first.rejected) CHECK(rejected.index < messages.size());
  DecodedMessages second = decoder->Decode(messages).ValueOrDie();
  CHECK(second.batch.rows->Equals(*first.batch.rows, arrow::EqualOptions().nans_equal(true)));
  CHECK(second.rejected.size() == first.rejected.size());
}

// A column of every type.
inline std::shared_ptr<arrow::Schema> FuzzSchema(bool nested) {
  using arrow::field;
  arrow::FieldVector fields = {field("a", arrow::int32()),
                               field("b", arrow::utf8()),
                               field("c", arrow::float64()),
                               field("d", arrow::decimal128(20, 3)),
                               field("e", arrow::boolean()),
                               field("f", arrow::timestamp(arrow::TimeUnit::NANO)),
                               field("g", arrow::date32()),
                               field("h", arrow::time32(arrow::TimeUnit::MILLI)),
                               field("i", arrow::binary()),
                               field("j", arrow::list(arrow::int64())),
                               field("k", arrow::timestamp(arrow::TimeUnit::MILLI, "UTC"))};
  if (nested) {
    fields.push_back(field("m", arrow::map(arrow::utf8(), arrow::list(arrow::int8()))));
    fields.push_back(field(
        "r",
        arrow::struct_({field("a", arrow::int16()),
                        field("r", arrow::list(arrow::struct_({field("a", arrow::utf8())})))})));
  }
  return arrow::schema(std::move(fields));
}

}  // namespace mainstem::format

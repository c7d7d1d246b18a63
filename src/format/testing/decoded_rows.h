// Messages decoded for tests: rows as the JSON text of the json encoder with their row kind in
// front. Header only, for tests.
#pragma once

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "format/format.h"

namespace mainstem::format {

using Lines = std::vector<std::string>;

struct Decoded {
  Lines rows;
  Lines causes;
  DecodedMessages raw;
};

inline Decoded Decode(const std::string& format, const arrow::FieldVector& fields,
                      const Lines& messages, const FormatOptions& options = {},
                      const std::vector<std::string>& metadata = {}) {
  auto schema = arrow::schema(fields);
  DecodeTarget target{.schema = schema, .projection = {}, .metadata = metadata};
  for (int i = 0; i < schema->num_fields(); ++i) target.projection.push_back(i);
  auto decoder = MakeDecoder(format, target, options);
  EXPECT_TRUE(decoder.ok()) << decoder.status().ToString();
  if (!decoder.ok()) return {};
  std::vector<std::string_view> views(messages.begin(), messages.end());
  auto decoded = (*decoder)->Decode(views);
  EXPECT_TRUE(decoded.ok()) << decoded.status().ToString();
  Decoded out;
  out.raw = std::move(*decoded);
  EXPECT_TRUE(out.raw.batch.rows->ValidateFull().ok());
  EXPECT_EQ(out.raw.message_of_row.size(), static_cast<size_t>(out.raw.batch.rows->num_rows()));
  ChangelogBatch inserts{.rows = out.raw.batch.rows, .kinds = {}};
  auto encoder = MakeEncoder("json", schema, {{"encode.decimal-as-plain-number", "true"}});
  out.rows = (*encoder)->Encode(inserts).ValueOrDie();
  for (size_t i = 0; i < out.raw.batch.kinds.size(); ++i) {
    out.rows[i] = std::string(ToString(out.raw.batch.kinds[i])) + out.rows[i];
  }
  for (const RejectedMessage& rejected : out.raw.rejected) {
    out.causes.push_back(Describe(rejected.cause));
  }
  return out;
}

// One metadata array a line, as Arrow prints its values.
inline Lines MetadataText(const DecodedMessages& decoded) {
  Lines lines;
  for (const auto& array : decoded.metadata) {
    std::string line;
    for (int64_t i = 0; i < array->length(); ++i) {
      line += (i == 0 ? "" : " | ") + array->GetScalar(i).ValueOrDie()->ToString();
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace mainstem::format

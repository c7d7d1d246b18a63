#include "connector/jdbc/postgres_text.h"

#include <string_view>

#include <absl/strings/escaping.h>
#include <arrow/api.h>

#include "format/value_text.h"

namespace mainstem::connector {
namespace {

using format::AppendValueText;

void AppendQuoted(std::string_view text, std::string* out) {
  out->push_back('"');
  for (char c : text) {
    if (c == '"' || c == '\\') out->push_back('\\');
    out->push_back(c);
  }
  out->push_back('"');
}

void AppendListText(const arrow::ListArray& list, int64_t row, std::string* out) {
  out->push_back('{');
  for (int64_t i = list.value_offset(row); i < list.value_offset(row + 1); ++i) {
    if (i > list.value_offset(row)) out->push_back(',');
    AppendPostgresElement(*list.values(), i, out);
  }
  out->push_back('}');
}

}  // namespace

void AppendPostgresElement(const arrow::Array& array, int64_t row, std::string* out) {
  if (array.IsNull(row)) {
    out->append("NULL");
    return;
  }
  switch (array.type_id()) {
    case arrow::Type::STRING:
      AppendQuoted(static_cast<const arrow::StringArray&>(array).GetView(row), out);
      return;
    case arrow::Type::BINARY: {
      std::string_view bytes = static_cast<const arrow::BinaryArray&>(array).GetView(row);
      out->append("\"\\\\x");
      out->append(absl::BytesToHexString({bytes.data(), bytes.size()}));
      out->push_back('"');
      return;
    }
    case arrow::Type::LIST: {
      std::string text;
      AppendListText(static_cast<const arrow::ListArray&>(array), row, &text);
      AppendQuoted(text, out);
      return;
    }
    case arrow::Type::TIMESTAMP:
    case arrow::Type::TIME32:
    case arrow::Type::DATE32:
      out->push_back('"');
      AppendValueText(array, row, out);
      out->push_back('"');
      return;
    default: AppendValueText(array, row, out); return;
  }
}

}  // namespace mainstem::connector

#include "format/type_text.h"

#include <arrow/api.h>
#include <fmt/format.h>

namespace mainstem::format {

using arrow::Type;

std::string SqlTypeText(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::BOOL: return "BOOLEAN";
    case Type::INT8: return "TINYINT";
    case Type::INT16: return "SMALLINT";
    case Type::INT32: return "INT";
    case Type::INT64: return "BIGINT";
    case Type::FLOAT: return "FLOAT";
    case Type::DOUBLE: return "DOUBLE";
    case Type::STRING: return "STRING";
    case Type::BINARY: return "BYTES";
    case Type::DATE32: return "DATE";
    case Type::TIME32: return "TIME";
    case Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::DecimalType&>(type);
      return fmt::format("DECIMAL({}, {})", decimal.precision(), decimal.scale());
    }
    case Type::TIMESTAMP: {
      const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
      return fmt::format("{}({})", timestamp.timezone().empty() ? "TIMESTAMP" : "TIMESTAMP_LTZ",
                         3 * static_cast<int>(timestamp.unit()));
    }
    case Type::LIST: return "ARRAY<" + SqlTypeText(*type.field(0)->type()) + ">";
    case Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(type);
      return "MAP<" + SqlTypeText(*map.key_type()) + ", " + SqlTypeText(*map.item_type()) + ">";
    }
    case Type::STRUCT: {
      std::string text;
      for (const auto& field : type.fields()) {
        text += (text.empty() ? "" : ", ") + field->name() + " " + SqlTypeText(*field->type());
      }
      return "ROW<" + text + ">";
    }
    default: return type.ToString();
  }
}

}  // namespace mainstem::format

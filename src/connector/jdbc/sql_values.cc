#include "connector/jdbc/sql_values.h"

#include <arrow/api.h>

#include "format/value_text.h"

namespace mainstem::connector {

bool IsSqlValue(const arrow::DataType& type) { return !arrow::is_nested(type.id()); }

SqlValue SqlValueOf(const arrow::Array& column, int64_t row) {
  if (column.IsNull(row)) return std::monostate();
  switch (column.type_id()) {
    case arrow::Type::BOOL:
      return int64_t{static_cast<const arrow::BooleanArray&>(column).Value(row) ? 1 : 0};
    case arrow::Type::INT8: return int64_t{static_cast<const arrow::Int8Array&>(column).Value(row)};
    case arrow::Type::INT16:
      return int64_t{static_cast<const arrow::Int16Array&>(column).Value(row)};
    case arrow::Type::INT32:
      return int64_t{static_cast<const arrow::Int32Array&>(column).Value(row)};
    case arrow::Type::INT64: return static_cast<const arrow::Int64Array&>(column).Value(row);
    case arrow::Type::FLOAT:
      return double{static_cast<const arrow::FloatArray&>(column).Value(row)};
    case arrow::Type::DOUBLE: return static_cast<const arrow::DoubleArray&>(column).Value(row);
    case arrow::Type::BINARY:
      return SqlBytes{std::string(static_cast<const arrow::BinaryArray&>(column).GetView(row))};
    default: {
      std::string text;
      format::AppendValueText(column, row, &text);
      return text;
    }
  }
}

}  // namespace mainstem::connector

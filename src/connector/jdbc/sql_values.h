// Values of our columns as parameters of statements: numbers as numbers, times as texts in UTC that
// MySQL and SQLite read. Pure.
#pragma once

#include <cstdint>

#include <arrow/type_fwd.h>

#include "connector/jdbc/sql_session.h"

namespace mainstem::connector {

// False for ARRAY, MAP and ROW.
bool IsSqlValue(const arrow::DataType& type);
SqlValue SqlValueOf(const arrow::Array& column, int64_t row);

}  // namespace mainstem::connector

// The SQL type of a column's physical type, for messages. Pure.
#pragma once

#include <string>

#include <arrow/type_fwd.h>

namespace mainstem::format {

// As CREATE TABLE would write it; lengths and nullability are not told.
std::string SqlTypeText(const arrow::DataType& type);

}  // namespace mainstem::format

// Values of our columns in the text forms of PostgreSQL.
#pragma once

#include <cstdint>
#include <string>

#include <arrow/type_fwd.h>

namespace mainstem::connector {

// One element of an array's text, such as "a\"b" of {"a\"b",NULL}.
void AppendPostgresElement(const arrow::Array& array, int64_t row, std::string* out);

}  // namespace mainstem::connector

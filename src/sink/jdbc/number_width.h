// Whether a database's column of numbers is wide enough for the values of a SQL column. Pure.
#pragma once

#include <optional>
#include <string>

#include <arrow/type_fwd.h>

namespace mainstem::sink {

// The type, as PostgreSQL, MySQL and DuckDB write it, that takes all values of both a column of
// `type` and of the database's `found` ("smallint", "int(11)", "numeric(8,2)"). nullopt: `found` is
// wide enough, or is no number of the same kind, or there is no such type.
std::optional<std::string> WiderNumber(const arrow::DataType& type, const std::string& found);

}  // namespace mainstem::sink

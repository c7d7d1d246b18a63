// Single values of Arrow columns as text, as the dialect's CAST(x AS STRING) writes them: what
// sinks for people (print) and folder names show. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>

#include <arrow/type_fwd.h>

namespace mainstem::format {

// Appends row `row` of `array`; "NULL" for null. Timestamps keep the digits of their unit; those
// with a zone are written in UTC. [1, 2] for ARRAY, {k=v} for MAP, (a, b) for ROW; bytes as the
// text they hold.
void AppendValueText(const arrow::Array& array, int64_t row, std::string* out);

}  // namespace mainstem::format

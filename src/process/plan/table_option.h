// Where an option of a table is written, for errors about its value. A catalogue keeps no places:
// the script is read once more, when there is an error to tell.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "process/plan/catalog.h"
#include "process/sql/source_text.h"

namespace mainstem::process::plan {

// Whether `message` says "option 'key' = 'value' ..".
bool IsAboutOption(std::string_view message, std::string_view key, std::string_view value);

// The value that `message` is about, in the newest CREATE or ALTER TABLE of `source` before byte
// `before` that gives it to the table, or to one that this is LIKE. None when it is not in this
// script, or in what stands before the user's own lines.
std::optional<sql::SourceSpan> PlaceOfOption(const sql::SourceText& source, const TablePath& table,
                                             std::string_view message, uint32_t before);

}  // namespace mainstem::process::plan

// The words that cannot be a name unless quoted with backticks: Flink's list. All other keywords
// are recognised by the parser where the grammar allows them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mainstem::process::sql {

// `word` in upper case.
bool IsReservedWord(std::string_view word);

// Reserved, yet callable as a function: COUNT(..), YEAR(..), LEFT(..), or without parentheses
// (CURRENT_TIMESTAMP).
bool IsReservedFunction(std::string_view word);
bool IsNiladicFunction(std::string_view word);

// The words that start a statement, for suggestions.
const std::vector<std::string>& StatementWords();

// `name` as it must be written in SQL: in backticks when it is reserved or no plain word.
std::string QuoteIfNeeded(std::string_view name);

}  // namespace mainstem::process::sql

// Rows as text, with their kind: what tests of SQL compare. Pure; any thread.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <vector>

namespace mainstem::sqltest {

using Fields = std::vector<std::optional<std::string>>;  // as CAST(.. AS STRING); nullopt is NULL

struct TextRow {
  std::string kind;  // "+I" "-U" "+U" "-D"; empty where rows have none
  Fields fields;
  auto operator<=>(const TextRow&) const = default;
};

// The rows that are left, sorted; what is taken back but was never there is marked.
std::vector<Fields> Fold(const std::vector<TextRow>& rows);
// The same for a table with a key: of rows with equal fields at `key` the last one counts.
std::vector<Fields> FoldByKey(const std::vector<TextRow>& rows, const std::vector<int>& key);

// "+I | a | <NULL>"
std::string ToText(const TextRow& row);

}  // namespace mainstem::sqltest

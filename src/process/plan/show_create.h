// Catalogue entries as text: SHOW CREATE, DESCRIBE, LIKE patterns of SHOW. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "process/plan/catalog.h"

namespace mainstem::process::plan {

// Runs again as it is. Options that look like secrets are masked.
std::string CreateTableSql(const TablePath& path, const CatalogTable& table);
std::string CreateCatalogSql(const std::string& name, const std::string& default_database);
std::string CreateViewSql(const TablePath& path, const CatalogView& view);
// name, type, null, key, extras, watermark
// "TIMESTAMP(3) *ROWTIME*"
std::string DescribedType(const LogicalType& type);
std::vector<std::optional<std::string>> DescribeColumn(const CatalogTable& table, size_t index);
bool MatchesLike(std::string_view text, std::string_view pattern, bool ignore_case);

}  // namespace mainstem::process::plan

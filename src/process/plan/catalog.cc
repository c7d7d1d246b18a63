#include "process/plan/catalog.h"

#include <algorithm>

#include <fmt/format.h>

#include "process/sql/diagnostic.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process::plan {

int CatalogTable::FindColumn(std::string_view name) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

std::vector<int> CatalogTable::SourceColumns() const {
  std::vector<int> out;
  for (const sql::ColumnKind kind : {sql::ColumnKind::kPhysical, sql::ColumnKind::kMetadata}) {
    for (size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].kind == kind) out.push_back(static_cast<int>(i));
    }
  }
  return out;
}

std::vector<int> CatalogTable::SinkColumns() const {
  std::vector<int> out = SourceColumns();
  std::erase_if(out, [this](int i) { return columns[static_cast<size_t>(i)].is_virtual; });
  return out;
}

std::vector<int> CatalogTable::PersistedColumns() const {
  std::vector<int> out = SinkColumns();
  std::sort(out.begin(), out.end());
  return out;
}

Catalog::Catalog() {
  databases_[kDefaultCatalog] = {kDefaultDatabase};
  default_databases_[kDefaultCatalog] = kDefaultDatabase;
}

Result<TablePath> Catalog::Resolve(const std::vector<std::string>& parts) const {
  TablePath path;
  path.name = parts.back();
  path.database = parts.size() >= 2 ? parts[parts.size() - 2] : current_database_;
  path.catalog = parts.size() >= 3 ? parts[parts.size() - 3] : current_catalog_;
  const auto databases = databases_.find(path.catalog);
  if (databases == databases_.end()) {
    return MakeError(ErrorCode::kSemanticError,
                     {.message = fmt::format("catalog '{}' not found", path.catalog),
                      .hint = sql::DidYouMean(path.catalog, Catalogs())});
  }
  if (!HasDatabase(path.catalog, path.database)) {
    return MakeError(ErrorCode::kSemanticError,
                     {.message = fmt::format("database '{}' not found", path.database),
                      .hint = sql::DidYouMean(path.database, databases->second)});
  }
  return path;
}

const CatalogTable* Catalog::FindTable(const TablePath& path) const {
  if (temporary_.views.contains(path)) return nullptr;
  for (const Layer* layer : {&temporary_, &permanent_}) {
    const auto found = layer->tables.find(path);
    if (found != layer->tables.end()) return &found->second;
  }
  return nullptr;
}

const CatalogView* Catalog::FindView(const TablePath& path) const {
  if (temporary_.tables.contains(path)) return nullptr;
  for (const Layer* layer : {&temporary_, &permanent_}) {
    const auto found = layer->views.find(path);
    if (found != layer->views.end()) return &found->second;
  }
  return nullptr;
}

bool Catalog::Exists(const TablePath& path, bool temporary) const {
  const Layer& layer = temporary ? temporary_ : permanent_;
  return layer.tables.contains(path) || layer.views.contains(path);
}

void Catalog::PutTable(const TablePath& path, CatalogTable table) {
  LayerOf(table.temporary).tables.insert_or_assign(path, std::move(table));
}

void Catalog::PutView(const TablePath& path, CatalogView view) {
  LayerOf(view.temporary).views.insert_or_assign(path, std::move(view));
}

void Catalog::Erase(const TablePath& path, bool temporary) {
  LayerOf(temporary).tables.erase(path);
  LayerOf(temporary).views.erase(path);
}

void Catalog::EraseAll(const std::function<bool(const TablePath&)>& inside) {
  for (Layer* layer : {&temporary_, &permanent_}) {
    std::erase_if(layer->tables, [&](const auto& entry) { return inside(entry.first); });
    std::erase_if(layer->views, [&](const auto& entry) { return inside(entry.first); });
  }
}

std::vector<std::string> Catalog::TableNames(const std::string& catalog,
                                             const std::string& database) const {
  std::vector<std::string> names = ViewNames(catalog, database);
  for (const Layer* layer : {&temporary_, &permanent_}) {
    for (const auto& [path, table] : layer->tables) {
      if (path.catalog == catalog && path.database == database) names.push_back(path.name);
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::vector<std::string> Catalog::ViewNames(const std::string& catalog,
                                            const std::string& database) const {
  std::vector<std::string> names;
  for (const Layer* layer : {&temporary_, &permanent_}) {
    for (const auto& [path, view] : layer->views) {
      if (path.catalog == catalog && path.database == database) names.push_back(path.name);
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

bool Catalog::HasDatabase(const std::string& catalog, const std::string& name) const {
  const auto found = databases_.find(catalog);
  return found != databases_.end() &&
         std::find(found->second.begin(), found->second.end(), name) != found->second.end();
}

Status Catalog::CreateCatalog(const std::string& name, const std::string& default_database) {
  if (HasCatalog(name)) {
    return MakeError(ErrorCode::kAlreadyExists, fmt::format("catalog '{}' exists already", name));
  }
  databases_[name] = {default_database};
  default_databases_[name] = default_database;
  return Status::OK();
}

Status Catalog::DropCatalog(const std::string& name) {
  if (!HasCatalog(name)) {
    return MakeError(ErrorCode::kNotFound, fmt::format("catalog '{}' not found", name));
  }
  if (name == current_catalog_) {
    return MakeError(ErrorCode::kSemanticError,
                     {.message = fmt::format("catalog '{}' is in use and cannot be dropped", name),
                      .hint = "USE CATALOG another one first"});
  }
  EraseAll([&](const TablePath& path) { return path.catalog == name; });
  databases_.erase(name);
  default_databases_.erase(name);
  return Status::OK();
}

Status Catalog::CreateDatabase(const std::string& catalog, const std::string& name) {
  if (HasDatabase(catalog, name)) {
    return MakeError(ErrorCode::kAlreadyExists, fmt::format("database '{}' exists already", name));
  }
  const auto found = databases_.find(catalog);
  if (found == databases_.end()) {
    return MakeError(ErrorCode::kSemanticError, fmt::format("catalog '{}' not found", catalog));
  }
  found->second.push_back(name);
  std::sort(found->second.begin(), found->second.end());
  return Status::OK();
}

Status Catalog::DropDatabase(const std::string& catalog, const std::string& name, bool cascade) {
  if (!HasDatabase(catalog, name)) {
    return MakeError(ErrorCode::kNotFound, fmt::format("database '{}' not found", name));
  }
  if (name == DefaultDatabase(catalog) ||
      (catalog == current_catalog_ && name == current_database_)) {
    return MakeError(ErrorCode::kSemanticError,
                     fmt::format("database '{}' is in use and cannot be dropped", name));
  }
  if (!TableNames(catalog, name).empty() && !cascade) {
    return MakeError(ErrorCode::kSemanticError,
                     {.message = fmt::format("database '{}' is not empty", name),
                      .hint = "add CASCADE to drop its tables too"});
  }
  EraseAll([&](const TablePath& path) { return path.catalog == catalog && path.database == name; });
  std::erase(databases_[catalog], name);
  return Status::OK();
}

std::vector<std::string> Catalog::Catalogs() const {
  std::vector<std::string> names;
  for (const auto& [name, databases] : databases_) names.push_back(name);
  return names;
}

Status Catalog::UseDatabase(const std::string& catalog, const std::string& name) {
  ASSIGN_OR_RETURN(TablePath ignored, Resolve({catalog, name, "-"}));
  current_catalog_ = catalog;
  current_database_ = name;
  return Status::OK();
}

connector::TableDescriptor Describe(const std::string& name, const CatalogTable& table,
                                    bool for_sink) {
  connector::TableDescriptor out;
  out.name = name;
  std::vector<RowField> fields;
  for (const int i : for_sink ? table.SinkColumns() : table.SourceColumns()) {
    const TableColumn& column = table.columns[static_cast<size_t>(i)];
    fields.emplace_back(column.name, column.type);
    if (column.kind == sql::ColumnKind::kMetadata) {
      out.metadata_columns.push_back(
          {.column = column.name, .key = column.metadata_key, .is_virtual = column.is_virtual});
    }
  }
  out.schema = ToArrowSchema(fields);
  out.primary_key = table.primary_key;
  out.partition_keys = table.partition_keys;
  out.options = table.options;
  return out;
}

}  // namespace mainstem::process::plan

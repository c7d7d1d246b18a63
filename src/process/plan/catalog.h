// Tables and views by name: default_catalog.default_database and what CREATE DATABASE adds. Holds
// definitions only, no data and no connections. One per session, or shared by sessions that the
// owner serialises: not thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connector/table.h"
#include "core/status.h"
#include "process/expr/bound_expr.h"
#include "process/sql/syntax_statement.h"
#include "process/types/logical_type.h"

namespace mainstem::process::plan {

inline constexpr char kDefaultCatalog[] = "default_catalog";
inline constexpr char kDefaultDatabase[] = "default_database";

struct TablePath {
  std::string catalog = kDefaultCatalog;
  std::string database = kDefaultDatabase;
  std::string name;
  std::string ToString() const { return catalog + "." + database + "." + name; }
  friend auto operator<=>(const TablePath&, const TablePath&) = default;
};

struct TableColumn {
  std::string name;
  sql::ColumnKind kind = sql::ColumnKind::kPhysical;
  LogicalType type;          // rowtime is marked on it
  std::string metadata_key;  // kMetadata
  bool is_virtual = false;   // kMetadata: cannot be written
  std::string expr_sql;      // kComputed, as written
  ExprPtr expr;              // kComputed, over the source row (see SourceColumns)
  std::string comment;
};

struct TableWatermark {
  int column = 0;  // in CatalogTable::columns
  std::string expr_sql;
  ExprPtr expr;  // over all columns
};

struct CatalogTable {
  std::vector<TableColumn> columns;
  std::vector<std::string> primary_key;
  std::vector<std::string> partition_keys;
  std::optional<TableWatermark> watermark;
  std::map<std::string, std::string> options;
  std::string comment;
  bool temporary = false;

  int FindColumn(std::string_view name) const;  // -1: none
  // What a source delivers: the physical columns, then the metadata columns. Indexes into
  // `columns`.
  std::vector<int> SourceColumns() const;
  // What a sink takes: as above, without virtual metadata.
  std::vector<int> SinkColumns() const;
  // The columns an INSERT without a list fills, in declared order.
  std::vector<int> PersistedColumns() const;
};

struct CatalogView {
  std::vector<RowField> columns;
  // Shared with nobody who changes it; bound anew at each use.
  std::shared_ptr<const sql::Query> query;
  sql::SourceTextPtr source;
  std::string query_sql;
  // The current database when the view was made: names inside resolve against it.
  std::string catalog, database;
  std::string comment;
  bool temporary = false;
};

class Catalog {
 public:
  Catalog();

  // Fills the parts that are missing from the current catalogue and database. SemanticError for an
  // unknown catalogue or database, with a suggestion.
  Result<TablePath> Resolve(const std::vector<std::string>& parts) const;

  // What is TEMPORARY hides a table or view of the same name that is not.
  const CatalogTable* FindTable(const TablePath& path) const;
  const CatalogView* FindView(const TablePath& path) const;
  bool Exists(const TablePath& path) const { return FindTable(path) || FindView(path); }
  // Among those that are TEMPORARY, or among the others.
  bool Exists(const TablePath& path, bool temporary) const;
  void PutTable(const TablePath& path, CatalogTable table);
  void PutView(const TablePath& path, CatalogView view);
  void Erase(const TablePath& path, bool temporary);
  // Of the current database, views included, sorted.
  std::vector<std::string> TableNames() const {
    return TableNames(current_catalog_, current_database_);
  }
  std::vector<std::string> TableNames(const std::string& catalog,
                                      const std::string& database) const;
  std::vector<std::string> ViewNames(const std::string& catalog, const std::string& database) const;

  // A catalogue in memory; its default database is made too.
  Status CreateCatalog(const std::string& name, const std::string& default_database);
  // With all that is in it; not the current one.
  Status DropCatalog(const std::string& name);
  bool HasCatalog(const std::string& name) const { return databases_.contains(name); }
  // Of a catalogue that is there.
  const std::string& DefaultDatabase(const std::string& catalog) const {
    return default_databases_.at(catalog);
  }
  Status CreateDatabase(const std::string& catalog, const std::string& name);
  Status DropDatabase(const std::string& catalog, const std::string& name, bool cascade);
  bool HasDatabase(const std::string& catalog, const std::string& name) const;
  std::vector<std::string> Databases() const { return databases_.at(current_catalog_); }
  const std::vector<std::string>& Databases(const std::string& catalog) const {
    return databases_.at(catalog);
  }
  std::vector<std::string> Catalogs() const;
  Status UseDatabase(const std::string& catalog, const std::string& name);
  const std::string& current_catalog() const { return current_catalog_; }
  const std::string& current_database() const { return current_database_; }

 private:
  std::string current_catalog_ = kDefaultCatalog;
  std::string current_database_ = kDefaultDatabase;
  std::map<std::string, std::vector<std::string>> databases_;  // by catalogue
  std::map<std::string, std::string> default_databases_;       // likewise
  struct Layer {
    std::map<TablePath, CatalogTable> tables;
    std::map<TablePath, CatalogView> views;
  };
  Layer& LayerOf(bool temporary) { return temporary ? temporary_ : permanent_; }
  void EraseAll(const std::function<bool(const TablePath&)>& inside);
  Layer temporary_, permanent_;
};

// What connectors see of a table. `for_sink` leaves virtual metadata out.
connector::TableDescriptor Describe(const std::string& name, const CatalogTable& table,
                                    bool for_sink);

}  // namespace mainstem::process::plan

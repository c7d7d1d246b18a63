#include "sink/jdbc/statement_table.h"

#include <algorithm>
#include <map>
#include <set>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_join.h>
#include <arrow/api.h>
#include <fmt/format.h>

#include "core/suggest.h"

namespace mainstem::sink {

using connector::SqlRows;
using connector::SqlSession;
using connector::SqlValue;
namespace {

struct CatalogColumn {
  std::string name;
  std::string type;          // "bigint(20)", "TEXT"
  bool needs_value = false;  // NOT NULL without a default
  bool is_generated = false;
};

struct CatalogTable {
  std::string schema;  // empty: the connection's
  std::string name;
  std::vector<CatalogColumn> columns = {};
  std::vector<std::set<std::string>> unique_keys = {};  // columns in lower case
  std::string engine = {};                              // MySQL's
};

// "shop.orders", "orders"; parts may be in the quotes of the database or in double ones.
CatalogTable SplitName(const std::string& name) {
  CatalogTable table;
  std::vector<std::string> parts(1);
  char quote = '\0';
  for (char c : name) {
    if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else {
        parts.back().push_back(c);
      }
    } else if (c == '"' || c == '`') {
      quote = c;
    } else if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back().push_back(c);
    }
  }
  table.name = parts.back();
  if (parts.size() == 2) table.schema = parts[0];
  if (parts.size() > 2 || quote != '\0') table.name.clear();
  return table;
}

Status Unfit(const DestinationTable& table, std::string problem, std::string hint,
             ErrorCode code = ErrorCode::kInvalidArgument) {
  return MakeError(code,
                   {.message = "connector 'jdbc': " + problem + " in table '" + table.name + "'",
                    .hint = std::move(hint)});
}

// `rows`: the name of a unique index, and one of its columns.
void AddUniqueKeys(const SqlRows& rows, CatalogTable* table) {
  std::map<std::string, std::set<std::string>> by_index;
  for (const auto& row : rows.rows) {
    by_index[row[0].value_or("")].insert(absl::AsciiStrToLower(row[1].value_or("")));
  }
  for (auto& [name, key] : by_index) table->unique_keys.push_back(std::move(key));
}

Status ReadMysql(SqlSession* session, CatalogTable* table) {
  const std::string schema = table->schema.empty() ? "DATABASE()" : "?";
  std::vector<SqlValue> where;
  if (!table->schema.empty()) where.emplace_back(table->schema);
  where.emplace_back(table->name);
  const std::string in_table = fmt::format(" WHERE table_schema = {} AND table_name = ?", schema);
  ASSIGN_OR_RETURN(SqlRows found,
                   session->Run("SELECT engine FROM information_schema.tables" + in_table, where));
  if (found.rows.empty()) return Status::OK();
  table->engine = found.rows[0][0].value_or("");
  ASSIGN_OR_RETURN(
      SqlRows columns,
      session->Run("SELECT column_name, column_type, is_nullable = 'NO' AND column_default IS NULL "
                   "AND extra NOT LIKE '%auto_increment%', extra LIKE '%GENERATED%' AND extra NOT "
                   "LIKE '%DEFAULT_GENERATED%' FROM information_schema.columns" +
                       in_table + " ORDER BY ordinal_position",
                   where));
  for (const auto& row : columns.rows) {
    table->columns.push_back({.name = row[0].value_or(""),
                              .type = row[1].value_or(""),
                              .needs_value = row[2].value_or("0") == "1",
                              .is_generated = row[3].value_or("0") == "1"});
  }
  ASSIGN_OR_RETURN(
      SqlRows keys,
      session->Run("SELECT index_name, column_name FROM information_schema.statistics" + in_table +
                       " AND non_unique = 0",
                   where));
  AddUniqueKeys(keys, table);
  return Status::OK();
}

Status ReadSqlite(SqlSession* session, CatalogTable* table) {
  // The pragmas as functions take the names as values.
  const std::string schema = table->schema.empty() ? "main" : table->schema;
  const std::vector<SqlValue> where = {table->name, schema};
  ASSIGN_OR_RETURN(SqlRows columns,
                   session->Run("SELECT name, type, \"notnull\" AND dflt_value IS NULL, pk, hidden "
                                "FROM pragma_table_xinfo(?, ?)",
                                where));
  std::set<std::string> primary_key;
  for (const auto& row : columns.rows) {
    std::string name = row[0].value_or("");
    bool is_key = row[3].value_or("0") != "0";
    if (is_key) primary_key.insert(absl::AsciiStrToLower(name));
    table->columns.push_back({.name = std::move(name),
                              .type = row[1].value_or(""),
                              .needs_value = row[2].value_or("0") == "1",
                              .is_generated = row[4].value_or("0") != "0"});
  }
  if (!primary_key.empty()) table->unique_keys.push_back(std::move(primary_key));
  ASSIGN_OR_RETURN(
      SqlRows keys,
      session->Run("SELECT l.name, i.name FROM pragma_index_list(?, ?) AS l, "
                   "pragma_index_info(l.name) AS i WHERE l.\"unique\" = 1 AND l.partial = 0",
                   where));
  AddUniqueKeys(keys, table);
  return Status::OK();
}

Status ReadDuckdb(SqlSession* session, CatalogTable* table) {
  const std::string schema = table->schema.empty() ? "main" : table->schema;
  const std::vector<SqlValue> where = {table->name, schema};
  const std::string in_table = " WHERE lower(table_name) = lower(?) AND schema_name = ?";
  ASSIGN_OR_RETURN(
      SqlRows columns,
      session->Run("SELECT column_name, data_type, NOT is_nullable AND column_default IS NULL "
                   "FROM duckdb_columns()" +
                       in_table + " ORDER BY column_index",
                   where));
  for (const auto& row : columns.rows) {
    table->columns.push_back({.name = row[0].value_or(""),
                              .type = row[1].value_or(""),
                              .needs_value = row[2].value_or("false") == "true"});
  }
  ASSIGN_OR_RETURN(SqlRows keys,
                   session->Run("SELECT CAST(constraint_index AS VARCHAR), "
                                "unnest(constraint_column_names) FROM duckdb_constraints()" +
                                    in_table + " AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')",
                                where));
  AddUniqueKeys(keys, table);
  return Status::OK();
}

// What a column of such a type is declared as.
std::string DeclaredType(const arrow::DataType& type, SqlDialect dialect) {
  bool is_mysql = dialect == SqlDialect::kMysql;
  if (dialect == SqlDialect::kDuckdb) {
    switch (type.id()) {
      case arrow::Type::DATE32: return "date";
      case arrow::Type::TIME32:
      case arrow::Type::TIME64: return "time";
      case arrow::Type::TIMESTAMP: {
        auto unit = static_cast<const arrow::TimestampType&>(type).unit();
        return unit == arrow::TimeUnit::NANO ? "timestamp_ns" : "timestamp";
      }
      default: break;
    }
  }
  switch (type.id()) {
    case arrow::Type::BOOL: return "boolean";
    case arrow::Type::INT8:
    case arrow::Type::INT16: return "smallint";
    case arrow::Type::INT32: return "integer";
    case arrow::Type::INT64: return "bigint";
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE: return "double";
    case arrow::Type::BINARY: return is_mysql ? "longblob" : "blob";
    case arrow::Type::DATE32: return is_mysql ? "date" : "text";
    case arrow::Type::TIME32:
    case arrow::Type::TIME64: return is_mysql ? "time(6)" : "text";
    case arrow::Type::TIMESTAMP: return is_mysql ? "datetime(6)" : "text";
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      return fmt::format("decimal({}, {})", decimal.precision(), decimal.scale());
    }
    default: return is_mysql ? "varchar(255)" : "text";
  }
}

Status CheckOthers(const DestinationTable& table, const CatalogTable& catalog) {
  for (const CatalogColumn& column : catalog.columns) {
    bool is_ours = std::any_of(
        table.schema->fields().begin(), table.schema->fields().end(),
        [&](const auto& field) { return absl::EqualsIgnoreCase(field->name(), column.name); });
    if (is_ours && column.is_generated) {
      return Unfit(table, "column '" + column.name + "' is generated and cannot be written",
                   "leave it out of the SQL table");
    }
    if (is_ours || !column.needs_value || column.is_generated) continue;
    return Unfit(table, "column '" + column.name + "' is NOT NULL without a default",
                 "add it to the SQL table, or give it a default");
  }
  return Status::OK();
}

Status CheckKey(const DestinationTable& table, const CatalogTable& catalog, SqlDialect dialect) {
  std::set<std::string> key;
  for (const std::string& name : table.primary_key) key.insert(absl::AsciiStrToLower(name));
  const auto& keys = catalog.unique_keys;
  if (key.empty() || std::find(keys.begin(), keys.end(), key) != keys.end()) return Status::OK();
  std::string columns = absl::StrJoin(table.primary_key, ", ");
  if (dialect == SqlDialect::kDuckdb) {
    return Unfit(table, "no primary key or unique constraint on (" + columns + ")",
                 "ALTER TABLE " + table.name + " ADD PRIMARY KEY (" + columns + ")");
  }
  std::string name =
      dialect == SqlDialect::kMysql ? " mainstem_key" : " mainstem_key_" + catalog.name;
  return Unfit(table, "no primary key or unique index on (" + columns + ")",
               "CREATE UNIQUE INDEX" + name + " ON " + table.name + " (" + columns + ")");
}

Status ReadTable(SqlSession* session, SqlDialect dialect, CatalogTable* table) {
  switch (dialect) {
    case SqlDialect::kMysql: return ReadMysql(session, table);
    case SqlDialect::kSqlite: return ReadSqlite(session, table);
    case SqlDialect::kDuckdb: return ReadDuckdb(session, table);
  }
  return Status::OK();
}

}  // namespace

std::string CreateStatement(const DestinationTable& table, SqlDialect dialect) {
  // DuckDB's is run as it is: a column may be called as a word of the language is.
  auto named = [dialect](const std::string& name) {
    return dialect == SqlDialect::kDuckdb ? connector::QuoteIdentifier(name, '"') : name;
  };
  std::vector<std::string> columns, key;
  for (const auto& field : table.schema->fields()) {
    columns.push_back(named(field->name()) + " " + DeclaredType(*field->type(), dialect));
  }
  for (const std::string& name : table.primary_key) key.push_back(named(name));
  if (!key.empty()) columns.push_back("PRIMARY KEY (" + absl::StrJoin(key, ", ") + ")");
  return "CREATE TABLE " + table.name + " (" + absl::StrJoin(columns, ", ") + ")";
}

Result<StatementTable> InspectStatementTable(SqlSession* session, SqlDialect dialect,
                                             const DestinationTable& table) {
  CatalogTable catalog = SplitName(table.name);
  if (catalog.name.empty()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "option 'table-name': '" + table.name + "' is not a table's name");
  }
  RETURN_IF_ERROR(ReadTable(session, dialect, &catalog));
  if (catalog.columns.empty()) {
    return MakeError(ErrorCode::kNotFound,
                     {.message = "connector 'jdbc': table '" + table.name +
                                 "' does not exist, or the user may not see it",
                      .hint = CreateStatement(table, dialect)});
  }
  if (dialect == SqlDialect::kMysql && !absl::EqualsIgnoreCase(catalog.engine, "InnoDB")) {
    return Unfit(table, "engine '" + catalog.engine + "' has no transactions",
                 "ALTER TABLE " + table.name + " ENGINE = InnoDB");
  }
  StatementTable result;
  if (!catalog.schema.empty()) result.name = session->Quote(catalog.schema) + ".";
  result.name += session->Quote(catalog.name);
  std::vector<std::string> names;
  for (const CatalogColumn& column : catalog.columns) names.push_back(column.name);
  for (const auto& field : table.schema->fields()) {
    auto found = std::find_if(names.begin(), names.end(), [&](const std::string& name) {
      return absl::EqualsIgnoreCase(name, field->name());
    });
    if (found == names.end()) {
      std::string near = SuggestionFor(field->name(), names);
      return Unfit(table, "column '" + field->name() + "' does not exist",
                   (near.empty() ? "" : near + "; or ") + "ALTER TABLE " + table.name +
                       " ADD COLUMN " + field->name() + " " +
                       DeclaredType(*field->type(), dialect));
    }
    result.columns.push_back(session->Quote(*found));
  }
  for (const std::string& key : table.primary_key) {
    result.key_columns.push_back(table.schema->GetFieldIndex(key));
  }
  RETURN_IF_ERROR(CheckOthers(table, catalog));
  RETURN_IF_ERROR(CheckKey(table, catalog, dialect));
  return result;
}

}  // namespace mainstem::sink

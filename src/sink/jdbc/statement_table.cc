#include "sink/jdbc/statement_table.h"

#include <algorithm>
#include <map>
#include <set>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <arrow/api.h>
#include <fmt/format.h>

#include "core/suggest.h"
#include "sink/jdbc/number_width.h"

namespace mainstem::sink {

using connector::Difference;
using connector::DifferenceKind;
using connector::Differences;
using connector::SqlRows;
using connector::SqlSession;
using connector::SqlValue;
namespace {

struct CatalogColumn {
  std::string name;
  std::string type;          // "bigint(20)", "TEXT"
  bool needs_value = false;  // NOT NULL without a default
  bool is_generated = false;
  bool is_not_null = false;
  // MySQL: its type can be changed without the loss of a default, a comment and the like.
  bool is_plain = true;
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

// `rows`: the name of a unique index, and one of its columns.
void AddUniqueKeys(const SqlRows& rows, CatalogTable* table) {
  std::map<std::string, std::set<std::string>> by_index;
  for (const auto& row : rows.rows) {
    by_index[row[0].value_or("")].insert(absl::AsciiStrToLower(row[1].value_or("")));
  }
  for (auto& [name, key] : by_index) table->unique_keys.push_back(std::move(key));
}

// MariaDB keeps a column's CHECK with the column: MODIFY would lose it. MySQL has them beside it.
Status NoteColumnChecks(SqlSession* session, const std::string& in_table,
                        const std::vector<SqlValue>& where, CatalogTable* table) {
  ASSIGN_OR_RETURN(SqlRows version, session->Run("SELECT VERSION() LIKE '%MariaDB%'", {}));
  if (version.rows.empty() || version.rows[0][0].value_or("0") != "1") return Status::OK();
  ASSIGN_OR_RETURN(
      SqlRows checked,
      session->Run("SELECT constraint_name FROM information_schema.check_constraints" +
                       absl::StrReplaceAll(in_table, {{"table_schema", "constraint_schema"}}) +
                       " AND level = 'Column'",
                   where));
  for (const auto& row : checked.rows) {
    for (CatalogColumn& column : table->columns) {
      if (absl::EqualsIgnoreCase(column.name, row[0].value_or(""))) column.is_plain = false;
    }
  }
  return Status::OK();
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
                   "LIKE '%DEFAULT_GENERATED%', is_nullable = 'NO', extra = '' AND "
                   "column_comment = '' AND (column_default IS NULL OR column_default = 'NULL') "
                   "FROM information_schema.columns" +
                       in_table + " ORDER BY ordinal_position",
                   where));
  for (const auto& row : columns.rows) {
    table->columns.push_back({.name = row[0].value_or(""),
                              .type = row[1].value_or(""),
                              .needs_value = row[2].value_or("0") == "1",
                              .is_generated = row[3].value_or("0") == "1",
                              .is_not_null = row[4].value_or("0") == "1",
                              .is_plain = row[5].value_or("0") == "1"});
  }
  ASSIGN_OR_RETURN(
      SqlRows keys,
      session->Run("SELECT index_name, column_name FROM information_schema.statistics" + in_table +
                       " AND non_unique = 0",
                   where));
  AddUniqueKeys(keys, table);
  return NoteColumnChecks(session, in_table, where, table);
}

Status ReadSqlite(SqlSession* session, CatalogTable* table) {
  // The pragmas as functions take the names as values.
  const std::string schema = table->schema.empty() ? "main" : table->schema;
  const std::vector<SqlValue> where = {table->name, schema};
  ASSIGN_OR_RETURN(
      SqlRows columns,
      session->Run("SELECT name, type, \"notnull\" AND dflt_value IS NULL, pk, hidden, "
                   "\"notnull\" "
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
                              .is_generated = row[4].value_or("0") != "0",
                              .is_not_null = row[5].value_or("0") != "0"});
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
      session->Run("SELECT column_name, data_type, NOT is_nullable AND column_default IS NULL, "
                   "NOT is_nullable "
                   "FROM duckdb_columns()" +
                       in_table + " ORDER BY column_index",
                   where));
  for (const auto& row : columns.rows) {
    table->columns.push_back({.name = row[0].value_or(""),
                              .type = row[1].value_or(""),
                              .needs_value = row[2].value_or("false") == "true",
                              .is_not_null = row[3].value_or("false") == "true"});
  }
  ASSIGN_OR_RETURN(SqlRows keys,
                   session->Run("SELECT CAST(constraint_index AS VARCHAR), "
                                "unnest(constraint_column_names) FROM duckdb_constraints()" +
                                    in_table + " AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')",
                                where));
  AddUniqueKeys(keys, table);
  return Status::OK();
}

// Its keys are not enforced, so that they are not asked for.
Status ReadRedshift(SqlSession* session, CatalogTable* table) {
  const std::string schema = table->schema.empty() ? "current_schema()" : "?";
  std::vector<SqlValue> where;
  if (!table->schema.empty()) where.emplace_back(table->schema);
  where.emplace_back(table->name);
  ASSIGN_OR_RETURN(
      SqlRows columns,
      session->Run("SELECT column_name, CASE WHEN data_type = 'numeric' THEN 'numeric(' || "
                   "numeric_precision || ',' || numeric_scale || ')' ELSE data_type END, "
                   "CASE WHEN is_nullable = 'NO' AND column_default IS NULL THEN 1 ELSE 0 END, "
                   "CASE WHEN is_nullable = 'NO' THEN 1 ELSE 0 END "
                   "FROM information_schema.columns WHERE table_schema = " +
                       schema + " AND lower(table_name) = lower(?) ORDER BY ordinal_position",
                   where));
  for (const auto& row : columns.rows) {
    table->columns.push_back({.name = row[0].value_or(""),
                              .type = row[1].value_or(""),
                              .needs_value = row[2].value_or("0") == "1",
                              .is_not_null = row[3].value_or("0") == "1"});
  }
  return Status::OK();
}

// What a column of such a type is declared as; one that may be a key, unless told otherwise.
std::string DeclaredType(const arrow::DataType& type, SqlDialect dialect, bool may_be_key = true) {
  bool is_mysql = dialect == SqlDialect::kMysql;
  if (dialect == SqlDialect::kRedshift) {
    switch (type.id()) {
      case arrow::Type::FLOAT: return "real";
      case arrow::Type::DOUBLE: return "double precision";
      case arrow::Type::STRING: return "varchar(65535)";
      case arrow::Type::DATE32: return "date";
      case arrow::Type::TIME32:
      case arrow::Type::TIME64: return "time";
      case arrow::Type::TIMESTAMP: {
        const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
        return timestamp.timezone().empty() ? "timestamp" : "timestamptz";
      }
      default: break;
    }
  }
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
    default: break;
  }
  if (!is_mysql) return "text";
  return may_be_key ? "varchar(255)" : "longtext";
}

// Finds the differences between the table as declared and as the catalogue has it.
class StatementTableChecker {
 public:
  StatementTableChecker(SqlSession* session, SqlDialect dialect, const DestinationTable& wanted,
                        const CatalogTable& catalog)
      : session_(session), dialect_(dialect), wanted_(wanted), catalog_(catalog) {
    if (!catalog.schema.empty()) name_ = session->Quote(catalog.schema) + ".";
    name_ += session->Quote(catalog.name);
  }

  StatementInspection Check() {
    StatementInspection result;
    result.table.name = name_;
    for (const auto& field : wanted_.schema->fields()) {
      const CatalogColumn* column = Find(*field);
      if (column == nullptr) continue;
      CheckColumn(*field, *column);
      result.table.columns.push_back(session_->Quote(column->name));
    }
    for (const std::string& key : wanted_.primary_key) {
      result.table.key_columns.push_back(wanted_.schema->GetFieldIndex(key));
    }
    CheckOthers();
    CheckKey();
    result.differences = std::move(differences_);
    return result;
  }

 private:
  void Note(DifferenceKind kind, std::string column, const std::string& problem, std::string cure) {
    differences_.push_back({.kind = kind,
                            .column = std::move(column),
                            .problem = problem + " in table '" + wanted_.name + "'",
                            .cure = std::move(cure)});
  }

  // Null, and noted, when there is none.
  const CatalogColumn* Find(const arrow::Field& field) {
    std::vector<std::string> names;
    for (const CatalogColumn& column : catalog_.columns) {
      if (absl::EqualsIgnoreCase(column.name, field.name())) return &column;
      names.push_back(column.name);
    }
    std::string near = SuggestionFor(field.name(), names);
    const std::string type = DeclaredType(*field.type(), dialect_);
    Note(DifferenceKind::kColumn, field.name(), "column '" + field.name() + "' does not exist",
         (near.empty() ? "" : near + "; or ") + "ALTER TABLE " + wanted_.name + " ADD COLUMN " +
             field.name() + " " + type);
    // A key that is missing would be empty in the rows that are there.
    const auto& key = wanted_.primary_key;
    if (std::find(key.begin(), key.end(), field.name()) != key.end()) return nullptr;
    differences_.back().statement = "ALTER TABLE " + name_ + " ADD COLUMN " +
                                    session_->Quote(field.name()) + " " +
                                    DeclaredType(*field.type(), dialect_, false);
    return nullptr;
  }

  void CheckColumn(const arrow::Field& field, const CatalogColumn& column) {
    if (column.is_generated) {
      Note(DifferenceKind::kType, field.name(),
           "column '" + column.name + "' is generated and cannot be written",
           "leave it out of the SQL table");
      return;
    }
    // SQLite's columns take any number.
    std::optional<std::string> wider;
    if (dialect_ != SqlDialect::kSqlite) wider = WiderNumber(*field.type(), column.type);
    if (wider) {
      Note(DifferenceKind::kType, field.name(),
           "column '" + column.name + "' is " + column.type + ", into which values of " +
               DeclaredType(*field.type(), dialect_) + " may not fit",
           "CAST it in the query, or make the column " + *wider);
      differences_.back().blocks = false;
      differences_.back().statement = WidenStatement(column, *wider);
    }
    if (!column.is_not_null || !field.nullable()) return;
    Note(DifferenceKind::kNull, field.name(), "column '" + column.name + "' takes no NULL",
         "declare it NOT NULL in SQL, or let the table's column be NULL");
    differences_.back().blocks = false;
  }

  // Empty: more than the type would change.
  std::string WidenStatement(const CatalogColumn& column, const std::string& type) const {
    const std::string alter = "ALTER TABLE " + name_;
    const std::string quoted = session_->Quote(column.name);
    if (dialect_ == SqlDialect::kDuckdb) {
      return alter + " ALTER COLUMN " + quoted + " TYPE " + type;
    }
    // Redshift changes no type but the length of a VARCHAR.
    if (!column.is_plain || dialect_ == SqlDialect::kRedshift) return "";
    return alter + " MODIFY COLUMN " + quoted + " " + type +
           (column.is_not_null ? " NOT NULL" : "");
  }

  void CheckOthers() {
    for (const CatalogColumn& column : catalog_.columns) {
      bool is_ours = std::any_of(
          wanted_.schema->fields().begin(), wanted_.schema->fields().end(),
          [&](const auto& field) { return absl::EqualsIgnoreCase(field->name(), column.name); });
      if (is_ours || !column.needs_value || column.is_generated) continue;
      Note(DifferenceKind::kRequired, column.name,
           "column '" + column.name + "' is NOT NULL without a default",
           "add it to the SQL table, or give it a default");
    }
  }

  void CheckKey() {
    std::set<std::string> key;
    for (const std::string& name : wanted_.primary_key) key.insert(absl::AsciiStrToLower(name));
    const auto& keys = catalog_.unique_keys;
    if (key.empty() || dialect_ == SqlDialect::kRedshift) return;
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) return;
    std::string columns = absl::StrJoin(wanted_.primary_key, ", ");
    if (dialect_ == SqlDialect::kDuckdb) {
      Note(DifferenceKind::kKey, "", "no primary key or unique constraint on (" + columns + ")",
           "ALTER TABLE " + wanted_.name + " ADD PRIMARY KEY (" + columns + ")");
      return;
    }
    std::string name =
        dialect_ == SqlDialect::kMysql ? " mainstem_key" : " mainstem_key_" + catalog_.name;
    Note(DifferenceKind::kKey, "", "no primary key or unique index on (" + columns + ")",
         "CREATE UNIQUE INDEX" + name + " ON " + wanted_.name + " (" + columns + ")");
  }

  SqlSession* session_;
  SqlDialect dialect_;
  const DestinationTable& wanted_;
  const CatalogTable& catalog_;
  std::string name_;  // quoted, with its schema if it was given
  Differences differences_;
};

Status ReadTable(SqlSession* session, SqlDialect dialect, CatalogTable* table) {
  switch (dialect) {
    case SqlDialect::kMysql: return ReadMysql(session, table);
    case SqlDialect::kSqlite: return ReadSqlite(session, table);
    case SqlDialect::kDuckdb: return ReadDuckdb(session, table);
    case SqlDialect::kRedshift: return ReadRedshift(session, table);
  }
  return Status::OK();
}

}  // namespace

std::string CreateStatement(const DestinationTable& table, SqlDialect dialect) {
  // DuckDB's is run as it is: a column may be called as a word of the language is.
  auto named = [dialect](const std::string& name) {
    return dialect == SqlDialect::kDuckdb || dialect == SqlDialect::kRedshift
               ? connector::QuoteIdentifier(name, '"')
               : name;
  };
  std::vector<std::string> columns, key;
  for (const auto& field : table.schema->fields()) {
    columns.push_back(named(field->name()) + " " + DeclaredType(*field->type(), dialect));
  }
  for (const std::string& name : table.primary_key) key.push_back(named(name));
  if (!key.empty()) columns.push_back("PRIMARY KEY (" + absl::StrJoin(key, ", ") + ")");
  return "CREATE TABLE " + table.name + " (" + absl::StrJoin(columns, ", ") + ")";
}

Result<StatementInspection> InspectStatementTable(SqlSession* session, SqlDialect dialect,
                                                  const DestinationTable& table) {
  CatalogTable catalog = SplitName(table.name);
  if (catalog.name.empty()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "option 'table-name': '" + table.name + "' is not a table's name");
  }
  RETURN_IF_ERROR(ReadTable(session, dialect, &catalog));
  if (catalog.columns.empty()) {
    StatementInspection missing;
    missing.differences.push_back(
        {.kind = DifferenceKind::kTable,
         .problem = "table '" + table.name + "' does not exist, or the user may not see it",
         .cure = CreateStatement(table, dialect)});
    return missing;
  }
  if (dialect == SqlDialect::kMysql && !absl::EqualsIgnoreCase(catalog.engine, "InnoDB")) {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "connector 'jdbc': engine '" + catalog.engine +
                                 "' has no transactions in table '" + table.name + "'",
                      .hint = "ALTER TABLE " + table.name + " ENGINE = InnoDB"});
  }
  return StatementTableChecker(session, dialect, table, catalog).Check();
}

Status EvolveStatementTable(SqlSession* session, SqlDialect dialect,
                            const DestinationTable& table) {
  return connector::RunStatements(
      table.name,
      [&]() -> Result<Differences> {
        ASSIGN_OR_RETURN(StatementInspection found, InspectStatementTable(session, dialect, table));
        return std::move(found.differences);
      },
      [&](const std::string& statement) { return session->Execute(statement); });
}

}  // namespace mainstem::sink

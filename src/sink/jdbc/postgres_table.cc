#include "sink/jdbc/postgres_table.h"

#include <algorithm>
#include <set>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <arrow/api.h>

#include "core/suggest.h"
#include "sink/jdbc/number_width.h"

namespace mainstem::sink {

using connector::Difference;
using connector::DifferenceKind;
using connector::PostgresRows;
using connector::QuoteIdentifier;
namespace {

// A column as the server's catalogue tells it.
struct ServerColumn {
  std::string name;
  int number = 0;
  std::string sql_type;
  std::string base_type;  // pg_type.typname, of a domain that of its base
  char category = 'X';    // pg_type.typcategory
  bool is_array = false;
  bool needs_value = false;  // NOT NULL without a default
  bool is_not_null = false;
  bool is_generated = false;
  bool may_insert = false;
  bool may_update = false;
  bool may_select = false;
  std::string bare_type = {};  // sql_type without modifiers
};

struct ServerTable {
  std::string oid;
  std::string schema;
  std::string name;
  std::string kind;  // pg_class.relkind
  std::string user;
  bool may_delete = false;
  std::vector<ServerColumn> columns = {};
  std::vector<std::vector<int>> unique_indexes = {};  // column numbers, sorted
};

std::string Sql(std::string_view identifier) {
  bool plain = !identifier.empty() && (absl::ascii_islower(identifier[0]) || identifier[0] == '_');
  for (char c : identifier) {
    plain &= absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_';
  }
  return plain ? std::string(identifier) : QuoteIdentifier(identifier);
}

// {schema, table}; the schema is empty when it is not given.
Result<std::pair<std::string, std::string>> SplitTableName(const std::string& name) {
  std::vector<std::string> parts(1);
  bool quoted = false;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '"' && quoted && i + 1 < name.size() && name[i + 1] == '"') {
      parts.back().push_back(name[i++]);
    } else if (name[i] == '"') {
      quoted = !quoted;
    } else if (name[i] == '.' && !quoted) {
      parts.emplace_back();
    } else {
      parts.back().push_back(name[i]);
    }
  }
  if (quoted || parts.size() > 2 || parts[0].empty() || parts.back().empty()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "option 'table-name' = '" + name + "' is not a table's name",
                      .hint = "write table or schema.table"});
  }
  if (parts.size() == 1) return std::pair<std::string, std::string>("", parts[0]);
  return std::pair(parts[0], parts[1]);
}

std::string CreateTableStatement(const DestinationTable& table) {
  std::vector<std::string> lines;
  for (const auto& field : table.schema->fields()) {
    std::string line = Sql(field->name()) + " " + PostgresTypeFor(*field->type()).value_or("text");
    if (!field->nullable()) line += " NOT NULL";
    lines.push_back(std::move(line));
  }
  if (!table.primary_key.empty()) {
    std::vector<std::string> key;
    for (const std::string& column : table.primary_key) key.push_back(Sql(column));
    lines.push_back("PRIMARY KEY (" + absl::StrJoin(key, ", ") + ")");
  }
  return "CREATE TABLE " + table.name + " (" + absl::StrJoin(lines, ", ") + ")";
}

Difference NoSuchTable(PostgresConnection* connection, const DestinationTable& table) {
  std::string hint = "create it: " + CreateTableStatement(table);
  auto rows = connection->Run(
      "SELECT CASE WHEN pg_table_is_visible(oid) THEN relname ELSE relnamespace::regnamespace || "
      "'.' || relname END FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace NOT IN "
      "('pg_catalog'::regnamespace, 'information_schema'::regnamespace) LIMIT 1000");
  std::vector<std::string> names;
  for (int row = 0; rows.ok() && row < rows->row_count(); ++row)
    names.push_back(rows->Text(row, 0));
  if (auto near = NearestName(table.name, names)) hint = "did you mean '" + *near + "'? Or " + hint;
  return {.kind = DifferenceKind::kTable,
          .problem = "table '" + table.name + "' does not exist at " + connection->shown(),
          .cure = std::move(hint)};
}

// nullopt: there is none.
Result<std::optional<ServerTable>> FindTable(PostgresConnection* connection,
                                             const DestinationTable& table) {
  ASSIGN_OR_RETURN(auto name, SplitTableName(table.name));
  const auto& [schema, relation] = name;
  // A name is first taken as it stands, then as an unquoted one, which the server folds.
  for (const std::string& wanted : {relation, absl::AsciiStrToLower(relation)}) {
    ASSIGN_OR_RETURN(
        PostgresRows rows,
        connection->Run(
            "SELECT c.oid, n.nspname, c.relname, c.relkind, current_user, "
            "has_table_privilege(c.oid, 'DELETE') FROM pg_class c JOIN pg_namespace n ON n.oid = "
            "c.relnamespace WHERE c.relname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND "
            "CASE WHEN $2 = '' THEN pg_table_is_visible(c.oid) ELSE n.nspname = $2 END",
            {wanted, schema}));
    if (rows.row_count() == 0) continue;
    ServerTable found{.oid = rows.Text(0, 0),
                      .schema = rows.Text(0, 1),
                      .name = rows.Text(0, 2),
                      .kind = rows.Text(0, 3),
                      .user = rows.Text(0, 4),
                      .may_delete = rows.Bool(0, 5)};
    return found;
  }
  return std::nullopt;
}

Status ReadColumns(PostgresConnection* connection, ServerTable* table) {
  ASSIGN_OR_RETURN(
      PostgresRows rows,
      connection->Run(
          // A type with modifiers cuts what is too long when it is cast to: values are cast to the
          // bare type, and the assignment to the column then checks.
          "SELECT a.attname, a.attnum, format_type(a.atttypid, a.atttypmod), b.typname, "
          "t.typcategory, (b.typelem <> 0 AND b.typlen = -1 AND t.typcategory = 'A'), "
          "(a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''), "
          "(a.attnotnull), (a.attgenerated <> '' OR a.attidentity = 'a'), "
          "has_column_privilege(a.attrelid, a.attnum, 'INSERT'), "
          "has_column_privilege(a.attrelid, a.attnum, 'UPDATE'), "
          "has_column_privilege(a.attrelid, a.attnum, 'SELECT'), format_type(a.atttypid, -1) "
          "FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "
          "JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END "
          "WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
          {table->oid}));
  for (int row = 0; row < rows.row_count(); ++row) {
    table->columns.push_back({.name = rows.Text(row, 0),
                              .number = static_cast<int>(rows.Integer(row, 1)),
                              .sql_type = rows.Text(row, 2),
                              .base_type = rows.Text(row, 3),
                              .category = rows.Text(row, 4)[0],
                              .is_array = rows.Bool(row, 5),
                              .needs_value = rows.Bool(row, 6),
                              .is_not_null = rows.Bool(row, 7),
                              .is_generated = rows.Bool(row, 8),
                              .may_insert = rows.Bool(row, 9),
                              .may_update = rows.Bool(row, 10),
                              .may_select = rows.Bool(row, 11),
                              .bare_type = rows.Text(row, 12)});
  }
  return Status::OK();
}

// Those that ON CONFLICT can use: on plain columns, of all rows, checked at once.
Status ReadUniqueIndexes(PostgresConnection* connection, ServerTable* table) {
  ASSIGN_OR_RETURN(
      PostgresRows rows,
      connection->Run("SELECT (SELECT string_agg(k::text, ',') FROM unnest(indkey[0:indnkeyatts - "
                      "1]) AS k) FROM pg_index WHERE indrelid = $1::oid AND indisunique AND "
                      "indimmediate AND indisvalid AND indpred IS NULL AND indexprs IS NULL",
                      {table->oid}));
  for (int row = 0; row < rows.row_count(); ++row) {
    std::vector<int> numbers;
    std::vector<std::string> texts = absl::StrSplit(rows.Text(row, 0), ',');
    for (const std::string& number : texts) {
      int value = 0;
      CHECK(absl::SimpleAtoi(number, &value));
      numbers.push_back(value);
    }
    std::sort(numbers.begin(), numbers.end());
    table->unique_indexes.push_back(std::move(numbers));
  }
  return Status::OK();
}

// Which of the server's types take values of a type of ours without a change of meaning; those too
// narrow are let in, a value that does not fit is then refused by itself.
bool Fits(const arrow::DataType& type, const ServerColumn& column) {
  auto is_one_of = [&](std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), column.base_type) != names.end();
  };
  switch (type.id()) {
    case arrow::Type::BOOL: return is_one_of({"bool"});
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32:
    case arrow::Type::INT64:
      return is_one_of({"int2", "int4", "int8", "numeric", "float4", "float8", "oid"});
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE: return is_one_of({"float4", "float8", "numeric"});
    case arrow::Type::DECIMAL128: return is_one_of({"numeric", "float4", "float8", "money"});
    // Text, enums, network addresses, and user-defined ones: json, uuid, xml, ltree.
    case arrow::Type::STRING:
      return column.base_type != "bytea" &&
             std::string_view("SEIUZ").find(column.category) != std::string_view::npos;
    case arrow::Type::BINARY: return is_one_of({"bytea"});
    case arrow::Type::DATE32: return is_one_of({"date", "timestamp", "timestamptz"});
    case arrow::Type::TIME32: return is_one_of({"time"});
    case arrow::Type::TIMESTAMP: return is_one_of({"timestamp", "timestamptz"});
    case arrow::Type::LIST: return column.is_array;
    default: return false;
  }
}

class TableChecker {
 public:
  TableChecker(const DestinationTable& wanted, const ServerTable& server)
      : wanted_(wanted), server_(server) {}

  Result<PostgresInspection> Check() {
    RETURN_IF_ERROR(CheckKind());
    PostgresInspection result;
    PostgresTable& table = result.table;
    table.schema = QuoteIdentifier(server_.schema);
    table.name = table.schema + "." + QuoteIdentifier(server_.name);
    for (const auto& field : wanted_.schema->fields()) {
      const ServerColumn* column = FindColumn(*field);
      used_.push_back(column);
      if (column == nullptr) continue;
      RETURN_IF_ERROR(CheckColumn(*field, *column));
      table.columns.push_back({.name = QuoteIdentifier(column->name),
                               .bare_type = column->bare_type,
                               .is_array = column->is_array});
    }
    CheckOtherColumns();
    for (const std::string& name : wanted_.primary_key) {
      int index = wanted_.schema->GetFieldIndex(name);
      CHECK(index >= 0);
      table.key_columns.push_back(index);
    }
    CheckKey(table.key_columns);
    result.differences = std::move(differences_);
    if (connector::DriftError("", result.differences).ok()) RETURN_IF_ERROR(CheckRights());
    return result;
  }

 private:
  std::string TableName() const { return "table '" + wanted_.name + "'"; }
  Status Refuse(ErrorCode code, std::string problem, std::string hint) const {
    return MakeError(
        code, {.message = "connector 'jdbc': " + std::move(problem), .hint = std::move(hint)});
  }
  std::string Alter() const { return "ALTER TABLE " + wanted_.name + " "; }
  // For statements that are run: names as they are.
  std::string AlterExactly() const {
    return "ALTER TABLE " + QuoteIdentifier(server_.schema) + "." + QuoteIdentifier(server_.name);
  }

  Status CheckKind() const {
    if (server_.kind == "r" || server_.kind == "p") return Status::OK();
    if (wanted_.primary_key.empty() && server_.kind != "m") return Status::OK();
    return Refuse(
        ErrorCode::kUnsupported,
        "'" + wanted_.name + "' is a view or foreign table and cannot take updates by key",
        "write to the table behind it");
  }

  // Null, and noted, when there is none.
  const ServerColumn* FindColumn(const arrow::Field& field) {
    const ServerColumn* folded = nullptr;
    std::vector<std::string> names;
    for (const ServerColumn& column : server_.columns) {
      if (column.name == field.name()) return &column;
      if (column.name == absl::AsciiStrToLower(field.name())) folded = &column;
      names.push_back(column.name);
    }
    if (folded != nullptr) return folded;
    std::optional<std::string> near = NearestName(field.name(), names);
    const std::string type = PostgresTypeFor(*field.type()).value_or("text");
    const std::string cure = Alter() + "ADD COLUMN " + Sql(field.name()) + " " + type;
    // A key that is missing would be empty in the rows that are there.
    const auto& key = wanted_.primary_key;
    const bool is_key = std::find(key.begin(), key.end(), field.name()) != key.end();
    const std::string statement =
        is_key ? std::string()
               : AlterExactly() + " ADD COLUMN " + QuoteIdentifier(field.name()) + " " + type;
    differences_.push_back(
        {.kind = DifferenceKind::kColumn,
         .column = field.name(),
         .problem = "column '" + field.name() + "' does not exist in " + TableName(),
         .cure = near ? "did you mean '" + *near + "'? Or: " + cure : cure,
         .statement = statement});
    return nullptr;
  }

  Status CheckColumn(const arrow::Field& field, const ServerColumn& column) {
    std::optional<std::string> own_type = PostgresTypeFor(*field.type());
    if (!own_type) {
      return Refuse(ErrorCode::kUnsupported,
                    "column '" + field.name() + "' of " + TableName() + " has the type " +
                        field.type()->ToString() + ", which cannot be written to PostgreSQL",
                    "turn it into STRING in the query, for a column of type jsonb or text");
    }
    const std::string column_of = "column '" + field.name() + "' of " + TableName();
    const std::string alter = Alter() + "ALTER COLUMN " + Sql(column.name);
    if (column.is_generated) {
      differences_.push_back({.kind = DifferenceKind::kType,
                              .column = field.name(),
                              .problem = column_of + " is GENERATED ALWAYS",
                              .cure = "leave it out of the SQL table"});
    } else if (!Fits(*field.type(), column)) {
      differences_.push_back(
          {.kind = DifferenceKind::kType,
           .column = field.name(),
           .problem = column_of + " is " + column.sql_type + ", which does not take " + *own_type,
           .cure = "CAST it in the query, or " + alter + " TYPE " + *own_type + " USING " +
                   Sql(column.name) + "::" + *own_type});
    } else if (auto wider = WiderNumber(*field.type(), column.sql_type)) {
      differences_.push_back({.kind = DifferenceKind::kType,
                              .column = field.name(),
                              .problem = column_of + " is " + column.sql_type + ", and values of " +
                                         *own_type + " may not fit",
                              .cure = "CAST it in the query, or " + alter + " TYPE " + *wider,
                              .statement = AlterExactly() + " ALTER COLUMN " +
                                           QuoteIdentifier(column.name) + " TYPE " + *wider,
                              .blocks = false});
    }
    if (column.is_not_null && field.nullable() && !column.is_generated) {
      differences_.push_back({.kind = DifferenceKind::kNull,
                              .column = field.name(),
                              .problem = column_of + " takes no NULL",
                              .cure = "declare it NOT NULL in SQL, or " + alter + " DROP NOT NULL",
                              .blocks = false});
    }
    return Status::OK();
  }

  // A column that we do not write must be able to do without.
  void CheckOtherColumns() {
    for (const ServerColumn& column : server_.columns) {
      if (!column.needs_value || column.is_generated) continue;
      if (std::find(used_.begin(), used_.end(), &column) != used_.end()) continue;
      differences_.push_back(
          {.kind = DifferenceKind::kRequired,
           .column = column.name,
           .problem = "column '" + column.name + "' of " + TableName() +
                      " is NOT NULL without a default, and the SQL table has no such column",
           .cure = "add it to the SQL table, or " + Alter() + "ALTER COLUMN " + Sql(column.name) +
                   " DROP NOT NULL"});
    }
  }

  void CheckKey(const std::vector<int>& key_columns) {
    if (key_columns.empty()) return;
    std::vector<int> numbers;
    std::vector<std::string> names;
    for (int index : key_columns) {
      const ServerColumn* column = used_[static_cast<size_t>(index)];
      if (column == nullptr) return;  // noted already
      numbers.push_back(column->number);
      names.push_back(Sql(column->name));
    }
    std::sort(numbers.begin(), numbers.end());
    const auto& indexes = server_.unique_indexes;
    if (std::find(indexes.begin(), indexes.end(), numbers) != indexes.end()) return;
    std::string list = "(" + absl::StrJoin(names, ", ") + ")";
    differences_.push_back({.kind = DifferenceKind::kKey,
                            .problem = TableName() + " has no primary key or unique index on " +
                                       list + ", the key of the SQL table",
                            .cure = "CREATE UNIQUE INDEX ON " + wanted_.name + " " + list});
  }

  Status CheckRights() const {
    std::vector<std::string> missing;
    auto all_may = [&](bool ServerColumn::*right) {
      return std::all_of(used_.begin(), used_.end(),
                         [&](const ServerColumn* column) { return column->*right; });
    };
    if (!all_may(&ServerColumn::may_insert)) missing.emplace_back("INSERT");
    if (!wanted_.primary_key.empty()) {
      if (!all_may(&ServerColumn::may_update)) missing.emplace_back("UPDATE");
      if (!all_may(&ServerColumn::may_select)) missing.emplace_back("SELECT");
      if (!server_.may_delete) missing.emplace_back("DELETE");
    }
    if (missing.empty()) return Status::OK();
    std::string rights = absl::StrJoin(missing, ", ");
    return Refuse(ErrorCode::kPermissionDenied,
                  "user '" + server_.user + "' lacks " + rights + " on " + TableName(),
                  "GRANT " + rights + " ON " + wanted_.name + " TO " + Sql(server_.user));
  }

  const DestinationTable& wanted_;
  const ServerTable& server_;
  std::vector<const ServerColumn*> used_;  // for each column of the SQL table; null: missing
  connector::Differences differences_;
};

}  // namespace

std::optional<std::string> PostgresTypeFor(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL: return "boolean";
    case arrow::Type::INT8:
    case arrow::Type::INT16: return "smallint";
    case arrow::Type::INT32: return "integer";
    case arrow::Type::INT64: return "bigint";
    case arrow::Type::FLOAT: return "real";
    case arrow::Type::DOUBLE: return "double precision";
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      return fmt::format("numeric({},{})", decimal.precision(), decimal.scale());
    }
    case arrow::Type::STRING: return "text";
    case arrow::Type::BINARY: return "bytea";
    case arrow::Type::DATE32: return "date";
    case arrow::Type::TIME32: return "time(3)";
    case arrow::Type::TIMESTAMP: {
      const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
      int digits = 3 * static_cast<int>(timestamp.unit());
      return fmt::format("{}({})", timestamp.timezone().empty() ? "timestamp" : "timestamptz",
                         std::min(digits, 6));
    }
    case arrow::Type::LIST: {
      auto element = PostgresTypeFor(*static_cast<const arrow::ListType&>(type).value_type());
      if (!element) return std::nullopt;
      return *element + "[]";
    }
    default: return std::nullopt;
  }
}

Result<PostgresInspection> InspectTable(PostgresConnection* connection,
                                        const DestinationTable& table) {
  ASSIGN_OR_RETURN(std::optional<ServerTable> server, FindTable(connection, table));
  if (!server) return PostgresInspection{.differences = {NoSuchTable(connection, table)}};
  RETURN_IF_ERROR(ReadColumns(connection, &*server));
  RETURN_IF_ERROR(ReadUniqueIndexes(connection, &*server));
  return TableChecker(table, *server).Check();
}

Status EvolveTable(PostgresConnection* connection, const DestinationTable& table) {
  auto find = [&]() -> Result<connector::Differences> {
    ASSIGN_OR_RETURN(PostgresInspection found, InspectTable(connection, table));
    return std::move(found.differences);
  };
  // A table that is written anew takes its time.
  RETURN_IF_ERROR(connection->RunScript("SET statement_timeout = 0"));
  return connector::RunStatements(table.name, find, [&](const std::string& statement) {
    return connection->RunScript(statement);
  });
}

}  // namespace mainstem::sink

// Statements that look at what is there, and at settings: DESCRIBE, SHOW, USE, SET.
#include <fmt/format.h>

#include "process/plan/planner.h"
#include "process/plan/session.h"
#include "process/plan/show_create.h"
#include "process/sql/diagnostic.h"

namespace mainstem::process::plan {
namespace {

Answer Told(std::string message) {
  Answer answer;
  answer.message = std::move(message);
  return answer;
}

Answer List(std::string column, const std::vector<std::string>& names) {
  Answer answer;
  answer.kind = AnswerKind::kRows;
  answer.columns = {std::move(column)};
  for (const std::string& name : names) answer.rows.push_back({name});
  return answer;
}

}  // namespace

Result<Answer> Session::Describe(const sql::Describe& describe) {
  if (describe.what == "JOB" || describe.what == "WATERMARK") {
    Answer answer;
    answer.kind = describe.what == "JOB" ? AnswerKind::kShowJobs : AnswerKind::kExplainWatermark;
    answer.job_id = describe.name.parts[0].text;
    answer.plan.time_zone = TimeZoneOf(settings_);
    return answer;
  }
  if (describe.what == "CATALOG") return DescribeCatalog(describe);
  if (describe.what == "DATABASE") {
    return Error(describe, describe.span, "DESCRIBE DATABASE is not supported",
                 "SHOW TABLES FROM <database> tells what is in it");
  }
  if (describe.what != "TABLE") return NotYet(describe, "DESCRIBE " + describe.what);
  Binder binder(Context(), describe.source);
  ASSIGN_OR_RETURN(TablePath path, binder.BindPath(describe.name));
  Answer answer;
  answer.kind = AnswerKind::kRows;
  answer.columns = {"name", "type", "null", "key", "extras", "watermark"};
  if (const CatalogView* view = catalog_.FindView(path)) {
    for (const RowField& column : view->columns) {
      answer.rows.push_back({column.name(), DescribedType(column.type()),
                             column.type().nullable() ? "TRUE" : "FALSE", std::nullopt,
                             std::nullopt, std::nullopt});
    }
    return answer;
  }
  const CatalogTable* table = catalog_.FindTable(path);
  if (table == nullptr) {
    return Error(describe, describe.name.span,
                 fmt::format("table or view '{}' not found", path.name),
                 sql::DidYouMean(path.name, catalog_.TableNames()));
  }
  bool has_comments = false;
  for (size_t i = 0; i < table->columns.size(); ++i) {
    has_comments |= !table->columns[i].comment.empty();
    answer.rows.push_back(DescribeColumn(*table, i));
  }
  if (has_comments) {
    answer.columns.push_back("comment");
  } else {
    for (auto& row : answer.rows) row.pop_back();
  }
  return answer;
}

Result<Answer> Session::Show(const sql::Show& show) {
  Answer answer;
  if (show.what == "JOBS") {
    answer.kind = AnswerKind::kShowJobs;
    answer.plan.time_zone = TimeZoneOf(settings_);
    return answer;
  }
  if (show.what == "CREATE TABLE" || show.what == "CREATE VIEW") return ShowCreate(show);
  if (show.what == "CREATE CATALOG") return ShowCreateCatalog(show);
  if (show.what == "PARTITIONS") return ShowPartitions(show);
  if (show.what == "TABLES" || show.what == "VIEWS") {
    ASSIGN_OR_RETURN(answer, ShowTables(show));
  } else if (show.what == "CATALOGS")
    answer = List("catalog name", catalog_.Catalogs());
  else if (show.what == "DATABASES") {
    ASSIGN_OR_RETURN(answer, ShowDatabases(show));
  } else if (show.what == "FUNCTIONS")
    answer = List("function name", functions_->Names());
  else if (show.what == "USER FUNCTIONS")
    answer = List("function name", {});
  else if (show.what == "MODULES")
    answer = List("module name", {"core"});
  else if (show.what == "FULL MODULES") {
    answer = List("module name", {"core"});
    answer.columns.push_back("used");
    answer.rows[0].push_back("TRUE");
  } else if (show.what == "JARS")
    answer = List("jars", {});
  else if (show.what == "CONNECTORS")
    answer = List("connector", connectors_);
  else if (show.what == "CURRENT CATALOG")
    answer = List("current catalog name", {catalog_.current_catalog()});
  else if (show.what == "CURRENT DATABASE")
    answer = List("current database name", {catalog_.current_database()});
  else if (show.what == "COLUMNS" && show.name.has_value()) {
    sql::Describe describe;
    describe.name = *show.name;
    describe.source = show.source;
    describe.span = show.span;
    ASSIGN_OR_RETURN(answer, Describe(describe));
  } else {
    if (show.what == "PROCEDURES") {
      return Error(show, show.span, "catalogs have no procedures here", "");
    }
    return NotYet(show, "SHOW " + show.what);
  }
  if (show.like.has_value()) {
    std::erase_if(answer.rows, [&show](const auto& row) {
      return MatchesLike(row[0].value_or(""), *show.like, show.ignore_case) == show.negated;
    });
  }
  return answer;
}

// Of the current database, or FROM another one.
Result<Answer> Session::ShowTables(const sql::Show& show) {
  std::string catalog = catalog_.current_catalog();
  std::string database = catalog_.current_database();
  if (show.name.has_value()) {
    database = show.name->last();
    if (show.name->parts.size() > 1) catalog = show.name->parts[0].text;
    if (!catalog_.HasCatalog(catalog)) {
      return Error(show, show.name->span, fmt::format("catalog '{}' not found", catalog),
                   sql::DidYouMean(catalog, catalog_.Catalogs()));
    }
    if (!catalog_.HasDatabase(catalog, database)) {
      return Error(show, show.name->span, fmt::format("database '{}' not found", database),
                   sql::DidYouMean(database, catalog_.Databases(catalog)));
    }
  }
  if (show.what == "VIEWS") return List("view name", catalog_.ViewNames(catalog, database));
  return List("table name", catalog_.TableNames(catalog, database));
}

Result<Answer> Session::ShowDatabases(const sql::Show& show) {
  if (!show.name.has_value()) return List("database name", catalog_.Databases());
  const std::string& catalog = show.name->last();
  if (!catalog_.HasCatalog(catalog)) return CatalogMissing(show, *show.name);
  return List("database name", catalog_.Databases(catalog));
}

Status Session::CatalogMissing(const sql::Statement& statement, const sql::ObjectName& name) const {
  return Error(statement, name.span, fmt::format("catalog '{}' not found", name.last()),
               sql::DidYouMean(name.last(), catalog_.Catalogs()));
}

Result<Answer> Session::ShowCreateCatalog(const sql::Show& show) {
  const std::string& name = show.name->last();
  if (!catalog_.HasCatalog(name)) return CatalogMissing(show, *show.name);
  return List("result", {CreateCatalogSql(name, catalog_.DefaultDatabase(name))});
}

Result<Answer> Session::DescribeCatalog(const sql::Describe& describe) {
  const std::string& name = describe.name.last();
  if (!catalog_.HasCatalog(name)) return CatalogMissing(describe, describe.name);
  Answer answer;
  answer.kind = AnswerKind::kRows;
  answer.columns = {"info name", "info value"};
  answer.rows = {{"name", name}, {"type", "generic_in_memory"}, {"comment", std::nullopt}};
  if (describe.extended) {
    answer.rows.push_back({"option:default-database", catalog_.DefaultDatabase(name)});
  }
  return answer;
}

// Partitions lie in the files' paths; the catalog has none written down.
Result<Answer> Session::ShowPartitions(const sql::Show& show) {
  Binder binder(Context(), show.source);
  ASSIGN_OR_RETURN(TablePath path, binder.BindPath(*show.name));
  const CatalogTable* table = catalog_.FindTable(path);
  if (table == nullptr) {
    return Error(show, show.name->span, fmt::format("table '{}' not found", path.name),
                 sql::DidYouMean(path.name, catalog_.TableNames()));
  }
  if (table->partition_keys.empty()) {
    return Error(show, show.name->span, fmt::format("table '{}' is not partitioned", path.name));
  }
  return List("partition name", {});
}

Result<Answer> Session::ShowCreate(const sql::Show& show) {
  Binder binder(Context(), show.source);
  ASSIGN_OR_RETURN(TablePath path, binder.BindPath(*show.name));
  const CatalogTable* table = catalog_.FindTable(path);
  const CatalogView* view = catalog_.FindView(path);
  if (show.what == "CREATE TABLE" && table != nullptr) {
    return List("result", {CreateTableSql(path, *table)});
  }
  if (show.what == "CREATE VIEW" && view != nullptr) {
    return List("result", {CreateViewSql(path, *view)});
  }
  return Error(show, show.name->span, fmt::format("'{}' not found", path.name),
               sql::DidYouMean(path.name, catalog_.TableNames()));
}

Result<Answer> Session::Use(const sql::Use& use) {
  if (use.what == "MODULES") return NotYet(use, "USE MODULES");
  std::string catalog = catalog_.current_catalog();
  std::string database = use.name.last();
  if (use.what == "CATALOG") {
    catalog = use.name.last();
    database = catalog_.HasCatalog(catalog) ? catalog_.DefaultDatabase(catalog) : kDefaultDatabase;
  } else if (use.name.parts.size() > 1) {
    catalog = use.name.parts[0].text;
  }
  const Status used = catalog_.UseDatabase(catalog, database);
  if (!used.ok()) return Error(use, use.name.span, TextOf(used).message, TextOf(used).hint);
  return Told(fmt::format("using {}.{}", catalog, database));
}

Result<Answer> Session::Set(const sql::Set& set) {
  Answer answer;
  if (!set.option.has_value()) {
    answer.kind = AnswerKind::kRows;
    answer.columns = {"key", "value"};
    for (const auto& [key, value] : settings_.values()) answer.rows.push_back({key, value});
    return answer;
  }
  const Status done = settings_.Set(set.option->key, set.option->value, &answer.message);
  if (!done.ok()) {
    return sql::ErrorAt(
        CodeOf(done), *set.source,
        {.span = set.option->key_span, .message = TextOf(done).message, .hint = TextOf(done).hint});
  }
  if (answer.message.empty()) {
    answer.message = fmt::format("'{}' = '{}'", set.option->key, set.option->value);
  }
  return answer;
}

}  // namespace mainstem::process::plan

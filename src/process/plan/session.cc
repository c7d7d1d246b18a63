#include "process/plan/session.h"

#include <algorithm>

#include <fmt/format.h>

#include "process/plan/planner.h"
#include "process/plan/rules.h"
#include "process/plan/show_create.h"
#include "process/plan/table_binder.h"
#include "process/sql/diagnostic.h"

namespace mainstem::process::plan {
namespace {

Answer Done(std::string message) {
  Answer answer;
  answer.message = std::move(message);
  return answer;
}

}  // namespace

Session::Session(const FunctionRegistry* functions, const TableFacts* facts)
    : functions_(functions), facts_(facts) {}

Status Session::Error(const sql::Statement& statement, const sql::SourceSpan& span,
                      std::string message, std::string hint) const {
  return sql::ErrorAt(ErrorCode::kSemanticError, *statement.source,
                      {.span = span, .message = std::move(message), .hint = std::move(hint)});
}

Status Session::NotYet(const sql::Statement& statement, std::string what) const {
  return sql::ErrorAt(ErrorCode::kUnsupported, *statement.source,
                      {.span = statement.span, .message = what + " is not available yet"});
}

Result<Answer> Session::Execute(const sql::Statement& statement) {
  using sql::StatementKind;
  switch (statement.kind) {
    case StatementKind::kCreateTable: return CreateTable(sql::As<sql::CreateTable>(statement));
    case StatementKind::kCreateView: return CreateView(sql::As<sql::CreateView>(statement));
    case StatementKind::kCreateDatabase:
      return CreateDatabase(sql::As<sql::CreateDatabase>(statement));
    case StatementKind::kDrop: return Drop(sql::As<sql::Drop>(statement));
    case StatementKind::kAlterTable: return AlterTable(sql::As<sql::AlterTable>(statement));
    case StatementKind::kInsert:
    case StatementKind::kStatementSet: return RunInserts(statement);
    case StatementKind::kQuery: return RunQuery(sql::As<sql::QueryStatement>(statement));
    case StatementKind::kExplain: return Explain(sql::As<sql::Explain>(statement));
    case StatementKind::kDescribe: return Describe(sql::As<sql::Describe>(statement));
    case StatementKind::kShow: return Show(sql::As<sql::Show>(statement));
    case StatementKind::kUse: return Use(sql::As<sql::Use>(statement));
    case StatementKind::kSet: return Set(sql::As<sql::Set>(statement));
    case StatementKind::kReset: {
      const auto& reset = sql::As<sql::Reset>(statement);
      if (reset.option.has_value())
        settings_.Reset(reset.option->key);
      else
        settings_.ResetAll();
      return Done("reset");
    }
    case StatementKind::kStopJob: {
      const auto& stop = sql::As<sql::StopJob>(statement);
      Answer answer;
      answer.kind = AnswerKind::kStopJob;
      answer.job_id = stop.job_id;
      answer.with_savepoint = stop.with_savepoint;
      answer.with_drain = stop.with_drain;
      return answer;
    }
    case StatementKind::kCreateCatalog:
      return CreateCatalog(sql::As<sql::CreateCatalog>(statement));
    case StatementKind::kCreateFunction: return NotYet(statement, "CREATE FUNCTION");
    case StatementKind::kAlterView: return AlterView(sql::As<sql::AlterView>(statement));
    case StatementKind::kAlterDatabase:
      return AlterDatabase(sql::As<sql::AlterDatabase>(statement));
    case StatementKind::kBeginStatementSet:
    case StatementKind::kEndStatementSet:
      return Error(statement, statement.span,
                   "a statement set is given as a whole: BEGIN STATEMENT SET; INSERT ..; END;");
    default: return NotYet(statement, static_cast<const sql::OtherStatement&>(statement).words);
  }
}

// ---- definitions

Result<Answer> Session::CreateTable(const sql::CreateTable& create) {
  Binder binder(Context(), create.source);
  ASSIGN_OR_RETURN(TablePath path, binder.BindPath(create.name));
  if (catalog_.Exists(path, create.temporary) && !create.or_replace) {
    if (create.if_not_exists) return Done(fmt::format("table '{}' exists already", path.name));
    return Error(create, create.name.span, fmt::format("table '{}' exists already", path.name),
                 "use CREATE TABLE IF NOT EXISTS, or DROP TABLE first");
  }
  if (create.as_query == nullptr) {
    ASSIGN_OR_RETURN(CatalogTable table, TableBinder(&binder).Bind(create));
    catalog_.PutTable(path, std::move(table));
    return Done(fmt::format("table '{}' created", path.name));
  }
  // AS SELECT: the table, then an INSERT into it.
  ASSIGN_OR_RETURN(CatalogTable table, TableBinder(&binder).BindAs(create));
  catalog_.PutTable(path, std::move(table));
  Result<Answer> answer = FillCreatedTable(create);
  if (!answer.ok()) catalog_.Erase(path, create.temporary);
  return answer;
}

Result<Answer> Session::FillCreatedTable(const sql::CreateTable& create) {
  sql::Insert insert;
  insert.table = create.name;
  insert.span = create.span;
  Binder binder(Context(), create.source);
  ASSIGN_OR_RETURN(auto sink, binder.BindInsert(insert, *create.as_query));
  Answer answer;
  answer.kind = AnswerKind::kJob;
  ASSIGN_OR_RETURN(answer.plan,
                   FinishPlan({std::move(sink)}, *functions_, settings_, *create.source));
  answer.sql = std::string(create.source->Slice(create.span));
  return answer;
}

Result<Answer> Session::CreateView(const sql::CreateView& create) {
  Binder binder(Context(), create.source);
  ASSIGN_OR_RETURN(TablePath path, binder.BindPath(create.name));
  if (catalog_.Exists(path, create.temporary)) {
    if (create.if_not_exists) return Done(fmt::format("view '{}' exists already", path.name));
    return Error(create, create.name.span,
                 fmt::format("a table or view '{}' exists already", path.name),
                 "use CREATE VIEW IF NOT EXISTS, or DROP VIEW first");
  }
  ASSIGN_OR_RETURN(CatalogView view, binder.BindView(create));
  catalog_.PutView(path, std::move(view));
  return Done(fmt::format("view '{}' created", path.name));
}

Result<Answer> Session::CreateDatabase(const sql::CreateDatabase& create) {
  const std::string catalog =
      create.name.parts.size() > 1 ? create.name.parts[0].text : catalog_.current_catalog();
  if (create.if_not_exists && catalog_.HasDatabase(catalog, create.name.last())) {
    return Done(fmt::format("database '{}' exists already", create.name.last()));
  }
  const Status made = catalog_.CreateDatabase(catalog, create.name.last());
  if (!made.ok()) return Error(create, create.name.span, TextOf(made).message, TextOf(made).hint);
  return Done(fmt::format("database '{}' created", create.name.last()));
}

Result<Answer> Session::CreateCatalog(const sql::CreateCatalog& create) {
  const std::string& name = create.name.text;
  if (create.if_not_exists && catalog_.HasCatalog(name)) {
    return Done(fmt::format("catalog '{}' exists already", name));
  }
  std::string type;
  std::string database = kDefaultDatabase;
  for (const sql::Option& option : create.options) {
    if (option.key == "type") {
      type = option.value;
    } else if (option.key == "default-database") {
      database = option.value;
    } else {
      return Error(create, option.key_span, fmt::format("a catalog has no option '{}'", option.key),
                   "it has 'type' and 'default-database'");
    }
  }
  if (type.empty()) {
    return Error(create, create.name.span, "a catalog needs the option 'type'",
                 "WITH ('type' = 'generic_in_memory')");
  }
  if (type != "generic_in_memory") {
    return NotYet(create, fmt::format("a catalog of type '{}'", type));
  }
  const Status made = catalog_.CreateCatalog(name, database);
  if (!made.ok()) return Error(create, create.name.span, TextOf(made).message, TextOf(made).hint);
  return Done(fmt::format("catalog '{}' created", name));
}

Result<Answer> Session::Drop(const sql::Drop& drop) {
  if (drop.object == sql::ObjectKind::kCatalog) {
    if (drop.if_exists && !catalog_.HasCatalog(drop.name.last())) return Done("nothing");
    const Status dropped = catalog_.DropCatalog(drop.name.last());
    if (dropped.ok()) return Done(fmt::format("catalog '{}' dropped", drop.name.last()));
    return Error(drop, drop.name.span, TextOf(dropped).message, TextOf(dropped).hint);
  }
  if (drop.object == sql::ObjectKind::kDatabase) {
    const std::string catalog =
        drop.name.parts.size() > 1 ? drop.name.parts[0].text : catalog_.current_catalog();
    if (drop.if_exists && !catalog_.HasDatabase(catalog, drop.name.last())) return Done("nothing");
    const Status dropped = catalog_.DropDatabase(catalog, drop.name.last(), drop.cascade);
    if (!dropped.ok()) {
      return Error(drop, drop.name.span, TextOf(dropped).message, TextOf(dropped).hint);
    }
    return Done(fmt::format("database '{}' dropped", drop.name.last()));
  }
  if (drop.object != sql::ObjectKind::kTable && drop.object != sql::ObjectKind::kView) {
    return NotYet(drop, "this DROP");
  }
  Binder binder(Context(), drop.source);
  ASSIGN_OR_RETURN(TablePath path, binder.BindPath(drop.name));
  const bool view = drop.object == sql::ObjectKind::kView;
  const std::string_view kind = view ? "view" : "table";
  const bool there =
      view ? catalog_.FindView(path) != nullptr : catalog_.FindTable(path) != nullptr;
  if (there && catalog_.Exists(path, true) && !drop.temporary) {
    return Error(drop, drop.name.span, fmt::format("'{}' is a temporary {}", path.name, kind),
                 fmt::format("use DROP TEMPORARY {}", view ? "VIEW" : "TABLE"));
  }
  if (there && catalog_.Exists(path, drop.temporary)) {
    catalog_.Erase(path, drop.temporary);
    return Done(fmt::format("{} '{}' dropped", kind, path.name));
  }
  if (drop.if_exists) return Done(fmt::format("there is no {} '{}'", kind, path.name));
  std::string hint = sql::DidYouMean(path.name, catalog_.TableNames());
  if (there) {
    hint = fmt::format("it is not temporary: use DROP {}", view ? "VIEW" : "TABLE");
  } else if (catalog_.Exists(path)) {
    hint =
        fmt::format("it is a {0}: use DROP {1}", view ? "table" : "view", view ? "TABLE" : "VIEW");
  }
  return Error(drop, drop.name.span, fmt::format("{} '{}' not found", kind, path.name),
               std::move(hint));
}

Result<TablePath> Session::Rename(const sql::Statement& statement, const TablePath& path,
                                  const sql::ObjectName& new_name) {
  ASSIGN_OR_RETURN(TablePath target, Binder(Context(), statement.source).BindPath(new_name));
  if (catalog_.Exists(target, false)) {
    return Error(statement, new_name.span,
                 fmt::format("a table or view '{}' exists already", target.name));
  }
  catalog_.Erase(path, false);
  return target;
}

Result<Answer> Session::AlterTable(const sql::AlterTable& alter) {
  Binder binder(Context(), alter.source);
  ASSIGN_OR_RETURN(TablePath path, binder.BindPath(alter.name));
  const CatalogTable* found = catalog_.FindTable(path);
  if (found == nullptr) {
    if (alter.if_exists) return Done(fmt::format("there is no table '{}'", path.name));
    return Error(alter, alter.name.span, fmt::format("table '{}' not found", path.name),
                 sql::DidYouMean(path.name, catalog_.TableNames()));
  }
  if (found->temporary) {
    if (alter.if_exists) return Done(fmt::format("table '{}' is temporary", path.name));
    return Error(alter, alter.name.span,
                 fmt::format("'{}' is a temporary table, which cannot be altered", path.name),
                 "DROP TEMPORARY TABLE and create it anew");
  }
  CatalogTable table = *found;
  switch (alter.action) {
    case sql::AlterAction::kRenameTable: {
      ASSIGN_OR_RETURN(path, Rename(alter, path, *alter.new_name));
      break;
    }
    case sql::AlterAction::kSet:
      for (const sql::Option& option : alter.options) table.options[option.key] = option.value;
      break;
    case sql::AlterAction::kReset:
      for (const sql::Identifier& key : alter.keys) table.options.erase(key.text);
      break;
    case sql::AlterAction::kDropWatermark:
      if (!table.watermark.has_value()) {
        return Error(alter, alter.span, fmt::format("table '{}' has no watermark", path.name));
      }
      table.watermark.reset();
      break;
    case sql::AlterAction::kDropPrimaryKey:
      if (table.primary_key.empty()) {
        return Error(alter, alter.span, fmt::format("table '{}' has no primary key", path.name));
      }
      table.primary_key.clear();
      break;
    default: RETURN_IF_ERROR(TableBinder(&binder).Alter(alter, &table));
  }
  RETURN_IF_ERROR(TableBinder(&binder).Complete(&table, ToSpan(alter.name.span)));
  const Status checked =
      facts_->Check(mainstem::process::plan::Describe(path.ToString(), table, false));
  if (!checked.ok()) {
    return Error(alter, alter.name.span, TextOf(checked).message, TextOf(checked).hint);
  }
  catalog_.PutTable(path, std::move(table));
  return Done(fmt::format("table '{}' changed", path.name));
}

Result<Answer> Session::AlterView(const sql::AlterView& alter) {
  Binder binder(Context(), alter.source);
  ASSIGN_OR_RETURN(TablePath path, binder.BindPath(alter.name));
  const CatalogView* found = catalog_.FindView(path);
  if (found == nullptr) {
    return Error(alter, alter.name.span, fmt::format("view '{}' not found", path.name),
                 sql::DidYouMean(path.name, catalog_.ViewNames(path.catalog, path.database)));
  }
  if (found->temporary) {
    return Error(alter, alter.name.span,
                 fmt::format("'{}' is a temporary view, which cannot be altered", path.name),
                 "DROP TEMPORARY VIEW and create it anew");
  }
  CatalogView view = *found;
  if (alter.new_name.has_value()) {
    ASSIGN_OR_RETURN(path, Rename(alter, path, *alter.new_name));
  } else {
    sql::CreateView create;
    create.name = alter.name;
    create.comment = view.comment;
    create.query = alter.query;
    ASSIGN_OR_RETURN(view, binder.BindView(create));
  }
  catalog_.PutView(path, std::move(view));
  return Done(fmt::format("view '{}' changed", path.name));
}

// A database has no options that mean anything here; Flink keeps them likewise.
Result<Answer> Session::AlterDatabase(const sql::AlterDatabase& alter) {
  const std::string catalog =
      alter.name.parts.size() > 1 ? alter.name.parts[0].text : catalog_.current_catalog();
  if (!catalog_.HasDatabase(catalog, alter.name.last())) {
    return Error(alter, alter.name.span, fmt::format("database '{}' not found", alter.name.last()),
                 sql::DidYouMean(alter.name.last(), catalog_.Databases()));
  }
  return Done(fmt::format("database '{}' changed", alter.name.last()));
}

// ---- running

Result<std::vector<std::shared_ptr<SinkNode>>> Session::BindSinks(const sql::Statement& statement) {
  // One binder for the whole set: a source is read once for all.
  Binder binder(Context(), statement.source);
  std::vector<std::shared_ptr<SinkNode>> sinks;
  if (statement.kind == sql::StatementKind::kQuery) {
    ASSIGN_OR_RETURN(auto sink, binder.BindCollect(*sql::As<sql::QueryStatement>(statement).query));
    sinks.push_back(std::move(sink));
  } else if (statement.kind == sql::StatementKind::kInsert) {
    ASSIGN_OR_RETURN(auto sink, binder.BindInsert(sql::As<sql::Insert>(statement),
                                                  *sql::As<sql::Insert>(statement).query));
    sinks.push_back(std::move(sink));
  } else {
    for (const auto& insert : sql::As<sql::StatementSet>(statement).inserts) {
      ASSIGN_OR_RETURN(auto sink, binder.BindInsert(*insert, *insert->query));
      sinks.push_back(std::move(sink));
    }
    if (sinks.empty()) return Error(statement, statement.span, "this statement set is empty");
  }
  return sinks;
}

Result<Answer> Session::RunQuery(const sql::QueryStatement& statement) {
  ASSIGN_OR_RETURN(auto sinks, BindSinks(statement));
  Answer answer;
  answer.kind = AnswerKind::kQuery;
  ASSIGN_OR_RETURN(answer.plan,
                   FinishPlan(std::move(sinks), *functions_, settings_, *statement.source));
  for (const RowField& column : answer.plan.sinks[0]->columns) {
    answer.columns.push_back(column.name());
  }
  answer.sql = std::string(statement.source->Slice(statement.span));
  return answer;
}

Result<Answer> Session::RunInserts(const sql::Statement& statement) {
  ASSIGN_OR_RETURN(auto sinks, BindSinks(statement));
  Answer answer;
  answer.kind = AnswerKind::kJob;
  ASSIGN_OR_RETURN(answer.plan,
                   FinishPlan(std::move(sinks), *functions_, settings_, *statement.source));
  answer.sql = std::string(statement.source->Slice(statement.span));
  return answer;
}

Result<Answer> Session::Explain(const sql::Explain& explain) {
  const sql::Statement& inner = *explain.statement;
  if (inner.kind == sql::StatementKind::kCreateTable) {
    return NotYet(explain, "EXPLAIN of CREATE TABLE AS");
  }
  std::string text = "== Syntax Tree ==\n";
  if (inner.kind == sql::StatementKind::kQuery) {
    text += ToSql(*sql::As<sql::QueryStatement>(inner).query) + "\n";
  } else if (inner.kind == sql::StatementKind::kInsert) {
    const auto& insert = sql::As<sql::Insert>(inner);
    text += "INSERT INTO " + insert.table.ToString() + " " + ToSql(*insert.query) + "\n";
  } else {
    for (const auto& insert : sql::As<sql::StatementSet>(inner).inserts) {
      text += "INSERT INTO " + insert->table.ToString() + " " + ToSql(*insert->query) + "\n";
    }
  }
  Plan bound;
  ASSIGN_OR_RETURN(bound.sinks, BindSinks(inner));
  AssignIds(&bound);
  text += "\n== Logical Plan ==\n" + PrintPlan(bound, false);
  ASSIGN_OR_RETURN(Plan plan,
                   FinishPlan(std::move(bound.sinks), *functions_, settings_, *inner.source));
  text += "\n== Optimized Plan ==\n" + PrintPlan(plan, true);
  Answer answer;
  answer.kind = AnswerKind::kRows;
  answer.columns = {"result"};
  answer.rows.push_back({text});
  return answer;
}

}  // namespace mainstem::process::plan

#include "sqltest/script.h"

#include <algorithm>

#include "core/sim/sim_env.h"
#include "process/plan/session.h"
#include "process/sql/parser.h"
#include "storage/testing/memory_log.h"

namespace mainstem::sqltest {
namespace {

namespace plan = process::plan;
namespace sql = process::sql;
using sql::StatementKind;

// A test gives these itself.
bool IsOfTest(const sql::Statement& statement) {
  if (statement.kind != StatementKind::kSet) return false;
  const auto& option = sql::As<sql::Set>(statement).option;
  return option && (option->key == "parallelism.default" ||
                    option->key == "execution.checkpointing.interval");
}

bool RunsSomething(const sql::Statement& statement) {
  switch (statement.kind) {
    case StatementKind::kInsert:
    case StatementKind::kStatementSet:
    case StatementKind::kQuery: return true;
    case StatementKind::kCreateTable:
      return sql::As<sql::CreateTable>(statement).as_query != nullptr;
    default: return false;
  }
}

// The targets of all INSERTs.
std::set<std::string> FilledTables(const sql::Script& script) {
  std::set<std::string> names;
  for (const auto& statement : script.statements) {
    if (statement->kind == StatementKind::kInsert) {
      names.insert(sql::As<sql::Insert>(*statement).table.last());
    } else if (statement->kind == StatementKind::kStatementSet) {
      for (const auto& insert : sql::As<sql::StatementSet>(*statement).inserts) {
        names.insert(insert->table.last());
      }
    }
  }
  return names;
}

// An empty statement in its place: lines and columns stay as they were.
void Blank(const sql::Statement& statement, std::string* text) {
  for (size_t i = statement.span.begin; i < statement.span.end; ++i) {
    if ((*text)[i] != '\n') (*text)[i] = ' ';
  }
}

// What plans a script; the parts that must outlive its answers.
class Planner {
 public:
  Planner(const Inputs& inputs, const std::map<std::string, std::string>& settings)
      : functions_(process::MakeBuiltinRegistry()),
        registry_(MakeStandIns(&inputs, &captures_)),
        disk_(1),
        env_(&disk_, {}),
        log_(&env_),
        facts_(&registry_, {.env = &env_, .log = &log_, .own_addresses = {kSimulatedAddress}}),
        session_(&functions_, &facts_) {
    std::vector<std::string> names;
    for (const auto* spec : registry_.List()) names.push_back(spec->name);
    session_.set_connector_names(std::move(names));
    for (const auto& [key, value] : settings) {
      Status set = session_.settings().Set(key, value);
      if (status_.ok()) status_ = set;
    }
  }

  // The plans of all statements that run something.
  Result<std::vector<plan::Plan>> Plan(const sql::Script& script) {
    RETURN_IF_ERROR(status_);
    std::vector<plan::Plan> plans;
    for (const auto& statement : script.statements) {
      ASSIGN_OR_RETURN(plan::Answer answer, session_.Execute(*statement));
      if (!answer.plan.sinks.empty()) plans.push_back(std::move(answer.plan));
    }
    return plans;
  }

  const plan::Catalog& catalog() { return session_.catalog(); }

 private:
  process::FunctionRegistry functions_;
  Captures captures_;
  connector::ConnectorRegistry registry_;
  SimDisk disk_;
  SimEnv env_;
  storage::MemoryLog log_;
  plan::ConnectorTableFacts facts_;
  plan::Session session_;
  Status status_;
};

// "a.b.c"
plan::TablePath PathOf(const std::string& full_name) {
  size_t first = full_name.find('.');
  size_t second = full_name.find('.', first + 1);
  return {full_name.substr(0, first), full_name.substr(first + 1, second - first - 1),
          full_name.substr(second + 1)};
}

}  // namespace

Result<Script> Script::Make(const std::string& text, const Inputs& given,
                            const std::map<std::string, std::string>& settings) {
  // As it is, for its errors.
  ASSIGN_OR_RETURN(sql::Script parsed, sql::ParseScript(text));
  Inputs inputs = given;
  inputs.handed_on = FilledTables(parsed);
  RETURN_IF_ERROR(Planner(inputs, settings).Plan(parsed));
  Script script;
  script.job_text_ = script.definitions_ = text;
  auto select_count = static_cast<int>(
      std::count_if(parsed.statements.begin(), parsed.statements.end(),
                    [](const auto& s) { return s->kind == StatementKind::kQuery; }));
  for (auto it = parsed.statements.rbegin(); it != parsed.statements.rend(); ++it) {
    const sql::Statement& statement = **it;
    if (IsOfTest(statement)) Blank(statement, &script.job_text_);
    if (IsOfTest(statement) || RunsSomething(statement)) Blank(statement, &script.definitions_);
    if (statement.kind != StatementKind::kQuery) continue;
    script.job_text_.insert(
        statement.span.begin,
        fmt::format("CREATE TABLE `{}` WITH ('connector' = '{}') AS ",
                    select_count == 1 ? "result" : fmt::format("result-{}", select_count),
                    kResultConnector));
    --select_count;
  }
  ASSIGN_OR_RETURN(sql::Script rewritten, sql::ParseScript(script.job_text_));
  Planner planner(inputs, settings);
  ASSIGN_OR_RETURN(std::vector<plan::Plan> plans, planner.Plan(rewritten));
  for (const plan::Plan& plan : plans) script.AddPlan(plan);
  for (ScriptSource& source : script.sources_) {
    const plan::CatalogTable* table = planner.catalog().FindTable(PathOf(source.table.name));
    if (table == nullptr || !table->watermark) continue;
    const plan::TableWatermark& watermark = *table->watermark;
    source.watermark = {table->columns[static_cast<size_t>(watermark.column)].name,
                        watermark.expr_sql};
  }
  for (const ScriptSource& source : script.sources_) {
    bool has_input = inputs.fixtures.contains(source.name);
    if (!has_input && inputs.handed_on.contains(source.name)) script.handed_on_.insert(source.name);
  }
  std::erase_if(script.sinks_,
                [&](const ScriptSink& sink) { return script.handed_on_.contains(sink.name); });
  if (script.sinks_.empty()) {
    return MakeError(ErrorCode::kSemanticError,
                     {.message = "the script has no INSERT and no SELECT: there is nothing to "
                                 "test"});
  }
  return script;
}

void Script::AddPlan(const plan::Plan& plan) {
  for (const plan::PlanNode* node : plan::InTopologicalOrder(plan)) {
    if (node->kind == plan::NodeKind::kScan) {
      AddSource(static_cast<const plan::ScanNode&>(*node));
    } else if (node->kind == plan::NodeKind::kSink) {
      AddSink(static_cast<const plan::SinkNode&>(*node));
    }
  }
}

void Script::AddSource(const plan::ScanNode& scan) {
  std::string name = ShortName(scan.table_name);
  auto is_it = [&](const ScriptSource& source) { return source.name == name; };
  if (std::any_of(sources_.begin(), sources_.end(), is_it)) return;
  sources_.push_back({.name = std::move(name),
                      .table = scan.table,
                      .insert_only = scan.changelog.insert_only(),
                      .watermark = std::nullopt});
}

void Script::AddSink(const plan::SinkNode& node) {
  auto is_it = [&](const ScriptSink& sink) { return sink.table_name == node.table.name; };
  if (std::any_of(sinks_.begin(), sinks_.end(), is_it)) return;
  ScriptSink& sink = sinks_.emplace_back();
  sink.table_name = node.table.name;
  sink.name = ShortName(node.table.name);
  sink.key = node.primary_key;
  sink.mode = node.mode;
  for (const process::RowField& column : node.columns) {
    sink.columns.push_back(column.name());
    sink.types.push_back(column.type());
  }
}

}  // namespace mainstem::sqltest

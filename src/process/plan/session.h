// One user's conversation with the engine: a catalogue, settings, and the answer to each statement.
// Statements that need a running engine (queries, INSERT, STOP JOB, SHOW JOBS) come back as plans
// or requests for the caller to carry out. Used by one thread at a time; no I/O of its own.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "process/expr/function_registry.h"
#include "process/plan/binder.h"
#include "process/plan/catalog.h"
#include "process/plan/logical_plan.h"
#include "process/plan/settings.h"
#include "process/plan/table_facts.h"
#include "process/sql/syntax_statement.h"

namespace mainstem::process::plan {

enum class AnswerKind : uint8_t {
  kDone,              // `message` says what was done
  kRows,              // `columns` and `rows`: SHOW, DESCRIBE, EXPLAIN ...
  kQuery,             // run `plan`; its one sink collects rows for the user
  kJob,               // run `plan` as a job
  kStopJob,           // `job_id`
  kShowJobs,          // list the jobs, or `job_id` alone
  kExplainWatermark,  // of `job_id`
};

struct Answer {
  AnswerKind kind = AnswerKind::kDone;
  std::string message;
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;
  Plan plan;        // kShowJobs, kExplainWatermark: its time zone only
  std::string sql;  // the statement's text, for kQuery and kJob
  std::string job_id;
  bool with_savepoint = false;
  bool with_drain = false;
};

class Session {
 public:
  // All borrowed for the session's life.
  Session(const FunctionRegistry* functions, const TableFacts* facts);

  // `statement` may be dropped afterwards.
  Result<Answer> Execute(const sql::Statement& statement);

  Settings& settings() { return settings_; }
  Catalog& catalog() { return catalog_; }
  // For SHOW CONNECTORS.
  void set_connector_names(std::vector<std::string> names) { connectors_ = std::move(names); }

 private:
  BinderContext Context() const { return {&catalog_, functions_, facts_, &settings_}; }
  Result<Answer> CreateTable(const sql::CreateTable& create);
  Result<Answer> FillCreatedTable(const sql::CreateTable& create);
  Result<Answer> CreateView(const sql::CreateView& create);
  Result<Answer> CreateCatalog(const sql::CreateCatalog& create);
  Result<Answer> CreateDatabase(const sql::CreateDatabase& create);
  Result<Answer> Drop(const sql::Drop& drop);
  // Takes a permanent table or view off its name, and gives the one to put it under.
  Result<TablePath> Rename(const sql::Statement& statement, const TablePath& path,
                           const sql::ObjectName& new_name);
  Result<Answer> AlterTable(const sql::AlterTable& alter);
  Result<Answer> AlterView(const sql::AlterView& alter);
  Result<Answer> AlterDatabase(const sql::AlterDatabase& alter);
  Result<Answer> Explain(const sql::Explain& explain);
  Result<Answer> Describe(const sql::Describe& describe);
  Result<Answer> Show(const sql::Show& show);
  Result<Answer> ShowCreate(const sql::Show& show);
  Result<Answer> Use(const sql::Use& use);
  Result<Answer> Set(const sql::Set& set);
  Result<Answer> ShowTables(const sql::Show& show);
  Result<Answer> ShowDatabases(const sql::Show& show);
  Result<Answer> ShowCreateCatalog(const sql::Show& show);
  Result<Answer> ShowPartitions(const sql::Show& show);
  Result<Answer> DescribeCatalog(const sql::Describe& describe);
  Status CatalogMissing(const sql::Statement& statement, const sql::ObjectName& name) const;
  Result<Answer> RunQuery(const sql::QueryStatement& statement);
  Result<Answer> RunInserts(const sql::Statement& statement);
  Result<std::vector<std::shared_ptr<SinkNode>>> BindSinks(const sql::Statement& statement);
  Status Error(const sql::Statement& statement, const sql::SourceSpan& span, std::string message,
               std::string hint = {}) const;
  Status NotYet(const sql::Statement& statement, std::string what) const;

  const FunctionRegistry* const functions_;
  const TableFacts* const facts_;
  std::vector<std::string> connectors_;
  Catalog catalog_;
  Settings settings_;
};

}  // namespace mainstem::process::plan

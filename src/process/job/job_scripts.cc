// The part of the job manager that plans scripts and runs those that run now.
#include <map>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <arrow/api.h>
#include <fmt/format.h>

#include "core/run_to_end.h"
#include "process/job/job_answers.h"
#include "process/job/job_manager_impl.h"
#include "process/job/job_settings.h"
#include "process/job/result_writer.h"
#include "process/plan/planner.h"
#include "process/sql/diagnostic.h"
#include "process/sql/parser.h"
#include "process/sql/source_text.h"

namespace mainstem::process {
namespace {

Status Define(const sql::Statement& statement, plan::Session* session) {
  ASSIGN_OR_RETURN(const plan::Answer answer, session->Execute(statement));
  if (answer.kind == plan::AnswerKind::kDone) return Status::OK();
  return MakeError(ErrorCode::kInvalidArgument,
                   "the definitions before a script have a statement "
                   "that gives rows or starts a job");
}

// Parts of an expression, each once, by where they are written.
using PartsByPlace = std::map<size_t, const BoundExpr*>;

// The parts of `expr` that an evaluation's error may mean by `text`.
void AddPartsCalled(std::string_view text, const BoundExpr& expr, PartsByPlace* parts) {
  for (const ExprPtr& arg : expr.args()) AddPartsCalled(text, *arg, parts);
  if (expr.span().line > 0 && expr.ToString() == text) parts->emplace(expr.span().begin, &expr);
}

std::vector<ExprPtr> RowExpressions(const plan::PlanNode& node) {
  switch (node.kind) {
    case plan::NodeKind::kProject: return static_cast<const plan::ProjectNode&>(node).exprs;
    case plan::NodeKind::kFilter: return {static_cast<const plan::FilterNode&>(node).predicate};
    case plan::NodeKind::kValues: {
      std::vector<ExprPtr> all;
      for (const auto& row : static_cast<const plan::ValuesNode&>(node).rows) {
        all.insert(all.end(), row.begin(), row.end());
      }
      return all;
    }
    default: return {};
  }
}

std::string_view TableNameOf(const plan::PlanNode& node) {
  if (node.kind == plan::NodeKind::kScan) {
    return static_cast<const plan::ScanNode&>(node).table_name;
  }
  if (node.kind == plan::NodeKind::kSink) {
    return static_cast<const plan::SinkNode&>(node).table_name;
  }
  return {};
}

// `status` at `span` of the statement. A node may come from a view, whose text is another: only a
// place with the word that must stand there is shown.
std::optional<Status> ErrorInStatement(const Status& status, const sql::Statement& statement,
                                       const SourceSpan& span, std::string_view word) {
  const sql::SourceSpan place{static_cast<uint32_t>(span.begin), static_cast<uint32_t>(span.end),
                              static_cast<uint32_t>(span.line), static_cast<uint32_t>(span.column)};
  const bool is_inside =
      span.line > 0 && place.begin >= statement.span.begin && place.end <= statement.span.end;
  if (!is_inside) return std::nullopt;
  const std::string written = absl::AsciiStrToUpper(std::string(statement.source->Slice(place)));
  if (!absl::StrContains(written, absl::AsciiStrToUpper(std::string(word)))) return std::nullopt;
  const ErrorText text = TextOf(status);
  return sql::ErrorAt(CodeOf(status), *statement.source,
                      {.span = place, .message = text.message, .hint = text.hint});
}

// At the expression that the detail "in CAST(..)" names, if no other one of the plan is called so:
// columns of different inputs may be.
std::optional<Status> ErrorInExpression(const Status& status, const sql::Statement& statement,
                                        const plan::Plan& plan) {
  const ErrorText text = TextOf(status);
  PartsByPlace parts;
  for (const plan::PlanNode* node : plan::InTopologicalOrder(plan)) {
    for (const ExprPtr& expr : RowExpressions(*node)) {
      AddPartsCalled(std::string_view(text.detail).substr(3), *expr, &parts);
    }
  }
  if (parts.size() != 1) return std::nullopt;
  const BoundExpr& part = *parts.begin()->second;
  const std::string word = part.kind() == ExprKind::kCast ? "CAST" : part.name();
  return ErrorInStatement(status, statement, part.span(), word);
}

// Adds to an error of the statement's run the place of the expression or table that it names.
Status AtPlannedPlace(const Status& status, const sql::Statement& statement,
                      const plan::Plan& plan) {
  const ErrorText text = TextOf(status);
  if (text.message.starts_with("line ")) return status;
  if (text.detail.starts_with("in ")) {
    return ErrorInExpression(status, statement, plan).value_or(status);
  }
  for (const plan::PlanNode* node : plan::InTopologicalOrder(plan)) {
    const std::string_view table = TableNameOf(*node);
    const bool is_it = text.detail.empty() && !table.empty() &&
                       absl::StrContains(text.message, fmt::format("table '{}'", table));
    if (!is_it) continue;
    const std::string_view word = table.substr(table.rfind('.') + 1);
    const auto located = ErrorInStatement(status, statement, node->span, word);
    if (located) return *located;
  }
  return status;
}

}  // namespace

std::unique_ptr<plan::Session> JobManagerImpl::NewSession() const {
  auto session = std::make_unique<plan::Session>(&functions_, facts_.get());
  std::vector<std::string> names;
  for (const auto* spec : environment_.registry->List()) names.push_back(spec->name);
  session->set_connector_names(std::move(names));
  return session;
}

Status JobManagerImpl::ApplySettings(const std::map<std::string, std::string>& settings,
                                     plan::Session* session) const {
  for (const auto* map : {&options_.default_settings, &settings}) {
    for (const auto& [key, value] : *map) {
      RETURN_IF_ERROR(session->settings().Set(key, value));
    }
  }
  session->settings().KeepAsInitial();
  return Status::OK();
}

Result<plan::Answer> JobManagerImpl::PlanOf(const JobRecord& record) const {
  auto session = NewSession();
  RETURN_IF_ERROR(ApplySettings(record.settings, session.get()));
  ASSIGN_OR_RETURN(sql::Script script, sql::ParseScript(record.script));
  for (size_t i = 0; i < script.statements.size(); ++i) {
    ASSIGN_OR_RETURN(plan::Answer answer, session->Execute(*script.statements[i]));
    if (i == record.statement_index) return answer;
  }
  return MakeError(ErrorCode::kCorruptStorage, "the job's script has no such statement");
}

Task<> JobManagerImpl::ExecuteHere(std::string text, ExecuteOptions options,
                                   ResultListener* listener) {
  auto session = NewSession();
  CO_RETURN_IF_ERROR(ApplySettings(options.settings, session.get()));
  const size_t given = options.definitions.size();
  text.insert(0, options.definitions);
  CO_ASSIGN_OR_RETURN(sql::Script script, sql::ParseScript(text, given));
  std::vector<std::string> temporary;
  Status status;
  int own = 0;
  for (size_t i = 0; i < script.statements.size() && status.ok(); ++i) {
    const sql::Statement& statement = *script.statements[i];
    if (statement.span.begin < given) {
      status = Define(statement, session.get());
      continue;
    }
    status = listener->OnStatement(own++, statement.source->Slice(statement.span));
    if (!status.ok()) break;
    status =
        co_await ExecuteStatement(statement, i, text, options, session.get(), listener, &temporary);
  }
  for (const std::string& id : temporary) {
    Status removed = co_await RunToEnd(home_, RemoveTemporary(id));
    if (status.ok()) status = removed;
  }
  co_return status;
}

Task<> JobManagerImpl::ExecuteStatement(const sql::Statement& statement, size_t index,
                                        const std::string& script, const ExecuteOptions& options,
                                        plan::Session* session, ResultListener* listener,
                                        std::vector<std::string>* temporary) {
  auto answer = session->Execute(statement);
  Status status = answer.status();
  std::string message;
  if (status.ok()) {
    message = answer->message;
    const plan::Plan plan = answer->plan;  // shares the nodes
    status =
        co_await Carry(std::move(*answer), index, script, options, listener, temporary, &message);
    if (!status.ok() && !Is(status, ErrorCode::kCancelled)) {
      status = AtPlannedPlace(status, statement, plan);
    }
  }
  if (Is(status, ErrorCode::kCancelled)) co_return status;
  if (!status.ok()) co_return listener->OnStatementError(status);
  co_return listener->OnStatementDone(message);
}

Task<> JobManagerImpl::Carry(plan::Answer answer, size_t index, const std::string& script,
                             const ExecuteOptions& options, ResultListener* listener,
                             std::vector<std::string>* temporary, std::string* message) {
  switch (answer.kind) {
    case plan::AnswerKind::kDone: co_return Status::OK();
    case plan::AnswerKind::kRows: co_return GiveRows(std::move(answer), listener);
    case plan::AnswerKind::kShowJobs: co_return co_await ShowJobs(answer, listener);
    case plan::AnswerKind::kExplainWatermark: co_return co_await ShowWatermark(answer, listener);
    case plan::AnswerKind::kStopJob: co_return co_await StopBySql(answer, listener);
    case plan::AnswerKind::kQuery:
      co_return co_await RunQuery(std::move(answer), listener, message);
    case plan::AnswerKind::kJob: break;
  }
  SubmitOptions submit;
  submit.settings = options.settings;
  bool durable = options.durable_jobs && log();
  CO_ASSIGN_OR_RETURN(std::shared_ptr<Job> job,
                      co_await AddJob(script, index, std::move(answer), std::move(submit), durable,
                                      options.wait_for_inserts));
  std::string id = job->record.id;
  if (!durable) temporary->push_back(id);
  CO_RETURN_IF_ERROR(listener->OnJob(id));
  if (!options.wait_for_inserts) co_return Status::OK();
  std::shared_ptr<TaskScope> scope = job->scope;
  CO_RETURN_IF_ERROR(co_await scope->Join());
  if (job->runner->state() == JobState::kFailed) co_return job->runner->failure();
  co_return listener->OnJobFinished(DescriptionOf(*job));
}

Task<> JobManagerImpl::ShowJobs(const plan::Answer& answer, ResultListener* listener) {
  std::vector<JobDescription> jobs;
  if (answer.job_id.empty()) {
    CO_ASSIGN_OR_RETURN(jobs, co_await ListHere());
  } else {
    CO_ASSIGN_OR_RETURN(std::shared_ptr<Job> job, Find(answer.job_id));
    jobs.push_back(DescriptionOf(*job));
  }
  co_return GiveJobs(jobs, answer.plan.time_zone, listener);
}

Task<> JobManagerImpl::ShowWatermark(const plan::Answer& answer, ResultListener* listener) {
  CO_ASSIGN_OR_RETURN(const WatermarkReport report, co_await WatermarkHere(answer.job_id));
  co_return GiveWatermark(report, answer.plan.time_zone, listener);
}

Task<> JobManagerImpl::StopBySql(const plan::Answer& answer, ResultListener* listener) {
  if (!answer.with_savepoint) co_return co_await CancelHere(answer.job_id);
  StopJobOptions options;
  options.drain = answer.with_drain;
  CO_ASSIGN_OR_RETURN(std::string path,
                      co_await StopWithSavepointHere(answer.job_id, std::move(options)));
  co_return GiveSavepoint(path, listener);
}

Task<> JobManagerImpl::RunQuery(plan::Answer answer, ResultListener* listener,
                                std::string* message) {
  const plan::Columns columns = answer.plan.sinks[0]->inputs[0]->columns;
  std::vector<ResultColumn> header;
  for (const RowField& column : columns) {
    header.push_back({column.name(), column.type().ToResultString()});
  }
  CO_RETURN_IF_ERROR(listener->OnColumns(header));
  EvalContext eval;
  CO_ASSIGN_OR_RETURN(eval.time_zone, ParseTimeZone(answer.plan.time_zone));
  JobRecord record;
  record.id = fmt::format("query-{:016x}", env()->Random());
  CO_ASSIGN_OR_RETURN(JobRunnerOptions options, OptionsFor(record, answer.plan));
  options.durable = false;
  options.fail_fast = true;
  options.make_collector = [columns, eval, listener]() -> std::unique_ptr<connector::InlineWriter> {
    return std::make_unique<ResultWriter>(columns, eval, listener);
  };
  auto shared = std::make_shared<const plan::Plan>(std::move(answer.plan));
  JobRunner runner(&environment_, std::move(shared), std::move(options));
  Status status = co_await runner.Run();
  CheckpointStore store(env(), state_, options_.state_directory + "/" + record.id);
  Status removed = co_await RunToEnd(home_, store.RemoveAll());
  CO_RETURN_IF_ERROR(status);
  const JobDescription described = runner.Describe();
  if (described.rejected_rows > 0) {
    *message =
        fmt::format("{} record{} could not be decoded; the first: {}", described.rejected_rows,
                    described.rejected_rows == 1 ? "" : "s", described.first_rejected);
  }
  co_return removed;
}

Task<> JobManagerImpl::RemoveTemporary(std::string id) {
  Result<HeldJob> job = co_await Hold(id);
  if (Is(job.status(), ErrorCode::kNotFound)) co_return Status::OK();
  CO_RETURN_IF_ERROR(job.status());
  CO_RETURN_IF_ERROR(co_await (*job)->scope->Close());
  co_return co_await Forget(job->get());
}

Task<std::string> JobManagerImpl::ExplainHere(std::string text) {
  auto session = NewSession();
  std::map<std::string, std::string> none;
  CO_RETURN_IF_ERROR(ApplySettings(none, session.get()));
  CO_ASSIGN_OR_RETURN(sql::Script script, sql::ParseScript(text));
  for (const auto& statement : script.statements) {
    CO_ASSIGN_OR_RETURN(plan::Answer answer, session->Execute(*statement));
    if (answer.kind == plan::AnswerKind::kQuery || answer.kind == plan::AnswerKind::kJob) {
      co_return plan::PrintPlan(answer.plan, true);
    }
    if (answer.kind == plan::AnswerKind::kRows && statement->kind == sql::StatementKind::kExplain &&
        !answer.rows.empty()) {
      co_return answer.rows[0][0].value_or("");
    }
  }
  co_return MakeError(ErrorCode::kSemanticError, "the script has no query to explain");
}

Task<std::vector<TableCheck>> JobManagerImpl::CheckHere(std::string text, CheckOptions options) {
  auto session = NewSession();
  std::map<std::string, std::string> none;
  CO_RETURN_IF_ERROR(ApplySettings(none, session.get()));
  CO_ASSIGN_OR_RETURN(sql::Script script, sql::ParseScript(text));
  CO_ASSIGN_OR_RETURN(std::vector<TableUse> uses,
                      TableUsesOf(script, options.tables, *environment_.registry, session.get()));
  if (options.lists_only) co_return UntriedChecks(uses);
  co_return co_await CheckTables(std::move(uses), environment_.registry, environment_.context);
}

}  // namespace mainstem::process

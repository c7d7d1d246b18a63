#include "server/admin/jobs_api.h"

#include "connector/description.h"
#include "process/job/job_manager.h"

namespace mainstem::server {
namespace {

using process::JobDescription;
using process::JobState;

template <typename Number>
void WriteOrNull(const char* name, const std::optional<Number>& value, JsonWriter* json) {
  json->Key(name);
  if (value) {
    json->Value(*value);
  } else {
    json->Null();
  }
}

void WriteOperator(const process::OperatorDescription& op, JsonWriter* json) {
  json->BeginObject().Field("id", op.id).Field("name", op.name).Field("detail", op.detail);
  json->Field("parallelism", op.parallelism).Key("inputs").BeginArray();
  for (int input : op.inputs) json->Value(input);
  json->EndArray().Key("exchanges").BeginArray();
  for (const std::string& exchange : op.exchanges) json->Value(exchange);
  json->EndArray().Field("rows_in", op.rows_in).Field("rows_out", op.rows_out);
  json->Field("rows_in_per_second", op.rows_in_per_second);
  json->Field("rows_out_per_second", op.rows_out_per_second);
  json->Field("bytes_in_per_second", op.bytes_in_per_second);
  WriteOrNull("watermark_ms", op.watermark_ms, json);
  json->Field("busy_ratio", op.busy_ratio).Field("backpressured_ratio", op.backpressured_ratio);
  json->Field("state_entries", op.state_entries).Field("state_bytes", op.state_bytes);
  json->Field("late_rows", op.late_rows).Field("rejected_rows", op.rejected_rows);
  json->Field("lag_records", op.lag_records).EndObject();
}

void WriteSink(const process::SinkDescription& sink, JsonWriter* json) {
  json->BeginObject().Field("name", sink.name).Field("connector", sink.connector);
  json->Field("guarantee", sink.guarantee).Field("rows_delivered", sink.rows_delivered);
  json->Field("lag_records", sink.lag_records).Key("positions").BeginArray();
  for (int64_t position : sink.positions) json->Value(position);
  json->EndArray().Field("state", sink.state).Field("last_error", sink.last_error);
  json->Field("retry_count", sink.retry_count).Field("rejected_rows", sink.rejected_rows);
  json->EndObject();
}

void WriteProgress(const process::ProgressDescription& progress, JsonWriter* json) {
  json->Key("progress").BeginObject();
  WriteOrNull("ratio", progress.ratio, json);
  WriteOrNull("eta_ms", progress.eta_ms, json);
  json->EndObject();
}

void WriteSavepoint(const process::SavepointDescription& savepoint, JsonWriter* json) {
  json->Key("savepoint").BeginObject().Field("path", savepoint.path);
  json->Field("completed_at_ms", savepoint.completed_at_ms);
  json->Field("in_progress", savepoint.in_progress).Field("error", savepoint.error).EndObject();
}

void WriteWatermarkRow(const process::WatermarkReport::Row& row, JsonWriter* json) {
  json->BeginObject().Field("table", row.table).Field("partition", row.split);
  WriteOrNull("watermark_ms", row.watermark_ms, json);
  WriteOrNull("unread", row.unread, json);
  json->Field("state", ToString(row.state));
  WriteOrNull("quiet_since_ms", row.quiet_since_ms, json);
  json->Field("holds_back", row.holds_back).Field("why", row.why).EndObject();
}

Task<> RespondSavepoint(HttpExchange* exchange, std::string path) {
  JsonWriter json;
  json.BeginObject().Field("path", path).EndObject();
  co_return co_await RespondJson(exchange, 200, json.Take());
}

Result<std::map<std::string, std::string>> Settings(const JsonBody& body) {
  ASSIGN_OR_RETURN(auto given, body.TextMap("settings"));
  std::map<std::string, std::string> settings;
  for (auto& [key, value] : given) {
    if (value) settings[key] = std::move(*value);
  }
  return settings;
}

}  // namespace

void WriteJob(const JobDescription& job, bool operators, JsonWriter* json) {
  json->Field("id", job.id).Field("name", job.name).Field("statement", job.statement);
  json->Field("state", ToString(job.state)).Field("bounded", job.bounded);
  json->Field("parallelism", job.parallelism).Field("error", job.error);
  json->Field("restart_count", job.restart_count).Field("created_at_ms", job.created_at_ms);
  json->Field("started_at_ms", job.started_at_ms).Field("finished_at_ms", job.finished_at_ms);
  json->Key("checkpoint").BeginObject().Field("id", job.checkpoint.id);
  json->Field("completed_at_ms", job.checkpoint.completed_at_ms);
  json->Field("duration_ms", job.checkpoint.duration_ms);
  json->Field("failed_count", job.checkpoint.failed_count).EndObject();
  WriteSavepoint(job.savepoint, json);
  WriteProgress(job.progress, json);
  json->Field("rejected_rows", job.rejected_rows).Field("first_rejected", job.first_rejected);
  json->Field("quarantine_topic", job.quarantine_topic);
  if (!operators) return;
  json->Key("operators").BeginArray();
  for (const auto& op : job.operators) WriteOperator(op, json);
  json->EndArray().Key("sinks").BeginArray();
  for (const auto& sink : job.sinks) WriteSink(sink, json);
  json->EndArray();
}

void JobsApi::AddRoutes(net::HttpRouter* router) {
  bool remote = options_->allow_remote_changes;
  net::HttpRouteOptions script{.body_limit = kScriptLimit};
  router->Add(HttpMethod::kGet, "/api/v1/jobs",
              [this](HttpExchange* exchange) { return List(exchange); });
  router->Add(HttpMethod::kPost, "/api/v1/jobs",
              Changing(remote, [this](HttpExchange* exchange) { return Submit(exchange); }),
              script);
  router->Add(HttpMethod::kGet, "/api/v1/jobs/{job}",
              [this](HttpExchange* exchange) { return Show(exchange); });
  router->Add(HttpMethod::kGet, "/api/v1/jobs/{job}/watermark",
              [this](HttpExchange* exchange) { return ShowWatermark(exchange); });
  auto act = [&](HttpMethod method, const char* path, JobAction action) {
    router->Add(method, path, Changing(remote, [this, action](HttpExchange* exchange) {
                  return Act(exchange, action);
                }));
  };
  router->Add(HttpMethod::kPost, "/api/v1/jobs/{job}/stop",
              Changing(remote, [this](HttpExchange* exchange) { return Stop(exchange); }));
  router->Add(HttpMethod::kPost, "/api/v1/jobs/{job}/savepoints",
              Changing(remote, [this](HttpExchange* exchange) { return TakeSavepoint(exchange); }));
  router->Add(HttpMethod::kPost, "/api/v1/jobs/{job}/resume",
              Changing(remote, [this](HttpExchange* exchange) { return Resume(exchange); }));
  act(HttpMethod::kPost, "/api/v1/jobs/{job}/accept-lost-position",
      &process::JobManager::AcceptLostPositions);
  act(HttpMethod::kPost, "/api/v1/jobs/{job}/cancel", &process::JobManager::CancelJob);
  act(HttpMethod::kDelete, "/api/v1/jobs/{job}", &process::JobManager::DeleteJob);
  router->Add(HttpMethod::kPost, "/api/v1/explain",
              Changing(remote, [this](HttpExchange* exchange) { return Explain(exchange); }),
              script);
  router->Add(HttpMethod::kGet, "/api/v1/connectors",
              [this](HttpExchange* exchange) { return Connectors(exchange); });
  router->Add(HttpMethod::kPost, "/api/v1/connectors/check",
              Changing(remote, [this](HttpExchange* exchange) { return CheckTables(exchange); }),
              script);
}

Task<> JobsApi::List(HttpExchange* exchange) {
  if (jobs_ == nullptr) co_return Missing("the SQL engine");
  CO_ASSIGN_OR_RETURN(auto jobs, co_await jobs_->ListJobs());
  JsonWriter json;
  json.BeginObject().Key("jobs").BeginArray();
  for (const JobDescription& job : jobs) {
    json.BeginObject();
    WriteJob(job, false, &json);
    json.EndObject();
  }
  json.EndArray().EndObject();
  co_return co_await RespondJson(exchange, 200, json.Take());
}

Task<> JobsApi::Submit(HttpExchange* exchange) {
  if (jobs_ == nullptr) co_return Missing("the SQL engine");
  std::vector<std::string> known{"script", "name", "settings"};
  CO_ASSIGN_OR_RETURN(JsonBody body, JsonBody::Parse(exchange->request().body, known));
  CO_ASSIGN_OR_RETURN(std::string script, body.RequiredText("script"));
  process::SubmitOptions submit;
  CO_ASSIGN_OR_RETURN(auto name, body.Text("name"));
  submit.name = name.value_or("");
  CO_ASSIGN_OR_RETURN(submit.settings, Settings(body));
  CO_ASSIGN_OR_RETURN(auto ids, co_await jobs_->Submit(std::move(script), std::move(submit)));
  JsonWriter json;
  json.BeginObject().Key("job_ids").BeginArray();
  for (const std::string& id : ids) json.Value(id);
  json.EndArray().EndObject();
  co_return co_await RespondJson(exchange, 201, json.Take());
}

Task<> JobsApi::Show(HttpExchange* exchange) {
  if (jobs_ == nullptr) co_return Missing("the SQL engine");
  CO_ASSIGN_OR_RETURN(JobDescription job,
                      co_await jobs_->DescribeJob(exchange->request().Parameter("job")));
  JsonWriter json;
  json.BeginObject();
  WriteJob(job, true, &json);
  json.EndObject();
  co_return co_await RespondJson(exchange, 200, json.Take());
}

Task<> JobsApi::ShowWatermark(HttpExchange* exchange) {
  if (jobs_ == nullptr) co_return Missing("the SQL engine");
  CO_ASSIGN_OR_RETURN(const process::WatermarkReport report,
                      co_await jobs_->ExplainWatermark(exchange->request().Parameter("job")));
  JsonWriter json;
  json.BeginObject();
  WriteOrNull("watermark_ms", report.watermark_ms, &json);
  json.Field("summary", report.summary).Key("partitions").BeginArray();
  for (const auto& row : report.rows) WriteWatermarkRow(row, &json);
  json.EndArray().EndObject();
  co_return co_await RespondJson(exchange, 200, json.Take());
}

Task<> JobsApi::Act(HttpExchange* exchange, JobAction action) {
  if (jobs_ == nullptr) co_return Missing("the SQL engine");
  CO_RETURN_IF_ERROR(co_await (jobs_->*action)(exchange->request().Parameter("job")));
  co_return co_await RespondJson(exchange, 200, "{}");
}

Task<> JobsApi::Stop(HttpExchange* exchange) {
  if (jobs_ == nullptr) co_return Missing("the SQL engine");
  const std::string id = exchange->request().Parameter("job");
  if (exchange->request().body.empty())
    co_return co_await Act(exchange, &process::JobManager::StopJob);
  std::vector<std::string> known{"savepoint", "folder", "drain"};
  CO_ASSIGN_OR_RETURN(JsonBody body, JsonBody::Parse(exchange->request().body, known));
  CO_ASSIGN_OR_RETURN(const bool with_savepoint, body.Flag("savepoint", false));
  process::StopJobOptions options;
  CO_ASSIGN_OR_RETURN(auto folder, body.Text("folder"));
  CO_ASSIGN_OR_RETURN(options.drain, body.Flag("drain", false));
  if (!with_savepoint) {
    if (folder || options.drain) {
      co_return MakeError(ErrorCode::kInvalidArgument,
                          "folder and drain are for a stop with a savepoint");
    }
    co_return co_await Act(exchange, &process::JobManager::StopJob);
  }
  options.folder = folder.value_or("");
  CO_ASSIGN_OR_RETURN(std::string path,
                      co_await jobs_->StopJobWithSavepoint(id, std::move(options)));
  co_return co_await RespondSavepoint(exchange, std::move(path));
}

Task<> JobsApi::Resume(HttpExchange* exchange) {
  if (jobs_ == nullptr) co_return Missing("the SQL engine");
  process::ResumeMode mode = process::ResumeMode::kAlone;
  if (!exchange->request().body.empty()) {
    std::vector<std::string> known{"beside_successor"};
    CO_ASSIGN_OR_RETURN(JsonBody body, JsonBody::Parse(exchange->request().body, known));
    CO_ASSIGN_OR_RETURN(const bool beside, body.Flag("beside_successor", false));
    if (beside) mode = process::ResumeMode::kBesideSuccessor;
  }
  CO_RETURN_IF_ERROR(co_await jobs_->ResumeJob(exchange->request().Parameter("job"), mode));
  co_return co_await RespondJson(exchange, 200, "{}");
}

Task<> JobsApi::TakeSavepoint(HttpExchange* exchange) {
  if (jobs_ == nullptr) co_return Missing("the SQL engine");
  process::SavepointOptions options;
  if (!exchange->request().body.empty()) {
    std::vector<std::string> known{"folder"};
    CO_ASSIGN_OR_RETURN(JsonBody body, JsonBody::Parse(exchange->request().body, known));
    CO_ASSIGN_OR_RETURN(auto folder, body.Text("folder"));
    options.folder = folder.value_or("");
  }
  CO_ASSIGN_OR_RETURN(
      std::string path,
      co_await jobs_->TakeSavepoint(exchange->request().Parameter("job"), std::move(options)));
  co_return co_await RespondSavepoint(exchange, std::move(path));
}

Task<> JobsApi::Explain(HttpExchange* exchange) {
  if (jobs_ == nullptr) co_return Missing("the SQL engine");
  std::vector<std::string> known{"script"};
  CO_ASSIGN_OR_RETURN(JsonBody body, JsonBody::Parse(exchange->request().body, known));
  CO_ASSIGN_OR_RETURN(std::string script, body.RequiredText("script"));
  CO_ASSIGN_OR_RETURN(std::string plan, co_await jobs_->Explain(std::move(script)));
  JsonWriter json;
  json.BeginObject().Field("plan", plan).EndObject();
  co_return co_await RespondJson(exchange, 200, json.Take());
}

Task<> JobsApi::Connectors(HttpExchange* exchange) {
  if (!dependencies_->connectors) co_return Missing("connectors");
  JsonWriter json;
  json.BeginObject().Key("connectors").BeginArray();
  for (const connector::ConnectorSpec* spec : dependencies_->connectors()) {
    connector::WriteDescription(*spec, &json);
  }
  json.EndArray().EndObject();
  co_return co_await RespondJson(exchange, 200, json.Take());
}

Task<> JobsApi::CheckTables(HttpExchange* exchange) {
  if (jobs_ == nullptr) co_return Missing("the SQL engine");
  std::vector<std::string> known{"script", "tables", "list"};
  CO_ASSIGN_OR_RETURN(JsonBody body, JsonBody::Parse(exchange->request().body, known));
  CO_ASSIGN_OR_RETURN(std::string script, body.RequiredText("script"));
  process::CheckOptions options;
  CO_ASSIGN_OR_RETURN(options.tables, body.TextList("tables"));
  CO_ASSIGN_OR_RETURN(options.lists_only, body.Flag("list", false));
  CO_ASSIGN_OR_RETURN(std::vector<process::TableCheck> checks,
                      co_await jobs_->CheckScript(std::move(script), std::move(options)));
  JsonWriter json;
  json.BeginObject().Key("checks").BeginArray();
  for (const process::TableCheck& check : checks) {
    ErrorText problem = check.status.ok() ? ErrorText{} : TextOf(check.status);
    json.BeginObject().Field("table", check.table).Field("connector", check.connector);
    json.Field("as", check.is_sink ? "sink" : "source").Field("ok", check.status.ok());
    json.Field("found", check.found).Field("problem", problem.message);
    json.Field("detail", problem.detail).Field("hint", problem.hint);
    json.Field("evolves", check.evolves).Key("differences").BeginArray();
    for (const connector::Difference& difference : check.differences) {
      json.BeginObject().Field("kind", ToString(difference.kind));
      json.Field("column", difference.column).Field("problem", difference.problem);
      json.Field("cure", difference.cure).Field("statement", difference.statement);
      json.Field("blocks", difference.blocks).EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray().EndObject();
  co_return co_await RespondJson(exchange, 200, json.Take());
}

}  // namespace mainstem::server

#include "server/admin/sql_api.h"

#include "process/job/job_manager.h"

namespace mainstem::server {
namespace {

using namespace std::chrono_literals;

// What a result may be ahead of its reader. Beyond it the query ends with an error: results come
// synchronously, so they cannot be made to wait.
constexpr size_t kAheadBytes = 32 << 20;
constexpr Duration kHeartbeat = 5s;

// Turns results into lines that the writing task takes. Shard 0 only.
class LineListener final : public process::ResultListener {
 public:
  explicit LineListener(Executor executor) : changed(executor) {}

  Status OnStatement(int index, std::string_view text) override {
    JsonWriter json;
    json.BeginObject().Field("statement", index).Field("text", text).EndObject();
    return Add(json.Take());
  }
  Status OnColumns(const std::vector<process::ResultColumn>& columns) override {
    JsonWriter json;
    json.BeginObject().Key("columns").BeginArray();
    for (const auto& column : columns) {
      json.BeginObject().Field("name", column.name).Field("type", column.type).EndObject();
    }
    json.EndArray().EndObject();
    return Add(json.Take());
  }
  Status OnRows(std::vector<process::ResultRow> rows) override {
    JsonWriter json;
    json.BeginObject().Key("rows").BeginArray();
    for (const auto& row : rows) {
      json.BeginArray().Value(row.kind);
      for (const auto& field : row.fields) {
        if (field) {
          json.Value(*field);
        } else {
          json.Null();
        }
      }
      json.EndArray();
    }
    json.EndArray().EndObject();
    return Add(json.Take());
  }
  Status OnJob(const std::string& job_id) override {
    JsonWriter json;
    json.BeginObject().Field("job", job_id).EndObject();
    return Add(json.Take());
  }
  Status OnStatementDone(const std::string& message) override {
    JsonWriter json;
    json.BeginObject().Field("done", message).EndObject();
    return Add(json.Take());
  }

  Status Add(std::string line) {
    if (lines.size() > kAheadBytes) {
      return MakeError(ErrorCode::kResourceExhausted,
                       {.message = "the reader of the result is too slow",
                        .hint = "add a filter, an aggregate or LIMIT"});
    }
    lines += line;
    lines += '\n';
    changed.NotifyAll();
    return Status::OK();
  }

  std::string lines;
  bool done = false;
  Event changed;
};

Task<> RunScript(process::JobManager* jobs, std::string script, process::ExecuteOptions options,
                 LineListener* listener) {
  Status outcome = co_await jobs->Execute(std::move(script), std::move(options), listener);
  if (!outcome.ok()) {
    listener->lines += net::ErrorJson(outcome);
    listener->lines += '\n';
  }
  listener->done = true;
  listener->changed.NotifyAll();
  co_return Status::OK();
}

Task<> WriteLines(Env* env, HttpExchange* exchange, LineListener* listener) {
  while (true) {
    if (!listener->lines.empty()) {
      std::string lines = std::exchange(listener->lines, {});
      CO_RETURN_IF_ERROR(co_await exchange->WriteStream(std::move(lines)));
      continue;
    }
    if (listener->done) co_return Status::OK();
    CO_ASSIGN_OR_RETURN(bool woken, co_await listener->changed.Wait(env->Now() + kHeartbeat));
    // An empty line finds out whether the reader is still there.
    if (!woken) CO_RETURN_IF_ERROR(co_await exchange->WriteStream("\n"));
  }
}

}  // namespace

void SqlApi::AddRoutes(net::HttpRouter* router) {
  router->Add(HttpMethod::kPost, "/api/v1/sql",
              Changing(options_->allow_remote_changes,
                       [this](HttpExchange* exchange) { return Execute(exchange); }),
              {.body_limit = kScriptLimit});
}

Task<> SqlApi::Execute(HttpExchange* exchange) {
  if (jobs_ == nullptr) co_return Missing("the SQL engine");
  std::vector<std::string> known{"script", "definitions", "settings", "wait_for_inserts"};
  CO_ASSIGN_OR_RETURN(JsonBody body, JsonBody::Parse(exchange->request().body, known));
  CO_ASSIGN_OR_RETURN(std::string script, body.RequiredText("script"));
  CO_ASSIGN_OR_RETURN(auto settings, body.TextMap("settings"));
  CO_ASSIGN_OR_RETURN(const auto definitions, body.TextList("definitions"));
  process::ExecuteOptions execute;
  for (const std::string& definition : definitions) execute.definitions += definition + "\n";
  for (auto& [key, value] : settings) {
    if (value) execute.settings[key] = std::move(*value);
  }
  CO_ASSIGN_OR_RETURN(execute.wait_for_inserts, body.Flag("wait_for_inserts", false));
  execute.durable_jobs = !execute.wait_for_inserts;

  net::HttpHeaders headers;
  headers.Add("Content-Type", "application/x-ndjson");
  headers.Add("Cache-Control", "no-store");
  CO_RETURN_IF_ERROR(co_await exchange->StartStream(200, std::move(headers)));
  Executor executor = co_await asio::this_coro::executor;
  LineListener listener(executor);
  TaskScope scope(executor, "sql", [](const std::string&, const Status&) {
    // Told to the reader as the last line.
  });
  scope.Spawn("execute", RunScript(jobs_, std::move(script), std::move(execute), &listener));
  Status written = co_await WriteLines(env_, exchange, &listener);
  IgnoreError(co_await scope.Close(), "the script has ended, or its reader went away");
  co_return written;
}

}  // namespace mainstem::server

#include "server/admin/node_api.h"

#include <charconv>

#include <unistd.h>

#include "core/memory_budget.h"
#include "core/metrics.h"
#include "core/net/server_sent_events.h"
#include "process/job/job_manager.h"
#include "server/admin/jobs_api.h"
#include "server/admin/scrape.h"

namespace mainstem::server {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLiveInterval = 1s;

}  // namespace

NodeApi::NodeApi(const AdminDependencies* dependencies, const AdminOptions* options,
                 TopicSampler* sampler)
    : dependencies_(dependencies),
      options_(options),
      sampler_(sampler),
      started_(dependencies->env->Now()) {}

void NodeApi::AddRoutes(net::HttpRouter* router) {
  router->Add(HttpMethod::kGet, "/api/v1/node",
              [this](HttpExchange* exchange) { return Show(exchange); });
  router->Add(HttpMethod::kGet, "/api/v1/live",
              [this](HttpExchange* exchange) { return Live(exchange); });
  router->Add(HttpMethod::kGet, "/api/v1/history",
              [this](HttpExchange* exchange) { return ShowHistory(exchange); });
  router->Add(HttpMethod::kGet, "/metrics",
              [this](HttpExchange* exchange) { return ShowMetrics(exchange); });
  router->Add(HttpMethod::kGet, "/healthz",
              net::Answering([](const HttpRequest&) -> Result<HttpResponse> {
                return net::TextResponse(200, "text/plain", "ok\n");
              }));
}

Task<int64_t> NodeApi::ResidentBytes() {
  // The second number of /proc/self/statm is in pages. In simulation there is no such file.
  auto file = co_await dependencies_->env->files().Open("/proc/self/statm", {});
  if (!file.ok()) co_return int64_t{0};
  std::array<char, 128> text{};
  auto count =
      co_await (*file)->ReadAt(0, std::as_writable_bytes(std::span(text.data(), text.size())));
  if (!count.ok()) co_return int64_t{0};
  std::string_view numbers(text.data(), *count);
  size_t space = numbers.find(' ');
  int64_t pages = 0;
  if (space != std::string_view::npos) {
    std::from_chars(numbers.data() + space + 1, numbers.data() + numbers.size(), pages);
  }
  co_return pages* sysconf(_SC_PAGESIZE);
}

Task<std::string> NodeApi::DescribeNode(NodeSample sample, int64_t job_count) {
  CO_ASSIGN_OR_RETURN(int64_t resident, co_await ResidentBytes());
  auto disk_free = co_await dependencies_->env->files().FreeBytes(options_->data_dir);
  Duration uptime = dependencies_->env->Now() - started_;
  int64_t topic_count = 0;
  for (const TopicSample& topic : sample.topics) topic_count += topic.topic.internal ? 0 : 1;
  JsonWriter json;
  json.BeginObject().Field("version", options_->version);
  json.Field("uptime_ms", std::chrono::duration_cast<std::chrono::milliseconds>(uptime).count());
  json.Field("now_ms", dependencies_->env->WallTime().value());
  json.Field("data_dir", options_->data_dir).Field("kafka_address", options_->kafka_address);
  json.Field("http_address", options_->http_address).Key("memory").BeginObject();
  const MemoryBudget* memory = dependencies_->memory;
  json.Field("limit_bytes", options_->memory_limit_bytes);
  json.Field("budget_bytes", memory == nullptr ? 0 : memory->total_bytes());
  json.Field("used_bytes", memory == nullptr ? 0 : memory->used_bytes());
  json.Field("rss_bytes", resident).EndObject();
  json.Field("disk_free_bytes", disk_free.ok() ? *disk_free : 0).Key("rates").BeginObject();
  json.Field("bytes_in", sample.bytes_in_per_second);
  if (dependencies_->bytes_out_total) json.Field("bytes_out", sample.bytes_out_per_second);
  json.Field("records_in", sample.records_in_per_second).EndObject();
  json.Field("topic_count", topic_count).Field("job_count", job_count).EndObject();
  co_return json.Take();
}

Task<> NodeApi::Show(HttpExchange* exchange) {
  CO_ASSIGN_OR_RETURN(NodeSample sample, co_await sampler_->Sample());
  int64_t job_count = 0;
  if (dependencies_->jobs != nullptr) {
    CO_ASSIGN_OR_RETURN(auto jobs, co_await dependencies_->jobs->ListJobs());
    job_count = static_cast<int64_t>(jobs.size());
  }
  CO_ASSIGN_OR_RETURN(std::string json, co_await DescribeNode(std::move(sample), job_count));
  co_return co_await RespondJson(exchange, 200, std::move(json));
}

Task<std::string> NodeApi::Snapshot() {
  CO_ASSIGN_OR_RETURN(NodeSample sample, co_await sampler_->Sample());
  JsonWriter json;
  json.BeginObject().Key("topics").BeginArray();
  for (const TopicSample& topic : sample.topics) {
    json.BeginObject();
    WriteTopic(topic, &json);
    json.EndObject();
  }
  json.EndArray().Key("jobs").BeginArray();
  int64_t job_count = 0;
  if (dependencies_->jobs != nullptr) {
    CO_ASSIGN_OR_RETURN(auto jobs, co_await dependencies_->jobs->ListJobs());
    job_count = static_cast<int64_t>(jobs.size());
    for (const auto& job : jobs) {
      json.BeginObject();
      WriteJob(job, false, &json);
      json.EndObject();
    }
  }
  CO_ASSIGN_OR_RETURN(std::string node, co_await DescribeNode(std::move(sample), job_count));
  json.EndArray().Key("node").Raw(node).EndObject();
  co_return json.Take();
}

Task<> NodeApi::Live(HttpExchange* exchange) {
  net::HttpHeaders headers = net::ServerSentEventHeaders();
  CO_RETURN_IF_ERROR(co_await exchange->StartStream(200, std::move(headers)));
  TimePoint next = dependencies_->env->Now();
  while (true) {
    CO_ASSIGN_OR_RETURN(std::string snapshot, co_await Snapshot());
    std::string text = net::FormatServerSentEvent({.data = snapshot});
    CO_RETURN_IF_ERROR(co_await exchange->WriteStream(std::move(text)));
    next = std::max(next + kLiveInterval, dependencies_->env->Now());
    CO_RETURN_IF_ERROR(co_await SleepUntil(next));
  }
}

Task<> NodeApi::ShowHistory(HttpExchange* exchange) {
  co_return co_await RespondJson(exchange, 200, WriteHistory(sampler_->history()));
}

Task<std::string> NodeApi::Scrape() {
  Metrics now;
  int64_t now_ms = dependencies_->env->WallTime().value();
  CO_ASSIGN_OR_RETURN(NodeSample sample, co_await sampler_->Sample());
  AddTopics(sample, &now);
  CO_ASSIGN_OR_RETURN(int64_t resident, co_await ResidentBytes());
  now.AddGauge({.name = "mainstem_resident_bytes", .help = "memory of the process"})
      .Set(static_cast<double>(resident));
  auto disk_free = co_await dependencies_->env->files().FreeBytes(options_->data_dir);
  if (disk_free.ok()) {
    now.AddGauge({.name = "mainstem_disk_free_bytes", .help = "room on the disk of --data"})
        .Set(static_cast<double>(*disk_free));
  }
  if (dependencies_->jobs != nullptr) {
    CO_ASSIGN_OR_RETURN(auto jobs, co_await dependencies_->jobs->ListJobs());
    for (const auto& listed : jobs) {
      auto job = co_await dependencies_->jobs->DescribeJob(listed.id);
      if (Is(job.status(), ErrorCode::kNotFound)) continue;  // forgotten meanwhile
      CO_RETURN_IF_ERROR(job);
      AddJob(*job, now_ms, &now);
    }
  }
  co_return dependencies_->metrics->Text() + now.Text();
}

Task<> NodeApi::ShowMetrics(HttpExchange* exchange) {
  if (dependencies_->metrics == nullptr) co_return Missing("metrics");
  CO_ASSIGN_OR_RETURN(std::string text, co_await Scrape());
  HttpResponse response =
      net::TextResponse(200, "text/plain; version=0.0.4; charset=utf-8", std::move(text));
  co_return co_await exchange->Respond(std::move(response));
}

}  // namespace mainstem::server

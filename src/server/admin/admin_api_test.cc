// The admin API from request bytes to answers, over a log in memory and a job manager that plays a
// script.
#include "server/admin/admin_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/memory_budget.h"
#include "core/metrics.h"
#include "core/net/http_server.h"
#include "core/net/memory_stream.h"
#include "core/net/testing/raw_client.h"
#include "core/sim/sim_env.h"
#include "process/job/job_manager.h"
#include "server/admin/admin_support.h"
#include "server/admin/group_view.h"
#include "server/admin/record_filter.h"
#include "server/admin/transaction_view.h"
#include "storage/batch_builder.h"
#include "storage/testing/memory_log.h"

namespace mainstem::server {
namespace {

using net::RawClient;
using net::RawResponse;
using process::JobDescription;
using storage::MemoryLog;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class ScriptedJobs final : public process::JobManager {
 public:
  std::vector<std::string> calls;

  Task<> Start() override { co_return Status::OK(); }
  Task<> Stop() override { co_return Status::OK(); }
  Task<std::vector<std::string>> Submit(std::string script,
                                        process::SubmitOptions options) override {
    calls.push_back("submit " + options.name + ": " + script);
    std::vector<std::string> ids(1, "job-1");
    co_return ids;
  }
  Task<> Execute(std::string script, process::ExecuteOptions,
                 process::ResultListener* listener) override {
    if (script == "hang") co_return co_await Sleep(std::chrono::hours(10));
    CO_RETURN_IF_ERROR(listener->OnStatement(0, script));
    std::vector<process::ResultColumn> columns(1);
    columns[0] = {"n", "BIGINT"};
    CO_RETURN_IF_ERROR(listener->OnColumns(columns));
    std::vector<process::ResultRow> rows(2);
    rows[0].kind = "+I";
    rows[0].fields.emplace_back("7");
    rows[1].kind = "+U";
    rows[1].fields.emplace_back(std::nullopt);
    CO_RETURN_IF_ERROR(listener->OnRows(std::move(rows)));
    CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::seconds(12)));  // two heartbeats
    if (script == "wrong") {
      co_return MakeError(ErrorCode::kSyntaxError, {.message = "line 1", .hint = "write SELECT"});
    }
    co_return listener->OnStatementDone("fine");
  }
  Task<std::string> Explain(std::string script) override { co_return "plan of " + script; }
  Task<std::vector<process::TableCheck>> CheckScript(std::string script,
                                                     process::CheckOptions options) override {
    std::vector<process::TableCheck> checks(1);
    checks[0].table = "of " + script + " " + options.tables.at(0);
    if (options.lists_only) co_return checks;
    checks[0].status = MakeError(ErrorCode::kUnavailable, {.message = "gone", .hint = "wait"});
    co_return checks;
  }
  Task<std::vector<JobDescription>> ListJobs() override {
    std::vector<JobDescription> jobs(1);
    jobs[0].id = "job-1";
    jobs[0].state = process::JobState::kRunning;
    co_return jobs;
  }
  Task<std::string> TakeSavepoint(std::string id, process::SavepointOptions options) override {
    calls.push_back("savepoint " + id);
    co_return options.folder + "/s";
  }
  Task<std::string> StopJobWithSavepoint(std::string id, process::StopJobOptions options) override {
    calls.push_back("stop " + id + (options.drain ? " drained" : ""));
    co_return options.folder + "/s";
  }
  Task<JobDescription> DescribeJob(std::string id) override {
    if (id != "job-1") co_return MakeError(ErrorCode::kNotFound, "no job '" + id + "'");
    JobDescription job;
    job.id = id;
    job.operators.resize(2);
    job.operators[1].inputs = {0};
    job.operators[1].exchanges = {"hash"};
    job.operators[1].watermark_ms = 5;
    job.sinks.resize(1);
    co_return job;
  }
  Task<process::WatermarkReport> ExplainWatermark(std::string id) override {
    if (id != "job-1") co_return MakeError(ErrorCode::kNotFound, "no job '" + id + "'");
    process::WatermarkReport report;
    report.summary = "t/0 of t holds the watermark back: 2 records are unread";
    report.rows.resize(1);
    report.rows[0].table = "t";
    report.rows[0].split = "t/0";
    report.rows[0].unread = 2;
    report.rows[0].holds_back = true;
    co_return report;
  }
  Task<> CancelJob(std::string id) override { co_return Note("cancel " + id); }
  Task<> StopJob(std::string id) override { co_return Note("stop " + id); }
  Task<> ResumeJob(std::string id, process::ResumeMode mode) override {
    const bool beside = mode == process::ResumeMode::kBesideSuccessor;
    co_return Note("resume " + id + (beside ? " beside its successor" : ""));
  }
  Task<> AcceptLostPositions(std::string id) override { co_return Note("accept " + id); }
  Task<> DeleteJob(std::string id) override { co_return Note("delete " + id); }
  Task<> CheckJob(connector::KeptJob job) override { co_return Note("check " + job.id); }
  Task<> PutJob(connector::KeptJob job) override { co_return Note("put " + job.id); }
  Task<> DropJob(std::string id) override { co_return Note("drop " + id); }
  Task<bool> HasJob(std::string id) override { co_return false; }

 private:
  Status Note(std::string call) {
    calls.push_back(std::move(call));
    return Status::OK();
  }
};

class OneGroup final : public GroupView {
 public:
  Task<std::vector<std::string>> ListGroups() override {
    std::vector<std::string> ids(2, "gone");
    ids[0] = "billing";
    co_return ids;
  }
  Task<GroupDetails> DescribeGroup(std::string id) override {
    if (id != "billing") co_return MakeError(ErrorCode::kNotFound, "no group");
    GroupDetails group;
    group.id = id;
    group.state = "Empty";
    group.committed[{"t", PartitionId(0)}] = Offset(2);
    group.committed[{"deleted-topic", PartitionId(0)}] = Offset(9);
    co_return group;
  }
  Task<> DeleteGroup(std::string) override { co_return Status::OK(); }
};

class TwoTransactions final : public TransactionView {
 public:
  std::vector<std::string> aborted;
  int64_t now_ms = 0;
  Task<std::vector<TransactionDetails>> ListTransactions() override {
    std::vector<TransactionDetails> all(3);
    all[0] = {.id = "done", .state = "CompleteCommit", .updated_ms = 3};
    all[1] = {.id = "new", .state = "Ongoing", .is_open = true, .started_ms = now_ms - 10};
    all[2] = {.id = "old", .state = "Ongoing", .is_open = true, .producer_id = ProducerId(7)};
    all[2].producer_epoch = ProducerEpoch(2);
    all[2].timeout_ms = 60'000;
    all[2].started_ms = now_ms - 5'000;
    all[2].partitions.emplace_back("t", PartitionId(1));
    all[2].groups.emplace_back("g");
    co_return all;
  }
  Task<TransactionDetails> DescribeTransaction(std::string id) override {
    CO_ASSIGN_OR_RETURN(auto all, co_await ListTransactions());
    for (TransactionDetails& each : all) {
      if (each.id == id) co_return each;
    }
    co_return MakeError(ErrorCode::kNotFound, "no transaction");
  }
  Task<> AbortTransaction(std::string id) override {
    if (id == "done") co_return MakeError(ErrorCode::kInvalidTransactionState, "not open");
    aborted.push_back(std::move(id));
    co_return Status::OK();
  }
};

// A stream that seems to come from elsewhere.
class FarStream final : public Stream {
 public:
  FarStream(std::unique_ptr<Stream> stream, std::string address)
      : stream_(std::move(stream)), address_(std::move(address)) {}
  Task<size_t> ReadSome(std::span<std::byte> into, TimePoint deadline) override {
    return stream_->ReadSome(into, deadline);
  }
  Task<> Write(std::vector<std::span<const std::byte>> pieces, TimePoint deadline) override {
    return stream_->Write(std::move(pieces), deadline);
  }
  void Close() override { stream_->Close(); }
  std::string local_address() const override { return stream_->local_address(); }
  std::string remote_address() const override { return address_; }

 private:
  std::unique_ptr<Stream> stream_;
  std::string address_;
};

constexpr size_t kAnswerBytes = 64 * 1024;

struct Fixture {
  explicit Fixture(SimEnv* env)
      : env(env),
        log(env),
        api({.env = env,
             .log = &log,
             .jobs = &jobs,
             .groups = &groups,
             .transactions = &transactions,
             .memory = &memory,
             .metrics = &metrics,
             .connectors = {},
             .bytes_out_total = [this] { return out; }},
            {.version = "9.9",
             .data_dir = "/data",
             .kafka_address = "k:1",
             .http_address = "h:2",
             .records_answer_bytes = kAnswerBytes}),
        server(env->shard(0), {}, WithRoutes()) {}
  const net::HttpRouter* WithRoutes() {
    api.AddRoutes(&router);
    return &router;
  }
  RawClient Connect(std::string from = "127.0.0.1:5000") {
    auto [near, far] = net::MakeMemoryStreamPair(env->shard(0));
    server.Serve(std::make_unique<FarStream>(std::move(far), std::move(from)));
    return RawClient(std::move(near));
  }
  Task<> Append(std::string topic, int32_t partition, size_t count) {
    std::vector<std::string> values(count, "value");
    co_return co_await AppendValues(std::move(topic), partition, std::move(values));
  }
  Task<> AppendValues(std::string topic, int32_t partition, std::vector<std::string> values) {
    storage::BatchBuilder builder;
    int64_t time = 1000;
    for (const std::string& value : values) builder.Add(++time, "k", value);
    CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
    storage::TopicPartition id{log.FindTopic(topic)->id, PartitionId(partition)};
    CO_RETURN_IF_ERROR(co_await log.Append(id, batch, {}));
    co_return Status::OK();
  }

  SimEnv* env;
  MemoryLog log;
  ScriptedJobs jobs;
  OneGroup groups;
  TwoTransactions transactions;
  MemoryBudget memory{1000};
  Metrics metrics;
  int64_t out = 0;
  net::HttpRouter router;
  AdminApi api;
  net::HttpServer server;
};

using Scenario = Task<> (*)(Fixture*);
Task<> Body(SimEnv* env, Scenario scenario) {
  Fixture fixture(env);
  Status outcome = co_await scenario(&fixture);
  CO_RETURN_IF_ERROR(co_await fixture.server.Stop());
  co_return outcome;
}
void RunScenario(Scenario scenario) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  Status status = env.Run(Body(&env, scenario));
  EXPECT_TRUE(status.ok()) << status.ToString();
}

RawClient::Request Call(std::string method, std::string target, std::string body = {}) {
  return {.method = std::move(method),
          .target = std::move(target),
          .headers = {},
          .body = std::move(body)};
}

Task<> Topics(Fixture* f) {
  RawClient client = f->Connect();
  auto call = Call("POST", "/api/v1/topics",
                   R"({"name":"t","partitions":2,"config":{"retention.ms":1000}})");
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 201) << answer.body;
  CO_RETURN_IF_ERROR(co_await f->Append("t", 1, 3));
  call = Call("GET", "/api/v1/topics/t");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_THAT(answer.body, HasSubstr(R"("records":3)"));
  EXPECT_THAT(answer.body, HasSubstr(R"({"id":1,"log_start":0,"high_watermark":3)"));
  EXPECT_THAT(answer.body, HasSubstr(R"({"name":"retention.ms","value":"1000","source":"topic")"));
  // One half of it is refused: nothing is changed.
  f->log.partition_error = MakeError(ErrorCode::kInvalidPartitions, "not so many");
  call = Call("PATCH", "/api/v1/topics/t", R"({"config":{"retention.ms":"5"},"partitions":3})");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(f->log.FindTopic("t")->config.at("retention.ms"), "1000");
  f->log.partition_error = Status::OK();
  call = Call("PATCH", "/api/v1/topics/t", R"({"config":{"retention.ms":null},"partitions":3})");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(f->log.FindTopic("t")->config.empty());
  EXPECT_EQ(f->log.FindTopic("t")->partition_count, 3);
  call = Call("POST", "/api/v1/topics", R"({"nam":"x"})");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("did you mean 'name'?"));
  call = Call("DELETE", "/api/v1/topics/t");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 200);
  call = Call("GET", "/api/v1/topics/t");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 404);
  co_return Status::OK();
}
TEST(AdminApi, CreatesShowsChangesAndDeletesTopics) { RunScenario(Topics); }

Task<> RatesScenario(Fixture* f) {
  CO_RETURN_IF_ERROR(co_await f->log.CreateTopic("t", 1, {}, false));
  RawClient client = f->Connect();
  auto call = Call("GET", "/api/v1/topics");
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(call)));
  EXPECT_THAT(answer.body, HasSubstr(R"("records_in":0)"));
  CO_RETURN_IF_ERROR(co_await f->Append("t", 0, 4));
  f->out = 600;
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::seconds(2)));
  call = Call("GET", "/api/v1/node");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_THAT(answer.body, HasSubstr(R"("records_in":2)"));
  EXPECT_THAT(answer.body, HasSubstr(R"("bytes_out":300)"));
  EXPECT_THAT(answer.body, HasSubstr(R"("version":"9.9","uptime_ms":2000)"));
  co_return Status::OK();
}
TEST(AdminApi, ComputesRatesBetweenLooks) { RunScenario(RatesScenario); }

Task<> MetricsScenario(Fixture* f) {
  CO_RETURN_IF_ERROR(co_await f->log.CreateTopic("t", 1, {}, false));
  CO_RETURN_IF_ERROR(co_await f->Append("t", 0, 4));
  f->metrics.AddCounter({.name = "mainstem_counted_total", .help = "counted"}).Increment(3);
  RawClient client = f->Connect();
  auto call = Call("GET", "/metrics");
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr("mainstem_counted_total 3"));
  EXPECT_THAT(answer.body, HasSubstr("mainstem_topic_records_in_total{topic=\"t\"} 4"));
  EXPECT_THAT(answer.body, HasSubstr("mainstem_operator_rows_in_total{job=\"job-1\""));
  co_return Status::OK();
}
TEST(AdminApi, TellsPrometheusOfTopicsAndJobs) { RunScenario(MetricsScenario); }

Task<> Records(Fixture* f) {
  CO_RETURN_IF_ERROR(co_await f->log.CreateTopic("t", 2, {}, false));
  std::vector<std::string> first{R"({"u":"ada","n":1})", "text", "\xff"};
  std::vector<std::string> second{R"({"u":"bob","n":123456789012345678})"};
  CO_RETURN_IF_ERROR(co_await f->AppendValues("t", 0, first));
  CO_RETURN_IF_ERROR(co_await f->AppendValues("t", 1, second));
  RawClient client = f->Connect();
  auto call = Call("GET", "/api/v1/topics/t/records?from=-2&partition=0");
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(call)));
  EXPECT_THAT(answer.body, HasSubstr(R"("value_kind":"text","value":"text")"));
  EXPECT_THAT(answer.body, HasSubstr(R"("value_kind":"binary","value":"ff")"));
  EXPECT_THAT(answer.body, Not(HasSubstr("ada")));
  EXPECT_THAT(answer.body, HasSubstr(R"("next":{"0":3})"));
  call = Call("GET", "/api/v1/topics/t/records?from=earliest&path=$.u=bob");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_THAT(answer.body, HasSubstr(R"("value":{"u":"bob","n":123456789012345678})"));
  EXPECT_THAT(answer.body, HasSubstr(R"("scanned":4,"complete":true)"));
  EXPECT_THAT(answer.body, Not(HasSubstr("ada")));
  call = Call("GET", "/api/v1/topics/t/records?from=earliest&search=ada&as-text=1");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_THAT(answer.body, HasSubstr(R"("value":"{\"u\":\"ada\",\"n\":1}")"));
  // What did not fit the page is found again from `next`.
  call = Call("GET", "/api/v1/topics/t/records?from=earliest&limit=1");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_THAT(answer.body, HasSubstr("ada"));
  EXPECT_THAT(answer.body, HasSubstr(R"("next":{"0":1,"1":0})"));
  call = Call("GET", "/api/v1/topics/t/records?path=u");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 400);
  co_return Status::OK();
}
TEST(AdminApi, BrowsesAndSearchesRecords) { RunScenario(Records); }

// 200 values of 256 KiB, each six times as long in JSON: an answer holds 16 MiB, and all of them
// are found page after page.
Task<> LargeRecords(Fixture* f) {
  constexpr int64_t kCount = 200;
  constexpr size_t kAnswerMax = kAnswerBytes + 1024;
  CO_RETURN_IF_ERROR(co_await f->log.CreateTopic("t", 1, {}, false));
  std::vector<std::string> one{std::string(1024, '\x01')};
  for (int64_t i = 0; i < kCount; ++i) {
    CO_RETURN_IF_ERROR(co_await f->AppendValues("t", 0, one));
  }
  RawClient client = f->Connect();
  int64_t next = 0;
  int pages = 0;
  for (; next < kCount; ++pages) {
    auto call = Call("GET", fmt::format("/api/v1/topics/t/records?from={}&limit=1000", next));
    CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(call)));
    CHECK(answer.status == 200);
    EXPECT_LE(answer.body.size(), kAnswerMax);
    size_t place = answer.body.rfind(R"("next":{"0":)");
    CHECK(place != std::string::npos);
    int64_t before = std::exchange(next, std::atoll(answer.body.c_str() + place + 12));
    CHECK(next > before);
    EXPECT_THAT(answer.body.substr(place - 40),
                HasSubstr(next < kCount ? R"("complete":false)" : R"("complete":true)"));
  }
  EXPECT_GT(pages, 10);
  // Of the newest, what there is room for.
  auto call = Call("GET", "/api/v1/topics/t/records?from=-50&limit=50");
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(call)));
  EXPECT_LE(answer.body.size(), kAnswerMax);
  EXPECT_THAT(answer.body, HasSubstr(R"("offset":199,)"));
  EXPECT_THAT(answer.body, Not(HasSubstr(R"("offset":151,)")));
  co_return Status::OK();
}
TEST(AdminApi, AnAnswerOfRecordsIsBounded) { RunScenario(LargeRecords); }

TEST(RecordFilter, ComparesJsonPaths) {
  auto keeps = [](std::string path, std::string_view value) {
    auto filter = RecordFilter::Make("", std::move(path));
    EXPECT_TRUE(filter.ok()) << filter.status().ToString();
    storage::RecordView record;
    record.value = value;
    return filter->Keeps(record);
  };
  std::string_view value = R"({"a":{"b":[{"c":3},true]},"s":"x=y","null":null})";
  EXPECT_TRUE(keeps("$.a.b[0].c=3", value));
  EXPECT_TRUE(keeps("$.a.b[1]==true", value));
  EXPECT_TRUE(keeps("$.s=x=y", value));
  EXPECT_TRUE(keeps("$.a", value));
  EXPECT_TRUE(keeps("$.null=null", value));
  EXPECT_TRUE(keeps("$.zzz!=1", value));
  EXPECT_FALSE(keeps("$.zzz", value));
  EXPECT_FALSE(keeps("$.s!=x=y", value));
  EXPECT_FALSE(keeps("$.a", "no json"));
  for (const char* path : {"a", "$..a", "$.a[", "$.a>3", "$a"}) {
    EXPECT_FALSE(RecordFilter::Make("", path).ok()) << path;
  }
}

Task<> Groups(Fixture* f) {
  CO_RETURN_IF_ERROR(co_await f->log.CreateTopic("t", 1, {}, false));
  CO_RETURN_IF_ERROR(co_await f->Append("t", 0, 5));
  RawClient client = f->Connect();
  auto call = Call("GET", "/api/v1/groups");
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.body,
            "{\"groups\":[{\"id\":\"billing\",\"state\":\"Empty\",\"protocol\":\"\","
            "\"member_count\":0,\"lag\":3}]}\n");
  call = Call("GET", "/api/v1/groups/gone");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 404);
  co_return Status::OK();
}
TEST(AdminApi, CountsTheLagOfGroups) { RunScenario(Groups); }

Task<> Transactions(Fixture* f) {
  f->transactions.now_ms = f->env->WallTime().value();
  RawClient client = f->Connect();
  auto call = Call("GET", "/api/v1/transactions");
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(call)));
  EXPECT_THAT(answer.body, StartsWith(R"({"transactions":[{"id":"old","state":"Ongoing",)"
                                      R"("open":true,"producer_id":7,"producer_epoch":2,)"
                                      R"("timeout_ms":60000,)"));
  EXPECT_THAT(answer.body, HasSubstr(R"("partitions":[{"topic":"t","partition":1}],)"
                                     R"("groups":["g"]},{"id":"new",)"));
  EXPECT_THAT(answer.body, Not(HasSubstr("done")));
  call = Call("GET", "/api/v1/transactions?all=true");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_THAT(answer.body, HasSubstr(R"({"id":"done","state":"CompleteCommit","open":false,)"));
  EXPECT_THAT(answer.body, HasSubstr(R"("started_at_ms":null,"age_ms":null,"updated_at_ms":3)"));
  call = Call("GET", "/api/v1/transactions/old");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_THAT(answer.body, HasSubstr(R"("age_ms":5)"));
  call = Call("GET", "/api/v1/transactions/other");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 404);
  call = Call("POST", "/api/v1/transactions/a%2Fb/abort");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(f->transactions.aborted, testing::ElementsAre("a/b"));
  call = Call("POST", "/api/v1/transactions/done/abort");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 409);
  co_return Status::OK();
}
TEST(AdminApi, ShowsOpenTransactionsTheOldestFirstAndAbortsThem) { RunScenario(Transactions); }

Task<> Jobs(Fixture* f) {
  RawClient client = f->Connect();
  auto call = Call("POST", "/api/v1/jobs", R"({"script":"INSERT","name":"n"})");
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.body, "{\"job_ids\":[\"job-1\"]}\n");
  std::vector<std::string> verbs{"stop", "resume", "accept-lost-position", "cancel"};
  for (const std::string& verb : verbs) {
    call = Call("POST", fmt::format("/api/v1/jobs/job-1/{}", verb));
    CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
    EXPECT_EQ(answer.status, 200);
  }
  call = Call("POST", "/api/v1/jobs/job-1/savepoints", R"({"folder":"/f"})");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.body, "{\"path\":\"/f/s\"}\n");
  call = Call("POST", "/api/v1/jobs/job-1/stop", R"({"savepoint":true,"drain":true})");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.body, "{\"path\":\"/s\"}\n");
  call = Call("POST", "/api/v1/jobs/job-1/stop", R"({"drain":true})");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(f->jobs.calls,
              testing::ElementsAre("submit n: INSERT", "stop job-1", "resume job-1", "accept job-1",
                                   "cancel job-1", "savepoint job-1", "stop job-1 drained"));
  call = Call("GET", "/api/v1/jobs/job-1");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_THAT(answer.body, HasSubstr(R"("inputs":[0],"exchanges":["hash"])"));
  EXPECT_THAT(answer.body, HasSubstr(R"("watermark_ms":5)"));
  call = Call("GET", "/api/v1/jobs/job-1/watermark");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.body,
            "{\"watermark_ms\":null,\"summary\":\"t/0 of t holds the watermark back: 2 records are "
            "unread\",\"partitions\":[{\"table\":\"t\",\"partition\":\"t/0\",\"watermark_ms\":null,"
            "\"unread\":2,\"state\":\"active\",\"quiet_since_ms\":null,\"holds_back\":true,"
            "\"why\":\"\"}]}\n");
  call = Call("POST", "/api/v1/connectors/check", R"({"script":"INSERT","tables":["t"]})");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_THAT(answer.body, HasSubstr(R"("table":"of INSERT t")"));
  EXPECT_THAT(answer.body, HasSubstr(R"("ok":false,"found":"","problem":"gone")"));
  call =
      Call("POST", "/api/v1/connectors/check", R"({"script":"INSERT","tables":["t"],"list":true})");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_THAT(answer.body, HasSubstr(R"("ok":true,"found":"","problem":"")"));
  call = Call("POST", "/api/v1/connectors/check", R"({"script":"INSERT","tables":[1]})");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("an array of texts"));
  call = Call("GET", "/api/v1/jobs/other");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 404);
  co_return Status::OK();
}
TEST(AdminApi, SubmitsAndSteersJobs) { RunScenario(Jobs); }

Task<> Sql(Fixture* f) {
  RawClient client = f->Connect();
  auto call = Call("POST", "/api/v1/sql", R"({"script":"SELECT 7"})");
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.body,
            "{\"statement\":0,\"text\":\"SELECT 7\"}\n{\"columns\":[{\"name\":\"n\",\"type\":"
            "\"BIGINT\"}]}\n{\"rows\":[[\"+I\",\"7\"],[\"+U\",null]]}\n\n\n{\"done\":\"fine\"}\n");
  call = Call("POST", "/api/v1/sql", R"({"script":"wrong"})");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr("{\"error\":{\"code\":\"SyntaxError\",\"message\":\"line 1\","
                                     "\"hint\":\"write SELECT\"}}\n"));
  // A reader that goes away ends the query: else stopping the server would wait for hours.
  CO_RETURN_IF_ERROR(co_await client.Send(
      "POST /api/v1/sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 17\r\n\r\n"
      "{\"script\":\"hang\"}"));
  CO_RETURN_IF_ERROR(co_await client.ReadUntil("\r\n\r\n"));
  client.Close();
  TimePoint before = f->env->Now();
  while (f->server.stats().connections_open.load() > 0) {
    CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::milliseconds(100)));
  }
  EXPECT_LT(f->env->Now() - before, std::chrono::seconds(15));
  co_return Status::OK();
}
TEST(AdminApi, StreamsTheResultsOfSql) { RunScenario(Sql); }

Task<> Far(Fixture* f) {
  RawClient client = f->Connect("10.1.2.3:4444");
  auto call = Call("DELETE", "/api/v1/groups/billing");
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 403);
  EXPECT_THAT(answer.body, HasSubstr("http.allow-remote-admin"));
  call = Call("POST", "/api/v1/transactions/old/abort");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 403);
  call = Call("GET", "/api/v1/groups");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 200);
  co_return Status::OK();
}
TEST(AdminApi, TakesChangesFromThisMachineOnly) { RunScenario(Far); }

Task<> Live(Fixture* f) {
  CO_RETURN_IF_ERROR(co_await f->log.CreateTopic("t", 1, {}, false));
  RawClient client = f->Connect();
  CO_RETURN_IF_ERROR(co_await client.Send("GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  TimePoint begin = f->env->Now();
  for (int i = 0; i < 3; ++i) {
    CO_ASSIGN_OR_RETURN(std::string event, co_await client.ReadUntil("\n\n"));
    EXPECT_THAT(event, HasSubstr("data: {\"topics\":[{\"name\":\"t\""));
  }
  EXPECT_EQ(f->env->Now() - begin, std::chrono::seconds(2));
  client.Close();
  co_return Status::OK();
}
TEST(AdminApi, TellsWhatGoesOnOnceASecond) { RunScenario(Live); }

Task<std::string> HistoryOf(Fixture* f) {
  RawClient client = f->Connect();
  auto call = Call("GET", "/api/v1/history");
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(call)));
  client.Close();
  co_return answer.body;
}

Task<> LookBack(Fixture* f) {
  CO_RETURN_IF_ERROR(co_await f->log.CreateTopic("busy", 1, {}, false));
  CO_RETURN_IF_ERROR(co_await f->log.CreateTopic("idle", 1, {}, false));
  CO_ASSIGN_OR_RETURN(std::string told, co_await HistoryOf(f));
  EXPECT_THAT(told, StartsWith(R"({"times_ms":[],"bytes_in":[],"bytes_out":[],"records_in":[],)"));
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::milliseconds(100)));
  CO_RETURN_IF_ERROR(co_await f->Append("busy", 0, 20));
  f->out = 1000;
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::seconds(10)));
  CO_ASSIGN_OR_RETURN(told, co_await HistoryOf(f));
  EXPECT_THAT(told, HasSubstr(R"("bytes_out":[200,0],"records_in":[4,0],)"));
  EXPECT_THAT(told, HasSubstr(R"("topics":{"busy":[4,0]}})"));
  // Ten minutes are kept, also when nobody looks.
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::minutes(30)));
  CO_ASSIGN_OR_RETURN(told, co_await HistoryOf(f));
  EXPECT_THAT(told, Not(HasSubstr("busy")));
  std::string times = told.substr(0, told.find(']'));
  EXPECT_EQ(std::count(times.begin(), times.end(), ','), 120);
  co_return Status::OK();
}
Task<> History(Fixture* f) {
  f->api.Start();
  Status outcome = co_await LookBack(f);
  CO_RETURN_IF_ERROR(co_await f->api.Stop());
  co_return outcome;
}
TEST(AdminApi, KeepsWhatWentOnDuringTheLastTenMinutes) { RunScenario(History); }

Task<> Pages(Fixture* f) {
  RawClient client = f->Connect();
  std::vector<std::string> paths{"/", "/examples/clickstream/", "/examples/clickstream"};
  for (const std::string& path : paths) {
    auto call = Call("GET", path);
    CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(call)));
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_THAT(answer.head, HasSubstr("Content-Security-Policy: default-src 'none'"));
    EXPECT_THAT(answer.body, StartsWith("<!doctype html>"));
  }
  auto call = Call("GET", "/console.js");
  call.headers.emplace_back("Accept-Encoding", "br, gzip");
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(call)));
  EXPECT_THAT(answer.head, HasSubstr("Content-Encoding: gzip\r\n"));
  EXPECT_LT(answer.body.size(), 100'000u);
  size_t tag_at = answer.head.find("ETag: ") + 6;
  std::string tag = answer.head.substr(tag_at, answer.head.find("\r\n", tag_at) - tag_at);
  call = Call("GET", "/console.js");
  call.headers.emplace_back("If-None-Match", tag);
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 200);  // other bytes than those that the tag is of
  EXPECT_THAT(answer.head, Not(HasSubstr(tag)));
  call = Call("GET", "/console.js");
  call.headers.emplace_back("Accept-Encoding", "gzip");
  call.headers.emplace_back("If-None-Match", "W/" + tag);
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 304);
  call = Call("GET", "/examples/clickstream/nothing.js");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(call)));
  EXPECT_EQ(answer.status, 404);
  co_return Status::OK();
}
TEST(AdminApi, ServesTheConsole) { RunScenario(Pages); }

}  // namespace
}  // namespace mainstem::server

// The HTTP door from request bytes to the log and back, over in-memory streams and a log in memory.
#include "gateway/http/http_gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "core/murmur2.h"
#include "core/net/http_server.h"
#include "core/net/memory_stream.h"
#include "core/net/testing/raw_client.h"
#include "core/net/websocket_codec.h"
#include "core/sim/sim_env.h"
#include "storage/compression.h"
#include "storage/testing/memory_log.h"

namespace mainstem::gateway::http {
namespace {

using net::RawClient;
using net::RawResponse;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

// One door, one client.
struct Fixture {
  explicit Fixture(Env* env, HttpGatewayOptions options = {})
      : log(env),
        gateway(env, &log, options),
        server(env->shard(0), {}, AddRoutes(&gateway, &router)),
        env(env) {}
  static const net::HttpRouter* AddRoutes(HttpGateway* gateway, net::HttpRouter* router) {
    gateway->AddRoutes(router);
    return router;
  }
  RawClient Connect() {
    auto [near, far] = net::MakeMemoryStreamPair(env->shard(0));
    server.Serve(std::move(far));
    return RawClient(std::move(near));
  }
  storage::MemoryLog log;
  HttpGateway gateway;
  net::HttpRouter router;
  net::HttpServer server;
  Env* env;
};

using Scenario = Task<> (*)(Fixture*);
Task<> Body(Env* env, Scenario scenario, HttpGatewayOptions options) {
  Fixture fixture(env, options);
  Status outcome = co_await scenario(&fixture);
  CO_RETURN_IF_ERROR(co_await fixture.server.Stop());
  co_return outcome;
}

void RunScenario(Scenario scenario, HttpGatewayOptions options = {}) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  Status status = env.Run(Body(&env, scenario, options));
  EXPECT_TRUE(status.ok()) << status.ToString();
}

RawClient::Request Post(std::string target, std::string type, std::string body) {
  RawClient::Request request{.method = "POST", .target = std::move(target)};
  if (!type.empty()) request.headers.emplace_back("Content-Type", std::move(type));
  request.body = std::move(body);
  return request;
}
RawClient::Request Get(std::string target) { return {.target = std::move(target)}; }
constexpr const char* kJson = "application/json";

Task<> WriteAndRead(Fixture* f) {
  RawClient client = f->Connect();
  auto post = Post("/v1/topics/clicks/events?key=ada", kJson, R"([{"a":1}, "b"])");
  post.headers.emplace_back("Mainstem-Timestamp", "1700000000000");
  post.headers.emplace_back("Mainstem-Header-Source", "shop");
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(post)));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body,
            "{\"topic\":\"clicks\",\"count\":2,\"written\":[{\"partition\":0,\"offset\":0,"
            "\"count\":2}]}\n");
  auto raw = Post("/v1/topics/clicks/events", "", std::string("\xff\x00", 2));
  raw.headers.emplace_back("Mainstem-Timestamp", "1700000000001");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(raw)));
  EXPECT_EQ(answer.status, 200);
  auto get = Get("/v1/topics/clicks/events?from=0");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(get)));
  EXPECT_EQ(
      answer.body,
      "{\"topic\":\"clicks\",\"events\":["
      R"({"partition":0,"offset":0,"timestamp_ms":1700000000000,"key":"ada","value":{"a":1},)"
      R"("headers":[{"key":"source","value":"shop"}]},)"
      R"({"partition":0,"offset":1,"timestamp_ms":1700000000000,"key":"ada","value":"b",)"
      R"("headers":[{"key":"source","value":"shop"}]},)"
      R"({"partition":0,"offset":2,"timestamp_ms":1700000000001,"key":null,"value_base64":"/wA="})"
      "],\"next\":\"0:3\"}\n");
  co_return Status::OK();
}
TEST(HttpGateway, WritesEventsAndGivesThemBack) { RunScenario(WriteAndRead); }

Task<> ReadOnFromTheLatest(Fixture* f) {
  CO_RETURN_IF_ERROR(co_await f->log.CreateTopic("t", 4, {}, false));
  RawClient client = f->Connect();
  for (int i = 0; i < 20; ++i) {
    auto post = Post(fmt::format("/v1/topics/t/events?partition={}", i % 4), kJson, R"({"a":1})");
    CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(post)));
    EXPECT_EQ(answer.status, 200) << answer.body;
  }
  CO_ASSIGN_OR_RETURN(RawResponse page,
                      co_await client.Call(Get("/v1/topics/t/events?from=latest&limit=3")));
  EXPECT_THAT(page.body, HasSubstr(R"("next":"0:5,1:5,2:5,3:5")"));
  co_return Status::OK();
}
TEST(HttpGateway, TheLatestPageIsFollowedByWhatComesAfterIt) { RunScenario(ReadOnFromTheLatest); }

// Ten events of a megabyte in two partitions, of which a page holds eight.
Task<> LatestOfMuch(Fixture* f) {
  CO_RETURN_IF_ERROR(co_await f->log.CreateTopic("t", 2, {}, false));
  RawClient client = f->Connect();
  for (int i = 0; i < 10; ++i) {
    auto post = Post(fmt::format("/v1/topics/t/events?partition={}", i % 2), kJson,
                     fmt::format("\"{}{}\"", i, std::string(1'000'000, 'x')));
    post.headers.emplace_back("Mainstem-Timestamp", std::to_string(1000 + i));
    CO_RETURN_IF_ERROR(co_await client.Call(std::move(post)));
  }
  auto digits = [](const std::string& body) {
    std::string found;
    for (size_t at = body.find("\"value\":\""); at != std::string::npos;
         at = body.find("\"value\":\"", at + 1)) {
      found.push_back(body[at + 9]);
    }
    return found;
  };
  CO_ASSIGN_OR_RETURN(RawResponse page,
                      co_await client.Call(Get("/v1/topics/t/events?from=latest&limit=10")));
  EXPECT_EQ(digits(page.body), "23456789");
  EXPECT_THAT(page.body, EndsWith("\"next\":\"0:5,1:5\"}\n"));
  CO_ASSIGN_OR_RETURN(page,
                      co_await client.Call(Get("/v1/topics/t/events?from=earliest&limit=10")));
  EXPECT_EQ(digits(page.body), "01234567");
  EXPECT_THAT(page.body, EndsWith("\"next\":\"0:4,1:4\"}\n"));
  co_return Status::OK();
}
TEST(HttpGateway, APageThatIsFullHoldsTheNewestOfTheLatest) { RunScenario(LatestOfMuch); }

Task<> PassedOver(Fixture* f) {
  CO_ASSIGN_OR_RETURN(storage::TopicInfo topic, co_await f->log.CreateTopic("t", 2, {}, false));
  RawClient client = f->Connect();
  auto post = Post("/v1/topics/t/events?partition=0", kJson, "[0,1,2,3]");
  CO_RETURN_IF_ERROR(co_await client.Call(std::move(post)));
  CO_RETURN_IF_ERROR(co_await f->log.DeleteRecords({topic.id, PartitionId(0)}, Offset(3)));
  // Partition 1 has nothing: position 7 is of a topic that was there before.
  auto get = Get("/v1/topics/t/events?from=0:1,1:7");
  CO_ASSIGN_OR_RETURN(RawResponse page, co_await client.Call(std::move(get)));
  EXPECT_THAT(page.body, EndsWith(R"("gaps":[{"partition":0,"from":1,"to":3},)"
                                  R"({"partition":1,"from":7,"to":0}],"next":"0:4,1:0"})"
                                  "\n"));
  // An offset that is asked for may come yet.
  get = Get("/v1/topics/t/events?partition=0&from=50");
  CO_ASSIGN_OR_RETURN(page, co_await client.Call(std::move(get)));
  EXPECT_THAT(page.body, EndsWith("\"events\":[],\"next\":\"0:4\"}\n"));
  RawClient reader = f->Connect();
  CO_RETURN_IF_ERROR(co_await reader.Send(
      "GET /v1/topics/t/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
      "Last-Event-ID: 0:1,1:7\r\n\r\n"));
  CO_ASSIGN_OR_RETURN(std::string text, co_await reader.ReadUntil("id: 0:4,1:7\n"));
  EXPECT_THAT(text, HasSubstr("id: 0:3,1:7\nevent: gap\n"
                              "data: {\"partition\":0,\"from\":1,\"to\":3}\n\n"));
  CO_ASSIGN_OR_RETURN(text, co_await reader.ReadUntil("\"to\":0}\n\n"));
  EXPECT_THAT(text, HasSubstr("id: 0:4,1:0\nevent: gap\n"));
  RawClient socket = f->Connect();
  CO_RETURN_IF_ERROR(co_await socket.Send(
      "GET /v1/topics/t/events?from=0:1 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
  CO_ASSIGN_OR_RETURN(text, co_await socket.ReadUntil("\"next\":\"0:3,1:0\"}"));
  EXPECT_THAT(text, HasSubstr(R"({"gap":{"partition":0,"from":1,"to":3},)"));
  co_return Status::OK();
}
TEST(HttpGateway, TellsWhatAReaderDoesNotGet) { RunScenario(PassedOver); }

Task<> Growing(Fixture* f) {
  CO_ASSIGN_OR_RETURN(storage::TopicInfo topic, co_await f->log.CreateTopic("t", 1, {}, false));
  RawClient reader = f->Connect();
  RawClient one = f->Connect();
  for (auto [client, target] : {std::pair(&reader, "?from=latest"), {&one, "?partition=0"}}) {
    std::string request = fmt::format(
        "GET /v1/topics/t/events{} HTTP/1.1\r\nHost: localhost\r\n"
        "Accept: text/event-stream\r\n\r\n",
        target);
    CO_RETURN_IF_ERROR(co_await client->Send(std::move(request)));
    CO_RETURN_IF_ERROR(co_await client->ReadUntil("id: 0:0\n\n"));  // before any event
  }
  CO_RETURN_IF_ERROR(co_await f->log.AddPartitions(topic.id, 3));
  RawClient writer = f->Connect();
  for (int p : {2, 0}) {
    auto post = Post(fmt::format("/v1/topics/t/events?partition={}", p), kJson, std::to_string(p));
    CO_RETURN_IF_ERROR(co_await writer.Call(std::move(post)));
  }
  CO_ASSIGN_OR_RETURN(std::string text, co_await reader.ReadUntil("id: 0:1,1:0,2:1\n"));
  CO_ASSIGN_OR_RETURN(std::string rest, co_await reader.ReadUntil("\n\n"));
  EXPECT_THAT(text + rest, HasSubstr("{\"partition\":2,\"offset\":0,"));
  CO_ASSIGN_OR_RETURN(text, co_await one.ReadUntil("id: 0:1\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("\"partition\":2")));
  co_return Status::OK();
}
TEST(HttpGateway, AFollowerGetsPartitionsThatAreAdded) { RunScenario(Growing); }

Task<> Keys(Fixture* f) {
  CO_RETURN_IF_ERROR(co_await f->log.CreateTopic("t", 4, {}, false));
  RawClient client = f->Connect();
  std::string body;
  for (int i = 0; i < 40; ++i) body += fmt::format("{{\"u\":\"user-{}\",\"i\":{}}}\n", i % 7, i);
  auto post = Post("/v1/topics/t/events?key-field=u", "application/x-ndjson", std::move(body));
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(post)));
  EXPECT_EQ(answer.status, 200) << answer.body;
  for (int p = 0; p < 4; ++p) {
    auto get = Get(fmt::format("/v1/topics/t/events?partition={}&from=earliest", p));
    CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(get)));
    simdjson::dom::parser parser;
    simdjson::dom::element page = parser.parse(answer.body);
    int64_t last = -1;
    for (auto event : page["events"].get_array()) {
      std::string_view key = event["key"];
      EXPECT_EQ((Murmur2(key) & 0x7fffffff) % 4, static_cast<uint32_t>(p));
      int64_t i = event["value"]["i"];
      EXPECT_GT(i, last);  // in the order of the request
      last = i;
    }
  }
  co_return Status::OK();
}
TEST(HttpGateway, ChoosesPartitionsByKeyAndKeepsOrder) { RunScenario(Keys); }

Task<> Broken(Fixture* f) {
  RawClient client = f->Connect();
  auto post = Post("/v1/topics/t/events", "application/x-ndjson", "{\"a\":1}\n{\"a\":}\n");
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(post)));
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("broken JSON in line 2, column 6"));
  EXPECT_FALSE(f->log.FindTopic("t").has_value());
  auto get = Get("/v1/topics/t/events");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(get)));
  EXPECT_EQ(answer.status, 404);
  get = Get("/v1/topics/t/events?limit=0");
  CO_RETURN_IF_ERROR(co_await f->log.CreateTopic("t", 2, {}, false));
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(get)));
  EXPECT_EQ(answer.status, 400);
  get = Get("/v1/topics/t/events?from=7");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(get)));
  EXPECT_THAT(answer.body, HasSubstr("an offset belongs to one partition"));
  get = Get("/v1/topics/t/events?from=yesterday");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(get)));
  EXPECT_THAT(answer.body, HasSubstr("cannot read from 'yesterday'"));
  co_return Status::OK();
}
TEST(HttpGateway, RefusesABrokenRequestWhole) { RunScenario(Broken); }

// Each of these would be refused by a topic that is there.
Task<> NoTopicForThese(Fixture* f) {
  RawClient client = f->Connect();
  auto post = Post("/v1/topics/t/events?partition=7", kJson, "[1]");
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(post)));
  EXPECT_EQ(answer.status, 400);
  post = Post("/v1/topics/t/events", kJson, "[]");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(post)));
  EXPECT_EQ(answer.status, 404);
  post = Post("/v1/topics/t/events", "text/plain", std::string(1100 << 10, 'x'));
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(post)));
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(answer.body, HasSubstr("max.message.bytes"));
  EXPECT_FALSE(f->log.FindTopic("t").has_value());
  // A topic that takes little gets small batches, and of several partitions all or none is written.
  storage::TopicConfig config;
  config["max.message.bytes"] = "200";
  CO_RETURN_IF_ERROR(co_await f->log.CreateTopic("t", 2, std::move(config), false));
  post = Post("/v1/topics/t/events?key-field=k", kJson,
              R"([{"k":1},{"k":2},{"k":3,"long":")" + std::string(200, 'x') + "\"}]");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(post)));
  EXPECT_EQ(answer.status, 413);
  post = Post("/v1/topics/t/events?partition=1", kJson,
              "[" + std::string(99, '1') + "," + std::string(99, '2') + "]");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(post)));
  EXPECT_THAT(answer.body, HasSubstr(R"("written":[{"partition":1,"offset":0,"count":2}])"));
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(Get("/v1/topics/t/events")));
  EXPECT_THAT(answer.body, HasSubstr("\"next\":\"0:0,1:2\""));
  // Numbers of any size are numbers.
  EXPECT_THAT(answer.body, HasSubstr("\"value\":" + std::string(99, '2') + "}"));
  co_return Status::OK();
}
TEST(HttpGateway, MakesNoTopicForWhatItRefuses) { RunScenario(NoTopicForThese); }

std::string Gzip(std::string_view text) {
  auto packed = storage::Compress(storage::Codec::kGzip, std::as_bytes(std::span(text)));
  return std::string(reinterpret_cast<const char*>(packed->data()), packed->size());
}

Task<> Compressed(Fixture* f) {
  RawClient client = f->Connect();
  auto post_as = [](std::string encoding, std::string body) {
    auto post = Post("/v1/topics/t/events", "application/x-ndjson", std::move(body));
    post.headers.emplace_back("Content-Encoding", std::move(encoding));
    return post;
  };
  // In two members, as appended files are.
  auto post = post_as("GZIP", Gzip("1\n") + Gzip("2\n"));
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(post)));
  EXPECT_THAT(answer.body, HasSubstr("\"count\":2"));
  const std::vector<std::tuple<std::string, std::string, int>> cases{
      {"gzip", Gzip(std::string(4097, ' ')), 413},
      {"gzip", Gzip("1\n3"), 200},
      {"gzip", Gzip("1\n").substr(0, 15), 400},
      {"gzip", "4\n", 400},
      {"gzip", "", 400},
      {"gzip", Gzip("1\n") + "rest", 400},
      {"identity", "5\n", 200},
      {"br", "6\n", 415},
      {"gzip, gzip", Gzip("7\n"), 415}};
  for (const auto& [encoding, body, status] : cases) {
    post = post_as(encoding, body);
    CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(post)));
    EXPECT_EQ(answer.status, status) << encoding << answer.body;
  }
  EXPECT_THAT(answer.head, HasSubstr("Accept-Encoding: gzip\r\n"));
  post = post_as("gzip", Gzip(std::string(4094, ' ') + "8\n"));
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(post)));
  EXPECT_EQ(answer.status, 200);
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(Get("/v1/topics/t/events")));
  EXPECT_THAT(answer.body, HasSubstr("\"next\":\"0:6\""));
  co_return Status::OK();
}
TEST(HttpGateway, TakesBodiesInGzipWithinTheSameLimit) {
  RunScenario(Compressed, {.body_limit = 4096});
}

Task<> NoCreate(Fixture* f) {
  RawClient client = f->Connect();
  auto post = Post("/v1/topics/t/events", kJson, "{}");
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(post)));
  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(answer.body, HasSubstr("mainstem topic create t"));
  co_return Status::OK();
}
TEST(HttpGateway, SaysHowToCreateAMissingTopic) {
  RunScenario(NoCreate, {.auto_create_topics = false});
}

Task<> BackPressure(Fixture* f) {
  CO_RETURN_IF_ERROR(co_await f->log.CreateTopic("t", 2, {}, false));
  Status full = MakeError(ErrorCode::kResourceExhausted, "the journal is full");
  f->log.append_errors[PartitionId(0)] = full;
  RawClient client = f->Connect();
  auto post = Post("/v1/topics/t/events?partition=0", kJson, "[1]");
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(post)));
  EXPECT_EQ(answer.status, 429);
  EXPECT_THAT(answer.head, HasSubstr("Retry-After: 1"));
  // One of two partitions takes its events: the answer says so.
  auto both = Post("/v1/topics/t/events?key-field=k", kJson, R"([{"k":1},{"k":2},{"k":3}])");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(both)));
  EXPECT_EQ(answer.status, 429);
  EXPECT_THAT(answer.body, HasSubstr("1 of 2 partitions were written before"));
  co_return Status::OK();
}
TEST(HttpGateway, TellsBackPressureOfTheLog) { RunScenario(BackPressure); }

Task<> LargeRequest(Fixture* f) {
  RawClient client = f->Connect();
  std::string body;
  for (int i = 0; i < 2000; ++i) body += "\"" + std::string(90, 'x') + "\"\n";
  auto post = Post("/v1/topics/t/events", "application/x-ndjson", std::move(body));
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(post)));
  EXPECT_THAT(answer.body, HasSubstr("\"count\":2000"));
  auto get = Get("/v1/topics/t/events?from=latest&limit=2");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(get)));
  EXPECT_THAT(answer.body, HasSubstr("\"offset\":1998"));
  EXPECT_THAT(answer.body, HasSubstr("\"next\":\"0:2000\""));
  co_return Status::OK();
}
// Large enough to be checked on the pool.
TEST(HttpGateway, CutsALargeRequestIntoBatches) {
  RunScenario(LargeRequest, {.batch_bytes = 1000});
}

Task<> NoMemory(Fixture* f) {
  RawClient client = f->Connect();
  auto post = Post("/v1/topics/t/events", kJson, "[1,2]");
  CO_RETURN_IF_ERROR(co_await client.Call(std::move(post)));
  auto get = Get("/v1/topics/t/events");
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(get)));
  EXPECT_EQ(answer.status, 429);
  EXPECT_THAT(answer.body, HasSubstr("too many pages of events"));
  co_return Status::OK();
}
TEST(HttpGateway, RefusesAPageForWhichThereIsNoMemory) {
  MemoryBudget budget(100);
  MemoryLease others = budget.TryLease(50);
  RunScenario(NoMemory, {.memory = &budget});
}

Task<> ServerSent(Fixture* f) {
  CO_RETURN_IF_ERROR(co_await f->log.CreateTopic("t", 2, {}, false));
  RawClient writer = f->Connect();
  for (int p = 0; p < 2; ++p) {
    auto post = Post(fmt::format("/v1/topics/t/events?partition={}", p), kJson, "[1,2]");
    CO_RETURN_IF_ERROR(co_await writer.Call(std::move(post)));
  }
  RawClient reader = f->Connect();
  CO_RETURN_IF_ERROR(co_await reader.Send(
      "GET /v1/topics/t/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
      "Last-Event-ID: 0:1,1:2\r\n\r\n"));
  CO_ASSIGN_OR_RETURN(std::string text, co_await reader.ReadUntil("id: 0:2,1:2\n"));
  EXPECT_THAT(text, HasSubstr("Content-Type: text/event-stream\r\n"));
  CO_ASSIGN_OR_RETURN(text, co_await reader.ReadUntil("\n\n"));
  EXPECT_THAT(text, StartsWith("data: {\"partition\":0,\"offset\":1,"));
  // Nothing new: a heartbeat comes.
  CO_ASSIGN_OR_RETURN(text, co_await reader.ReadUntil(":\n\n"));
  auto post = Post("/v1/topics/t/events?partition=1", kJson, "\"new\"");
  CO_RETURN_IF_ERROR(co_await writer.Call(std::move(post)));
  CO_ASSIGN_OR_RETURN(text, co_await reader.ReadUntil("id: 0:2,1:3\n"));
  CO_ASSIGN_OR_RETURN(text, co_await reader.ReadUntil("\n\n"));
  EXPECT_THAT(text, HasSubstr("\"value\":\"new\""));
  CO_RETURN_IF_ERROR(co_await f->log.DeleteTopic(f->log.FindTopic("t")->id));
  CO_ASSIGN_OR_RETURN(text, co_await reader.ReadUntil("0\r\n\r\n"));
  EXPECT_THAT(text, HasSubstr("event: error\ndata: {\"error\":{\"code\":\"UnknownTopic\""));
  co_return Status::OK();
}
TEST(HttpGateway, FollowsByServerSentEventsAndResumes) { RunScenario(ServerSent); }

Task<> Socket(Fixture* f) {
  RawClient writer = f->Connect();
  auto post = Post("/v1/topics/t/events", kJson, "[1,2]");
  CO_RETURN_IF_ERROR(co_await writer.Call(std::move(post)));
  RawClient reader = f->Connect();
  CO_RETURN_IF_ERROR(co_await reader.Send(
      "GET /v1/topics/t/events?from=0:1 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
  CO_ASSIGN_OR_RETURN(std::string text, co_await reader.ReadUntil("\r\n\r\n"));
  EXPECT_THAT(text, StartsWith("HTTP/1.1 101 "));
  CO_ASSIGN_OR_RETURN(text, co_await reader.ReadUntil("}"));
  EXPECT_THAT(text, EndsWith("{\"next\":\"0:1\"}"));
  CO_ASSIGN_OR_RETURN(text, co_await reader.ReadUntil("}"));
  EXPECT_THAT(text, HasSubstr("\"offset\":1,"));
  EXPECT_THAT(text, EndsWith("\"value\":2,\"next\":\"0:2\"}"));
  CO_RETURN_IF_ERROR(co_await reader.Send(
      net::EncodeMaskedWebSocketFrame(net::WebSocketOpcode::kClose, "\x03\xe8", 7)));
  CO_ASSIGN_OR_RETURN(text, co_await reader.ReadToEnd());
  EXPECT_THAT(text, EndsWith("\x03\xe8"));
  EXPECT_EQ(f->gateway.stats().followers.load(), 0);
  co_return Status::OK();
}
TEST(HttpGateway, FollowsByWebSocketUntilTheClientCloses) { RunScenario(Socket); }

Task<> Documents(Fixture* f) {
  RawClient client = f->Connect();
  auto get = Get("/openapi.json");
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await client.Call(std::move(get)));
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  EXPECT_FALSE(parser.parse(answer.body).get(document));
  EXPECT_EQ(std::string_view(document["openapi"]), "3.1.0");
  // Every path and method of the document is served, and every $ref leads somewhere.
  int operations = 0;
  for (auto [path, item] : document["paths"].get_object()) {
    for (auto [method, operation] : item.get_object()) {
      if (method == "parameters") continue;
      ++operations;
      net::HttpRequest request;
      EXPECT_TRUE(net::ParseTarget("/v1/topics/x/events", 10, &request).ok());
      EXPECT_EQ(path, "/v1/topics/{topic}/events");
      request.method = method == "post" ? net::HttpMethod::kPost : net::HttpMethod::kGet;
      EXPECT_NE(f->router.Find(&request).route, nullptr);
      EXPECT_FALSE(operation["responses"].get_object().error());
    }
  }
  EXPECT_EQ(operations, 2);
  std::string_view text = answer.body;
  for (size_t at = text.find("\"#/"); at != std::string_view::npos;
       at = text.find("\"#/", at + 1)) {
    std::string pointer(text.substr(at + 2, text.find('"', at + 1) - at - 2));
    EXPECT_FALSE(document.at_pointer(pointer).error()) << pointer;
  }
  get = Get("/docs/api");
  CO_ASSIGN_OR_RETURN(answer, co_await client.Call(std::move(get)));
  EXPECT_EQ(answer.status, 200);
  co_return Status::OK();
}
TEST(HttpGateway, DescribesItself) { RunScenario(Documents); }

}  // namespace
}  // namespace mainstem::gateway::http

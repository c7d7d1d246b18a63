// The server over an in-memory stream: each test writes raw bytes as a client and reads the answer.
#include "core/net/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/net/memory_stream.h"
#include "core/net/server_sent_events.h"
#include "core/net/testing/raw_client.h"
#include "core/net/websocket.h"
#include "core/scheduler.h"
#include "core/sim/sim_env.h"

namespace mainstem::net {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Task<> Echo(HttpExchange* exchange) {
  HttpResponse response = TextResponse(200, "text/plain", exchange->request().body);
  co_return co_await exchange->Respond(std::move(response));
}

Task<> Count(HttpExchange* exchange) {
  CO_RETURN_IF_ERROR(co_await exchange->StartStream(200, ServerSentEventHeaders()));
  for (int i = 0; i < 3; ++i) {
    CO_RETURN_IF_ERROR(co_await exchange->WriteStream(std::to_string(i)));
  }
  co_return Status::OK();
}

Task<> FailAlways(HttpExchange* exchange) {
  co_return MakeError(ErrorCode::kUnknownTopic, {.message = "no topic 'x'", .hint = "create it"});
}

Task<> Hang(HttpExchange* exchange) { co_return co_await Sleep(std::chrono::hours(1)); }

Task<> WebSocketEcho(HttpExchange* exchange) {
  CO_ASSIGN_OR_RETURN(auto socket, co_await exchange->AcceptWebSocket(64));
  while (true) {
    CO_ASSIGN_OR_RETURN(auto message, co_await socket->Read(kNoDeadline));
    if (!message) co_return Status::OK();
    CO_RETURN_IF_ERROR(co_await socket->Send(WebSocketOpcode::kText, std::move(message->payload)));
  }
}

using Client = RawClient;

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    shard_.Start();
    router_.Add(HttpMethod::kPost, "/echo", Echo, {.body_limit = 100});
    router_.Add(HttpMethod::kGet, "/count", Count);
    router_.Add(HttpMethod::kGet, "/fail", FailAlways);
    router_.Add(HttpMethod::kGet, "/hang", Hang);
    router_.Add(HttpMethod::kGet, "/ws", WebSocketEcho);
    router_.Add(HttpMethod::kPost, "/open", Echo, {.allow_cross_origin = true});
    options_.access.allowed_origins = {"https://shop.example"};
  }
  ~HttpServerTest() override { shard_.Stop(); }

  using Scenario = Task<> (*)(Client*);
  void Run(Scenario scenario) {
    Status status = RunBlocking(Executor(&shard_), Body(this, scenario));
    EXPECT_TRUE(status.ok()) << status.ToString();
  }
  static Task<> Body(HttpServerTest* test, Scenario scenario) {
    Executor executor(&test->shard_);
    HttpServer server(executor, test->options_, &test->router_);
    auto [near, far] = MakeMemoryStreamPair(executor);
    server.Serve(std::move(far));
    Client client(std::move(near));
    Status outcome = co_await scenario(&client);
    CO_RETURN_IF_ERROR(co_await server.Stop());
    EXPECT_EQ(server.stats().connections_open.load(), 0);
    co_return outcome;
  }

  ShardScheduler shard_{"test"};
  HttpRouter router_;
  HttpServerOptions options_;
};

Task<> Pipeline(Client* client) {
  CO_RETURN_IF_ERROR(co_await client->Send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nfirst"
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nsecond"
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
  CO_ASSIGN_OR_RETURN(std::string first, co_await client->ReadUntil("first"));
  EXPECT_THAT(first, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(first, HasSubstr("Content-Length: 5\r\n"));
  CO_ASSIGN_OR_RETURN(std::string second, co_await client->ReadUntil("second"));
  EXPECT_THAT(second, Not(HasSubstr("Connection: close")));
  CO_ASSIGN_OR_RETURN(std::string last, co_await client->ReadToEnd());
  EXPECT_THAT(last, HasSubstr("Connection: close\r\n"));
  co_return Status::OK();
}
TEST_F(HttpServerTest, AnswersAPipelineInOrder) { Run(Pipeline); }

Task<> Stream3(Client* client) {
  CO_RETURN_IF_ERROR(co_await client->Send("GET /count HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  CO_ASSIGN_OR_RETURN(std::string answer, co_await client->ReadUntil("0\r\n\r\n"));
  EXPECT_THAT(answer, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n1\r\n0\r\n1\r\n1\r\n1\r\n2\r\n0\r\n\r\n"));
  CO_RETURN_IF_ERROR(co_await client->Send("GET /count HTTP/1.0\r\n\r\n"));
  CO_ASSIGN_OR_RETURN(answer, co_await client->ReadToEnd());
  EXPECT_THAT(answer, Not(HasSubstr("chunked")));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n012"));
  co_return Status::OK();
}
TEST_F(HttpServerTest, StreamsChunkedOrToTheEndForOldClients) { Run(Stream3); }

// Else a stream without end would go on after its client has gone.
Task<> HeadOfStream(Client* client) {
  CO_RETURN_IF_ERROR(co_await client->Send(
      "HEAD /count HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
  CO_ASSIGN_OR_RETURN(std::string answer, co_await client->ReadToEnd());
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
  co_return Status::OK();
}
TEST_F(HttpServerTest, AHeadEndsTheStreamThatItAsksFor) { Run(HeadOfStream); }

Task<> EndlessChunkSize(Client* client) {
  CO_RETURN_IF_ERROR(
      co_await client->Send("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
                            "chunked\r\n\r\n1;a=" +
                            std::string(70 << 10, 'x')));
  CO_ASSIGN_OR_RETURN(std::string answer, co_await client->ReadToEnd());
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 "));
  co_return Status::OK();
}
TEST_F(HttpServerTest, RefusesAChunkSizeWithoutEnd) { Run(EndlessChunkSize); }

Task<> Bodies(Client* client) {
  CO_RETURN_IF_ERROR(
      co_await client->Send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40\r\n\r\n" +
                            std::string(40, 'a')));
  CO_ASSIGN_OR_RETURN(std::string answer, co_await client->ReadUntil(std::string(40, 'a')));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  CO_RETURN_IF_ERROR(
      co_await client->Send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60\r\n\r\n" +
                            std::string(60, 'a')));
  CO_ASSIGN_OR_RETURN(answer, co_await client->ReadUntil("}}\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 429 "));
  client->Close();
  co_return Status::OK();
}
TEST_F(HttpServerTest, RefusesABodyForWhichThereIsNoMemory) {
  MemoryBudget budget(50);
  options_.memory = &budget;
  Run(Bodies);
  EXPECT_EQ(budget.used_bytes(), 0);
}

Task<> Counted(Client* client) {
  CO_RETURN_IF_ERROR(
      co_await client->Send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\na"
                            "GET /fail HTTP/1.1\r\nHost: localhost\r\n\r\n"
                            "GET /nope HTTP/1.1\r\nHost: localhost\r\n\r\n"
                            "GET /count HTTP/1.1\r\nHost: localhost\r\n\r\n"
                            "GET /nope HTTP/1.1\r\nHost: localhost\r\n\r\n"
                            "no HTTP at all\r\n\r\n"));
  CO_RETURN_IF_ERROR(co_await client->ReadToEnd());
  co_return Status::OK();
}
TEST_F(HttpServerTest, TellsWhatItAnswered) {
  options_.drain_timeout = 1ms;
  std::vector<std::string> answers;
  options_.on_answer = [&answers](const HttpAnswer& answer) {
    answers.push_back(fmt::format("{} {} {}{}", answer.method, answer.route, answer.status,
                                  answer.duration ? " timed" : ""));
  };
  Run(Counted);
  EXPECT_EQ(answers, (std::vector<std::string>{"POST /echo 200 timed", "GET /fail 404 timed",
                                               "GET  404 timed", "GET /count 200", "GET  404 timed",
                                               "other  400 timed"}));
}

Task<> Errors(Client* client) {
  CO_RETURN_IF_ERROR(co_await client->Send("GET /fail HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  CO_ASSIGN_OR_RETURN(std::string answer, co_await client->ReadUntil("}}\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(answer, EndsWith("{\"error\":{\"code\":\"UnknownTopic\",\"message\":\"no topic "
                               "'x'\",\"hint\":\"create it\"}}\n"));
  CO_RETURN_IF_ERROR(co_await client->Send("DELETE /fail HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  CO_ASSIGN_OR_RETURN(answer, co_await client->ReadUntil("}}\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD\r\n"));
  CO_RETURN_IF_ERROR(co_await client->Send("HEAD /nope HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  CO_ASSIGN_OR_RETURN(answer, co_await client->ReadUntil("\r\n\r\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 404 "));
  CO_RETURN_IF_ERROR(co_await client->Send("nonsense\r\n\r\n"));
  CO_ASSIGN_OR_RETURN(answer, co_await client->ReadUntil("}}\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 "));
  client->Close();
  co_return Status::OK();
}
TEST_F(HttpServerTest, AnswersErrorsAsJson) { Run(Errors); }

Task<> TooLarge(Client* client) {
  CO_RETURN_IF_ERROR(co_await client->Send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 101\r\n\r\n"));
  CO_ASSIGN_OR_RETURN(std::string answer, co_await client->ReadUntil("}}\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  client->Close();
  co_return Status::OK();
}
TEST_F(HttpServerTest, RefusesABodyOverTheRoutesLimit) { Run(TooLarge); }

Task<> TooMany(Client* client) {
  CO_RETURN_IF_ERROR(co_await client->Send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n"));
  CO_ASSIGN_OR_RETURN(std::string answer, co_await client->ReadUntil("}}\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 429 "));
  EXPECT_THAT(answer, HasSubstr("Retry-After: 1"));
  client->Close();
  co_return Status::OK();
}
TEST_F(HttpServerTest, PushesBackWhenBodiesOfAllConnectionsAreTooMuch) {
  options_.body_bytes_in_flight = 49;
  Run(TooMany);
}

Task<> Expect(Client* client) {
  CO_RETURN_IF_ERROR(co_await client->Send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: "
      "2\r\n\r\n"));
  CO_ASSIGN_OR_RETURN(std::string answer, co_await client->ReadUntil("\r\n\r\n"));
  EXPECT_EQ(answer, "HTTP/1.1 100 Continue\r\n\r\n");
  CO_RETURN_IF_ERROR(co_await client->Send("ok"));
  CO_ASSIGN_OR_RETURN(answer, co_await client->ReadUntil("\r\n\r\nok"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  co_return Status::OK();
}
TEST_F(HttpServerTest, InvitesABodyThatWaitsForIt) { Run(Expect); }

Task<> Slow(Client* client) {
  CO_RETURN_IF_ERROR(co_await client->Send("POST /echo HTTP/1.1\r\n"));
  CO_ASSIGN_OR_RETURN(std::string answer, co_await client->ReadToEnd());
  EXPECT_EQ(answer, "");
  co_return Status::OK();
}
TEST_F(HttpServerTest, ClosesAClientThatNeverEndsItsHead) {
  options_.head_timeout = 1ms;
  Run(Slow);
}
TEST_F(HttpServerTest, ClosesAnIdleClient) {
  options_.idle_timeout = 1ms;
  Run([](Client* client) -> Task<> {
    CO_ASSIGN_OR_RETURN(std::string answer, co_await client->ReadToEnd());
    EXPECT_EQ(answer, "");
    co_return Status::OK();
  });
}

Task<> CrossOrigin(Client* client) {
  CO_RETURN_IF_ERROR(co_await client->Send(
      "OPTIONS /open HTTP/1.1\r\nHost: localhost\r\nOrigin: https://shop.example\r\n"
      "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: "
      "mainstem-header-trace,authorization, Mainstem-Header-b\r\n\r\n"));
  CO_ASSIGN_OR_RETURN(std::string answer, co_await client->ReadUntil("\r\n\r\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 204 "));
  EXPECT_THAT(answer, HasSubstr("Access-Control-Allow-Origin: https://shop.example\r\n"));
  EXPECT_THAT(answer, HasSubstr("Access-Control-Allow-Methods: POST\r\n"));
  EXPECT_THAT(answer, HasSubstr("Last-Event-ID, mainstem-header-trace, Mainstem-Header-b\r\n"));
  CO_RETURN_IF_ERROR(co_await client->Send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nOrigin: https://shop.example\r\n"
      "Content-Length: 1\r\n\r\nx"));
  CO_ASSIGN_OR_RETURN(answer, co_await client->ReadUntil("}}\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(answer, Not(HasSubstr("Allow-Origin")));
  client->Close();
  co_return Status::OK();
}
TEST_F(HttpServerTest, OpensOnlyMarkedPathsToOtherOrigins) { Run(CrossOrigin); }

Task<> AskForOptions(Client* client) {
  CO_RETURN_IF_ERROR(co_await client->Send("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  CO_ASSIGN_OR_RETURN(std::string answer, co_await client->ReadUntil("\r\n\r\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 204 "));
  EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD, POST, "));
  CO_RETURN_IF_ERROR(co_await client->Send("GET * HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  CO_ASSIGN_OR_RETURN(answer, co_await client->ReadUntil("}}\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 "));
  client->Close();
  co_return Status::OK();
}
TEST_F(HttpServerTest, TellsItsMethods) { Run(AskForOptions); }

// More clients than may be served: the last one waits for the others.
Task<> MoreThanMayBe(Env* env) {
  HttpRouter router;
  HttpServerOptions options;
  options.connection_limit = 1;
  HttpServer server(env->shard(0), std::move(options), &router);
  CO_ASSIGN_OR_RETURN(auto listener, co_await env->network().Listen("127.0.0.1", 0));
  const uint16_t port = listener->port();
  server.Start(std::move(listener));
  CO_ASSIGN_OR_RETURN(auto first, co_await env->network().Connect("127.0.0.1", port, kNoDeadline));
  CO_RETURN_IF_ERROR(co_await Sleep(1s));
  EXPECT_EQ(server.stats().connections_open.load(), 1);
  EXPECT_EQ(server.stats().connection_limit_reached.load(), 1);
  co_return co_await server.Stop();
}
TEST(HttpServer, CountsThatNewConnectionsHadToWait) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  Status status = env.Run(MoreThanMayBe(&env));
  EXPECT_TRUE(status.ok()) << status.ToString();
}

Task<> StopWhileHanging(Client* client) {
  CO_RETURN_IF_ERROR(co_await client->Send("GET /hang HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  co_return co_await Yield();
}
TEST_F(HttpServerTest, StopEndsHandlersThatWait) { Run(StopWhileHanging); }

constexpr std::string_view kUpgrade =
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade"
    "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

Task<> Talk(Client* client) {
  std::string hello = std::string(kUpgrade);
  hello += EncodeMaskedWebSocketFrame(WebSocketOpcode::kText, "early", 7);
  CO_RETURN_IF_ERROR(co_await client->Send(std::move(hello)));
  CO_ASSIGN_OR_RETURN(std::string answer, co_await client->ReadUntil("\r\n\r\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(answer, HasSubstr("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  CO_ASSIGN_OR_RETURN(answer, co_await client->ReadUntil("early"));
  EXPECT_EQ(answer, EncodeWebSocketFrame(WebSocketOpcode::kText, "early"));
  CO_RETURN_IF_ERROR(
      co_await client->Send(EncodeMaskedWebSocketFrame(WebSocketOpcode::kPing, "p", 7)));
  CO_ASSIGN_OR_RETURN(answer, co_await client->ReadUntil("p"));
  EXPECT_EQ(answer, EncodeWebSocketFrame(WebSocketOpcode::kPong, "p"));
  CO_RETURN_IF_ERROR(
      co_await client->Send(EncodeMaskedWebSocketFrame(WebSocketOpcode::kClose, "\x03\xe8", 7)));
  CO_ASSIGN_OR_RETURN(answer, co_await client->ReadToEnd());
  EXPECT_EQ(answer, EncodeWebSocketFrame(WebSocketOpcode::kClose, "\x03\xe8"));
  co_return Status::OK();
}
TEST_F(HttpServerTest, SpeaksWebSocket) { Run(Talk); }

Task<> TalkTooMuch(Client* client) {
  CO_RETURN_IF_ERROR(co_await client->Send(std::string(kUpgrade)));
  CO_ASSIGN_OR_RETURN(std::string answer, co_await client->ReadUntil("\r\n\r\n"));
  std::string large(65, 'x');
  CO_RETURN_IF_ERROR(
      co_await client->Send(EncodeMaskedWebSocketFrame(WebSocketOpcode::kText, large, 7)));
  CO_ASSIGN_OR_RETURN(answer, co_await client->ReadToEnd());
  EXPECT_THAT(answer, HasSubstr("\x03\xf1"));  // close code 1009
  co_return Status::OK();
}
TEST_F(HttpServerTest, ClosesAWebSocketThatSendsTooMuch) { Run(TalkTooMuch); }

TEST(ServerSentEvents, SplitsDataIntoLines) {
  EXPECT_EQ(FormatServerSentEvent({.id = "0:5", .name = "event", .data = "a\nb\r\nc"}),
            "id: 0:5\nevent: event\ndata: a\ndata: b\ndata: c\n\n");
}

}  // namespace
}  // namespace mainstem::net

// Certificates, and what a server does with clients that break TLS. Real clients shake hands in
// tests/integration/http.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/net/http_server.h"
#include "core/net/loopback.h"
#include "core/net/memory_stream.h"
#include "core/net/testing/raw_client.h"
#include "core/net/tls/self_signed.h"
#include "core/net/tls/tls_server.h"
#include "core/scheduler.h"

namespace mainstem::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

CertificateAndKey MakeOne() {
  return MakeSelfSigned({.hosts = {"localhost", "127.0.0.1", "::1"}, .now_ms = 1'800'000'000'000})
      .ValueOrDie();
}

TEST(TlsTest, ASelfSignedCertificateServes) {
  CertificateAndKey one = MakeOne();
  EXPECT_THAT(one.certificate, StartsWith("-----BEGIN CERTIFICATE-----"));
  EXPECT_THAT(one.key, StartsWith("-----BEGIN PRIVATE KEY-----"));
  EXPECT_TRUE(TlsServer::Make(one.certificate, one.key).ok());
  EXPECT_NE(MakeOne().key, one.key);
}

TEST(TlsTest, SaysWhatIsWrongWithACertificate) {
  CertificateAndKey one = MakeOne();
  EXPECT_THAT(TlsServer::Make("nonsense", one.key).status().ToString(), HasSubstr("certificate"));
  EXPECT_THAT(TlsServer::Make(one.certificate, "").status().ToString(), HasSubstr("key"));
  EXPECT_THAT(TlsServer::Make(one.certificate, MakeOne().key).status().ToString(),
              HasSubstr("does not belong"));
  EXPECT_FALSE(MakeSelfSigned({.hosts = {}}).ok());
  EXPECT_FALSE(MakeSelfSigned({.hosts = {"a,DNS:b"}}).ok());
  EXPECT_FALSE(MakeSelfSigned({.hosts = {"host:443"}}).ok());
}

TEST(TlsTest, KnowsLoopback) {
  EXPECT_TRUE(IsLoopback("127.8.9.1:1"));
  EXPECT_TRUE(IsLoopback("[::1]:1"));
  EXPECT_TRUE(IsLoopback("[::ffff:127.0.0.1]:1"));
  EXPECT_FALSE(IsLoopback("[::ffff:10.0.0.1]:1"));
  EXPECT_FALSE(IsLoopback("nonsense"));
  EXPECT_TRUE(IsLoopbackHost("localhost"));
}

// What the server answers to `input`, until it closes.
Task<> SendTo(HttpServerOptions options, std::string input, std::string* answer) {
  Executor executor = co_await asio::this_coro::executor;
  HttpRouter router;
  HttpServer server(executor, std::move(options), &router);
  auto [near, far] = MakeMemoryStreamPair(executor);
  server.Serve(std::move(far));
  RawClient client(std::move(near));
  CO_RETURN_IF_ERROR(co_await client.Send(std::move(input)));
  CO_ASSIGN_OR_RETURN(*answer, co_await client.ReadToEnd());
  CO_RETURN_IF_ERROR(co_await server.Stop());
  EXPECT_EQ(server.stats().connections_open.load(), 0);
  co_return Status::OK();
}

std::string AnswerTo(std::string input) {
  ShardScheduler shard("test");
  shard.Start();
  CertificateAndKey one = MakeOne();
  HttpServerOptions options;
  options.tls = TlsServer::Make(one.certificate, one.key).ValueOrDie();
  options.head_timeout = 50ms;
  std::string answer;
  EXPECT_TRUE(RunBlocking(Executor(&shard), SendTo(options, std::move(input), &answer)).ok());
  shard.Stop();
  return answer;
}

TEST(TlsTest, BrokenHandshakesEndTheConnection) {
  EXPECT_EQ(AnswerTo("\x16 this is no handshake at all"), "");
  // An alert.
  EXPECT_THAT(AnswerTo(std::string("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03", 10)),
              StartsWith("\x15\x03"));
  EXPECT_EQ(AnswerTo(std::string("\x16\x03\x01\x02\x00\x01", 6)), "");  // and then nothing
}

TEST(TlsTest, ClearTextFromElsewhereIsSentAway) {
  std::string answer = AnswerTo("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer, HasSubstr("https://"));
}

}  // namespace
}  // namespace mainstem::net

// Certificates, and what a server does with clients that break TLS. Real clients shake hands in
// tests/integration/http.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/net/http_server.h"
#include "core/net/loopback.h"
#include "core/net/memory_stream.h"
#include "core/net/testing/raw_client.h"
#include "core/net/tls/self_signed.h"
#include "core/net/tls/tls_client.h"
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

// Both ends of one connection: what the client says comes back.
Task<> EchoOnce(std::shared_ptr<const TlsServer> server, std::unique_ptr<Stream> stream) {
  CO_ASSIGN_OR_RETURN(TlsAccepted accepted,
                      co_await AcceptTls(std::move(server), std::move(stream), "", kNoDeadline));
  std::array<std::byte, 64> buffer;
  CO_ASSIGN_OR_RETURN(size_t size, co_await accepted.stream->ReadSome(buffer, kNoDeadline));
  std::vector<std::span<const std::byte>> pieces{std::span(buffer).first(size)};
  co_return co_await accepted.stream->Write(std::move(pieces), kNoDeadline);
}

Task<> TalkTo(std::shared_ptr<const TlsServer> server, std::shared_ptr<const TlsClient> client,
              std::string host, std::string* heard) {
  Executor executor = co_await asio::this_coro::executor;
  auto [near, far] = MakeMemoryStreamPair(executor);
  TaskScope scope(executor, "server", [](const std::string&, const Status&) {});
  scope.Spawn("echo", EchoOnce(std::move(server), std::move(far)));
  Result<std::unique_ptr<Stream>> stream =
      co_await ConnectTls(std::move(client), std::move(near), std::move(host), kNoDeadline);
  Status outcome = stream.status();
  if (outcome.ok()) {
    std::string_view text = "hello";
    std::vector<std::span<const std::byte>> pieces{std::as_bytes(std::span(text))};
    outcome = co_await (*stream)->Write(std::move(pieces), kNoDeadline);
    std::array<std::byte, 64> buffer;
    if (outcome.ok()) {
      CO_ASSIGN_OR_RETURN(size_t size, co_await (*stream)->ReadSome(buffer, kNoDeadline));
      heard->assign(reinterpret_cast<const char*>(buffer.data()), size);
    }
    (*stream)->Close();
  }
  CO_RETURN_IF_ERROR(co_await scope.Close());
  co_return outcome;
}

Status Talk(const CertificateAndKey& served, const std::string& trusted, std::string host,
            std::string* heard) {
  ShardScheduler shard("test");
  shard.Start();
  auto server = TlsServer::Make(served.certificate, served.key).ValueOrDie();
  auto client = TlsClient::Make({.authorities = trusted}).ValueOrDie();
  Status outcome = RunBlocking(
      Executor(&shard), TalkTo(std::move(server), std::move(client), std::move(host), heard));
  shard.Stop();
  return outcome;
}

CertificateAndKey MakeForToday() {
  return MakeSelfSigned({.hosts = {"localhost", "127.0.0.1", "::1"},
                         .now_ms = MakeRealEnv({.shard_count = 1})->WallTime().value()})
      .ValueOrDie();
}

TEST(TlsClientTest, TalksToAServerThatItTrusts) {
  CertificateAndKey one = MakeForToday();
  for (const char* host : {"localhost", "127.0.0.1", "::1"}) {
    std::string heard;
    EXPECT_TRUE(Talk(one, one.certificate, host, &heard).ok()) << host;
    EXPECT_EQ(heard, "hello") << host;
  }
}

TEST(TlsClientTest, RefusesAServerThatIsNotTrustedOrNotTheOneThatWasMeant) {
  CertificateAndKey one = MakeForToday(), other = MakeForToday();
  std::string heard;
  Status stranger = Talk(one, other.certificate, "localhost", &heard);
  EXPECT_EQ(CodeOf(stranger), ErrorCode::kPermissionDenied) << stranger;
  EXPECT_THAT(TextOf(stranger).message, HasSubstr("is not trusted"));
  for (const char* host : {"example.org", "127.0.0.2"}) {
    Status wrong_host = Talk(one, one.certificate, host, &heard);
    EXPECT_EQ(CodeOf(wrong_host), ErrorCode::kPermissionDenied) << wrong_host;
    EXPECT_THAT(TextOf(wrong_host).message, HasSubstr("mismatch"));
  }
  EXPECT_EQ(heard, "");
}

TEST(TlsClientTest, SaysWhatIsWrongWithItsFiles) {
  CertificateAndKey one = MakeOne();
  auto problem = [](TlsClientOptions options) {
    return TlsClient::Make(options).status().ToString();
  };
  EXPECT_THAT(problem({.authorities = "nonsense"}), HasSubstr("authorities"));
  EXPECT_THAT(problem({.certificates = "nonsense"}), HasSubstr("certificate"));
  EXPECT_THAT(problem({.certificates = one.certificate, .key = MakeOne().key}),
              HasSubstr("does not belong"));
}

}  // namespace
}  // namespace mainstem::net

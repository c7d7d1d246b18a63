// A large answer over HTTP/1.1 to a client that reads slowly, or not at all, on virtual time.
#include "core/net/steady_write.h"

#include <gtest/gtest.h>

#include "core/net/http_server.h"
#include "core/net/memory_stream.h"
#include "core/sim/sim_env.h"

namespace mainstem::net {
namespace {

using namespace std::chrono_literals;

constexpr size_t kLargeBytes = 3 << 20;
constexpr size_t kBufferBytes = 64 << 10;  // between server and client

Task<> AnswerMuch(HttpExchange* exchange) {
  HttpResponse response = TextResponse(200, "text/plain", std::string(kLargeBytes, 'x'));
  co_return co_await exchange->Respond(std::move(response));
}

// Reads what it can get of an answer, 256 KiB each `pause`. Gives how much came.
Task<size_t> ReadSlowly(Env* env, Duration pause) {
  HttpRouter router;
  router.Add(HttpMethod::kGet, "/large", AnswerMuch);
  HttpServer server(env->shard(0), {}, &router);
  auto [near, far] = MakeMemoryStreamPair(env->shard(0), kBufferBytes);
  server.Serve(std::move(far));
  const std::string request = "GET /large HTTP/1.0\r\n\r\n";
  std::vector<std::span<const std::byte>> pieces{std::as_bytes(std::span(request))};
  CO_RETURN_IF_ERROR(co_await near->Write(std::move(pieces), kNoDeadline));
  size_t received = 0;
  std::string buffer(256 << 10, '\0');
  while (true) {
    CO_ASSIGN_OR_RETURN(size_t count, co_await near->ReadSome(
                                          std::as_writable_bytes(std::span(buffer)), kNoDeadline));
    if (count == 0) break;
    received += count;
    CO_RETURN_IF_ERROR(co_await Sleep(pause));
  }
  CO_RETURN_IF_ERROR(co_await server.Stop());
  co_return received;
}

Task<> ReadAtPaces(Env* env, size_t* steady, size_t* late, size_t* slowest) {
  CO_ASSIGN_OR_RETURN(*steady, co_await ReadSlowly(env, 10s));  // 150 s in all
  CO_ASSIGN_OR_RETURN(*late, co_await ReadSlowly(env, 45s));
  CO_ASSIGN_OR_RETURN(*slowest, co_await ReadSlowly(env, 25s));  // more than 16 KiB a second take
  co_return Status::OK();
}

TEST(HttpSteadyWrite, AReaderMayBeSlowButMustRead) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  size_t steady = 0, late = 0, slowest = 0;
  Status status = env.Run(ReadAtPaces(&env, &steady, &late, &slowest));
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_GT(steady, kLargeBytes);
  EXPECT_LT(late, kLargeBytes / 4);
  EXPECT_LT(slowest, kLargeBytes);
  EXPECT_GT(slowest, kLargeBytes / 2);
}

}  // namespace
}  // namespace mainstem::net

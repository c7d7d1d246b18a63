// Goal: the simulated network behaves as TCP does where clients and servers rely on it, and each of
// its faults happens. Method: an echo server and clients in one world, over many seeds.
#include "core/sim/sim_network.h"

#include <gtest/gtest.h>

#include "core/sim/sim_env.h"

namespace mainstem {
namespace {

constexpr uint16_t kPort = 9092;

std::span<const std::byte> Bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

Task<> Echo(std::unique_ptr<Stream> stream, Env* env) {
  std::byte buffer[700];
  for (;;) {
    TimePoint deadline = env->Now() + std::chrono::seconds(60);
    CO_ASSIGN_OR_RETURN(size_t count, co_await stream->ReadSome(buffer, deadline));
    if (count == 0) co_return Status::OK();
    std::vector<std::span<const std::byte>> pieces = {std::span(buffer, count)};
    CO_RETURN_IF_ERROR(co_await stream->Write(std::move(pieces), deadline));
  }
}

// Serves until it is told to stop.
struct EchoServer {
  explicit EchoServer(Env* env)
      : env(env), scope(env->shard(0), "echo", [this](const std::string&, const Status& status) {
          errors.push_back(CodeOf(status));
        }) {}
  Task<> Start() {
    CO_ASSIGN_OR_RETURN(listener, co_await env->network().Listen("127.0.0.1", kPort));
    scope.Spawn("accept", AcceptAll());
    co_return Status::OK();
  }
  Task<> AcceptAll() {
    for (;;) {
      CO_ASSIGN_OR_RETURN(auto stream, co_await listener->Accept(env->shard(0)));
      scope.Spawn("echo", Echo(std::move(stream), env));
    }
  }
  Task<> Stop() {
    listener->Close();
    co_return co_await scope.Close();
  }
  Env* env;
  std::unique_ptr<Listener> listener;
  std::vector<ErrorCode> errors;
  TaskScope scope;
};

Task<> ReadAll(Stream* stream, size_t size, TimePoint deadline, std::string* received) {
  received->assign(size, '\0');
  std::span<std::byte> into = std::as_writable_bytes(std::span(*received));
  Status status = co_await stream->ReadExactly(into, deadline);
  co_return status;
}

// Sends `sent` and reads it back.
Task<> Converse(Env* env, const std::string* sent, std::string* received) {
  TimePoint deadline = env->Now() + std::chrono::seconds(30);
  CO_ASSIGN_OR_RETURN(auto stream, co_await env->network().Connect("127.0.0.1", kPort, deadline));
  Status read_status;
  TaskScope reading(env->shard(0), "read",
                    [&](const std::string&, const Status& status) { read_status = status; });
  reading.Spawn("read", ReadAll(stream.get(), sent->size(), deadline, received));
  std::vector<std::span<const std::byte>> pieces = {Bytes(*sent)};
  Status written = co_await stream->Write(std::move(pieces), deadline);
  CO_RETURN_IF_ERROR(co_await reading.Join());
  CO_RETURN_IF_ERROR(written);
  co_return read_status;
}

Task<> ServeAndConverse(EchoServer* server, Env* client, const std::string* sent,
                        std::string* received, Status* outcome) {
  CO_RETURN_IF_ERROR(co_await server->Start());
  *outcome = co_await RunOn(client->shard(0), Converse(client, sent, received));
  co_return co_await server->Stop();
}

struct Outcome {
  Status status;
  bool echoed = false;
  uint64_t trace_hash = 0;
  int64_t cuts = 0;
  Duration took{};
};

Outcome RunEcho(uint64_t seed, SimNetworkOptions options, size_t bytes = 50'000) {
  SimWorld world({.seed = seed, .network = options});
  SimDisk disk(seed);
  SimEnv server_env(&world, &disk, {.shard_count = 1});
  SimEnv client_env(&world, &disk, {.shard_count = 1});
  EchoServer server(&server_env);
  std::string sent(bytes, '\0');
  for (size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 7919 >> 3);
  std::string received;
  Outcome outcome;
  TimePoint begin = world.Now();
  CHECK_OK(
      server_env.Run(ServeAndConverse(&server, &client_env, &sent, &received, &outcome.status)));
  outcome.echoed = received == sent;
  outcome.trace_hash = world.trace_hash();
  outcome.cuts = world.network().cut_count();
  outcome.took = world.Now() - begin;
  return outcome;
}

TEST(SimNetworkTest, CarriesBytesInOrderHoweverSmallThePiecesAndBuffers) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SimNetworkOptions options{.buffer_bytes_min = 1, .buffer_bytes_max = 3000};
    options.partial_percent = 60;
    Outcome outcome = RunEcho(seed, options);
    EXPECT_TRUE(outcome.status.ok()) << seed << ": " << Describe(outcome.status);
    EXPECT_TRUE(outcome.echoed) << seed;
  }
}

TEST(SimNetworkTest, OneSeedIsOneRun) {
  SimNetworkOptions options{.cut_percent = 50};
  EXPECT_EQ(RunEcho(7, options).trace_hash, RunEcho(7, options).trace_hash);
  EXPECT_NE(RunEcho(7, options).trace_hash, RunEcho(8, options).trace_hash);
}

TEST(SimNetworkTest, CutsAConnectionBehindAnyByteAndBothEndsOrOneHearOfIt) {
  int closed = 0;
  int timed_out = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SimNetworkOptions options{.cut_percent = 100, .half_open_percent = 50};
    Outcome outcome = RunEcho(seed, options);
    EXPECT_FALSE(outcome.echoed) << seed;
    EXPECT_EQ(outcome.cuts, 1) << seed;
    closed += Is(outcome.status, ErrorCode::kConnectionClosed);
    timed_out += Is(outcome.status, ErrorCode::kTimedOut);
  }
  EXPECT_EQ(closed + timed_out, 60);
  EXPECT_GE(closed, 10);
  EXPECT_GE(timed_out, 10);
}

TEST(SimNetworkTest, RefusesAndLosesConnects) {
  EXPECT_TRUE(Is(RunEcho(1, {.refused_percent = 100}).status, ErrorCode::kUnavailable));
  Outcome lost = RunEcho(1, {.lost_connect_percent = 100});
  EXPECT_TRUE(Is(lost.status, ErrorCode::kTimedOut)) << Describe(lost.status);
  EXPECT_GE(lost.took, std::chrono::seconds(30));
}

Task<> ConnectOnly(Env* env, uint16_t port, Status* outcome) {
  TimePoint deadline = env->Now() + std::chrono::seconds(1);
  *outcome = (co_await env->network().Connect("127.0.0.1", port, deadline)).status();
  co_return Status::OK();
}

Task<> ListenTwice(Env* env, uint16_t* port, Status* second) {
  CO_ASSIGN_OR_RETURN(auto listener, co_await env->network().Listen("127.0.0.1", 0));
  *port = listener->port();
  *second = (co_await env->network().Listen("127.0.0.1", *port)).status();
  co_return Status::OK();
}

TEST(SimNetworkTest, APortHasOneListenerAndWithoutOneConnectsAreRefused) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  uint16_t port = 0;
  Status second;
  ASSERT_TRUE(env.Run(ListenTwice(&env, &port, &second)).ok());
  EXPECT_NE(port, 0);
  EXPECT_TRUE(Is(second, ErrorCode::kAddressInUse));
  Status outcome;
  ASSERT_TRUE(env.Run(ConnectOnly(&env, port, &outcome)).ok());
  EXPECT_TRUE(Is(outcome, ErrorCode::kUnavailable)) << Describe(outcome);
}

// What a client hears of a server that ended while it waits.
Status HearOfAnEnd(uint64_t seed, SimEnding ending, Duration* took) {
  auto* world = new SimWorld({.seed = seed});  // leaked with the server, as a crash does
  auto* disk = new SimDisk(seed);
  auto* server_env = new SimEnv(world, disk, {.shard_count = 1});
  auto* client_env = new SimEnv(world, disk, {.shard_count = 1});
  auto* server = new EchoServer(server_env);
  CHECK_OK(server_env->Run(server->Start()));
  world->CallAtStep(world->step_count() + 40, [=] { server_env->Abandon(ending); });
  std::string sent(1 << 20, 'x');
  std::string received;
  TimePoint begin = world->Now();
  Status status = client_env->Run(Converse(client_env, &sent, &received));
  *took = world->Now() - begin;
  return status;
}

TEST(SimNetworkTest, AKilledProcessClosesItsConnectionsAndAPowerCutIsSilentForAWhile) {
  bool was_silent = false;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Duration took{};
    EXPECT_TRUE(Is(HearOfAnEnd(seed, SimEnding::kKilled, &took), ErrorCode::kConnectionClosed));
    EXPECT_LT(took, std::chrono::seconds(1));
    EXPECT_FALSE(HearOfAnEnd(seed, SimEnding::kPowerCut, &took).ok());
    was_silent |= took > std::chrono::seconds(5);
  }
  EXPECT_TRUE(was_silent);
}

}  // namespace
}  // namespace mainstem

// For tests: one AWS service behind its server, over a log in memory, and a client, on virtual
// time.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/net/memory_stream.h"
#include "core/net/testing/raw_client.h"
#include "core/sim/sim_env.h"
#include "gateway/aws/aws_server.h"
#include "storage/testing/memory_log.h"

namespace mainstem::gateway::aws {

// How the service is called: "application/x-amz-json-1.1", "Kinesis_20131202.".
struct AwsDialect {
  std::string content_type;
  std::string target_prefix;
};

template <typename Service>
class AwsDoor {
 public:
  AwsDoor(Env* env, int64_t memory_bytes, AwsDialect dialect)
      : env(env), budget(memory_bytes), log(env), dialect_(std::move(dialect)) {}

  void Serve(std::unique_ptr<Service> opened) {
    service = std::move(opened);
    std::vector<AwsService*> services{service.get()};
    server = std::make_unique<AwsServer>(env, &budget, &metrics, Logger::Silent(), AwsSettings(),
                                         std::move(services));
    Connect();
  }
  void Connect() {
    auto [near, far] = net::MakeMemoryStreamPair(env->shard(0));
    server->Serve(std::move(far));
    client = std::make_unique<net::RawClient>(std::move(near));
  }
  Task<net::RawResponse> Call(std::string operation, std::string body) {
    net::RawClient::Request request{.method = "POST", .target = "/"};
    request.headers.emplace_back("Content-Type", dialect_.content_type);
    request.headers.emplace_back("X-Amz-Target", dialect_.target_prefix + operation);
    request.body = std::move(body);
    co_return co_await client->Call(std::move(request));
  }

  Env* env;
  MemoryBudget budget;
  Metrics metrics;
  storage::MemoryLog log;
  std::unique_ptr<Service> service;
  std::unique_ptr<AwsServer> server;
  std::unique_ptr<net::RawClient> client;

 private:
  AwsDialect dialect_;
};

template <typename Door>
using DoorScenario = Task<> (*)(Door*);

template <typename Door>
Task<> PlayAtDoor(Env* env, DoorScenario<Door> scenario, int64_t memory_bytes) {
  Door door(env, memory_bytes);
  CO_RETURN_IF_ERROR(co_await door.Open());
  Status outcome = co_await scenario(&door);
  CO_RETURN_IF_ERROR(co_await door.server->Stop());
  co_return outcome;
}

template <typename Door>
void RunAtDoor(DoorScenario<Door> scenario, int64_t memory_bytes = 64 << 20) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  Status status = env.Run(PlayAtDoor<Door>(&env, scenario, memory_bytes));
  EXPECT_TRUE(status.ok()) << status.ToString();
}

}  // namespace mainstem::gateway::aws

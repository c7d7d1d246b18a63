// A Kafka door over a log in memory, to try clients by hand: prints its port, ends with its input.
#include <iostream>

#include "gateway/kafka/server.h"
#include "gateway/kafka/testing/memory_log.h"

namespace mainstem::gateway::kafka {
namespace {

int Main(int argc, char** argv) {
  std::unique_ptr<Env> env = MakeRealEnv({});
  MemoryLog log(env.get());
  MemoryBudget budget(int64_t{256} << 20);
  Metrics metrics;
  Result<Logger> logger = Logger::Make({.level = LogLevel::kDebug, .json = false, .file = ""});
  CHECK_OK(logger);
  KafkaSettings settings;
  settings.port = argc > 1 ? static_cast<uint16_t>(std::atoi(argv[1])) : 0;
  settings.cluster_id = "memory-log-test-cluster";
  settings.data_directory = "/memory";
  KafkaServer server(env.get(), &log, &budget, &metrics, *logger, settings);
  CHECK_OK(RunBlocking(env->shard(0), server.Start()));
  std::cout << server.port() << std::endl;
  std::cin.get();
  CHECK_OK(RunBlocking(env->shard(0), server.Stop()));
  return 0;
}

}  // namespace
}  // namespace mainstem::gateway::kafka

int main(int argc, char** argv) { return mainstem::gateway::kafka::Main(argc, argv); }

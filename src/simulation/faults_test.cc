// Goal: the watchman judges a start of the node by what there was when it began.
#include "simulation/faults.h"

#include <gtest/gtest.h>

namespace mainstem::simulation {
namespace {

using namespace std::chrono_literals;

NodeOptions WatchedNode() {
  NodeOptions options;
  options.shard_count = 1;
  options.log.data_dir = "/data";
  options.log.cache_bytes = 256 << 10;
  options.log.buffer_bytes = 64 << 10;
  options.log.journal_file_bytes = 128 << 10;
  options.log.journal_bytes_max = 1 << 20;
  options.kafka.port = kKafkaPort;
  options.kafka.data_directory = options.log.data_dir;
  return options;
}

// A node on a disk, with its watchman.
struct Watched {
  SimWorld world{{.seed = 1}};
  SimDisk disk{1};
  SimDisk watchmans_disk{0};
  Node node{&world, &disk, WatchedNode()};
  SimEnv env{&world, &watchmans_disk, {.shard_count = 1}};
  Ledger ledger{&world};
  Faults faults{&world, &disk, &node, &ledger, 1};
};

Task<> WaitUntil(std::function<bool()> holds) {
  while (!holds()) CO_RETURN_IF_ERROR(co_await Sleep(1ms));
  co_return Status::OK();
}

Task<> WithWatchman(Watched* watched, Task<> story) {
  Executor home = co_await asio::this_coro::executor;
  TaskScope scope(home, "watchman", [](const std::string&, const Status&) {});
  scope.Spawn("watchman", watched->faults.KeepAlive());
  Status status = co_await std::move(story);
  watched->faults.Finish();
  CO_RETURN_IF_ERROR(co_await scope.Join());
  co_return status;
}

// The room comes back after the start has failed, and before the watchman looks.
Task<> HealAfterAFailedStart(Watched* watched) {
  watched->disk.set_capacity_bytes(0);
  CO_RETURN_IF_ERROR(co_await WaitUntil([watched] { return !watched->node.start_error().ok(); }));
  EXPECT_EQ(CodeOf(watched->node.start_error()), ErrorCode::kDiskFull);
  watched->faults.Heal();
  co_return co_await WaitUntil([watched] { return watched->node.is_up(); });
}

TEST(FaultsTest, AStartThatFailedBeforeTheCalmIsMadeAgain) {
  auto* watched = new Watched;  // leaked with the process that failed
  Status status = watched->env.Run(WithWatchman(watched, HealAfterAFailedStart(watched)), 1min);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(watched->ledger.violation(), "");
  EXPECT_EQ(watched->ledger.counts().at("starts failed"), 1);
  EXPECT_EQ(watched->ledger.counts().at("starts"), 2);
}

Task<> FailAStartInTheCalm(Watched* watched) {
  watched->faults.Heal();
  watched->disk.set_capacity_bytes(0);
  CO_RETURN_IF_ERROR(
      co_await WaitUntil([watched] { return !watched->ledger.violation().empty(); }));
  watched->faults.Heal();
  co_return co_await WaitUntil([watched] { return watched->node.is_up(); });
}

TEST(FaultsTest, AStartThatFailsInTheCalmIsAViolation) {
  auto* watched = new Watched;
  Status status = watched->env.Run(WithWatchman(watched, FailAStartInTheCalm(watched)), 1min);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_NE(watched->ledger.violation().find("no start"), std::string::npos);
}

}  // namespace
}  // namespace mainstem::simulation

// Goal: retention never holds up what it waits for itself. Method: the simulated env, whose clock
// shows a wait that nobody ends; a journal that is full.
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "storage/test_log.h"

namespace mainstem::storage {
namespace {

using namespace std::chrono_literals;

Task<> AppendOne(EmbeddedLog* log, TopicPartition partition, size_t bytes) {
  // Its time is 1970: it is too old as soon as it is in a segment.
  std::vector<std::byte> batch = MakeBatch({std::string(bytes, 'x')});
  co_return (co_await log->Append(partition, batch, {})).status();
}

Task<> RetainBesideAFullJournal(SimEnv* env, int* moved) {
  EmbeddedLogOptions options = SizedLog("/data", {256 << 10, 128 << 10, 512 << 10});
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await EmbeddedLog::Open(env, options));
  TopicConfig config{{"retention.ms", "1000"}, {"segment.bytes", "1048576"}};
  CO_ASSIGN_OR_RETURN(TopicInfo old, co_await log->CreateTopic("old", 1, config, false));
  CO_ASSIGN_OR_RETURN(TopicInfo other, co_await log->CreateTopic("other", 64, config, false));
  TopicPartition partition{old.id, PartitionId(0)};
  for (int i = 0; i < 40; ++i) {
    CO_RETURN_IF_ERROR(co_await AppendOne(log.get(), partition, 40'000));
  }
  CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  CO_RETURN_IF_ERROR(co_await AppendOne(log.get(), partition, 10));

  Status first;
  TaskScope scope(env->shard(0), "test", [&first](const std::string&, const Status& status) {
    if (first.ok()) first = status;
  });
  // Large ones, then smaller and smaller ones for the last bytes; more than there is room for.
  for (int32_t i = 0; i < other.partition_count; ++i) {
    size_t bytes = size_t{40'000} >> std::min(i / 4, 12);
    scope.Spawn("append", AppendOne(log.get(), {other.id, PartitionId(i)}, bytes));
  }
  scope.Spawn("retain", log->ApplyRetention());
  CO_RETURN_IF_ERROR(co_await scope.Join());
  CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(partition));
  *moved += offsets.log_start > Offset(0);  // else a checkpoint was at work: next time
  CO_RETURN_IF_ERROR(co_await scope.Close());
  CO_RETURN_IF_ERROR(co_await log->Stop());
  co_return first;
}

// It held the partition's files while it waited for room in the journal, which only a flush to
// these files could make.
TEST(RetentionTest, MovesTheLogStartThoughTheJournalIsFull) {
  int moved = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    auto* disk = new SimDisk(seed, {});  // leaked with the env when it hangs
    auto* env = new SimEnv(disk, {.seed = seed});
    Status status = env->Run(RetainBesideAFullJournal(env, &moved), 20s);
    if (!status.ok()) env->Abandon();
    ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << Describe(status);
  }
  EXPECT_GE(moved, 5);
}

}  // namespace
}  // namespace mainstem::storage

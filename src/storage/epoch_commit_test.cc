// Goal: an epoch commit of any size ends, in any journal, and shows all of its batches or none.
// Method: the simulated env, whose clock shows a wait that nobody ends; small journals, large
// epochs.
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "storage/test_log.h"

namespace mainstem::storage {
namespace {

using namespace std::chrono_literals;

constexpr int32_t kPartitions = 3;

EmbeddedLogOptions SmallJournal() {
  EmbeddedLogOptions options;
  options.data_dir = "/data";
  options.cache_bytes = 512 << 10;
  options.journal_file_bytes = 256 << 10;
  options.journal_bytes_max = 2 << 20;
  return options;
}

std::string EpochValue(int64_t epoch, size_t index, size_t bytes) {
  std::string value = "e" + std::to_string(epoch) + "." + std::to_string(index) + ":";
  value.resize(std::max(value.size(), bytes), 'x');
  return value;
}

struct EpochShape {
  size_t batches_per_partition = 1;
  size_t value_bytes = 1000;
};

Task<> CommitOne(EmbeddedLog* log, TopicInfo topic, EpochShape shape) {
  std::string job = "job";
  CO_ASSIGN_OR_RETURN(JobEpoch last, co_await log->LastEpoch(job));
  EpochCommit commit{.job_id = job, .epoch = last.epoch + 1};
  for (int32_t partition = 0; partition < topic.partition_count; ++partition) {
    for (size_t i = 0; i < shape.batches_per_partition; ++i) {
      std::string value = EpochValue(commit.epoch, i, shape.value_bytes);
      commit.appends.push_back({{topic.id, PartitionId(partition)}, MakeBatch({value})});
    }
  }
  co_return co_await log->CommitEpoch(std::move(commit));
}

Task<> CommitMany(SimEnv* env, EmbeddedLogOptions options, EpochShape shape, int count) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await EmbeddedLog::Open(env, options));
  TopicConfig config;
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("out", 1, config, false));
  Status status;
  for (int i = 0; i < count && status.ok(); ++i) {
    status = co_await CommitOne(log.get(), topic, shape);
  }
  CO_RETURN_IF_ERROR(co_await log->Stop());
  co_return status;
}

// The slack that the journal keeps for what may be left unused at a file's end was more than a
// lone committer could ever find: it waited for ever.
TEST(EpochCommitTest, EpochsOfAnySizeThatAFrameTakesEndInASmallJournal) {
  for (size_t kilobytes : {20, 60, 90, 110, 118}) {
    SimDisk disk(1, {});
    SimEnv env(&disk, {.seed = 1});
    EpochShape shape{.batches_per_partition = 1, .value_bytes = kilobytes << 10};
    Status status = env.Run(CommitMany(&env, SmallJournal(), shape, 40), 20s);
    EXPECT_TRUE(status.ok()) << kilobytes << " KiB: " << Describe(status);
  }
}

}  // namespace
}  // namespace mainstem::storage

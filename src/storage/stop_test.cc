// Goal: a clean stop is quick however many partitions have something to write, and loses nothing.
// Method: a log in the simulated env, whose clock tells how long it took; a slow disk.
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "storage/test_log.h"

namespace mainstem::storage {
namespace {

using namespace std::chrono_literals;

constexpr int32_t kStoppedPartitions = 400;

Task<std::unique_ptr<EmbeddedLog>> OpenWide(SimEnv* env) {
  co_return co_await EmbeddedLog::Open(env, SizedLog("/data", {4 << 20, 4 << 20, 64 << 20}));
}

Task<> FillAndStop(SimEnv* env, SimDisk* disk, Duration* took) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await OpenWide(env));
  CO_ASSIGN_OR_RETURN(TopicInfo topic,
                      co_await log->CreateTopic("t", kStoppedPartitions, {}, false));
  for (int32_t i = 0; i < kStoppedPartitions; ++i) {
    int64_t now = env->WallTime().value();
    std::vector<std::byte> batch = MakeBatch({std::to_string(i)}, {}, now);
    CO_RETURN_IF_ERROR(co_await log->Append({topic.id, PartitionId(i)}, batch, {}));
  }
  disk->set_slowness(200);
  TimePoint begin = env->Now();
  CO_RETURN_IF_ERROR(co_await log->Stop());
  *took = env->Now() - begin;
  disk->set_slowness(1);
  co_return Status::OK();
}

Task<> CheckAll(SimEnv* env) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await OpenWide(env));
  TopicId id = log->FindTopic("t")->id;
  for (int32_t i = 0; i < kStoppedPartitions; ++i) {
    CO_ASSIGN_OR_RETURN(auto values, co_await ReadValues(log.get(), {id, PartitionId(i)}));
    EXPECT_EQ(values, std::vector<std::string>{std::to_string(i)});
  }
  co_return co_await log->Stop();
}

TEST(StopTest, IsQuickAndLosesNothingWhenTheDiskIsSlow) {
  SimDisk disk(5);
  Runs runs(&disk, 50);
  Duration took{};
  Status status = runs.Run([&](SimEnv* env) { return FillAndStop(env, &disk, &took); });
  ASSERT_TRUE(status.ok()) << Describe(status);
  EXPECT_LT(took, 1500ms);
  status = runs.Run(CheckAll);
  ASSERT_TRUE(status.ok()) << Describe(status);
}

}  // namespace
}  // namespace mainstem::storage

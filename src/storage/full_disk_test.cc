// Goal: what frees the disk (retention, DeleteRecords, DeleteTopic, a shorter retention) works when
// the disk is full, also after a restart, and then appends go on. Method: the simulated disk, whose
// room ends; each way has a disk of its own.
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "storage/test_log.h"

namespace mainstem::storage {
namespace {

using namespace std::chrono_literals;

EmbeddedLogOptions LogOnSmallDisk() { return SizedLog("/data", {256 << 10, 128 << 10, 512 << 10}); }

Task<AppendResult> AppendBytes(EmbeddedLog* log, TopicPartition partition, size_t bytes) {
  std::vector<std::byte> batch = MakeBatch({std::string(bytes, 'x')});
  co_return co_await log->Append(partition, batch, {});
}

TopicPartition FirstOf(EmbeddedLog* log, const std::string& name) {
  return {log->FindTopic(name)->id, PartitionId(0)};
}

// "large" has closed segments of 1 MiB with records of 1970; "other" takes the last room.
Task<> FillTheDisk(EmbeddedLog* log, SimDisk* disk) {
  TopicConfig config{{"retention.ms", "-1"}, {"segment.bytes", "1048576"}};
  CO_RETURN_IF_ERROR(co_await log->CreateTopic("large", 1, config, false));
  CO_RETURN_IF_ERROR(co_await log->CreateTopic("other", 1, config, false));
  TopicPartition large = FirstOf(log, "large");
  TopicPartition other = FirstOf(log, "other");
  for (int i = 0; i < 60; ++i) CO_RETURN_IF_ERROR(co_await AppendBytes(log, large, 40'000));
  CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  disk->set_capacity_bytes(disk->used_bytes() + (64 << 10));
  const std::array<size_t, 2> sizes = {8000, 1};
  for (size_t bytes : sizes) {  // to the last room
    Status status;
    for (int i = 0; i < 10'000 && status.ok(); ++i) {
      auto appended = co_await AppendBytes(log, other, bytes);
      status = appended.status();
    }
    EXPECT_TRUE(Is(status, ErrorCode::kDiskFull)) << Describe(status);
  }
  co_return Status::OK();
}

using FreeSome = Task<> (*)(EmbeddedLog* log);

Task<> DeleteItsRecords(EmbeddedLog* log) {
  CO_ASSIGN_OR_RETURN(Offset start, co_await log->DeleteRecords(FirstOf(log, "large"), Offset(-1)));
  EXPECT_EQ(start, Offset(60));
  co_return Status::OK();
}

Task<> DeleteItsTopic(EmbeddedLog* log) {
  co_return co_await log->DeleteTopic(FirstOf(log, "large").topic_id);
}

Task<> ShortenItsRetention(EmbeddedLog* log) {
  TopicPartition large = FirstOf(log, "large");
  Log::ConfigChange change = [](TopicConfig config) -> Result<TopicConfig> {
    config["retention.ms"] = "1000";
    return config;
  };
  CO_RETURN_IF_ERROR(co_await log->ChangeTopicConfig(large.topic_id, std::move(change), false));
  CO_RETURN_IF_ERROR(co_await log->ApplyRetention());
  CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(large));
  EXPECT_EQ(offsets.log_start, Offset(60));
  co_return Status::OK();
}

Task<> FreeAndGoOn(EmbeddedLog* log, FreeSome free_some) {
  CO_RETURN_IF_ERROR(co_await free_some(log));
  CO_RETURN_IF_ERROR(co_await Sleep(5s));  // the checkpoint is tried again each second
  CO_ASSIGN_OR_RETURN(AppendResult more, co_await AppendBytes(log, FirstOf(log, "other"), 40'000));
  EXPECT_GT(more.base_offset, Offset(0));
  co_return co_await log->Checkpoint();
}

Task<> FillAndFree(SimEnv* env, SimDisk* disk, FreeSome free_some) {
  CO_ASSIGN_OR_RETURN(auto opened, co_await EmbeddedLog::Open(env, LogOnSmallDisk()));
  EmbeddedLog* log = opened.release();  // ends with the process
  CO_RETURN_IF_ERROR(co_await FillTheDisk(log, disk));
  co_return co_await FreeAndGoOn(log, free_some);
}

Task<> FillOnly(SimEnv* env, SimDisk* disk) {
  CO_ASSIGN_OR_RETURN(auto opened, co_await EmbeddedLog::Open(env, LogOnSmallDisk()));
  co_return co_await FillTheDisk(opened.release(), disk);
}

Task<> FreeAfterAStart(SimEnv* env, FreeSome free_some) {
  CO_ASSIGN_OR_RETURN(auto opened, co_await EmbeddedLog::Open(env, LogOnSmallDisk()));
  co_return co_await FreeAndGoOn(opened.release(), free_some);
}

constexpr FreeSome kFreeingWays[] = {DeleteItsRecords, DeleteItsTopic, ShortenItsRetention};

TEST(FullDiskTest, WhatFreesTheDiskWorks) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    for (FreeSome way : kFreeingWays) {
      SimDisk disk(seed);
      Runs runs(&disk, seed);
      Status status = runs.Run([&](SimEnv* env) { return FillAndFree(env, &disk, way); });
      ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << Describe(status);
    }
  }
}

TEST(FullDiskTest, WhatFreesTheDiskWorksAfterARestart) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    for (FreeSome way : kFreeingWays) {
      SimDisk disk(seed);
      Runs runs(&disk, seed);
      Status status = runs.Run([&](SimEnv* env) { return FillOnly(env, &disk); });
      ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << Describe(status);
      // A start makes a small journal file where none is free.
      disk.set_capacity_bytes(disk.used_bytes() + (72 << 10));
      status = runs.Run([&](SimEnv* env) { return FreeAfterAStart(env, way); });
      ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << Describe(status);
    }
  }
}

}  // namespace
}  // namespace mainstem::storage

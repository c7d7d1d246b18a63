// Goal: whoever reads segments from one batch to the next gets every record once and in order,
// whatever is read ahead for it, beside others, beside retention and compaction, and with a disk
// that fails; and the disk is asked seldom. Method: a log in the simulated env whose records lie in
// segments.
#include "storage/read_ahead.h"

#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "storage/test_log.h"

namespace mainstem::storage {
namespace {

using namespace std::chrono_literals;

constexpr int kBatchCount = 600;

// Sizes from 1 to 40 KB; the value begins with its number.
std::string ValueOf(int number) {
  return fmt::format("{} {}", number, std::string(size_t{1000} + number * 7919 % 39'000, 'x'));
}

struct Filled {
  std::unique_ptr<EmbeddedLog> log;
  TopicPartition partition;
};

// A topic of kBatchCount batches in segments of 4 MiB; the tail cache has only the last ones.
Task<Filled> FillSegments(SimEnv* env) {
  Filled made;
  CO_ASSIGN_OR_RETURN(made.log, co_await EmbeddedLog::Open(env, SmallLog("/data")));
  TopicConfig config{{"segment.bytes", "4194304"}, {"retention.ms", "-1"}};  // they are of 1970
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await made.log->CreateTopic("t", 1, config, false));
  made.partition = {topic.id, PartitionId(0)};
  for (int i = 0; i < kBatchCount; ++i) {
    std::vector<std::byte> batch = MakeBatch({ValueOf(i)});
    CO_RETURN_IF_ERROR(co_await made.log->Append(made.partition, batch, {}));
  }
  CO_RETURN_IF_ERROR(co_await made.log->Checkpoint());
  co_return made;
}

// From `from` to `end` in steps of `max_bytes`; fails when a record is missing, wrong or there
// twice.
Task<> ReadRange(EmbeddedLog* log, TopicPartition partition, Offset from, Offset end,
                 size_t max_bytes) {
  while (from < end) {
    ReadOptions options{.max_bytes = max_bytes};
    CO_ASSIGN_OR_RETURN(ReadResult result, co_await log->Read(partition, from, options));
    CHECK(!result.batches.empty());
    for (const SharedBytes& batch : result.batches) {
      CHECK(BatchCrcMatches(batch.bytes));
      CO_ASSIGN_OR_RETURN(RecordReader reader, RecordReader::Open(batch.bytes));
      RecordView record;
      CO_ASSIGN_OR_RETURN(bool has_one, reader.Next(&record));
      CHECK(has_one && record.offset == from);
      CHECK(record.value == ValueOf(static_cast<int>(from.value())));
      from = from + 1;
    }
  }
  co_return Status::OK();
}

using FilledBody = std::function<Task<>(Filled* filled)>;

// Stops the log whatever the body says.
Task<> RunOnFilled(SimEnv* env, FilledBody body) {
  CO_ASSIGN_OR_RETURN(Filled filled, co_await FillSegments(env));
  Status status = co_await body(&filled);
  Status stopped = co_await filled.log->Stop();
  co_return status.ok() ? stopped : status;
}

Status RunSeed(uint64_t seed, std::function<Task<>(SimEnv*, SimDisk*, Filled*)> body) {
  SimDisk disk(seed);
  SimEnv env(&disk, {.seed = seed});
  FilledBody bound = [&](Filled* filled) { return body(&env, &disk, filled); };
  return env.Run(RunOnFilled(&env, bound));
}

Task<> ReadAlone(SimDisk* disk, Filled* filled, size_t max_bytes, int64_t* operations) {
  int64_t before = disk->operation_count();
  Offset end(kBatchCount);
  CO_RETURN_IF_ERROR(
      co_await ReadRange(filled->log.get(), filled->partition, Offset(0), end, max_bytes));
  *operations = disk->operation_count() - before;
  co_return Status::OK();
}

TEST(ReadAheadTest, StepsFromBufferToBuffer) {
  // About 12 MiB in three segments; 200 steps of 64 KiB, but a read of the disk for each 2 MiB.
  for (size_t max_bytes : {size_t{1}, size_t{64} << 10, size_t{1} << 20, size_t{50} << 20}) {
    int64_t operations = 0;
    Status status = RunSeed(1, [&](SimEnv*, SimDisk* disk, Filled* filled) {
      return ReadAlone(disk, filled, max_bytes, &operations);
    });
    ASSERT_TRUE(status.ok()) << Describe(status);
    EXPECT_LT(operations, 40) << max_bytes;
  }
}

Task<> ReadBesideOthers(SimEnv* env, SimDisk*, Filled* filled) {
  Status first;
  TaskScope scope(env->shard(0), "test", [&first](const std::string&, const Status& status) {
    if (first.ok()) first = status;
  });
  // More readers than have buffers, from anywhere, in steps of any size.
  Offset end(kBatchCount);
  for (int i = 0; i < 10; ++i) {
    Offset from(static_cast<int64_t>(env->Random() % kBatchCount));
    size_t max_bytes = size_t{1} << (10 + env->Random() % 12);
    scope.Spawn("read", ReadRange(filled->log.get(), filled->partition, from, end, max_bytes));
  }
  CO_RETURN_IF_ERROR(co_await scope.Join());
  CO_RETURN_IF_ERROR(co_await scope.Close());
  co_return first;
}

TEST(ReadAheadTest, ServesMoreReadersThanItHasBuffersFor) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Status status = RunSeed(seed, ReadBesideOthers);
    ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << Describe(status);
  }
}

// The reader stands in a segment that goes away, then in a topic that does.
Task<> ReadWhatGoesAway(SimEnv*, SimDisk*, Filled* filled) {
  EmbeddedLog* log = filled->log.get();
  Offset middle(30), late(500), end(kBatchCount);
  CO_RETURN_IF_ERROR(co_await ReadRange(log, filled->partition, Offset(0), middle, 64 << 10));
  CO_ASSIGN_OR_RETURN(Offset begin, co_await log->DeleteRecords(filled->partition, late));
  CHECK(begin == late);
  CO_RETURN_IF_ERROR(co_await log->ApplyRetention());
  auto gone = co_await log->Read(filled->partition, middle, {});
  CHECK(Is(gone.status(), ErrorCode::kOffsetOutOfRange));
  CO_RETURN_IF_ERROR(co_await ReadRange(log, filled->partition, late, end, 64 << 10));
  CO_RETURN_IF_ERROR(co_await ReadRange(log, filled->partition, late, late + 20, 64 << 10));
  CO_RETURN_IF_ERROR(co_await log->DeleteTopic(filled->partition.topic_id));
  CO_ASSIGN_OR_RETURN(TopicInfo again, co_await log->CreateTopic("t", 1, {}, false));
  TopicPartition partition{again.id, PartitionId(0)};
  auto empty = co_await log->Read(partition, Offset(0), {});
  CHECK(empty.ok() && empty->batches.empty());
  co_return Status::OK();
}

TEST(ReadAheadTest, ForgetsWhatIsGone) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Status status = RunSeed(seed, ReadWhatGoesAway);
    ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << Describe(status);
  }
}

// Each operation of the disk fails once: the read that needed it says so, or does not notice; what
// follows is right.
Task<> ReadWithFault(SimDisk* disk, Filled* filled, int64_t* faults) {
  for (int64_t index = 0;; ++index) {
    int64_t before = disk->operation_count();
    disk->FailOperation(index);
    Offset from(0);
    bool failed = false;
    while (from < Offset(kBatchCount)) {
      Offset next(std::min<int64_t>(from.value() + 50, kBatchCount));
      Status status =
          co_await ReadRange(filled->log.get(), filled->partition, from, next, 256 << 10);
      if (status.ok()) {
        from = next;
        continue;
      }
      CHECK(!failed && Is(status, ErrorCode::kStorageError));  // once
      failed = true;
    }
    disk->FailOperation(-1);
    if (disk->operation_count() - before <= index) break;
    ++*faults;
  }
  co_return Status::OK();
}

TEST(ReadAheadTest, AFailedReadIsSaidOnceAndHarmsNothing) {
  int64_t faults = 0;
  Status status = RunSeed(3, [&](SimEnv*, SimDisk* disk, Filled* filled) {
    return ReadWithFault(disk, filled, &faults);
  });
  ASSERT_TRUE(status.ok()) << Describe(status);
  EXPECT_GE(faults, 6);
}

std::string FirstSegment(const SimDisk& disk) {
  std::string first;
  for (const std::string& path : disk.ListAll()) {
    if (path.ends_with(".log") && (first.empty() || path < first)) first = path;
  }
  return first;
}

// The offsets that can be read in steps of `max_bytes`, and those of errors, which it steps over.
Task<> ReadAroundBroken(Filled* filled, size_t max_bytes, std::vector<int64_t>* read,
                        std::vector<int64_t>* broken) {
  for (Offset from(0); from < Offset(kBatchCount);) {
    ReadOptions options{.max_bytes = max_bytes};
    Result<ReadResult> result = co_await filled->log->Read(filled->partition, from, options);
    if (Is(result.status(), ErrorCode::kCorruptStorage)) {
      broken->push_back(from.value());
      from = from + 1;
      continue;
    }
    CO_RETURN_IF_ERROR(result);
    for (const SharedBytes& batch : result->batches) {
      CHECK(BatchCrcMatches(batch.bytes));
      CHECK(ReadBatchHeader(batch.bytes.data()).base_offset == from);
      read->push_back(from.value());
      from = from + 1;
    }
  }
  co_return Status::OK();
}

TEST(ReadAheadTest, ABrokenBatchIsLeftOutWhereverItLiesInWhatWasReadAhead) {
  for (size_t max_bytes : {size_t{1}, size_t{64} << 10, size_t{1} << 20, size_t{50} << 20}) {
    SCOPED_TRACE(max_bytes);
    std::vector<int64_t> read, broken;
    Status status = RunSeed(5, [&](SimEnv*, SimDisk* disk, Filled* filled) {
      // In the first buffer, in later ones, and next to another.
      std::string file = FirstSegment(*disk);
      for (int64_t place : {100'000, 1'500'000, 2'500'000, 2'540'000, 3'900'000}) {
        CHECK(disk->FlipBit(file, place));
      }
      return ReadAroundBroken(filled, max_bytes, &read, &broken);
    });
    ASSERT_TRUE(status.ok()) << Describe(status);
    EXPECT_EQ(broken.size(), 5u);
    EXPECT_EQ(read.size() + broken.size(), size_t{kBatchCount});
  }
}

}  // namespace
}  // namespace mainstem::storage

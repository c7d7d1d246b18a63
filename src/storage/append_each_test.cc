// Goal: appends to several partitions at once have outcomes of their own, and whoever begins first
// is first in each partition, however full the log is. Method: the simulated env; calls begun one
// after the other over a log whose journal is too small for them.
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "storage/test_log.h"

namespace mainstem::storage {
namespace {

using namespace std::chrono_literals;

constexpr int32_t kTargetCount = 6;
constexpr int kCallCount = 60;

// One call: some partitions, a batch for each.
struct Call {
  std::vector<int32_t> partitions;
  std::vector<std::vector<std::byte>> batches;
  std::vector<Result<AppendResult>> outcomes;
};

Task<> Make(EmbeddedLog* log, TopicId topic, Call* call) {
  std::vector<PartitionAppend> appends;
  for (size_t i = 0; i < call->partitions.size(); ++i) {
    TopicPartition partition{topic, PartitionId(call->partitions[i])};
    appends.push_back({partition, call->batches[i], &call->outcomes[i]});
  }
  co_return co_await log->AppendEach(std::move(appends), {});
}

Task<> BeginManyCalls(SimEnv* env) {
  EmbeddedLogOptions options = SizedLog("/data", {256 << 10, 128 << 10, 512 << 10});
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await EmbeddedLog::Open(env, options));
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", kTargetCount, {}, false));
  std::vector<Call> calls(kCallCount);
  Status first;
  TaskScope scope(env->shard(0), "test", [&first](const std::string&, const Status& status) {
    if (first.ok()) first = status;
  });
  for (int number = 0; number < kCallCount; ++number) {
    Call& call = calls[static_cast<size_t>(number)];
    for (int32_t partition = 0; partition < kTargetCount; ++partition) {
      if (env->Random() % 3 == 0) continue;
      call.partitions.push_back(partition);
      std::string value(env->Random() % 20'000, 'x');
      call.batches.push_back(MakeBatch({std::to_string(number) + " " + value}));
      call.outcomes.push_back(MakeError(ErrorCode::kInternal, "was not appended"));
    }
    scope.Spawn("call", Make(log.get(), topic.id, &call));
    if (env->Random() % 4 == 0) CO_RETURN_IF_ERROR(co_await Sleep(1ms));
  }
  CO_RETURN_IF_ERROR(co_await scope.Join());
  CO_RETURN_IF_ERROR(co_await scope.Close());
  std::vector<std::vector<int>> expected(kTargetCount);
  for (int number = 0; number < kCallCount; ++number) {
    Call& call = calls[static_cast<size_t>(number)];
    for (size_t i = 0; i < call.partitions.size(); ++i) {
      std::vector<int>& numbers = expected[static_cast<size_t>(call.partitions[i])];
      CHECK(call.outcomes[i].ok());
      CHECK(call.outcomes[i]->base_offset == Offset(static_cast<int64_t>(numbers.size())));
      numbers.push_back(number);
    }
  }
  for (int32_t partition = 0; partition < kTargetCount; ++partition) {
    TopicPartition id{topic.id, PartitionId(partition)};
    CO_ASSIGN_OR_RETURN(std::vector<std::string> values, co_await ReadValues(log.get(), id));
    std::vector<int> numbers;
    for (const std::string& value : values) numbers.push_back(std::stoi(value));
    CHECK(numbers == expected[static_cast<size_t>(partition)]);
  }
  CO_RETURN_IF_ERROR(co_await log->Stop());
  co_return first;
}

TEST(AppendEachTest, WhoBeginsFirstIsFirstInEachPartition) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SimDisk disk(seed);
    SimEnv env(&disk, {.seed = seed});
    Status status = env.Run(BeginManyCalls(&env));
    ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << Describe(status);
  }
}

Task<> AppendGoodAndBad(SimEnv* env) {
  EmbeddedLogOptions options = SmallLog("/data");
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await EmbeddedLog::Open(env, options));
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", kTargetCount, {}, false));
  std::vector<std::byte> good = MakeBatch({"good"});
  std::vector<std::byte> bad = good;
  bad.back() ^= std::byte{1};
  Result<AppendResult> unset(MakeError(ErrorCode::kInternal, "was not appended"));
  std::vector<Result<AppendResult>> outcomes(4, unset);
  std::vector<PartitionAppend> appends;
  appends.push_back({{topic.id, PartitionId(0)}, good, &outcomes[0]});
  appends.push_back({{topic.id, PartitionId(1)}, bad, &outcomes[1]});
  appends.push_back({{topic.id, PartitionId(kTargetCount)}, good, &outcomes[2]});
  appends.push_back({{topic.id, PartitionId(0)}, good, &outcomes[3]});
  CO_RETURN_IF_ERROR(co_await log->AppendEach(std::move(appends), {}));
  CHECK(outcomes[0].ok() && outcomes[0]->base_offset == Offset(0));
  CHECK(Is(outcomes[1].status(), ErrorCode::kCorruptMessage));
  CHECK(Is(outcomes[2].status(), ErrorCode::kUnknownTopic) ||
        Is(outcomes[2].status(), ErrorCode::kUnknownTopicId));
  CHECK(outcomes[3].ok() && outcomes[3]->base_offset == Offset(1));
  co_return co_await log->Stop();
}

TEST(AppendEachTest, ABadOneHarmsNoOther) {
  SimDisk disk(1);
  SimEnv env(&disk, {.seed = 1});
  Status status = env.Run(AppendGoodAndBad(&env));
  ASSERT_TRUE(status.ok()) << Describe(status);
}

}  // namespace
}  // namespace mainstem::storage

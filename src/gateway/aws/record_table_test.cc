#include "gateway/aws/record_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "storage/testing/memory_log.h"

namespace mainstem::gateway::aws {
namespace {

using testing::ElementsAre;
using testing::Pair;

const char* const kTestTopic = "__mainstem_test_records";

Task<> WriteAndReadAgain(Env* env, storage::MemoryLog* log) {
  MemoryBudget budget(1 << 20);
  {
    CO_ASSIGN_OR_RETURN(auto table, co_await RecordTable::Open(env, log, &budget, kTestTopic));
    EXPECT_FALSE(log->FindTopic(std::string(kTestTopic)));  // most nodes have none
    std::vector<RecordTable::Change> changes;
    changes.push_back({.key = "a", .value = "1"});
    changes.push_back({.key = "b", .value = "2"});
    CO_RETURN_IF_ERROR(co_await table->Write(std::move(changes)));
    changes = {};
    changes.push_back({.key = "a"});
    changes.push_back({.key = "c", .value = ""});
    CO_RETURN_IF_ERROR(co_await table->Write(std::move(changes)));
    EXPECT_THAT(table->records(), ElementsAre(Pair("b", "2"), Pair("c", "")));
  }
  CO_ASSIGN_OR_RETURN(auto table, co_await RecordTable::Open(env, log, &budget, kTestTopic));
  EXPECT_THAT(table->records(), ElementsAre(Pair("b", "2"), Pair("c", "")));
  // What finds no memory changes nothing; most is for others.
  std::vector<RecordTable::Change> large;
  large.push_back({.key = "b", .value = std::string(80'000, 'x')});
  Status refused = co_await table->Write(std::move(large));
  EXPECT_TRUE(Is(refused, ErrorCode::kResourceExhausted));
  EXPECT_THAT(table->records(), ElementsAre(Pair("b", "2"), Pair("c", "")));
  // Neither does what the log refuses.
  log->append_errors[PartitionId(0)] = MakeError(ErrorCode::kDiskFull, "full");
  std::vector<RecordTable::Change> small;
  small.push_back({.key = "b", .value = "3"});
  EXPECT_FALSE((co_await table->Write(std::move(small))).ok());
  EXPECT_THAT(table->records(), ElementsAre(Pair("b", "2"), Pair("c", "")));
  co_return Status::OK();
}

TEST(RecordTableTest, KeepsWhatWasWritten) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  storage::MemoryLog log(&env);
  Status status = env.Run(WriteAndReadAgain(&env, &log));
  EXPECT_TRUE(status.ok()) << status.ToString();
}

}  // namespace
}  // namespace mainstem::gateway::aws

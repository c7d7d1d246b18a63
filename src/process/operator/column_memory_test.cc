#include "process/operator/column_memory.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

namespace mainstem::process {
namespace {

constexpr int64_t kMiB = 1 << 20;

std::unique_ptr<arrow::Buffer> Columns(int64_t bytes) {
  return arrow::AllocateBuffer(bytes, arrow::default_memory_pool()).ValueOrDie();
}

TEST(ColumnMemoryTest, LeasesWhatGoesBeyondItsReserve) {
  MemoryBudget budget(64 * kMiB);
  ColumnMemory memory(&budget, budget.Reserve(4 * kMiB, "rows").ValueOrDie());
  EXPECT_TRUE(memory.Admit().ValueOrDie());
  EXPECT_EQ(memory.leased_bytes(), 0);
  {
    auto columns = Columns(20 * kMiB);
    EXPECT_TRUE(memory.Admit().ValueOrDie());
    EXPECT_GE(memory.leased_bytes(), 16 * kMiB);
    EXPECT_EQ(budget.used_bytes(), 4 * kMiB + memory.leased_bytes());
  }
  EXPECT_TRUE(memory.Admit().ValueOrDie());
  EXPECT_EQ(memory.leased_bytes(), 0);
}

TEST(ColumnMemoryTest, WaitsWhileOthersHaveTheRest) {
  MemoryBudget budget(64 * kMiB);
  ColumnMemory memory(&budget, {});
  MemoryLease requests = budget.TryLease(50 * kMiB);
  auto columns = Columns(20 * kMiB);
  EXPECT_FALSE(memory.Admit().ValueOrDie());
  requests.Release();
  EXPECT_TRUE(memory.Admit().ValueOrDie());
}

TEST(ColumnMemoryTest, MoreThanTheWholeBudgetIsAnErrorThatNamesTheFlag) {
  MemoryBudget budget(8 * kMiB);
  ColumnMemory memory(&budget, {});
  auto columns = Columns(9 * kMiB);
  Status status = memory.Admit().status();
  EXPECT_TRUE(Is(status, ErrorCode::kResourceExhausted));
  EXPECT_NE(Describe(status).find("--memory"), std::string::npos);
}

}  // namespace
}  // namespace mainstem::process

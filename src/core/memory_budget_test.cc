#include "core/memory_budget.h"

#include <gtest/gtest.h>

namespace mainstem {
namespace {

TEST(MemoryBudgetTest, GivesBackWhatALeaseHeld) {
  MemoryBudget budget(100);
  {
    MemoryLease lease = budget.TryLease(60);
    EXPECT_EQ(lease.bytes(), 60);
    EXPECT_EQ(budget.TryLease(50).bytes(), 0);
    EXPECT_EQ(budget.refused_count(), 1);
    MemoryLease moved = std::move(lease);
    EXPECT_EQ(budget.used_bytes(), 60);
    EXPECT_TRUE(moved.Resize(100));
    EXPECT_FALSE(moved.Resize(101));
    EXPECT_EQ(moved.bytes(), 100);
    EXPECT_TRUE(moved.Resize(10));
    EXPECT_EQ(budget.used_bytes(), 10);
  }
  EXPECT_EQ(budget.used_bytes(), 0);
}

TEST(MemoryBudgetTest, LeavesRoomForOthersWhenTold) {
  MemoryBudget budget(100);
  EXPECT_EQ(budget.TryLease(51, 50).bytes(), 0);
  MemoryLease lease = budget.TryLease(50, 50);
  EXPECT_EQ(lease.bytes(), 50);
  EXPECT_EQ(budget.TryLease(50).bytes(), 50);
}

TEST(MemoryBudgetTest, TellsWhatReservationsLeaveToShare) {
  MemoryBudget budget(100);
  auto cache = budget.Reserve(70, "the cache");
  ASSERT_TRUE(cache.ok());
  EXPECT_EQ(budget.shared_bytes(), 30);
  EXPECT_EQ(budget.TryLease(31).bytes(), 0);
  EXPECT_EQ(budget.TryLease(30).bytes(), 30);
}

TEST(MemoryBudgetTest, RefusesAReservationWithAHint) {
  MemoryBudget budget(1 << 20);
  auto refused = budget.Reserve(2 << 20, "sink 'orders'");
  ASSERT_TRUE(Is(refused.status(), ErrorCode::kResourceExhausted));
  EXPECT_EQ(TextOf(refused.status()).message,
            "not enough memory for sink 'orders': it needs 2 MiB");
  EXPECT_TRUE(budget.Reserve(1 << 20, "x").ok());
}

}  // namespace
}  // namespace mainstem

#include "process/state/state_memory.h"

#include <gtest/gtest.h>

namespace mainstem::process {
namespace {

TEST(StateMemoryTest, OneTableMayHaveAllOfIt) {
  StateMemory memory(1000);
  memory.Enter();
  memory.Change(1000);
  EXPECT_FALSE(memory.IsOver(1000, 0));
  EXPECT_TRUE(memory.IsOver(1001, 1));
}

TEST(StateMemoryTest, ATableTakesWhatOthersLeaveUntilThreeQuartersAreTaken) {
  StateMemory memory(1000);
  for (int i = 0; i < 4; ++i) memory.Enter();
  memory.Change(700);
  EXPECT_FALSE(memory.IsOver(700, 0));
  EXPECT_TRUE(memory.IsOver(760, 60));
  // One that holds less than an even share goes on growing beside it.
  EXPECT_FALSE(memory.IsOver(160, 160));
  EXPECT_FALSE(memory.IsOver(50, 300));
}

TEST(StateMemoryTest, BesideAResterThatKeepsMuchTheOthersStayWithinTheLimit) {
  StateMemory memory(1000);
  for (int i = 0; i < 4; ++i) memory.Enter();
  memory.Change(750);  // of the one at rest
  int64_t own[3] = {0, 0, 0};
  for (int round = 0; round < 100; ++round) {
    for (int64_t& bytes : own) {
      if (memory.IsOver(bytes, 10)) continue;
      bytes += 10;
      memory.Change(10);
    }
  }
  EXPECT_LE(memory.used_bytes(), 1000);
  for (int64_t bytes : own) EXPECT_GE(bytes, 60);
}

TEST(StateMemoryTest, WhoLeavesMakesRoom) {
  StateMemory memory(1000);
  memory.Enter();
  memory.Enter();
  memory.Change(900);
  EXPECT_TRUE(memory.IsOver(900, 0));
  memory.Leave();
  EXPECT_FALSE(memory.IsOver(900, 0));
}

}  // namespace
}  // namespace mainstem::process

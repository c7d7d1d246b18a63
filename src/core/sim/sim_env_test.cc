#include "core/sim/sim_env.h"

#include <gtest/gtest.h>

namespace mainstem {
namespace {

using namespace std::chrono_literals;

Task<> Appender(SimEnv* env, std::vector<int>* order, int id) {
  for (int i = 0; i < 5; ++i) {
    CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::milliseconds(env->Random() % 10)));
    order->push_back(id);
  }
  co_return Status::OK();
}

Task<> Interleave(SimEnv* env, std::vector<int>* order) {
  TaskScope scope(env->shard(0), "test", [](const std::string&, const Status&) { FAIL(); });
  for (int id = 0; id < 3; ++id) scope.Spawn("appender", Appender(env, order, id));
  co_return co_await scope.Join();
}

std::pair<std::vector<int>, uint64_t> RunInterleave(uint64_t seed) {
  SimDisk disk(seed);
  SimEnv env(&disk, {.seed = seed});
  std::vector<int> order;
  EXPECT_TRUE(env.Run(Interleave(&env, &order)).ok());
  return {order, env.trace_hash()};
}

TEST(SimEnvTest, OneSeedIsOneRun) {
  EXPECT_EQ(RunInterleave(7), RunInterleave(7));
  EXPECT_NE(RunInterleave(7).second, RunInterleave(8).second);
}

Task<> LongSleep() { co_return co_await Sleep(10h); }

TEST(SimEnvTest, TimeIsVirtual) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  TimePoint before = env.Now();
  EXPECT_TRUE(env.Run(LongSleep()).ok());
  EXPECT_GE(env.Now() - before, 10h);
}

Task<> WaitForNobody(SimEnv* env) {
  Event event(env->shard(0));
  CO_RETURN_IF_ERROR(co_await event.Wait());
  co_return Status::OK();
}

TEST(SimEnvTest, ReportsADeadlock) {
  SimDisk disk(1);
  auto* env = new SimEnv(&disk, {});  // leaked with the coroutine that never ends
  EXPECT_EQ(env->Run(WaitForNobody(env)).message(), "deadlock: nothing is left to run");
}

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

Task<> WriteSynced(SimEnv* env) { co_return co_await env->files().WriteAtomically("/a", "first"); }

Task<> WriteUnsynced(SimEnv* env) {
  CO_ASSIGN_OR_RETURN(auto file, co_await env->files().Open("/a", {.write = true}));
  CO_RETURN_IF_ERROR(co_await file->WriteAt(0, Bytes("second")));
  CO_ASSIGN_OR_RETURN(auto other,
                      co_await env->files().Open("/b", {.write = true, .create = true}));
  CO_RETURN_IF_ERROR(co_await other->WriteAt(0, Bytes("new")));
  co_return co_await other->Sync();  // but not the folder
}

Task<> Check(SimEnv* env, bool* b_exists, std::string* a) {
  CO_ASSIGN_OR_RETURN(*b_exists, co_await env->files().Exists("/b"));
  CO_ASSIGN_OR_RETURN(*a, co_await env->files().ReadAll("/a", 100));
  co_return Status::OK();
}

TEST(SimDiskTest, ACrashLosesWhatWasNotSynced) {
  bool lost_once = false;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SimDisk disk(seed);
    SimEnv env(&disk, {.seed = seed});
    ASSERT_TRUE(env.Run(WriteSynced(&env)).ok());
    ASSERT_TRUE(env.Run(WriteUnsynced(&env)).ok());
    disk.Crash();
    bool b_exists = true;
    std::string a;
    ASSERT_TRUE(env.Run(Check(&env, &b_exists, &a)).ok());
    EXPECT_FALSE(b_exists);
    EXPECT_TRUE(a == "first" || a == "second") << a;
    lost_once |= a == "first";
  }
  EXPECT_TRUE(lost_once);
}

Task<> CheckFirst(SimEnv* env) {
  auto text = co_await env->files().ReadAll("/a", 100);
  if (Is(text.status(), ErrorCode::kNotFound)) co_return Status::OK();
  CO_RETURN_IF_ERROR(text);
  EXPECT_EQ(*text, "first");
  co_return Status::OK();
}

TEST(SimDiskTest, AnAtomicWriteIsWholeOrAbsentWhateverFails) {
  auto tried = ForEachFault(3, {.body = [](SimEnv* env) { return WriteSynced(env); },
                                .check = [](SimEnv* env) { return CheckFirst(env); }});
  ASSERT_TRUE(tried.ok()) << tried.status().ToString();
  EXPECT_GE(*tried, 5);
}

Task<> CheckWritten(SimEnv* env) {
  CO_ASSIGN_OR_RETURN(std::string text, co_await env->files().ReadAll("/a", 100));
  EXPECT_EQ(text, "first");
  co_return Status::OK();
}

Task<> WriteToFullDisk(SimEnv* env, SimDisk* disk) {
  disk->set_capacity_bytes(12 << 10);
  CO_ASSIGN_OR_RETURN(auto file, co_await env->files().Open("/a", {.write = true, .create = true}));
  std::string eight(8 << 10, 'a');
  CO_RETURN_IF_ERROR(co_await file->WriteAt(0, Bytes(eight)));
  std::string other(8 << 10, 'b');
  Status grown = co_await file->WriteAt(8 << 10, Bytes(other));
  EXPECT_TRUE(Is(grown, ErrorCode::kDiskFull)) << Describe(grown);
  CO_ASSIGN_OR_RETURN(int64_t size, co_await file->Size());
  EXPECT_EQ(size, 12 << 10);  // what fitted
  co_return co_await file->WriteAt(0, Bytes(other));
}

TEST(SimDiskTest, AFullDiskTakesWhatFitsAndWritesOverWhatIsThere) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  Status status = env.Run(WriteToFullDisk(&env, &disk));
  EXPECT_TRUE(status.ok()) << Describe(status);
}

TEST(SimDiskTest, ADiskThatBreaksItsPromisesLosesSyncedData) {
  SimDisk disk(1, {.keeps_promises = false});
  SimEnv env(&disk, {});
  ASSERT_TRUE(env.Run(WriteSynced(&env)).ok());
  disk.Crash();
  EXPECT_TRUE(Is(env.Run(CheckWritten(&env)), ErrorCode::kNotFound));
}

}  // namespace
}  // namespace mainstem

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

TEST(SimDiskTest, ACrashMayLoseWhatWasNotSynced) {
  std::set<std::pair<bool, std::string>> seen;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SimDisk disk(seed);
    SimEnv env(&disk, {.seed = seed});
    ASSERT_TRUE(env.Run(WriteSynced(&env)).ok());
    ASSERT_TRUE(env.Run(WriteUnsynced(&env)).ok());
    disk.Crash();
    bool b_exists = true;
    std::string a;
    ASSERT_TRUE(env.Run(Check(&env, &b_exists, &a)).ok());
    seen.emplace(b_exists, a);
  }
  std::set<std::pair<bool, std::string>> all = {
      {false, "first"}, {false, "second"}, {true, "first"}, {true, "second"}};
  EXPECT_EQ(seen, all);
}

// Two files in a folder that is made for them; what is synced besides the files, the caller says.
Task<> FillFolder(SimEnv* env, std::vector<std::string> synced) {
  Files& files = env->files();
  CO_RETURN_IF_ERROR(co_await files.CreateDirectories("/d/x"));
  const std::vector<std::string> paths = {"/d/x/a.tmp", "/d/x/b"};
  for (const std::string& path : paths) {
    CO_ASSIGN_OR_RETURN(auto file, co_await files.Open(path, {.write = true, .create = true}));
    CO_RETURN_IF_ERROR(co_await file->Sync());
  }
  for (const std::string& path : synced) CO_RETURN_IF_ERROR(co_await files.SyncDirectory(path));
  CO_RETURN_IF_ERROR(co_await files.Rename("/d/x/a.tmp", "/d/x/a"));
  co_return co_await files.Remove("/d/x/b");
}

Task<> NamesIn(SimEnv* env, std::string* names) {
  Result<std::vector<DirectoryEntry>> entries = co_await env->files().List("/d/x");
  *names = entries.ok() ? "" : "no folder";
  if (!entries.ok()) co_return Status::OK();
  for (const DirectoryEntry& entry : *entries) *names += entry.name + " ";
  co_return Status::OK();
}

std::set<std::string> NamesAfterCrashes(const std::vector<std::string>& synced) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    SimDisk disk(seed);
    SimEnv env(&disk, {.seed = seed});
    EXPECT_TRUE(env.Run(FillFolder(&env, synced)).ok());
    disk.Crash();
    std::string names;
    EXPECT_TRUE(env.Run(NamesIn(&env, &names)).ok());
    seen.insert(names);
  }
  return seen;
}

TEST(SimDiskTest, NamesThatWereNotSyncedAreKeptOrUndoneOneByOne) {
  std::set<std::string> steps = {"a ", "a b ", "a.tmp ", "a.tmp b "};
  EXPECT_EQ(NamesAfterCrashes({"/d/x", "/d"}), steps);
  steps.insert("no folder");
  EXPECT_EQ(NamesAfterCrashes({"/d/x"}), steps);  // but not the folder around it
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

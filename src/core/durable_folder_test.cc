#include "core/durable_folder.h"

#include <gtest/gtest.h>

#include "core/sim/sim_env.h"

namespace mainstem {
namespace {

Task<> ListFolder(SimEnv* env, std::string path) {
  Result<std::vector<DirectoryEntry>> entries = co_await env->files().List(path);
  co_return entries.status();
}

// `before` is made first, and not synced: as by a process that died.
void ExpectDurable(const std::vector<std::string>& before, const std::string& path) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SimDisk disk(seed);
    SimEnv env(&disk, {.seed = seed});
    for (const std::string& made : before) {
      ASSERT_TRUE(env.Run(env.files().CreateDirectories(made)).ok());
    }
    ASSERT_TRUE(env.Run(MakeDurableFolder(&env.files(), path)).ok());
    disk.Crash();
    Status listed = env.Run(ListFolder(&env, path));
    EXPECT_TRUE(listed.ok()) << Describe(listed);
  }
}

TEST(DurableFolderTest, AFolderAndThoseAroundItOutliveAPowerCut) {
  ExpectDurable({}, "/data/jobs/a/b");
  ExpectDurable({"/data"}, "/data/jobs");
}

TEST(DurableFolderTest, AFolderThatIsThereAlreadyOutlivesItToo) {
  ExpectDurable({"/data/jobs"}, "/data/jobs");
  ExpectDurable({"/data/jobs"}, "/data/jobs/a");
}

}  // namespace
}  // namespace mainstem

// Files of a lake: what can't be finished leaves nothing behind, and folders that go are made
// again.
#include "connector/iceberg/lake_files.h"

#include <gtest/gtest.h>

#include "connector/s3/testing/memory_object_store.h"
#include "core/sim/sim_env.h"

namespace mainstem::connector::iceberg {
namespace {

constexpr const char* kLakeFile = "/wh/db/t/data/a";

Task<> WriteLakeFile(LakeFiles* files) { return files->Write(kLakeFile, "rows"); }

Task<> ListLake(LakeFiles* files, std::vector<std::string>* found) {
  CO_ASSIGN_OR_RETURN(std::vector<LakeFiles::Entry> entries, co_await files->ListTree("/wh"));
  for (const LakeFiles::Entry& entry : entries) found->push_back(entry.location);
  co_return Status::OK();
}

TEST(LakeFilesTest, AWriteThatFailsLeavesNoHiddenFile) {
  int64_t failure_count = 0;
  for (int64_t index = 0;; ++index) {
    SimDisk disk(1);
    SimEnv env(&disk, {});
    LakeFiles files(&env, {});
    disk.FailOperation(index);
    Status written = env.Run(WriteLakeFile(&files));
    if (!disk.fault_fired()) break;
    if (written.ok()) continue;  // what failed does not matter
    ++failure_count;
    std::vector<std::string> found;
    ASSERT_TRUE(env.Run(ListLake(&files, &found)).ok());
    for (const std::string& path : found) EXPECT_EQ(path, kLakeFile) << index;
  }
  EXPECT_GT(failure_count, 4);
}

TEST(LakeFilesTest, AFolderThatWasRemovedIsMadeAgain) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  LakeFiles files(&env, {});
  ASSERT_TRUE(env.Run(WriteLakeFile(&files)).ok());
  ASSERT_TRUE(env.Run(env.files().RemoveDirectoryTree("/wh/db")).ok());
  Status written = env.Run(WriteLakeFile(&files));
  EXPECT_TRUE(written.ok()) << written;
  std::vector<std::string> found;
  ASSERT_TRUE(env.Run(ListLake(&files, &found)).ok());
  EXPECT_EQ(found, std::vector<std::string>{kLakeFile});
}

Task<> GiveUpAfter(LakeFiles* files, std::string location, std::string bytes) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<LakeFile> file, co_await files->Start(std::move(location)));
  CO_RETURN_IF_ERROR(co_await file->Append(std::move(bytes)));
  co_return co_await file->GiveUp();
}

TEST(LakeFilesTest, AFileThatIsGivenUpIsGone) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  auto store = std::make_shared<MemoryObjectStore>();
  LakeFilesOptions options;
  options.make_store = [store](const std::string&) { return store; };
  LakeFiles files(&env, std::move(options));
  for (size_t size : {size_t{10}, size_t{20} << 20}) {
    Status given_up = env.Run(GiveUpAfter(&files, "s3://lake/wh/a", std::string(size, 'x')));
    EXPECT_TRUE(given_up.ok()) << given_up;
    EXPECT_EQ(store->waiting_part_count(), 0u);
    EXPECT_TRUE(store->objects().empty());
  }
  Status given_up = env.Run(GiveUpAfter(&files, kLakeFile, "rows"));
  EXPECT_TRUE(given_up.ok()) << given_up;
  std::vector<std::string> found;
  ASSERT_TRUE(env.Run(ListLake(&files, &found)).ok());
  EXPECT_TRUE(found.empty());
}

}  // namespace
}  // namespace mainstem::connector::iceberg

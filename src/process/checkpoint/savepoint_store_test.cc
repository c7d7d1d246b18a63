// Savepoints on a simulated disk: every file operation fails once, then what was not durable is
// lost; what has a manifest afterwards must be whole.
#include "process/checkpoint/savepoint_store.h"

#include <gtest/gtest.h>

#include "core/sim/sim_env.h"

namespace mainstem::process {
namespace {

constexpr const char* kFolder = "/savepoints/savepoint-j-1";

CheckpointManifest OfCheckpoint() {
  CheckpointManifest manifest;
  manifest.id = 4;
  manifest.job_id = "j";
  manifest.states = {{"v0-0", {"0"}}};
  return manifest;
}

Task<> MakeCheckpoint(CheckpointStore* store) {
  CO_RETURN_IF_ERROR(co_await store->Prepare(4));
  CheckpointManifest manifest = OfCheckpoint();
  co_return co_await store->Complete(std::move(manifest));
}

TEST(SavepointStoreTest, SimIsWholeOrNotThereWhateverFails) {
  // Takes a checkpoint's copy; the folder of before may be there, cut off at any place.
  const FaultScenario scenario{
      .body = [](SimEnv* env) -> Task<> {
        auto factory = MakeMemoryStateBackendFactory();
        CheckpointStore checkpoints(env, factory.get(), "/jobs/j");
        CO_RETURN_IF_ERROR(co_await MakeCheckpoint(&checkpoints));
        SavepointStore savepoints(env, factory.get());
        std::string folder = kFolder;
        co_return (co_await savepoints.Write(&checkpoints, 4, std::move(folder))).status();
      },
      .check = [](SimEnv* env) -> Task<> {
        auto factory = MakeMemoryStateBackendFactory();
        SavepointStore savepoints(env, factory.get());
        auto loaded = co_await savepoints.Load(kFolder);
        if (loaded.ok()) {
          EXPECT_EQ(loaded->id, 4);
        } else {
          const bool is_absent = Is(loaded.status(), ErrorCode::kNotFound) ||
                                 Is(loaded.status(), ErrorCode::kInvalidArgument);
          EXPECT_TRUE(is_absent) << loaded.status();
          // The next attempt succeeds.
          CheckpointStore checkpoints(env, factory.get(), "/jobs/j");
          CO_RETURN_IF_ERROR(co_await MakeCheckpoint(&checkpoints));
          std::string folder = kFolder;
          auto written = co_await savepoints.Write(&checkpoints, 4, std::move(folder));
          CO_RETURN_IF_ERROR(written.status());
          EXPECT_EQ(*written, SavepointStore::Written::kNew);
          CO_RETURN_IF_ERROR((co_await savepoints.Load(kFolder)).status());
        }
        co_return Status::OK();
      }};
  auto tried = ForEachFault(3, scenario);
  ASSERT_TRUE(tried.ok()) << tried.status();
  EXPECT_GT(*tried, 10);
}

TEST(SavepointStoreTest, SimRefusesAFolderThatWasCopiedInPart) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  auto body = [](SimEnv* env) -> Task<> {
    auto factory = MakeMemoryStateBackendFactory();
    SavepointStore savepoints(env, factory.get());
    CheckpointManifest manifest = OfCheckpoint();
    manifest.files = {{"v0-0", {{"CURRENT", 3}}}};
    Files& files = env->files();
    CO_RETURN_IF_ERROR(co_await files.CreateDirectories("/s"));
    auto loaded = co_await savepoints.Load("/s");
    EXPECT_EQ(TextOf(loaded.status()).detail, "it has no manifest");
    CO_RETURN_IF_ERROR(co_await files.WriteAtomically("/s/manifest", EncodeManifest(manifest)));
    loaded = co_await savepoints.Load("/s");
    EXPECT_EQ(TextOf(loaded.status()).detail, "v0-0 is missing");
    CO_RETURN_IF_ERROR(co_await files.CreateDirectories("/s/v0-0"));
    loaded = co_await savepoints.Load("/s");
    EXPECT_EQ(TextOf(loaded.status()).detail, "v0-0/CURRENT is missing");
    CO_RETURN_IF_ERROR(co_await files.WriteAtomically("/s/v0-0/CURRENT", "ab"));
    loaded = co_await savepoints.Load("/s");
    EXPECT_EQ(TextOf(loaded.status()).detail, "v0-0/CURRENT has 2 bytes instead of 3");
    CO_RETURN_IF_ERROR(co_await files.WriteAtomically("/s/v0-0/CURRENT", "abc"));
    co_return (co_await savepoints.Load("/s")).status();
  };
  const Status status = env.Run(body(&env));
  EXPECT_TRUE(status.ok()) << status;
}

TEST(SavepointStoreTest, ReadsPathsAndFileUrls) {
  EXPECT_EQ(SavepointPath("/a/b/", "/base").ValueOrDie(), "/a/b");
  EXPECT_EQ(SavepointPath("file:///a/b", "/base").ValueOrDie(), "/a/b");
  EXPECT_EQ(SavepointPath("file:/a", "/base").ValueOrDie(), "/a");
  EXPECT_EQ(SavepointPath("a", "/base").ValueOrDie(), "/base/a");
  EXPECT_EQ(SavepointPath("a", "").ValueOrDie(), "a");
  EXPECT_TRUE(Is(SavepointPath("s3://bucket/a", "").status(), ErrorCode::kUnsupported));
}

}  // namespace
}  // namespace mainstem::process

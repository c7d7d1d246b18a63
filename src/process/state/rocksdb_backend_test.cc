// What only the backend on RocksDB does: large writes as files of their own, and cancelling.
#include "process/state/rocksdb_backend.h"

#include <filesystem>
#include <random>

#include <gtest/gtest.h>

namespace mainstem::process {
namespace {

class RocksDbBackendTest : public testing::Test {
 protected:
  RocksDbBackendTest() {
    char pattern[] = "/tmp/rocksdb_backend_test.XXXXXX";
    root_ = mkdtemp(pattern);
    factory_ = MakeRocksDbStateBackendFactory({.memory_bytes = 16u << 20});
    backend_ =
        factory_->Open(root_ + "/live", {}, {.key_groups = {.begin = 0, .end = kKeyGroupCount}})
            .ValueOrDie();
  }
  ~RocksDbBackendTest() override {
    backend_.reset();
    std::filesystem::remove_all(root_);
  }

  std::string root_;
  std::unique_ptr<StateBackendFactory> factory_;
  std::unique_ptr<StateBackend> backend_;
};

// More than are sorted at a time, twice, so that keys of before are changed, too.
TEST_F(RocksDbBackendTest, OfManyMutationsOfAKeyTheLastOneCounts) {
  std::mt19937 random(1);
  std::map<std::string, std::string> model;
  for (int round = 0; round < 2; ++round) {
    StateMutations mutations;
    for (int i = 0; i < 100'000; ++i) {
      std::string key =
          EncodeStateKey(1, static_cast<int>(random() % 4), 0,
                         "a key of which many begin alike " + std::to_string(random() % 30'000));
      if (random() % 10 == 0) {
        mutations.Delete(key);
        model.erase(key);
      } else {
        std::string value = std::to_string(round) + "/" + std::to_string(i);
        mutations.Put(key, value);
        model[std::move(key)] = std::move(value);
      }
    }
    ASSERT_TRUE(backend_->Write(mutations).ok());
  }
  const auto found = backend_->Scan(StateGroupBegin(1, 0), StateGroupBegin(2, 0), SIZE_MAX);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(std::map(found->begin(), found->end()), model);
}

TEST_F(RocksDbBackendTest, TakesNothingMoreWhenItIsCancelled) {
  StateMutations one, many;
  one.Put(EncodeStateKey(1, 0, 0, "a"), "1");
  for (int i = 0; i < 100'000; ++i) many.Put(EncodeStateKey(1, 0, 0, std::to_string(i)), "1");
  ASSERT_TRUE(backend_->Write(one).ok());
  backend_->Cancel();
  EXPECT_TRUE(Is(backend_->Write(one), ErrorCode::kCancelled));
  EXPECT_TRUE(Is(backend_->Write(many), ErrorCode::kCancelled));
  EXPECT_TRUE(Is(backend_->Checkpoint(root_ + "/checkpoint"), ErrorCode::kCancelled));
  EXPECT_FALSE(std::filesystem::exists(root_ + "/checkpoint"));
}

}  // namespace
}  // namespace mainstem::process

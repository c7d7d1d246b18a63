// Goal: state whose values are stored by their changes is the same after evictions, restores and a
// form of before, and a change of one row among many writes little.
#include <stdlib.h>

#include <filesystem>
#include <map>
#include <random>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "core/scheduler.h"
#include "core/sim/sim_env.h"
#include "process/operator/join_rows.h"
#include "process/state/rocksdb_backend.h"

namespace mainstem::process {
namespace {

class PoolOfNone final : public BlockingPool {
 public:
  void Submit(UniqueFunction work) override { work(); }
};

// Key -> row -> copies.
using RowsModel = std::map<std::string, std::map<std::string, int>>;

EncodedRows EncodedKeys(const std::vector<std::string>& keys) {
  EncodedRows rows;
  for (const std::string& key : keys) rows.Append(key);
  rows.ComputeHashes();
  return rows;
}

class StoredChangesTest : public testing::TestWithParam<bool> {
 protected:
  StoredChangesTest() {
    shard_.Start();
    char pattern[] = "/tmp/stored_changes_test.XXXXXX";
    root_ = mkdtemp(pattern);
    factory_ = GetParam() ? MakeRocksDbStateBackendFactory({.memory_bytes = 16u << 20})
                          : MakeMemoryStateBackendFactory();
  }
  ~StoredChangesTest() override { std::filesystem::remove_all(root_); }

  // Of the newest table: the backend of the one before is gone.
  void Open(std::vector<std::string> restore_from, int64_t ttl_ms) {
    table_.reset();
    backend_.reset();
    backend_ = factory_->Open(root_ + "/live", std::move(restore_from), {}).ValueOrDie();
    table_ = std::make_unique<StateTable>(StateTable::Options{.name = "test",
                                                              .table_id = 3,
                                                              .key_groups = {},
                                                              .memory = &memory_,
                                                              .ttl_ms = ttl_ms,
                                                              .is_held = {},
                                                              .clock = &env_},
                                          &codec_, backend_.get(), &pool_);
    Run(table_->Restore());
  }
  void Run(Task<> task) { CHECK_OK(RunBlocking(Executor(&shard_), std::move(task))); }

  Task<> Change(std::string key, std::vector<std::string> added, std::vector<std::string> removed) {
    const std::vector<std::string> names(1, key);
    const EncodedRows keys = EncodedKeys(names);
    std::vector<StateEntry*> entries;
    CO_RETURN_IF_ERROR(co_await table_->Resolve(keys, {}, &entries));
    JoinRows& rows = JoinRowsCodec::RowsOf(entries[0]);
    for (const std::string& row : added) {
      rows.Add(row, 0);
      ++model_[key][row];
    }
    for (const std::string& row : removed) {
      EXPECT_EQ(rows.Remove(row), model_[key].contains(row));
      if (model_[key].contains(row) && --model_[key][row] == 0) model_[key].erase(row);
    }
    if (rows.empty()) {
      model_.erase(key);
      table_->Delete(entries[0]);
    } else {
      table_->MarkDirty(entries[0]);
    }
    table_->Evict();
    co_return Status::OK();
  }
  Task<> ExpectSame(const RowsModel* model) {
    std::vector<StateEntry*> entries;
    CO_RETURN_IF_ERROR(co_await table_->ResolveAll(&entries));
    RowsModel found;
    for (StateEntry* entry : entries) {
      for (const JoinRow& row : JoinRowsCodec::RowsOf(entry).rows()) {
        found[std::string(entry->key())][std::string(row.view())] = row.copies;
      }
    }
    EXPECT_EQ(found, *model);
    co_return Status::OK();
  }
  // Bytes of values that it wrote.
  size_t Write() {
    table_->BeginSnapshot();
    StateMutations mutations;
    table_->TakeSnapshot(&mutations);
    size_t bytes = 0;
    for (size_t i = 0; i < mutations.size(); ++i) bytes += mutations[i].value.value_or("").size();
    CHECK_OK(backend_->Write(mutations));
    table_->OnWritten();
    table_->Evict();
    return bytes;
  }

  ShardScheduler shard_{"test"};
  PoolOfNone pool_;
  SimDisk disk_{1};
  SimEnv env_{&disk_, {.seed = 1}};
  JoinRowsCodec codec_;
  StateMemory memory_{400'000};
  std::string root_;
  std::unique_ptr<StateBackendFactory> factory_;
  std::unique_ptr<StateBackend> backend_;
  std::unique_ptr<StateTable> table_;
  RowsModel model_;
};

TEST_P(StoredChangesTest, EqualAModelThroughEvictionsAndRestores) {
  for (const int64_t ttl_ms : {int64_t{0}, int64_t{1'000'000'000}}) {
    std::mt19937 random(3);
    model_.clear();
    Open({}, ttl_ms);
    RowsModel at_checkpoint;
    std::string checkpoint;
    for (int step = 0; step < 1500; ++step) {
      const std::string key = "key" + std::to_string(random() % 8);
      std::vector<std::string> added, removed;
      const int count = random() % 20 == 0 ? 400 : 3;
      for (int i = 0; i < count; ++i) added.push_back("row" + std::to_string(random() % 1500));
      if (random() % 100 == 0) {
        for (int i = 0; i < 1500; ++i) removed.push_back("row" + std::to_string(i));
      } else {
        removed.push_back("row" + std::to_string(random() % 1500));
      }
      Run(Change(key, added, removed));
      if (step % 7 == 0) Write();
      if (step % 300 == 150) {
        Write();
        checkpoint = root_ + "/chk-" + std::to_string(ttl_ms) + "-" + std::to_string(step);
        CHECK_OK(backend_->Checkpoint(checkpoint));
        at_checkpoint = model_;
      }
      if (step % 300 == 250) {
        Run(ExpectSame(&model_));
        Open({checkpoint}, ttl_ms);
        model_ = at_checkpoint;
      }
    }
    Run(ExpectSame(&model_));
    EXPECT_GT(model_.size(), 4u);
  }
}

TEST_P(StoredChangesTest, OneRowAmongManyWritesLittle) {
  Open({}, 0);
  std::vector<std::string> rows;
  for (int i = 0; i < 3000; ++i) rows.push_back("row" + std::to_string(i));
  Run(Change("key", rows, {}));
  EXPECT_GT(Write(), 30'000u);
  for (int i = 0; i < 10; ++i) {
    Run(Change("key", {"new" + std::to_string(i)}, {rows[static_cast<size_t>(i)]}));
    EXPECT_LT(Write(), 100u);
  }
  CHECK_OK(backend_->Checkpoint(root_ + "/chk"));
  Open({root_ + "/chk"}, 0);
  Run(ExpectSame(&model_));
}

// A value larger than a step is one of its own, and nothing need come meanwhile for the next to go
// on.
TEST_P(StoredChangesTest, AStepGoesOnBehindALargeValue) {
  Open({}, 0);
  for (const std::string key : {"a", "b", "c"}) {
    Run(Change(key, {std::string(100'000, key[0]), key}, {}));
  }
  Run(Change("d", {"d"}, {}));
  table_->BeginSnapshot();
  StateMutations mutations;
  int step_count = 0;
  for (; table_->HasUntaken() && step_count < 10; ++step_count) {
    table_->TakeSnapshot(&mutations, 50'000);
  }
  EXPECT_EQ(step_count, 4);
  EXPECT_EQ(mutations.size(), 4u);
  const size_t bytes = mutations.bytes();
  mutations.Append({});
  EXPECT_EQ(mutations.bytes(), bytes);
  // What changes before it is written is of the next snapshot.
  Run(Change("a", {"more"}, {}));
  CHECK_OK(backend_->Write(mutations));
  EXPECT_TRUE(table_->OnWritten());
  EXPECT_GT(Write(), 0u);
  CHECK_OK(backend_->Checkpoint(root_ + "/chk"));
  Open({root_ + "/chk"}, 0);
  Run(ExpectSame(&model_));
}

// What is put behind a value is written whole before it outgrows it.
TEST_P(StoredChangesTest, AValueThatChangesForLongStaysSmall) {
  Open({}, 0);
  std::vector<std::string> rows;
  for (int i = 0; i < 300; ++i) rows.push_back("row" + std::to_string(i));
  Run(Change("key", rows, {}));
  const size_t whole = Write();
  const auto stored_bytes = [this] {
    const std::string key = EncodeStateKey(3, KeyGroupOf(EncodedKeys({"key"}).hash(0)), 0, "key");
    return backend_->Read(std::vector<std::string>{key}).ValueOrDie()[0].value().size();
  };
  size_t written = 0;
  for (int i = 0; i < 1000; ++i) {
    Run(Change("key", {rows[static_cast<size_t>(i % 10)]}, {rows[static_cast<size_t>(i % 10)]}));
    written += Write();
    ASSERT_LT(stored_bytes(), 3 * whole);
    if (i == 500) {
      CHECK_OK(backend_->Checkpoint(root_ + "/chk"));
      Open({root_ + "/chk"}, 0);
    }
  }
  EXPECT_LT(written, 1000 * whole / 20);
  Run(ExpectSame(&model_));
}

// As versions before 2026-12 have stored them.
TEST_P(StoredChangesTest, ValuesOfBeforeAreRead) {
  Open({}, 0);
  JoinRows rows;
  for (int i = 0; i < 500; ++i) {
    rows.Add("row" + std::to_string(i), 0);
    model_["key"]["row" + std::to_string(i)] = 1;
  }
  std::string bytes;
  rows.Put(&bytes);
  const EncodedRows keys = EncodedKeys({"key"});
  StateMutations before;
  before.Put(EncodeStateKey(3, KeyGroupOf(keys.hash(0)), 0, "key"), bytes);
  CHECK_OK(backend_->Write(before));
  CHECK_OK(backend_->Checkpoint(root_ + "/before"));
  Open({root_ + "/before"}, 0);
  Run(ExpectSame(&model_));
  for (int i = 0; i < 3; ++i) {
    Run(Change("key", {"another" + std::to_string(i)}, {"row" + std::to_string(i)}));
    Write();
  }
  CHECK_OK(backend_->Checkpoint(root_ + "/after"));
  Open({root_ + "/after"}, 0);
  Run(ExpectSame(&model_));
}

INSTANTIATE_TEST_SUITE_P(Backends, StoredChangesTest, testing::Values(false, true),
                         [](const auto& info) { return info.param ? "RocksDb" : "Memory"; });

}  // namespace
}  // namespace mainstem::process

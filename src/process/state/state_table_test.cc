// Drives the table with a model (a plain map) through changes, snapshots, evictions and restores,
// over both backends.
#include "process/state/state_table.h"

#include <filesystem>
#include <random>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "core/scheduler.h"
#include "process/state/rocksdb_backend.h"

namespace mainstem::process {
namespace {

class InlinePool final : public BlockingPool {
 public:
  void Submit(UniqueFunction function) override { function(); }
};

class CounterCodec final : public ValueCodec {
 public:
  size_t value_bytes() const override { return sizeof(int64_t); }
  void Init(std::byte* value) const override { *reinterpret_cast<int64_t*>(value) = 0; }
  void Destroy(std::byte*) const override {}
  void Serialize(const std::byte* value, std::string* out) const override {
    out->append(reinterpret_cast<const char*>(value), sizeof(int64_t));
  }
  Status Deserialize(std::string_view bytes, std::byte* value) const override {
    if (bytes.size() != sizeof(int64_t)) return MakeError(ErrorCode::kCorruptStorage, "bad size");
    std::memcpy(value, bytes.data(), bytes.size());
    return Status::OK();
  }
};

EncodedRows Keys(const std::vector<std::string>& keys) {
  arrow::StringBuilder builder;
  CHECK_OK(builder.AppendValues(keys));
  EncodedRows rows;
  static const RowCodec codec = RowCodec::Make({arrow::utf8()}).ValueOrDie();
  CHECK_OK(codec.Encode({builder.Finish().ValueOrDie()}, static_cast<int64_t>(keys.size()), &rows));
  rows.ComputeHashes();
  return rows;
}

int64_t& CountOf(StateEntry* entry) { return *reinterpret_cast<int64_t*>(entry->value()); }

class StateTableTest : public testing::TestWithParam<bool> {
 protected:
  StateTableTest() {
    shard_.Start();
    char pattern[] = "/tmp/state_table_test.XXXXXX";
    root_ = mkdtemp(pattern);
    factory_ = GetParam() ? MakeRocksDbStateBackendFactory({.memory_bytes = 16u << 20})
                          : MakeMemoryStateBackendFactory();
  }
  ~StateTableTest() override { std::filesystem::remove_all(root_); }

  using Model = std::map<std::pair<int64_t, std::string>, int64_t>;

  std::unique_ptr<StateTable> MakeTable(StateBackend* backend, size_t limit_bytes,
                                        KeyGroupRange range = {}) {
    memories_.push_back(std::make_unique<StateMemory>(limit_bytes));
    return std::make_unique<StateTable>(StateTable::Options{.name = "test",
                                                            .table_id = 3,
                                                            .key_groups = range,
                                                            .indexed_by_namespace = true,
                                                            .memory = memories_.back().get(),
                                                            .is_held = {}},
                                        &codec_, backend, &pool_);
  }
  void Run(Task<> task) { CHECK_OK(RunBlocking(Executor(&shard_), std::move(task))); }

  Task<> Count(StateTable* table, std::vector<std::pair<int64_t, std::string>> rows, int64_t delta,
               Model* model) {
    std::vector<std::string> keys;
    std::vector<int64_t> name_spaces;
    for (auto& [name_space, key] : rows) {
      keys.push_back(key);
      name_spaces.push_back(name_space);
    }
    EncodedRows encoded = Keys(keys);
    std::vector<StateEntry*> entries;
    CO_RETURN_IF_ERROR(co_await table->Resolve(encoded, name_spaces, &entries));
    for (size_t i = 0; i < rows.size(); ++i) {
      CountOf(entries[i]) += delta;
      (*model)[rows[i]] += delta;
      table->MarkDirty(entries[i]);
    }
    co_return Status::OK();
  }

  Task<> Fire(StateTable* table, int64_t name_space, Model* model) {
    std::vector<StateEntry*> entries;
    CO_RETURN_IF_ERROR(co_await table->ResolveNamespace(name_space, &entries));
    size_t expected = 0;
    for (auto& [key, count] : *model) expected += key.first == name_space ? 1 : 0;
    EXPECT_EQ(entries.size(), expected);
    for (StateEntry* entry : entries) {
      // The key is one non-null string: flag, length, bytes.
      auto found = model->find({name_space, std::string(entry->key().substr(5))});
      EXPECT_TRUE(found != model->end());
      EXPECT_EQ(CountOf(entry), found->second);
      table->Delete(entry);
    }
    std::erase_if(*model, [&](auto& item) { return item.first.first == name_space; });
    co_return Status::OK();
  }

  Task<> ExpectSame(StateTable* table, const Model* model) {
    std::vector<StateEntry*> entries;
    CO_RETURN_IF_ERROR(co_await table->ResolveAll(&entries));
    Model found;
    for (StateEntry* entry : entries) {
      found[{entry->name_space, std::string(entry->key().substr(5))}] = CountOf(entry);
    }
    EXPECT_EQ(found, *model);
    co_return Status::OK();
  }

  ShardScheduler shard_{"test"};
  InlinePool pool_;
  CounterCodec codec_;
  std::vector<std::unique_ptr<StateMemory>> memories_;
  std::string root_;
  std::unique_ptr<StateBackendFactory> factory_;
};

TEST_P(StateTableTest, EqualsAModelThroughEvictionsSnapshotsAndRestores) {
  std::mt19937 random(7);
  Model model, at_checkpoint;
  auto backend = factory_->Open(root_ + "/live", {}, {}).ValueOrDie();
  auto table = MakeTable(backend.get(), 4000);
  Run(table->Restore());
  std::string checkpoint;
  size_t evicted = 0;
  for (int step = 0; step < 300; ++step) {
    std::vector<std::pair<int64_t, std::string>> rows;
    for (int i = 0; i < 10; ++i) {
      rows.emplace_back(int64_t{static_cast<int>(random() % 4)} - 1,
                        "k" + std::to_string(random() % 50));
    }
    Run(Count(table.get(), rows, step + 1, &model));
    if (step % 17 == 0) Run(Fire(table.get(), static_cast<int>(random() % 4) - 1, &model));
    if (step % 5 == 0) {
      table->BeginSnapshot();
      StateMutations mutations;
      table->TakeSnapshot(&mutations);
      // Changes between snapshot and write belong to the next epoch.
      if (step % 10 == 0) at_checkpoint = model;
      Model* target = &model;
      Run(Count(table.get(), {{0, "late"}}, 1, target));
      CHECK_OK(backend->Write(mutations));
      table->OnWritten();
      if (step % 10 == 0) {
        checkpoint = root_ + "/chk-" + std::to_string(step);
        CHECK_OK(backend->Checkpoint(checkpoint));
      }
    }
    size_t before = table->entry_count();
    table->Evict();
    evicted += before - table->entry_count();
    if (step % 50 == 49) {
      table.reset();
      backend.reset();
      backend = factory_->Open(root_ + "/live", {checkpoint}, {}).ValueOrDie();
      table = MakeTable(backend.get(), 4000);
      Run(table->Restore());
      model = at_checkpoint;
    }
  }
  EXPECT_GT(evicted, 100u);
  Run(ExpectSame(table.get(), &model));
}

TEST_P(StateTableTest, ASnapshotTakenInPiecesIsTheTableAsItWasWhenItBegan) {
  std::mt19937 random(13);
  int changed_early = 0;
  for (int round = 0; round < 40; ++round) {
    const std::string folder = root_ + "/round-" + std::to_string(round);
    Model model;
    auto backend = factory_->Open(folder + "/live", {}, {}).ValueOrDie();
    auto table = MakeTable(backend.get(), round % 2 == 0 ? 4000 : 1 << 20);
    Run(table->Restore());
    const auto change = [&](int steps) {
      for (int step = 0; step < steps; ++step) {
        std::vector<std::pair<int64_t, std::string>> rows;
        for (int i = 0; i < 8; ++i) {
          rows.emplace_back(random() % 4, "k" + std::to_string(random() % 30));
        }
        Run(Count(table.get(), rows, 1, &model));
        if (random() % 5 == 0) Run(Fire(table.get(), random() % 4, &model));
        table->Evict();
      }
    };
    for (int snapshot = 0; snapshot < 6; ++snapshot) {
      change(static_cast<int>(random() % 6));
      const Model at_begin = model;
      table->BeginSnapshot();
      StateMutations mutations;
      while (table->HasUntaken()) {
        const size_t before = mutations.size();
        table->TakeSnapshot(&mutations, 1);
        changed_early += mutations.size() - before > 1;  // with those that were wanted meanwhile
        if (random() % 3 == 0) CHECK_OK(backend->Write(std::exchange(mutations, {})));
        change(static_cast<int>(random() % 3));
      }
      CHECK_OK(backend->Write(mutations));
      const std::string checkpoint = folder + "/chk-" + std::to_string(snapshot);
      CHECK_OK(backend->Checkpoint(checkpoint));
      change(static_cast<int>(random() % 2));
      while (!table->OnWritten(1)) change(static_cast<int>(random() % 2));
      auto copy = factory_->Open(folder + "/copy-" + std::to_string(snapshot), {checkpoint}, {})
                      .ValueOrDie();
      auto restored = MakeTable(copy.get(), 1 << 20);
      Run(restored->Restore());
      Run(ExpectSame(restored.get(), &at_begin));
    }
    Run(ExpectSame(table.get(), &model));
  }
  EXPECT_GT(changed_early, 20);
}

TEST_P(StateTableTest, SpillsDirtyEntriesBeyondItsBudgetButNotIntoAnOpenSnapshot) {
  std::mt19937 random(11);
  constexpr size_t kBudget = 200'000;
  Model model;
  auto backend = factory_->Open(root_ + "/live", {}, {}).ValueOrDie();
  auto table = MakeTable(backend.get(), kBudget);
  Run(table->Restore());
  const auto change = [&](int rounds) {
    for (int round = 0; round < rounds; ++round) {
      std::vector<std::pair<int64_t, std::string>> rows;
      for (int i = 0; i < 1000; ++i) rows.emplace_back(0, "k" + std::to_string(random() % 20000));
      Run(Count(table.get(), rows, 1, &model));
      table->Evict();
    }
  };
  change(60);
  EXPECT_LT(table->memory_bytes(), 2 * kBudget);
  EXPECT_GT(model.size(), 15'000u);
  const Model at_snapshot = model;
  table->BeginSnapshot();
  StateMutations mutations;
  table->TakeSnapshot(&mutations);
  change(10);
  CHECK_OK(backend->Write(mutations));
  CHECK_OK(backend->Checkpoint(root_ + "/chk"));
  table->OnWritten();
  change(30);
  EXPECT_LT(table->memory_bytes(), 2 * kBudget);
  Run(ExpectSame(table.get(), &model));
  table.reset();
  backend.reset();
  backend = factory_->Open(root_ + "/live", {root_ + "/chk"}, {}).ValueOrDie();
  table = MakeTable(backend.get(), kBudget);
  Run(table->Restore());
  Run(ExpectSame(table.get(), &at_snapshot));
}

TEST(StateTableWithoutCheckpointsTest, WritesOnlyWhatMemoryWants) {
  std::string root = "/tmp/state_table_test.XXXXXX";
  ASSERT_NE(mkdtemp(root.data()), nullptr);
  ShardScheduler shard{"test"};
  shard.Start();
  InlinePool pool;
  CounterCodec codec;
  StateMemory memory(200'000);
  const auto factory = MakeRocksDbStateBackendFactory({.keeps_checkpoints = false});
  const auto backend = factory->Open(root + "/live", {}, {}).ValueOrDie();
  StateTable::Options options;
  options.name = "test";
  options.memory = &memory;
  StateTable table(std::move(options), &codec, backend.get(), &pool);
  const auto change = [&](int first, int last) -> Task<> {
    std::vector<std::string> names;
    for (int i = first; i < last; ++i) names.push_back("k" + std::to_string(i));
    const EncodedRows keys = Keys(names);
    std::vector<StateEntry*> entries;
    CO_RETURN_IF_ERROR(co_await table.Resolve(keys, {}, &entries));
    for (StateEntry* entry : entries) {
      ++CountOf(entry);
      table.MarkDirty(entry);
    }
    table.Evict();
    co_return Status::OK();
  };
  CHECK_OK(RunBlocking(Executor(&shard), change(0, 500)));
  table.BeginSnapshot();
  EXPECT_FALSE(table.HasUntaken());
  table.OnWritten();
  EXPECT_FALSE(std::filesystem::exists(root + "/live"));
  for (int begin = 0; begin < 10'000; begin += 500) {
    CHECK_OK(RunBlocking(Executor(&shard), change(begin, begin + 500)));
    table.BeginSnapshot();
    EXPECT_FALSE(table.HasUntaken());
  }
  EXPECT_LT(table.memory_bytes(), 400'000u);
  EXPECT_LT(memory.used_bytes(), 400'000);
  std::vector<StateEntry*> entries;
  CHECK_OK(RunBlocking(Executor(&shard), table.ResolveAll(&entries)));
  EXPECT_EQ(entries.size(), 10'000u);
  int64_t sum = 0;
  for (StateEntry* entry : entries) sum += CountOf(entry);
  EXPECT_EQ(sum, 10'500);
  std::filesystem::remove_all(root);
}

TEST_P(StateTableTest, RestoresAtAnotherParallelism) {
  Model model;
  std::vector<std::string> checkpoints;
  for (int i = 0; i < 2; ++i) {
    auto backend =
        factory_->Open(root_ + "/live" + std::to_string(i), {}, {.key_groups = KeyGroupsOf(i, 2)})
            .ValueOrDie();
    auto table = MakeTable(backend.get(), 1 << 20, KeyGroupsOf(i, 2));
    Run(table->Restore());
    std::vector<std::pair<int64_t, std::string>> rows;
    for (int k = 0; k < 200; ++k) {
      std::string key = "key" + std::to_string(k);
      if (SubtaskOf(KeyGroupOf(Keys({key}).hash(0)), 2) == i) rows.emplace_back(5, key);
    }
    Run(Count(table.get(), rows, 1, &model));
    table->BeginSnapshot();
    StateMutations mutations;
    table->TakeSnapshot(&mutations);
    CHECK_OK(backend->Write(mutations));
    checkpoints.push_back(root_ + "/chk" + std::to_string(i));
    CHECK_OK(backend->Checkpoint(checkpoints.back()));
  }
  EXPECT_EQ(model.size(), 200u);
  size_t found = 0;
  for (int i = 0; i < 3; ++i) {
    auto backend = factory_
                       ->Open(root_ + "/new" + std::to_string(i), checkpoints,
                              {.key_groups = KeyGroupsOf(i, 3)})
                       .ValueOrDie();
    auto table = MakeTable(backend.get(), 1 << 20, KeyGroupsOf(i, 3));
    Run(table->Restore());
    found += table->entry_count();
    Model part;
    for (auto& [key, count] : model) {
      if (KeyGroupsOf(i, 3).Contains(KeyGroupOf(Keys({key.second}).hash(0)))) part[key] = count;
    }
    Run(ExpectSame(table.get(), &part));
  }
  EXPECT_EQ(found, 200u);
}

TEST_P(StateTableTest, BackendsTakeManyMutationsAtOnceInAnyOrder) {
  std::mt19937 random(3);
  auto backend = factory_->Open(root_ + "/live", {}, {}).ValueOrDie();
  std::map<std::string, std::string> model;
  const auto write = [&](int count) {
    StateMutations mutations;
    for (int i = 0; i < count; ++i) {
      // Some names are longer than a block of mutations has room for.
      std::string name = "k" + std::to_string(random() % 20'000);
      if (random() % 500 == 0) name += std::string(2'000, 'k');
      const std::string key = EncodeStateKey(3, static_cast<int>(random() % 4), 0, name);
      if (random() % 4 != 0) {
        model[key] = "v" + std::to_string(random());
        mutations.Put(key, model[key]);
      } else {
        model.erase(key);
        mutations.Delete(key);
      }
    }
    CHECK_OK(backend->Write(mutations));
  };
  const auto expect_same = [&](const std::map<std::string, std::string>& expected) {
    const auto found =
        backend->Scan(StateGroupBegin(3, 0), StateGroupBegin(3, 4), SIZE_MAX).ValueOrDie();
    ASSERT_EQ(found.size(), expected.size());
    EXPECT_TRUE(std::equal(
        found.begin(), found.end(), expected.begin(),
        [](const auto& a, const auto& b) { return a.first == b.first && a.second == b.second; }));
  };
  for (const int count : {10'000, 100, 10'000, 8'000, 50}) write(count);
  expect_same(model);
  const auto at_checkpoint = model;
  CHECK_OK(backend->Checkpoint(root_ + "/chk"));
  write(9'000);
  expect_same(model);
  backend.reset();
  backend = factory_->Open(root_ + "/live", {root_ + "/chk"}, {}).ValueOrDie();
  expect_same(at_checkpoint);
}

// Table files of a checkpoint that are the very files of the database that was opened from it.
int SharedFiles(const std::string& checkpoint, const std::string& live) {
  namespace fs = std::filesystem;
  int shared = 0;
  for (const auto& entry : fs::directory_iterator(checkpoint)) {
    const fs::path there = fs::path(live) / entry.path().filename();
    shared += entry.path().extension() == ".sst" && fs::exists(there) &&
              fs::equivalent(entry.path(), there);
  }
  return shared;
}

// By files, where the subtask gets all of one checkpoint and nothing of another; else by entries.
TEST(RocksDbRestoreTest, TakesWholeFilesOnlyWhereEverythingInThemIsWanted) {
  std::string root = "/tmp/state_table_test.XXXXXX";
  ASSERT_NE(mkdtemp(root.data()), nullptr);
  const auto factory = MakeRocksDbStateBackendFactory({});
  std::vector<std::string> checkpoints;
  for (int i = 0; i < 3; ++i) {
    const KeyGroupRange own = KeyGroupsOf(i, 3);
    auto backend = factory->Open(root + "/before", {}, {.key_groups = own}).ValueOrDie();
    StateMutations mutations;
    for (int group = own.begin; group < own.end; ++group) {
      for (const uint16_t table : {1, 2, 8}) {
        mutations.Put(EncodeStateKey(table, group, 5, "k"), std::to_string(group));
      }
    }
    CHECK_OK(backend->Write(mutations));
    checkpoints.push_back(root + "/chk" + std::to_string(i));
    CHECK_OK(backend->Checkpoint(checkpoints.back()));
  }
  const auto count = [](StateBackend* backend, uint16_t table) {
    return backend->Scan(StateGroupBegin(table, 0), StateGroupBegin(table, 128), SIZE_MAX)
        .ValueOrDie()
        .size();
  };
  const std::map<uint16_t, uint16_t> same = {{1, 1}, {2, 2}, {8, 8}, {9, 9}};
  const std::map<uint16_t, uint16_t> renumbered = {{1, 1}, {2, 2}, {8, 10}};
  const std::map<uint16_t, uint16_t> without_one = {{1, 1}, {8, 8}};
  struct Case {
    std::map<uint16_t, uint16_t> tables;
    int parallelism;
    bool takes_files;
  };
  for (const Case& at : std::vector<Case>{{same, 3, true},
                                          {{}, 3, true},
                                          {renumbered, 3, false},
                                          {without_one, 3, false},
                                          {same, 2, false},
                                          {same, 4, false}}) {
    size_t found = 0, unwanted = 0;
    for (int i = 0; i < at.parallelism; ++i) {
      const std::string live = root + "/live";
      RestoreFilter filter{.key_groups = KeyGroupsOf(i, at.parallelism), .tables = at.tables};
      auto backend = factory->Open(live, checkpoints, filter).ValueOrDie();
      int shared = 0;
      for (const std::string& checkpoint : checkpoints) shared += SharedFiles(checkpoint, live);
      EXPECT_EQ(shared > 0, at.takes_files);
      found += count(backend.get(), 1);
      unwanted += at.tables == without_one ? count(backend.get(), 2) : 0;
      // What it does from here on leaves the checkpoint alone.
      const int group = filter.key_groups.begin;
      StateMutations deletion;
      deletion.Delete(EncodeStateKey(1, group, 5, "k"));
      CHECK_OK(backend->Write(deletion));
      EXPECT_EQ(count(backend.get(), 1),
                static_cast<size_t>(filter.key_groups.end - filter.key_groups.begin - 1));
    }
    EXPECT_EQ(found, static_cast<size_t>(kKeyGroupCount));
    EXPECT_EQ(unwanted, 0u);
  }
  std::filesystem::remove_all(root);
}

TEST_P(StateTableTest, SaysWhatIsDamaged) {
  auto backend = factory_->Open(root_ + "/live", {}, {}).ValueOrDie();
  EncodedRows keys = Keys({"a"});
  StateMutations mutations;
  mutations.Put(EncodeStateKey(3, KeyGroupOf(keys.hash(0)), 0, keys.row(0)), "short");
  CHECK_OK(backend->Write(mutations));
  auto table = MakeTable(backend.get(), 1 << 20);
  Status status = RunBlocking(Executor(&shard_), table->Restore());
  EXPECT_TRUE(Is(status, ErrorCode::kCorruptStorage));
}

// The last namespace with the last keys: the end of a key group lies behind them.
TEST_P(StateTableTest, TheLastKeysOfAGroupAreRestored) {
  auto backend = factory_->Open(root_ + "/live", {}, {}).ValueOrDie();
  EncodedRows keys;
  keys.Append(std::string(20, '\xff'));
  keys.Append(std::string(30, '\xff'));
  keys.ComputeHashes();
  const std::vector<int64_t> name_spaces(2, INT64_MAX);
  const auto count = [](StateTable* table, const EncodedRows* keys,
                        const std::vector<int64_t>* name_spaces) -> Task<> {
    std::vector<StateEntry*> entries;
    CO_RETURN_IF_ERROR(co_await table->Resolve(*keys, *name_spaces, &entries));
    for (StateEntry* entry : entries) {
      CountOf(entry) = 7;
      table->MarkDirty(entry);
    }
    co_return Status::OK();
  };
  auto table = MakeTable(backend.get(), 1 << 20);
  Run(count(table.get(), &keys, &name_spaces));
  table->BeginSnapshot();
  StateMutations mutations;
  table->TakeSnapshot(&mutations);
  CHECK_OK(backend->Write(mutations));
  table->OnWritten();
  auto restored = MakeTable(backend.get(), 1 << 20);
  Run(restored->Restore());
  EXPECT_EQ(restored->entry_count(), 2u);
  // With memory for one of them.
  auto cold = MakeTable(backend.get(), 0);
  Run(cold->Restore());
  const auto find = [](StateTable* table, std::vector<StateEntry*>* found) -> Task<> {
    co_return co_await table->ResolveNamespace(INT64_MAX, found);
  };
  std::vector<StateEntry*> found;
  Run(find(cold.get(), &found));
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(CountOf(found[0]), 7);
  EXPECT_EQ(CountOf(found[1]), 7);
}

INSTANTIATE_TEST_SUITE_P(Backends, StateTableTest, testing::Values(false, true),
                         [](const auto& info) { return info.param ? "RocksDb" : "Memory"; });

}  // namespace
}  // namespace mainstem::process

#include <memory>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "process/state/state_table.h"

namespace mainstem::process {
namespace {

using std::chrono::milliseconds;

class TtlCounterCodec final : public ValueCodec {
 public:
  size_t value_bytes() const override { return sizeof(int64_t); }
  void Init(std::byte* value) const override { *reinterpret_cast<int64_t*>(value) = 0; }
  void Destroy(std::byte*) const override {}
  void Serialize(const std::byte* value, std::string* out) const override {
    out->push_back(1);
    out->append(reinterpret_cast<const char*>(value), sizeof(int64_t));
  }
  Status Deserialize(std::string_view bytes, std::byte* value) const override {
    if (bytes.size() != 1 + sizeof(int64_t)) {
      return MakeError(ErrorCode::kCorruptStorage, "bad size");
    }
    std::memcpy(value, bytes.data() + 1, sizeof(int64_t));
    return Status::OK();
  }
};

EncodedRows TtlKeys(const std::vector<std::string>& keys) {
  arrow::StringBuilder builder;
  CHECK_OK(builder.AppendValues(keys));
  EncodedRows rows;
  static const RowCodec codec = RowCodec::Make({arrow::utf8()}).ValueOrDie();
  CHECK_OK(codec.Encode({builder.Finish().ValueOrDie()}, static_cast<int64_t>(keys.size()), &rows));
  rows.ComputeHashes();
  return rows;
}

class StateTtlTest : public testing::Test {
 protected:
  static constexpr int64_t kTtlMs = 1000;

  void Open(size_t limit_bytes = 1u << 20) {
    if (backend_ == nullptr) {
      backend_ = factory_->Open("/live", {}, {}).ValueOrDie();
    }
    StateTable::Options options;
    options.name = "test";
    table_.reset();
    memory_ = std::make_unique<StateMemory>(limit_bytes);
    options.memory = memory_.get();
    options.ttl_ms = kTtlMs;
    options.clock = &env_;
    table_ = std::make_unique<StateTable>(std::move(options), &codec_, backend_.get(),
                                          &env_.blocking_pool());
    Run(table_->Restore());
  }
  void Run(Task<> task) { ASSERT_TRUE(env_.Run(std::move(task)).ok()); }
  void Wait(int64_t ms) {
    Run([](int64_t wait) -> Task<> { co_return co_await Sleep(milliseconds(wait)); }(ms));
  }
  // Adds one to each key; gives the counts after it.
  std::vector<int64_t> Count(const std::vector<std::string>& names) {
    const EncodedRows keys = TtlKeys(names);
    std::vector<StateEntry*> entries;
    Run(table_->Resolve(keys, {}, &entries));
    std::vector<int64_t> counts;
    for (StateEntry* entry : entries) {
      counts.push_back(++*reinterpret_cast<int64_t*>(entry->value()));
      table_->MarkDirty(entry);
    }
    table_->Evict();
    return counts;
  }
  bool Has(const std::string& name) {
    const EncodedRows keys = TtlKeys({name});
    std::vector<StateEntry*> entries;
    Run(table_->Lookup(keys, {}, &entries));
    return entries[0] != nullptr;
  }
  void Checkpoint() {
    table_->BeginSnapshot();
    StateMutations mutations;
    table_->TakeSnapshot(&mutations);
    ASSERT_TRUE(backend_->Write(mutations).ok());
    table_->OnWritten();
  }

  SimDisk disk_{1};
  SimEnv env_{&disk_, SimEnvOptions{.seed = 1}};
  TtlCounterCodec codec_;
  std::unique_ptr<StateMemory> memory_;
  std::unique_ptr<StateBackendFactory> factory_ = MakeMemoryStateBackendFactory();
  std::unique_ptr<StateBackend> backend_;
  std::unique_ptr<StateTable> table_;
};

using Counts = std::vector<int64_t>;

TEST_F(StateTtlTest, AnEntryThatWasNotChangedForSoLongBeginsAnew) {
  Open();
  EXPECT_EQ(Count({"a", "b", "a"}), (Counts{1, 1, 2}));
  Wait(600);
  EXPECT_EQ(Count({"a"}), (Counts{3}));
  Wait(600);
  // "b" is 1200 ms old, "a" only 600.
  EXPECT_FALSE(Has("b"));
  EXPECT_EQ(Count({"a", "b", "b"}), (Counts{4, 1, 2}));
}

TEST_F(StateTtlTest, HoldsOverARestart) {
  Open();
  Count({"a"});
  Checkpoint();
  Wait(600);
  Open();
  EXPECT_EQ(Count({"a"}), (Counts{2}));
  Checkpoint();
  Wait(1100);
  Open();
  EXPECT_FALSE(Has("a"));
  EXPECT_EQ(Count({"a"}), (Counts{1}));
}

TEST_F(StateTtlTest, ExpiresWhatIsNotInMemory) {
  Open();
  Count({"a", "b"});
  Checkpoint();
  Open(0);  // nothing fits: all is read when it is asked for
  Wait(500);
  EXPECT_TRUE(Has("a"));
  Wait(600);
  EXPECT_EQ(Count({"a"}), (Counts{1}));
  EXPECT_FALSE(Has("b"));
}

TEST_F(StateTtlTest, SweepsKeysThatNeverComeAgain) {
  Open();
  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i) names.push_back("key " + std::to_string(i));
  Count(names);
  Checkpoint();
  Wait(1100);
  for (int i = 0; i < 10; ++i) Count({"other"});
  EXPECT_EQ(table_->entry_count(), 1u);
  Checkpoint();
  const EncodedRows gone = TtlKeys({"key 7"});
  const std::vector<std::string> stored = {
      EncodeStateKey(0, KeyGroupOf(gone.hash(0)), 0, gone.row(0))};
  EXPECT_EQ(backend_->Read(stored).ValueOrDie()[0], std::nullopt);
}

}  // namespace
}  // namespace mainstem::process

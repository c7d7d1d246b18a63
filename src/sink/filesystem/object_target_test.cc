// Commits into an object store: whatever call fails, and whether it then had no effect, its effect
// or its effect later, every row ends up in exactly one visible object.
#include "sink/filesystem/object_target.h"

#include <gtest/gtest.h>

#include "connector/s3/testing/fail_each_call.h"
#include "core/sim/sim_env.h"

namespace mainstem::sink {
namespace {

using connector::MemoryObjectStore;
using connector::ObjectFault;

constexpr int64_t kRowCount = 24;
constexpr int64_t kRowsPerCommit = 6;

std::unique_ptr<ObjectTarget> MakeObjectTarget(Env* env, std::shared_ptr<MemoryObjectStore> store) {
  ObjectTargetOptions options{.store = std::move(store),
                              .bucket = "lake",
                              .prefix = "t/",
                              .part_bytes = 8,
                              .success_file = "_SUCCESS"};
  return std::make_unique<ObjectTarget>(env, std::move(options), "job/sink", PartitionId(0));
}

// Rows are lines with their number; every third lies in a folder of its own.
Task<> WriteRows(ObjectTarget* target, int64_t begin, int64_t end) {
  std::map<std::string, std::unique_ptr<PendingFile>> open;
  for (int64_t row = begin; row < end; ++row) {
    std::string folder = row % 3 == 0 ? "p=x/" : "";
    if (open[folder] == nullptr) {
      FileTarget::NewFile what{.folder = folder, .suffix = ".txt", .start = Offset(begin)};
      CO_ASSIGN_OR_RETURN(open[folder], co_await target->Start(std::move(what)));
    }
    CO_RETURN_IF_ERROR(co_await open[folder]->Append(std::to_string(row) + "\n"));
  }
  for (auto& [folder, file] : open) CO_RETURN_IF_ERROR(co_await file->Finish(Offset(end)));
  co_return co_await target->Commit(Offset(end));
}

Task<> DeliverOnce(Env* env, std::shared_ptr<MemoryObjectStore> store) {
  auto target = MakeObjectTarget(env, std::move(store));
  CO_ASSIGN_OR_RETURN(std::optional<Offset> stored, co_await target->Recover());
  for (int64_t row = stored ? stored->value() : 0; row < kRowCount; row += kRowsPerCommit) {
    CO_RETURN_IF_ERROR(co_await WriteRows(target.get(), row, row + kRowsPerCommit));
  }
  co_return Status::OK();
}

// As the engine does it: with a new writer after each failure.
Task<> DeliverWithRetries(Env* env, std::shared_ptr<MemoryObjectStore> store) {
  for (int tries = 0;; ++tries) {
    Status status = co_await DeliverOnce(env, store);
    if (status.ok() || tries == 5 || !IsRetriable(status)) co_return status;
  }
}

void ExpectEachRowOnce(const MemoryObjectStore& store, const std::string& what) {
  std::map<int64_t, int> counts;
  for (const auto& [key, text] : store.objects()) {
    if (key.find("/_") != std::string::npos) continue;
    std::istringstream lines(text);
    for (int64_t row; lines >> row;) {
      ++counts[row];
      EXPECT_EQ(key.starts_with("t/p=x/"), row % 3 == 0) << key;
    }
  }
  EXPECT_EQ(store.objects().count("t/_SUCCESS"), 1u) << what;
  EXPECT_EQ(store.objects().count("t/p=x/_SUCCESS"), 1u) << what;
  EXPECT_EQ(counts.size(), static_cast<size_t>(kRowCount)) << what;
  for (const auto& [row, count] : counts) EXPECT_EQ(count, 1) << row << ", " << what;
}

void FailEveryCall(ObjectFault fault) {
  connector::FailEachCall(fault,
                          {.deliver =
                               [](SimEnv* env, connector::SharedStore store) {
                                 return env->Run(DeliverWithRetries(env, store));
                               },
                           .check =
                               [](SimEnv*, connector::SharedStore store, const std::string& what) {
                                 ExpectEachRowOnce(*store, what);
                                 // An upload that was begun and not recorded stays, but it has no
                                 // parts.
                                 EXPECT_EQ(store->waiting_part_count(), 0u) << what;
                               },
                           .calls_min = 30});
}

TEST(ObjectTargetSimTest, EveryRowIsThereOnceWhateverCallDoesNothing) {
  FailEveryCall(ObjectFault::kNothingDone);
}
TEST(ObjectTargetSimTest, EveryRowIsThereOnceWhateverAnswerIsLost) {
  FailEveryCall(ObjectFault::kAnswerLost);
}
TEST(ObjectTargetSimTest, EveryRowIsThereOnceWhateverCallLingers) {
  FailEveryCall(ObjectFault::kDoneLater);
}

// The node dies after each number of steps; another one goes on with the same bucket.
TEST(ObjectTargetSimTest, EveryRowIsThereOnceWhereverTheNodeDies) {
  int64_t death_count = 0;
  for (int64_t steps = 1;; steps += 3) {
    SimDisk disk(1);
    auto store = std::make_shared<MemoryObjectStore>();
    auto* dying = new SimEnv(&disk, {});
    Status outcome;
    bool ended = dying->RunSteps(DeliverOnce(dying, store), steps, &outcome);
    if (ended) {
      delete dying;
    } else {
      dying->Abandon();  // what it left suspended lies there for ever
      ++death_count;
      SimEnv next(&disk, {.seed = 2});
      ASSERT_TRUE(next.Run(DeliverWithRetries(&next, store)).ok()) << steps;
    }
    ExpectEachRowOnce(*store, std::to_string(steps) + " steps");
    EXPECT_EQ(store->waiting_part_count(), 0u) << steps;
    if (ended) break;
  }
  EXPECT_GT(death_count, 20);
}

TEST(ObjectTargetSimTest, AWriterWhoseSuccessorHasBegunCommitsNothing) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  auto store = std::make_shared<MemoryObjectStore>();
  auto scenario = [](Env* env, std::shared_ptr<MemoryObjectStore> store) -> Task<> {
    auto old = MakeObjectTarget(env, store);
    CO_RETURN_IF_ERROR(co_await old->Recover());
    auto successor = MakeObjectTarget(env, store);
    CO_RETURN_IF_ERROR(co_await successor->Recover());
    Status late = co_await WriteRows(old.get(), 0, 6);
    EXPECT_TRUE(Is(late, ErrorCode::kUnavailable)) << late;
    CO_RETURN_IF_ERROR(co_await WriteRows(successor.get(), 0, kRowCount));
    ExpectEachRowOnce(*store, "two writers");
    co_return Status::OK();
  };
  Status status = env.Run(scenario(&env, store));
  EXPECT_TRUE(status.ok()) << status;
}

TEST(ObjectTargetSimTest, SaysWhatIsLostWhenACommittedUploadWasAbortedByOthers) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  auto store = std::make_shared<MemoryObjectStore>();
  auto scenario = [](Env* env, std::shared_ptr<MemoryObjectStore> store) -> Task<> {
    auto target = MakeObjectTarget(env, store);
    CO_RETURN_IF_ERROR(co_await target->Recover());
    // Two begins, their record, two parts, the commit: the call after those completes the first.
    store->FailCall(6, ObjectFault::kNothingDone);
    Status cut_off = co_await WriteRows(target.get(), 0, 6);
    EXPECT_TRUE(Is(cut_off, ErrorCode::kUnavailable)) << cut_off;
    store->ForgetUploads();
    auto successor = MakeObjectTarget(env, store);
    Status lost = (co_await successor->Recover()).status();
    EXPECT_TRUE(Is(lost, ErrorCode::kCorruptStorage)) << lost;
    EXPECT_NE(lost.ToString().find("s3://lake/t/"), std::string::npos) << lost;
    co_return Status::OK();
  };
  Status status = env.Run(scenario(&env, store));
  EXPECT_TRUE(status.ok()) << status;
}

TEST(ObjectManifestTest, ReadsItsOwnAndRefusesOthers) {
  ObjectManifest manifest{
      .delivery_id = "job \"x\"",
      .partition = PartitionId(3),
      .position = Offset(12),
      .writer = "ab",
      .sequence = 4,
      .files = {{.upload = {.key = "a/b", .id = "u"}, .parts = {"\"e1\"", "e2"}}},
      .begun = {{.key = "a/c", .id = "v"}}};
  const std::string text =
      R"({"version":1,"delivery_id":"job \"x\"","partition":3,"position":12,"writer":"ab",)"
      R"("sequence":4,"files":[{"key":"a/b","id":"u","parts":["\"e1\"","e2"]}],)"
      R"("begun":[{"key":"a/c","id":"v"}]})";
  EXPECT_EQ(ObjectManifestText(manifest), text);
  auto read = ParseObjectManifest(text);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(ObjectManifestText(*read), text);
  manifest.position.reset();
  read = ParseObjectManifest(ObjectManifestText(manifest));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->position, std::nullopt);
  const std::string no_key = R"({"version":1,"delivery_id":"x","partition":0,"writer":"",)"
                             R"("sequence":1,"files":[{}],"begun":[]})";
  for (const std::string& bad : {std::string(), std::string("[]"), std::string(R"({"version":2})"),
                                 std::string(R"({"version":1,"delivery_id":"x"})"), no_key}) {
    EXPECT_TRUE(Is(ParseObjectManifest(bad).status(), ErrorCode::kCorruptStorage)) << bad;
  }
}

}  // namespace
}  // namespace mainstem::sink

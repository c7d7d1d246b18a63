// Commits to a table of a hadoop catalog in a bucket: whatever call fails, and whether it then had
// no effect, its effect or its effect later, every delivery's files are in the table once.
#include "connector/iceberg/table_commit.h"

#include <gtest/gtest.h>

#include "connector/iceberg/hadoop_catalog.h"
#include "connector/s3/testing/fail_each_call.h"
#include "core/sim/sim_env.h"

namespace mainstem::connector::iceberg {
namespace {

constexpr int64_t kCommitCount = 6;
constexpr int64_t kRowsOfCommit = 10;
constexpr const char* kWarehouse = "s3://lake/wh";

Schema OneColumn() {
  Schema schema;
  Type number;
  number.kind = TypeKind::kLong;
  schema.fields.push_back({.id = 1, .name = "n", .required = true, .type = number});
  return schema;
}

std::shared_ptr<TableCommitter> MakeCommitter(Env* env, std::shared_ptr<MemoryObjectStore> store) {
  LakeFilesOptions options;
  options.make_store = [store](const std::string&) { return store; };
  auto files = std::make_shared<LakeFiles>(env, std::move(options));
  HadoopCatalogOptions hadoop{.warehouse = kWarehouse, .database = "db", .table = "t"};
  auto catalog = MakeHadoopCatalog(env, files, std::move(hadoop));
  return std::make_shared<TableCommitter>(env, std::move(catalog), files);
}

Task<MetadataPtr> OpenOrMake(std::shared_ptr<TableCommitter> committer) {
  CO_ASSIGN_OR_RETURN(std::optional<MetadataPtr> found, co_await committer->Load());
  if (found) co_return *found;
  NewTable table;
  table.schema = OneColumn();
  co_return co_await committer->Create(std::move(table));
}

DeliveryPlace PlaceOf(int partition) {
  return {.delivery_id = "job/sink", .partition = PartitionId(partition)};
}

AppendRequest RequestOf(MetadataPtr layout, int partition, std::optional<Offset> expected) {
  AppendRequest request;
  request.place = PlaceOf(partition);
  request.expected = expected;
  request.position = Offset(expected ? expected->value() + 1 : 1);
  DataFile file;
  file.path = fmt::format("s3://lake/wh/db/t/data/{}-{}", partition, request.position.value());
  file.record_count = kRowsOfCommit;
  file.size_bytes = 1;
  request.files.push_back(std::move(file));
  request.layout = std::move(layout);
  return request;
}

// As a writer does it, from where the table says.
Task<> DeliverRest(std::shared_ptr<TableCommitter> committer, int partition) {
  CO_ASSIGN_OR_RETURN(MetadataPtr layout, co_await OpenOrMake(committer));
  std::optional<Offset> position = StoredPosition(*layout, PlaceOf(partition));
  while (!position || position->value() < kCommitCount) {
    AppendRequest request = RequestOf(layout, partition, position);
    Offset next = request.position;
    CO_RETURN_IF_ERROR(co_await committer->Append(std::move(request)));
    position = next;
  }
  co_return Status::OK();
}

Task<> DeliverTillDone(Env* env, std::shared_ptr<TableCommitter> committer, int partition) {
  for (int tries = 0;; ++tries) {
    Status status = co_await DeliverRest(committer, partition);
    if (status.ok() || tries == 5 || !IsRetriable(status)) co_return status;
    CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::milliseconds(20)));
  }
}

struct Outcome {
  int64_t snapshot_count = 0;
  int64_t rows_of_manifests = 0;
  std::set<std::string> manifests;
};

Task<> ReadOutcome(Env* env, std::shared_ptr<MemoryObjectStore> store, int partition_count,
                   Outcome* outcome) {
  auto committer = MakeCommitter(env, store);
  CO_ASSIGN_OR_RETURN(std::optional<MetadataPtr> loaded, co_await committer->Load());
  if (!loaded) co_return MakeError(ErrorCode::kNotFound, "there is no table");
  const TableMetadata& table = **loaded;
  for (int i = 0; i < partition_count; ++i) {
    EXPECT_EQ(StoredPosition(table, PlaceOf(i)), Offset(kCommitCount));
  }
  outcome->snapshot_count = static_cast<int64_t>(table.snapshots.size());
  std::string key =
      table.current_snapshot()->manifest_list.substr(std::string("s3://lake/").size());
  CO_ASSIGN_OR_RETURN(auto entries, ReadManifestList(store->objects().at(key)));
  for (const ManifestEntry& entry : entries) {
    outcome->rows_of_manifests += entry.added_rows;
    outcome->manifests.insert(entry.path);
    EXPECT_EQ(store->objects().count(entry.path.substr(std::string("s3://lake/").size())), 1u);
  }
  EXPECT_EQ(outcome->manifests.size(), entries.size());
  EXPECT_EQ(table.current_snapshot()->summary.at("total-records"),
            std::to_string(outcome->rows_of_manifests));
  co_return Status::OK();
}

void ExpectAllOnce(Env* base, std::shared_ptr<MemoryObjectStore> store, int partition_count,
                   const std::string& what) {
  auto* env = static_cast<SimEnv*>(base);
  Outcome outcome;
  Status read = env->Run(ReadOutcome(env, store, partition_count, &outcome));
  EXPECT_TRUE(read.ok()) << read << ", " << what;
  EXPECT_EQ(outcome.rows_of_manifests, partition_count * kCommitCount * kRowsOfCommit) << what;
}

void FailEveryStoreCall(ObjectFault fault) {
  FailEachCall(fault, {.deliver =
                           [](SimEnv* env, SharedStore store) {
                             return env->Run(DeliverTillDone(env, MakeCommitter(env, store), 0));
                           },
                       .check = [](SimEnv* env, SharedStore store,
                                   const std::string& what) { ExpectAllOnce(env, store, 1, what); },
                       .calls_min = 25});
}

TEST(TableCommitSimTest, FilesAreThereOnceWhateverCallDoesNothing) {
  FailEveryStoreCall(ObjectFault::kNothingDone);
}
TEST(TableCommitSimTest, FilesAreThereOnceWhateverAnswerIsLost) {
  FailEveryStoreCall(ObjectFault::kAnswerLost);
}
TEST(TableCommitSimTest, FilesAreThereOnceWhateverCallLingers) {
  FailEveryStoreCall(ObjectFault::kDoneLater);
}

// The node dies after each number of steps; another one goes on with the same bucket.
TEST(TableCommitSimTest, FilesAreThereOnceWhereverTheNodeDies) {
  int64_t death_count = 0;
  for (int64_t steps = 1;; steps += 2) {
    SimDisk disk(1);
    auto store = std::make_shared<MemoryObjectStore>();
    auto* dying = new SimEnv(&disk, {});
    Status outcome;
    bool ended =
        dying->RunSteps(DeliverTillDone(dying, MakeCommitter(dying, store), 0), steps, &outcome);
    if (ended) {
      EXPECT_TRUE(outcome.ok()) << outcome;
      ExpectAllOnce(dying, store, 1, "no death");
      delete dying;
      break;
    }
    dying->Abandon();  // what it left suspended lies there for ever
    ++death_count;
    SimEnv next(&disk, {.seed = 2});
    ASSERT_TRUE(next.Run(DeliverTillDone(&next, MakeCommitter(&next, store), 0)).ok()) << steps;
    ExpectAllOnce(&next, store, 1, std::to_string(steps) + " steps");
  }
  EXPECT_GT(death_count, 20);
}

TEST(TableCommitSimTest, WhatWaitsTogetherIsCommittedTogether) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  auto store = std::make_shared<MemoryObjectStore>();
  auto committer = MakeCommitter(&env, store);
  auto scenario = [](Env* env, std::shared_ptr<TableCommitter> committer) -> Task<> {
    TaskScope scope(env->shard(0), "writers",
                    [](const std::string&, const Status& status) { ADD_FAILURE() << status; });
    CO_RETURN_IF_ERROR(co_await OpenOrMake(committer));
    for (int i = 0; i < 4; ++i) scope.Spawn("writer", DeliverTillDone(env, committer, i));
    co_return co_await scope.Join();
  };
  Status status = env.Run(scenario(&env, committer));
  ASSERT_TRUE(status.ok()) << status;
  ExpectAllOnce(&env, store, 4, "four writers");
  Outcome outcome;
  ASSERT_TRUE(env.Run(ReadOutcome(&env, store, 4, &outcome)).ok());
  EXPECT_LT(outcome.snapshot_count, 4 * kCommitCount / 2);
}

// Two nodes with a catalog of their own each: the version's name decides.
TEST(TableCommitSimTest, TwoNodesLoseNothingOfEachOther) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SimDisk disk(1);
    SimEnv env(&disk, {.seed = seed});
    auto store = std::make_shared<MemoryObjectStore>();
    auto scenario = [](Env* env, std::shared_ptr<MemoryObjectStore> store) -> Task<> {
      TaskScope scope(env->shard(0), "nodes",
                      [](const std::string&, const Status& status) { ADD_FAILURE() << status; });
      for (int i = 0; i < 2; ++i) {
        scope.Spawn("node", DeliverTillDone(env, MakeCommitter(env, store), i));
      }
      co_return co_await scope.Join();
    };
    Status status = env.Run(scenario(&env, store));
    ASSERT_TRUE(status.ok()) << status;
    ExpectAllOnce(&env, store, 2, "seed " + std::to_string(seed));
  }
}

TEST(TableCommitSimTest, AWriterThatWasReplacedCommitsNothing) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  auto store = std::make_shared<MemoryObjectStore>();
  auto scenario = [](Env* env, std::shared_ptr<MemoryObjectStore> store) -> Task<> {
    auto old = MakeCommitter(env, store);
    CO_ASSIGN_OR_RETURN(MetadataPtr layout, co_await OpenOrMake(old));
    auto successor = MakeCommitter(env, store);
    CO_RETURN_IF_ERROR(co_await OpenOrMake(successor));
    CO_RETURN_IF_ERROR(co_await successor->Append(RequestOf(layout, 0, std::nullopt)));
    AppendRequest late_request = RequestOf(layout, 0, std::nullopt);
    Status late = co_await old->Append(std::move(late_request));
    EXPECT_TRUE(Is(late, ErrorCode::kUnavailable)) << late;
    EXPECT_NE(late.ToString().find("another writer"), std::string::npos) << late;
    co_return co_await DeliverRest(successor, 0);
  };
  Status status = env.Run(scenario(&env, store));
  ASSERT_TRUE(status.ok()) << status;
  ExpectAllOnce(&env, store, 1, "two writers");
}

TEST(TableCommitSimTest, APositionWithoutFilesMakesNoSnapshot) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  auto store = std::make_shared<MemoryObjectStore>();
  auto scenario = [](Env* env, std::shared_ptr<MemoryObjectStore> store) -> Task<> {
    auto committer = MakeCommitter(env, store);
    CO_ASSIGN_OR_RETURN(MetadataPtr layout, co_await OpenOrMake(committer));
    AppendRequest request = RequestOf(layout, 0, std::nullopt);
    request.files.clear();
    CO_RETURN_IF_ERROR(co_await committer->Append(std::move(request)));
    CO_ASSIGN_OR_RETURN(std::optional<MetadataPtr> loaded, co_await committer->Load());
    EXPECT_TRUE((*loaded)->snapshots.empty());
    EXPECT_EQ(StoredPosition(**loaded, PlaceOf(0)), Offset(1));
    EXPECT_EQ(StoredPosition(**loaded, PlaceOf(1)), std::nullopt);
    co_return Status::OK();
  };
  Status status = env.Run(scenario(&env, store));
  EXPECT_TRUE(status.ok()) << status;
}

TEST(TableCommitTest, FindsThePositionInSummariesWhenThePropertyIsGone) {
  TableMetadata table;
  for (int64_t id = 1; id <= 3; ++id) {
    Snapshot snapshot;
    snapshot.id = id;
    if (id > 1) snapshot.parent_id = id - 1;
    if (id < 3) {
      snapshot.summary = {{"mainstem.delivery-id", "job/sink"},
                          {"mainstem.position.0", std::to_string(id * 10)}};
    }
    table.snapshots.push_back(std::move(snapshot));
  }
  table.current_snapshot_id = 3;
  EXPECT_EQ(StoredPosition(table, PlaceOf(0)), Offset(20));
  EXPECT_EQ(StoredPosition(table, PlaceOf(1)), std::nullopt);
  table.properties["mainstem.position.job/sink/0"] = "25";
  EXPECT_EQ(StoredPosition(table, PlaceOf(0)), Offset(25));
}

}  // namespace
}  // namespace mainstem::connector::iceberg

// Maintenance over a bucket in memory, with files that are only described: a day of commits on
// virtual time, every call failing once, another writer in between, and what is left of it.
#include "connector/iceberg/table_maintenance.h"

#include <gtest/gtest.h>

#include "connector/iceberg/hadoop_catalog.h"
#include "connector/s3/testing/fail_each_call.h"
#include "core/sim/sim_env.h"

namespace mainstem::connector::iceberg {
namespace {

constexpr const char* kLake = "s3://lake/";
constexpr const char* kDataFolder = "s3://lake/wh/db/t/data/";
constexpr int64_t kRowsOfFile = 10;

// Stands for Parquet: a file whose size and rows are those of its inputs.
class AddingRewriter final : public FileRewriter {
 public:
  AddingRewriter(Env* env, std::shared_ptr<LakeFiles> files)
      : env_(env), files_(std::move(files)) {}
  Task<Rewritten> Rewrite(MetadataPtr layout, std::vector<Input> inputs) override {
    DataFile output;
    output.path = fmt::format("{}merged-{:016x}.parquet", kDataFolder, env_->Random());
    output.partition = inputs[0].file.partition;
    for (const Input& input : inputs) {
      output.record_count += input.file.record_count;
      output.size_bytes += input.file.size_bytes;
    }
    CO_RETURN_IF_ERROR(co_await files_->Write(output.path, "merged"));
    Rewritten rewritten;
    rewritten.files.push_back(std::move(output));
    co_return rewritten;
  }

 private:
  Env* env_;
  std::shared_ptr<LakeFiles> files_;
};

struct FitTable {
  std::shared_ptr<LakeFiles> files;
  std::shared_ptr<TableCommitter> committer;
  std::shared_ptr<TableMaintenance> maintenance;
};

FitTable MakeFitTable(Env* env, std::shared_ptr<MemoryObjectStore> store) {
  LakeFilesOptions options;
  options.make_store = [store](const std::string&) { return store; };
  store->set_clock([env] { return env->WallTime().value(); });
  FitTable table;
  table.files = std::make_shared<LakeFiles>(env, std::move(options));
  HadoopCatalogOptions hadoop{.warehouse = "s3://lake/wh", .database = "db", .table = "t"};
  table.committer = std::make_shared<TableCommitter>(
      env, MakeHadoopCatalog(env, table.files, std::move(hadoop)), table.files);
  table.maintenance = std::make_shared<TableMaintenance>(
      env, table.committer, table.files, std::make_unique<AddingRewriter>(env, table.files),
      MaintenanceOptions{});
  return table;
}

Task<MetadataPtr> OpenFitTable(FitTable table, Properties properties) {
  CO_ASSIGN_OR_RETURN(std::optional<MetadataPtr> found, co_await table.committer->Load());
  if (found) co_return *found;
  NewTable wanted;
  Type number;
  number.kind = TypeKind::kLong;
  wanted.schema.fields.push_back({.id = 1, .name = "n", .required = true, .type = number});
  wanted.properties = std::move(properties);
  co_return co_await table.committer->Create(std::move(wanted));
}

struct CommitShape {
  int64_t count = 0;
  int64_t size_bytes = 0;
  Duration pause{};
};

// As a writer does it, from where the table says.
Task<> CommitAndMaintain(FitTable table, MetadataPtr layout, CommitShape shape) {
  DeliveryPlace place{.delivery_id = "job/sink", .partition = PartitionId(0)};
  std::optional<Offset> position = StoredPosition(*layout, place);
  while (!position || position->value() < shape.count) {
    AppendRequest request;
    request.place = place;
    request.expected = position;
    request.position = Offset(position ? position->value() + 1 : 1);
    request.layout = layout;
    DataFile file;
    file.path = fmt::format("{}{}.parquet", kDataFolder, request.position.value());
    file.record_count = kRowsOfFile;
    file.size_bytes = shape.size_bytes;
    CO_RETURN_IF_ERROR(co_await table.files->Write(file.path, "new"));
    request.files.push_back(std::move(file));
    position = request.position;
    CO_RETURN_IF_ERROR(co_await table.committer->Append(std::move(request)));
    CO_RETURN_IF_ERROR(co_await table.maintenance->RunIfDue());
    CO_RETURN_IF_ERROR(co_await Sleep(shape.pause));
  }
  co_return Status::OK();
}

Task<> OpenCommitAndMaintain(FitTable table, Properties properties, CommitShape shape) {
  CO_ASSIGN_OR_RETURN(MetadataPtr layout, co_await OpenFitTable(table, std::move(properties)));
  co_return co_await CommitAndMaintain(table, std::move(layout), shape);
}

struct Found {
  MetadataPtr metadata = nullptr;
  std::vector<DataFile> files = {};
  size_t manifest_count = 0;
  int64_t row_count = 0;
};

std::string BytesAt(const MemoryObjectStore& store, const std::string& location) {
  auto object = store.objects().find(location.substr(std::string(kLake).size()));
  EXPECT_NE(object, store.objects().end()) << location;
  return object == store.objects().end() ? std::string() : object->second;
}

std::vector<ManifestEntry> ManifestsIn(const MemoryObjectStore& store, const Snapshot& snapshot) {
  auto entries = ReadManifestList(BytesAt(store, snapshot.manifest_list));
  EXPECT_TRUE(entries.ok()) << entries.status();
  return entries.ok() ? *entries : std::vector<ManifestEntry>();
}

std::vector<DataFile> LiveFiles(const MemoryObjectStore& store, const TableMetadata& metadata,
                                const std::vector<ManifestEntry>& entries) {
  std::vector<DataFile> files;
  for (const ManifestEntry& entry : entries) {
    auto rows = ReadManifest(BytesAt(store, entry.path), entry, metadata.schema, metadata.spec);
    EXPECT_TRUE(rows.ok()) << rows.status();
    for (const ManifestRow& row : *rows) {
      if (row.is_live()) files.push_back(row.file);
    }
  }
  return files;
}

// Everything that the newest snapshot names, which must be there.
Found LookInto(const MemoryObjectStore& store, MetadataPtr metadata) {
  Found found{.metadata = std::move(metadata)};
  std::vector<ManifestEntry> entries = ManifestsIn(store, *found.metadata->current_snapshot());
  found.manifest_count = entries.size();
  found.files = LiveFiles(store, *found.metadata, entries);
  std::set<std::string> paths;
  for (const DataFile& file : found.files) {
    EXPECT_TRUE(paths.insert(file.path).second) << file.path << " is there twice";
    EXPECT_FALSE(BytesAt(store, file.path).empty());
    found.row_count += file.record_count;
  }
  EXPECT_EQ(found.metadata->current_snapshot()->summary.at("total-records"),
            std::to_string(found.row_count));
  EXPECT_EQ(found.metadata->current_snapshot()->summary.at("total-data-files"),
            std::to_string(found.files.size()));
  return found;
}

// What any snapshot names.
std::set<std::string> KeysInUse(const MemoryObjectStore& store, const TableMetadata& metadata) {
  std::set<std::string> keys;
  auto add = [&](const std::string& location) {
    keys.insert(location.substr(std::string(kLake).size()));
  };
  for (const Snapshot& snapshot : metadata.snapshots) {
    std::vector<ManifestEntry> entries = ManifestsIn(store, snapshot);
    add(snapshot.manifest_list);
    for (const ManifestEntry& entry : entries) add(entry.path);
    for (const DataFile& file : LiveFiles(store, metadata, entries)) add(file.path);
  }
  return keys;
}

Found LookInto(SimEnv* env, std::shared_ptr<MemoryObjectStore> store) {
  MetadataPtr metadata;
  auto load = [](FitTable table, MetadataPtr* into) -> Task<> {
    CO_ASSIGN_OR_RETURN(std::optional<MetadataPtr> loaded, co_await table.committer->Load());
    if (!loaded) co_return MakeError(ErrorCode::kNotFound, "there is no table");
    *into = *loaded;
    co_return Status::OK();
  };
  EXPECT_TRUE(env->Run(load(MakeFitTable(env, store), &metadata)).ok());
  return LookInto(*store, metadata);
}

size_t CountSmall(const std::vector<DataFile>& files) {
  return static_cast<size_t>(std::count_if(files.begin(), files.end(), [](const DataFile& file) {
    return file.size_bytes < (int64_t{64} << 20);
  }));
}

// A commit every ten seconds, 100 KB each, as the defaults of the sink have it: what a reader has
// to open does not grow with the hours, but for the finished files themselves.
TEST(TableMaintenanceSimTest, ADayOfCommitsLeavesLargeFilesAndFewManifests) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  auto store = std::make_shared<MemoryObjectStore>();
  FitTable table = MakeFitTable(&env, store);
  Properties properties = {{"history.expire.max-snapshot-age-ms", "600000"},
                           {"write.metadata.delete-after-commit.enabled", "true"}};
  const char* tier = std::getenv("MAINSTEM_TIER");
  const int64_t hours = tier != nullptr && std::string_view(tier) == "full" ? 24 : 2;
  constexpr int64_t kCommitsOfHour = 360, kFileBytes = 300 << 10;
  size_t most_small = 0, most_manifests = 0, most_objects = 0;
  for (int64_t hour = 1; hour <= hours; ++hour) {
    CommitShape shape{.count = hour * kCommitsOfHour,
                      .size_bytes = kFileBytes,
                      .pause = std::chrono::seconds(10)};
    Status status = env.Run(OpenCommitAndMaintain(table, properties, shape));
    ASSERT_TRUE(status.ok()) << status;
    Found found = LookInto(&env, store);
    ASSERT_EQ(found.row_count, hour * kCommitsOfHour * kRowsOfFile);
    most_small = std::max(most_small, CountSmall(found.files));
    most_manifests = std::max(most_manifests, found.manifest_count);
    most_objects = std::max(most_objects, store->objects().size() - found.files.size());
    EXPECT_LE(found.metadata->snapshots.size(), 100u);
    int64_t large_bytes = 0, all_bytes = 0;
    for (const DataFile& file : found.files) {
      all_bytes += file.size_bytes;
      if (file.size_bytes >= (int64_t{64} << 20)) large_bytes += file.size_bytes;
    }
    // All but what has come since the last large file.
    EXPECT_LE(all_bytes - large_bytes, int64_t{128} << 20);
  }
  EXPECT_LE(most_small, 24u);
  EXPECT_LE(most_manifests, 108u);  // merged when there are 100
  // Those of the last ten minutes, and metadata of the last twenty.
  EXPECT_LE(most_objects, 700u);
}

Properties FastExpiry() {
  return {{"history.expire.max-snapshot-age-ms", "1"},
          {"write.metadata.delete-after-commit.enabled", "true"}};
}

Task<> MaintainTillDone(FitTable table, CommitShape shape) {
  for (int tries = 0;; ++tries) {
    Status status = co_await OpenCommitAndMaintain(table, FastExpiry(), shape);
    if (status.ok() || tries == 5 || !IsRetriable(status)) co_return status;
    CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::milliseconds(20)));
  }
}

constexpr CommitShape kShort{
    .count = 13, .size_bytes = 1000, .pause = std::chrono::milliseconds(2)};

void FailEveryCallOfMaintenance(ObjectFault fault) {
  FailEachCall(fault, {.deliver =
                           [](SimEnv* env, SharedStore store) {
                             return env->Run(MaintainTillDone(MakeFitTable(env, store), kShort));
                           },
                       .check =
                           [](SimEnv* env, SharedStore store, const std::string& what) {
                             Found found = LookInto(env, store);
                             EXPECT_EQ(found.row_count, kShort.count * kRowsOfFile) << what;
                             EXPECT_LT(found.files.size(), 12u) << what;
                           },
                       .calls_min = 100});
}

TEST(TableMaintenanceSimTest, RowsAreThereOnceWhateverCallDoesNothing) {
  FailEveryCallOfMaintenance(ObjectFault::kNothingDone);
}
TEST(TableMaintenanceSimTest, RowsAreThereOnceWhateverAnswerIsLost) {
  FailEveryCallOfMaintenance(ObjectFault::kAnswerLost);
}
TEST(TableMaintenanceSimTest, RowsAreThereOnceWhateverCallLingers) {
  FailEveryCallOfMaintenance(ObjectFault::kDoneLater);
}

// The node dies after each number of steps; another one goes on, and later cleans up.
TEST(TableMaintenanceSimTest, RowsAreThereOnceAndOrphansGoWhereverTheNodeDies) {
  int64_t death_count = 0;
  for (int64_t steps = 1;; steps += 7) {
    SimDisk disk(1);
    auto store = std::make_shared<MemoryObjectStore>();
    auto* dying = new SimEnv(&disk, {});
    Status outcome;
    FitTable table = MakeFitTable(dying, store);
    if (dying->RunSteps(MaintainTillDone(table, kShort), steps, &outcome)) {
      EXPECT_TRUE(outcome.ok()) << outcome;
      table = {};
      delete dying;
      break;
    }
    dying->Abandon();  // what it left suspended lies there for ever
    ++death_count;
    SimEnv next(&disk, {.seed = 2});
    FitTable second = MakeFitTable(&next, store);
    ASSERT_TRUE(next.Run(MaintainTillDone(second, kShort)).ok()) << steps;
    // Two commits more, each four days later: the first says when orphans were last looked for.
    CommitShape later = kShort;
    for (int more = 0; more < 2; ++more) {
      ++later.count;
      next.JumpWallTime(std::chrono::hours(96));
      ASSERT_TRUE(next.Run(MaintainTillDone(second, later)).ok()) << steps;
    }
    Found found = LookInto(&next, store);
    ASSERT_EQ(found.row_count, later.count * kRowsOfFile) << steps;
    std::set<std::string> in_use = KeysInUse(*store, *found.metadata);
    for (const auto& [key, bytes] : store->objects()) {
      bool is_old = store->modified_ms(key) < next.WallTime().value() - 80 * 3600 * 1000;
      if (is_old && !key.ends_with(".metadata.json")) {
        EXPECT_EQ(in_use.count(key), 1u) << key << " is an orphan, " << steps << " steps";
      }
    }
  }
  EXPECT_GT(death_count, 30);
}

// Two nodes append to one table and both look after it.
TEST(TableMaintenanceSimTest, TwoNodesMayLookAfterOneTable) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SimDisk disk(1);
    SimEnv env(&disk, {.seed = seed});
    auto store = std::make_shared<MemoryObjectStore>();
    FitTable appending = MakeFitTable(&env, store), other = MakeFitTable(&env, store);
    auto scenario = [](Env* env, FitTable appending, FitTable other) -> Task<> {
      TaskScope scope(env->shard(0), "nodes",
                      [](const std::string&, const Status& status) { ADD_FAILURE() << status; });
      CO_RETURN_IF_ERROR(co_await OpenFitTable(other, FastExpiry()));
      scope.Spawn("appending", MaintainTillDone(appending, kShort));
      for (int i = 0; i < 40; ++i) {
        CO_RETURN_IF_ERROR(co_await other.committer->Load());
        CO_RETURN_IF_ERROR(co_await other.maintenance->RunIfDue());
      }
      co_return co_await scope.Join();
    };
    Status status = env.Run(scenario(&env, appending, other));
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(LookInto(&env, store).row_count, kShort.count * kRowsOfFile) << seed;
  }
}

// Deletes of another engine are about rows by their file and place, or by their file's age.
TEST(TableMaintenanceSimTest, FilesStayAsTheyAreWhileDeletesAreAboutThem) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  auto store = std::make_shared<MemoryObjectStore>();
  FitTable table = MakeFitTable(&env, store);
  auto scenario = [](Env* env, FitTable table) -> Task<> {
    CO_ASSIGN_OR_RETURN(MetadataPtr layout, co_await OpenFitTable(table, Properties()));
    DataFile deletes;
    deletes.content = 1;
    deletes.path = std::string(kDataFolder) + "deletes.parquet";
    deletes.record_count = 1;
    AppendRequest request;
    request.place = {.delivery_id = "other", .partition = PartitionId(0)};
    request.position = Offset(1);
    request.layout = layout;
    request.files.push_back(std::move(deletes));
    CO_RETURN_IF_ERROR(co_await table.committer->Append(std::move(request)));
    co_return co_await CommitAndMaintain(table, std::move(layout), kShort);
  };
  Status status = env.Run(scenario(&env, table));
  ASSERT_TRUE(status.ok()) << status;
  auto view = [](FitTable table, size_t* manifest_count) -> Task<> {
    CO_ASSIGN_OR_RETURN(TableView view, co_await table.committer->View());
    *manifest_count = view.manifests.size();
    co_return Status::OK();
  };
  size_t manifest_count = 0;
  ASSERT_TRUE(env.Run(view(table, &manifest_count)).ok());
  EXPECT_EQ(manifest_count, static_cast<size_t>(kShort.count) + 1);
}

struct SideSnapshot {
  int64_t id = 0;
  std::vector<ManifestEntry> below;  // what it goes on top of
  Properties summary;
};

// As another engine makes it: adds the one file "picked".
Task<Snapshot> WriteSideSnapshot(FitTable table, MetadataPtr base, SideSnapshot side) {
  DataFile file;
  file.path = std::string(kDataFolder) + "picked.parquet";
  file.record_count = kRowsOfFile;
  file.size_bytes = 1000;
  std::vector<DataFile> files = {file};
  std::vector<ManifestRow> rows = AddedRows(side.id, files);
  CO_ASSIGN_OR_RETURN(std::string bytes, WriteManifest(base->schema, base->spec, rows, 2));
  CO_ASSIGN_OR_RETURN(ManifestEntry entry,
                      SummarizeManifest(base->schema, base->spec, side.id, rows));
  Snapshot snapshot;
  snapshot.id = side.id;
  snapshot.parent_id = base->current_snapshot_id;
  snapshot.sequence_number = base->last_sequence_number + 1;
  snapshot.timestamp_ms = base->current_snapshot()->timestamp_ms + 1;
  snapshot.summary = std::move(side.summary);
  snapshot.manifest_list = fmt::format("{}/snap-{}.avro", base->metadata_folder(), side.id);
  entry.path = fmt::format("{}/{}-m0.avro", base->metadata_folder(), side.id);
  entry.length = static_cast<int64_t>(bytes.size());
  entry.sequence_number = entry.min_sequence_number = snapshot.sequence_number;
  CO_RETURN_IF_ERROR(co_await table.files->Write(entry.path, std::move(bytes)));
  side.below.push_back(std::move(entry));
  CO_ASSIGN_OR_RETURN(bytes, WriteManifestList(snapshot, side.below, 2));
  CO_RETURN_IF_ERROR(co_await table.files->Write(snapshot.manifest_list, std::move(bytes)));
  co_return snapshot;
}

// With the one file of snapshot 77 more than the parent.
Properties PickedSummary(const Snapshot& parent) {
  Properties summary = parent.summary;
  auto add = [&](const std::string& name, int64_t count) {
    summary[name] = std::to_string(std::stoll(summary.at(name)) + count);
  };
  add("total-records", kRowsOfFile);
  add("total-data-files", 1);
  summary["source-snapshot-id"] = "77";
  return summary;
}

// A snapshot that was staged beside the table, and one of the table with its file.
Task<> StageAndPick(FitTable table, std::shared_ptr<Catalog> catalog) {
  CO_RETURN_IF_ERROR(co_await table.files->Write(std::string(kDataFolder) + "picked.parquet", "x"));
  CO_RETURN_IF_ERROR(co_await catalog->Load());  // it changes only what it has seen
  CO_ASSIGN_OR_RETURN(TableView view, co_await table.committer->View());
  SideSnapshot staged{.id = 77, .below = view.manifests, .summary = {{"operation", "append"}}};
  CO_ASSIGN_OR_RETURN(Snapshot side,
                      co_await WriteSideSnapshot(table, view.metadata, std::move(staged)));
  TableMetadata both = *view.metadata;
  both.snapshots.push_back(std::move(side));
  both.last_sequence_number += 1;
  auto base = std::make_shared<const TableMetadata>(std::move(both));
  SideSnapshot picked{.id = 78, .below = view.manifests, .summary = {}};
  picked.summary = PickedSummary(*view.metadata->current_snapshot());
  TableChange change;
  CO_ASSIGN_OR_RETURN(change.snapshot, co_await WriteSideSnapshot(table, base, std::move(picked)));
  CO_RETURN_IF_ERROR(co_await catalog->Commit(std::move(base), std::move(change)));
  co_return Status::OK();
}

// The staged snapshot expires long before the one that has its file.
TEST(TableMaintenanceSimTest, TheFilesOfASnapshotThatWasCherryPickedStay) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  auto store = std::make_shared<MemoryObjectStore>();
  FitTable table = MakeFitTable(&env, store);
  Properties properties = FastExpiry();
  properties["history.expire.min-snapshots-to-keep"] = "10";
  auto commits = [](int64_t count) {
    return CommitShape{.count = count, .size_bytes = 1000, .pause = std::chrono::milliseconds(2)};
  };
  Status status = env.Run(OpenCommitAndMaintain(table, properties, commits(12)));
  ASSERT_TRUE(status.ok()) << status;
  HadoopCatalogOptions hadoop{.warehouse = "s3://lake/wh", .database = "db", .table = "t"};
  std::shared_ptr<Catalog> catalog = MakeHadoopCatalog(&env, table.files, std::move(hadoop));
  status = env.Run(StageAndPick(table, catalog));
  ASSERT_TRUE(status.ok()) << status;
  bool has_outlived = false;
  MetadataPtr metadata;
  for (int64_t count = 13; count <= 45; ++count) {
    table = MakeFitTable(&env, store);
    status = env.Run(OpenCommitAndMaintain(table, properties, commits(count)));
    ASSERT_TRUE(status.ok()) << count << ": " << status;
    metadata = LookInto(&env, store).metadata;
    if (metadata->FindSnapshot(78) == nullptr) break;
    has_outlived |= metadata->FindSnapshot(77) == nullptr;
    EXPECT_EQ(store->objects().count("wh/db/t/data/picked.parquet"), 1u) << count;
  }
  EXPECT_TRUE(has_outlived);
  EXPECT_EQ(metadata->FindSnapshot(78), nullptr);
}

// Fails as long as it is told to.
class RefusingRewriter final : public FileRewriter {
 public:
  explicit RefusingRewriter(const bool* refuses) : refuses_(refuses) {}
  Task<Rewritten> Rewrite(MetadataPtr layout, std::vector<Input> inputs) override {
    if (*refuses_) co_return MakeError(ErrorCode::kPermissionDenied, "no right to write");
    co_return MakeError(ErrorCode::kUnsupported, "they stay as they are");
  }

 private:
  const bool* refuses_;
};

TEST(TableMaintenanceSimTest, WhatDoesNotPassIsToldByThePropertyAndStopsNothing) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  auto store = std::make_shared<MemoryObjectStore>();
  FitTable table = MakeFitTable(&env, store);
  bool refuses = true;
  table.maintenance = std::make_shared<TableMaintenance>(
      &env, table.committer, table.files, std::make_unique<RefusingRewriter>(&refuses),
      MaintenanceOptions{});
  constexpr const char* kProblem = "mainstem.maintenance.problem";
  Status status = env.Run(MaintainTillDone(table, kShort));
  ASSERT_TRUE(status.ok()) << status;
  Found found = LookInto(&env, store);
  EXPECT_NE(found.metadata->Property(kProblem, "").find("no right to write"), std::string::npos);
  EXPECT_EQ(found.row_count, kShort.count * kRowsOfFile);
  refuses = false;
  CommitShape more = kShort;
  ++more.count;
  ASSERT_TRUE(env.Run(MaintainTillDone(table, more)).ok());
  EXPECT_EQ(LookInto(&env, store).metadata->Property(kProblem, "none"), "");
}

}  // namespace
}  // namespace mainstem::connector::iceberg

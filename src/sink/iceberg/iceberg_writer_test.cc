// The whole writer over a bucket in memory: counts, partitions and bounds of what it writes, and
// every row there once whatever call fails.
#include "sink/iceberg/iceberg_writer.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/io/memory.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>

#include "connector/iceberg/column_types.h"
#include "connector/iceberg/hadoop_catalog.h"
#include "connector/s3/testing/fail_each_call.h"
#include "core/sim/sim_env.h"
#include "sink/iceberg/file_rewriter.h"

namespace mainstem::sink {
namespace {

namespace iceberg = connector::iceberg;
using connector::MemoryObjectStore;
using connector::ObjectFault;

constexpr int64_t kBatchCount = 12;
constexpr int64_t kRowsOfBatch = 5;

std::shared_ptr<arrow::Schema> LakeColumns() {
  auto row = arrow::struct_({arrow::field("at", arrow::timestamp(arrow::TimeUnit::MILLI)),
                             arrow::field("tags", arrow::list(arrow::int8()))});
  return arrow::schema(
      {arrow::field("n", arrow::int64(), false), arrow::field("part", arrow::utf8()),
       arrow::field("ratio", arrow::float64()), arrow::field("row", row),
       arrow::field("m", arrow::map(arrow::utf8(), arrow::time32(arrow::TimeUnit::MILLI)))});
}

ChangelogBatch LakeBatch(int64_t number) {
  auto columns = LakeColumns();
  std::unique_ptr<arrow::RecordBatchBuilder> builder =
      arrow::RecordBatchBuilder::Make(columns, arrow::default_memory_pool()).ValueOrDie();
  auto* row = builder->GetFieldAs<arrow::StructBuilder>(3);
  auto* tags = static_cast<arrow::ListBuilder*>(row->field_builder(1));
  auto* map = builder->GetFieldAs<arrow::MapBuilder>(4);
  for (int64_t i = 0; i < kRowsOfBatch; ++i) {
    int64_t n = number * kRowsOfBatch + i;
    CHECK_OK(builder->GetFieldAs<arrow::Int64Builder>(0)->Append(n));
    CHECK_OK(builder->GetFieldAs<arrow::StringBuilder>(1)->Append(n % 2 == 0 ? "even" : "odd"));
    double ratio = n % 5 == 0 ? std::nan("") : static_cast<double>(n) / 2;
    CHECK_OK(builder->GetFieldAs<arrow::DoubleBuilder>(2)->Append(ratio));
    CHECK_OK(row->Append());
    CHECK_OK(static_cast<arrow::TimestampBuilder*>(row->field_builder(0))->Append(n));
    CHECK_OK(tags->Append());
    CHECK_OK(static_cast<arrow::Int8Builder*>(tags->value_builder())->Append(3));
    CHECK_OK(map->Append());
    CHECK_OK(static_cast<arrow::StringBuilder*>(map->key_builder())->Append("k"));
    CHECK_OK(static_cast<arrow::Time32Builder*>(map->item_builder())->Append(7));
  }
  ChangelogBatch batch;
  batch.rows = builder->Flush().ValueOrDie();
  return batch;
}

struct Lake {
  Env* env;
  std::shared_ptr<MemoryObjectStore> store;
  std::shared_ptr<iceberg::LakeFiles> files;
  std::shared_ptr<iceberg::TableCommitter> committer;
  std::shared_ptr<IcebergSinkOptions> options;
  std::shared_ptr<iceberg::TableMaintenance> maintenance;
};

Lake MakeLake(Env* env, std::shared_ptr<MemoryObjectStore> store, bool partitioned) {
  iceberg::LakeFilesOptions options;
  options.make_store = [store](const std::string&) { return store; };
  auto files = std::make_shared<iceberg::LakeFiles>(env, std::move(options));
  iceberg::HadoopCatalogOptions hadoop{.warehouse = "s3://lake/wh", .database = "db", .table = "t"};
  auto committer = std::make_shared<iceberg::TableCommitter>(
      env, iceberg::MakeHadoopCatalog(env, files, std::move(hadoop)), files);
  auto sink = std::make_shared<IcebergSinkOptions>();
  sink->table = "t";
  sink->columns = LakeColumns();
  sink->new_table.schema = iceberg::SchemaOfColumns(*sink->columns, {}).ValueOrDie();
  if (partitioned) {
    auto terms = iceberg::ParsePartitionTerms("part, truncate(20, n)").ValueOrDie();
    sink->new_table.spec = iceberg::MakePartitionSpec(terms, sink->new_table.schema).ValueOrDie();
    sink->has_partitions = true;
  }
  sink->commit_interval = Duration::zero();
  auto maintenance = std::make_shared<iceberg::TableMaintenance>(
      env, committer, files, MakeParquetRewriter(env, files, RewriterOptions()),
      iceberg::MaintenanceOptions{});
  return {.env = env,
          .store = std::move(store),
          .files = std::move(files),
          .committer = std::move(committer),
          .options = std::move(sink),
          .maintenance = std::move(maintenance)};
}

Task<> DeliverLakeOnce(Lake lake) {
  iceberg::DeliveryPlace place{.delivery_id = "job/sink", .partition = PartitionId(0)};
  auto writer = MakeIcebergWriter(lake.env, lake.options, lake.committer, lake.files,
                                  lake.maintenance, place);
  CO_ASSIGN_OR_RETURN(std::optional<Offset> stored, co_await writer->Open());
  connector::DeliveryWriter::FlushOptions flush;
  for (int64_t i = stored ? stored->value() : 0; i < kBatchCount; ++i) {
    ChangelogBatch batch = LakeBatch(i);
    CO_RETURN_IF_ERROR(co_await writer->Deliver(std::move(batch), Offset(i + 1)));
    if (i % 4 == 3) CO_RETURN_IF_ERROR(co_await writer->Flush(flush));
  }
  flush.final = true;
  CO_ASSIGN_OR_RETURN(Offset end, co_await writer->Flush(flush));
  EXPECT_EQ(end, Offset(kBatchCount));
  co_return Status::OK();
}

Task<> DeliverLake(Lake lake) {
  for (int tries = 0;; ++tries) {
    Status status = co_await DeliverLakeOnce(lake);
    if (status.ok() || tries == 5 || !IsRetriable(status)) co_return status;
  }
}

Task<> FindCurrent(Lake lake, iceberg::MetadataPtr* current) {
  CO_ASSIGN_OR_RETURN(std::optional<iceberg::MetadataPtr> loaded, co_await lake.committer->Load());
  EXPECT_TRUE(loaded.has_value());
  *current = *loaded;
  co_return Status::OK();
}

void FailEveryLakeCall(ObjectFault fault) {
  connector::FailEachCall(
      fault, {.deliver =
                  [](SimEnv* env, connector::SharedStore store) {
                    return env->Run(DeliverLake(MakeLake(env, store, true)));
                  },
              .check =
                  [](SimEnv* env, connector::SharedStore store, const std::string& what) {
                    iceberg::MetadataPtr table;
                    ASSERT_TRUE(env->Run(FindCurrent(MakeLake(env, store, true), &table)).ok());
                    EXPECT_EQ(table->current_snapshot()->summary.at("total-records"),
                              std::to_string(kBatchCount * kRowsOfBatch))
                        << what;
                  },
              .calls_min = 20});
}

TEST(IcebergWriterSimTest, EveryRowIsThereOnceWhateverCallDoesNothing) {
  FailEveryLakeCall(ObjectFault::kNothingDone);
}
TEST(IcebergWriterSimTest, EveryRowIsThereOnceWhateverAnswerIsLost) {
  FailEveryLakeCall(ObjectFault::kAnswerLost);
}
TEST(IcebergWriterSimTest, EveryRowIsThereOnceWhateverCallLingers) {
  FailEveryLakeCall(ObjectFault::kDoneLater);
}

TEST(IcebergWriterSimTest, FilesHoldAllTypesWithTheIdsOfTheTable) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  auto store = std::make_shared<MemoryObjectStore>();
  Lake lake = MakeLake(&env, store, false);
  ASSERT_TRUE(env.Run(DeliverLake(lake)).ok());
  int64_t row_count = 0;
  for (const auto& [key, bytes] : store->objects()) {
    if (!key.ends_with(".parquet")) continue;
    auto input = std::make_shared<arrow::io::BufferReader>(std::make_shared<arrow::Buffer>(bytes));
    auto reader = parquet::arrow::OpenFile(input, arrow::default_memory_pool()).ValueOrDie();
    std::shared_ptr<arrow::Table> rows = reader->ReadTable().ValueOrDie();
    row_count += rows->num_rows();
    EXPECT_EQ(rows->schema()->field(0)->metadata()->Get("PARQUET:field_id").ValueOrDie(), "1");
    auto row = rows->schema()->field(3)->type();
    EXPECT_EQ(row->field(0)->metadata()->Get("PARQUET:field_id").ValueOrDie(), "6");
    EXPECT_TRUE(row->field(0)->type()->Equals(arrow::timestamp(arrow::TimeUnit::MICRO)));
    EXPECT_EQ(row->field(1)->type()->field(0)->metadata()->Get("PARQUET:field_id").ValueOrDie(),
              "8");
  }
  EXPECT_EQ(row_count, kBatchCount * kRowsOfBatch);
}

// ---- upserts

constexpr int64_t kKeyCount = 7;

// Rows of a small table by key: batch `number` puts some keys, twice some of them, and deletes one.
ChangelogBatch UpsertBatch(int64_t number, std::map<int64_t, int64_t>* model) {
  arrow::Int64Builder keys, values;
  ChangelogBatch batch;
  auto add = [&](int64_t key, int64_t value, RowKind kind) {
    CHECK_OK(keys.Append(key));
    CHECK_OK(values.Append(value));
    batch.kinds.push_back(kind);
    if (model == nullptr) return;
    if (kind == RowKind::kDelete) {
      model->erase(key);
    } else {
      (*model)[key] = value;
    }
  };
  for (int64_t i = 0; i < kRowsOfBatch; ++i) {
    add((number * 3 + i * i) % kKeyCount, number * 100 + i, RowKind::kUpdateAfter);
  }
  add(number % kKeyCount, 0, RowKind::kDelete);
  auto columns =
      arrow::schema({arrow::field("k", arrow::int64(), false), arrow::field("v", arrow::int64())});
  int64_t count = keys.length();  // before they are taken
  batch.rows = arrow::RecordBatch::Make(columns, count,
                                        {keys.Finish().ValueOrDie(), values.Finish().ValueOrDie()});
  return batch;
}

Lake MakeUpsertLake(Env* env, std::shared_ptr<MemoryObjectStore> store, bool partitioned) {
  Lake lake = MakeLake(env, std::move(store), false);
  IcebergSinkOptions& options = *lake.options;
  options.columns = UpsertBatch(0, nullptr).rows->schema();
  options.new_table.schema = iceberg::SchemaOfColumns(*options.columns, {"k"}).ValueOrDie();
  options.new_table.format_version = 3;
  // Old snapshots, and what only they have, go at once.
  options.new_table.properties["history.expire.max-snapshot-age-ms"] = "1";
  if (partitioned) {
    auto terms = iceberg::ParsePartitionTerms("truncate(300, v)").ValueOrDie();
    options.new_table.spec =
        iceberg::MakePartitionSpec(terms, options.new_table.schema).ValueOrDie();
  }
  options.upserts = true;
  options.key = {"k"};
  lake.maintenance = std::make_shared<iceberg::TableMaintenance>(
      env, lake.committer, lake.files,
      MakeParquetRewriter(env, lake.files, {.compression = {}, .key_columns = {"k"}}),
      iceberg::MaintenanceOptions{});
  return lake;
}

constexpr int64_t kUpsertBatchCount = 30;

Task<> UpsertOnce(Lake lake) {
  iceberg::DeliveryPlace place{.delivery_id = "job/sink", .partition = PartitionId(0)};
  auto writer = MakeIcebergWriter(lake.env, lake.options, lake.committer, lake.files,
                                  lake.maintenance, place);
  CO_ASSIGN_OR_RETURN(std::optional<Offset> stored, co_await writer->Open());
  connector::DeliveryWriter::FlushOptions flush;
  for (int64_t i = stored ? stored->value() : 0; i < kUpsertBatchCount; ++i) {
    ChangelogBatch batch = UpsertBatch(i, nullptr);
    CO_RETURN_IF_ERROR(co_await writer->Deliver(std::move(batch), Offset(i + 1)));
    if (i % 2 == 1) CO_RETURN_IF_ERROR(co_await writer->Flush(flush));
  }
  flush.final = true;
  co_return (co_await writer->Flush(flush)).status();
}

Task<> UpsertAll(Lake lake) {
  for (int tries = 0;; ++tries) {
    Status status = co_await UpsertOnce(lake);
    if (status.ok() || tries == 5 || !IsRetriable(status)) co_return status;
  }
}

// The newest metadata, what its manifests name, and the deletions, read anew.
Task<> ViewLake(Lake lake, iceberg::TableView* view, std::vector<iceberg::DataFile>* files) {
  CO_RETURN_IF_ERROR(co_await lake.committer->Load());
  CO_RETURN_IF_ERROR(co_await lake.committer->OpenKeys(
      MakeParquetKeyReader(lake.env, lake.files, lake.options->key)));
  CO_ASSIGN_OR_RETURN(*view, co_await lake.committer->View());
  for (const iceberg::ManifestEntry& entry : view->manifests) {
    CO_ASSIGN_OR_RETURN(std::string bytes, co_await lake.files->Read(entry.path));
    CO_ASSIGN_OR_RETURN(auto rows, iceberg::ReadManifest(bytes, entry, view->metadata->schema,
                                                         view->metadata->spec));
    for (iceberg::ManifestRow& row : rows) {
      if (row.is_live() && row.file.content == 0) files->push_back(std::move(row.file));
    }
  }
  co_return Status::OK();
}

// The summary's totals are what the manifests name, and no file without a row is there.
void ExpectCounted(iceberg::TableView* view, const std::vector<iceberg::DataFile>& files,
                   const std::string& what) {
  int64_t row_count = 0, deleted_count = 0, vector_count = 0;
  for (const iceberg::DataFile& file : files) {
    auto deleted = static_cast<int64_t>(view->vectors[file.path].cardinality());
    EXPECT_LT(deleted, file.record_count) << what;
    row_count += file.record_count;
    deleted_count += deleted;
    vector_count += deleted > 0 ? 1 : 0;
  }
  const iceberg::Properties& summary = view->metadata->current_snapshot()->summary;
  EXPECT_EQ(summary.at("total-data-files"), std::to_string(files.size())) << what;
  EXPECT_EQ(summary.at("total-records"), std::to_string(row_count)) << what;
  EXPECT_EQ(summary.at("total-position-deletes"), std::to_string(deleted_count)) << what;
  EXPECT_EQ(summary.at("total-delete-files"), std::to_string(vector_count)) << what;
}

void ExpectUpserted(SimEnv* env, std::shared_ptr<MemoryObjectStore> store, bool partitioned,
                    const std::string& what) {
  Lake lake = MakeUpsertLake(env, store, partitioned);
  iceberg::TableView view;
  std::vector<iceberg::DataFile> files;
  Status status = env->Run(ViewLake(lake, &view, &files));
  ASSERT_TRUE(status.ok()) << status << ", " << what;
  std::map<int64_t, int64_t> model, found;
  for (int64_t i = 0; i < kUpsertBatchCount; ++i) UpsertBatch(i, &model);
  size_t live_count = 0;
  for (const iceberg::DataFile& file : files) {
    const std::string& bytes =
        store->objects().at(file.path.substr(std::string("s3://lake/").size()));
    auto input = std::make_shared<arrow::io::BufferReader>(std::make_shared<arrow::Buffer>(bytes));
    auto reader = parquet::arrow::OpenFile(input, arrow::default_memory_pool()).ValueOrDie();
    auto rows = reader->ReadTable().ValueOrDie()->CombineChunksToBatch().ValueOrDie();
    const auto& keys = static_cast<const arrow::Int64Array&>(*rows->column(0));
    const auto& values = static_cast<const arrow::Int64Array&>(*rows->column(1));
    for (int64_t row = 0; row < rows->num_rows(); ++row) {
      if (view.vectors[file.path].contains(static_cast<uint64_t>(row))) continue;
      found[keys.Value(row)] = values.Value(row);
      ++live_count;
    }
  }
  EXPECT_EQ(found, model) << what;
  EXPECT_EQ(live_count, model.size()) << what;
  ExpectCounted(&view, files, what);
}

class IcebergUpsertFaultSimTest : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Tables, IcebergUpsertFaultSimTest, ::testing::Values(false, true));

void FailEveryUpsertCall(bool partitioned, ObjectFault fault) {
  connector::FailEachCall(
      fault,
      {.deliver =
           [=](SimEnv* env, connector::SharedStore store) {
             return env->Run(UpsertAll(MakeUpsertLake(env, store, partitioned)));
           },
       .check = [=](SimEnv* env, connector::SharedStore store,
                    const std::string& what) { ExpectUpserted(env, store, partitioned, what); },
       .calls_min = 100});
}

TEST_P(IcebergUpsertFaultSimTest, EachKeyHasItsNewestRowWhateverCallDoesNothing) {
  FailEveryUpsertCall(GetParam(), ObjectFault::kNothingDone);
}
TEST_P(IcebergUpsertFaultSimTest, EachKeyHasItsNewestRowWhateverAnswerIsLost) {
  FailEveryUpsertCall(GetParam(), ObjectFault::kAnswerLost);
}
TEST_P(IcebergUpsertFaultSimTest, EachKeyHasItsNewestRowWhateverCallLingers) {
  FailEveryUpsertCall(GetParam(), ObjectFault::kDoneLater);
}

TEST(IcebergUpsertSimTest, RowsAreMergedWithoutThoseThatAreDeleted) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  auto store = std::make_shared<MemoryObjectStore>();
  ASSERT_TRUE(env.Run(UpsertAll(MakeUpsertLake(&env, store, false))).ok());
  iceberg::TableView view;
  std::vector<iceberg::DataFile> files;
  ASSERT_TRUE(env.Run(ViewLake(MakeUpsertLake(&env, store, false), &view, &files)).ok());
  int64_t row_count = 0;
  for (const iceberg::DataFile& file : files) row_count += file.record_count;
  EXPECT_GE(row_count, 5);
  EXPECT_LT(row_count, kUpsertBatchCount * kRowsOfBatch / 3);
  EXPECT_LT(files.size(), 10u);
}

ChangelogBatch KeysOf(const std::vector<int64_t>& keys, RowKind kind) {
  arrow::Int64Builder column, values;
  ChangelogBatch batch;
  for (int64_t key : keys) {
    CHECK_OK(column.Append(key));
    CHECK_OK(values.Append(1));
    batch.kinds.push_back(kind);
  }
  auto schema = UpsertBatch(0, nullptr).rows->schema();
  batch.rows =
      arrow::RecordBatch::Make(schema, static_cast<int64_t>(keys.size()),
                               {column.Finish().ValueOrDie(), values.Finish().ValueOrDie()});
  return batch;
}

// Each batch is a file of its own, each list of them a commit. Asks after each commit.
Task<> CommitEach(Lake lake, std::vector<std::vector<ChangelogBatch>> commits,
                  std::vector<iceberg::Properties>* summaries) {
  iceberg::DeliveryPlace place{.delivery_id = "job/sink", .partition = PartitionId(0)};
  auto writer =
      MakeIcebergWriter(lake.env, lake.options, lake.committer, lake.files, nullptr, place);
  CO_RETURN_IF_ERROR(co_await writer->Open());
  connector::DeliveryWriter::FlushOptions flush;
  flush.final = true;
  int64_t end = 0;
  for (std::vector<ChangelogBatch>& commit : commits) {
    for (ChangelogBatch& batch : commit) {
      CO_RETURN_IF_ERROR(co_await writer->Deliver(std::move(batch), Offset(++end)));
    }
    CO_RETURN_IF_ERROR(co_await writer->Flush(flush));
    iceberg::TableView view;
    std::vector<iceberg::DataFile> files;
    CO_RETURN_IF_ERROR(co_await ViewLake(lake, &view, &files));
    ExpectCounted(&view, files, "commit " + std::to_string(summaries->size()));
    summaries->push_back(view.metadata->current_snapshot()->summary);
  }
  co_return Status::OK();
}

TEST(IcebergUpsertSimTest, AFileOfWhichNoRowIsLeftLeavesTheTable) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  Lake lake = MakeUpsertLake(&env, std::make_shared<MemoryObjectStore>(), false);
  lake.options->file_bytes = 1;
  const auto put = [](std::vector<int64_t> keys) { return KeysOf(keys, RowKind::kUpdateAfter); };
  const auto remove = [](std::vector<int64_t> keys) { return KeysOf(keys, RowKind::kDelete); };
  std::vector<std::vector<ChangelogBatch>> commits;
  commits.push_back({put({1, 2}), put({1, 2}), put({3, 4}), put({5, 6})});  // the first is replaced
  commits.push_back({put({1, 2})});            // a file beside others in its manifest
  commits.push_back({put({3})});               // half of a file
  commits.push_back({put({4}), put({5})});     // its other half, and half of another
  commits.push_back({remove({1, 2, 6})});      // two files, and nothing comes
  commits.push_back({put({7}), remove({7})});  // nothing is left of all that comes
  commits.push_back({remove({3, 4, 5})});
  std::vector<iceberg::Properties> summaries;
  Status status = env.Run(CommitEach(lake, std::move(commits), &summaries));
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(summaries.size(), 7u);
  struct Counts {
    std::string operation, added, deleted, total, vectors;
  };
  const std::vector<Counts> expected = {
      {"append", "3", "", "3", "0"},     {"overwrite", "1", "1", "3", "0"},
      {"overwrite", "1", "", "4", "1"},  {"overwrite", "2", "1", "5", "1"},
      {"overwrite", "0", "2", "3", "0"}, {"overwrite", "0", "2", "3", "0"},
      {"overwrite", "0", "3", "0", "0"}};
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(summaries[i]["operation"], expected[i].operation) << i;
    EXPECT_EQ(summaries[i]["added-data-files"], expected[i].added) << i;
    EXPECT_EQ(summaries[i]["deleted-data-files"], expected[i].deleted) << i;
    EXPECT_EQ(summaries[i]["total-data-files"], expected[i].total) << i;
    EXPECT_EQ(summaries[i]["total-delete-files"], expected[i].vectors) << i;
  }
}

// The same INT keys twice, by a writer each; in between their column is made BIGINT.
Task<> WidenKeyBetween(Lake lake, iceberg::TableView* view, std::vector<iceberg::DataFile>* files) {
  iceberg::DeliveryPlace place{.delivery_id = "job/sink", .partition = PartitionId(0)};
  connector::DeliveryWriter::FlushOptions flush{.final = true};
  for (int64_t end = 1; end <= 2; ++end) {
    auto writer =
        MakeIcebergWriter(lake.env, lake.options, lake.committer, lake.files, nullptr, place);
    CO_RETURN_IF_ERROR(co_await writer->Open());
    ChangelogBatch batch = KeysOf({1, 2, 3}, RowKind::kUpdateAfter);
    CO_ASSIGN_OR_RETURN(auto keys, arrow::compute::Cast(*batch.rows->column(0), arrow::int32()));
    batch.rows = arrow::RecordBatch::Make(lake.options->columns, 3, {keys, batch.rows->column(1)});
    CO_RETURN_IF_ERROR(co_await writer->Deliver(std::move(batch), Offset(end)));
    CO_RETURN_IF_ERROR(co_await writer->Flush(flush));
    CO_ASSIGN_OR_RETURN(auto table, co_await lake.committer->Load());
    iceberg::Schema schema = (*table)->schema;
    schema.id = 1;
    schema.fields[0].type.kind = iceberg::TypeKind::kLong;
    if (end == 2) continue;
    CO_RETURN_IF_ERROR(co_await lake.committer->ChangeSchema(*table, schema, 2));
  }
  co_return co_await ViewLake(lake, view, files);
}

TEST(IcebergUpsertSimTest, AKeyOfAWiderTypeIsStillTheSame) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  Lake lake = MakeUpsertLake(&env, std::make_shared<MemoryObjectStore>(), false);
  IcebergSinkOptions& options = *lake.options;
  options.columns =
      arrow::schema({arrow::field("k", arrow::int32(), false), arrow::field("v", arrow::int64())});
  options.new_table.schema = iceberg::SchemaOfColumns(*options.columns, {"k"}).ValueOrDie();
  iceberg::TableView view;
  std::vector<iceberg::DataFile> files;
  Status status = env.Run(WidenKeyBetween(lake, &view, &files));
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(files.size(), 1u);  // the first has no row left
  EXPECT_EQ(files[0].record_count, 3);
}

TEST(IcebergUpsertSimTest, ATableWithoutDeletionVectorsIsRefused) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  auto store = std::make_shared<MemoryObjectStore>();
  Lake lake = MakeUpsertLake(&env, store, false);
  lake.options->new_table.format_version = 2;
  Status status = env.Run(UpsertAll(lake));
  EXPECT_TRUE(Is(status, ErrorCode::kInvalidArgument)) << status;
  EXPECT_NE(status.ToString().find("format version 3"), std::string::npos) << status;
}

// A time beyond what microseconds reach.
class KeepRefused final : public connector::RejectHandler {
 public:
  Task<> OnRejected(std::vector<connector::RejectedRecord> records) override {
    for (auto& record : records) refused.push_back(std::move(record));
    co_return Status::OK();
  }
  std::vector<connector::RejectedRecord> refused;
};

// Another engine changes the schema between two commits of a writer.
Task<> ChangeSchemaUnderWriter(Lake lake, Lake other,
                               std::function<void(iceberg::Schema*, int32_t* last_id)> change,
                               Status* second_commit, Status* reopened) {
  iceberg::DeliveryPlace place{.delivery_id = "job/sink", .partition = PartitionId(0)};
  auto open = [&] {
    return MakeIcebergWriter(lake.env, lake.options, lake.committer, lake.files, lake.maintenance,
                             place);
  };
  auto writer = open();
  connector::DeliveryWriter::FlushOptions flush;
  CO_RETURN_IF_ERROR(co_await writer->Open());
  ChangelogBatch batch = LakeBatch(0);
  CO_RETURN_IF_ERROR(co_await writer->Deliver(std::move(batch), Offset(1)));
  CO_RETURN_IF_ERROR(co_await writer->Flush(flush));
  CO_ASSIGN_OR_RETURN(auto table, co_await other.committer->Load());
  iceberg::Schema schema = (*table)->schema;
  int32_t last_id = (*table)->last_column_id;
  schema.id += 1;
  change(&schema, &last_id);
  CO_RETURN_IF_ERROR(co_await other.committer->ChangeSchema(*table, schema, last_id));
  batch = LakeBatch(1);
  CO_RETURN_IF_ERROR(co_await writer->Deliver(std::move(batch), Offset(2)));
  *second_commit = (co_await writer->Flush(flush)).status();
  auto again = open();
  *reopened = (co_await again->Open()).status();
  co_return Status::OK();
}

TEST(IcebergWriterSimTest, AColumnThatGoesUnderTheWriterIsNoticedAtTheCommit) {
  using Change = std::function<void(iceberg::Schema*, int32_t*)>;
  const Change drop = [](auto* schema, int32_t*) {
    schema->fields.erase(schema->fields.begin() + 2);
  };
  const Change drop_and_add = [](auto* schema, int32_t* last_id) {
    schema->fields[2].id = ++*last_id;
  };
  const Change rename = [](auto* schema, int32_t*) { schema->fields[2].name = "share"; };
  const Change drop_inside = [](auto* schema, int32_t*) {
    schema->fields[3].type.fields.pop_back();
  };
  const Change add = [](auto* schema, int32_t* last_id) {
    iceberg::Field more{.id = ++*last_id, .name = "more", .required = false, .type = {}};
    more.type.kind = iceberg::TypeKind::kLong;
    schema->fields.push_back(std::move(more));
  };
  struct Case {
    Change change;
    bool is_noticed;
    bool opens_again;
  };
  for (const Case& one :
       {Case{drop, true, false}, Case{drop_and_add, true, true}, Case{rename, true, false},
        Case{drop_inside, true, false}, Case{add, false, true}}) {
    SimDisk disk(1);
    SimEnv env(&disk, {});
    auto store = std::make_shared<MemoryObjectStore>();
    Status committed, reopened;
    Status ran =
        env.Run(ChangeSchemaUnderWriter(MakeLake(&env, store, false), MakeLake(&env, store, false),
                                        one.change, &committed, &reopened));
    ASSERT_TRUE(ran.ok()) << ran;
    EXPECT_EQ(Is(committed, ErrorCode::kUnavailable), one.is_noticed) << committed;
    EXPECT_EQ(committed.ok(), !one.is_noticed) << committed;
    EXPECT_EQ(reopened.ok(), one.opens_again) << reopened;
    EXPECT_TRUE(reopened.ok() || Is(reopened, ErrorCode::kInvalidArgument)) << reopened;
  }
}

TEST(IcebergWriterSimTest, RefusesRowsWhoseTimesDoNotFit) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  auto store = std::make_shared<MemoryObjectStore>();
  Lake lake = MakeLake(&env, store, false);
  lake.options->columns =
      arrow::schema({arrow::field("at", arrow::timestamp(arrow::TimeUnit::MILLI))});
  lake.options->new_table.schema =
      iceberg::SchemaOfColumns(*lake.options->columns, {}).ValueOrDie();
  KeepRefused keep;
  auto scenario = [](Lake lake, KeepRefused* keep) -> Task<> {
    iceberg::DeliveryPlace place{.delivery_id = "job/sink", .partition = PartitionId(0)};
    auto writer = MakeIcebergWriter(lake.env, lake.options, lake.committer, lake.files,
                                    lake.maintenance, place);
    writer->set_reject_handler(keep);
    CO_RETURN_IF_ERROR(co_await writer->Open());
    arrow::TimestampBuilder times(lake.options->columns->field(0)->type(),
                                  arrow::default_memory_pool());
    CO_RETURN_IF_ERROR(times.AppendValues({1, int64_t{1} << 62, 3}));
    ChangelogBatch batch;
    batch.rows = arrow::RecordBatch::Make(lake.options->columns, 3, {times.Finish().ValueOrDie()});
    CO_RETURN_IF_ERROR(co_await writer->Deliver(std::move(batch), Offset(1)));
    connector::DeliveryWriter::FlushOptions flush;
    flush.final = true;
    co_return (co_await writer->Flush(flush)).status();
  };
  Status status = env.Run(scenario(lake, &keep));
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(keep.refused.size(), 1u);
  iceberg::MetadataPtr table;
  ASSERT_TRUE(env.Run(FindCurrent(lake, &table)).ok());
  EXPECT_EQ(table->current_snapshot()->summary.at("total-records"), "2");
}

}  // namespace
}  // namespace mainstem::sink

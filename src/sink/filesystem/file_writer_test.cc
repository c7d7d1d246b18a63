// The file sink over a simulated disk: whatever operation fails, and whatever of the unsynced is
// then lost, every row ends up in exactly one visible file.
#include "sink/filesystem/file_writer.h"

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>

#include "connector/overwrite.h"
#include "core/sim/sim_env.h"
#include "sink/filesystem/file_commit.h"

namespace mainstem::sink {
namespace {

constexpr int64_t kRecordCount = 12;

std::shared_ptr<arrow::Schema> TestSchema() {
  return arrow::schema({arrow::field("n", arrow::int64()), arrow::field("p", arrow::utf8())});
}

std::shared_ptr<const FileSinkOptions> TestOptions(std::vector<std::string> partition_keys) {
  FileSinkOptions options;
  options.path = "/out";
  auto layout = PartitionLayout::Make(*TestSchema(), partition_keys, "__DEFAULT_PARTITION__");
  CHECK_OK(layout);
  options.layout = std::move(*layout);
  connector::FormatChoice json;
  json.format = "json";
  auto encoders = FileEncoderFactory::Make(json, options.layout.file_schema(), {.file_bytes = 60});
  CHECK_OK(encoders);
  options.encoders = std::move(*encoders);
  options.file_bytes = 60;  // of a few rows
  return std::make_shared<const FileSinkOptions>(std::move(options));
}

// Record i holds the rows 2i and 2i+1.
ChangelogBatch Record(int64_t record) {
  std::string json = fmt::format(R"([[{}, "a"], [{}, {}]])", 2 * record, 2 * record + 1,
                                 record % 3 == 0 ? "null" : "\"b/c\"");
  auto array = arrow::json::ArrayFromJSONString(arrow::struct_(TestSchema()->fields()), json);
  CHECK_OK(array);
  ChangelogBatch batch;
  batch.rows = *arrow::RecordBatch::FromStructArray(*array);
  return batch;
}

Task<> DeliverAll(Env* env, std::shared_ptr<const FileSinkOptions> options) {
  auto writer = MakeFileWriter(env, options, "job/sink", PartitionId(0));
  CO_ASSIGN_OR_RETURN(std::optional<Offset> stored, co_await writer->Open());
  for (int64_t i = stored ? stored->value() : 0; i < kRecordCount; ++i) {
    CO_RETURN_IF_ERROR(co_await writer->Deliver(Record(i), Offset(i + 1)));
  }
  CO_ASSIGN_OR_RETURN(Offset end, co_await writer->Flush({.final = true}));
  EXPECT_EQ(end, Offset(kRecordCount));
  co_return Status::OK();
}

// Counts of the numbers in visible files; fails on hidden leftovers.
Task<> Count(Env* env, std::string folder, std::map<int64_t, int>* counts) {
  CO_ASSIGN_OR_RETURN(auto entries, co_await env->files().List(folder));
  for (const DirectoryEntry& entry : entries) {
    std::string path = folder + "/" + entry.name;
    EXPECT_FALSE(entry.name.starts_with(".inprogress")) << path;
    if (entry.name[0] == '_' || entry.name[0] == '.') continue;
    if (entry.is_directory) {
      CO_RETURN_IF_ERROR(co_await Count(env, path, counts));
      continue;
    }
    CO_ASSIGN_OR_RETURN(std::string text, co_await env->files().ReadAll(path, 1 << 20));
    EXPECT_TRUE(text.ends_with("}\n")) << path;
    for (size_t at = text.find("\"n\":"); at != std::string::npos;
         at = text.find("\"n\":", at + 1)) {
      ++(*counts)[std::stoll(text.substr(at + 4))];
    }
  }
  co_return Status::OK();
}

Task<> CheckAll(Env* env, std::shared_ptr<const FileSinkOptions> options) {
  CO_RETURN_IF_ERROR(co_await DeliverAll(env, options));
  std::map<int64_t, int> counts;
  CO_RETURN_IF_ERROR(co_await Count(env, "/out", &counts));
  EXPECT_EQ(counts.size(), static_cast<size_t>(2 * kRecordCount));
  for (const auto& [number, count] : counts) EXPECT_EQ(count, 1) << number;
  co_return Status::OK();
}

void FailEverywhere(FileSinkOptions with_marks) {
  with_marks.success_file = "_SUCCESS";
  auto options = std::make_shared<const FileSinkOptions>(std::move(with_marks));
  auto tried =
      ForEachFault(7, {.body = [options](SimEnv* env) { return DeliverAll(env, options); },
                       .check = [options](SimEnv* env) { return CheckAll(env, options); }});
  ASSERT_TRUE(tried.ok()) << tried.status();
  EXPECT_GT(*tried, 20);
}

TEST(FileWriterSimTest, EveryRowIsInOneFileWhateverOperationFails) {
  FailEverywhere(*TestOptions({}));
}
TEST(FileWriterSimTest, EveryRowIsInOneFolderWhateverOperationFails) {
  FailEverywhere(*TestOptions({"p"}));
}
TEST(FileWriterSimTest, EveryRowIsInOneNamedFileWhateverOperationFails) {
  FileSinkOptions options = *TestOptions({});
  auto names = FileNamePattern::Compile("a/!{timestamp:yyyy/MM}/!{random:uuid}.json", {});
  CHECK_OK(names);
  options.names = std::move(*names);
  FailEverywhere(std::move(options));
}

// ---- INSERT OVERWRITE

std::shared_ptr<const FileSinkOptions> Overwriting(std::vector<std::string> partition_keys,
                                                   std::string folder = {}) {
  FileSinkOptions options = *TestOptions(std::move(partition_keys));
  options.overwrites = true;
  options.overwritten_folder = std::move(folder);
  return std::make_shared<const FileSinkOptions>(std::move(options));
}

// What is there before: the number 1000 in each of these folders.
Task<> PutOldFiles(Env* env, std::vector<std::string> folders) {
  for (const std::string& folder : folders) {
    const std::string path = "/out" + (folder.empty() ? "" : "/" + folder);
    CO_RETURN_IF_ERROR(co_await env->files().CreateDirectories(path));
    CO_RETURN_IF_ERROR(co_await env->files().WriteAtomically(path + "/old.json", "{\"n\":1000}\n"));
  }
  co_return Status::OK();
}

Task<> Overwrite(Env* env, std::shared_ptr<const FileSinkOptions> options, int64_t record_count) {
  auto writer = MakeFileWriter(env, options, "job/new", PartitionId(0));
  CO_ASSIGN_OR_RETURN(std::optional<Offset> stored, co_await writer->Open());
  for (int64_t i = stored ? stored->value() : 0; i < record_count; ++i) {
    CO_RETURN_IF_ERROR(co_await writer->Deliver(Record(i), Offset(i + 1)));
    CO_ASSIGN_OR_RETURN(const Offset early, co_await writer->Flush({.final = true}));
    EXPECT_EQ(early, Offset(0));  // as of a job that stops
  }
  dynamic_cast<connector::OverwritingWriter&>(*writer).InputHasEnded();
  CO_ASSIGN_OR_RETURN(const Offset end, co_await writer->Flush({.final = true}));
  EXPECT_EQ(end, Offset(record_count));
  co_return Status::OK();
}

// After a crash readers see all that was there before or all that is new; then the new ones alone.
Task<> CheckOverwritten(Env* env, std::shared_ptr<const FileSinkOptions> options) {
  std::map<int64_t, int> after;
  CO_ASSIGN_OR_RETURN(const bool exists, co_await env->files().Exists("/out/old.json"));
  if (!exists) {
    CO_ASSIGN_OR_RETURN(const bool begun, co_await env->files().Exists("/out/_mainstem"));
    if (begun) {
      auto writer = MakeFileWriter(env, options, "job/new", PartitionId(0));
      CO_ASSIGN_OR_RETURN(std::optional<Offset> stored, co_await writer->Open());
      EXPECT_EQ(stored, Offset(kRecordCount));
    }
  }
  CO_RETURN_IF_ERROR(co_await Overwrite(env, options, kRecordCount));
  CO_RETURN_IF_ERROR(co_await Count(env, "/out", &after));
  EXPECT_EQ(after.size(), static_cast<size_t>(2 * kRecordCount));
  EXPECT_FALSE(after.contains(1000));
  for (const auto& [number, count] : after) EXPECT_EQ(count, 1) << number;
  co_return Status::OK();
}

Task<> PutAndOverwrite(Env* env, std::shared_ptr<const FileSinkOptions> options) {
  CO_RETURN_IF_ERROR(co_await PutOldFiles(env, std::vector<std::string>(1)));
  co_return co_await Overwrite(env, options, kRecordCount);
}

TEST(FileWriterSimTest, OldFilesGoWithTheNewOnesWhateverOperationFails) {
  const auto options = Overwriting({});
  auto tried = ForEachFault(
      11, {.body = [options](SimEnv* env) { return PutAndOverwrite(env, options); },
           .check = [options](SimEnv* env) { return CheckOverwritten(env, options); }});
  ASSERT_TRUE(tried.ok()) << tried.status();
  EXPECT_GT(*tried, 20);
}

const std::vector<std::string> kOldFolders = {"p=a", "p=b%2Fc", "p=z"};

Task<> CountAfter(Env* env, std::shared_ptr<const FileSinkOptions> options, int64_t record_count,
                  std::map<std::string, int64_t>* old_in) {
  CO_RETURN_IF_ERROR(co_await PutOldFiles(env, kOldFolders));
  CO_RETURN_IF_ERROR(co_await Overwrite(env, options, record_count));
  for (const std::string& folder : kOldFolders) {
    std::map<int64_t, int> counts;
    CO_RETURN_IF_ERROR(co_await Count(env, "/out/" + folder, &counts));
    (*old_in)[folder] = counts[1000];
  }
  co_return Status::OK();
}

TEST(FileWriterSimTest, OnlyPartitionsThatGetRowsOrAreNamedAreReplaced) {
  using Counts = std::map<std::string, int64_t>;
  const auto run = [](std::string folder, int64_t record_count) {
    SimDisk disk(1);
    SimEnv env(&disk, {});
    Counts old_in;
    const Status status =
        env.Run(CountAfter(&env, Overwriting({"p"}, std::move(folder)), record_count, &old_in));
    EXPECT_TRUE(status.ok()) << status;
    return old_in;
  };
  EXPECT_EQ(run("", kRecordCount), (Counts{{"p=a", 0}, {"p=b%2Fc", 0}, {"p=z", 1}}));
  EXPECT_EQ(run("", 0), (Counts{{"p=a", 1}, {"p=b%2Fc", 1}, {"p=z", 1}}));
  EXPECT_EQ(run("p=z/", 0), (Counts{{"p=a", 1}, {"p=b%2Fc", 1}, {"p=z", 0}}));
}

TEST(FileWriterSimTest, FlushMakesRowsVisibleOnlyWhenTheyAreDue) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  FileSinkOptions options = *TestOptions({});
  options.file_bytes = 1 << 20;
  options.rollover = std::chrono::seconds(10);
  auto scenario = [](Env* env, std::shared_ptr<const FileSinkOptions> options) -> Task<> {
    auto writer = MakeFileWriter(env, options, "job/sink", PartitionId(0));
    CO_ASSIGN_OR_RETURN(auto stored, co_await writer->Open());
    EXPECT_EQ(stored, std::nullopt);
    CO_RETURN_IF_ERROR(co_await writer->Deliver(Record(0), Offset(5)));
    CO_ASSIGN_OR_RETURN(Offset early, co_await writer->Flush({}));
    EXPECT_EQ(early, Offset(0));
    CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::seconds(11)));
    CO_ASSIGN_OR_RETURN(Offset due, co_await writer->Flush({}));
    EXPECT_EQ(due, Offset(5));
    CO_ASSIGN_OR_RETURN(auto entries, co_await env->files().List("/out"));
    EXPECT_EQ(entries.size(), 2u);  // _mainstem and the file
    EXPECT_TRUE(entries[1].name.ends_with("-0-0-5.json")) << entries[1].name;
    // Without rows only the position moves.
    ChangelogBatch none = Record(0);
    none.rows = none.rows->Slice(0, 0);
    CO_RETURN_IF_ERROR(co_await writer->Deliver(std::move(none), Offset(9)));
    CO_ASSIGN_OR_RETURN(Offset moved, co_await writer->Flush({}));
    EXPECT_EQ(moved, Offset(9));
    co_return Status::OK();
  };
  Status status = env.Run(scenario(&env, std::make_shared<const FileSinkOptions>(options)));
  EXPECT_TRUE(status.ok()) << status;
}

// Two rows {n, p} of which the second would need a folder whose name is too long.
ChangelogBatch RowsToRefuse() {
  std::string json = fmt::format(R"([[1, "a"], [2, "{}"]])", std::string(300, 'x'));
  auto array = arrow::json::ArrayFromJSONString(arrow::struct_(TestSchema()->fields()), json);
  CHECK_OK(array);
  ChangelogBatch batch;
  batch.rows = *arrow::RecordBatch::FromStructArray(*array);
  return batch;
}

class RefusedRows final : public connector::RejectHandler {
 public:
  std::vector<connector::RejectedRecord> records;
  Task<> OnRejected(std::vector<connector::RejectedRecord> more) override {
    std::move(more.begin(), more.end(), std::back_inserter(records));
    co_return Status::OK();
  }
};

Task<> DeliverRefused(Env* env, std::shared_ptr<const FileSinkOptions> options,
                      connector::RejectHandler* handler) {
  auto writer = MakeFileWriter(env, options, "job.sink", PartitionId(0));
  writer->set_reject_handler(handler);
  CO_RETURN_IF_ERROR(co_await writer->Open());
  CO_RETURN_IF_ERROR(co_await writer->Deliver(RowsToRefuse(), Offset(4)));
  CO_ASSIGN_OR_RETURN(Offset end, co_await writer->Flush({.final = true}));
  EXPECT_EQ(end, Offset(4));
  CO_ASSIGN_OR_RETURN(auto entries, co_await env->files().List("/out/p=a"));
  EXPECT_EQ(entries.size(), 1u);
  std::string path = "/out/p=a/" + entries[0].name;
  CO_ASSIGN_OR_RETURN(std::string text, co_await env->files().ReadAll(std::move(path), 1 << 20));
  EXPECT_EQ(text, "{\"n\":1}\n");
  co_return Status::OK();
}

TEST(FileWriterSimTest, HandsOverRowsThatNoFolderCanHold) {
  auto options = TestOptions({"p"});
  SimDisk disk(1);
  SimEnv env(&disk, {});
  RefusedRows refused;
  Status status = env.Run(DeliverRefused(&env, options, &refused));
  EXPECT_TRUE(status.ok()) << status;
  ASSERT_EQ(refused.records.size(), 1u);
  EXPECT_TRUE(refused.records[0].origin.starts_with("job.sink/0@<4 p=xxx"));
  EXPECT_EQ(refused.records[0].raw_bytes, "+I[2]");
  EXPECT_NE(TextOf(refused.records[0].cause).message.find("302 bytes"), std::string::npos);
  // Without somebody who keeps it, it is an error.
  SimDisk empty(1);
  SimEnv other(&empty, {});
  status = other.Run(DeliverRefused(&other, options, nullptr));
  EXPECT_TRUE(Is(status, ErrorCode::kInvalidRecord)) << status;
}

TEST(FileCommitTest, ReadsItsOwnManifestsAndRefusesOthers) {
  FileManifest manifest{.delivery_id = "job \"x\"",
                        .partition = PartitionId(3),
                        .position = Offset(12),
                        .files = {{"a=1/.inprogress-x", "a=1/part-x"}}};
  auto read = ParseManifest(ManifestText(manifest));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->delivery_id, manifest.delivery_id);
  EXPECT_EQ(read->position, manifest.position);
  EXPECT_EQ(read->files, manifest.files);
  manifest.replaced = {"a=1/part-w", "b"};
  read = ParseManifest(ManifestText(manifest));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->replaced, manifest.replaced);
  for (const char* text : {"", "{", "[]", "{\"version\":3}", "{\"version\":1,\"position\":1}",
                           "{\"version\":1,\"delivery_id\":\"x\",\"partition\":0,\"position\":1,"
                           "\"files\":[{\"from\":\"x\"}]}"}) {
    EXPECT_TRUE(Is(ParseManifest(text).status(), ErrorCode::kCorruptStorage)) << text;
  }
}

TEST(PartitionPathTest, EscapesWhatHasAMeaningInPaths) {
  EXPECT_EQ(EscapePathName("a/b=c:d%"), "a%2Fb%3Dc%3Ad%25");
  EXPECT_EQ(EscapePathName("plain text-1.5"), "plain text-1.5");
}

TEST(PartitionPathTest, KeepsTheOrderOfRowsWithinEachFolder) {
  auto layout = PartitionLayout::Make(*TestSchema(), {"p"}, "none");
  ASSERT_TRUE(layout.ok());
  auto array =
      arrow::json::ArrayFromJSONString(arrow::struct_(TestSchema()->fields()),
                                       R"([[1, "x"], [2, null], [3, "x"], [4, ""], [5, ".."]])");
  ChangelogBatch batch;
  batch.rows = *arrow::RecordBatch::FromStructArray(*array);
  batch.kinds = {RowKind::kInsert, RowKind::kDelete, RowKind::kUpdateAfter, RowKind::kInsert,
                 RowKind::kInsert};
  auto parts = layout->Split(batch);
  ASSERT_TRUE(parts.ok()) << parts.status();
  ASSERT_EQ(parts->size(), 3u);
  EXPECT_EQ((*parts)[0].folder, "p=x/");
  EXPECT_EQ((*parts)[0].rows.rows->num_columns(), 1);
  EXPECT_EQ((*parts)[0].rows.kinds,
            (std::vector<RowKind>{RowKind::kInsert, RowKind::kUpdateAfter}));
  EXPECT_EQ((*parts)[1].folder, "p=none/");
  EXPECT_EQ((*parts)[1].rows.rows->num_rows(), 2);
  EXPECT_EQ((*parts)[2].folder, "p=../");
}

TEST(PartitionPathTest, TellsTheTimeOfTheFirstRowAndLeavesItOut) {
  auto schema =
      arrow::schema({arrow::field("n", arrow::int64()),
                     arrow::field("at", arrow::timestamp(arrow::TimeUnit::MILLI, "UTC"))});
  auto layout = PartitionLayout::Make(*schema, {}, "none", "at");
  ASSERT_TRUE(layout.ok());
  EXPECT_EQ(layout->file_schema()->ToString(), "n: int64");
  auto array = arrow::json::ArrayFromJSONString(arrow::struct_(schema->fields()),
                                                R"([[1, 1500], [2, null]])");
  ChangelogBatch batch;
  batch.rows = *arrow::RecordBatch::FromStructArray(*array);
  auto parts = layout->Split(batch);
  ASSERT_TRUE(parts.ok()) << parts.status();
  ASSERT_TRUE((*parts)[0].first_time.has_value());
  EXPECT_EQ((*parts)[0].first_time->seconds, 1);
  EXPECT_EQ((*parts)[0].first_time->nanos, 500'000'000);
  EXPECT_EQ((*parts)[0].rows.rows->num_columns(), 1);
}

TEST(PartitionPathTest, RefusesTablesThatHaveOnlyKeys) {
  EXPECT_FALSE(PartitionLayout::Make(*TestSchema(), {"n", "p"}, "x").ok());
  EXPECT_FALSE(PartitionLayout::Make(*TestSchema(), {"q"}, "x").ok());
}

}  // namespace
}  // namespace mainstem::sink

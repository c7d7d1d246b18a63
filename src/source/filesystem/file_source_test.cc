// The filesystem source on the simulated disk and clock: reading whole files, going on after a
// restart at every possible position, and tailing through growth, rotation and truncation.
#include "source/filesystem/file_source.h"

#include <filesystem>

#include <arrow/api.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "core/sim/sim_env.h"
#include "core/sync.h"
#include "source/filesystem/file_split.h"

namespace mainstem::source {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;
using Options = std::map<std::string, std::string>;

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

Task<> WriteFile(Env* env, std::string path, std::string contents) {
  CO_RETURN_IF_ERROR(co_await env->files().CreateDirectories(path.substr(0, path.rfind('/'))));
  OpenOptions options;
  options.write = options.create = options.truncate = true;
  CO_ASSIGN_OR_RETURN(auto file, co_await env->files().Open(path, options));
  co_return co_await file->WriteAt(0, Bytes(contents));
}

Task<> AppendFile(Env* env, std::string path, std::string contents) {
  OpenOptions options;
  options.write = options.create = true;
  CO_ASSIGN_OR_RETURN(auto file, co_await env->files().Open(path, options));
  CO_ASSIGN_OR_RETURN(int64_t size, co_await file->Size());
  co_return co_await file->WriteAt(size, Bytes(contents));
}

std::string Gzip(const std::string& text) {
  std::string out(compressBound(text.size()) + 64, '\0');
  z_stream stream{};
  CHECK(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string Zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

// What reading gave so far.
struct SeenOfFile {
  Lines rows;
  Lines rejected;
  Lines positions;  // after each row, when read one row at a time
  bool ended = false;
  bool caught_up = false;
  std::vector<int64_t> unread;  // after each batch
};

void Note(const connector::SourceBatch& batch, SeenOfFile* seen) {
  for (int64_t row = 0; row < batch.batch.rows->num_rows(); ++row) {
    std::string text;
    for (const auto& column : batch.batch.rows->columns()) {
      text += (text.empty() ? "" : "|") + column->GetScalar(row).ValueOrDie()->ToString();
    }
    seen->rows.push_back(text);
    seen->positions.push_back(batch.position);
  }
  for (const auto& rejected : batch.rejected) {
    seen->rejected.push_back(rejected.origin + ": " + TextOf(rejected.cause).message);
  }
  seen->unread.push_back(batch.lag_records);
  seen->ended = batch.end_of_split;
  seen->caught_up = batch.caught_up;
}

class FileSourceTest : public testing::Test {
 protected:
  // A table of one STRING column in format raw, with the options added.
  std::unique_ptr<connector::TableSource> Open(const std::string& path, Options options = {}) {
    options["path"] = path;
    return Open(std::move(options),
                {.name = "t", .schema = arrow::schema({arrow::field("line", arrow::utf8())})});
  }
  std::unique_ptr<connector::TableSource> Open(Options options, connector::TableDescriptor table) {
    options.emplace("format", "raw");
    table.options = std::move(options);
    auto source = FileSourceConnector({}).make_source(table, {.env = &env_});
    EXPECT_TRUE(source.ok()) << source.status().ToString();
    return std::move(*source);
  }
  void Run(Task<> task) {
    Status status = env_.Run(std::move(task));
    EXPECT_TRUE(status.ok()) << status.ToString();
  }

  SimDisk disk_{1};
  SimEnv env_{&disk_, {}};
};

Task<> ReadSplit(Env* env, connector::TableSource* source, connector::SourceSplit split,
                 std::vector<int> projection, size_t batch_rows, SeenOfFile* seen) {
  CO_ASSIGN_OR_RETURN(auto reader, co_await source->OpenSplit(split, projection));
  seen->ended = false;
  while (!seen->ended) {
    CO_ASSIGN_OR_RETURN(auto batch, co_await reader->Read(batch_rows, env->Now() + 1s));
    Note(batch, seen);
  }
  co_return Status::OK();
}

Task<> Discover(connector::TableSource* source, std::vector<connector::SourceSplit>* splits) {
  CO_ASSIGN_OR_RETURN(*splits, co_await source->DiscoverSplits());
  co_return Status::OK();
}

Task<> ReadAll(Env* env, connector::TableSource* source, std::vector<int> projection,
               size_t batch_rows, SeenOfFile* seen) {
  CO_ASSIGN_OR_RETURN(auto splits, co_await source->DiscoverSplits());
  for (const auto& split : splits) {
    CO_RETURN_IF_ERROR(co_await ReadSplit(env, source, split, projection, batch_rows, seen));
  }
  co_return Status::OK();
}

Task<> LookThroughALoop(Files* files, std::string loop) {
  FileSplitId id{.device = 1, .inode = 2, .fingerprint = ""};
  Status looped = (co_await FindSplitFile(files, id, loop)).status();
  EXPECT_TRUE(Is(looped, ErrorCode::kStorageError)) << looped;
  CO_ASSIGN_OR_RETURN(auto gone, co_await FindSplitFile(files, id, loop + "-gone"));
  EXPECT_FALSE(gone.has_value());
  co_return Status::OK();
}

// Else a file that cannot be read for a while would be left out, without a word.
TEST(FindSplitFileTest, WhatCannotBeLookedAtIsAnErrorAndNotGone) {
  std::string folder = testing::TempDir() + "/find_split_file";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  std::filesystem::create_symlink(folder + "/loop", folder + "/loop");
  auto env = MakeRealEnv({.shard_count = 1, .pool_thread_count = 1});
  Status status = RunBlocking(env->shard(0), LookThroughALoop(&env->files(), folder + "/loop"));
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(FileSourceTest, SaysHowMuchOfAFileIsUnread) {
  std::string text;
  for (int i = 10; i < 60; ++i) text += "line " + std::to_string(i) + "\n";
  Run(WriteFile(&env_, "/d/a.log", text));
  Run(WriteFile(&env_, "/d/z/a.gz", Gzip(text)));
  auto source = Open("/d/a.log");
  SeenOfFile seen;
  Run(ReadAll(&env_, source.get(), {0}, 10, &seen));
  EXPECT_EQ(seen.unread, (std::vector<int64_t>{40, 30, 20, 10, 0, 0}));
  // A small compressed file is read in one piece, so that nothing of it is left to be read.
  SeenOfFile compressed;
  auto zipped = Open("/d/z/a.gz");
  Run(ReadAll(&env_, zipped.get(), {0}, 10, &compressed));
  EXPECT_EQ(compressed.rows, seen.rows);
  EXPECT_EQ(compressed.unread.back(), 0);
}

TEST_F(FileSourceTest, ReadsAFileWithALastLineThatHasNoEnd) {
  Run(WriteFile(&env_, "/d/a.log", "one\ntwo\r\nthree"));
  auto source = Open("/d/a.log");
  EXPECT_TRUE(source->bounded());
  SeenOfFile seen;
  Run(ReadAll(&env_, source.get(), {0}, 100, &seen));
  EXPECT_EQ(seen.rows, (Lines{"one", "two", "three"}));
}

TEST_F(FileSourceTest, ReadsFoldersAndGlobsInOrderOfNames) {
  Run(WriteFile(&env_, "/d/b.log", "b\n"));
  Run(WriteFile(&env_, "/d/a.log", "a\n"));
  Run(WriteFile(&env_, "/d/sub/c.log", "c\n"));
  Run(WriteFile(&env_, "/d/_hidden", "no\n"));
  Run(WriteFile(&env_, "/d/.part", "no\n"));
  Run(WriteFile(&env_, "/d/x.txt", "x\n"));
  auto rows = [&](const std::string& path, Options options) {
    SeenOfFile seen;
    auto source = Open(path, std::move(options));
    Run(ReadAll(&env_, source.get(), {0}, 100, &seen));
    return seen.rows;
  };
  EXPECT_EQ(rows("/d", {}), (Lines{"a", "b", "c", "x"}));
  EXPECT_EQ(rows("/d/*.log", {}), (Lines{"a", "b"}));
  EXPECT_EQ(rows("/d/**/*.log", {}), (Lines{"a", "b", "c"}));
  EXPECT_EQ(rows("file:///d/[ab].*", {}), (Lines{"a", "b"}));
  EXPECT_EQ(rows("/d", {{"source.path.regex-pattern", ".*/[bc]\\.log"}}), (Lines{"b", "c"}));
}

TEST_F(FileSourceTest, SaysWhenThereIsNoSuchFile) {
  auto source = Open("/nowhere/a.log");
  SeenOfFile seen;
  Status status = env_.Run(ReadAll(&env_, source.get(), {0}, 1, &seen));
  EXPECT_EQ(TextOf(status).message, "table 't': there is no file or folder '/nowhere/a.log'");
}

// Splits are found, then the file is gone before its turn comes: its rows must not be left out
// without a word.
TEST_F(FileSourceTest, SaysWhichFileWasDeletedOrReplacedBeforeItWasRead) {
  Run(WriteFile(&env_, "/d/a.log", "one\n"));
  auto source = Open("/d/a.log");
  std::vector<connector::SourceSplit> splits;
  Run(Discover(source.get(), &splits));
  ASSERT_EQ(splits.size(), 1u);
  Run(env_.files().Remove("/d/a.log"));
  SeenOfFile seen;
  Status deleted = env_.Run(ReadSplit(&env_, source.get(), splits[0], {0}, 10, &seen));
  EXPECT_EQ(TextOf(deleted).message,
            "table 't': file '/d/a.log' was deleted before it was read to its end");
  EXPECT_FALSE(IsRetriable(deleted));
  Run(WriteFile(&env_, "/d/a.log", "two\n"));
  Status replaced = env_.Run(ReadSplit(&env_, source.get(), splits[0], {0}, 10, &seen));
  EXPECT_EQ(TextOf(replaced).message,
            "table 't': file '/d/a.log' was replaced before it was read to its end");
  EXPECT_EQ(seen.rows, Lines{});
}

Task<> CutWhileItIsRead(Env* env, connector::TableSource* source, Status* after_cut) {
  CO_ASSIGN_OR_RETURN(auto splits, co_await source->DiscoverSplits());
  std::vector<int> projection = {0};
  CO_ASSIGN_OR_RETURN(auto reader, co_await source->OpenSplit(splits[0], projection));
  OpenOptions options;
  options.write = true;
  CO_ASSIGN_OR_RETURN(auto file, co_await env->files().Open("/d/a.log", options));
  CO_RETURN_IF_ERROR(co_await file->Truncate(8));
  for (bool is_over = false; !is_over && after_cut->ok();) {
    auto batch = co_await reader->Read(100, env->Now() + 1s);
    *after_cut = batch.status();
    is_over = batch.ok() && batch->end_of_split;
  }
  co_return Status::OK();
}

TEST_F(FileSourceTest, SaysWhichFileBecameShorterWhileItWasRead) {
  Run(WriteFile(&env_, "/d/a.log", "one\ntwo\nthree\n"));
  auto source = Open("/d/a.log");
  Status after_cut;
  Run(CutWhileItIsRead(&env_, source.get(), &after_cut));
  EXPECT_EQ(TextOf(after_cut).message, "file '/d/a.log' became shorter while it was read");
}

// A folder that cannot be listed is not one without files.
TEST_F(FileSourceTest, FailsWhenAFolderCannotBeListed) {
  Run(WriteFile(&env_, "/d/sub/a.log", "one\n"));
  std::vector<connector::SourceSplit> splits;
  for (const char* path : {"/d", "/d/*/*.log", "/d/**/*.log"}) {
    for (int64_t operation : {0, 1}) {
      auto source = Open(path, {{"source.monitor-interval", "1 s"}});
      disk_.FailOperation(operation);
      Status status = env_.Run(Discover(source.get(), &splits));
      EXPECT_TRUE(Is(status, ErrorCode::kStorageError)) << path << " " << status;
    }
  }
}

TEST_F(FileSourceTest, GoesOnExactlyAfterEveryRow) {
  std::string text;
  Lines all;
  for (int i = 0; i < 60; ++i) {
    all.push_back("row " + std::to_string(i) + std::string(static_cast<size_t>(i % 7), 'x'));
    text += all.back() + "\n";
  }
  Run(WriteFile(&env_, "/d/a.log", text));
  Run(WriteFile(&env_, "/d/a.log.gz", Gzip(text.substr(0, 300)) + Gzip(text.substr(300))));
  Run(WriteFile(&env_, "/d/a.log.zst", Zstd(text.substr(0, 300)) + Zstd(text.substr(300))));
  for (const char* path : {"/d/a.log", "/d/a.log.gz", "/d/a.log.zst"}) {
    auto source = Open(path);
    SeenOfFile seen;
    Run(ReadAll(&env_, source.get(), {0}, 1, &seen));
    ASSERT_EQ(seen.rows, all) << path;
    std::vector<connector::SourceSplit> splits;
    Run(Discover(source.get(), &splits));
    std::string id = splits[0].id;
    for (size_t n = 0; n < all.size(); ++n) {
      auto again = Open(path);
      SeenOfFile rest;
      connector::SourceSplit split{.id = id, .position = seen.positions[n]};
      Run(ReadSplit(&env_, again.get(), split, {0}, 10, &rest));
      EXPECT_EQ(rest.rows, Lines(all.begin() + static_cast<ptrdiff_t>(n) + 1, all.end())) << path;
    }
  }
}

TEST_F(FileSourceTest, GivesMetadataAndFolderColumns) {
  Run(WriteFile(&env_, "/d/day=5/who=a%2Fb/a.log", "x\ny\n"));
  connector::TableDescriptor table{
      .name = "t",
      .schema = arrow::schema(
          {arrow::field("line", arrow::utf8()), arrow::field("day", arrow::int32()),
           arrow::field("name", arrow::utf8()), arrow::field("size", arrow::int64())}),
      .metadata_columns = {{.column = "name", .key = "file.name"},
                           {.column = "size", .key = "file.size"}},
      .partition_keys = {"day"}};
  table.partition_keys.push_back("who");
  table.schema = table.schema->AddField(4, arrow::field("who", arrow::utf8())).ValueOrDie();
  auto source = Open({{"path", "/d"}}, table);
  SeenOfFile seen;
  Run(ReadAll(&env_, source.get(), {2, 1, 0, 3, 4}, 100, &seen));
  EXPECT_EQ(seen.rows, (Lines{"a.log|5|x|4|a/b", "a.log|5|y|4|a/b"}));
  SeenOfFile counted;
  Run(ReadAll(&env_, source.get(), {}, 100, &counted));
  EXPECT_EQ(counted.rows.size(), 2u);
}

TEST_F(FileSourceTest, RejectsLongAndBadLinesWithTheirPlace) {
  Run(WriteFile(&env_, "/d/a.json",
                "{\"v\":1}\n{\"v\":\"" + std::string(2000, 'x') + "\"}\n\nbroken\n{\"v\":2}\n"));
  connector::TableDescriptor table{.name = "t",
                                   .schema = arrow::schema({arrow::field("v", arrow::int32())})};
  auto source =
      Open({{"path", "/d/a.json"}, {"format", "json"}, {"source.max-line-bytes", "100"}}, table);
  SeenOfFile seen;
  Run(ReadAll(&env_, source.get(), {0}, 100, &seen));
  EXPECT_EQ(seen.rows, (Lines{"1", "2"}));
  ASSERT_EQ(seen.rejected.size(), 2u);
  EXPECT_EQ(seen.rejected[0], "/d/a.json@8: a line of 2008 bytes is too long");
  EXPECT_EQ(seen.rejected[1].substr(0, 32), "/d/a.json@2018: not valid JSON: ");
}

// Editors and spreadsheets put one there; Flink's readers of csv and json pass over it, too.
TEST_F(FileSourceTest, PassesOverAByteOrderMark) {
  std::string mark = "\xEF\xBB\xBF";
  Run(WriteFile(&env_, "/d/a.csv", mark + "1\n2\n" + mark + "3\n"));
  Run(WriteFile(&env_, "/d/b.csv.gz", Gzip(mark + "4\n")));
  connector::TableDescriptor table{.name = "t",
                                   .schema = arrow::schema({arrow::field("v", arrow::int32())})};
  auto source = Open({{"path", "/d"}, {"format", "csv"}}, table);
  SeenOfFile seen;
  Run(ReadAll(&env_, source.get(), {0}, 100, &seen));
  EXPECT_EQ(seen.rows, (Lines{"1", "2", "4"}));
  EXPECT_EQ(seen.rejected.size(), 1u);
  SeenOfFile raw;
  Run(ReadAll(&env_, Open("/d/a.csv").get(), {0}, 1, &raw));
  EXPECT_EQ(raw.rows[0], mark + "1");
}

TEST_F(FileSourceTest, PassesOverZerosBehindTheEndOfAGzipFile) {
  std::string zeros(100'000, '\0');
  Run(WriteFile(&env_, "/d/a.gz", Gzip("one\n") + zeros.substr(0, 5) + Gzip("two\n") + zeros));
  SeenOfFile seen;
  Run(ReadAll(&env_, Open("/d/a.gz").get(), {0}, 100, &seen));
  EXPECT_EQ(seen.rows, (Lines{"one", "two"}));
  EXPECT_EQ(seen.rejected, Lines{});
}

TEST_F(FileSourceTest, RejectsABrokenCompressedFile) {
  std::string zipped = Gzip(std::string(5000, 'a') + "\n");
  zipped[zipped.size() / 2] ^= 0x55;
  Run(WriteFile(&env_, "/d/a.gz", zipped));
  auto source = Open("/d/a.gz");
  SeenOfFile seen;
  Run(ReadAll(&env_, source.get(), {0}, 100, &seen));
  EXPECT_EQ(seen.rejected.size(), 1u);
}

// A tailed table with one reader for each split found.
class Tail {
 public:
  Tail(Env* env, connector::TableSource* source) : env_(env), source_(source) {}
  // Finds new splits and reads every one until it is quiet.
  Task<> Step() {
    CO_ASSIGN_OR_RETURN(auto splits, co_await source_->DiscoverSplits());
    std::vector<int> projection = {0};
    for (const auto& split : splits) {
      if (readers_.count(split.id) > 0) continue;
      CO_ASSIGN_OR_RETURN(readers_[split.id], co_await source_->OpenSplit(split, projection));
    }
    for (auto& [id, reader] : readers_) {
      if (reader == nullptr) continue;
      do {
        CO_ASSIGN_OR_RETURN(auto batch, co_await reader->Read(100, env_->Now() + 100ms));
        Note(batch, &seen);
        positions[id] = batch.position;
      } while (!seen.ended && !seen.caught_up);
      if (seen.ended) {
        reader.reset();
        ++ended_count;
      }
    }
    co_return Status::OK();
  }
  Lines TakeRows() { return std::exchange(seen.rows, {}); }

  SeenOfFile seen;
  std::map<std::string, std::string> positions;
  int ended_count = 0;

 private:
  Env* env_;
  connector::TableSource* source_;
  std::map<std::string, std::unique_ptr<connector::SplitReader>> readers_;
};

class FileTailTest : public FileSourceTest {
 protected:
  FileTailTest()
      : source_(Open("/d/*.log", {{"source.monitor-interval", "1 s"}})),
        tail_(&env_, source_.get()) {}
  Lines Step() {
    Run(tail_.Step());
    return tail_.TakeRows();
  }

  std::unique_ptr<connector::TableSource> source_;
  Tail tail_;
};

TEST_F(FileTailTest, WaitsForFilesAndForTheEndOfALine) {
  EXPECT_FALSE(source_->bounded());
  EXPECT_EQ(Step(), Lines{});
  Run(WriteFile(&env_, "/d/a.log", "on"));
  EXPECT_EQ(Step(), Lines{});
  Run(AppendFile(&env_, "/d/a.log", "e\ntw"));
  EXPECT_EQ(Step(), Lines{"one"});
  EXPECT_TRUE(tail_.seen.caught_up);
  Run(AppendFile(&env_, "/d/a.log", "o\n"));
  Run(WriteFile(&env_, "/d/b.log", "b1\n"));
  EXPECT_EQ(Step(), (Lines{"two", "b1"}));
}

TEST_F(FileTailTest, FollowsARotatedFileAndFindsTheNewOne) {
  Run(WriteFile(&env_, "/d/a.log", "one\n"));
  EXPECT_EQ(Step(), Lines{"one"});
  Run(env_.files().Rename("/d/a.log", "/d/a.old"));
  Run(WriteFile(&env_, "/d/a.log", "three\n"));
  Run(AppendFile(&env_, "/d/a.old", "two\n"));
  Lines rows = Step();
  std::sort(rows.begin(), rows.end());
  EXPECT_EQ(rows, (Lines{"three", "two"}));
  for (int i = 0; i < 200 && tail_.ended_count == 0; ++i) Step();
  EXPECT_EQ(tail_.ended_count, 1);  // quiet under its new name
  Run(AppendFile(&env_, "/d/a.log", "four\n"));
  EXPECT_EQ(Step(), Lines{"four"});
}

TEST_F(FileSourceTest, TailsSmallCompressedFilesWhenTheyAreComplete) {
  Run(WriteFile(&env_, "/z/a.gz", Gzip("one\n").substr(0, 21)));
  Run(WriteFile(&env_, "/z/b.zst", Zstd("two\n").substr(0, 6)));
  auto source = Open("/z", {{"source.monitor-interval", "1 s"}});
  Tail tail(&env_, source.get());
  Run(tail.Step());
  EXPECT_EQ(tail.TakeRows(), Lines{});
  Run(WriteFile(&env_, "/z/a.gz", Gzip("one\n")));  // 24 bytes
  Run(WriteFile(&env_, "/z/b.zst", Zstd("two\n")));
  Run(tail.Step());
  EXPECT_EQ(tail.TakeRows(), (Lines{"one", "two"}));
  EXPECT_EQ(tail.ended_count, 2);
  Run(tail.Step());
  EXPECT_EQ(tail.TakeRows(), Lines{});
}

TEST_F(FileTailTest, EndsWithADeletedFile) {
  Run(WriteFile(&env_, "/d/a.log", "one\n"));
  EXPECT_EQ(Step(), Lines{"one"});
  Run(env_.files().Remove("/d/a.log"));
  EXPECT_EQ(Step(), Lines{});
  EXPECT_EQ(tail_.ended_count, 1);
}

TEST_F(FileTailTest, ReadsATruncatedFileAnew) {
  Run(WriteFile(&env_, "/d/a.log", "# head\none\n"));
  EXPECT_EQ(Step(), (Lines{"# head", "one"}));
  // Same beginning: the split goes on at 0. Shorter, then as long but different.
  Run(WriteFile(&env_, "/d/a.log", "# head\n2\n"));
  EXPECT_EQ(Step(), (Lines{"# head", "2"}));
  Run(WriteFile(&env_, "/d/a.log", "# head\n3 is longer than before\n"));
  EXPECT_EQ(Step(), (Lines{"# head", "3 is longer than before"}));
  // Another beginning: another split.
  Run(WriteFile(&env_, "/d/a.log", "other\nx\n"));
  Lines rows = Step();
  Lines more = Step();
  rows.insert(rows.end(), more.begin(), more.end());
  EXPECT_EQ(rows, (Lines{"other", "x"}));
  EXPECT_EQ(tail_.ended_count, 1);
}

TEST_F(FileTailTest, GoesOnAfterARestartUnderTheNewName) {
  Run(WriteFile(&env_, "/d/a.log", "one\n"));
  EXPECT_EQ(Step(), Lines{"one"});
  auto [id, position] = *tail_.positions.begin();
  Run(AppendFile(&env_, "/d/a.log", "two\n"));
  Run(env_.files().Rename("/d/a.log", "/d/a.log.1"));
  auto again = Open("/d/*.log", {{"source.monitor-interval", "1 s"}});
  SeenOfFile seen;
  connector::SourceSplit split{.id = id, .position = position};
  Run(ReadSplit(&env_, again.get(), split, {0}, 10, &seen));
  EXPECT_EQ(seen.rows, Lines{"two"});
}

TEST_F(FileTailTest, EndsAtOnceWhenTheFileIsGoneAfterARestart) {
  Run(WriteFile(&env_, "/d/a.log", "one\n"));
  EXPECT_EQ(Step(), Lines{"one"});
  auto [id, position] = *tail_.positions.begin();
  Run(env_.files().Remove("/d/a.log"));
  SeenOfFile seen;
  connector::SourceSplit split{.id = id, .position = position};
  Run(ReadSplit(&env_, source_.get(), split, {0}, 10, &seen));
  EXPECT_EQ(seen.rows, Lines{});
}

}  // namespace
}  // namespace mainstem::source

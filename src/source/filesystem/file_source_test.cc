// The filesystem source on the simulated disk and clock: reading whole files, and going on after a
// restart at every possible position.
#include "source/filesystem/file_source.h"

#include <filesystem>

#include "core/sync.h"
#include "source/filesystem/file_split.h"
#include "source/filesystem/testing/line_file_fixture.h"

namespace mainstem::source {
namespace {

using namespace std::chrono_literals;

class FileSourceTest : public LineFileFixture {};

Task<> LookThroughALoop(Files* files, std::string loop) {
  FileSplitId id{.device = 1, .inode = 2, .fingerprint = ""};
  Status looped = (co_await FindSplitFile(files, &id, loop)).status();
  EXPECT_TRUE(Is(looped, ErrorCode::kStorageError)) << looped;
  CO_ASSIGN_OR_RETURN(auto gone, co_await FindSplitFile(files, &id, loop + "-gone"));
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

// After a restart, when nobody looked.
TEST_F(FileSourceTest, DoesNotBeginAgainWithAFileThatIsNotAsItWas) {
  std::string text = "one\ntwo\nthree\n";
  const auto resume = [&](const std::string& path, const std::string& before,
                          const std::string& after) {
    Run(WriteFile(&env_, path, before));
    auto source = Open(path);
    std::vector<connector::SourceSplit> splits;
    Run(Discover(source.get(), &splits));
    SeenOfFile seen;
    Run(ReadSplit(&env_, source.get(), splits[0], {0}, 1, &seen));
    splits[0].position = seen.positions[1];
    Run(WriteFile(&env_, path, after));
    SeenOfFile rest;
    Status status = env_.Run(ReadSplit(&env_, Open(path).get(), splits[0], {0}, 1, &rest));
    EXPECT_EQ(rest.rows, Lines{});
    return TextOf(status).message;
  };
  EXPECT_EQ(resume("/d/a.log", text, "one\n"), "file '/d/a.log' became shorter while it was read");
  EXPECT_EQ(resume("/d/b.log", text, "one\nTWO\nthree\nfour\n"),
            "table 't': file '/d/b.log' was replaced before it was read to its end");
  EXPECT_EQ(resume("/d/c.gz", Gzip(text), Gzip("one\n")),
            "file '/d/c.gz' became shorter while it was read");
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

TEST_F(FileSourceTest, LosesNoLineOfACsvFileThatLooksBlank) {
  auto text_columns = [](int count) {
    connector::TableDescriptor table{.name = "t", .schema = arrow::schema({})};
    for (int i = 0; i < count; ++i) {
      auto column = arrow::field("c" + std::to_string(i), arrow::utf8());
      table.schema = table.schema->AddField(i, column).ValueOrDie();
    }
    return table;
  };
  Run(WriteFile(&env_, "/d/three.csv", "a\tb\tc\n\t\t\n\n \t\t\r\n"));
  Run(WriteFile(&env_, "/d/one.csv", "x\n\n  \n\"\"\n"));
  SeenOfFile three;
  auto source = Open({{"path", "/d/three.csv"}, {"format", "csv"}, {"csv.field-delimiter", "\\t"}},
                     text_columns(3));
  Run(ReadAll(&env_, source.get(), {0, 1, 2}, 100, &three));
  EXPECT_EQ(three.rows, (Lines{"a|b|c", "", " ||"}));  // the second: three empty texts
  EXPECT_EQ(three.rejected, Lines{});
  SeenOfFile one;
  source = Open({{"path", "/d/one.csv"}, {"format", "csv"}}, text_columns(1));
  Run(ReadAll(&env_, source.get(), {0}, 100, &one));
  EXPECT_EQ(one.rows, (Lines{"x", "", "  ", ""}));
}

// Each restart begins at a record, never within one.
TEST_F(FileSourceTest, ReadsLineBreaksInQuotesOfCsv) {
  std::string text = "1,\"a\nb\"\n2,\"\n\n,\"\"\n\"\r\n3,\"c\n\"";
  Run(WriteFile(&env_, "/d/a.csv", text));
  Run(WriteFile(&env_, "/z/a.csv.gz", Gzip(text)));
  connector::TableDescriptor table{.name = "t",
                                   .schema = arrow::schema({arrow::field("id", arrow::int32()),
                                                            arrow::field("s", arrow::utf8())})};
  Lines rows = {"1|a\nb", "2|\n\n,\"\n", "3|c\n"};
  for (const char* path : {"/d", "/z"}) {
    auto source = Open({{"path", path}, {"format", "csv"}}, table);
    SeenOfFile seen;
    Run(ReadAll(&env_, source.get(), {0, 1}, 1, &seen));
    EXPECT_EQ(seen.rows, rows);
    EXPECT_EQ(seen.rejected, Lines{});
    std::vector<connector::SourceSplit> splits;
    Run(Discover(source.get(), &splits));
    for (size_t done = 0; done < rows.size(); ++done) {
      splits[0].position = seen.positions[done];
      SeenOfFile after;
      Run(ReadSplit(&env_, source.get(), splits[0], {0, 1}, 100, &after));
      EXPECT_EQ(after.rows, Lines(rows.begin() + static_cast<int64_t>(done) + 1, rows.end()));
    }
  }
  Run(WriteFile(&env_, "/o/a.csv", "1,\"open\n2,x\n"));
  SeenOfFile open;
  Run(ReadAll(&env_, Open({{"path", "/o"}, {"format", "csv"}}, table).get(), {0, 1}, 10, &open));
  EXPECT_EQ(open.rows, Lines{});
  EXPECT_EQ(open.rejected, (Lines{"/o/a.csv@0: a quoted field has no end"}));
}

TEST_F(FileSourceTest, TakesAnyTextOfAFolderAsItsValue) {
  Run(WriteFile(&env_, "/d/who=a%09b%0A/a.log", "x\n"));
  connector::TableDescriptor table{.name = "t",
                                   .schema = arrow::schema({arrow::field("line", arrow::utf8()),
                                                            arrow::field("who", arrow::utf8())}),
                                   .partition_keys = {"who"}};
  SeenOfFile seen;
  Run(ReadAll(&env_, Open({{"path", "/d"}}, table).get(), {0, 1}, 100, &seen));
  EXPECT_EQ(seen.rows, (Lines{"x|a\tb\n"}));
  table.schema = arrow::schema({table.schema->field(0), arrow::field("who", arrow::int32())});
  auto source = Open({{"path", "/d"}}, table);
  Status status = env_.Run(ReadAll(&env_, source.get(), {0, 1}, 100, &seen));
  EXPECT_EQ(TextOf(status).message,
            "table 't': '/d/who=a%09b%0A/a.log': folder 'who=...': 'a\tb\n' is not an INT");
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

TEST_F(FileSourceTest, SaysThatACompressionIsNotRead) {
  Run(WriteFile(&env_, "/d/a.log.bz2", "BZh9"));
  auto source = Open("/d/a.log*");
  SeenOfFile seen;
  Status status = env_.Run(ReadAll(&env_, source.get(), {0}, 100, &seen));
  EXPECT_EQ(TextOf(status).message, "file '/d/a.log.bz2' is compressed in a way that is not read");
  EXPECT_EQ(CodeOf(status), ErrorCode::kUnsupported);
}

TEST_F(FileSourceTest, RejectsTheRestOfACompressedFileThatIsCutOff) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += std::to_string(i * 7919 % 10007) + "\n";
  std::string zipped = Gzip(text);
  Run(WriteFile(&env_, "/d/a.gz", zipped.substr(0, zipped.size() - 20)));
  Run(WriteFile(&env_, "/d/b.gz", Gzip("next\n")));
  SeenOfFile seen;
  Run(ReadAll(&env_, Open("/d").get(), {0}, 100, &seen));
  ASSERT_EQ(seen.rejected.size(), 1u);
  EXPECT_NE(seen.rejected[0].find("the compressed file '/d/a.gz' is cut off"), std::string::npos)
      << seen.rejected[0];
  ASSERT_GT(seen.rows.size(), 1000u);
  EXPECT_EQ(seen.rows.back(), "next");
  for (size_t i = 0; i + 1 < seen.rows.size(); ++i) {
    EXPECT_EQ(seen.rows[i], std::to_string(i * 7919 % 10007)) << "no half line";
  }
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

}  // namespace
}  // namespace mainstem::source

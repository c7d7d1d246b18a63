// Files that are tailed, on the simulated disk and clock: growth, rotation and truncation, and
// which file is the one that was known.
#include "source/filesystem/known_files.h"

#include "core/sync.h"
#include "source/filesystem/testing/line_file_fixture.h"

namespace mainstem::source {
namespace {

using namespace std::chrono_literals;

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
        LineFileFixture::Note(batch, &seen);
        positions[id] = batch.position;
      } while (!seen.ended && !seen.caught_up);
      if (seen.ended) {
        reader.reset();
        ++ended_count;
      }
    }
    co_return Status::OK();
  }
  std::vector<std::string> TakeRows() { return std::exchange(seen.rows, {}); }

  LineFileFixture::SeenOfFile seen;
  std::map<std::string, std::string> positions;
  int ended_count = 0;

 private:
  Env* env_;
  connector::TableSource* source_;
  std::map<std::string, std::unique_ptr<connector::SplitReader>> readers_;
};

class FileTailTest : public LineFileFixture {
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

TEST_F(FileTailTest, TailsSmallCompressedFilesWhenTheyAreComplete) {
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

// What an inode of its own says: the same file, though it has moved.
TEST_F(FileTailTest, DoesNotReadAFileAgainThatIsQuietOrInAnotherFolder) {
  Run(WriteFile(&env_, "/d/a.log", "# head\none\n"));
  Run(WriteFile(&env_, "/d/b.log", "# head\ntwo\n"));
  Run(WriteFile(&env_, "/d/old/x", "# head\n"));
  auto source = Open("/d", {{"source.monitor-interval", "1 s"}});
  Tail tail(&env_, source.get());
  Run(tail.Step());
  EXPECT_EQ(tail.TakeRows(), (Lines{"# head", "one", "# head", "two", "# head"}));
  Run(env_.files().Rename("/d/a.log", "/d/a.log.1"));
  Run(env_.files().Rename("/d/b.log", "/d/old/b.log"));
  for (int i = 0; i < 200 && tail.ended_count < 2; ++i) Run(tail.Step());
  EXPECT_EQ(tail.ended_count, 2);
  for (int i = 0; i < 3; ++i) Run(tail.Step());
  EXPECT_EQ(tail.TakeRows(), Lines{});
}

// A new file often gets the inode of one that was deleted, and files of csv begin alike.
TEST_F(FileTailTest, ReadsANewFileInAUsedInodeThatBeginsAlike) {
  Run(env_.files().CreateDirectories("/away"));
  Run(WriteFile(&env_, "/d/a.log", "# head\nzero\n"));
  EXPECT_EQ(Step(), (Lines{"# head", "zero"}));
  for (const char* row : {"one", "two"}) {
    // Out of reach as if deleted, and the inode comes back with other contents.
    Run(env_.files().Rename("/d/a.log", "/away/a"));
    EXPECT_EQ(Step(), Lines{});
    Run(WriteFile(&env_, "/away/a", std::string("# head\n") + row + "\n"));
    Run(env_.files().Rename("/away/a", "/d/a.log"));
    EXPECT_EQ(Step(), (Lines{"# head", row}));
    EXPECT_EQ(Step(), Lines{});
  }
  EXPECT_EQ(tail_.ended_count, 2);
}

TEST_F(FileTailTest, GoesOnWithAFileThatWasMovedOutAndBack) {
  Run(env_.files().CreateDirectories("/away"));
  Run(WriteFile(&env_, "/d/a.log", "one\n"));
  EXPECT_EQ(Step(), Lines{"one"});
  for (const char* back : {"/d/a.log", "/d/b.log", "/d/b.log"}) {
    std::string before = tail_.ended_count < 2 ? "/d/a.log" : "/d/b.log";
    Run(env_.files().Rename(before, "/away/a"));
    EXPECT_EQ(Step(), Lines{});
    Run(AppendFile(&env_, "/away/a", std::string("to ") + back + "\n"));
    Run(env_.files().Rename("/away/a", back));
    EXPECT_EQ(Step(), Lines{std::string("to ") + back});
    Run(AppendFile(&env_, back, "more\n"));
    EXPECT_EQ(Step(), Lines{"more"});
  }
  EXPECT_EQ(tail_.ended_count, 3);
}

TEST_F(FileTailTest, WaitsForAFolderThatIsAwayForAMoment) {
  Run(WriteFile(&env_, "/d/a.log", "one\ntw"));
  EXPECT_EQ(Step(), Lines{"one"});
  Run(env_.files().Rename("/d", "/away"));
  EXPECT_EQ(Step(), Lines{});
  Run(AppendFile(&env_, "/away/a.log", "o\n"));
  EXPECT_EQ(Step(), Lines{"two"});
  Run(env_.files().Rename("/away", "/d"));
  EXPECT_EQ(Step(), Lines{});
  Run(AppendFile(&env_, "/d/a.log", "three\n"));
  EXPECT_EQ(Step(), Lines{"three"});
  EXPECT_EQ(tail_.ended_count, 0);
}

// Its files would take room for ever.
TEST_F(FileTailTest, LetsAFolderGoThatStaysAwayAndGoesOnWhenItIsThereAgain) {
  Run(WriteFile(&env_, "/d/a.log", "one\n"));
  EXPECT_EQ(Step(), Lines{"one"});
  Run(env_.files().Rename("/d", "/away"));
  TimePoint begin = env_.Now();
  while (tail_.ended_count == 0) EXPECT_EQ(Step(), Lines{});
  EXPECT_GE(env_.Now() - begin, kFolderPatience);
  Run(AppendFile(&env_, "/away/a.log", "two\n"));
  Run(env_.files().Rename("/away", "/d"));
  EXPECT_EQ(Step(), Lines{"two"});
  EXPECT_EQ(Step(), Lines{});
}

class FileRestoredTest : public FileTailTest {
 protected:
  // The splits that a source finds which goes on with `splits`.
  std::vector<connector::SourceSplit> FindAfter(std::vector<connector::RestoredSplit> splits,
                                                Options options) {
    restored_ = Open("/d/*.log", std::move(options));
    CHECK_OK(dynamic_cast<connector::RestoredSource&>(*restored_).SetRestored(std::move(splits)));
    std::vector<connector::SourceSplit> found;
    Run(Discover(restored_.get(), &found));
    return found;
  }

  const Options tailed_ = {{"source.monitor-interval", "1 s"}};
  std::unique_ptr<connector::TableSource> restored_;
};

TEST_F(FileRestoredTest, KnowsFilesAgainWhenTheirDeviceHasAnotherNumber) {
  Run(WriteFile(&env_, "/d/a.log", "one\ntwo\n"));
  EXPECT_EQ(Step(), (Lines{"one", "two"}));
  auto [id, position] = *tail_.positions.begin();
  ASSERT_EQ(id.substr(0, 7), "file:1-");
  const std::string older = "file:77-" + id.substr(7);
  Run(AppendFile(&env_, "/d/a.log", "three\n"));
  for (const Options& options : {tailed_, Options()}) {
    auto found = FindAfter({{.split = {.id = older, .position = position}}}, options);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].id, older);
  }
  Run(env_.files().Rename("/d/a.log", "/d/b.log"));
  FindAfter({{.split = {.id = older, .position = position}}}, {});
  SeenOfFile seen;
  Run(ReadSplit(&env_, restored_.get(), {.id = older, .position = position}, {0}, 10, &seen));
  EXPECT_EQ(seen.rows, Lines{"three"});
}

TEST_F(FileRestoredTest, ReadsAFileThatWasEmptiedMeanwhileWhenItHasLinesAgain) {
  Run(WriteFile(&env_, "/d/a.log", "# head\none\n"));
  EXPECT_EQ(Step(), (Lines{"# head", "one"}));
  auto [id, position] = *tail_.positions.begin();
  const connector::SourceSplit split{.id = id, .position = position};
  Run(WriteFile(&env_, "/d/a.log", ""));
  EXPECT_EQ(FindAfter({{.split = split}}, tailed_).size(), 0u);
  SeenOfFile seen;
  Run(ReadSplit(&env_, restored_.get(), split, {0}, 10, &seen));
  EXPECT_EQ(seen.rows, Lines{});
  Run(WriteFile(&env_, "/d/a.log", "# head\ntwo\n"));
  std::vector<connector::SourceSplit> found;
  Run(Discover(restored_.get(), &found));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].id, id + "-2");
  // The same from a checkpoint of when the split had ended, and from one of after that.
  connector::RestoredSplit ended{.split = {.id = id, .position = seen.last_position},
                                 .ended = true};
  EXPECT_EQ(FindAfter({ended}, tailed_)[0].id, id + "-2");
  EXPECT_EQ(FindAfter({{.split = found[0]}, ended}, tailed_)[0].id, id + "-2");
  // A file that is as it was read is the same one.
  ended.split.position = position;
  Run(WriteFile(&env_, "/d/a.log", "# head\none\nmore\n"));
  EXPECT_EQ(FindAfter({ended}, tailed_)[0].id, id);
}

// As one that is not mounted yet when the node starts.
TEST_F(FileRestoredTest, GoesOnWhenAFolderThatWasAwayAtARestartIsThereAgain) {
  Run(WriteFile(&env_, "/d/a.log", "one\n"));
  EXPECT_EQ(Step(), Lines{"one"});
  auto [id, position] = *tail_.positions.begin();
  const connector::SourceSplit split{.id = id, .position = position};
  Run(env_.files().Rename("/d", "/away"));
  EXPECT_EQ(FindAfter({{.split = split}}, tailed_).size(), 0u);
  SeenOfFile seen;
  Run(ReadSplit(&env_, restored_.get(), split, {0}, 10, &seen));
  EXPECT_EQ(seen.rows, Lines{});
  Run(AppendFile(&env_, "/away/a.log", "two\n"));
  Run(env_.files().Rename("/away", "/d"));
  // The same from a checkpoint of when the split had ended.
  connector::RestoredSplit ended{.split = {.id = id, .position = seen.last_position},
                                 .ended = true};
  for (bool again : {false, true}) {
    std::vector<connector::SourceSplit> found;
    if (again) {
      found = FindAfter({ended}, tailed_);
    } else {
      Run(Discover(restored_.get(), &found));
    }
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].id, id + "-2");
    Tail tail(&env_, restored_.get());
    Run(tail.Step());
    EXPECT_EQ(tail.TakeRows(), Lines{"two"});
  }
}

// A job that fails before its first checkpoint reads all of it again.
TEST_F(FileRestoredTest, ForgetsWhereAFileWasLeftWhenNoCheckpointHoldsIt) {
  Run(WriteFile(&env_, "/d/a.log", "one\n"));
  EXPECT_EQ(Step(), Lines{"one"});
  Run(env_.files().Rename("/d/a.log", "/a"));
  EXPECT_EQ(Step(), Lines{});
  Run(env_.files().Rename("/a", "/d/a.log"));
  CHECK_OK(dynamic_cast<connector::RestoredSource&>(*source_).SetRestored({}));
  Tail again(&env_, source_.get());
  Run(again.Step());
  EXPECT_EQ(again.TakeRows(), Lines{"one"});
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

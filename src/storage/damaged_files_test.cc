// Goal: a segment file that is missing or cut off costs its own records and nothing else; what is
// left of it is set aside; what retention removed is no damage. Method: a log on the simulated
// disk, whose files are harmed between two runs.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "storage/journal_format.h"
#include "storage/test_log.h"

namespace mainstem::storage {
namespace {

using namespace std::chrono_literals;

constexpr int kValueCount = 90;  // 30 in a segment

std::string ValueAt(int64_t offset) {
  return fmt::format("{} {}", offset, std::string(30'000, 'x'));
}

EmbeddedLogOptions LogOptions() {
  EmbeddedLogOptions options = SmallLog("/data");
  options.retention_check_interval = 24h;
  return options;
}

Task<> AppendValue(EmbeddedLog* log, TopicPartition partition, int64_t offset, int64_t time_ms) {
  std::vector<std::byte> batch = MakeBatch({ValueAt(offset)}, {}, time_ms);
  CO_ASSIGN_OR_RETURN(AppendResult result, co_await log->Append(partition, batch, {}));
  CHECK(result.base_offset == Offset(offset));
  co_return Status::OK();
}

// Three segments of 1 MiB in "t", the last one active; nothing is settled, as after a kill.
Task<> FillDamaged(SimEnv* env, TopicConfig more) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, LogOptions()));
  TopicConfig config{{"segment.bytes", "1048576"}};
  config.insert(more.begin(), more.end());
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 1, config, false));
  int64_t now = env->WallTime().value();
  for (int i = 0; i < kValueCount; ++i) {
    CO_RETURN_IF_ERROR(co_await AppendValue(log.get(), {topic.id, PartitionId(0)}, i, now + i));
  }
  CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  log.release();
  co_return Status::OK();
}

// What the partition has, in order; each value is the one of its offset.
Task<std::vector<int64_t>> OffsetsOf(EmbeddedLog* log, TopicPartition partition) {
  std::vector<int64_t> offsets;
  CO_ASSIGN_OR_RETURN(PartitionOffsets ends, co_await log->Offsets(partition));
  Offset from = ends.log_start;
  while (true) {
    CO_ASSIGN_OR_RETURN(ReadResult read, co_await log->Read(partition, from, {}));
    if (read.batches.empty()) co_return offsets;
    for (const SharedBytes& batch : read.batches) {
      CO_ASSIGN_OR_RETURN(RecordReader reader, RecordReader::Open(batch.bytes));
      RecordView record;
      CO_ASSIGN_OR_RETURN(bool has_one, reader.Next(&record));
      CHECK(!has_one || record.value == ValueAt(record.offset.value()));
      if (has_one && record.offset >= from) offsets.push_back(record.offset.value());
      from = reader.header().next_offset();  // without a record: the end of a hole
    }
  }
}

struct Outcome {
  std::vector<int64_t> before;  // offsets that were there after the start
  std::vector<int64_t> after;   // and when one more had been appended and the node killed
};

Task<> OpenAndLook(SimEnv* env, std::vector<int64_t>* offsets, bool append) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, LogOptions()));
  TopicPartition partition{log->FindTopic("t")->id, PartitionId(0)};
  auto seen = co_await OffsetsOf(log.get(), partition);
  if (seen.ok()) *offsets = *seen;
  Status status = seen.status();
  if (status.ok() && append) {
    CO_ASSIGN_OR_RETURN(PartitionOffsets ends, co_await log->Offsets(partition));
    int64_t now = env->WallTime().value();
    status = co_await AppendValue(log.get(), partition, ends.high_watermark.value(), now);
    if (status.ok()) status = co_await log->Checkpoint();
    log.release();
    co_return status;
  }
  Status stopped = co_await log->Stop();
  co_return status.ok() ? stopped : status;
}

using Harm = std::function<Task<>(Files* files, std::string folder)>;

Status RunHarmed(const Harm& harm, const TopicConfig& config, SimDisk* disk, Outcome* outcome) {
  Runs runs(disk, 7);
  RETURN_IF_ERROR(runs.Run([&](SimEnv* env) { return FillDamaged(env, config); }));
  RETURN_IF_ERROR(runs.Run([&](SimEnv* env) { return harm(&env->files(), "/data/topics/t-0"); }));
  RETURN_IF_ERROR(runs.Run([&](SimEnv* env) { return OpenAndLook(env, &outcome->before, true); }));
  return runs.Run([&](SimEnv* env) { return OpenAndLook(env, &outcome->after, false); });
}

std::vector<std::string> SegmentFiles(const SimDisk& disk) {
  std::vector<std::string> paths;
  for (const std::string& path : disk.ListAll()) {
    if (path.ends_with(".log")) paths.push_back(path);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

Task<std::string> NthSegment(Files* files, std::string folder, size_t number) {
  CO_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, co_await files->List(folder));
  std::erase_if(entries, [](const DirectoryEntry& e) { return !e.name.ends_with(".log"); });
  co_return folder + "/" + entries.at(number).name;
}

Task<> RemoveNth(Files* files, std::string folder, size_t number) {
  CO_ASSIGN_OR_RETURN(std::string path, co_await NthSegment(files, folder, number));
  CO_RETURN_IF_ERROR(co_await files->Remove(std::move(path)));
  co_return co_await files->SyncDirectory(folder);
}

Task<> CutNth(Files* files, std::string folder, size_t number, int64_t bytes) {
  CO_ASSIGN_OR_RETURN(std::string path, co_await NthSegment(files, folder, number));
  OpenOptions how{.write = true};
  CO_ASSIGN_OR_RETURN(std::unique_ptr<File> file, co_await files->Open(std::move(path), how));
  CO_RETURN_IF_ERROR(co_await file->Truncate(bytes));
  co_return co_await file->Sync();
}

std::vector<int64_t> Range(int64_t begin, int64_t end) {
  std::vector<int64_t> numbers;
  for (int64_t i = begin; i < end; ++i) numbers.push_back(i);
  return numbers;
}
std::vector<int64_t> operator+(std::vector<int64_t> a, const std::vector<int64_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class DamagedFilesTest : public testing::TestWithParam<size_t> {
 protected:
  // The offsets of the segment, for 90 values of 30 KB in segments of 1 MiB.
  static constexpr int64_t kBegins[] = {0, 34, 68, kValueCount};
  int64_t begin() const { return kBegins[GetParam()]; }
  int64_t end() const { return kBegins[GetParam() + 1]; }
  // A hole at the end has an offset more, for a batch that readers come past it by.
  int64_t next() const { return kValueCount + (GetParam() == 2 ? 1 : 0); }
};

TEST_P(DamagedFilesTest, AMissingSegmentCostsItsRecordsOnly) {
  SimDisk disk(1);
  Outcome outcome;
  Harm harm = [](Files* files, std::string folder) { return RemoveNth(files, folder, GetParam()); };
  Status status = RunHarmed(harm, {}, &disk, &outcome);
  ASSERT_TRUE(status.ok()) << Describe(status);
  EXPECT_EQ(outcome.before, Range(0, begin()) + Range(end(), kValueCount));
  EXPECT_EQ(outcome.after, outcome.before + Range(next(), next() + 1));
}

TEST_P(DamagedFilesTest, ACutSegmentKeepsItsWholeBatchesAndTheRestIsSetAside) {
  SimDisk disk(1);
  Outcome outcome;
  // Ten batches and a piece of the next.
  Harm harm = [](Files* files, std::string folder) {
    return CutNth(files, folder, GetParam(), 310'000);
  };
  Status status = RunHarmed(harm, {}, &disk, &outcome);
  ASSERT_TRUE(status.ok()) << Describe(status);
  EXPECT_EQ(outcome.before, Range(0, begin() + 10) + Range(end(), kValueCount));
  EXPECT_EQ(outcome.after, outcome.before + Range(next(), next() + 1));
  int set_aside = 0;
  for (const std::string& path : disk.ListAll()) set_aside += path.ends_with(".log.set-aside-1");
  EXPECT_EQ(set_aside, 1);
}

TEST_P(DamagedFilesTest, AnEmptyFileIsSetAsideWhole) {
  SimDisk disk(1);
  Outcome outcome;
  Harm harm = [](Files* files, std::string folder) {
    return CutNth(files, folder, GetParam(), 100);
  };
  Status status = RunHarmed(harm, {}, &disk, &outcome);
  ASSERT_TRUE(status.ok()) << Describe(status);
  EXPECT_EQ(outcome.before, Range(0, begin()) + Range(end(), kValueCount));
  EXPECT_EQ(outcome.after, outcome.before + Range(next(), next() + 1));
}

// The first batch of the second segment is broken: what three reads of it say. What lies around it
// is there.
Task<> ReadAround(EmbeddedLog* log, std::vector<Status>* broken) {
  TopicPartition partition{log->FindTopic("t")->id, PartitionId(0)};
  for (int i = 0; i < 3; ++i) {
    Result<ReadResult> read = co_await log->Read(partition, Offset(34), {});
    broken->push_back(read.status());
  }
  for (int64_t offset : {0, 33, 35, 68}) {
    CO_ASSIGN_OR_RETURN(ReadResult read, co_await log->Read(partition, Offset(offset), {}));
    EXPECT_FALSE(read.batches.empty()) << offset;
  }
  CO_ASSIGN_OR_RETURN(ReadResult before, co_await log->Read(partition, Offset(33), {}));
  int64_t time_ms = ReadBatchHeader(before.batches[0].bytes.data()).max_timestamp + 1;
  CO_ASSIGN_OR_RETURN(OffsetForTime found, co_await log->FindByTime(partition, time_ms));
  EXPECT_EQ(found.offset, Offset(35));
  co_return Status::OK();
}

Task<> OpenAndReadAround(SimEnv* env, Logger logger, std::vector<Status>* broken) {
  EmbeddedLogOptions options = LogOptions();
  options.logger = logger;
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await EmbeddedLog::Open(env, options));
  Status status = co_await ReadAround(log.get(), broken);
  Status stopped = co_await log->Stop();
  co_return status& stopped;
}

// A consumer asks again and again; the line names file and place, once.
TEST(DamagedBatchTest, AReadThatMeetsABrokenBatchIsLoggedOnceAndTheRestIsServed) {
  for (int64_t at : {16, 5000}) {  // its magic byte, a byte of its records
    SCOPED_TRACE(at);
    SimDisk disk(3);
    Runs runs(&disk, 11);
    // The indexes are there: behind a batch of which not even the length is known they tell where
    // to read on.
    auto fill = [](SimEnv* env) { return FillDamaged(env, {}); };
    ASSERT_TRUE(runs.Run(fill, ProcessEnd::kKill).ok());
    std::vector<std::string> files = SegmentFiles(disk);
    ASSERT_EQ(files.size(), 3u);
    ASSERT_TRUE(disk.FlipBit(files[1], at));
    FreshFolder folder;
    std::string path = folder.path() + "/damaged_batch.log";
    std::filesystem::remove(path);
    auto logger = Logger::Make({.file = path});
    ASSERT_TRUE(logger.ok());
    std::vector<Status> broken;
    Status status = runs.Run([&](SimEnv* env) { return OpenAndReadAround(env, *logger, &broken); });
    ASSERT_TRUE(status.ok()) << Describe(status);
    ASSERT_EQ(broken.size(), 3u);
    for (const Status& one : broken) {
      EXPECT_TRUE(Is(one, ErrorCode::kCorruptStorage)) << Describe(one);
    }
    std::ifstream file(path);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
    EXPECT_NE(text.find(files[1]), std::string::npos) << text;
    EXPECT_NE(text.find("34"), std::string::npos) << text;
    EXPECT_NE(text.find(at == 16 ? "at byte 0" : "does not match its checksum"), std::string::npos)
        << text;
  }
}

// Batches of three records; the index has every one of them.
Task<> FillThrees(SimEnv* env) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, LogOptions()));
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 1, {}, false));
  for (int i = 0; i < 30; ++i) {
    int64_t now = env->WallTime().value();
    std::vector<std::byte> batch = MakeBatch(std::vector(3, std::string(2'000, 'x')), {}, now);
    CO_RETURN_IF_ERROR(co_await log->Append({topic.id, PartitionId(0)}, batch, {}));
  }
  CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  co_return co_await log->Stop();
}

// Of the batches that one read gives; nothing: it fails.
Task<std::optional<std::pair<Offset, Offset>>> RangeRead(EmbeddedLog* log, int64_t from) {
  TopicPartition partition{log->FindTopic("t")->id, PartitionId(0)};
  Result<ReadResult> read = co_await log->Read(partition, Offset(from), {});
  std::optional<std::pair<Offset, Offset>> range;
  if (Is(read.status(), ErrorCode::kCorruptStorage)) co_return range;
  CO_RETURN_IF_ERROR(read);
  CHECK(!read->batches.empty());
  range.emplace(ReadBatchHeader(read->batches.front().bytes.data()).base_offset,
                ReadBatchHeader(read->batches.back().bytes.data()).next_offset());
  co_return range;
}

Task<> ReadAroundSixthBatch(SimEnv* env) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, LogOptions()));
  const std::pair<Offset, Offset> before(Offset(0), Offset(15)), behind(Offset(18), Offset(90));
  for (bool again : {false, true}) {
    CO_ASSIGN_OR_RETURN(auto read, co_await RangeRead(log.get(), 0));
    EXPECT_EQ(read, before) << again;
    for (int64_t lost : {15, 16, 17}) {
      CO_ASSIGN_OR_RETURN(read, co_await RangeRead(log.get(), lost));
      EXPECT_FALSE(read.has_value()) << again << lost;
    }
    for (int64_t kept : {18, 19, 20}) {
      CO_ASSIGN_OR_RETURN(read, co_await RangeRead(log.get(), kept));
      EXPECT_EQ(read, behind) << again << kept;
    }
  }
  co_return co_await log->Stop();
}

// The index names a batch by its last offset, a reader asks for its first.
TEST(DamagedBatchTest, TheBatchBehindABrokenHeaderIsReadFromItsFirstOffset) {
  SimDisk disk(3);
  Runs runs(&disk, 11);
  ASSERT_TRUE(runs.Run(FillThrees, ProcessEnd::kKill).ok());
  std::vector<std::string> files = SegmentFiles(disk);
  ASSERT_EQ(files.size(), 1u);
  int64_t batch_bytes =
      static_cast<int64_t>(MakeBatch(std::vector(3, std::string(2'000, 'x')), {}, 1).size());
  ASSERT_TRUE(disk.FlipBit(files[0], 5 * batch_bytes + 16));
  Status status = runs.Run(ReadAroundSixthBatch);
  ASSERT_TRUE(status.ok()) << Describe(status);
}

INSTANTIATE_TEST_SUITE_P(EachSegment, DamagedFilesTest, testing::Values(0, 1, 2));

// Small records in the journal only, over several of its files, one in a frame.
constexpr int kSmallCount = 120;
EmbeddedLogOptions JournalOnly() { return SizedLog("/data", {4 << 20, 256 << 10, 16 << 20}); }

// One in fifty is so short that its frame fits a sector.
std::string SmallValueAt(int64_t offset) {
  int64_t bytes = offset % 50 == 30 ? 10 : 1000 + offset * 7919 % 9000;
  return fmt::format("{} {}", offset, std::string(static_cast<size_t>(bytes), 'x'));
}

Task<> FillJournalWith(SimEnv* env, int count) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, JournalOnly()));
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 1, {}, false));
  CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  for (int i = 0; i < count; ++i) {
    std::vector<std::byte> batch = MakeBatch({SmallValueAt(i)});
    CO_RETURN_IF_ERROR(co_await log->Append({topic.id, PartitionId(0)}, batch, {}));
  }
  log.release();
  co_return Status::OK();
}
Task<> FillJournal(SimEnv* env) { return FillJournalWith(env, kSmallCount); }

// Offsets that are there; appends one more when asked, as a kill follows.
Task<> LookAtJournal(SimEnv* env, std::vector<int64_t>* offsets, bool append) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, JournalOnly()));
  TopicPartition partition{log->FindTopic("t")->id, PartitionId(0)};
  CO_ASSIGN_OR_RETURN(PartitionOffsets ends, co_await log->Offsets(partition));
  offsets->clear();
  for (Offset from(0); from < ends.high_watermark;) {
    CO_ASSIGN_OR_RETURN(ReadResult read, co_await log->Read(partition, from, {}));
    CHECK(!read.batches.empty());  // a hole at the end would stop a consumer
    for (const SharedBytes& batch : read.batches) {
      CO_ASSIGN_OR_RETURN(RecordReader reader, RecordReader::Open(batch.bytes));
      RecordView record;
      CO_ASSIGN_OR_RETURN(bool has_one, reader.Next(&record));
      CHECK(!has_one || record.value == SmallValueAt(record.offset.value()));
      if (has_one) offsets->push_back(record.offset.value());
      from = reader.header().next_offset();  // without a record: the end of a hole
    }
  }
  if (append) {
    std::vector<std::byte> batch = MakeBatch({SmallValueAt(ends.high_watermark.value())});
    CO_RETURN_IF_ERROR(co_await log->Append(partition, batch, {}));
  }
  log.release();
  co_return Status::OK();
}

std::vector<std::string> JournalFiles(const SimDisk& disk, std::string_view part) {
  std::vector<std::string> paths;
  for (const std::string& path : disk.ListAll()) {
    bool is_journal = path.find("/journal-") != std::string::npos;
    std::string_view kind = "files";
    if (path.find("set-aside") != std::string::npos) kind = "copies";
    if (path.find("cut-frame") != std::string::npos) kind = "cut frames";
    if (is_journal && kind == part) paths.push_back(path);
  }
  return paths;
}

// One bit of the journal is wrong after a kill.
TEST(DamagedJournalTest, ABrokenFrameCostsWhatItHeldAndNothingElse) {
  int lost_count = 0, untouched_count = 0;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    SimDisk disk(seed);
    Runs runs(&disk, seed * 10);
    ASSERT_TRUE(runs.Run(FillJournal).ok());
    std::vector<std::string> files = JournalFiles(disk, "files");
    ASSERT_GE(files.size(), 3u);
    std::mt19937_64 random(seed);
    const std::string& file = files[random() % files.size()];
    // A place in the file's header now and then, else anywhere.
    int64_t place = seed % 10 == 0 ? 16 : static_cast<int64_t>(random() % (256 << 10));
    if (!disk.FlipBit(file, place)) continue;
    std::vector<int64_t> before, after;
    Status opened = runs.Run([&](SimEnv* env) { return LookAtJournal(env, &before, true); });
    ASSERT_TRUE(opened.ok()) << file << " " << place << ": " << Describe(opened);
    // At most the record of one frame is missing; the last one looks like a torn tail.
    ASSERT_GE(before.size(), static_cast<size_t>(kSmallCount - 1)) << file << " " << place;
    bool is_hole = before.back() == kSmallCount - 1 && before.size() == kSmallCount - 1;
    lost_count += is_hole;
    untouched_count += before.size() == kSmallCount;
    bool is_copied = !JournalFiles(disk, "copies").empty();
    // The header of a file that is not in use yet does not matter.
    bool is_header = place == 16;
    EXPECT_TRUE(is_copied == is_hole || (is_header && is_copied)) << file << " " << place;
    opened = runs.Run([&](SimEnv* env) { return LookAtJournal(env, &after, false); });
    ASSERT_TRUE(opened.ok()) << Describe(opened);
    EXPECT_EQ(after, before + Range(before.back() + 1, before.back() + 2));
  }
  EXPECT_GE(lost_count, 30);
  EXPECT_GE(untouched_count, 10);
}

// Where the last frame of all begins.
Task<> FindLastFrame(SimEnv* env, std::vector<std::string> files, std::string* path, int64_t* at) {
  LogPosition last(0);
  for (const std::string& file : files) {
    CO_ASSIGN_OR_RETURN(std::string bytes, co_await env->files().ReadAll(file, 1 << 24));
    auto blocks = std::as_bytes(std::span(bytes));
    for (size_t block = kJournalBlockBytes; block < blocks.size(); block += kJournalBlockBytes) {
      std::optional<FrameHeader> header = DecodeFrameHeader(blocks.subspan(block));
      if (!header || header->sequence <= last) continue;
      last = header->sequence;
      *path = file;
      *at = static_cast<int64_t>(block);
    }
  }
  co_return Status::OK();
}

Task<> LookSaying(SimEnv* env, Logger logger) {
  EmbeddedLogOptions options = JournalOnly();
  options.logger = logger;
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await EmbeddedLog::Open(env, options));
  log.release();
  co_return Status::OK();
}

// A log of which the last frame of the journal is wrong in the byte at that place of the frame.
std::pair<std::string, int64_t> FlipInLastFrame(SimDisk* disk, Runs* runs, int count,
                                                size_t place) {
  std::string file;
  int64_t frame_at = 0;
  auto fill = [count](SimEnv* env) { return FillJournalWith(env, count); };
  EXPECT_TRUE(runs->Run(fill).ok());
  auto find = [&](SimEnv* env) {
    return FindLastFrame(env, JournalFiles(*disk, "files"), &file, &frame_at);
  };
  EXPECT_TRUE(runs->Run(find).ok());
  EXPECT_TRUE(disk->FlipBit(file, frame_at + static_cast<int64_t>(place)));
  return {file, frame_at};
}

// No write that was cut leaves such a frame: what was in it is lost, and its offsets, which a
// reader may have seen, are not given again.
void ExpectLossOfLastFrame(int count, size_t place) {
  SCOPED_TRACE(place);
  SimDisk disk(4);
  Runs runs(&disk, 40);
  FlipInLastFrame(&disk, &runs, count, place);
  std::vector<int64_t> before, after;
  Status opened = runs.Run([&](SimEnv* env) { return LookAtJournal(env, &before, true); });
  ASSERT_TRUE(opened.ok()) << Describe(opened);
  EXPECT_EQ(before, Range(0, count - 1));
  EXPECT_EQ(JournalFiles(disk, "copies").size(), 1u);
  opened = runs.Run([&](SimEnv* env) { return LookAtJournal(env, &after, false); });
  ASSERT_TRUE(opened.ok()) << Describe(opened);
  ASSERT_EQ(after.size(), before.size() + 1);
  EXPECT_GT(after.back(), 1'000'000);
  EXPECT_EQ(JournalFiles(disk, "copies").size(), 1u);  // once
  EXPECT_TRUE(JournalFiles(disk, "cut frames").empty());
}

TEST(DamagedJournalTest, ADamagedHeaderOfTheLastFrameIsALoss) {
  for (size_t place = 0; place < kFrameHeaderBytes; place += 3) {
    ExpectLossOfLastFrame(kSmallCount, place);
  }
}

TEST(DamagedJournalTest, ADamagedLastFrameOfOneSectorIsALoss) {
  constexpr int kShortLast = 131;
  for (size_t place : {kFrameHeaderBytes, kFrameHeaderBytes + 30, kFrameHeaderBytes + 110}) {
    ExpectLossOfLastFrame(kShortLast, place);
  }
}

// It may be a torn write, so it costs no offset; that it is not whole is said once, with its place,
// and its bytes are kept.
TEST(DamagedJournalTest, ALastFrameThatIsNotWholeIsSaid) {
  SimDisk disk(4);
  Runs runs(&disk, 40);
  auto [file, frame_at] = FlipInLastFrame(&disk, &runs, kSmallCount, kFrameHeaderBytes + 50);
  FreshFolder folder;
  std::string path = folder.path() + "/torn_frame.log";
  for (bool is_first : {true, false}) {
    std::filesystem::remove(path);
    Logger logger = Logger::Make({.file = path}).ValueOrDie();
    Status opened = runs.Run([&](SimEnv* env) { return LookSaying(env, logger); });
    ASSERT_TRUE(opened.ok()) << Describe(opened);
    std::ifstream said(path);
    std::string text{std::istreambuf_iterator<char>(said), {}};
    bool names_it = text.find(fmt::format("at byte {} of '{}'", frame_at, file)) != text.npos;
    EXPECT_TRUE(names_it || !is_first) << text;
    std::vector<std::string> kept = JournalFiles(disk, "cut frames");
    ASSERT_EQ(kept.size(), 1u);
    EXPECT_TRUE(text.find(kept[0]) != text.npos || !is_first) << text;
    std::vector<int64_t> offsets;
    opened = runs.Run([&](SimEnv* env) { return LookAtJournal(env, &offsets, is_first); });
    ASSERT_TRUE(opened.ok()) << Describe(opened);
    EXPECT_EQ(offsets, Range(0, is_first ? kSmallCount - 1 : kSmallCount));
  }
  EXPECT_TRUE(JournalFiles(disk, "copies").empty());
}

// The active segment was too old: it was ended and removed, and no snapshot tells of that yet.
Task<> Retain(SimEnv* env) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, LogOptions()));
  CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  CO_RETURN_IF_ERROR(co_await Sleep(2h));
  CO_RETURN_IF_ERROR(co_await log->ApplyRetention());
  log.release();
  co_return Status::OK();
}

TEST(RetainedFilesTest, WhatRetentionRemovedIsNoDamage) {
  SimDisk disk(1);
  Runs runs(&disk, 3);
  TopicConfig config{{"retention.ms", "3600000"}};
  ASSERT_TRUE(
      runs.Run([&](SimEnv* env) { return FillDamaged(env, config); }, ProcessEnd::kKill).ok());
  ASSERT_TRUE(runs.Run(Retain, ProcessEnd::kKill).ok());
  EXPECT_TRUE(SegmentFiles(disk).empty());
  std::vector<int64_t> offsets;
  Status opened =
      runs.Run([&](SimEnv* env) { return OpenAndLook(env, &offsets, true); }, ProcessEnd::kKill);
  ASSERT_TRUE(opened.ok()) << Describe(opened);
  EXPECT_TRUE(offsets.empty());
  opened =
      runs.Run([&](SimEnv* env) { return OpenAndLook(env, &offsets, false); }, ProcessEnd::kKill);
  ASSERT_TRUE(opened.ok()) << Describe(opened);
  EXPECT_EQ(offsets, Range(kValueCount, kValueCount + 1));
}

}  // namespace
}  // namespace mainstem::storage

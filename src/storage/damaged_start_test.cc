// Goal: no file of a data folder that is missing, empty, cut, wrong in a bit or not ours stops the
// start; what it alone held is lost and nothing else; what was in it is set aside; nobody gets
// another record at an offset that a lost one had. Method: a table of all kinds of files and ways
// to harm them between a kill and the next start, on the simulated disk.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "storage/bytes.h"
#include "storage/crc32c.h"
#include "storage/test_log.h"

namespace mainstem::storage {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kFlushedCounts[] = {90, 10};         // in segments, by partition
constexpr int64_t kWrittenCounts[] = {95, 13};         // with those that only the journal has
constexpr int64_t kSegmentBegins[] = {0, 34, 68, 90};  // of partition 0

enum class Way : uint8_t { kMissing, kEmpty, kCut, kBitFlipped, kForeign };
constexpr Way kWays[] = {Way::kMissing, Way::kEmpty, Way::kCut, Way::kBitFlipped, Way::kForeign};
const char* NameOf(Way way) {
  static const char* const kNames[] = {"missing", "empty", "cut", "bit flipped", "foreign"};
  return kNames[static_cast<size_t>(way)];
}

EmbeddedLogOptions StartOptions() {
  EmbeddedLogOptions options = SizedLog("/data", {4 << 20, 256 << 10, 8 << 20});
  options.retention_check_interval = 24h;
  options.checkpoint_interval = 24h;
  return options;
}

// Larger in segments: they have three of 1 MiB.
std::string RecordAt(int32_t partition, int64_t offset) {
  bool is_flushed = offset < kFlushedCounts[partition];
  return fmt::format("{}:{} {}", partition, offset, std::string(is_flushed ? 30'000 : 500, 'x'));
}

Task<Offset> AppendRecord(EmbeddedLog* log, TopicPartition partition, std::string value,
                          int64_t time_ms) {
  std::vector<std::byte> batch = MakeBatch({std::move(value)}, {}, time_ms);
  CO_ASSIGN_OR_RETURN(AppendResult result, co_await log->Append(partition, batch, {}));
  co_return result.base_offset;
}

const Log::OffsetKey kGroupKey{"g", "t", PartitionId(0)};

Task<> FillFolder(SimEnv* env, int64_t* begin_ms) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, StartOptions()));
  EmbeddedLog* left = log.release();
  TopicConfig config{{"segment.bytes", "1048576"}};
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await left->CreateTopic("t", 2, config, false));
  *begin_ms = env->WallTime().value();
  std::vector<std::pair<Log::OffsetKey, std::optional<CommittedOffset>>> offsets;
  CommittedOffset committed;
  committed.offset = Offset(42);
  offsets.emplace_back(kGroupKey, committed);
  CO_RETURN_IF_ERROR(co_await left->CommitOffsets(std::move(offsets)));
  CO_RETURN_IF_ERROR(co_await left->PutMeta("key", "value"));
  for (const int64_t* counts : {kFlushedCounts, kWrittenCounts}) {
    for (int32_t i = 0; i < 2; ++i) {
      TopicPartition partition{topic.id, PartitionId(i)};
      CO_ASSIGN_OR_RETURN(PartitionOffsets ends, co_await left->Offsets(partition));
      for (int64_t at = ends.high_watermark.value(); at < counts[i]; ++at) {
        CO_RETURN_IF_ERROR(
            co_await AppendRecord(left, partition, RecordAt(i, at), *begin_ms + at * 1000));
      }
    }
    if (counts == kFlushedCounts) CO_RETURN_IF_ERROR(co_await left->Checkpoint());
  }
  co_return Status::OK();
}

// What one process sees.
struct SeenFolder {
  std::vector<int64_t> lost[2] = {};  // offsets of what was written, by partition
  bool has_group_offset = false;
  bool has_value = false;
  Offset appended[2] = {};
  std::string config;
};

// Every record that is there is the one of its offset, and a reader gets to the end.
Task<std::set<int64_t>> ReadToEnd(EmbeddedLog* log, TopicPartition partition) {
  std::set<int64_t> offsets;
  CO_ASSIGN_OR_RETURN(PartitionOffsets ends, co_await log->Offsets(partition));
  int32_t number = partition.partition.value();
  for (Offset from = ends.log_start; from < ends.high_watermark;) {
    Result<ReadResult> read = co_await log->Read(partition, from, {});
    if (Is(read.status(), ErrorCode::kCorruptStorage)) {  // its reader goes on behind it
      from = from + 1;
      continue;
    }
    CO_RETURN_IF_ERROR(read);
    if (read->batches.empty()) co_return MakeError(ErrorCode::kInternal, "a reader stands still");
    for (const SharedBytes& batch : read->batches) {
      BatchHeader header = ReadBatchHeader(batch.bytes.data());
      from = header.next_offset();
      EXPECT_TRUE(BatchCrcMatches(batch.bytes));
      CO_ASSIGN_OR_RETURN(RecordReader reader, RecordReader::Open(batch.bytes));
      RecordView record;
      CO_ASSIGN_OR_RETURN(bool has_one, reader.Next(&record));
      if (!has_one) continue;
      int64_t offset = record.offset.value();
      bool is_old = offset < kWrittenCounts[number];
      EXPECT_EQ(*record.value, is_old ? RecordAt(number, offset) : "new") << offset;
      offsets.insert(offset);
    }
  }
  co_return offsets;
}

// From any place, at any time: what the indexes are for.
Task<> Seek(EmbeddedLog* log, TopicPartition partition, int64_t begin_ms) {
  for (int64_t offset = 0; offset < kFlushedCounts[0]; offset += 3) {
    CO_ASSIGN_OR_RETURN(ReadResult read, co_await log->Read(partition, Offset(offset), {}));
    EXPECT_FALSE(read.batches.empty());
    if (read.batches.empty()) continue;
    EXPECT_EQ(ReadBatchHeader(read.batches[0].bytes.data()).base_offset, Offset(offset));
    CO_ASSIGN_OR_RETURN(OffsetForTime found,
                        co_await log->FindByTime(partition, begin_ms + offset * 1000 - 500));
    EXPECT_EQ(found.offset, Offset(offset));
  }
  co_return Status::OK();
}

struct FolderVisit {
  int64_t begin_ms = 0;
  bool seeks = false;
  Logger logger = Logger::Silent();
};

Task<> VisitFolder(SimEnv* env, FolderVisit visit, SeenFolder* seen) {
  EmbeddedLogOptions options = StartOptions();
  options.logger = visit.logger;
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> opened,
                      co_await EmbeddedLog::Open(env, options));
  EmbeddedLog* log = opened.release();
  std::optional<TopicInfo> topic = log->FindTopic("t");
  if (!topic) co_return MakeError(ErrorCode::kInternal, "the topic is gone");
  for (const auto& [key, value] : topic->config) seen->config += key + "=" + value + " ";
  for (int32_t i = 0; i < 2; ++i) {
    TopicPartition partition{topic->id, PartitionId(i)};
    CO_ASSIGN_OR_RETURN(std::set<int64_t> offsets, co_await ReadToEnd(log, partition));
    seen->lost[i].clear();
    for (int64_t at = 0; at < kWrittenCounts[i]; ++at) {
      if (!offsets.contains(at)) seen->lost[i].push_back(at);
    }
  }
  TopicPartition first{topic->id, PartitionId(0)};
  if (visit.seeks) CO_RETURN_IF_ERROR(co_await Seek(log, first, visit.begin_ms));
  CO_ASSIGN_OR_RETURN(auto group, co_await log->LoadOffsets());
  seen->has_group_offset = group.size() == 1 && group[0].second.offset == Offset(42);
  CO_ASSIGN_OR_RETURN(auto values, co_await log->ListMeta("key"));
  seen->has_value = values.size() == 1;
  for (int32_t i = 0; i < 2; ++i) {
    TopicPartition partition{topic->id, PartitionId(i)};
    CO_ASSIGN_OR_RETURN(seen->appended[i],
                        co_await AppendRecord(log, partition, "new", visit.begin_ms + 1'000'000));
  }
  co_return Status::OK();
}

// `bit_at`: the byte whose bit is wrong then; negative: the file's middle.
Task<> HarmFile(SimEnv* env, std::string path, Way way, int64_t bit_at) {
  Files& files = env->files();
  if (way == Way::kMissing) {
    CO_RETURN_IF_ERROR(co_await files.Remove(path));
    co_return co_await files.SyncDirectory(path.substr(0, path.rfind('/')));
  }
  CO_ASSIGN_OR_RETURN(std::unique_ptr<File> file, co_await files.Open(path, {.write = true}));
  CO_ASSIGN_OR_RETURN(int64_t size, co_await file->Size());
  if (way == Way::kEmpty) CO_RETURN_IF_ERROR(co_await file->Truncate(0));
  if (way == Way::kCut) CO_RETURN_IF_ERROR(co_await file->Truncate(size / 2 + 1));
  if (way == Way::kBitFlipped) {
    std::byte byte{};
    int64_t at = bit_at < 0 ? size / 2 : bit_at;
    CO_ASSIGN_OR_RETURN(size_t count, co_await file->ReadAt(at, std::span(&byte, 1)));
    CHECK(count == 1);
    byte ^= std::byte{1};
    CO_RETURN_IF_ERROR(co_await file->WriteAt(at, std::span<const std::byte>(&byte, 1)));
  }
  if (way == Way::kForeign) {
    std::string text(static_cast<size_t>(size), '\0');
    for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i * 7919 % 26);
    CO_RETURN_IF_ERROR(co_await file->WriteAt(0, std::as_bytes(std::span(text))));
  }
  co_return co_await file->Sync();
}

// A folder that was filled, a harm to some of its files, and the starts after it.
class DamagedStart {
 public:
  DamagedStart() : disk_(1), runs_(&disk_, 7) {
    Status filled = Run([this](SimEnv* env) { return FillFolder(env, &begin_ms_); });
    CHECK_OK(filled);
    before_ = disk_.ListAll();
    log_path_ = said_folder_.path() + "/node.log";
  }

  std::vector<std::string> Files(std::string_view part, std::string_view ending = "") const {
    std::vector<std::string> paths;
    for (const std::string& path : before_) {
      if (path.find(part) != std::string::npos && path.ends_with(ending)) paths.push_back(path);
    }
    return paths;
  }

  void Harm(const std::string& path, Way way, int64_t bit_at = -1) {
    CHECK_OK(Run([&](SimEnv* env) { return HarmFile(env, path, way, bit_at); }));
  }

  // The file as `change` makes it.
  void Change(const std::string& path, const std::function<void(std::string*)>& change) {
    auto rewrite = [&](SimEnv* env) -> Task<> {
      CO_ASSIGN_OR_RETURN(std::string bytes, co_await env->files().ReadAll(path, 1 << 24));
      change(&bytes);
      CO_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                          co_await env->files().Open(path, {.write = true}));
      CO_RETURN_IF_ERROR(co_await file->WriteAt(0, std::as_bytes(std::span(bytes))));
      co_return co_await file->Sync();
    };
    CHECK_OK(Run(rewrite));
  }

  Status Run(const ProcessBody& body) { return runs_.Run(body, ProcessEnd::kKill); }

  // Starts, looks, appends; is killed and does it once more: the same must be there then.
  Status Start(SeenFolder* seen, bool seeks = false) {
    FolderVisit visit{.begin_ms = begin_ms_, .seeks = seeks};
    visit.logger = Logger::Make({.file = log_path_}).ValueOrDie();
    Status first = Run([&](SimEnv* env) { return VisitFolder(env, visit, seen); });
    if (!first.ok()) return first;
    std::ifstream file(log_path_);
    said_.assign(std::istreambuf_iterator<char>(file), {});
    SeenFolder again;
    RETURN_IF_ERROR(Run([&](SimEnv* env) { return VisitFolder(env, visit, &again); }));
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(again.lost[i], seen->lost[i]);
      EXPECT_GT(again.appended[i], seen->appended[i]);
      EXPECT_GE(seen->appended[i].value(), kWrittenCounts[i]) << "an offset is given twice";
    }
    return Status::OK();
  }

  bool HasSetAside() const {
    std::vector<std::string> all = disk_.ListAll();
    return std::any_of(all.begin(), all.end(), [](const std::string& path) {
      return path.find("set-aside") != std::string::npos;
    });
  }
  const std::string& said() const { return said_; }

 private:
  SimDisk disk_;
  Runs runs_;
  int64_t begin_ms_ = 0;
  std::vector<std::string> before_;
  FreshFolder said_folder_;
  std::string log_path_;
  std::string said_;
};

void ExpectNothingLost(const SeenFolder& seen) {
  EXPECT_TRUE(seen.lost[0].empty());
  EXPECT_TRUE(seen.lost[1].empty());
  EXPECT_TRUE(seen.has_group_offset);
  EXPECT_TRUE(seen.has_value);
}

TEST(DamagedStartTest, NothingIsSaidOfAFolderThatIsWhole) {
  DamagedStart start;
  SeenFolder seen;
  Status status = start.Start(&seen, /*seeks=*/true);
  ASSERT_TRUE(status.ok()) << Describe(status);
  ExpectNothingLost(seen);
  EXPECT_EQ(start.said(), "");
  EXPECT_EQ(seen.appended[0], Offset(95));
}

TEST(DamagedStartTest, OneOfTheTwoSnapshotsIsEnough) {
  for (const char* path : {"/data/snapshot", "/data/snapshot.copy"}) {
    for (Way way : kWays) {
      SCOPED_TRACE(fmt::format("{} {}", path, NameOf(way)));
      DamagedStart start;
      start.Harm(path, way);
      SeenFolder seen;
      Status status = start.Start(&seen, /*seeks=*/true);
      ASSERT_TRUE(status.ok()) << Describe(status);
      ExpectNothingLost(seen);
      EXPECT_EQ(seen.config, "segment.bytes=1048576 ");
      EXPECT_EQ(seen.appended[0], Offset(95));
      bool is_main = std::string(path) == "/data/snapshot";
      EXPECT_EQ(start.said().find("/data/snapshot") != std::string::npos, is_main) << start.said();
      bool has_contents = way != Way::kMissing && way != Way::kEmpty;
      EXPECT_EQ(start.HasSetAside(), is_main && has_contents);
    }
  }
}

TEST(DamagedStartTest, WithoutBothSnapshotsTheFoldersTellWhatTopicsThereAre) {
  for (Way way : kWays) {
    SCOPED_TRACE(NameOf(way));
    DamagedStart start;
    for (const char* path : {"/data/snapshot", "/data/snapshot.copy"}) start.Harm(path, way);
    SeenFolder seen;
    Status status = start.Start(&seen, /*seeks=*/true);
    ASSERT_TRUE(status.ok()) << Describe(status);
    EXPECT_TRUE(seen.lost[0].empty());
    EXPECT_TRUE(seen.lost[1].empty());
    EXPECT_NE(start.said().find("/data/snapshot.copy"), std::string::npos) << start.said();
  }
}

TEST(DamagedStartTest, WithoutSnapshotsAndJournalTheSegmentsAreServed) {
  for (Way way : kWays) {
    SCOPED_TRACE(NameOf(way));
    DamagedStart start;
    for (const char* path : {"/data/snapshot", "/data/snapshot.copy"}) start.Harm(path, way);
    for (const std::string& path : start.Files("/journal-")) start.Harm(path, Way::kMissing);
    for (const std::string& path : start.Files("partition.metadata")) start.Harm(path, way);
    SeenFolder seen;
    Status status = start.Start(&seen, /*seeks=*/true);
    ASSERT_TRUE(status.ok()) << Describe(status);
    EXPECT_EQ(seen.lost[0].size(), 5u);
    EXPECT_EQ(seen.lost[1].size(), 3u);
    EXPECT_EQ(seen.config, "retention.ms=-1 ");
  }
}

TEST(DamagedStartTest, AJournalFileCostsWhatOnlyItHad) {
  std::vector<std::string> files = DamagedStart().Files("/journal-");
  ASSERT_GE(files.size(), 2u);
  size_t lost_count = 0;
  for (const std::string& path : files) {
    for (Way way : kWays) {
      SCOPED_TRACE(fmt::format("{} {}", path, NameOf(way)));
      DamagedStart start;
      start.Harm(path, way);
      SeenFolder seen;
      Status status = start.Start(&seen, /*seeks=*/true);
      ASSERT_TRUE(status.ok()) << Describe(status);
      for (int64_t at : seen.lost[0]) EXPECT_GE(at, kFlushedCounts[0]);
      for (int64_t at : seen.lost[1]) EXPECT_GE(at, kFlushedCounts[1]);
      EXPECT_TRUE(seen.has_group_offset);
      EXPECT_TRUE(seen.has_value);
      size_t lost = seen.lost[0].size() + seen.lost[1].size();
      lost_count += lost;
      if (lost == 0) continue;
      EXPECT_NE(start.said().find("the journal is damaged"), std::string::npos);
    }
  }
  EXPECT_GE(lost_count, 8u * 3);  // missing, empty, foreign
}

TEST(DamagedStartTest, WithoutAnyJournalFileTheSegmentsAreServed) {
  DamagedStart start;
  for (const std::string& path : start.Files("/journal-")) start.Harm(path, Way::kMissing);
  SeenFolder seen;
  Status status = start.Start(&seen, /*seeks=*/true);
  ASSERT_TRUE(status.ok()) << Describe(status);
  EXPECT_EQ(seen.lost[0].size(), 5u);
  EXPECT_EQ(seen.lost[1].size(), 3u);
  EXPECT_TRUE(seen.has_group_offset);
}

// What a bit costs, reading finds out by the batch's checksum; the start does not look for it.
TEST(DamagedStartTest, ASegmentCostsItsOwnRecords) {
  std::vector<std::string> files = DamagedStart().Files("/t-0/", ".log");
  ASSERT_EQ(files.size(), 3u);
  for (size_t i = 0; i < files.size(); ++i) {
    for (Way way : kWays) {
      SCOPED_TRACE(fmt::format("{} {}", files[i], NameOf(way)));
      DamagedStart start;
      start.Harm(files[i], way);
      SeenFolder seen;
      Status status = start.Start(&seen);
      ASSERT_TRUE(status.ok()) << Describe(status);
      EXPECT_TRUE(seen.lost[1].empty());
      EXPECT_FALSE(seen.lost[0].empty());
      for (int64_t at : seen.lost[0]) {
        EXPECT_TRUE(at >= kSegmentBegins[i] && at < kSegmentBegins[i + 1]) << at;
      }
      if (way == Way::kBitFlipped) continue;  // the segments' other batches can be read
      EXPECT_NE(start.said().find(files[i]), std::string::npos) << start.said();
      EXPECT_EQ(start.HasSetAside(), way == Way::kEmpty || way == Way::kCut);
    }
  }
}

// Where the batch of the offset begins in a segment's bytes.
size_t PlaceOf(const std::string& bytes, int64_t offset) {
  const std::byte* data = reinterpret_cast<const std::byte*>(bytes.data());
  size_t at = 0;
  while (ReadBatchHeader(data + at).base_offset != Offset(offset)) {
    at += ReadBatchHeader(data + at).total_bytes();
  }
  return at;
}

// Nothing tells then where the next batch begins.
TEST(DamagedStartTest, ABrokenHeaderWithoutIndexCostsItsOwnBatch) {
  constexpr size_t kBytes[] = {3, 8, 16, 23};  // of base offset, length, magic, last offset
  for (size_t i = 0; i < 3; ++i) {
    for (int64_t offset : {kSegmentBegins[i], kSegmentBegins[i] + 7, kSegmentBegins[i + 1] - 1}) {
      for (size_t byte : kBytes) {
        for (bool has_snapshot : {true, false}) {
          SCOPED_TRACE(fmt::format("offset {} byte {} snapshot {}", offset, byte, has_snapshot));
          DamagedStart start;
          std::string file = start.Files("/t-0/", ".log").at(i);
          start.Change(file,
                       [&](std::string* bytes) { (*bytes)[PlaceOf(*bytes, offset) + byte] ^= 1; });
          for (std::string_view kind : {".index", ".timeindex"}) {
            for (const std::string& path : start.Files("/t-0/", kind)) {
              start.Harm(path, Way::kMissing);
            }
          }
          if (!has_snapshot) {
            for (const char* path : {"/data/snapshot", "/data/snapshot.copy"}) {
              start.Harm(path, Way::kMissing);
            }
          }
          SeenFolder seen;
          Status status = start.Start(&seen);
          ASSERT_TRUE(status.ok()) << Describe(status);
          std::vector<int64_t> lost{offset};
          // Then the end of the log is taken from the journal, which still has it.
          if (!has_snapshot && offset == kSegmentBegins[3] - 1) lost.clear();
          EXPECT_EQ(seen.lost[0], lost);
          EXPECT_TRUE(seen.lost[1].empty());
          EXPECT_NE(start.said().find(file), std::string::npos) << start.said();
        }
      }
    }
  }
}

TEST(DamagedStartTest, AnIndexCostsNothing) {
  for (std::string_view kind : {".index", ".timeindex"}) {
    std::vector<std::string> files = DamagedStart().Files("/t-0/", kind);
    ASSERT_EQ(files.size(), 2u);  // of the segments that are closed
    for (Way way : kWays) {
      for (int64_t bit_at = 0; bit_at < 48; bit_at += 7) {
        SCOPED_TRACE(fmt::format("{} {} {}", files[0], NameOf(way), bit_at));
        DamagedStart start;
        start.Harm(files[0], way, bit_at);
        SeenFolder seen;
        Status status = start.Start(&seen, /*seeks=*/true);
        ASSERT_TRUE(status.ok()) << Describe(status);
        ExpectNothingLost(seen);
        if (way != Way::kBitFlipped) break;
      }
    }
  }
}

TEST(DamagedStartTest, TheMetadataOfAPartitionCostsNothing) {
  for (Way way : kWays) {
    SCOPED_TRACE(NameOf(way));
    DamagedStart start;
    for (const std::string& path : start.Files("partition.metadata")) start.Harm(path, way);
    SeenFolder seen;
    Status status = start.Start(&seen);
    ASSERT_TRUE(status.ok()) << Describe(status);
    ExpectNothingLost(seen);
  }
}

TEST(DamagedStartTest, APartitionWithoutItsFolderGoesOnBehindItsOffsets) {
  DamagedStart start;
  for (const std::string& path : start.Files("/t-0/")) start.Harm(path, Way::kMissing);
  SeenFolder seen;
  Status status = start.Start(&seen);
  ASSERT_TRUE(status.ok()) << Describe(status);
  EXPECT_EQ(seen.lost[0].size(), static_cast<size_t>(kFlushedCounts[0]));
  EXPECT_TRUE(seen.lost[1].empty());
  EXPECT_EQ(seen.appended[0], Offset(kWrittenCounts[0]));
}

// The version is the u16 at 4; the checksum of what stands before it at `crc_at`.
void MakeLater(std::string* bytes, size_t crc_at) {
  std::byte* at = reinterpret_cast<std::byte*>(bytes->data());
  StoreLittle<uint16_t>(at + 4, 2);
  StoreLittle(at + crc_at, Crc32c({at, crc_at}));
}

// A later program's folder must not be taken for a damaged one: what it alone can read would go.
TEST(DamagedStartTest, WhatALaterVersionWroteIsLeftAlone) {
  DamagedStart snapshot;
  for (const char* path : {"/data/snapshot", "/data/snapshot.copy"}) {
    snapshot.Change(path, [](std::string* bytes) { MakeLater(bytes, bytes->size() - 4); });
  }
  SeenFolder seen;
  Status refused = snapshot.Start(&seen);
  EXPECT_TRUE(Is(refused, ErrorCode::kUnsupported)) << Describe(refused);
  EXPECT_FALSE(snapshot.HasSetAside());

  DamagedStart journal;
  journal.Change(journal.Files("/journal-").front(),
                 [](std::string* bytes) { MakeLater(bytes, 24); });
  refused = journal.Start(&seen);
  EXPECT_TRUE(Is(refused, ErrorCode::kUnsupported)) << Describe(refused);
  EXPECT_FALSE(journal.HasSetAside());
}

Task<> OpenTransactionIn(SimEnv* env) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> opened,
                      co_await EmbeddedLog::Open(env, StartOptions()));
  EmbeddedLog* log = opened.release();
  TopicPartition partition{log->FindTopic("t")->id, PartitionId(1)};
  Transaction transaction{.id = "x",
                          .producer_id = ProducerId(4),
                          .producer_epoch = ProducerEpoch(3),
                          .timeout_ms = 60'000,
                          .state = TransactionState::kOngoing,
                          .partitions = {partition}};
  CO_RETURN_IF_ERROR(co_await log->PutTransaction(transaction));
  BatchBuilderOptions options{.producer_id = ProducerId(4), .producer_epoch = ProducerEpoch(3)};
  options.base_sequence = 0;
  options.transactional = true;
  int64_t now = env->WallTime().value();
  std::vector<std::byte> batch = MakeBatch({"open"}, options, now);
  CO_RETURN_IF_ERROR(co_await log->Append(partition, batch, {}));
  co_return co_await log->Checkpoint();
}

Task<> LookForTransaction(SimEnv* env, PartitionOffsets* ends, std::vector<std::string>* values,
                          ProducerId* next_id) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> opened,
                      co_await EmbeddedLog::Open(env, StartOptions()));
  EmbeddedLog* log = opened.release();
  TopicPartition partition{log->FindTopic("t")->id, PartitionId(1)};
  CO_ASSIGN_OR_RETURN(*ends, co_await log->Offsets(partition));
  CO_ASSIGN_OR_RETURN(ReadResult read, co_await log->Read(partition, Offset(kWrittenCounts[1]),
                                                          {.read_committed = true}));
  for (const SharedBytes& batch : read.batches) {
    if (ReadBatchHeader(batch.bytes.data()).control()) continue;
    CO_ASSIGN_OR_RETURN(RecordReader reader, RecordReader::Open(batch.bytes));
    RecordView record;
    CO_ASSIGN_OR_RETURN(bool has_one, reader.Next(&record));
    if (has_one) values->emplace_back(*record.value);
  }
  CO_ASSIGN_OR_RETURN(*next_id, co_await log->NextProducerId());
  co_return Status::OK();
}

TEST(DamagedStartTest, ATransactionThatNobodyKnowsIsAborted) {
  DamagedStart start;
  ASSERT_TRUE(start.Run(OpenTransactionIn).ok());
  for (const char* path : {"/data/snapshot", "/data/snapshot.copy"}) {
    start.Harm(path, Way::kMissing);
  }
  auto remove_journal = [](SimEnv* env) -> Task<> {
    std::string folder = "/data/journal";
    CO_ASSIGN_OR_RETURN(auto entries, co_await env->files().List(folder));
    for (const DirectoryEntry& entry : entries) {
      CO_RETURN_IF_ERROR(co_await env->files().Remove(folder + "/" + entry.name));
    }
    co_return co_await env->files().SyncDirectory(folder);
  };
  ASSERT_TRUE(start.Run(remove_journal).ok());
  PartitionOffsets ends;
  std::vector<std::string> values;
  ProducerId next_id{0};
  Status status =
      start.Run([&](SimEnv* env) { return LookForTransaction(env, &ends, &values, &next_id); });
  ASSERT_TRUE(status.ok()) << Describe(status);
  EXPECT_EQ(ends.last_stable_offset, ends.high_watermark);
  EXPECT_TRUE(values.empty());
  EXPECT_GT(next_id, ProducerId(4));
}

}  // namespace
}  // namespace mainstem::storage

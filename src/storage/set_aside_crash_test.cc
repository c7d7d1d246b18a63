// Goal: what is damaged is never gone, whenever the power goes while it is set aside, and what is
// whole is served. Method: a folder that is harmed, a start in which the power goes at each of its
// steps, another start that writes over every file of the journal, and another power cut; then
// the damaged bytes must be in some file. A disk that forgets one kind of sync must fail that.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "core/durable_folder.h"
#include "core/sim/sim_env.h"
#include "storage/test_log.h"

namespace mainstem::storage {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kFlushed = 22;  // ten in a segment
constexpr int64_t kAll = 30;      // the others are in the journal only
constexpr size_t kKeptFileBytesMax = 1 << 24;

EmbeddedLogOptions AsideOptions() {
  EmbeddedLogOptions options = SizedLog("/data", {1 << 20, 256 << 10, 8 << 20});
  options.buffer_bytes = 256 << 10;
  options.retention_check_interval = 24h;
  options.checkpoint_interval = 24h;
  return options;
}

// Each says its offset all over.
std::string TextAt(int64_t offset) {
  std::string text;
  const size_t bytes = offset < kFlushed ? 100'000 : 300;
  while (text.size() < bytes) text += fmt::format("record {}.", offset);
  return text;
}

Task<> AppendText(EmbeddedLog* log, TopicPartition partition, int64_t offset) {
  std::vector<std::byte> batch = MakeBatch({TextAt(offset)});
  CO_ASSIGN_OR_RETURN(AppendResult result, co_await log->Append(partition, batch, {}));
  CHECK(result.base_offset == Offset(offset));
  co_return Status::OK();
}

Task<> FillForHarm(SimEnv* env) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, AsideOptions()));
  EmbeddedLog* left = log.release();
  TopicConfig config{{"segment.bytes", "1048576"}};
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await left->CreateTopic("t", 1, config, false));
  TopicPartition partition{topic.id, PartitionId(0)};
  for (int64_t at = 0; at < kAll; ++at) {
    if (at == kFlushed) CO_RETURN_IF_ERROR(co_await left->Checkpoint());
    CO_RETURN_IF_ERROR(co_await AppendText(left, partition, at));
  }
  co_return Status::OK();
}

// Changes some file; `gone` says what must be found in some file for ever.
using HarmFolder = std::function<Task<>(Files* files, std::string* gone)>;

Task<> WriteWhole(Files* files, std::string path, std::string bytes) {
  OpenOptions how{.write = true, .create = true};
  CO_ASSIGN_OR_RETURN(std::unique_ptr<File> file, co_await files->Open(path, how));
  CO_RETURN_IF_ERROR(co_await file->Truncate(static_cast<int64_t>(bytes.size())));
  CO_RETURN_IF_ERROR(co_await file->WriteAt(0, std::as_bytes(std::span(bytes))));
  CO_RETURN_IF_ERROR(co_await file->Sync());
  co_return co_await files->SyncDirectory(path.substr(0, path.rfind('/')));
}

// The file behind that many bytes of the record is missing.
Task<> CutWithin(Files* files, std::string path, int64_t offset, size_t kept, std::string* gone) {
  CO_ASSIGN_OR_RETURN(std::string bytes, co_await files->ReadAll(path, kKeptFileBytesMax));
  *gone = TextAt(offset).substr(0, kept);
  size_t at = bytes.find(*gone);
  CHECK(at != std::string::npos);
  co_return co_await WriteWhole(files, path, bytes.substr(0, at + kept));
}

std::string SegmentPath(int64_t base) { return fmt::format("/data/topics/t-0/{:020}.log", base); }

// The journal's file with the record.
Task<std::string> JournalFileOf(Files* files, int64_t offset) {
  std::string folder = "/data/journal";
  CO_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, co_await files->List(folder));
  for (const DirectoryEntry& entry : entries) {
    std::string path = folder + "/" + entry.name;
    CO_ASSIGN_OR_RETURN(std::string bytes, co_await files->ReadAll(path, kKeptFileBytesMax));
    if (bytes.find(TextAt(offset)) != std::string::npos) co_return path;
  }
  co_return MakeError(ErrorCode::kInternal, "the record is not in the journal");
}

Task<> BreakFrame(Files* files, std::string* gone) {
  constexpr int64_t kBroken = kAll - 4;
  CO_ASSIGN_OR_RETURN(std::string path, co_await JournalFileOf(files, kBroken));
  CO_ASSIGN_OR_RETURN(std::string bytes, co_await files->ReadAll(path, kKeptFileBytesMax));
  size_t at = bytes.find(TextAt(kBroken));
  bytes[at + 5] ^= 1;
  *gone = bytes.substr(at, 100);
  co_return co_await WriteWhole(files, path, std::move(bytes));
}

Task<> LeaveStrayFolder(Files* files, std::string* gone) {
  CO_RETURN_IF_ERROR(co_await BreakFrame(files, gone));
  *gone = "of a topic that a lost frame had";
  CO_RETURN_IF_ERROR(co_await MakeDurableFolder(files, "/data/topics/u-0"));
  std::string path = "/data/topics/u-0/00000000000000000000.log";
  co_return co_await WriteWhole(files, std::move(path), *gone);
}

// As when the power went in a checkpoint, before its snapshot.
Task<> LeaveUnknownBytes(Files* files, std::string path, std::string* gone) {
  CO_RETURN_IF_ERROR(co_await BreakFrame(files, gone));
  *gone = "batches of the broken frame, and nowhere else";
  CO_ASSIGN_OR_RETURN(bool exists, co_await files->Exists(path));
  std::string bytes;
  if (exists) {
    CO_ASSIGN_OR_RETURN(bytes, co_await files->ReadAll(path, kKeptFileBytesMax));
  }
  co_return co_await WriteWhole(files, std::move(path), bytes + *gone);
}

Task<> CutJournal(Files* files, std::string* gone) {
  constexpr int64_t kCut = kAll - 4;
  CO_ASSIGN_OR_RETURN(std::string path, co_await JournalFileOf(files, kCut));
  co_return co_await CutWithin(files, std::move(path), kCut, 100, gone);
}

Task<> BreakSnapshot(Files* files, std::string* gone) {
  std::string path = "/data/snapshot";
  CO_ASSIGN_OR_RETURN(*gone, co_await files->ReadAll(path, kKeptFileBytesMax));
  (*gone)[gone->size() / 2] ^= 1;
  co_return co_await WriteWhole(files, std::move(path), *gone);
}

// Nothing tells where the segments end, and one has text behind its last batch.
Task<> LengthenSegment(Files* files, std::string* gone) {
  for (const char* snapshot : {"/data/snapshot", "/data/snapshot.copy"}) {
    CO_RETURN_IF_ERROR(co_await files->Remove(snapshot));
  }
  CO_RETURN_IF_ERROR(co_await files->SyncDirectory("/data"));
  CO_ASSIGN_OR_RETURN(std::string bytes,
                      co_await files->ReadAll(SegmentPath(0), kKeptFileBytesMax));
  *gone = "this is no record batch, whatever else it may be";
  co_return co_await WriteWhole(files, SegmentPath(0), bytes + *gone);
}

struct HarmCase {
  const char* name;
  HarmFolder harm;
  int64_t lost_from, lost_end;  // at most these offsets
};

std::vector<HarmCase> HarmCases() {
  return {
      {"a closed segment is cut",
       [](Files* files, std::string* gone) {
         return CutWithin(files, SegmentPath(0), 4, 50'000, gone);
       },
       4, 10},
      {"the active segment is cut",
       [](Files* files, std::string* gone) {
         return CutWithin(files, SegmentPath(20), 21, 50'000, gone);
       },
       21, kFlushed},
      {"a closed segment has no whole batch",
       [](Files* files, std::string* gone) {
         return CutWithin(files, SegmentPath(10), 10, 50'000, gone);
       },
       10, 20},
      {"a frame of the journal is broken", BreakFrame, kAll - 4, kAll - 3},
      {"the journal is cut", CutJournal, kAll - 4, kAll},
      {"the snapshot is broken", BreakSnapshot, 0, 0},
      {"a segment has a tail and the snapshots are lost", LengthenSegment, 0, 0},
      {"the end of the active segment is not known",
       [](Files* files, std::string* gone) {
         return LeaveUnknownBytes(files, SegmentPath(20), gone);
       },
       kAll - 4, kAll - 3},
      {"a segment is not known",
       [](Files* files, std::string* gone) {
         return LeaveUnknownBytes(files, SegmentPath(kFlushed), gone);
       },
       kAll - 4, kAll - 3},
      {"a folder is of no known topic", LeaveStrayFolder, kAll - 4, kAll - 3},
  };
}

// Opens the log and writes until each file of the journal has been written over.
Task<> StartAndWrite(SimEnv* env) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, AsideOptions()));
  EmbeddedLog* left = log.release();
  std::optional<TopicInfo> other = left->FindTopic("other");
  if (!other) {
    CO_ASSIGN_OR_RETURN(other, co_await left->CreateTopic("other", 1, {}, false));
  }
  std::vector<std::byte> batch = MakeBatch({std::string(100'000, '-')});
  for (int round = 0; round < 3; ++round) {
    CO_RETURN_IF_ERROR(co_await left->Checkpoint());
    for (int i = 0; i < 8; ++i) {
      CO_RETURN_IF_ERROR(co_await left->Append({other->id, PartitionId(0)}, batch, {}));
    }
  }
  co_return Status::OK();
}

Task<std::set<int64_t>> OffsetsThatAreThere(EmbeddedLog* log, TopicPartition partition) {
  std::set<int64_t> offsets;
  CO_ASSIGN_OR_RETURN(PartitionOffsets ends, co_await log->Offsets(partition));
  for (Offset from(0); from < ends.high_watermark;) {
    CO_ASSIGN_OR_RETURN(ReadResult read, co_await log->Read(partition, from, {}));
    if (read.batches.empty()) co_return MakeError(ErrorCode::kInternal, "a reader stands still");
    for (const SharedBytes& batch : read.batches) {
      CO_ASSIGN_OR_RETURN(RecordReader reader, RecordReader::Open(batch.bytes));
      RecordView record;
      CO_ASSIGN_OR_RETURN(bool has_one, reader.Next(&record));
      if (has_one && record.value == TextAt(record.offset.value())) {
        offsets.insert(record.offset.value());
      }
      from = reader.header().next_offset();
    }
  }
  co_return offsets;
}

// What is wrong; empty: nothing.
Task<std::string> LookForGone(SimEnv* env, const SimDisk* disk, std::string gone) {
  for (const std::string& path : disk->ListAll()) {
    CO_ASSIGN_OR_RETURN(std::string bytes, co_await env->files().ReadAll(path, kKeptFileBytesMax));
    if (bytes.find(gone) != std::string::npos) co_return std::string();
  }
  co_return std::string("the damaged bytes are gone");
}

Task<> CheckServed(SimEnv* env, const SimDisk* disk, const HarmCase* harm, std::string gone,
                   std::string* violation) {
  CO_ASSIGN_OR_RETURN(*violation, co_await LookForGone(env, disk, std::move(gone)));
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, AsideOptions()));
  EmbeddedLog* left = log.release();
  std::optional<TopicInfo> topic = left->FindTopic("t");
  if (!topic) co_return MakeError(ErrorCode::kInternal, "the topic is gone");
  TopicPartition partition{topic->id, PartitionId(0)};
  CO_ASSIGN_OR_RETURN(std::set<int64_t> there, co_await OffsetsThatAreThere(left, partition));
  for (int64_t at = 0; at < kAll; ++at) {
    bool may_be_lost = at >= harm->lost_from && at < harm->lost_end;
    if (!there.contains(at) && !may_be_lost) *violation = fmt::format("offset {} is lost", at);
  }
  co_return Status::OK();
}

// The power goes at that step of the start after the harm. `ended`: the start came to its end.
std::string CutWhileSettingAside(const HarmCase& harm, int64_t step, const ForgottenSyncs& forgets,
                                 bool* ended) {
  SimDisk disk(static_cast<uint64_t>(step) + 1, {.forgets = forgets});
  Runs runs(&disk, 7);
  std::string gone, violation;
  Status status = runs.Run(FillForHarm, ProcessEnd::kKill);
  if (status.ok()) {
    status =
        runs.Run([&](SimEnv* env) { return harm.harm(&env->files(), &gone); }, ProcessEnd::kKill);
  }
  CHECK_OK(status);
  auto* cut = new SimEnv(&disk, {.seed = static_cast<uint64_t>(step) + 1});
  Status outcome;
  *ended = cut->RunSteps(StartAndWrite(cut), step, &outcome);
  cut->Abandon();
  disk.Crash();
  if (*ended && !outcome.ok()) return Describe(outcome);
  status = runs.Run(StartAndWrite);
  if (!status.ok()) return "the next start: " + Describe(status);
  auto check = [&](SimEnv* env) { return CheckServed(env, &disk, &harm, gone, &violation); };
  status = runs.Run(check);
  return status.ok() ? violation : "the start after that: " + Describe(status);
}

std::string ViolationOfSteps(const HarmCase& harm, int64_t stride, const ForgottenSyncs& forgets) {
  bool ended = false;
  for (int64_t step = 1; !ended; step += stride) {
    std::string violation = CutWhileSettingAside(harm, step, forgets, &ended);
    if (!violation.empty()) return fmt::format("{}, step {}: {}", harm.name, step, violation);
  }
  return "";
}

// The first violation of a case, or nothing; a step each `stride`. In a process of its own: what
// power cuts leave behind is leaked.
std::string FirstViolation(const HarmCase& harm, int64_t stride, const ForgottenSyncs& forgets) {
  int ends[2];
  CHECK(::pipe(ends) == 0);
  pid_t child = ::fork();
  CHECK(child >= 0);
  if (child == 0) {
    std::string violation = ViolationOfSteps(harm, stride, forgets);
    bool is_told = ::write(ends[1], violation.data(), violation.size()) ==
                   static_cast<ssize_t>(violation.size());
    ::_exit(is_told ? 0 : 1);
  }
  ::close(ends[1]);
  std::string violation;
  char buffer[4096];
  for (ssize_t count; (count = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
    violation.append(buffer, static_cast<size_t>(count));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0 ? violation : fmt::format("the process ended with status {}", status);
}

TEST(SetAsideCrashTest, WhatIsDamagedIsKeptWheneverThePowerGoes) {
  const char* tier = std::getenv("MAINSTEM_TIER");
  bool is_full = tier != nullptr && std::string(tier) == "full";
  for (const HarmCase& harm : HarmCases()) {
    EXPECT_EQ(FirstViolation(harm, is_full ? 5 : 211, {}), "");
  }
}

bool IsAside(const std::string& path) { return path.find("set-aside") != std::string::npos; }

TEST(SetAsideCrashTest, EachSyncOfWhatIsSetAsideIsNeeded) {
  using enum SimChange;
  for (SimChange forgotten : {kData, kCreate, kRename, kMakeDirectory}) {
    auto forgets = [forgotten](SimChange change, const std::string& path) {
      return change == forgotten && IsAside(path);
    };
    std::string violation;
    for (const HarmCase& harm : HarmCases()) {
      if (violation.empty()) violation = FirstViolation(harm, 400, forgets);
    }
    EXPECT_NE(violation, "") << static_cast<int>(forgotten);
    std::printf("without sync %d: %s\n", static_cast<int>(forgotten), violation.c_str());
  }
}

}  // namespace
}  // namespace mainstem::storage

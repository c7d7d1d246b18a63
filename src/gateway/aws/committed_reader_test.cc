// A reader whose place is committed with what it has made: pieces, notes, places through failures,
// and what retention takes.
#include "gateway/aws/committed_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "gateway/aws/epoch_appends.h"
#include "storage/testing/memory_log.h"

namespace mainstem::gateway::aws {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct ReaderWorld {
  explicit ReaderWorld(Env* env) : log(env) {}

  Task<> Open() {
    CO_ASSIGN_OR_RETURN(auto from, co_await log.CreateTopic("from", 1, {}, false));
    CO_ASSIGN_OR_RETURN(auto to, co_await log.CreateTopic("to", 1, {}, false));
    source = {.topic_id = from.id, .partition = PartitionId(0)};
    target = {.topic_id = to.id, .partition = PartitionId(0)};
    co_return Status::OK();
  }
  // A batch of its own for each letter.
  Task<> Put(std::string letters) {
    for (char letter : letters) {
      std::string text(1, letter);
      EpochAppends appends;
      CO_RETURN_IF_ERROR(appends.Add(source, {.timestamp_ms = 1, .key = "k", .value = text}));
      CO_ASSIGN_OR_RETURN(auto batches, appends.Take());
      CO_RETURN_IF_ERROR(co_await log.Append(source, batches[0].batch, {}));
    }
    co_return Status::OK();
  }
  // Reads a piece of at most `count` records.
  Task<bool> Read(CommittedReader* reader, size_t count, std::vector<std::string>* texts) {
    texts->clear();
    CommittedReader::Piece piece;
    piece.take = [texts, count](const storage::RecordView& record) -> Result<bool> {
      if (texts->size() >= count) return false;
      texts->emplace_back(record.value.value_or(""));
      return true;
    };
    return reader->Read(std::move(piece));
  }
  Task<> Commit(CommittedReader* reader, std::string text, std::string note) {
    EpochAppends appends;
    CO_RETURN_IF_ERROR(appends.Add(target, {.timestamp_ms = 1, .key = "k", .value = text}));
    CommittedReader::Outcome outcome{.end = reader->next(), .note = std::move(note)};
    CO_ASSIGN_OR_RETURN(outcome.appends, appends.Take());
    co_return co_await reader->Commit(std::move(outcome));
  }

  storage::MemoryLog log;
  storage::TopicPartition source{};
  storage::TopicPartition target{};
};

using ReaderScenario = Task<> (*)(ReaderWorld* world);

Task<> PlayReader(Env* env, ReaderScenario scenario) {
  ReaderWorld world(env);
  CO_RETURN_IF_ERROR(co_await world.Open());
  co_return co_await scenario(&world);
}

void RunReader(ReaderScenario scenario) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  Status status = env.Run(PlayReader(&env, scenario));
  EXPECT_TRUE(status.ok()) << status.ToString();
}

Task<> GoOnFromTheLastCommit(ReaderWorld* world) {
  CO_RETURN_IF_ERROR(co_await world->Put("abcd"));
  CommittedReader reader(&world->log, "job");
  CO_RETURN_IF_ERROR(co_await reader.Open(world->source, Offset(1)));
  std::vector<std::string> texts;
  CO_ASSIGN_OR_RETURN(bool moved, co_await world->Read(&reader, 2, &texts));
  EXPECT_TRUE(moved);
  EXPECT_THAT(texts, ElementsAre("b", "c"));
  EXPECT_EQ(reader.next(), Offset(3));
  EXPECT_GT(reader.uncommitted_bytes(), 0);
  CO_RETURN_IF_ERROR(co_await world->Commit(&reader, "made", "a note"));
  EXPECT_EQ(reader.uncommitted_bytes(), 0);
  // Read and not committed: comes again.
  CO_ASSIGN_OR_RETURN(moved, co_await world->Read(&reader, 9, &texts));
  EXPECT_THAT(texts, ElementsAre("d"));
  CO_RETURN_IF_ERROR(co_await reader.Open(world->source, Offset(1)));
  EXPECT_EQ(reader.next(), Offset(3));
  EXPECT_EQ(reader.note(), "a note");
  CO_ASSIGN_OR_RETURN(moved, co_await world->Read(&reader, 9, &texts));
  EXPECT_THAT(texts, ElementsAre("d"));
  CO_ASSIGN_OR_RETURN(moved, co_await world->Read(&reader, 9, &texts));
  EXPECT_FALSE(moved);
  EXPECT_THAT(texts, IsEmpty());
  co_return Status::OK();
}

TEST(CommittedReaderTest, GoesOnFromTheLastCommit) { RunReader(GoOnFromTheLastCommit); }

// One that was done though its answer was lost is found; the caller opens again after a failure.
Task<> CommitThroughFailures(ReaderWorld* world) {
  CO_RETURN_IF_ERROR(co_await world->Put("ab"));
  CommittedReader reader(&world->log, "job");
  std::vector<std::string> texts;
  int commits = 0;
  world->log.commit_hook = [&commits](const storage::EpochCommit&) {
    storage::MemoryLog::CommitFault fault;
    if (++commits == 1) fault.before = MakeError(ErrorCode::kStorageError, "before");
    if (commits == 2) fault.after = MakeError(ErrorCode::kStorageError, "after");
    return fault;
  };
  for (Offset expected : {Offset(0), Offset(0), Offset(2)}) {
    CO_RETURN_IF_ERROR(co_await reader.Open(world->source, Offset(0)));
    EXPECT_EQ(reader.next(), expected);
    CO_RETURN_IF_ERROR(co_await world->Read(&reader, 9, &texts));
    if (!texts.empty()) {
      Status committed = co_await world->Commit(&reader, "made", "");
      EXPECT_FALSE(committed.ok());
    }
  }
  world->log.commit_hook = nullptr;
  CO_ASSIGN_OR_RETURN(auto offsets, co_await world->log.Offsets(world->target));
  EXPECT_EQ(offsets.high_watermark, Offset(1));
  co_return Status::OK();
}

TEST(CommittedReaderTest, FindsTheCommitWhoseAnswerWasLost) { RunReader(CommitThroughFailures); }

Task<> PassWhatIsGone(ReaderWorld* world) {
  CO_RETURN_IF_ERROR(co_await world->Put("abc"));
  CO_RETURN_IF_ERROR(co_await world->log.DeleteRecords(world->source, Offset(2)));
  CommittedReader reader(&world->log, "job");
  CO_RETURN_IF_ERROR(co_await reader.Open(world->source, Offset(0)));
  std::vector<std::string> texts;
  bool moved = true;
  std::vector<std::string> all;
  while (moved) {
    CO_ASSIGN_OR_RETURN(moved, co_await world->Read(&reader, 9, &texts));
    all.insert(all.end(), texts.begin(), texts.end());
  }
  EXPECT_THAT(all, ElementsAre("c"));
  co_return Status::OK();
}

TEST(CommittedReaderTest, GoesOnBehindWhatRetentionTook) { RunReader(PassWhatIsGone); }

}  // namespace
}  // namespace mainstem::gateway::aws

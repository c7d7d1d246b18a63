// Archives and replays behind the door, on virtual time: through failing commits, restarts, and
// when they are cancelled.
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/events/testing/events_door.h"
#include "storage/batch_builder.h"

namespace mainstem::gateway::events {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr int kArchived = 40;

// An archive "a" of the default bus with some events in it.
Task<> FillArchive(EventsDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->Ask(
      "CreateArchive",
      R"({"ArchiveName":"a","EventSourceArn":"arn:aws:events:r:000000000000:event-bus/default"})"));
  for (int i = 0; i < kArchived; ++i) {
    std::string detail = R"({\"n\":)" + std::to_string(i) + "}";
    CO_RETURN_IF_ERROR(co_await door->PutOne(std::move(detail)));
  }
  CO_RETURN_IF_ERROR(co_await Sleep(30s));
  CO_ASSIGN_OR_RETURN(size_t count, co_await CountOf(door, "archives.a"));
  EXPECT_EQ(count, size_t{kArchived});
  co_return Status::OK();
}

Task<> StartReplayOfAll(EventsDoor* door) {
  return door->Ask("StartReplay",
                   R"({"ReplayName":"r","EventSourceArn":"arn:aws:events:r:1:archive/a",)"
                   R"("EventStartTime":1,"EventEndTime":9999999999,"Destination":)"
                   R"({"Arn":"arn:aws:events:r:000000000000:event-bus/default"}})");
}

Task<std::string> DescribeReplayNow(EventsDoor* door) {
  door->Connect();
  CO_ASSIGN_OR_RETURN(net::RawResponse answer,
                      co_await door->Call("DescribeReplay", R"({"ReplayName":"r"})"));
  co_return answer.body;
}

// Fails each job's commits by turns: before, after, not at all.
void FailCommits(EventsDoor* door, std::map<std::string, int>* commits) {
  door->log.commit_hook = [commits](const storage::EpochCommit& commit) {
    storage::MemoryLog::CommitFault fault;
    int number = ++(*commits)[commit.job_id];
    if (number % 3 == 1) fault.before = MakeError(ErrorCode::kStorageError, "before the commit");
    if (number % 3 == 2) fault.after = MakeError(ErrorCode::kStorageError, "after the commit");
    return fault;
  };
}

Task<> ReplayThroughFaults(EventsDoor* door) {
  std::map<std::string, int> commits;
  FailCommits(door, &commits);
  CO_RETURN_IF_ERROR(co_await FillArchive(door));
  CO_RETURN_IF_ERROR(co_await StartReplayOfAll(door));
  CO_RETURN_IF_ERROR(co_await Sleep(30s));
  CO_ASSIGN_OR_RETURN(std::string replay, co_await DescribeReplayNow(door));
  EXPECT_THAT(replay, HasSubstr(R"("State":"COMPLETED")"));
  CO_ASSIGN_OR_RETURN(auto bus, co_await RecordsOf(door, "events.default"));
  EXPECT_EQ(bus.size(), size_t{2 * kArchived});
  for (size_t i = kArchived; i < bus.size(); ++i) {
    EXPECT_EQ(bus[i].value, R"({"replay-name":"r",)" + bus[i - kArchived].value.substr(1));
  }
  // What was replayed is not archived again.
  CO_ASSIGN_OR_RETURN(size_t count, co_await CountOf(door, "archives.a"));
  EXPECT_EQ(count, size_t{kArchived});
  EXPECT_EQ(commits.size(), 2u);  // the archive's job and the replay's
  for (const auto& [job, count_of_job] : commits) EXPECT_GE(count_of_job, 2) << job;
  door->log.commit_hook = nullptr;
  co_return Status::OK();
}

TEST(ReplayTest, EachEventIsArchivedAndReplayedOnceThroughFailingCommits) {
  aws::RunAtDoor<EventsDoor>(ThenStop<ReplayThroughFaults>);
}

Task<> GoOnAfterARestart(EventsDoor* door) {
  CO_RETURN_IF_ERROR(co_await FillArchive(door));
  door->log.commit_hook = [](const storage::EpochCommit& commit) {
    storage::MemoryLog::CommitFault fault;
    bool is_replay = commit.job_id.starts_with("event-replay/");
    if (is_replay) fault.after = MakeError(ErrorCode::kStorageError, "the answer is lost");
    return fault;
  };
  CO_RETURN_IF_ERROR(co_await StartReplayOfAll(door));
  CO_RETURN_IF_ERROR(co_await Restart(door));
  door->log.commit_hook = nullptr;
  CO_RETURN_IF_ERROR(co_await Sleep(30s));
  CO_ASSIGN_OR_RETURN(std::string replay, co_await DescribeReplayNow(door));
  EXPECT_THAT(replay, HasSubstr(R"("State":"COMPLETED")"));
  CO_ASSIGN_OR_RETURN(size_t count, co_await CountOf(door, "events.default"));
  EXPECT_EQ(count, size_t{2 * kArchived});
  co_return Status::OK();
}

TEST(ReplayTest, AReplayGoesOnAfterARestart) {
  aws::RunAtDoor<EventsDoor>(ThenStop<GoOnAfterARestart>);
}

// Events are stamped before they are in the log: their times are not sorted.
Task<> ReplayOfATime(EventsDoor* door) {
  constexpr int64_t kBegin = 1'800'000'000;
  CO_RETURN_IF_ERROR(co_await FillArchive(door));
  storage::BatchBuilder builder;
  for (int64_t second : {10, 70, 20, -5, 30, 60}) {
    std::string event = R"({"at":)" + std::to_string(second) + "}";
    builder.Add((kBegin + second) * 1000, std::nullopt, event);
  }
  CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
  auto topic = door->log.FindTopic("archives.a");
  storage::TopicPartition archive{.topic_id = topic->id, .partition = PartitionId(0)};
  CO_RETURN_IF_ERROR(co_await door->log.Append(archive, batch, {}));
  CO_RETURN_IF_ERROR(co_await door->Ask(
      "StartReplay", R"({"ReplayName":"r","EventSourceArn":"arn:aws:events:r:1:archive/a",)"
                     R"("EventStartTime":1800000000,"EventEndTime":1800000060,"Destination":)"
                     R"({"Arn":"arn:aws:events:r:000000000000:event-bus/default"}})"));
  CO_RETURN_IF_ERROR(co_await Sleep(30s));
  CO_ASSIGN_OR_RETURN(std::string replay, co_await DescribeReplayNow(door));
  EXPECT_THAT(replay, HasSubstr(R"("State":"COMPLETED")"));
  CO_ASSIGN_OR_RETURN(auto bus, co_await RecordsOf(door, "events.default"));
  EXPECT_EQ(bus.size(), size_t{kArchived + 3});
  for (size_t i = kArchived; i < bus.size(); ++i) {
    EXPECT_EQ(bus[i].value,
              R"({"replay-name":"r","at":)" + std::to_string(10 * (i - kArchived + 1)) + "}");
  }
  co_return Status::OK();
}

TEST(ReplayTest, ReplaysWhatArrivedInTheTimeWhereverItLies) {
  aws::RunAtDoor<EventsDoor>(ThenStop<ReplayOfATime>);
}

Task<> CancelIt(EventsDoor* door) {
  CO_RETURN_IF_ERROR(co_await FillArchive(door));
  door->log.commit_hook = [](const storage::EpochCommit& commit) {
    storage::MemoryLog::CommitFault fault;
    bool is_replay = commit.job_id.starts_with("event-replay/");
    if (is_replay) fault.before = MakeError(ErrorCode::kStorageError, "the disk is away");
    return fault;
  };
  CO_RETURN_IF_ERROR(co_await StartReplayOfAll(door));
  CO_RETURN_IF_ERROR(co_await Sleep(5s));
  CO_ASSIGN_OR_RETURN(std::string replay, co_await DescribeReplayNow(door));
  EXPECT_THAT(replay, HasSubstr(R"("State":"RUNNING")"));
  CO_RETURN_IF_ERROR(co_await door->Ask("CancelReplay", R"({"ReplayName":"r"})"));
  door->log.commit_hook = nullptr;
  CO_RETURN_IF_ERROR(co_await Restart(door));
  CO_RETURN_IF_ERROR(co_await Sleep(30s));
  CO_ASSIGN_OR_RETURN(replay, co_await DescribeReplayNow(door));
  EXPECT_THAT(replay, HasSubstr(R"("State":"CANCELLED")"));
  CO_ASSIGN_OR_RETURN(size_t count, co_await CountOf(door, "events.default"));
  EXPECT_EQ(count, size_t{kArchived});
  co_return Status::OK();
}

TEST(ReplayTest, ACancelledReplayPutsNothingMore) {
  aws::RunAtDoor<EventsDoor>(ThenStop<CancelIt>);
}

}  // namespace
}  // namespace mainstem::gateway::events

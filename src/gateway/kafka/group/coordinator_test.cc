// The group coordinator over a log in memory, through restarts.
#include "gateway/kafka/group/coordinator.h"

#include <gtest/gtest.h>

#include "storage/testing/memory_log.h"

namespace mainstem::gateway::kafka {
namespace {

using namespace std::chrono_literals;

class GroupCoordinatorTest : public ::testing::Test {
 protected:
  void SetUp() override { Start(); }
  void TearDown() override { Stop(); }
  void Start() {
    Executor home = env_->shard(0);
    groups_ = std::make_unique<GroupCoordinator>(env_.get(), &log_, &log_, &budget_,
                                                 Logger::Silent(), home, GroupSettings());
    CHECK_OK(RunBlocking(home, groups_->Start()));
  }
  void Stop() {
    CHECK_OK(RunBlocking(env_->shard(0), groups_->Stop()));
    groups_.reset();
  }
  void Restart() {
    Stop();
    Start();
  }
  void Run(Task<> scenario) {
    Status status = RunBlocking(env_->shard(1), std::move(scenario));
    EXPECT_TRUE(status.ok()) << Describe(status);
  }

  static JoinCall NewMember() {
    JoinCall join;
    join.client_id = "c";
    join.session_timeout = 10s;
    join.rebalance_timeout = 10s;
    join.protocol_type = "consumer";
    join.protocols = {{"range", "topics"}};
    return join;
  }
  // Of the member that joined first.
  Task<> Sync(int32_t generation) {
    SyncCall sync;
    sync.member_id = member_;
    sync.generation = generation;
    sync.assignments.emplace_back(member_, "mine");
    CO_ASSIGN_OR_RETURN(SyncReply synced, co_await groups_->Sync("g", std::move(sync)));
    EXPECT_EQ(synced.assignment, "mine");
    has_synced_ = true;
    co_return Status::OK();
  }
  Task<> JoinAlone() {
    CO_ASSIGN_OR_RETURN(JoinReply joined, co_await groups_->Join("g", NewMember()));
    EXPECT_EQ(joined.error, KafkaError::kNone);
    member_ = joined.member_id;
    co_return co_await Sync(joined.generation);
  }
  Task<> JoinAsSecond() { co_return (co_await groups_->Join("g", NewMember())).status(); }
  // The next rebalance begins before the assignment of the first can have been kept.
  Task<> SyncWhileAnotherJoins() {
    CO_ASSIGN_OR_RETURN(JoinReply joined, co_await groups_->Join("g", NewMember()));
    member_ = joined.member_id;
    TaskScope scope(env_->shard(0), "calls", [](const std::string&, const Status&) { FAIL(); });
    scope.Spawn("sync", Sync(joined.generation));
    scope.Spawn("join", JoinAsSecond());
    while (!has_synced_) CO_RETURN_IF_ERROR(co_await Sleep(1ms));
    CO_ASSIGN_OR_RETURN(GroupDescription description, co_await groups_->Describe("g"));
    EXPECT_EQ(description.state, "PreparingRebalance");
    co_return co_await scope.Close();
  }
  Task<> GoOn() {
    CO_ASSIGN_OR_RETURN(KafkaError error, co_await groups_->Heartbeat("g", member_, {}, 1));
    EXPECT_EQ(error, KafkaError::kNone);
    CommitCall call{.group = "g", .member_id = member_, .generation = 1};
    call.offsets.push_back({.topic = "t", .partition = PartitionId(0), .offset = {}});
    CO_ASSIGN_OR_RETURN(error, co_await groups_->Commit(std::move(call)));
    EXPECT_EQ(error, KafkaError::kNone);
    CO_ASSIGN_OR_RETURN(GroupDescription description, co_await groups_->Describe("g"));
    EXPECT_EQ(description.state, "Stable");
    EXPECT_EQ(description.protocol_name, "range");
    EXPECT_EQ(description.members.at(0).assignment, "mine");
    co_return Status::OK();
  }
  Task<> LeaveAlone() {
    std::vector<GroupCoordinator::Leaver> leavers(1);
    leavers[0].member_id = member_;
    CO_ASSIGN_OR_RETURN(auto errors, co_await groups_->Leave("g", std::move(leavers)));
    EXPECT_EQ(errors.at(0), KafkaError::kNone);
    std::string kept;
    for (int i = 0; i < 1000; ++i) {  // it is kept soon, not at once
      CO_ASSIGN_OR_RETURN(auto meta, co_await log_.ListMeta("kafka-groups/"));
      CO_ASSIGN_OR_RETURN(SavedGroup saved, DecodeSavedGroup(meta.at("kafka-groups/g")));
      if (saved.members.empty()) break;
      CO_RETURN_IF_ERROR(co_await Sleep(5ms));
    }
    co_return Status::OK();
  }
  Task<> FindEmpty() {
    CO_ASSIGN_OR_RETURN(GroupDescription description, co_await groups_->Describe("g"));
    EXPECT_EQ(description.state, "Empty");
    EXPECT_EQ(description.protocol_type, "consumer");
    co_return Status::OK();
  }
  Task<> Delete() {
    CO_ASSIGN_OR_RETURN(KafkaError error, co_await groups_->Delete("g"));
    EXPECT_EQ(error, KafkaError::kNone);
    CO_ASSIGN_OR_RETURN(auto meta, co_await log_.ListMeta("kafka-groups/"));
    EXPECT_TRUE(meta.empty());
    co_return Status::OK();
  }
  Task<> FindDead() {
    CO_ASSIGN_OR_RETURN(GroupDescription description, co_await groups_->Describe("g"));
    EXPECT_FALSE(description.exists);
    co_return Status::OK();
  }
  Task<KafkaError> TryToJoin(std::string group, std::string metadata = "topics") {
    JoinCall call = NewMember();
    call.protocols[0].metadata = std::move(metadata);
    CO_ASSIGN_OR_RETURN(JoinReply joined, co_await groups_->Join(group, std::move(call)));
    if (joined.error == KafkaError::kNone) member_ = joined.member_id;
    co_return joined.error;
  }
  // More groups than there is memory for.
  Task<> FillMemory() {
    KafkaError error = KafkaError::kNone;
    int count = 0;
    std::string last;
    for (; count < 1000 && error == KafkaError::kNone; ++count) {
      last = fmt::format("g{}", count);
      CO_ASSIGN_OR_RETURN(error, co_await TryToJoin(last, std::string(100'000, 'x')));
    }
    EXPECT_EQ(error, KafkaError::kCoordinatorNotAvailable);  // clients come again
    EXPECT_LE(budget_.used_bytes(), budget_.shared_bytes() / 4);
    EXPECT_GT(budget_.used_bytes(), budget_.shared_bytes() / 10);
    CO_ASSIGN_OR_RETURN(GroupDescription refused, co_await groups_->Describe(last));
    EXPECT_FALSE(refused.exists);
    // For ever, when it is too much for any group.
    CO_ASSIGN_OR_RETURN(error, co_await TryToJoin("huge", std::string(5 << 20, 'x')));
    EXPECT_EQ(error, KafkaError::kGroupMaxSizeReached);
    std::vector<GroupCoordinator::Leaver> leavers(1);
    leavers[0].member_id = member_;
    CO_ASSIGN_OR_RETURN(auto errors,
                        co_await groups_->Leave(fmt::format("g{}", count - 2), std::move(leavers)));
    EXPECT_EQ(errors.at(0), KafkaError::kNone);
    CO_ASSIGN_OR_RETURN(error, co_await TryToJoin(last, std::string(90'000, 'x')));
    EXPECT_EQ(error, KafkaError::kNone);
    co_return Status::OK();
  }
  Task<> UseLongIds() {
    std::string id(kIdBytesMax + 1, 'x');
    CO_ASSIGN_OR_RETURN(KafkaError error, co_await TryToJoin(id));
    EXPECT_EQ(error, KafkaError::kInvalidGroupId);
    CommitCall call{.group = id};
    call.offsets.push_back({.topic = "t", .partition = PartitionId(0), .offset = {}});
    CO_ASSIGN_OR_RETURN(error, co_await groups_->Commit(std::move(call)));
    EXPECT_EQ(error, KafkaError::kInvalidGroupId);
    CO_ASSIGN_OR_RETURN(error, co_await TryToJoin(id.substr(1)));
    EXPECT_EQ(error, KafkaError::kNone);
    co_return Status::OK();
  }
  // Known by what an open transaction is about to set, and by nothing else.
  Task<> UseOnlyATransaction() {
    CommitCall call{.group = "g"};
    call.offsets.push_back({.topic = "t", .partition = PartitionId(0), .offset = {}});
    CO_ASSIGN_OR_RETURN(KafkaError error, co_await groups_->CommitInTransaction("id", call));
    EXPECT_EQ(error, KafkaError::kNone);
    CO_ASSIGN_OR_RETURN(GroupDescription description, co_await groups_->Describe("g"));
    EXPECT_TRUE(description.exists);
    EXPECT_EQ(description.state, "Empty");
    CO_ASSIGN_OR_RETURN(auto listed, co_await groups_->List());
    EXPECT_EQ(listed.size(), 1u);
    CO_ASSIGN_OR_RETURN(error, co_await groups_->Delete("g"));
    EXPECT_EQ(error, KafkaError::kNone);
    CO_ASSIGN_OR_RETURN(error, co_await groups_->Delete("g"));
    EXPECT_EQ(error, KafkaError::kGroupIdNotFound);
    co_return Status::OK();
  }
  Task<> CommitAndLeave() {
    CommitCall call{.group = "g", .member_id = member_, .generation = 1};
    call.offsets.push_back({.topic = "t", .partition = PartitionId(0), .offset = {}});
    CO_ASSIGN_OR_RETURN(KafkaError error, co_await groups_->Commit(std::move(call)));
    EXPECT_EQ(error, KafkaError::kNone);
    co_return co_await LeaveAlone();
  }
  Task<> FailToDelete() {
    auto fails = [](const std::string&, const std::optional<std::string>&) {
      return MakeError(ErrorCode::kDiskFull, "the disk is full");
    };
    log_.meta_hook = fails;
    Result<KafkaError> deleted = co_await groups_->Delete("g");
    EXPECT_TRUE(Is(deleted.status(), ErrorCode::kDiskFull)) << Describe(deleted.status());
    CO_ASSIGN_OR_RETURN(GroupOffsets offsets, co_await groups_->Offsets("g"));
    EXPECT_EQ(offsets.size(), 1u);
    log_.meta_hook = nullptr;
    co_return Status::OK();
  }
  Task<> Damage() { co_return co_await log_.PutMeta("kafka-groups/g", "\x01 no group"); }

  std::unique_ptr<Env> env_ = MakeRealEnv({.shard_count = 2});
  storage::MemoryLog log_{env_.get()};
  MemoryBudget budget_{int64_t{8} << 20};
  std::unique_ptr<GroupCoordinator> groups_;
  std::string member_;
  bool has_synced_ = false;
};

TEST_F(GroupCoordinatorTest, MembersGoOnAfterARestart) {
  Run(JoinAlone());
  Restart();
  Run(GoOn());
}

TEST_F(GroupCoordinatorTest, AnAssignmentIsKeptThoughTheNextRebalanceHasBegun) {
  CHECK_OK(RunBlocking(env_->shard(0), SyncWhileAnotherJoins()));
  Restart();
  Run(GoOn());
}

TEST_F(GroupCoordinatorTest, AnEmptyGroupStaysWhatItWas) {
  Run(JoinAlone());
  Run(LeaveAlone());
  Restart();
  Run(FindEmpty());
  Run(Delete());
  Restart();
  Run(FindDead());
}

TEST_F(GroupCoordinatorTest, TheMembersOfAllGroupsTakeAPartOfTheMemory) {
  Run(FillMemory());
  Stop();
  EXPECT_EQ(budget_.used_bytes(), 0);
  Start();
}

TEST_F(GroupCoordinatorTest, AGroupHasAnIdOfKnownLength) { Run(UseLongIds()); }

TEST_F(GroupCoordinatorTest, AGroupOfAnOpenTransactionAloneIsThere) { Run(UseOnlyATransaction()); }

TEST_F(GroupCoordinatorTest, AGroupThatCannotBeDeletedKeepsItsOffsets) {
  Run(JoinAlone());
  Run(CommitAndLeave());
  Run(FailToDelete());
  Run(Delete());
  Restart();
  Run(FindDead());
}

TEST_F(GroupCoordinatorTest, ADamagedMembershipCostsARejoinAndNothingElse) {
  Run(JoinAlone());
  Run(Damage());
  Restart();
  Run(FindDead());
  Run(JoinAlone());
}

}  // namespace
}  // namespace mainstem::gateway::kafka

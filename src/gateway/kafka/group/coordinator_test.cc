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
    groups_ = std::make_unique<GroupCoordinator>(env_.get(), &log_, &log_, Logger::Silent(), home,
                                                 GroupSettings());
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
  Task<> Damage() { co_return co_await log_.PutMeta("kafka-groups/g", "\x01 no group"); }

  std::unique_ptr<Env> env_ = MakeRealEnv({.shard_count = 2});
  storage::MemoryLog log_{env_.get()};
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

TEST_F(GroupCoordinatorTest, ADamagedMembershipCostsARejoinAndNothingElse) {
  Run(JoinAlone());
  Run(Damage());
  Restart();
  Run(FindDead());
  Run(JoinAlone());
}

}  // namespace
}  // namespace mainstem::gateway::kafka

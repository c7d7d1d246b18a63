// Offsets that outlive what they belong to, or do not: expiry, transactions, deleted topics.
#include <gtest/gtest.h>

#include "gateway/kafka/group/coordinator.h"
#include "gateway/kafka/testing/tiny_log.h"

namespace mainstem::gateway::kafka {
namespace {

using namespace std::chrono_literals;

struct OffsetsNode {
  std::unique_ptr<storage::EmbeddedLog> log;
  std::unique_ptr<GroupCoordinator> groups;
};

Task<> StartOffsetsNode(SimEnv* env, OffsetsNode* node) {
  CO_ASSIGN_OR_RETURN(node->log, co_await storage::EmbeddedLog::Open(env, TinyLog()));
  GroupSettings settings{.offsets_retention = 30min};
  node->groups = std::make_unique<GroupCoordinator>(env, node->log.get(), node->log.get(), nullptr,
                                                    Logger::Silent(), env->shard(0), settings);
  co_return co_await node->groups->Start();
}

CommitCall CommitOf(std::string group, std::string topic, int64_t offset) {
  CommitCall call{.group = std::move(group)};
  OffsetCommit commit{.topic = std::move(topic), .partition = PartitionId(0)};
  commit.offset.offset = Offset(offset);
  call.offsets.push_back(std::move(commit));
  return call;
}

Task<> Commit(GroupCoordinator* groups, std::string group, std::string topic, int64_t offset) {
  CO_ASSIGN_OR_RETURN(KafkaError error, co_await groups->Commit(
                                            CommitOf(std::move(group), std::move(topic), offset)));
  EXPECT_EQ(error, KafkaError::kNone);
  co_return Status::OK();
}

// -1: none.
Task<int64_t> OffsetOf(GroupCoordinator* groups, std::string group, std::string topic) {
  CO_ASSIGN_OR_RETURN(GroupOffsets offsets, co_await groups->Offsets(group));
  auto found = offsets.find({topic, PartitionId(0)});
  co_return found == offsets.end() ? -1 : found->second.offset.value();
}

using OffsetsScenario = Task<> (*)(OffsetsNode* node);

void RunOffsets(OffsetsScenario scenario) { UseTinyNode(StartOffsetsNode, scenario); }

Task<> ExpireAroundATransaction(OffsetsNode* node) {
  GroupCoordinator* groups = node->groups.get();
  CO_RETURN_IF_ERROR(co_await Commit(groups, "weekly", "t", 5));
  CO_RETURN_IF_ERROR(co_await Commit(groups, "over", "t", 5));
  CO_RETURN_IF_ERROR(co_await Sleep(25min));
  CO_ASSIGN_OR_RETURN(KafkaError error,
                      co_await groups->CommitInTransaction("id", CommitOf("weekly", "t", 9)));
  EXPECT_EQ(error, KafkaError::kNone);
  CO_RETURN_IF_ERROR(co_await Sleep(20min));
  CO_ASSIGN_OR_RETURN(int64_t over, co_await OffsetOf(groups, "over", "t"));
  EXPECT_EQ(over, -1);
  CO_RETURN_IF_ERROR(co_await groups->EndTransaction("id", true));
  CO_ASSIGN_OR_RETURN(int64_t weekly, co_await OffsetOf(groups, "weekly", "t"));
  EXPECT_EQ(weekly, 9);
  co_return Status::OK();
}

TEST(GroupOffsetsTest, ExpiryLeavesWhatATransactionIsAboutToSet) {
  RunOffsets(ExpireAroundATransaction);
}

Task<> DeleteAndCreate(OffsetsNode* node) {
  GroupCoordinator* groups = node->groups.get();
  CO_ASSIGN_OR_RETURN(storage::TopicInfo old, co_await node->log->CreateTopic("t", 1, {}, false));
  CO_RETURN_IF_ERROR(co_await Commit(groups, "g", "t", 5));
  CO_RETURN_IF_ERROR(co_await Commit(groups, "g", "other", 6));
  CO_ASSIGN_OR_RETURN(KafkaError error,
                      co_await groups->CommitInTransaction("id", CommitOf("g", "t", 7)));
  EXPECT_EQ(error, KafkaError::kNone);
  CO_RETURN_IF_ERROR(co_await node->log->DeleteTopic(old.id));
  CO_RETURN_IF_ERROR((co_await node->log->CreateTopic("t", 1, {}, false)));
  CO_ASSIGN_OR_RETURN(int64_t left, co_await OffsetOf(groups, "g", "t"));
  EXPECT_EQ(left, -1);
  CO_RETURN_IF_ERROR(co_await groups->EndTransaction("id", true));
  CO_ASSIGN_OR_RETURN(left, co_await OffsetOf(groups, "g", "t"));
  EXPECT_EQ(left, -1);
  CO_ASSIGN_OR_RETURN(int64_t other, co_await OffsetOf(groups, "g", "other"));
  EXPECT_EQ(other, 6);
  co_return Status::OK();
}

TEST(GroupOffsetsTest, ATopicMadeAnewInheritsNone) { RunOffsets(DeleteAndCreate); }

// A static member that asks for no time and goes away, alone in its group.
Task<> LeaveAnOddMemberAlone(OffsetsNode* node) {
  GroupCoordinator* groups = node->groups.get();
  JoinCall odd;
  odd.instance_id = "s";
  odd.session_timeout = 10s;
  odd.protocol_type = "consumer";
  odd.protocols = {{"range", "topics"}};
  JoinCall other = odd;
  other.instance_id.reset();
  other.rebalance_timeout = 60s;
  CO_ASSIGN_OR_RETURN(JoinReply first, co_await groups->Join("g", std::move(odd)));
  SyncCall sync{.member_id = first.member_id, .instance_id = "s", .generation = first.generation};
  sync.assignments.emplace_back(first.member_id, "mine");
  CO_RETURN_IF_ERROR((co_await groups->Sync("g", std::move(sync))));
  TaskScope scope(co_await boost::asio::this_coro::executor, "calls",
                  [](const std::string&, const Status&) {});
  auto joined = groups->Join("g", std::move(other));
  auto wait = [](Task<JoinReply> join) -> Task<> { co_return (co_await std::move(join)).status(); };
  scope.Spawn("join", wait(std::move(joined)));
  CO_RETURN_IF_ERROR(co_await Sleep(1s));
  CO_RETURN_IF_ERROR(co_await scope.Close());  // the other one gives up
  CO_RETURN_IF_ERROR(co_await Sleep(60s));
  CO_RETURN_IF_ERROR(co_await Commit(groups, "another", "t", 1));
  co_return Status::OK();
}

TEST(GroupOffsetsTest, AnOddMemberHoldsUpNobody) { RunOffsets(LeaveAnOddMemberAlone); }

// A subscription as consumers send it.
std::string SubscriptionTo(const std::string& topic) {
  std::string bytes(8, '\0');  // version 0 (2 bytes), one topic (4), the length of its name (2)
  bytes[5] = 1;
  bytes[7] = static_cast<char>(topic.size());
  return bytes + topic + std::string(4, '\xff');  // no user data
}

// Subscribed to "kept" only, for 45 minutes.
Task<> OutliveASubscription(OffsetsNode* node) {
  GroupCoordinator* groups = node->groups.get();
  CO_RETURN_IF_ERROR(co_await Commit(groups, "g", "left", 5));
  CO_RETURN_IF_ERROR(co_await Commit(groups, "g", "kept", 6));
  JoinCall join;
  join.session_timeout = join.rebalance_timeout = 60s;
  join.protocol_type = "consumer";
  join.protocols = {{"range", SubscriptionTo("kept")}};
  CO_ASSIGN_OR_RETURN(JoinReply joined, co_await groups->Join("g", std::move(join)));
  SyncCall sync{.member_id = joined.member_id, .generation = joined.generation};
  sync.assignments.emplace_back(joined.member_id, "mine");
  CO_RETURN_IF_ERROR((co_await groups->Sync("g", std::move(sync))));
  for (int i = 0; i < 90; ++i) {
    CO_RETURN_IF_ERROR(co_await Sleep(30s));
    CO_ASSIGN_OR_RETURN(KafkaError error,
                        co_await groups->Heartbeat("g", joined.member_id, {}, joined.generation));
    EXPECT_EQ(error, KafkaError::kNone);
  }
  CO_ASSIGN_OR_RETURN(int64_t left, co_await OffsetOf(groups, "g", "left"));
  EXPECT_EQ(left, -1);
  CO_ASSIGN_OR_RETURN(int64_t kept, co_await OffsetOf(groups, "g", "kept"));
  EXPECT_EQ(kept, 6);
  co_return Status::OK();
}

TEST(GroupOffsetsTest, OffsetsOfTopicsThatALiveGroupHasLeftExpire) {
  RunOffsets(OutliveASubscription);
}

Task<> CommitAt(GroupCoordinator* groups, storage::TopicId id, Duration delay,
                bool in_transaction) {
  CO_RETURN_IF_ERROR(co_await Sleep(delay));
  CommitCall call = CommitOf("g", "t", 5);
  call.offsets.front().topic_id = id;
  Task<KafkaError> commit = in_transaction ? groups->CommitInTransaction("id", std::move(call))
                                           : groups->Commit(std::move(call));
  co_return (co_await std::move(commit)).status();
}

Task<> RaceADeletion(SimEnv* env, Duration delay) {
  auto* node = new OffsetsNode();  // leaked with the process
  CO_RETURN_IF_ERROR(co_await StartOffsetsNode(env, node));
  CO_ASSIGN_OR_RETURN(storage::TopicInfo old, co_await node->log->CreateTopic("t", 1, {}, false));
  Status first;
  TaskScope scope(env->shard(0), "test", [&first](const std::string&, const Status& status) {
    if (first.ok()) first = status;
  });
  const std::array<bool, 2> ways = {false, true};
  for (bool way : ways) {
    scope.Spawn("commit", CommitAt(node->groups.get(), old.id, delay, way));
  }
  scope.Spawn("delete", node->log->DeleteTopic(old.id));
  CO_RETURN_IF_ERROR(co_await scope.Join());
  CO_RETURN_IF_ERROR(co_await scope.Close());
  CO_RETURN_IF_ERROR(first);
  CO_RETURN_IF_ERROR((co_await node->log->CreateTopic("t", 1, {}, false)));
  CO_RETURN_IF_ERROR(co_await node->groups->EndTransaction("id", true));
  CO_ASSIGN_OR_RETURN(int64_t left, co_await OffsetOf(node->groups.get(), "g", "t"));
  EXPECT_EQ(left, -1);
  CO_ASSIGN_OR_RETURN(auto durable, co_await node->log->LoadOffsets());
  EXPECT_TRUE(durable.empty());
  CO_ASSIGN_OR_RETURN(auto pending, co_await node->log->LoadPendingOffsets());
  EXPECT_TRUE(pending.empty());
  co_return Status::OK();
}

TEST(GroupOffsetsTest, ACommitThatADeletionOvertakesLeavesNothing) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    auto* disk = new SimDisk(seed);
    auto* env = new SimEnv(disk, {.seed = seed});
    Status status = env->Run(RaceADeletion(env, std::chrono::microseconds(20 * seed)));
    EXPECT_TRUE(status.ok()) << "seed " << seed << ": " << Describe(status);
    env->Abandon();
  }
}

}  // namespace
}  // namespace mainstem::gateway::kafka

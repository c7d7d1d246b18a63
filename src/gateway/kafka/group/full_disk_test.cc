// A group whose members are told of an assignment that the full disk did not take: no offset is
// committed in it until it is kept, so that after a crash nobody of the generation before, who
// would be a member again, can set an offset back.
#include <gtest/gtest.h>

#include "gateway/kafka/group/coordinator.h"
#include "gateway/kafka/testing/tiny_log.h"
#include "storage/batch_builder.h"

namespace mainstem::gateway::kafka {
namespace {

using namespace std::chrono_literals;

struct GroupNode {
  std::unique_ptr<storage::EmbeddedLog> log;
  std::unique_ptr<GroupCoordinator> groups;
};

Task<> StartNode(SimEnv* env, GroupNode* node) {
  CO_ASSIGN_OR_RETURN(node->log, co_await storage::EmbeddedLog::Open(env, TinyLog()));
  node->groups =
      std::make_unique<GroupCoordinator>(env, node->log.get(), node->log.get(), nullptr,
                                         Logger::Silent(), env->shard(0), GroupSettings());
  co_return co_await node->groups->Start();
}

// Until the disk takes no more.
Task<> FillDisk(storage::EmbeddedLog* log, SimDisk* disk) {
  CO_ASSIGN_OR_RETURN(storage::TopicInfo topic, co_await log->CreateTopic("t", 1, {}, false));
  disk->set_capacity_bytes(disk->used_bytes() + (64 << 10));
  const std::array<size_t, 2> sizes = {8000, 1};
  for (size_t bytes : sizes) {  // to the last room
    storage::BatchBuilder builder;
    builder.Add(1000, "key", std::string(bytes, 'x'));
    CO_ASSIGN_OR_RETURN(const std::vector<std::byte> batch, builder.Build());
    Status status;
    for (int i = 0; i < 10'000 && status.ok(); ++i) {
      auto appended = co_await log->Append({topic.id, PartitionId(0)}, batch, {});
      status = appended.status();
    }
    EXPECT_TRUE(Is(status, ErrorCode::kDiskFull)) << Describe(status);
  }
  co_return Status::OK();
}

Task<KafkaError> CommitOne(GroupCoordinator* groups, std::string member) {
  CommitCall call{.group = "g", .member_id = member, .generation = 1};
  call.offsets.push_back({.topic = "t", .partition = PartitionId(0), .offset = {}});
  return groups->Commit(std::move(call));
}

Task<> JoinOnFullDisk(SimEnv* env, SimDisk* disk, std::string* member) {
  auto* node = new GroupNode();  // leaked with the process
  CO_RETURN_IF_ERROR(co_await StartNode(env, node));
  CO_RETURN_IF_ERROR(co_await FillDisk(node->log.get(), disk));
  JoinCall join;
  join.session_timeout = join.rebalance_timeout = 60s;
  join.protocol_type = "consumer";
  join.protocols = {{"range", "topics"}};
  CO_ASSIGN_OR_RETURN(JoinReply joined, co_await node->groups->Join("g", std::move(join)));
  *member = joined.member_id;
  SyncCall sync;
  sync.member_id = *member;
  sync.generation = joined.generation;
  sync.assignments.emplace_back(*member, "mine");
  CO_ASSIGN_OR_RETURN(SyncReply synced, co_await node->groups->Sync("g", std::move(sync)));
  EXPECT_EQ(synced.assignment, "mine");
  Result<KafkaError> refused = co_await CommitOne(node->groups.get(), *member);
  EXPECT_TRUE(refused.ok() && *refused == KafkaError::kCoordinatorNotAvailable)
      << Describe(refused.status());
  // Of a group without members: clients come again at this code, and give up at one of a partition.
  CommitCall call{.group = "alone"};
  call.offsets.push_back({.topic = "t", .partition = PartitionId(0), .offset = {}});
  refused = co_await node->groups->Commit(std::move(call));
  EXPECT_TRUE(Is(refused.status(), ErrorCode::kDiskFull)) << Describe(refused.status());
  EXPECT_EQ(CoordinatorCode(refused.status()), Code(KafkaError::kCoordinatorLoadInProgress));
  disk->set_capacity_bytes(int64_t{1} << 40);
  CO_RETURN_IF_ERROR(co_await Sleep(5s));
  CO_ASSIGN_OR_RETURN(KafkaError error, co_await CommitOne(node->groups.get(), *member));
  EXPECT_EQ(error, KafkaError::kNone);
  co_return Status::OK();
}

Task<> GoOnAsMember(SimEnv* env, std::string member) {
  auto* node = new GroupNode();
  CO_RETURN_IF_ERROR(co_await StartNode(env, node));
  CO_ASSIGN_OR_RETURN(KafkaError error, co_await node->groups->Heartbeat("g", member, {}, 1));
  EXPECT_EQ(error, KafkaError::kNone);
  co_return Status::OK();
}

TEST(GroupOnFullDiskTest, NobodyCommitsInAGenerationThatIsNotKept) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    auto* disk = new SimDisk(seed);
    auto* first = new SimEnv(disk, {.seed = seed});
    std::string member;
    Status status = first->Run(JoinOnFullDisk(first, disk, &member));
    ASSERT_TRUE(status.ok()) << Describe(status);
    first->Abandon();
    disk->Crash();
    auto* second = new SimEnv(disk, {.seed = seed + 100});
    status = second->Run(GoOnAsMember(second, member));
    ASSERT_TRUE(status.ok()) << Describe(status);
    second->Abandon();
  }
}

}  // namespace
}  // namespace mainstem::gateway::kafka

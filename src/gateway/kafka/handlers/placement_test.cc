// What one node answers to requests that choose among nodes, and to those that its topics refuse.
#include <gtest/gtest.h>

#include "gateway/kafka/error_codes.h"
#include "gateway/kafka/handlers/handlers.h"
#include "storage/testing/memory_log.h"

namespace mainstem::gateway::kafka {
namespace {

template <typename Response>
Task<> Into(Task<Response> task, Response* response) {
  CO_ASSIGN_OR_RETURN(*response, co_await std::move(task));
  co_return Status::OK();
}

class PlacementTest : public ::testing::Test {
 protected:
  PlacementTest() {
    context_.services.env = env_.get();
    context_.services.log = &log_;
    context_.services.settings = &settings_;
    storage::TopicInfo info;
    Run(log_.CreateTopic("t", 2, {}, false), &info);
  }

  template <typename Response>
  void Run(Task<Response> task, Response* response) {
    CHECK_OK(RunBlocking(env_->shard(0), Into(std::move(task), response)));
  }

  int16_t Elect(int8_t type, const std::string& topic, int32_t partition) {
    ElectLeadersRequest request{.election_type = type};
    request.topics.emplace();
    request.topics->push_back({topic, {partition}});
    ElectLeadersResponse response;
    Run(HandleElectLeaders(context_, request), &response);
    return response.topics.at(0).partitions.at(0).error_code;
  }

  int16_t Reassign(const std::string& topic, int32_t partition,
                   std::optional<std::vector<int32_t>> replicas) {
    AlterPartitionReassignmentsRequest request;
    request.topics.push_back({topic, {{partition, std::move(replicas)}}});
    AlterPartitionReassignmentsResponse response;
    Run(HandleAlterPartitionReassignments(context_, request), &response);
    return response.topics.at(0).partitions.at(0).error_code;
  }

  std::unique_ptr<Env> env_ = MakeRealEnv({.shard_count = 1, .pool_thread_count = 1});
  storage::MemoryLog log_{env_.get()};
  KafkaSettings settings_;
  RequestContext context_{};
};

TEST_F(PlacementTest, LeadsEveryPartitionAlready) {
  EXPECT_EQ(Elect(0, "t", 1), Code(KafkaError::kElectionNotNeeded));
  EXPECT_EQ(Elect(1, "t", 0), Code(KafkaError::kElectionNotNeeded));
  EXPECT_EQ(Elect(0, "t", 2), Code(KafkaError::kUnknownTopicOrPartition));
  EXPECT_EQ(Elect(0, "nope", 0), Code(KafkaError::kUnknownTopicOrPartition));
  EXPECT_EQ(Elect(2, "t", 0), Code(KafkaError::kInvalidRequest));
}

TEST_F(PlacementTest, NamesOnlyPartitionsThatNeedAnElectionWhenAskedForAll) {
  ElectLeadersResponse response;
  Run(HandleElectLeaders(context_, ElectLeadersRequest{}), &response);
  EXPECT_EQ(response.error_code, 0);
  EXPECT_TRUE(response.topics.empty());
}

TEST_F(PlacementTest, PutsNewPartitionsOnThisNodeOnly) {
  auto grow = [this](std::vector<CreatePartitionsRequest::Assignment> assignments) {
    CreatePartitionsRequest request{.validate_only = true};
    request.topics.push_back({.name = "t", .count = 4, .assignments = std::move(assignments)});
    CreatePartitionsResponse response;
    Run(HandleCreatePartitions(context_, request), &response);
    return response.topics.at(0).error_code;
  };
  EXPECT_EQ(grow({{{1}}, {{1}}}), 0);
  EXPECT_EQ(grow({{{1}}, {{2}}}), Code(KafkaError::kInvalidReplicaAssignment));
  EXPECT_EQ(grow({{{1}}, {{1, 1}}}), Code(KafkaError::kInvalidReplicaAssignment));
  EXPECT_EQ(grow({{{1}}, {{}}}), Code(KafkaError::kInvalidReplicaAssignment));
  EXPECT_EQ(grow({{{1}}}), Code(KafkaError::kInvalidReplicaAssignment));
}

TEST_F(PlacementTest, DeletesNothingOfATopicThatIsOnlyCompacted) {
  auto delete_of = [this](const std::string& topic) {
    DeleteRecordsRequest request;
    request.topics.push_back({topic, {{.index = 0, .offset = 0}}});
    DeleteRecordsResponse response;
    Run(HandleDeleteRecords(context_, request), &response);
    return response.topics.at(0).partitions.at(0).error_code;
  };
  storage::TopicInfo made;
  Run(log_.CreateTopic("compacted", 1, {{"cleanup.policy", "compact"}}, false), &made);
  Run(log_.CreateTopic("both", 1, {{"cleanup.policy", "compact,delete"}}, false), &made);
  EXPECT_EQ(delete_of("t"), 0);
  EXPECT_EQ(delete_of("both"), 0);
  EXPECT_EQ(delete_of("compacted"), Code(KafkaError::kPolicyViolation));
}

TEST_F(PlacementTest, LeavesPartitionsOnThisNode) {
  EXPECT_EQ(Reassign("t", 0, {{1}}), 0);
  EXPECT_EQ(Reassign("t", 0, {{2}}), Code(KafkaError::kInvalidReplicaAssignment));
  EXPECT_EQ(Reassign("t", 0, {{1, 1}}), Code(KafkaError::kInvalidReplicaAssignment));
  EXPECT_EQ(Reassign("t", 0, std::vector<int32_t>()), Code(KafkaError::kInvalidReplicaAssignment));
  EXPECT_EQ(Reassign("t", 0, std::nullopt), Code(KafkaError::kNoReassignmentInProgress));
  EXPECT_EQ(Reassign("t", 2, {{1}}), Code(KafkaError::kUnknownTopicOrPartition));
  EXPECT_EQ(Reassign("nope", 0, {{1}}), Code(KafkaError::kUnknownTopicOrPartition));
}

}  // namespace
}  // namespace mainstem::gateway::kafka

#include "gateway/kafka/api.h"

#include "core/status.h"

namespace mainstem::gateway::kafka {
namespace {

//  key                                name               min max flexible advertised min
constexpr ApiInfo kApis[] = {
    {ApiKey::kProduce, "Produce", 3, 13, 9, 0},
    {ApiKey::kFetch, "Fetch", 4, 18, 12, 4},
    {ApiKey::kListOffsets, "ListOffsets", 1, 11, 6, 1},
    {ApiKey::kMetadata, "Metadata", 0, 13, 9, 0},
    {ApiKey::kOffsetCommit, "OffsetCommit", 2, 10, 8, 2},
    {ApiKey::kOffsetFetch, "OffsetFetch", 1, 10, 6, 1},
    {ApiKey::kFindCoordinator, "FindCoordinator", 0, 6, 3, 0},
    {ApiKey::kJoinGroup, "JoinGroup", 0, 9, 6, 0},
    {ApiKey::kHeartbeat, "Heartbeat", 0, 4, 4, 0},
    {ApiKey::kLeaveGroup, "LeaveGroup", 0, 5, 4, 0},
    {ApiKey::kSyncGroup, "SyncGroup", 0, 5, 4, 0},
    {ApiKey::kDescribeGroups, "DescribeGroups", 0, 6, 5, 0},
    {ApiKey::kListGroups, "ListGroups", 0, 5, 3, 0},
    {ApiKey::kSaslHandshake, "SaslHandshake", 0, 1, kNeverFlexible, 0},
    {ApiKey::kApiVersions, "ApiVersions", 0, 4, 3, 0},
    {ApiKey::kCreateTopics, "CreateTopics", 2, 7, 5, 2},
    {ApiKey::kDeleteTopics, "DeleteTopics", 1, 6, 4, 1},
    {ApiKey::kDeleteRecords, "DeleteRecords", 0, 2, 2, 0},
    {ApiKey::kInitProducerId, "InitProducerId", 0, 5, 2, 0},
    {ApiKey::kOffsetForLeaderEpoch, "OffsetForLeaderEpoch", 2, 4, 4, 2},
    {ApiKey::kAddPartitionsToTxn, "AddPartitionsToTxn", 0, 5, 3, 0},
    {ApiKey::kAddOffsetsToTxn, "AddOffsetsToTxn", 0, 4, 3, 0},
    {ApiKey::kEndTxn, "EndTxn", 0, 5, 3, 0},
    {ApiKey::kWriteTxnMarkers, "WriteTxnMarkers", 1, 2, 1, 1},
    {ApiKey::kTxnOffsetCommit, "TxnOffsetCommit", 0, 5, 3, 0},
    {ApiKey::kDescribeAcls, "DescribeAcls", 1, 3, 2, 1},
    {ApiKey::kCreateAcls, "CreateAcls", 1, 3, 2, 1},
    {ApiKey::kDeleteAcls, "DeleteAcls", 1, 3, 2, 1},
    {ApiKey::kDescribeConfigs, "DescribeConfigs", 1, 4, 4, 1},
    {ApiKey::kAlterConfigs, "AlterConfigs", 0, 2, 2, 0},
    {ApiKey::kDescribeLogDirs, "DescribeLogDirs", 1, 5, 2, 1},
    {ApiKey::kCreatePartitions, "CreatePartitions", 0, 3, 2, 0},
    {ApiKey::kDeleteGroups, "DeleteGroups", 0, 2, 2, 0},
    {ApiKey::kElectLeaders, "ElectLeaders", 0, 2, 2, 0},
    {ApiKey::kIncrementalAlterConfigs, "IncrementalAlterConfigs", 0, 1, 1, 0},
    {ApiKey::kAlterPartitionReassignments, "AlterPartitionReassignments", 0, 1, 0, 0},
    {ApiKey::kListPartitionReassignments, "ListPartitionReassignments", 0, 0, 0, 0},
    {ApiKey::kOffsetDelete, "OffsetDelete", 0, 0, kNeverFlexible, 0},
    {ApiKey::kDescribeClientQuotas, "DescribeClientQuotas", 0, 1, 1, 0},
    {ApiKey::kAlterClientQuotas, "AlterClientQuotas", 0, 1, 1, 0},
    {ApiKey::kDescribeUserScramCredentials, "DescribeUserScramCredentials", 0, 0, 0, 0},
    {ApiKey::kDescribeCluster, "DescribeCluster", 0, 2, 0, 0},
    {ApiKey::kDescribeProducers, "DescribeProducers", 0, 0, 0, 0},
    {ApiKey::kDescribeTransactions, "DescribeTransactions", 0, 0, 0, 0},
    {ApiKey::kListTransactions, "ListTransactions", 0, 2, 0, 0},
    {ApiKey::kListConfigResources, "ListConfigResources", 0, 1, 0, 0},
    {ApiKey::kDescribeTopicPartitions, "DescribeTopicPartitions", 0, 0, 0, 0},
};

}  // namespace

std::span<const ApiInfo> AllApis() { return kApis; }

const ApiInfo* FindApi(int16_t key) {
  for (const ApiInfo& api : kApis) {
    if (static_cast<int16_t>(api.key) == key) return &api;
  }
  return nullptr;
}

const ApiInfo& GetApi(ApiKey key) {
  const ApiInfo* api = FindApi(static_cast<int16_t>(key));
  CHECK(api != nullptr);
  return *api;
}

}  // namespace mainstem::gateway::kafka

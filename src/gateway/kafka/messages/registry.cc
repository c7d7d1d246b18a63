#include "gateway/kafka/messages/registry.h"

#include "gateway/kafka/messages/cluster.h"
#include "gateway/kafka/messages/configs.h"
#include "gateway/kafka/messages/fetch.h"
#include "gateway/kafka/messages/group_admin.h"
#include "gateway/kafka/messages/group_membership.h"
#include "gateway/kafka/messages/group_offsets.h"
#include "gateway/kafka/messages/metadata.h"
#include "gateway/kafka/messages/offsets.h"
#include "gateway/kafka/messages/placement.h"
#include "gateway/kafka/messages/produce.h"
#include "gateway/kafka/messages/producers.h"
#include "gateway/kafka/messages/security_admin.h"
#include "gateway/kafka/messages/topics.h"
#include "gateway/kafka/messages/transaction_admin.h"
#include "gateway/kafka/messages/transactions.h"

namespace mainstem::gateway::kafka {
namespace {

// Not make_shared: a control block of its own for each of the 94 types takes the compiler 4 s.
template <typename T>
std::shared_ptr<void> Make() {
  void (*remove)(void*) = [](void* message) { delete static_cast<T*>(message); };
  return {static_cast<void*>(new T()), remove};
}

template <typename T>
constexpr MessageType TypeOf(bool is_request) {
  return {T::kApi, is_request, &T::kSchema, Make<T>};
}

#define BOTH(name) TypeOf<name##Request>(true), TypeOf<name##Response>(false)
constexpr MessageType kTypes[] = {
    BOTH(Produce),
    BOTH(Fetch),
    BOTH(ListOffsets),
    BOTH(Metadata),
    BOTH(OffsetCommit),
    BOTH(OffsetFetch),
    BOTH(FindCoordinator),
    BOTH(JoinGroup),
    BOTH(Heartbeat),
    BOTH(LeaveGroup),
    BOTH(SyncGroup),
    BOTH(DescribeGroups),
    BOTH(ListGroups),
    BOTH(SaslHandshake),
    BOTH(ApiVersions),
    BOTH(CreateTopics),
    BOTH(DeleteTopics),
    BOTH(DeleteRecords),
    BOTH(InitProducerId),
    BOTH(OffsetForLeaderEpoch),
    BOTH(AddPartitionsToTxn),
    BOTH(AddOffsetsToTxn),
    BOTH(EndTxn),
    BOTH(WriteTxnMarkers),
    BOTH(TxnOffsetCommit),
    BOTH(DescribeAcls),
    BOTH(CreateAcls),
    BOTH(DeleteAcls),
    BOTH(DescribeConfigs),
    BOTH(AlterConfigs),
    BOTH(DescribeLogDirs),
    BOTH(CreatePartitions),
    BOTH(DeleteGroups),
    BOTH(ElectLeaders),
    BOTH(IncrementalAlterConfigs),
    BOTH(AlterPartitionReassignments),
    BOTH(ListPartitionReassignments),
    BOTH(OffsetDelete),
    BOTH(DescribeClientQuotas),
    BOTH(AlterClientQuotas),
    BOTH(DescribeUserScramCredentials),
    BOTH(DescribeCluster),
    BOTH(DescribeProducers),
    BOTH(DescribeTransactions),
    BOTH(ListTransactions),
    BOTH(ListConfigResources),
    BOTH(DescribeTopicPartitions),
};
#undef BOTH

}  // namespace

std::span<const MessageType> AllMessageTypes() { return kTypes; }

}  // namespace mainstem::gateway::kafka

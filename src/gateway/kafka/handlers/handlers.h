// One function per API: request in, response out, no sockets. Each validates first per topic, then
// per partition, and answers errors in the response; a Status that fails ends the connection. The
// context and the request are owned by the caller until the returned task has ended.
// Runs on the shard of the connection.
#pragma once

#include <optional>
#include <string>

#include "core/env.h"
#include "gateway/kafka/answer_memory.h"
#include "gateway/kafka/codec/codec.h"
#include "gateway/kafka/fetch_session.h"
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
#include "gateway/kafka/settings.h"
#include "gateway/kafka/transaction/coordinator.h"

namespace mainstem::gateway::kafka {

inline constexpr int8_t kReadCommitted = 1;  // of isolation_level

// The parts of the node that handlers use; all outlive every connection.
struct Services {
  Env* env;
  storage::Log* log;
  storage::TransactionLog* transaction_log;
  GroupCoordinator* groups;
  TransactionCoordinator* transactions;
  const KafkaSettings* settings;
};

// One request, without its body.
struct RequestContext {
  Services services;
  int16_t version = 0;
  std::string client_id;
  std::string client_host;      // "/127.0.0.1", as Kafka's tools show it
  std::string advertised_host;  // of this node, for this client
  int32_t advertised_port = 0;
  AnswerMemory* answer_memory = nullptr;  // of this request
  FetchSession* fetch_session = nullptr;  // of the connection
};

// The leader epoch of every partition: one node, never re-elected, so it never goes back.
inline constexpr int32_t kLeaderEpoch = 0;

// Allowed operations as a bit set, when a client asks: all, since there is no authorizer.
inline constexpr int32_t kTopicOperations = 0x0df8;
inline constexpr int32_t kGroupOperations = 0x0d48;
inline constexpr int32_t kClusterOperations = 0x1fa0;

Task<ProduceResponse> HandleProduce(const RequestContext& context, const ProduceRequest& request);
Task<FetchResponse> HandleFetch(const RequestContext& context, const FetchRequest& request);
Task<ListOffsetsResponse> HandleListOffsets(const RequestContext& context,
                                            const ListOffsetsRequest& request);
Task<OffsetForLeaderEpochResponse> HandleOffsetForLeaderEpoch(
    const RequestContext& context, const OffsetForLeaderEpochRequest& request);
Task<DeleteRecordsResponse> HandleDeleteRecords(const RequestContext& context,
                                                const DeleteRecordsRequest& request);

Task<MetadataResponse> HandleMetadata(const RequestContext& context,
                                      const MetadataRequest& request);
Task<DescribeTopicPartitionsResponse> HandleDescribeTopicPartitions(
    const RequestContext& context, const DescribeTopicPartitionsRequest& request);

Task<ApiVersionsResponse> HandleApiVersions(const RequestContext& context,
                                            const ApiVersionsRequest& request);
Task<SaslHandshakeResponse> HandleSaslHandshake(const RequestContext& context,
                                                const SaslHandshakeRequest& request);
Task<FindCoordinatorResponse> HandleFindCoordinator(const RequestContext& context,
                                                    const FindCoordinatorRequest& request);
Task<DescribeClusterResponse> HandleDescribeCluster(const RequestContext& context,
                                                    const DescribeClusterRequest& request);
Task<DescribeLogDirsResponse> HandleDescribeLogDirs(const RequestContext& context,
                                                    const DescribeLogDirsRequest& request);

Task<InitProducerIdResponse> HandleInitProducerId(const RequestContext& context,
                                                  const InitProducerIdRequest& request);
Task<AddPartitionsToTxnResponse> HandleAddPartitionsToTxn(const RequestContext& context,
                                                          const AddPartitionsToTxnRequest& request);
Task<AddOffsetsToTxnResponse> HandleAddOffsetsToTxn(const RequestContext& context,
                                                    const AddOffsetsToTxnRequest& request);
Task<EndTxnResponse> HandleEndTxn(const RequestContext& context, const EndTxnRequest& request);
Task<TxnOffsetCommitResponse> HandleTxnOffsetCommit(const RequestContext& context,
                                                    const TxnOffsetCommitRequest& request);
Task<WriteTxnMarkersResponse> HandleWriteTxnMarkers(const RequestContext& context,
                                                    const WriteTxnMarkersRequest& request);
Task<DescribeTransactionsResponse> HandleDescribeTransactions(
    const RequestContext& context, const DescribeTransactionsRequest& request);
Task<ListTransactionsResponse> HandleListTransactions(const RequestContext& context,
                                                      const ListTransactionsRequest& request);
Task<DescribeProducersResponse> HandleDescribeProducers(const RequestContext& context,
                                                        const DescribeProducersRequest& request);

Task<JoinGroupResponse> HandleJoinGroup(const RequestContext& context,
                                        const JoinGroupRequest& request);
Task<SyncGroupResponse> HandleSyncGroup(const RequestContext& context,
                                        const SyncGroupRequest& request);
Task<HeartbeatResponse> HandleHeartbeat(const RequestContext& context,
                                        const HeartbeatRequest& request);
Task<LeaveGroupResponse> HandleLeaveGroup(const RequestContext& context,
                                          const LeaveGroupRequest& request);
Task<DescribeGroupsResponse> HandleDescribeGroups(const RequestContext& context,
                                                  const DescribeGroupsRequest& request);
Task<ListGroupsResponse> HandleListGroups(const RequestContext& context,
                                          const ListGroupsRequest& request);
Task<DeleteGroupsResponse> HandleDeleteGroups(const RequestContext& context,
                                              const DeleteGroupsRequest& request);
Task<OffsetCommitResponse> HandleOffsetCommit(const RequestContext& context,
                                              const OffsetCommitRequest& request);
Task<OffsetFetchResponse> HandleOffsetFetch(const RequestContext& context,
                                            const OffsetFetchRequest& request);
Task<OffsetDeleteResponse> HandleOffsetDelete(const RequestContext& context,
                                              const OffsetDeleteRequest& request);

Task<CreateTopicsResponse> HandleCreateTopics(const RequestContext& context,
                                              const CreateTopicsRequest& request);
Task<DeleteTopicsResponse> HandleDeleteTopics(const RequestContext& context,
                                              const DeleteTopicsRequest& request);
Task<CreatePartitionsResponse> HandleCreatePartitions(const RequestContext& context,
                                                      const CreatePartitionsRequest& request);
Task<DescribeConfigsResponse> HandleDescribeConfigs(const RequestContext& context,
                                                    const DescribeConfigsRequest& request);
Task<AlterConfigsResponse> HandleAlterConfigs(const RequestContext& context,
                                              const AlterConfigsRequest& request);
Task<IncrementalAlterConfigsResponse> HandleIncrementalAlterConfigs(
    const RequestContext& context, const IncrementalAlterConfigsRequest& request);
Task<ListConfigResourcesResponse> HandleListConfigResources(
    const RequestContext& context, const ListConfigResourcesRequest& request);

Task<DescribeAclsResponse> HandleDescribeAcls(const RequestContext& context,
                                              const DescribeAclsRequest& request);
Task<CreateAclsResponse> HandleCreateAcls(const RequestContext& context,
                                          const CreateAclsRequest& request);
Task<DeleteAclsResponse> HandleDeleteAcls(const RequestContext& context,
                                          const DeleteAclsRequest& request);
Task<DescribeClientQuotasResponse> HandleDescribeClientQuotas(
    const RequestContext& context, const DescribeClientQuotasRequest& request);
Task<AlterClientQuotasResponse> HandleAlterClientQuotas(const RequestContext& context,
                                                        const AlterClientQuotasRequest& request);
Task<DescribeUserScramCredentialsResponse> HandleDescribeUserScramCredentials(
    const RequestContext& context, const DescribeUserScramCredentialsRequest& request);

Task<ElectLeadersResponse> HandleElectLeaders(const RequestContext& context,
                                              const ElectLeadersRequest& request);
Task<AlterPartitionReassignmentsResponse> HandleAlterPartitionReassignments(
    const RequestContext& context, const AlterPartitionReassignmentsRequest& request);
Task<ListPartitionReassignmentsResponse> HandleListPartitionReassignments(
    const RequestContext& context, const ListPartitionReassignmentsRequest& request);

}  // namespace mainstem::gateway::kafka

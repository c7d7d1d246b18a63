#include "gateway/kafka/routes.h"

#include "gateway/kafka/error_codes.h"
#include "gateway/kafka/response_errors.h"

namespace mainstem::gateway::kafka {
namespace {

// What the answer to one element of a request takes in memory, with its encoding and the element.
constexpr int64_t kElementBytes = 300;
// A fetch leases when there is something to read: it may wait before for long.
template <typename Request>
constexpr bool kWaitsFirst = false;
template <>
constexpr bool kWaitsFirst<FetchRequest> = true;

template <typename Request, typename Response,
          Task<Response> (*Handle)(const RequestContext&, const Request&)>
Task<Frame> Serve(const RequestContext& context, const RequestHeader& header, Reader body) {
  int64_t element_count = 0;
  CO_ASSIGN_OR_RETURN(Request request, Decode<Request>(header.api_version, &body, &element_count));
  if (!kWaitsFirst<Request>) {
    CO_RETURN_IF_ERROR(co_await context.answer_memory->LeaseWhole(element_count * kElementBytes));
  }
  CO_ASSIGN_OR_RETURN(Response response, co_await Handle(context, request));
  Frame frame = EncodeResponse(GetApi(header.api_key), header.api_version, header.correlation_id,
                               Response::kSchema, &response);
  frame.set_has_error(HasError(response));
  co_return frame;
}

// acks=0: no answer; an error is told by closing the connection.
Task<Frame> ServeProduce(const RequestContext& context, const RequestHeader& header, Reader body) {
  CO_ASSIGN_OR_RETURN(ProduceRequest request, Decode<ProduceRequest>(header.api_version, &body));
  CO_ASSIGN_OR_RETURN(ProduceResponse response, co_await HandleProduce(context, request));
  if (request.acks != 0) {
    Frame frame = EncodeResponse(GetApi(header.api_key), header.api_version, header.correlation_id,
                                 ProduceResponse::kSchema, &response);
    frame.set_has_error(HasError(response));
    co_return frame;
  }
  for (const ProduceResponse::Topic& topic : response.topics) {
    for (const ProduceResponse::Partition& partition : topic.partitions) {
      if (partition.error_code == 0) continue;
      co_return MakeError(ErrorCode::kConnectionClosed,
                          {.message = "a record sent without acknowledgement was refused",
                           .detail = fmt::format("topic '{}', partition {}: error {} {}",
                                                 topic.name, partition.index, partition.error_code,
                                                 partition.error_message.value_or(""))});
    }
  }
  co_return Frame();
}

#define SERVE(name) \
  { ApiKey::k##name, Serve<name##Request, name##Response, Handle##name> }
constexpr Route kRoutes[] = {
    {ApiKey::kProduce, ServeProduce},
    SERVE(Fetch),
    SERVE(ListOffsets),
    SERVE(Metadata),
    SERVE(OffsetCommit),
    SERVE(OffsetFetch),
    SERVE(FindCoordinator),
    SERVE(JoinGroup),
    SERVE(Heartbeat),
    SERVE(LeaveGroup),
    SERVE(SyncGroup),
    SERVE(DescribeGroups),
    SERVE(ListGroups),
    SERVE(SaslHandshake),
    SERVE(ApiVersions),
    SERVE(CreateTopics),
    SERVE(DeleteTopics),
    SERVE(DeleteRecords),
    SERVE(InitProducerId),
    SERVE(OffsetForLeaderEpoch),
    SERVE(AddPartitionsToTxn),
    SERVE(AddOffsetsToTxn),
    SERVE(EndTxn),
    SERVE(WriteTxnMarkers),
    SERVE(TxnOffsetCommit),
    SERVE(DescribeAcls),
    SERVE(CreateAcls),
    SERVE(DeleteAcls),
    SERVE(DescribeConfigs),
    SERVE(AlterConfigs),
    SERVE(DescribeLogDirs),
    SERVE(CreatePartitions),
    SERVE(DeleteGroups),
    SERVE(ElectLeaders),
    SERVE(IncrementalAlterConfigs),
    SERVE(AlterPartitionReassignments),
    SERVE(ListPartitionReassignments),
    SERVE(OffsetDelete),
    SERVE(DescribeClientQuotas),
    SERVE(AlterClientQuotas),
    SERVE(DescribeUserScramCredentials),
    SERVE(DescribeCluster),
    SERVE(DescribeProducers),
    SERVE(DescribeTransactions),
    SERVE(ListTransactions),
    SERVE(ListConfigResources),
    SERVE(DescribeTopicPartitions),
};
#undef SERVE

}  // namespace

const Route* FindRoute(ApiKey key) {
  for (const Route& route : kRoutes) {
    if (route.key == key) return &route;
  }
  return nullptr;
}

Frame RefuseApiVersions(int32_t correlation_id) {
  const ApiInfo& api = GetApi(ApiKey::kApiVersions);
  ApiVersionsResponse response;
  response.error_code = Code(KafkaError::kUnsupportedVersion);
  response.api_keys.push_back({static_cast<int16_t>(api.key), api.min_version, api.max_version});
  return EncodeResponse(api, 0, correlation_id, ApiVersionsResponse::kSchema, &response);
}

}  // namespace mainstem::gateway::kafka

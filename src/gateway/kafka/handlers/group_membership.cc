#include "gateway/kafka/error_codes.h"
#include "gateway/kafka/handlers/handlers.h"

namespace mainstem::gateway::kafka {

Task<JoinGroupResponse> HandleJoinGroup(const RequestContext& context,
                                        const JoinGroupRequest& request) {
  // A cancellation that came before the wait does not reach what waits on another shard.
  bool is_cancelled = co_await IsCancelled();
  if (is_cancelled) co_return MakeError(ErrorCode::kCancelled, "cancelled");
  JoinCall call;
  call.member_id = request.member_id;
  call.instance_id = request.group_instance_id;
  call.client_id = context.client_id;
  call.client_host = context.client_host;
  call.session_timeout = std::chrono::milliseconds(request.session_timeout_ms);
  // Version 0 has one timeout for both.
  int32_t rebalance_timeout_ms =
      context.version >= 1 ? request.rebalance_timeout_ms : request.session_timeout_ms;
  call.rebalance_timeout = std::chrono::milliseconds(rebalance_timeout_ms);
  call.protocol_type = request.protocol_type;
  for (const JoinGroupRequest::Protocol& protocol : request.protocols) {
    call.protocols.push_back({protocol.name, protocol.metadata.data});
  }
  call.requires_known_member_id = context.version >= 4;
  call.supports_skip_assignment = context.version >= 9;
  CO_ASSIGN_OR_RETURN(JoinReply reply,
                      co_await context.services.groups->Join(request.group_id, std::move(call)));
  JoinGroupResponse response;
  response.error_code = Code(reply.error);
  response.generation_id = reply.generation;
  response.member_id = reply.member_id;
  response.leader = reply.leader;
  response.skip_assignment = reply.skip_assignment;
  if (reply.error == KafkaError::kNone) {
    response.protocol_type = reply.protocol_type;
    response.protocol_name = reply.protocol_name;
  }
  for (JoinReply::Member& member : reply.members) {
    JoinGroupResponse::Member& target = response.members.emplace_back();
    target.member_id = std::move(member.id);
    target.group_instance_id = std::move(member.instance_id);
    target.metadata.data = std::move(member.metadata);
  }
  co_return response;
}

Task<SyncGroupResponse> HandleSyncGroup(const RequestContext& context,
                                        const SyncGroupRequest& request) {
  // A cancellation that came before the wait does not reach what waits on another shard.
  bool is_cancelled = co_await IsCancelled();
  if (is_cancelled) co_return MakeError(ErrorCode::kCancelled, "cancelled");
  SyncCall call;
  call.member_id = request.member_id;
  call.instance_id = request.group_instance_id;
  call.generation = request.generation_id;
  call.protocol_type = request.protocol_type;
  call.protocol_name = request.protocol_name;
  for (const SyncGroupRequest::Assignment& assignment : request.assignments) {
    call.assignments.emplace_back(assignment.member_id, assignment.assignment.data);
  }
  CO_ASSIGN_OR_RETURN(SyncReply reply,
                      co_await context.services.groups->Sync(request.group_id, std::move(call)));
  SyncGroupResponse response;
  response.error_code = Code(reply.error);
  if (reply.error == KafkaError::kNone) {
    response.protocol_type = std::move(reply.protocol_type);
    response.protocol_name = std::move(reply.protocol_name);
  }
  response.assignment.data = std::move(reply.assignment);
  co_return response;
}

Task<HeartbeatResponse> HandleHeartbeat(const RequestContext& context,
                                        const HeartbeatRequest& request) {
  CO_ASSIGN_OR_RETURN(KafkaError error, co_await context.services.groups->Heartbeat(
                                            request.group_id, request.member_id,
                                            request.group_instance_id, request.generation_id));
  HeartbeatResponse response;
  response.error_code = Code(error);
  co_return response;
}

Task<LeaveGroupResponse> HandleLeaveGroup(const RequestContext& context,
                                          const LeaveGroupRequest& request) {
  bool is_batch = context.version >= 3;
  std::vector<GroupCoordinator::Leaver> leavers;
  for (const LeaveGroupRequest::Member& member : request.members) {
    leavers.push_back({member.member_id, member.group_instance_id});
  }
  if (!is_batch) leavers.push_back({request.member_id, std::nullopt});

  LeaveGroupResponse response;
  if (request.group_id.empty()) {
    response.error_code = Code(KafkaError::kInvalidGroupId);
    co_return response;
  }
  CO_ASSIGN_OR_RETURN(std::vector<KafkaError> errors,
                      co_await context.services.groups->Leave(request.group_id, leavers));
  if (!is_batch) {
    response.error_code = Code(errors.front());
    co_return response;
  }
  for (size_t i = 0; i < leavers.size(); ++i) {
    LeaveGroupResponse::Member& member = response.members.emplace_back();
    member.member_id = std::move(leavers[i].member_id);
    member.group_instance_id = std::move(leavers[i].instance_id);
    member.error_code = Code(errors[i]);
  }
  co_return response;
}

}  // namespace mainstem::gateway::kafka

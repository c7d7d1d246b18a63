#include "gateway/kafka/messages/group_membership.h"

namespace mainstem::gateway::kafka {

KAFKA_SCHEMA(JoinGroupRequest,                                     //
             FIELD(group_id),                                      //
             FIELD(session_timeout_ms),                            //
             FIELD(rebalance_timeout_ms, .from = 1),               //
             FIELD(member_id),                                     //
             FIELD(group_instance_id, .from = 5, .null_from = 5),  //
             FIELD(protocol_type),                                 //
             FIELD(protocols),                                     //
             FIELD(reason, .from = 8, .null_from = 8));
KAFKA_SCHEMA(JoinGroupRequest::Protocol,  //
             FIELD(name),                 //
             FIELD(metadata));

KAFKA_SCHEMA(JoinGroupResponse,                                //
             FIELD(throttle_time_ms, .from = 2),               //
             FIELD(error_code),                                //
             FIELD(generation_id),                             //
             FIELD(protocol_type, .from = 7, .null_from = 7),  //
             FIELD(protocol_name, .null_from = 7),             //
             FIELD(leader),                                    //
             FIELD(skip_assignment, .from = 9),                //
             FIELD(member_id),                                 //
             FIELD(members));
KAFKA_SCHEMA(JoinGroupResponse::Member,                            //
             FIELD(member_id),                                     //
             FIELD(group_instance_id, .from = 5, .null_from = 5),  //
             FIELD(metadata));

KAFKA_SCHEMA(SyncGroupRequest,                                     //
             FIELD(group_id),                                      //
             FIELD(generation_id),                                 //
             FIELD(member_id),                                     //
             FIELD(group_instance_id, .from = 3, .null_from = 3),  //
             FIELD(protocol_type, .from = 5, .null_from = 5),      //
             FIELD(protocol_name, .from = 5, .null_from = 5),      //
             FIELD(assignments));
KAFKA_SCHEMA(SyncGroupRequest::Assignment,  //
             FIELD(member_id),              //
             FIELD(assignment));

KAFKA_SCHEMA(SyncGroupResponse,                                //
             FIELD(throttle_time_ms, .from = 1),               //
             FIELD(error_code),                                //
             FIELD(protocol_type, .from = 5, .null_from = 5),  //
             FIELD(protocol_name, .from = 5, .null_from = 5),  //
             FIELD(assignment));

KAFKA_SCHEMA(HeartbeatRequest,      //
             FIELD(group_id),       //
             FIELD(generation_id),  //
             FIELD(member_id),      //
             FIELD(group_instance_id, .from = 3, .null_from = 3));

KAFKA_SCHEMA(HeartbeatResponse,                   //
             FIELD(throttle_time_ms, .from = 1),  //
             FIELD(error_code));

KAFKA_SCHEMA(LeaveGroupRequest,             //
             FIELD(group_id),               //
             FIELD(member_id, .until = 2),  //
             FIELD(members, .from = 3));
KAFKA_SCHEMA(LeaveGroupRequest::Member,                            //
             FIELD(member_id),                                     //
             FIELD(group_instance_id, .from = 3, .null_from = 3),  //
             FIELD(reason, .from = 5, .null_from = 5));

KAFKA_SCHEMA(LeaveGroupResponse,                  //
             FIELD(throttle_time_ms, .from = 1),  //
             FIELD(error_code),                   //
             FIELD(members, .from = 3));
KAFKA_SCHEMA(LeaveGroupResponse::Member,                           //
             FIELD(member_id),                                     //
             FIELD(group_instance_id, .from = 3, .null_from = 3),  //
             FIELD(error_code));

}  // namespace mainstem::gateway::kafka

#include "gateway/kafka/messages/group_admin.h"

namespace mainstem::gateway::kafka {

KAFKA_SCHEMA(DescribeGroupsRequest,  //
             FIELD(groups),          //
             FIELD(include_authorized_operations, .from = 3));

KAFKA_SCHEMA(DescribeGroupsResponse,              //
             FIELD(throttle_time_ms, .from = 1),  //
             FIELD(groups));
KAFKA_SCHEMA(DescribeGroupsResponse::Member,                       //
             FIELD(member_id),                                     //
             FIELD(group_instance_id, .from = 4, .null_from = 4),  //
             FIELD(client_id),                                     //
             FIELD(client_host),                                   //
             FIELD(metadata),                                      //
             FIELD(assignment));
KAFKA_SCHEMA(DescribeGroupsResponse::Group,                    //
             FIELD(error_code),                                //
             FIELD(error_message, .from = 6, .null_from = 6),  //
             FIELD(group_id),                                  //
             FIELD(state),                                     //
             FIELD(protocol_type),                             //
             FIELD(protocol_data),                             //
             FIELD(members),                                   //
             FIELD(authorized_operations, .from = 3));

KAFKA_SCHEMA(ListGroupsRequest,                //
             FIELD(states_filter, .from = 4),  //
             FIELD(types_filter, .from = 5));

KAFKA_SCHEMA(ListGroupsResponse,                  //
             FIELD(throttle_time_ms, .from = 1),  //
             FIELD(error_code),                   //
             FIELD(groups));
KAFKA_SCHEMA(ListGroupsResponse::Group,  //
             FIELD(group_id),            //
             FIELD(protocol_type),       //
             FIELD(state, .from = 4),    //
             FIELD(type, .from = 5));

KAFKA_SCHEMA(DeleteGroupsRequest,  //
             FIELD(group_ids));

KAFKA_SCHEMA(DeleteGroupsResponse,     //
             FIELD(throttle_time_ms),  //
             FIELD(results));
KAFKA_SCHEMA(DeleteGroupsResponse::Result,  //
             FIELD(group_id),               //
             FIELD(error_code));

}  // namespace mainstem::gateway::kafka

#include "gateway/kafka/messages/placement.h"

namespace mainstem::gateway::kafka {

KAFKA_SCHEMA(ElectLeadersRequest,              //
             FIELD(election_type, .from = 1),  //
             FIELD(topics, .null_from = 0),    //
             FIELD(timeout_ms));
KAFKA_SCHEMA(ElectLeadersRequest::Topic,  //
             FIELD(name),                 //
             FIELD(partitions));

KAFKA_SCHEMA(ElectLeadersResponse,          //
             FIELD(throttle_time_ms),       //
             FIELD(error_code, .from = 1),  //
             FIELD(topics));
KAFKA_SCHEMA(ElectLeadersResponse::Partition,  //
             FIELD(index),                     //
             FIELD(error_code),                //
             FIELD(error_message, .null_from = 0));
KAFKA_SCHEMA(ElectLeadersResponse::Topic,  //
             FIELD(name),                  //
             FIELD(partitions));

KAFKA_SCHEMA(AlterPartitionReassignmentsRequest,                 //
             FIELD(timeout_ms),                                  //
             FIELD(allow_replication_factor_change, .from = 1),  //
             FIELD(topics));
KAFKA_SCHEMA(AlterPartitionReassignmentsRequest::Partition,  //
             FIELD(index),                                   //
             FIELD(replicas, .null_from = 0));
KAFKA_SCHEMA(AlterPartitionReassignmentsRequest::Topic,  //
             FIELD(name),                                //
             FIELD(partitions));

KAFKA_SCHEMA(AlterPartitionReassignmentsResponse,                //
             FIELD(throttle_time_ms),                            //
             FIELD(allow_replication_factor_change, .from = 1),  //
             FIELD(error_code),                                  //
             FIELD(error_message, .null_from = 0),               //
             FIELD(topics));
KAFKA_SCHEMA(AlterPartitionReassignmentsResponse::Partition,  //
             FIELD(index),                                    //
             FIELD(error_code),                               //
             FIELD(error_message, .null_from = 0));
KAFKA_SCHEMA(AlterPartitionReassignmentsResponse::Topic,  //
             FIELD(name),                                 //
             FIELD(partitions));

KAFKA_SCHEMA(ListPartitionReassignmentsRequest,  //
             FIELD(timeout_ms),                  //
             FIELD(topics, .null_from = 0));
KAFKA_SCHEMA(ListPartitionReassignmentsRequest::Topic,  //
             FIELD(name),                               //
             FIELD(partition_indexes));

KAFKA_SCHEMA(ListPartitionReassignmentsResponse,    //
             FIELD(throttle_time_ms),               //
             FIELD(error_code),                     //
             FIELD(error_message, .null_from = 0),  //
             FIELD(topics));
KAFKA_SCHEMA(ListPartitionReassignmentsResponse::Partition,  //
             FIELD(index),                                   //
             FIELD(replicas),                                //
             FIELD(adding_replicas),                         //
             FIELD(removing_replicas));
KAFKA_SCHEMA(ListPartitionReassignmentsResponse::Topic,  //
             FIELD(name),                                //
             FIELD(partitions));

}  // namespace mainstem::gateway::kafka

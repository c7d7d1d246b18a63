#include "gateway/kafka/messages/metadata.h"

namespace mainstem::gateway::kafka {

KAFKA_SCHEMA(MetadataRequest,                                                       //
             FIELD(topics, .null_from = 1),                                         //
             FIELD(allow_auto_topic_creation, .from = 4),                           //
             FIELD(include_cluster_authorized_operations, .from = 8, .until = 10),  //
             FIELD(include_topic_authorized_operations, .from = 8));
KAFKA_SCHEMA(MetadataRequest::Topic,       //
             FIELD(topic_id, .from = 10),  //
             FIELD(name, .null_from = 10));

KAFKA_SCHEMA(MetadataResponse,                                              //
             FIELD(throttle_time_ms, .from = 3),                            //
             FIELD(brokers),                                                //
             FIELD(cluster_id, .from = 2, .null_from = 2),                  //
             FIELD(controller_id, .from = 1),                               //
             FIELD(topics),                                                 //
             FIELD(cluster_authorized_operations, .from = 8, .until = 10),  //
             FIELD(error_code, .from = 13));
KAFKA_SCHEMA(MetadataResponse::Broker,  //
             FIELD(node_id),            //
             FIELD(host),               //
             FIELD(port),               //
             FIELD(rack, .from = 1, .null_from = 1));
KAFKA_SCHEMA(MetadataResponse::Partition,     //
             FIELD(error_code),               //
             FIELD(index),                    //
             FIELD(leader_id),                //
             FIELD(leader_epoch, .from = 7),  //
             FIELD(replica_nodes),            //
             FIELD(isr_nodes),                //
             FIELD(offline_replicas, .from = 5));
KAFKA_SCHEMA(MetadataResponse::Topic,        //
             FIELD(error_code),              //
             FIELD(name, .null_from = 12),   //
             FIELD(topic_id, .from = 10),    //
             FIELD(is_internal, .from = 1),  //
             FIELD(partitions),              //
             FIELD(authorized_operations, .from = 8));

KAFKA_SCHEMA(DescribeTopicPartitionsRequest,   //
             FIELD(topics),                    //
             FIELD(response_partition_limit),  //
             FIELD(cursor, .null_from = 0));
KAFKA_SCHEMA(DescribeTopicPartitionsRequest::Topic,  //
             FIELD(name));
KAFKA_SCHEMA(DescribeTopicPartitionsRequest::Cursor,  //
             FIELD(topic_name),                       //
             FIELD(partition_index));

KAFKA_SCHEMA(DescribeTopicPartitionsResponse,  //
             FIELD(throttle_time_ms),          //
             FIELD(topics),                    //
             FIELD(next_cursor, .null_from = 0));
KAFKA_SCHEMA(DescribeTopicPartitionsResponse::Partition,       //
             FIELD(error_code),                                //
             FIELD(index),                                     //
             FIELD(leader_id),                                 //
             FIELD(leader_epoch),                              //
             FIELD(replica_nodes),                             //
             FIELD(isr_nodes),                                 //
             FIELD(eligible_leader_replicas, .null_from = 0),  //
             FIELD(last_known_elr, .null_from = 0),            //
             FIELD(offline_replicas));
KAFKA_SCHEMA(DescribeTopicPartitionsResponse::Topic,  //
             FIELD(error_code),                       //
             FIELD(name, .null_from = 0),             //
             FIELD(topic_id),                         //
             FIELD(is_internal),                      //
             FIELD(partitions),                       //
             FIELD(authorized_operations));
KAFKA_SCHEMA(DescribeTopicPartitionsResponse::Cursor,  //
             FIELD(topic_name),                        //
             FIELD(partition_index));

}  // namespace mainstem::gateway::kafka

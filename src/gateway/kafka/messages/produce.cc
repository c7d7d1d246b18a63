#include "gateway/kafka/messages/produce.h"

namespace mainstem::gateway::kafka {

KAFKA_SCHEMA(ProduceRequest,                                      //
             FIELD(transactional_id, .from = 3, .null_from = 3),  //
             FIELD(acks),                                         //
             FIELD(timeout_ms),                                   //
             FIELD(topics));
KAFKA_SCHEMA(ProduceRequest::Topic,        //
             FIELD(name, .until = 12),     //
             FIELD(topic_id, .from = 13),  //
             FIELD(partitions));
KAFKA_SCHEMA(ProduceRequest::Partition,  //
             FIELD(index),               //
             FIELD(records, .null_from = 0));

KAFKA_SCHEMA(CurrentLeader,     //
             FIELD(leader_id),  //
             FIELD(leader_epoch));
KAFKA_SCHEMA(NodeEndpoint,    //
             FIELD(node_id),  //
             FIELD(host),     //
             FIELD(port),     //
             FIELD(rack, .null_from = 0));

KAFKA_SCHEMA(ProduceResponse,                     //
             FIELD(topics),                       //
             FIELD(throttle_time_ms, .from = 1),  //
             TAGGED(0, node_endpoints, .from = 10));
KAFKA_SCHEMA(ProduceResponse::Topic,       //
             FIELD(name, .until = 12),     //
             FIELD(topic_id, .from = 13),  //
             FIELD(partitions));
KAFKA_SCHEMA(ProduceResponse::Partition,                       //
             FIELD(index),                                     //
             FIELD(error_code),                                //
             FIELD(base_offset),                               //
             FIELD(log_append_time_ms, .from = 2),             //
             FIELD(log_start_offset, .from = 5),               //
             FIELD(record_errors, .from = 8),                  //
             FIELD(error_message, .from = 8, .null_from = 8),  //
             TAGGED(0, current_leader, .from = 10));
KAFKA_SCHEMA(ProduceResponse::RecordError,  //
             FIELD(batch_index),            //
             FIELD(message, .null_from = 8));

}  // namespace mainstem::gateway::kafka

#include "gateway/kafka/messages/topics.h"

namespace mainstem::gateway::kafka {

KAFKA_SCHEMA(CreateTopicsRequest,  //
             FIELD(topics),        //
             FIELD(timeout_ms),    //
             FIELD(validate_only, .from = 1));
KAFKA_SCHEMA(CreateTopicsRequest::Assignment,  //
             FIELD(partition_index),           //
             FIELD(broker_ids));
KAFKA_SCHEMA(CreateTopicsRequest::Config,  //
             FIELD(name),                  //
             FIELD(value, .null_from = 0));
KAFKA_SCHEMA(CreateTopicsRequest::Topic,  //
             FIELD(name),                 //
             FIELD(partition_count),      //
             FIELD(replication_factor),   //
             FIELD(assignments),          //
             FIELD(configs));

KAFKA_SCHEMA(CreateTopicsResponse,                //
             FIELD(throttle_time_ms, .from = 2),  //
             FIELD(topics));
KAFKA_SCHEMA(CreateTopicsResponse::Config,  //
             FIELD(name),                   //
             FIELD(value, .null_from = 5),  //
             FIELD(read_only),              //
             FIELD(source),                 //
             FIELD(is_sensitive));
KAFKA_SCHEMA(CreateTopicsResponse::Topic,                      //
             FIELD(name),                                      //
             FIELD(topic_id, .from = 7),                       //
             FIELD(error_code),                                //
             FIELD(error_message, .from = 1, .null_from = 0),  //
             FIELD(partition_count, .from = 5),                //
             FIELD(replication_factor, .from = 5),             //
             FIELD(configs, .from = 5, .null_from = 5),        //
             TAGGED(0, config_error_code, .from = 5));

KAFKA_SCHEMA(DeleteTopicsRequest,             //
             FIELD(topics, .from = 6),        //
             FIELD(topic_names, .until = 5),  //
             FIELD(timeout_ms));
KAFKA_SCHEMA(DeleteTopicsRequest::Topic,   //
             FIELD(name, .null_from = 6),  //
             FIELD(topic_id));

KAFKA_SCHEMA(DeleteTopicsResponse,                //
             FIELD(throttle_time_ms, .from = 1),  //
             FIELD(topics));
KAFKA_SCHEMA(DeleteTopicsResponse::Topic,  //
             FIELD(name, .null_from = 6),  //
             FIELD(topic_id, .from = 6),   //
             FIELD(error_code),            //
             FIELD(error_message, .from = 5, .null_from = 5));

KAFKA_SCHEMA(CreatePartitionsRequest,  //
             FIELD(topics),            //
             FIELD(timeout_ms),        //
             FIELD(validate_only));
KAFKA_SCHEMA(CreatePartitionsRequest::Assignment,  //
             FIELD(broker_ids));
KAFKA_SCHEMA(CreatePartitionsRequest::Topic,  //
             FIELD(name),                     //
             FIELD(count),                    //
             FIELD(assignments, .null_from = 0));

KAFKA_SCHEMA(CreatePartitionsResponse,  //
             FIELD(throttle_time_ms),   //
             FIELD(topics));
KAFKA_SCHEMA(CreatePartitionsResponse::Topic,  //
             FIELD(name),                      //
             FIELD(error_code),                //
             FIELD(error_message, .null_from = 0));

}  // namespace mainstem::gateway::kafka

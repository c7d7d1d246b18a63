#include "gateway/kafka/messages/producers.h"

namespace mainstem::gateway::kafka {

KAFKA_SCHEMA(InitProducerIdRequest,                    //
             FIELD(transactional_id, .null_from = 0),  //
             FIELD(transaction_timeout_ms),            //
             FIELD(producer_id, .from = 3),            //
             FIELD(producer_epoch, .from = 3));

KAFKA_SCHEMA(InitProducerIdResponse,   //
             FIELD(throttle_time_ms),  //
             FIELD(error_code),        //
             FIELD(producer_id),       //
             FIELD(producer_epoch));

KAFKA_SCHEMA(DescribeProducersRequest,  //
             FIELD(topics));
KAFKA_SCHEMA(DescribeProducersRequest::Topic,  //
             FIELD(name),                      //
             FIELD(partition_indexes));

KAFKA_SCHEMA(DescribeProducersResponse,  //
             FIELD(throttle_time_ms),    //
             FIELD(topics));
KAFKA_SCHEMA(DescribeProducersResponse::Producer,  //
             FIELD(producer_id),                   //
             FIELD(producer_epoch),                //
             FIELD(last_sequence),                 //
             FIELD(last_timestamp),                //
             FIELD(coordinator_epoch),             //
             FIELD(current_txn_start_offset));
KAFKA_SCHEMA(DescribeProducersResponse::Partition,  //
             FIELD(index),                          //
             FIELD(error_code),                     //
             FIELD(error_message, .null_from = 0),  //
             FIELD(active_producers));
KAFKA_SCHEMA(DescribeProducersResponse::Topic,  //
             FIELD(name),                       //
             FIELD(partitions));

}  // namespace mainstem::gateway::kafka

#include "gateway/kafka/messages/transaction_admin.h"

namespace mainstem::gateway::kafka {

KAFKA_SCHEMA(WriteTxnMarkersRequest,  //
             FIELD(markers));
KAFKA_SCHEMA(WriteTxnMarkersRequest::Marker,  //
             FIELD(producer_id),              //
             FIELD(producer_epoch),           //
             FIELD(committed),                //
             FIELD(topics),                   //
             FIELD(coordinator_epoch),        //
             FIELD(transaction_version, .from = 2));
KAFKA_SCHEMA(WriteTxnMarkersRequest::Topic,  //
             FIELD(name),                    //
             FIELD(partition_indexes));

KAFKA_SCHEMA(WriteTxnMarkersResponse,  //
             FIELD(markers));
KAFKA_SCHEMA(WriteTxnMarkersResponse::Marker,  //
             FIELD(producer_id),               //
             FIELD(topics));
KAFKA_SCHEMA(WriteTxnMarkersResponse::Topic,  //
             FIELD(name),                     //
             FIELD(partitions));
KAFKA_SCHEMA(WriteTxnMarkersResponse::Partition,  //
             FIELD(index),                        //
             FIELD(error_code));

KAFKA_SCHEMA(DescribeTransactionsRequest,  //
             FIELD(transactional_ids));

KAFKA_SCHEMA(DescribeTransactionsResponse,  //
             FIELD(throttle_time_ms),       //
             FIELD(states));
KAFKA_SCHEMA(DescribeTransactionsResponse::State,  //
             FIELD(error_code),                    //
             FIELD(transactional_id),              //
             FIELD(state),                         //
             FIELD(timeout_ms),                    //
             FIELD(start_time_ms),                 //
             FIELD(producer_id),                   //
             FIELD(producer_epoch),                //
             FIELD(topics));
KAFKA_SCHEMA(DescribeTransactionsResponse::Topic,  //
             FIELD(name),                          //
             FIELD(partitions));

KAFKA_SCHEMA(ListTransactionsRequest,            //
             FIELD(state_filters),               //
             FIELD(producer_id_filters),         //
             FIELD(duration_filter, .from = 1),  //
             FIELD(transactional_id_pattern, .from = 2, .null_from = 2));

KAFKA_SCHEMA(ListTransactionsResponse,      //
             FIELD(throttle_time_ms),       //
             FIELD(error_code),             //
             FIELD(unknown_state_filters),  //
             FIELD(states));
KAFKA_SCHEMA(ListTransactionsResponse::State,  //
             FIELD(transactional_id),          //
             FIELD(producer_id),               //
             FIELD(state));

}  // namespace mainstem::gateway::kafka

#include "gateway/kafka/messages/transactions.h"

namespace mainstem::gateway::kafka {

KAFKA_SCHEMA(AddPartitionsToTxnRequest,            //
             FIELD(transactions, .from = 4),       //
             FIELD(transactional_id, .until = 3),  //
             FIELD(producer_id, .until = 3),       //
             FIELD(producer_epoch, .until = 3),    //
             FIELD(topics, .until = 3));
KAFKA_SCHEMA(AddPartitionsToTxnRequest::Transaction,  //
             FIELD(transactional_id),                 //
             FIELD(producer_id),                      //
             FIELD(producer_epoch),                   //
             FIELD(verify_only),                      //
             FIELD(topics));
KAFKA_SCHEMA(AddPartitionsToTxnRequest::Topic,  //
             FIELD(name),                       //
             FIELD(partitions));

KAFKA_SCHEMA(AddPartitionsToTxnResponse,      //
             FIELD(throttle_time_ms),         //
             FIELD(error_code, .from = 4),    //
             FIELD(transactions, .from = 4),  //
             FIELD(topics, .until = 3));
KAFKA_SCHEMA(AddPartitionsToTxnResponse::Transaction,  //
             FIELD(transactional_id),                  //
             FIELD(topics));
KAFKA_SCHEMA(AddPartitionsToTxnResponse::Topic,  //
             FIELD(name),                        //
             FIELD(partitions));
KAFKA_SCHEMA(AddPartitionsToTxnResponse::Partition,  //
             FIELD(index),                           //
             FIELD(error_code));

KAFKA_SCHEMA(AddOffsetsToTxnRequest,   //
             FIELD(transactional_id),  //
             FIELD(producer_id),       //
             FIELD(producer_epoch),    //
             FIELD(group_id));

KAFKA_SCHEMA(AddOffsetsToTxnResponse,  //
             FIELD(throttle_time_ms),  //
             FIELD(error_code));

KAFKA_SCHEMA(EndTxnRequest,            //
             FIELD(transactional_id),  //
             FIELD(producer_id),       //
             FIELD(producer_epoch),    //
             FIELD(committed));

KAFKA_SCHEMA(EndTxnResponse,                 //
             FIELD(throttle_time_ms),        //
             FIELD(error_code),              //
             FIELD(producer_id, .from = 5),  //
             FIELD(producer_epoch, .from = 5));

KAFKA_SCHEMA(TxnOffsetCommitRequest,                               //
             FIELD(transactional_id),                              //
             FIELD(group_id),                                      //
             FIELD(producer_id),                                   //
             FIELD(producer_epoch),                                //
             FIELD(generation_id, .from = 3),                      //
             FIELD(member_id, .from = 3),                          //
             FIELD(group_instance_id, .from = 3, .null_from = 3),  //
             FIELD(topics));
KAFKA_SCHEMA(TxnOffsetCommitRequest::Topic,  //
             FIELD(name),                    //
             FIELD(partitions));
KAFKA_SCHEMA(TxnOffsetCommitRequest::Partition,         //
             FIELD(index),                              //
             FIELD(committed_offset),                   //
             FIELD(committed_leader_epoch, .from = 2),  //
             FIELD(committed_metadata, .null_from = 0));

KAFKA_SCHEMA(TxnOffsetCommitResponse,  //
             FIELD(throttle_time_ms),  //
             FIELD(topics));
KAFKA_SCHEMA(TxnOffsetCommitResponse::Topic,  //
             FIELD(name),                     //
             FIELD(partitions));
KAFKA_SCHEMA(TxnOffsetCommitResponse::Partition,  //
             FIELD(index),                        //
             FIELD(error_code));

}  // namespace mainstem::gateway::kafka

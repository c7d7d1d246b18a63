#include "gateway/kafka/messages/fetch.h"

namespace mainstem::gateway::kafka {

KAFKA_SCHEMA(FetchRequest,                                        //
             FIELD(replica_id, .until = 14),                      //
             FIELD(max_wait_ms),                                  //
             FIELD(min_bytes),                                    //
             FIELD(max_bytes, .from = 3),                         //
             FIELD(isolation_level, .from = 4),                   //
             FIELD(session_id, .from = 7),                        //
             FIELD(session_epoch, .from = 7),                     //
             FIELD(topics),                                       //
             FIELD(forgotten_topics, .from = 7),                  //
             FIELD(rack_id, .from = 11),                          //
             TAGGED(0, cluster_id, .from = 12, .null_from = 12),  //
             TAGGED(1, replica_state, .from = 15));
KAFKA_SCHEMA(FetchRequest::ReplicaState,  //
             FIELD(replica_id),           //
             FIELD(replica_epoch));
KAFKA_SCHEMA(FetchRequest::Topic,          //
             FIELD(name, .until = 12),     //
             FIELD(topic_id, .from = 13),  //
             FIELD(partitions));
KAFKA_SCHEMA(FetchRequest::Partition,                      //
             FIELD(index),                                 //
             FIELD(current_leader_epoch, .from = 9),       //
             FIELD(fetch_offset),                          //
             FIELD(last_fetched_epoch, .from = 12),        //
             FIELD(log_start_offset, .from = 5),           //
             FIELD(max_bytes),                             //
             TAGGED(0, replica_directory_id, .from = 17),  //
             TAGGED(1, high_watermark, .from = 18));
KAFKA_SCHEMA(FetchRequest::ForgottenTopic,  //
             FIELD(name, .until = 12),      //
             FIELD(topic_id, .from = 13),   //
             FIELD(partitions));

KAFKA_SCHEMA(FetchResponse,                       //
             FIELD(throttle_time_ms, .from = 1),  //
             FIELD(error_code, .from = 7),        //
             FIELD(session_id, .from = 7),        //
             FIELD(topics),                       //
             TAGGED(0, node_endpoints, .from = 16));
KAFKA_SCHEMA(FetchResponse::Topic,         //
             FIELD(name, .until = 12),     //
             FIELD(topic_id, .from = 13),  //
             FIELD(partitions));
KAFKA_SCHEMA(FetchResponse::Partition,                                //
             FIELD(index),                                            //
             FIELD(error_code),                                       //
             FIELD(high_watermark),                                   //
             FIELD(last_stable_offset, .from = 4),                    //
             FIELD(log_start_offset, .from = 5),                      //
             FIELD(aborted_transactions, .from = 4, .null_from = 4),  //
             FIELD(preferred_read_replica, .from = 11),               //
             FIELD(records, .null_from = 0),                          //
             TAGGED(0, diverging_epoch, .from = 12),                  //
             TAGGED(1, current_leader, .from = 12),                   //
             TAGGED(2, snapshot_id, .from = 12));
KAFKA_SCHEMA(FetchResponse::EpochEndOffset,  //
             FIELD(epoch),                   //
             FIELD(end_offset));
KAFKA_SCHEMA(FetchResponse::SnapshotId,  //
             FIELD(end_offset),          //
             FIELD(epoch));
KAFKA_SCHEMA(FetchResponse::AbortedTransaction,  //
             FIELD(producer_id),                 //
             FIELD(first_offset));

}  // namespace mainstem::gateway::kafka

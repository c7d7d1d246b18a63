#include "gateway/kafka/messages/group_offsets.h"

namespace mainstem::gateway::kafka {

KAFKA_SCHEMA(OffsetCommitRequest,                                  //
             FIELD(group_id),                                      //
             FIELD(generation_id, .from = 1),                      //
             FIELD(member_id, .from = 1),                          //
             FIELD(group_instance_id, .from = 7, .null_from = 7),  //
             FIELD(retention_time_ms, .from = 2, .until = 4),      //
             FIELD(topics));
KAFKA_SCHEMA(OffsetCommitRequest::Partition,            //
             FIELD(index),                              //
             FIELD(committed_offset),                   //
             FIELD(committed_leader_epoch, .from = 6),  //
             FIELD(committed_metadata, .null_from = 0));
KAFKA_SCHEMA(OffsetCommitRequest::Topic,   //
             FIELD(name, .until = 9),      //
             FIELD(topic_id, .from = 10),  //
             FIELD(partitions));

KAFKA_SCHEMA(OffsetCommitResponse,                //
             FIELD(throttle_time_ms, .from = 3),  //
             FIELD(topics));
KAFKA_SCHEMA(OffsetCommitResponse::Partition,  //
             FIELD(index),                     //
             FIELD(error_code));
KAFKA_SCHEMA(OffsetCommitResponse::Topic,  //
             FIELD(name, .until = 9),      //
             FIELD(topic_id, .from = 10),  //
             FIELD(partitions));

KAFKA_SCHEMA(OffsetFetchRequest,                         //
             FIELD(group_id, .until = 7),                //
             FIELD(topics, .until = 7, .null_from = 2),  //
             FIELD(groups, .from = 8),                   //
             FIELD(require_stable, .from = 7));
KAFKA_SCHEMA(OffsetFetchRequest::Topic,    //
             FIELD(name, .until = 9),      //
             FIELD(topic_id, .from = 10),  //
             FIELD(partition_indexes));
KAFKA_SCHEMA(OffsetFetchRequest::Group,                    //
             FIELD(group_id),                              //
             FIELD(member_id, .from = 9, .null_from = 9),  //
             FIELD(member_epoch, .from = 9),               //
             FIELD(topics, .null_from = 8));

KAFKA_SCHEMA(OffsetFetchResponse,                       //
             FIELD(throttle_time_ms, .from = 3),        //
             FIELD(topics, .until = 7),                 //
             FIELD(error_code, .from = 2, .until = 7),  //
             FIELD(groups, .from = 8));
KAFKA_SCHEMA(OffsetFetchResponse::Partition,            //
             FIELD(index),                              //
             FIELD(committed_offset),                   //
             FIELD(committed_leader_epoch, .from = 5),  //
             FIELD(metadata, .null_from = 0),           //
             FIELD(error_code));
KAFKA_SCHEMA(OffsetFetchResponse::Topic,   //
             FIELD(name, .until = 9),      //
             FIELD(topic_id, .from = 10),  //
             FIELD(partitions));
KAFKA_SCHEMA(OffsetFetchResponse::Group,  //
             FIELD(group_id),             //
             FIELD(topics),               //
             FIELD(error_code));

KAFKA_SCHEMA(OffsetDeleteRequest,  //
             FIELD(group_id),      //
             FIELD(topics));
KAFKA_SCHEMA(OffsetDeleteRequest::Partition,  //
             FIELD(index));
KAFKA_SCHEMA(OffsetDeleteRequest::Topic,  //
             FIELD(name),                 //
             FIELD(partitions));

KAFKA_SCHEMA(OffsetDeleteResponse,     //
             FIELD(error_code),        //
             FIELD(throttle_time_ms),  //
             FIELD(topics));
KAFKA_SCHEMA(OffsetDeleteResponse::Partition,  //
             FIELD(index),                     //
             FIELD(error_code));
KAFKA_SCHEMA(OffsetDeleteResponse::Topic,  //
             FIELD(name),                  //
             FIELD(partitions));

}  // namespace mainstem::gateway::kafka

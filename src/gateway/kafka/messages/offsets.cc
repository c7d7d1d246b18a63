#include "gateway/kafka/messages/offsets.h"

namespace mainstem::gateway::kafka {

KAFKA_SCHEMA(ListOffsetsRequest,                 //
             FIELD(replica_id),                  //
             FIELD(isolation_level, .from = 2),  //
             FIELD(topics),                      //
             FIELD(timeout_ms, .from = 10));
KAFKA_SCHEMA(ListOffsetsRequest::Partition,           //
             FIELD(index),                            //
             FIELD(current_leader_epoch, .from = 4),  //
             FIELD(timestamp));
KAFKA_SCHEMA(ListOffsetsRequest::Topic,  //
             FIELD(name),                //
             FIELD(partitions));

KAFKA_SCHEMA(ListOffsetsResponse,                 //
             FIELD(throttle_time_ms, .from = 2),  //
             FIELD(topics));
KAFKA_SCHEMA(ListOffsetsResponse::Partition,  //
             FIELD(index),                    //
             FIELD(error_code),               //
             FIELD(timestamp, .from = 1),     //
             FIELD(offset, .from = 1),        //
             FIELD(leader_epoch, .from = 4));
KAFKA_SCHEMA(ListOffsetsResponse::Topic,  //
             FIELD(name),                 //
             FIELD(partitions));

KAFKA_SCHEMA(OffsetForLeaderEpochRequest,   //
             FIELD(replica_id, .from = 3),  //
             FIELD(topics));
KAFKA_SCHEMA(OffsetForLeaderEpochRequest::Partition,  //
             FIELD(index),                            //
             FIELD(current_leader_epoch, .from = 2),  //
             FIELD(leader_epoch));
KAFKA_SCHEMA(OffsetForLeaderEpochRequest::Topic,  //
             FIELD(name),                         //
             FIELD(partitions));

KAFKA_SCHEMA(OffsetForLeaderEpochResponse,        //
             FIELD(throttle_time_ms, .from = 2),  //
             FIELD(topics));
KAFKA_SCHEMA(OffsetForLeaderEpochResponse::Partition,  //
             FIELD(error_code),                        //
             FIELD(index),                             //
             FIELD(leader_epoch, .from = 1),           //
             FIELD(end_offset));
KAFKA_SCHEMA(OffsetForLeaderEpochResponse::Topic,  //
             FIELD(name),                          //
             FIELD(partitions));

KAFKA_SCHEMA(DeleteRecordsRequest,  //
             FIELD(topics),         //
             FIELD(timeout_ms));
KAFKA_SCHEMA(DeleteRecordsRequest::Partition,  //
             FIELD(index),                     //
             FIELD(offset));
KAFKA_SCHEMA(DeleteRecordsRequest::Topic,  //
             FIELD(name),                  //
             FIELD(partitions));

KAFKA_SCHEMA(DeleteRecordsResponse,    //
             FIELD(throttle_time_ms),  //
             FIELD(topics));
KAFKA_SCHEMA(DeleteRecordsResponse::Partition,  //
             FIELD(index),                      //
             FIELD(low_watermark),              //
             FIELD(error_code));
KAFKA_SCHEMA(DeleteRecordsResponse::Topic,  //
             FIELD(name),                   //
             FIELD(partitions));

}  // namespace mainstem::gateway::kafka

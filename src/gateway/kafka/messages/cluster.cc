#include "gateway/kafka/messages/cluster.h"

namespace mainstem::gateway::kafka {

KAFKA_SCHEMA(ApiVersionsRequest,                      //
             FIELD(client_software_name, .from = 3),  //
             FIELD(client_software_version, .from = 3));

KAFKA_SCHEMA(ApiVersionsResponse,                             //
             FIELD(error_code),                               //
             FIELD(api_keys),                                 //
             FIELD(throttle_time_ms, .from = 1),              //
             TAGGED(0, supported_features, .from = 3),        //
             TAGGED(1, finalized_features_epoch, .from = 3),  //
             TAGGED(2, finalized_features, .from = 3),        //
             TAGGED(3, zk_migration_ready, .from = 3));
KAFKA_SCHEMA(ApiVersionsResponse::Api,  //
             FIELD(api_key),            //
             FIELD(min_version),        //
             FIELD(max_version));
KAFKA_SCHEMA(ApiVersionsResponse::SupportedFeature,  //
             FIELD(name),                            //
             FIELD(min_version),                     //
             FIELD(max_version));
KAFKA_SCHEMA(ApiVersionsResponse::FinalizedFeature,  //
             FIELD(name),                            //
             FIELD(max_version_level),               //
             FIELD(min_version_level));

KAFKA_SCHEMA(SaslHandshakeRequest,  //
             FIELD(mechanism));

KAFKA_SCHEMA(SaslHandshakeResponse,  //
             FIELD(error_code),      //
             FIELD(mechanisms));

KAFKA_SCHEMA(FindCoordinatorRequest,      //
             FIELD(key, .until = 3),      //
             FIELD(key_type, .from = 1),  //
             FIELD(coordinator_keys, .from = 4));

KAFKA_SCHEMA(FindCoordinatorResponse,                                      //
             FIELD(throttle_time_ms, .from = 1),                           //
             FIELD(error_code, .until = 3),                                //
             FIELD(error_message, .from = 1, .until = 3, .null_from = 1),  //
             FIELD(node_id, .until = 3),                                   //
             FIELD(host, .until = 3),                                      //
             FIELD(port, .until = 3),                                      //
             FIELD(coordinators, .from = 4));
KAFKA_SCHEMA(FindCoordinatorResponse::Coordinator,  //
             FIELD(key),                            //
             FIELD(node_id),                        //
             FIELD(host),                           //
             FIELD(port),                           //
             FIELD(error_code),                     //
             FIELD(error_message, .null_from = 4));

KAFKA_SCHEMA(DescribeClusterRequest,                        //
             FIELD(include_cluster_authorized_operations),  //
             FIELD(endpoint_type, .from = 1),               //
             FIELD(include_fenced_brokers, .from = 2));

KAFKA_SCHEMA(DescribeClusterResponse,               //
             FIELD(throttle_time_ms),               //
             FIELD(error_code),                     //
             FIELD(error_message, .null_from = 0),  //
             FIELD(endpoint_type, .from = 1),       //
             FIELD(cluster_id),                     //
             FIELD(controller_id),                  //
             FIELD(brokers),                        //
             FIELD(cluster_authorized_operations));
KAFKA_SCHEMA(DescribeClusterResponse::Broker,  //
             FIELD(broker_id),                 //
             FIELD(host),                      //
             FIELD(port),                      //
             FIELD(rack, .null_from = 0),      //
             FIELD(is_fenced, .from = 2));

KAFKA_SCHEMA(DescribeLogDirsRequest,  //
             FIELD(topics, .null_from = 0));
KAFKA_SCHEMA(DescribeLogDirsRequest::Topic,  //
             FIELD(name),                    //
             FIELD(partitions));

KAFKA_SCHEMA(DescribeLogDirsResponse,       //
             FIELD(throttle_time_ms),       //
             FIELD(error_code, .from = 3),  //
             FIELD(log_dirs));
KAFKA_SCHEMA(DescribeLogDirsResponse::Partition,  //
             FIELD(index),                        //
             FIELD(size_bytes),                   //
             FIELD(offset_lag),                   //
             FIELD(is_future_key));
KAFKA_SCHEMA(DescribeLogDirsResponse::Topic,  //
             FIELD(name),                     //
             FIELD(partitions));
KAFKA_SCHEMA(DescribeLogDirsResponse::LogDir,  //
             FIELD(error_code),                //
             FIELD(log_dir),                   //
             FIELD(topics),                    //
             FIELD(total_bytes, .from = 4),    //
             FIELD(usable_bytes, .from = 4),   //
             FIELD(is_cordoned, .from = 5));

}  // namespace mainstem::gateway::kafka

#include "gateway/kafka/messages/configs.h"

namespace mainstem::gateway::kafka {

KAFKA_SCHEMA(DescribeConfigsRequest,              //
             FIELD(resources),                    //
             FIELD(include_synonyms, .from = 1),  //
             FIELD(include_documentation, .from = 3));
KAFKA_SCHEMA(DescribeConfigsRequest::Resource,  //
             FIELD(resource_type),              //
             FIELD(resource_name),              //
             FIELD(configuration_keys, .null_from = 0));

KAFKA_SCHEMA(DescribeConfigsResponse,  //
             FIELD(throttle_time_ms),  //
             FIELD(resources));
KAFKA_SCHEMA(DescribeConfigsResponse::Synonym,  //
             FIELD(name),                       //
             FIELD(value, .null_from = 0),      //
             FIELD(source));
KAFKA_SCHEMA(DescribeConfigsResponse::Config,  //
             FIELD(name),                      //
             FIELD(value, .null_from = 0),     //
             FIELD(read_only),                 //
             FIELD(source, .from = 1),         //
             FIELD(is_sensitive),              //
             FIELD(synonyms, .from = 1),       //
             FIELD(type, .from = 3),           //
             FIELD(documentation, .from = 3, .null_from = 0));
KAFKA_SCHEMA(DescribeConfigsResponse::Resource,     //
             FIELD(error_code),                     //
             FIELD(error_message, .null_from = 0),  //
             FIELD(resource_type),                  //
             FIELD(resource_name),                  //
             FIELD(configs));

KAFKA_SCHEMA(AlterConfigsRequest,  //
             FIELD(resources),     //
             FIELD(validate_only));
KAFKA_SCHEMA(AlterConfigsRequest::Config,  //
             FIELD(name),                  //
             FIELD(value, .null_from = 0));
KAFKA_SCHEMA(AlterConfigsRequest::Resource,  //
             FIELD(resource_type),           //
             FIELD(resource_name),           //
             FIELD(configs));

KAFKA_SCHEMA(AlterConfigsResponse,     //
             FIELD(throttle_time_ms),  //
             FIELD(resources));
KAFKA_SCHEMA(AlterConfigsResponse::Resource,        //
             FIELD(error_code),                     //
             FIELD(error_message, .null_from = 0),  //
             FIELD(resource_type),                  //
             FIELD(resource_name));

KAFKA_SCHEMA(IncrementalAlterConfigsRequest,  //
             FIELD(resources),                //
             FIELD(validate_only));
KAFKA_SCHEMA(IncrementalAlterConfigsRequest::Config,  //
             FIELD(name),                             //
             FIELD(operation),                        //
             FIELD(value, .null_from = 0));
KAFKA_SCHEMA(IncrementalAlterConfigsRequest::Resource,  //
             FIELD(resource_type),                      //
             FIELD(resource_name),                      //
             FIELD(configs));

KAFKA_SCHEMA(IncrementalAlterConfigsResponse,  //
             FIELD(throttle_time_ms),          //
             FIELD(resources));
KAFKA_SCHEMA(IncrementalAlterConfigsResponse::Resource,  //
             FIELD(error_code),                          //
             FIELD(error_message, .null_from = 0),       //
             FIELD(resource_type),                       //
             FIELD(resource_name));

KAFKA_SCHEMA(ListConfigResourcesRequest,  //
             FIELD(resource_types, .from = 1));

KAFKA_SCHEMA(ListConfigResourcesResponse,  //
             FIELD(throttle_time_ms),      //
             FIELD(error_code),            //
             FIELD(resources));
KAFKA_SCHEMA(ListConfigResourcesResponse::Resource,  //
             FIELD(resource_name),                   //
             FIELD(resource_type, .from = 1));

}  // namespace mainstem::gateway::kafka

#include "gateway/kafka/messages/security_admin.h"

namespace mainstem::gateway::kafka {

KAFKA_SCHEMA(AclFilter,                             //
             FIELD(resource_type),                  //
             FIELD(resource_name, .null_from = 0),  //
             FIELD(pattern_type),                   //
             FIELD(principal, .null_from = 0),      //
             FIELD(host, .null_from = 0),           //
             FIELD(operation),                      //
             FIELD(permission_type));

KAFKA_SCHEMA(DescribeAclsRequest,                   //
             FIELD(resource_type),                  //
             FIELD(resource_name, .null_from = 0),  //
             FIELD(pattern_type),                   //
             FIELD(principal, .null_from = 0),      //
             FIELD(host, .null_from = 0),           //
             FIELD(operation),                      //
             FIELD(permission_type));

KAFKA_SCHEMA(DescribeAclsResponse,                  //
             FIELD(throttle_time_ms),               //
             FIELD(error_code),                     //
             FIELD(error_message, .null_from = 0),  //
             FIELD(resources));
KAFKA_SCHEMA(DescribeAclsResponse::Acl,  //
             FIELD(principal),           //
             FIELD(host),                //
             FIELD(operation),           //
             FIELD(permission_type));
KAFKA_SCHEMA(DescribeAclsResponse::Resource,  //
             FIELD(resource_type),            //
             FIELD(resource_name),            //
             FIELD(pattern_type),             //
             FIELD(acls));

KAFKA_SCHEMA(CreateAclsRequest,  //
             FIELD(creations));
KAFKA_SCHEMA(CreateAclsRequest::Creation,   //
             FIELD(resource_type),          //
             FIELD(resource_name),          //
             FIELD(resource_pattern_type),  //
             FIELD(principal),              //
             FIELD(host),                   //
             FIELD(operation),              //
             FIELD(permission_type));

KAFKA_SCHEMA(CreateAclsResponse,       //
             FIELD(throttle_time_ms),  //
             FIELD(results));
KAFKA_SCHEMA(CreateAclsResponse::Result,  //
             FIELD(error_code),           //
             FIELD(error_message, .null_from = 0));

KAFKA_SCHEMA(DeleteAclsRequest,  //
             FIELD(filters));

KAFKA_SCHEMA(DeleteAclsResponse,       //
             FIELD(throttle_time_ms),  //
             FIELD(filter_results));
KAFKA_SCHEMA(DeleteAclsResponse::MatchingAcl,       //
             FIELD(error_code),                     //
             FIELD(error_message, .null_from = 0),  //
             FIELD(resource_type),                  //
             FIELD(resource_name),                  //
             FIELD(pattern_type),                   //
             FIELD(principal),                      //
             FIELD(host),                           //
             FIELD(operation),                      //
             FIELD(permission_type));
KAFKA_SCHEMA(DeleteAclsResponse::FilterResult,      //
             FIELD(error_code),                     //
             FIELD(error_message, .null_from = 0),  //
             FIELD(matching_acls));

KAFKA_SCHEMA(QuotaEntity,         //
             FIELD(entity_type),  //
             FIELD(entity_name, .null_from = 0));

KAFKA_SCHEMA(DescribeClientQuotasRequest,  //
             FIELD(components),            //
             FIELD(strict));
KAFKA_SCHEMA(DescribeClientQuotasRequest::Component,  //
             FIELD(entity_type),                      //
             FIELD(match_type),                       //
             FIELD(match, .null_from = 0));

KAFKA_SCHEMA(DescribeClientQuotasResponse,          //
             FIELD(throttle_time_ms),               //
             FIELD(error_code),                     //
             FIELD(error_message, .null_from = 0),  //
             FIELD(entries, .null_from = 0));
KAFKA_SCHEMA(DescribeClientQuotasResponse::Value,  //
             FIELD(key),                           //
             FIELD(value_bits));
KAFKA_SCHEMA(DescribeClientQuotasResponse::Entry,  //
             FIELD(entity),                        //
             FIELD(values));

KAFKA_SCHEMA(AlterClientQuotasRequest,  //
             FIELD(entries),            //
             FIELD(validate_only));
KAFKA_SCHEMA(AlterClientQuotasRequest::Operation,  //
             FIELD(key),                           //
             FIELD(value_bits),                    //
             FIELD(remove));
KAFKA_SCHEMA(AlterClientQuotasRequest::Entry,  //
             FIELD(entity),                    //
             FIELD(operations));

KAFKA_SCHEMA(AlterClientQuotasResponse,  //
             FIELD(throttle_time_ms),    //
             FIELD(entries));
KAFKA_SCHEMA(AlterClientQuotasResponse::Entry,      //
             FIELD(error_code),                     //
             FIELD(error_message, .null_from = 0),  //
             FIELD(entity));

KAFKA_SCHEMA(DescribeUserScramCredentialsRequest,  //
             FIELD(users, .null_from = 0));
KAFKA_SCHEMA(DescribeUserScramCredentialsRequest::User,  //
             FIELD(name));

KAFKA_SCHEMA(DescribeUserScramCredentialsResponse,  //
             FIELD(throttle_time_ms),               //
             FIELD(error_code),                     //
             FIELD(error_message, .null_from = 0),  //
             FIELD(results));
KAFKA_SCHEMA(DescribeUserScramCredentialsResponse::Credential,  //
             FIELD(mechanism),                                  //
             FIELD(iterations));
KAFKA_SCHEMA(DescribeUserScramCredentialsResponse::Result,  //
             FIELD(user),                                   //
             FIELD(error_code),                             //
             FIELD(error_message, .null_from = 0),          //
             FIELD(credentials));

}  // namespace mainstem::gateway::kafka

// A node has no authorizer, no quotas and no users with passwords: these answer as Kafka does when
// it has none, and refuse what would set some.
#include "gateway/kafka/error_codes.h"
#include "gateway/kafka/handlers/handlers.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr const char* kNoAuthorizer = "No Authorizer is configured.";

}  // namespace

Task<DescribeAclsResponse> HandleDescribeAcls(const RequestContext& context,
                                              const DescribeAclsRequest& request) {
  DescribeAclsResponse response;
  response.error_code = Code(KafkaError::kSecurityDisabled);
  response.error_message = "No Authorizer is configured on the broker";
  co_return response;
}

Task<CreateAclsResponse> HandleCreateAcls(const RequestContext& context,
                                          const CreateAclsRequest& request) {
  CreateAclsResponse response;
  CreateAclsResponse::Result refusal{Code(KafkaError::kSecurityDisabled), kNoAuthorizer};
  response.results.assign(request.creations.size(), refusal);
  co_return response;
}

Task<DeleteAclsResponse> HandleDeleteAcls(const RequestContext& context,
                                          const DeleteAclsRequest& request) {
  DeleteAclsResponse response;
  DeleteAclsResponse::FilterResult refusal{Code(KafkaError::kSecurityDisabled), kNoAuthorizer, {}};
  response.filter_results.assign(request.filters.size(), refusal);
  co_return response;
}

Task<DescribeClientQuotasResponse> HandleDescribeClientQuotas(
    const RequestContext& context, const DescribeClientQuotasRequest& request) {
  DescribeClientQuotasResponse response;
  response.error_message = "";
  response.entries.emplace();
  co_return response;
}

// Also what would take a quota away: there is none.
Task<AlterClientQuotasResponse> HandleAlterClientQuotas(const RequestContext& context,
                                                        const AlterClientQuotasRequest& request) {
  AlterClientQuotasResponse response;
  for (const AlterClientQuotasRequest::Entry& entry : request.entries) {
    response.entries.push_back({Code(KafkaError::kInvalidRequest),
                                "quotas are not supported by this version of Mainstem",
                                entry.entity});
  }
  co_return response;
}

Task<DescribeUserScramCredentialsResponse> HandleDescribeUserScramCredentials(
    const RequestContext& context, const DescribeUserScramCredentialsRequest& request) {
  DescribeUserScramCredentialsResponse response;
  response.error_message = "";
  if (!request.users) co_return response;
  for (const DescribeUserScramCredentialsRequest::User& user : *request.users) {
    response.results.push_back(
        {user.name,
         Code(KafkaError::kResourceNotFound),
         "Attempt to describe a user credential that does not exist: " + user.name,
         {}});
  }
  co_return response;
}

}  // namespace mainstem::gateway::kafka

// TagResource, UntagResource, ListTagsOfResource.
#include <functional>

#include <fmt/format.h>

#include "gateway/aws/tags.h"
#include "gateway/dynamodb/errors.h"
#include "gateway/dynamodb/operations.h"

namespace mainstem::gateway::dynamodb {
namespace {

Result<const Table*> FindTagged(const Context& context, const aws::Value& input) {
  std::string_view arn = input["ResourceArn"].text;
  if (!arn.starts_with("arn:") || arn.find(":dynamodb:") == std::string_view::npos) {
    return Invalid(fmt::format("Invalid TableArn: Invalid ResourceArn provided as input {}", arn));
  }
  const Table* table = context.store->Find(TableNameIn(arn));
  if (table != nullptr) return table;
  return DynamoError("ResourceNotFoundException",
                     fmt::format("Requested resource not found: ResourcArn: {} not found", arn));
}

Task<> ChangeTags(const Context& context, aws::AwsCall* call,
                  std::function<Status(const aws::Value& input, aws::TagMap* tags)> change_tags) {
  CO_ASSIGN_OR_RETURN(TableChange change, co_await TableChange::Begin(context));
  CO_ASSIGN_OR_RETURN(const Table* table, FindTagged(context, call->input.root));
  TableDefinition definition = table->definition();
  CO_RETURN_IF_ERROR(change_tags(call->input.root, &definition.tags));
  if (!(definition == table->definition())) {
    CO_RETURN_IF_ERROR(co_await context.store->PutTable(std::move(definition)));
  }
  co_return Status::OK();
}

Status AddTags(const aws::Value& input, aws::TagMap* tags) { return TakeTags(input["Tags"], tags); }

Status RemoveTags(const aws::Value& input, aws::TagMap* tags) {
  aws::RemoveTags(input["TagKeys"], tags);
  return Status::OK();
}

}  // namespace

Status TakeTags(const aws::Value& list, aws::TagMap* tags) {
  if (aws::PutTags(list, tags)) return Status::OK();
  return DynamoError("LimitExceededException",
                     "One or more parameter values were invalid: Too many tags: a table has at "
                     "most 50");
}

Task<> TagResource(const Context& context, aws::AwsCall* call) {
  return ChangeTags(context, call, AddTags);
}
Task<> UntagResource(const Context& context, aws::AwsCall* call) {
  return ChangeTags(context, call, RemoveTags);
}

Task<> ListTagsOfResource(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(const Table* table, FindTagged(context, call->input.root));
  call->answer->BeginMap().Key("Tags").BeginList();
  for (const auto& [key, value] : table->definition().tags) {
    call->answer->BeginMap().Field("Key", key).Field("Value", value).EndMap();
  }
  call->answer->EndList().EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::dynamodb

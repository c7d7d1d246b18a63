// PutSubscriptionFilter, DescribeSubscriptionFilters, DeleteSubscriptionFilter.
#include <algorithm>

#include "gateway/aws/stream_place.h"
#include "gateway/logs/operations.h"

namespace mainstem::gateway::logs {
namespace {

constexpr size_t kFiltersMax = 2;  // of a group
constexpr int64_t kDescribeFiltersMax = 50;

Status FilterNotFound() {
  return aws::MakeAwsError("ResourceNotFoundException",
                           "The specified subscription filter does not exist.");
}

void WriteFilter(const LogGroup& group, const std::string& name, const SubscriptionFilter& filter,
                 aws::BodyWriter* answer) {
  answer->BeginMap().Field("filterName", name).Field("logGroupName", group.name);
  answer->Field("filterPattern", filter.pattern).Field("destinationArn", filter.destination_arn);
  if (!filter.role_arn.empty()) answer->Field("roleArn", filter.role_arn);
  answer->Field("distribution", filter.random ? "Random" : "ByLogStream");
  answer->Key("applyOnTransformedLogs").Boolean(false);
  answer->Key("creationTime").Integer(filter.created_ms).EndMap();
}

}  // namespace

Task<> PutSubscriptionFilter(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  CO_ASSIGN_OR_RETURN(FoundGroup found, FindGroup(context, *call));
  std::string name(input["filterName"].text);
  std::string stream = StreamOfArn(input["destinationArn"].text);
  if (stream.empty()) {
    co_return InvalidParameter(
        "destinationArn must be of a Kinesis stream, arn:aws:kinesis:REGION:ACCOUNT:stream/NAME, "
        "or "
        "of a delivery stream, arn:aws:firehose:REGION:ACCOUNT:deliverystream/NAME.");
  }
  const bool is_delivery_stream = stream.starts_with(aws::kDeliveryStreamPrefix);
  CO_RETURN_IF_ERROR(PatternOf(input["filterPattern"].text).status());
  const auto& filters = found.group->filters;
  if (filters.find(name) == filters.end() && filters.size() >= kFiltersMax) {
    co_return aws::MakeAwsError("LimitExceededException", "Resource limit exceeded.");
  }
  Status reached = co_await context.delivery->SendControlMessage(std::move(stream));
  if (Is(reached, ErrorCode::kNotFound)) {
    co_return InvalidParameter(
        is_delivery_stream
            ? "Could not deliver test message to specified Firehose stream. Check if the given "
              "Firehose stream is in ACTIVE state. "
            : "Could not deliver test message to specified Kinesis stream. Check if the given "
              "kinesis stream is in ACTIVE state. ");
  }
  CO_RETURN_IF_ERROR(reached);
  SubscriptionFilter filter{.pattern = std::string(input["filterPattern"].text),
                            .destination_arn = std::string(input["destinationArn"].text),
                            .role_arn = std::string(input["roleArn"].text),
                            .random = input["distribution"].text == "Random",
                            .created_ms = context.NowMs()};
  Status put = co_await context.catalog->PutFilter(found.group, std::move(name), std::move(filter));
  if (Is(put, ErrorCode::kNotFound)) co_return GroupNotFound();
  co_return put;
}

Task<> DescribeSubscriptionFilters(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  CO_ASSIGN_OR_RETURN(FoundGroup found, FindGroup(context, *call));
  CO_ASSIGN_OR_RETURN(std::string after, PageAfter(context, input));
  std::string_view prefix = input["filterNamePrefix"].text;
  int64_t left = aws::IntegerOf(input["limit"]).value_or(kDescribeFiltersMax);
  std::string last;
  bool more = false;
  call->answer->BeginMap().Key("subscriptionFilters").BeginList();
  const auto& filters = found.group->filters;
  for (auto it = filters.upper_bound(after); it != filters.end() && !more; ++it) {
    if (!std::string_view(it->first).starts_with(prefix)) continue;
    more = left-- == 0;
    if (more) break;
    WriteFilter(*found.group, it->first, it->second, call->answer.get());
    last = it->first;
  }
  call->answer->EndList();
  if (more) call->answer->Field("nextToken", MakePageToken(context, last));
  call->answer->EndMap();
  co_return Status::OK();
}

Task<> DeleteSubscriptionFilter(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(FoundGroup found, FindGroup(context, *call));
  std::string name(call->input.root["filterName"].text);
  Status deleted = co_await context.catalog->DeleteFilter(found.group, std::move(name));
  if (Is(deleted, ErrorCode::kNotFound)) co_return FilterNotFound();
  co_return deleted;
}

}  // namespace mainstem::gateway::logs

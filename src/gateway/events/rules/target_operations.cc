// Targets of rules: putting, removing, listing.
#include <algorithm>

#include <fmt/format.h>

#include "gateway/aws/value_json.h"
#include "gateway/events/operations.h"
#include "gateway/events/rules/rule_catalog.h"

namespace mainstem::gateway::events {
namespace {

constexpr char kTargetPageKind = 'T';
constexpr int64_t kListTargetsMax = 100;
constexpr size_t kTargetsMax = 5;  // of a rule

RuleKey KeyOfTargets(const aws::Value& input) {
  return {.bus = BusNameIn(input["EventBusName"].text), .name = std::string(input["Rule"].text)};
}

// All that is asked for is done, or the call fails.
void AnswerNoneFailed(aws::AwsCall* call) {
  call->answer->BeginMap().Key("FailedEntryCount").Integer(0);
  call->answer->Key("FailedEntries").BeginList().EndList().EndMap();
}

// What is written to a bus's own topic would come back for ever.
bool IsBusTopic(const Context& context, std::string_view stream) {
  const auto& buses = context.catalog->buses();
  return std::any_of(buses.begin(), buses.end(),
                     [&](const auto& bus) { return BusTopic(bus.first) == stream; });
}

Status CheckTarget(const Context& context, const aws::Value& target) {
  auto refused = [](std::string message) {
    return aws::MakeAwsError("ValidationException", std::move(message));
  };
  auto plan = TargetPlan::Make(target);
  Status valid = plan.status();
  if (valid.ok()) valid = plan->CheckNew();
  if (!valid.ok()) return refused(TextOf(valid).message);
  if (plan->place.kind == TargetKind::kArchive) {
    return refused(
        fmt::format("Parameter {} is not valid. Reason: an archive is no target.", plan->arn));
  }
  bool loops = plan->place.kind == TargetKind::kStream && IsBusTopic(context, plan->place.name);
  if (plan->dead_letters) loops = loops || IsBusTopic(context, plan->dead_letters->stream);
  if (!loops) return Status::OK();
  return refused(
      fmt::format("Parameter {} is not valid. Reason: the stream is an event bus.", plan->arn));
}

}  // namespace

Task<> PutTargets(const Context& context, aws::AwsCall* call) {
  RuleKey key = KeyOfTargets(call->input.root);
  CO_RETURN_IF_ERROR(FindRule(context, key).status());
  for (const aws::Member& member : call->input.root["Targets"].members) {
    CO_RETURN_IF_ERROR(CheckTarget(context, member.value));
  }
  RuleCatalog::Change change = [call](Rule* rule) {
    for (const aws::Member& member : call->input.root["Targets"].members) {
      Target& target = rule->targets[std::string(member.value["Id"].text)];
      target.arn = member.value["Arn"].text;
      target.definition = aws::ToJson(member.value);
    }
    if (rule->targets.size() <= kTargetsMax) return Status::OK();
    return aws::MakeAwsError("LimitExceededException",
                             "The requested resource exceeds the maximum number allowed.");
  };
  CO_RETURN_IF_ERROR(
      RuleError(co_await context.rules->Update(std::move(key), std::move(change), {})));
  AnswerNoneFailed(call);
  co_return Status::OK();
}

Task<> RemoveTargets(const Context& context, aws::AwsCall* call) {
  RuleKey key = KeyOfTargets(call->input.root);
  CO_RETURN_IF_ERROR(FindRule(context, key).status());
  RuleCatalog::Change change = [call](Rule* rule) {
    for (const aws::Member& id : call->input.root["Ids"].members) {
      rule->targets.erase(std::string(id.value.text));
    }
    return Status::OK();
  };
  CO_RETURN_IF_ERROR(
      RuleError(co_await context.rules->Update(std::move(key), std::move(change), {})));
  AnswerNoneFailed(call);
  co_return Status::OK();
}

Task<> ListTargetsByRule(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  RuleKey key = KeyOfTargets(input);
  CO_ASSIGN_OR_RETURN(const Rule* rule, FindRule(context, key));
  CO_ASSIGN_OR_RETURN(std::string after, PageAfter(context, input, kTargetPageKind));
  int64_t left = aws::IntegerOf(input["Limit"]).value_or(kListTargetsMax);
  std::string last;
  bool more = false;
  call->answer->BeginMap().Key("Targets").BeginList();
  for (auto it = rule->targets.upper_bound(after); it != rule->targets.end(); ++it) {
    more = left-- == 0;
    if (more) break;
    CO_ASSIGN_OR_RETURN(aws::Document definition,
                        aws::DecodeBody(aws::BodyCodec::kJson, it->second.definition));
    aws::CopyValue(definition.root, call->answer.get());
    last = it->first;
  }
  call->answer->EndList();
  if (more) WriteNextToken(context, kTargetPageKind, last, call);
  call->answer->EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::events

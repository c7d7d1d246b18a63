// Rules: making, changing, deleting, describing.
#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "gateway/events/event_pattern.h"
#include "gateway/events/operations.h"
#include "gateway/events/rules/rule_catalog.h"
#include "gateway/events/rules/schedule.h"

namespace mainstem::gateway::events {
namespace {

constexpr char kRulePageKind = 'R';
constexpr int64_t kListRulesMax = 100;
constexpr int64_t kRulesMax = 300;  // of a bus: Amazon's quota in most regions

RuleKey KeyOfRule(const aws::Value& input, std::string_view name_field = "Name") {
  return {.bus = BusNameIn(input["EventBusName"].text),
          .name = std::string(input[name_field].text)};
}

std::string ArnOf(const Context& context, const aws::AwsCall& call, const RuleKey& key) {
  return RuleArn({.region = call.region, .account = context.account}, key);
}

int64_t CountRules(const RuleCatalog& catalog, std::string_view bus) {
  int64_t count = 0;
  for (const auto& [key, rule] : catalog.rules()) count += key.bus == bus ? 1 : 0;
  return count;
}

void WriteRuleMembers(const Context& context, const aws::AwsCall& call, const RuleKey& key,
                      const Rule& rule) {
  aws::BodyWriter* answer = call.answer.get();
  answer->Field("Name", key.name).Field("Arn", ArnOf(context, call, key));
  if (!rule.pattern.empty()) answer->Field("EventPattern", rule.pattern);
  if (!rule.schedule.empty()) answer->Field("ScheduleExpression", rule.schedule);
  answer->Field("State", rule.state);
  if (!rule.description.empty()) answer->Field("Description", rule.description);
  if (!rule.role_arn.empty()) answer->Field("RoleArn", rule.role_arn);
  answer->Field("EventBusName", key.bus);
}

Status CheckRuleInput(const RuleKey& key, const aws::Value& input) {
  std::string_view pattern = input["EventPattern"].text;
  std::string_view schedule = input["ScheduleExpression"].text;
  auto refused = [](std::string message) {
    return aws::MakeAwsError("ValidationException", std::move(message));
  };
  if (pattern.empty() && schedule.empty()) {
    return refused("Parameter(s) EventPattern or ScheduleExpression must be specified.");
  }
  if (!schedule.empty() && key.bus != kDefaultBus) {
    return refused("ScheduleExpression is supported only on the default event bus.");
  }
  if (!schedule.empty()) {
    auto parsed = Schedule::Parse(schedule);
    if (!parsed.ok()) return refused(TextOf(parsed.status()).message);
  }
  if (pattern.empty()) return Status::OK();
  auto parsed = EventPattern::Parse(pattern);
  return parsed.ok() ? Status::OK() : InvalidEventPattern(parsed.status());
}

Task<> SetState(const Context& context, aws::AwsCall* call, std::string_view state) {
  RuleKey key = KeyOfRule(call->input.root);
  RuleCatalog::Change change = [state](Rule* rule) {
    rule->state = state;
    return Status::OK();
  };
  co_return RuleError(co_await context.rules->Update(std::move(key), std::move(change), {}));
}

}  // namespace

Status RuleError(const Status& status) {
  if (!Is(status, ErrorCode::kNotFound)) return status;
  return aws::MakeAwsError("ResourceNotFoundException", TextOf(status).message);
}

Status CheckBus(const Context& context, const std::string& bus) {
  if (context.catalog->Has(bus)) return Status::OK();
  return aws::MakeAwsError("ResourceNotFoundException",
                           fmt::format("Event bus {} does not exist.", bus));
}

Task<> PutRule(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  RuleKey key = KeyOfRule(input);
  CO_RETURN_IF_ERROR(CheckBus(context, key.bus));
  CO_RETURN_IF_ERROR(CheckRuleInput(key, input));
  RuleCatalog::Change change = [&context, &key, call](Rule* rule) {
    const aws::Value& given = call->input.root;
    bool is_new = rule->region.empty();
    if (is_new && CountRules(*context.rules, key.bus) >= kRulesMax) {
      return aws::MakeAwsError("LimitExceededException",
                               "The requested resource exceeds the maximum number allowed.");
    }
    // What is not given is not kept, but for targets and tags.
    rule->region = call->region;
    rule->pattern = given["EventPattern"].text;
    rule->schedule = given["ScheduleExpression"].text;
    rule->description = given["Description"].text;
    rule->role_arn = given["RoleArn"].text;
    rule->state = given["State"].is_null() ? "ENABLED" : std::string(given["State"].text);
    if (!is_new) return Status::OK();
    rule->created_ms = context.NowMs();
    return SetTags(given, &rule->tags);
  };
  CO_RETURN_IF_ERROR(
      RuleError(co_await context.rules->Update(key, std::move(change), {.makes = true})));
  call->answer->BeginMap().Field("RuleArn", ArnOf(context, *call, key)).EndMap();
  co_return Status::OK();
}

Task<> DeleteRule(const Context& context, aws::AwsCall* call) {
  RuleKey key = KeyOfRule(call->input.root);
  CO_RETURN_IF_ERROR(CheckBus(context, key.bus));
  RuleCatalog::Check check = [](const Rule& rule) {
    if (rule.targets.empty()) return Status::OK();
    return aws::MakeAwsError("ValidationException", "Rule can't be deleted since it has targets.");
  };
  co_return co_await context.rules->Delete(std::move(key), std::move(check));
}

Task<> DescribeRule(const Context& context, aws::AwsCall* call) {
  RuleKey key = KeyOfRule(call->input.root);
  CO_ASSIGN_OR_RETURN(const Rule* rule, FindRule(context, key));
  call->answer->BeginMap();
  WriteRuleMembers(context, *call, key, *rule);
  call->answer->Field("CreatedBy", context.account).EndMap();
  co_return Status::OK();
}

Task<> EnableRule(const Context& context, aws::AwsCall* call) {
  return SetState(context, call, "ENABLED");
}

Task<> DisableRule(const Context& context, aws::AwsCall* call) {
  return SetState(context, call, "DISABLED");
}

Result<const Rule*> FindRule(const Context& context, const RuleKey& key) {
  RETURN_IF_ERROR(CheckBus(context, key.bus));
  const Rule* rule = context.rules->Find(key);
  if (rule != nullptr) return rule;
  return aws::MakeAwsError(
      "ResourceNotFoundException",
      fmt::format("Rule {} does not exist on EventBus {}.", key.name, key.bus));
}

Result<std::string> PageAfter(const Context& context, const aws::Value& input, char kind) {
  if (input["NextToken"].is_null()) return std::string();
  auto token = context.sealer->Unseal(kind, input["NextToken"].text);
  if (token) return std::move(token->payload);
  return aws::MakeAwsError("ValidationException", "Provided token is invalid.");
}

void WriteNextToken(const Context& context, char kind, const std::string& last,
                    aws::AwsCall* call) {
  call->answer->Field("NextToken",
                      context.sealer->Seal(kind, {.made_ms = context.NowMs(), .payload = last}));
}

namespace {

// A page of a bus's rules in order of their names.
struct RuleListing {
  std::string_view member;  // of the answer
  std::function<bool(const RuleKey& key, const Rule& rule)> wants;
  std::function<void(const RuleKey& key, const Rule& rule)> write;
};

Status AnswerRules(const Context& context, aws::AwsCall* call, const RuleListing& listing) {
  const aws::Value& input = call->input.root;
  std::string bus = BusNameIn(input["EventBusName"].text);
  RETURN_IF_ERROR(CheckBus(context, bus));
  ASSIGN_OR_RETURN(std::string after, PageAfter(context, input, kRulePageKind));
  int64_t left = aws::IntegerOf(input["Limit"]).value_or(kListRulesMax);
  std::string last;
  bool more = false;
  call->answer->BeginMap().Key(listing.member).BeginList();
  const auto& rules = context.rules->rules();
  for (auto it = rules.upper_bound({.bus = bus, .name = after});
       it != rules.end() && it->first.bus == bus; ++it) {
    if (!listing.wants(it->first, it->second)) continue;
    more = left-- == 0;
    if (more) break;
    listing.write(it->first, it->second);
    last = it->first.name;
  }
  call->answer->EndList();
  if (more) WriteNextToken(context, kRulePageKind, last, call);
  call->answer->EndMap();
  return Status::OK();
}

}  // namespace

Task<> ListRules(const Context& context, aws::AwsCall* call) {
  std::string_view prefix = call->input.root["NamePrefix"].text;
  RuleListing listing{.member = "Rules"};
  listing.wants = [&](const RuleKey& key, const Rule&) {
    return std::string_view(key.name).starts_with(prefix);
  };
  listing.write = [&](const RuleKey& key, const Rule& rule) {
    call->answer->BeginMap();
    WriteRuleMembers(context, *call, key, rule);
    call->answer->EndMap();
  };
  co_return AnswerRules(context, call, listing);
}

Task<> ListRuleNamesByTarget(const Context& context, aws::AwsCall* call) {
  std::string_view arn = call->input.root["TargetArn"].text;
  RuleListing listing{.member = "RuleNames"};
  listing.wants = [&](const RuleKey&, const Rule& rule) {
    return std::any_of(rule.targets.begin(), rule.targets.end(),
                       [&](const auto& entry) { return entry.second.arn == arn; });
  };
  listing.write = [&](const RuleKey& key, const Rule&) { call->answer->String(key.name); };
  co_return AnswerRules(context, call, listing);
}

}  // namespace mainstem::gateway::events

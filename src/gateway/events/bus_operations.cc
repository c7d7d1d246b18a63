// Event buses: making, deleting, describing, tags.
#include <algorithm>

#include <fmt/format.h>

#include "gateway/aws/tags.h"
#include "gateway/events/operations.h"

namespace mainstem::gateway::events {
namespace {

constexpr char kBusPageKind = 'B';
constexpr int64_t kListMax = 100;

std::string BusArn(const Context& context, const aws::AwsCall& call, std::string_view name) {
  return fmt::format("arn:aws:events:{}:{}:event-bus/{}", call.region, context.account, name);
}

Status BusNotFound(std::string_view name) {
  return aws::MakeAwsError("ResourceNotFoundException",
                           fmt::format("Event bus {} does not exist.", name));
}

void WriteBus(const Context& context, const aws::AwsCall& call, const std::string& name,
              const EventBus& bus) {
  aws::BodyWriter* answer = call.answer.get();
  answer->Field("Name", name).Field("Arn", BusArn(context, call, name));
  if (!bus.description.empty()) answer->Field("Description", bus.description);
  if (bus.created_ms == 0) return;  // "default", of which nobody has asked anything yet
  answer->Key("CreationTime").Time(bus.created_ms);
  answer->Key("LastModifiedTime").Time(bus.modified_ms);
}

}  // namespace

Status SetTags(const aws::Value& input, std::map<std::string, std::string>* tags) {
  aws::PutTags(input["Tags"], tags);
  aws::RemoveTags(input["TagKeys"], tags);
  if (tags->size() <= aws::kTagsMax) return Status::OK();
  return aws::MakeAwsError("ValidationException", "A resource can have at most 50 tags.");
}

std::string BusNameIn(std::string_view name_or_arn) {
  constexpr std::string_view kBefore = ":event-bus/";
  size_t begin = name_or_arn.find(kBefore);
  if (begin != std::string_view::npos) name_or_arn.remove_prefix(begin + kBefore.size());
  return std::string(name_or_arn.empty() ? kDefaultBus : name_or_arn);
}

Task<> CreateEventBus(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  std::string name(input["Name"].text);
  if (name.find('/') != std::string::npos || !input["EventSourceName"].is_null()) {
    co_return aws::MakeAwsError("ResourceNotFoundException",
                                "There are no partner event sources here.");
  }
  int64_t now_ms = context.NowMs();
  EventBus bus{.created_ms = now_ms,
               .modified_ms = now_ms,
               .description = std::string(input["Description"].text)};
  CO_RETURN_IF_ERROR(SetTags(input, &bus.tags));
  Status created = co_await context.catalog->Create(name, std::move(bus));
  if (Is(created, ErrorCode::kAlreadyExists)) {
    co_return aws::MakeAwsError("ResourceAlreadyExistsException",
                                fmt::format("Event bus {} already exists.", name));
  }
  CO_RETURN_IF_ERROR(created);
  call->answer->BeginMap().Field("EventBusArn", BusArn(context, *call, name));
  if (!input["Description"].is_null()) {
    call->answer->Field("Description", input["Description"].text);
  }
  call->answer->EndMap();
  co_return Status::OK();
}

Task<> UpdateEventBus(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  std::string name = BusNameIn(input["Name"].text);
  BusCatalog::Change change = [&input](EventBus* bus) {
    if (!input["Description"].is_null()) bus->description = input["Description"].text;
    return Status::OK();
  };
  Status changed = co_await context.catalog->Update(name, std::move(change));
  if (Is(changed, ErrorCode::kNotFound)) co_return BusNotFound(name);
  CO_RETURN_IF_ERROR(changed);
  call->answer->BeginMap().Field("Arn", BusArn(context, *call, name)).Field("Name", name);
  auto bus = context.catalog->buses().find(name);
  bool has_text = bus != context.catalog->buses().end() && !bus->second.description.empty();
  if (has_text) call->answer->Field("Description", bus->second.description);
  call->answer->EndMap();
  co_return Status::OK();
}

Task<> DeleteEventBus(const Context& context, aws::AwsCall* call) {
  std::string name(call->input.root["Name"].text);
  if (name == kDefaultBus) {
    co_return aws::MakeAwsError("ValidationException", "Cannot delete event bus default.");
  }
  co_return co_await context.rules->DeleteBus(std::move(name));
}

Task<> DescribeEventBus(const Context& context, aws::AwsCall* call) {
  std::string name = BusNameIn(call->input.root["Name"].text);
  auto found = context.catalog->buses().find(name);
  if (found == context.catalog->buses().end()) co_return BusNotFound(name);
  call->answer->BeginMap();
  WriteBus(context, *call, name, found->second);
  call->answer->EndMap();
  co_return Status::OK();
}

Task<> ListEventBuses(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  CO_ASSIGN_OR_RETURN(std::string after, PageAfter(context, input, kBusPageKind));
  int64_t left = aws::IntegerOf(input["Limit"]).value_or(kListMax);
  std::string last;
  bool more = false;
  call->answer->BeginMap().Key("EventBuses").BeginList();
  const auto& buses = context.catalog->buses();
  for (auto it = buses.upper_bound(after); it != buses.end(); ++it) {
    if (!std::string_view(it->first).starts_with(input["NamePrefix"].text)) continue;
    more = left-- == 0;
    if (more) break;
    call->answer->BeginMap();
    WriteBus(context, *call, it->first, it->second);
    call->answer->EndMap();
    last = it->first;
  }
  call->answer->EndList();
  if (more) WriteNextToken(context, kBusPageKind, last, call);
  call->answer->EndMap();
  co_return Status::OK();
}

Task<> ChangeTags(const Context& context, aws::AwsCall* call) {
  std::string_view arn = call->input.root["ResourceARN"].text;
  RuleKey rule;
  if (ParseRuleArn(arn, &rule)) {
    RuleCatalog::Change change = [call](Rule* changed) {
      return SetTags(call->input.root, &changed->tags);
    };
    co_return RuleError(co_await context.rules->Update(std::move(rule), std::move(change), {}));
  }
  std::string name = BusNameIn(arn);
  BusCatalog::Change change = [call](EventBus* bus) {
    return SetTags(call->input.root, &bus->tags);
  };
  Status changed = co_await context.catalog->Update(name, std::move(change));
  if (Is(changed, ErrorCode::kNotFound)) co_return BusNotFound(name);
  co_return changed;
}

Task<> ListTagsForResource(const Context& context, aws::AwsCall* call) {
  std::string_view arn = call->input.root["ResourceARN"].text;
  const std::map<std::string, std::string>* tags = nullptr;
  RuleKey key;
  if (ParseRuleArn(arn, &key)) {
    CO_ASSIGN_OR_RETURN(const Rule* rule, FindRule(context, key));
    tags = &rule->tags;
  } else {
    std::string name = BusNameIn(arn);
    auto found = context.catalog->buses().find(name);
    if (found == context.catalog->buses().end()) co_return BusNotFound(name);
    tags = &found->second.tags;
  }
  call->answer->BeginMap().Key("Tags").BeginList();
  for (const auto& [name, value] : *tags) {
    call->answer->BeginMap().Field("Key", name).Field("Value", value).EndMap();
  }
  call->answer->EndList().EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::events

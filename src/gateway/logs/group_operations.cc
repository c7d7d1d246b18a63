// Log groups: making, deleting, describing, retention, tags.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "gateway/logs/operations.h"

namespace mainstem::gateway::logs {
namespace {

constexpr char kPageKind = 'G';
constexpr int64_t kPageLifeMs = kMillisPerDay;
constexpr size_t kDescribeMax = 50;
constexpr size_t kTagsMax = 50;
constexpr std::array<int64_t, 22> kRetentionDays = {1,    3,    5,    7,    14,   30,  60,  90,
                                                    120,  150,  180,  365,  400,  545, 731, 1096,
                                                    1827, 2192, 2557, 2922, 3288, 3653};

// "arn:aws:logs:R:A:log-group:NAME", and what may stand behind it.
std::string_view NameInArn(std::string_view text) {
  constexpr std::string_view kBefore = ":log-group:";
  size_t begin = text.find(kBefore);
  if (!text.starts_with("arn:") || begin == std::string_view::npos) return text;
  std::string_view rest = text.substr(begin + kBefore.size());
  return rest.substr(0, rest.find(':'));
}

// What DescribeLogGroups asks for.
bool IsGroupWanted(const LogGroup& group, const aws::Value& input) {
  if (!std::string_view(group.name).starts_with(input["logGroupNamePrefix"].text)) return false;
  if (group.name.find(input["logGroupNamePattern"].text) == std::string::npos) return false;
  std::string_view wanted_class = input["logGroupClass"].text;
  if (!wanted_class.empty() && wanted_class != group.definition.group_class) return false;
  const auto& identifiers = input["logGroupIdentifiers"].members;
  return identifiers.empty() ||
         std::any_of(identifiers.begin(), identifiers.end(), [&](const aws::Member& member) {
           return NameInArn(member.value.text) == group.name;
         });
}

Task<> WriteGroup(const Context& context, const aws::AwsCall* call, LogGroupPtr group) {
  auto topic = context.catalog->TopicOf(*group);
  if (!topic) co_return Status::OK();
  storage::TopicPartition partition{.topic_id = topic->id, .partition = PartitionId(0)};
  auto offsets = co_await context.log->Offsets(partition);
  if (Is(offsets.status(), ErrorCode::kUnknownTopicId)) co_return Status::OK();
  CO_RETURN_IF_ERROR(offsets);
  const GroupDefinition& definition = group->definition;
  std::string arn = GroupArn(context, *call, group->name);
  aws::BodyWriter* answer = call->answer.get();
  answer->BeginMap().Field("logGroupName", group->name);
  answer->Key("creationTime").Integer(definition.created_ms);
  if (definition.retention_days) {
    answer->Key("retentionInDays").Integer(*definition.retention_days);
  }
  answer->Key("metricFilterCount").Integer(0);
  answer->Field("arn", arn + ":*").Field("logGroupArn", arn);
  answer->Key("storedBytes").Integer(offsets->size_bytes);
  answer->Field("logGroupClass", definition.group_class);
  answer->Key("deletionProtectionEnabled").Boolean(definition.deletion_protection);
  answer->EndMap();
  co_return Status::OK();
}

Status ToldOfGroup(Status outcome) {
  if (Is(outcome, ErrorCode::kNotFound)) return GroupNotFound();
  return outcome;
}

Status SetTags(const aws::Value& input, std::map<std::string, std::string>* tags) {
  // UntagLogGroup's list is called "tags", too.
  const aws::Value& given = input["tags"];
  if (given.kind == aws::Value::Kind::kMap) {
    for (const aws::Member& tag : given.members) (*tags)[std::string(tag.name)] = tag.value.text;
  } else {
    for (const aws::Member& tag : given.members) tags->erase(std::string(tag.value.text));
  }
  for (const aws::Member& tag : input["tagKeys"].members) tags->erase(std::string(tag.value.text));
  if (tags->size() <= kTagsMax) return Status::OK();
  return aws::MakeAwsError("TooManyTagsException", "A log group can have at most 50 tags.");
}

Task<> ChangeGroup(const Context& context, const aws::AwsCall* call, LogCatalog::Change change) {
  CO_ASSIGN_OR_RETURN(FoundGroup found, FindGroup(context, *call));
  co_return ToldOfGroup(co_await context.catalog->Update(found.group, std::move(change)));
}

}  // namespace

// ---------------------------------------------------------------- shared

Status InvalidParameter(std::string message) {
  return aws::MakeAwsError("InvalidParameterException", std::move(message));
}
Status GroupNotFound() {
  return aws::MakeAwsError("ResourceNotFoundException", "The specified log group does not exist.");
}
Status StreamNotFound() {
  return aws::MakeAwsError("ResourceNotFoundException", "The specified log stream does not exist.");
}
Status GroupIsProtected() {
  return aws::MakeAwsError("ValidationException", "The log group is protected against deletion.");
}

Result<FoundGroup> FindGroup(const Context& context, const aws::AwsCall& call) {
  const aws::Value& input = call.input.root;
  std::string_view name = input["logGroupName"].text;
  for (std::string_view other : {"logGroupIdentifier", "resourceArn"}) {
    if (input[other].is_null()) continue;
    if (!name.empty()) {
      return InvalidParameter("Specify either logGroupName or logGroupIdentifier, not both.");
    }
    name = NameInArn(input[other].text);
  }
  if (name.empty()) return InvalidParameter("A logGroupName or logGroupIdentifier is required.");
  LogGroupPtr group = context.catalog->Find(name);
  if (group == nullptr) return GroupNotFound();
  auto topic = context.catalog->TopicOf(*group);
  if (!topic) return GroupNotFound();
  return FoundGroup{.group = std::move(group), .topic = *std::move(topic)};
}

std::string GroupArn(const Context& context, const aws::AwsCall& call, std::string_view name) {
  return fmt::format("arn:aws:logs:{}:{}:log-group:{}", call.region, context.account, name);
}

std::string MakePageToken(const Context& context, std::string_view after) {
  return context.sealer->Seal(kPageKind,
                              {.made_ms = context.NowMs(), .payload = std::string(after)});
}

Result<std::string> PageAfter(const Context& context, const aws::Value& input) {
  if (input["nextToken"].is_null()) return std::string();
  auto token = context.sealer->Unseal(kPageKind, input["nextToken"].text);
  if (token && context.NowMs() - token->made_ms <= kPageLifeMs) return std::move(token->payload);
  return InvalidParameter("The specified nextToken is invalid.");
}

Result<FilterPattern> PatternOf(std::string_view text) {
  auto pattern = FilterPattern::Parse(text);
  if (pattern.ok()) return pattern;
  return InvalidParameter("Invalid filter pattern: " + TextOf(pattern.status()).message);
}

Status LeaseMore(const Context& context, int64_t bytes, aws::AwsCall* call) {
  if (context.budget->TryResize(&call->memory, call->memory.bytes() + bytes)) return Status::OK();
  return MakeError(ErrorCode::kResourceExhausted, "there is no memory for events now");
}

// ---------------------------------------------------------------- operations

Task<> CreateLogGroup(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  GroupDefinition definition{.created_ms = context.NowMs()};
  std::string name(input["logGroupName"].text);
  if (name.starts_with("aws/")) {
    co_return InvalidParameter("Log groups starting with AWS/ are reserved for AWS.");
  }
  if (!input["logGroupClass"].is_null()) definition.group_class = input["logGroupClass"].text;
  definition.deletion_protection = input["deletionProtectionEnabled"].boolean;
  CO_RETURN_IF_ERROR(SetTags(input, &definition.tags));
  Status created = co_await context.catalog->Create(std::move(name), std::move(definition));
  if (Is(created, ErrorCode::kAlreadyExists)) {
    co_return aws::MakeAwsError("ResourceAlreadyExistsException",
                                "The specified log group already exists");
  }
  co_return created;
}

Task<> DeleteLogGroup(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(FoundGroup found, FindGroup(context, *call));
  if (found.group->definition.deletion_protection) co_return GroupIsProtected();
  Status deleted = co_await context.catalog->Delete(std::move(found.group));
  co_return ToldOfGroup(std::move(deleted));
}

Task<> DescribeLogGroups(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  if (!input["logGroupNamePrefix"].is_null() && !input["logGroupNamePattern"].is_null()) {
    co_return InvalidParameter(
        "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.");
  }
  CO_ASSIGN_OR_RETURN(std::string after, PageAfter(context, input));
  auto limit = static_cast<size_t>(aws::IntegerOf(input["limit"]).value_or(kDescribeMax));
  std::vector<LogGroupPtr> page;
  const auto& groups = context.catalog->groups();
  bool more = false;
  for (auto it = groups.upper_bound(after); it != groups.end() && !more; ++it) {
    if (!context.catalog->TopicOf(*it->second) || !IsGroupWanted(*it->second, input)) continue;
    more = page.size() == limit;
    if (!more) page.push_back(it->second);
  }
  call->answer->BeginMap().Key("logGroups").BeginList();
  for (const LogGroupPtr& group : page) {
    CO_RETURN_IF_ERROR(co_await WriteGroup(context, call, group));
  }
  call->answer->EndList();
  if (more) call->answer->Field("nextToken", MakePageToken(context, page.back()->name));
  call->answer->EndMap();
  co_return Status::OK();
}

Task<> PutRetentionPolicy(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(FoundGroup found, FindGroup(context, *call));
  int64_t days = aws::IntegerOf(call->input.root["retentionInDays"]).value_or(0);
  if (std::count(kRetentionDays.begin(), kRetentionDays.end(), days) == 0) {
    co_return InvalidParameter(
        fmt::format("1 validation error detected: Value '{}' at 'retentionInDays' failed to "
                    "satisfy constraint: Member must satisfy enum value set: [{}]",
                    days, fmt::join(kRetentionDays.begin(), kRetentionDays.end(), ", ")));
  }
  LogCatalog::Change change = [days](GroupDefinition* definition) {
    definition->retention_days = days;
    return Status::OK();
  };
  co_return ToldOfGroup(co_await context.catalog->Update(found.group, std::move(change)));
}

Task<> DeleteRetentionPolicy(const Context& context, aws::AwsCall* call) {
  LogCatalog::Change change = [](GroupDefinition* definition) {
    definition->retention_days.reset();
    return Status::OK();
  };
  return ChangeGroup(context, call, std::move(change));
}

Task<> PutLogGroupDeletionProtection(const Context& context, aws::AwsCall* call) {
  bool is_protected = call->input.root["deletionProtectionEnabled"].boolean;
  LogCatalog::Change change = [is_protected](GroupDefinition* definition) {
    definition->deletion_protection = is_protected;
    return Status::OK();
  };
  return ChangeGroup(context, call, std::move(change));
}

Task<> ChangeTags(const Context& context, aws::AwsCall* call) {
  LogCatalog::Change change = [call](GroupDefinition* definition) {
    return SetTags(call->input.root, &definition->tags);
  };
  return ChangeGroup(context, call, std::move(change));
}

Task<> ListTags(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(FoundGroup found, FindGroup(context, *call));
  call->answer->BeginMap().Key("tags").BeginMap();
  for (const auto& [key, value] : found.group->definition.tags) call->answer->Field(key, value);
  call->answer->EndMap().EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::logs

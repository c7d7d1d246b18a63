#include "gateway/logs/log_catalog.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/fnv1a.h"

namespace mainstem::gateway::logs {
namespace {

constexpr std::string_view kGroupPrefix = "g/";
constexpr std::string_view kStreamPrefix = "s/";
constexpr std::string_view kFilterPrefix = "f/";
constexpr size_t kTopicNameMax = 249;
constexpr size_t kErasedAtOnce = 1000;

std::string GroupKey(std::string_view name) {
  return std::string(kGroupPrefix) + std::string(name);
}
// Of a stream or a filter; an empty name is what all of the group begin with.
std::string KeyIn(std::string_view prefix, std::string_view group_id, std::string_view name) {
  return fmt::format("{}{}/{}", prefix, group_id, name);
}

std::string RetentionMs(const GroupDefinition& definition) {
  return definition.retention_days ? std::to_string(*definition.retention_days * kMillisPerDay)
                                   : "-1";
}

int64_t DaysKept(const GroupDefinition& definition) {
  return definition.retention_days.value_or(INT64_MAX);
}

// Events may be two hours ahead; an hour more for clocks.
storage::TopicConfig GroupTopicConfig(const GroupDefinition& definition) {
  return {{"retention.ms", RetentionMs(definition)},
          {"max.message.bytes", "4194304"},
          {"message.timestamp.after.max.ms", "10800000"}};
}

Status GroupIsGone() {
  return MakeError(ErrorCode::kNotFound, "The specified log group does not exist.");
}

}  // namespace

LogCatalog::LogCatalog(Env* env, storage::Log* log, SubscriptionDelivery* delivery, Logger logger)
    : env_(env),
      log_(log),
      delivery_(delivery),
      logger_(std::move(logger)),
      changes_(env->shard(0)) {}

Task<std::unique_ptr<LogCatalog>> LogCatalog::Open(Env* env, storage::Log* log,
                                                   MemoryBudget* budget,
                                                   SubscriptionDelivery* delivery, Logger logger) {
  auto catalog = std::unique_ptr<LogCatalog>(new LogCatalog(env, log, delivery, std::move(logger)));
  CO_RETURN_IF_ERROR(co_await catalog->Load(budget));
  co_return catalog;
}

// Whether the group's topic is there; learns its id where a record does not tell. What a cut-off
// making left is known by its configuration: a topic that others made has another.
bool LogCatalog::HasTopic(GroupDefinition* definition) const {
  if (definition->topic_id != storage::TopicId{}) {
    return log_->FindTopic(definition->topic_id).has_value();
  }
  auto topic = log_->FindTopic(definition->topic);
  if (!topic || (definition->making && topic->config != GroupTopicConfig(*definition))) {
    return false;
  }
  definition->topic_id = topic->id;
  definition->making = false;
  return true;
}

void LogCatalog::LoadGroups(GroupsById* by_id, std::vector<std::string>* stale) {
  for (const auto& [key, text] : table_->records()) {
    if (!key.starts_with(kGroupPrefix)) continue;
    std::string name = key.substr(kGroupPrefix.size());
    auto definition = DecodeGroup(text);
    if (!definition.ok()) {
      logger_.Warning("record of a log group ignored",
                      {{"group", name}, {"error", definition.status()}});
      continue;
    }
    // Its making or its deletion was cut off, or somebody deleted the topic.
    if (!HasTopic(&*definition)) {
      stale->push_back(key);
      continue;
    }
    auto group =
        std::make_shared<LogGroup>(LogGroup{.name = name, .definition = *std::move(definition)});
    (*by_id)[group->definition.id] = group;
    groups_[name] = group;
  }
}

void LogCatalog::LoadOfGroups(std::string_view prefix, const GroupsById& by_id,
                              const TakeRecord& take, std::vector<std::string>* stale) {
  for (const auto& [key, text] : table_->records()) {
    if (!key.starts_with(prefix)) continue;
    std::string_view rest = std::string_view(key).substr(prefix.size());
    size_t slash = std::min(rest.find('/'), rest.size());
    auto group = by_id.find(rest.substr(0, slash));
    std::string name(rest.substr(std::min(slash + 1, rest.size())));
    if (group == by_id.end() || !take(group->second.get(), std::move(name), text).ok()) {
      stale->push_back(key);
    }
  }
}

Task<> LogCatalog::Load(MemoryBudget* budget) {
  CO_ASSIGN_OR_RETURN(table_,
                      co_await aws::RecordTable::Open(env_, log_, budget, "__mainstem_log_groups"));
  GroupsById by_id;
  std::vector<std::string> stale;
  LoadGroups(&by_id, &stale);
  auto take_stream = [](LogGroup* group, std::string name, std::string_view text) {
    return DecodeStream(text).Value(&group->streams[std::move(name)]);
  };
  LoadOfGroups(kStreamPrefix, by_id, take_stream, &stale);
  auto take_filter = [](LogGroup* group, std::string name, std::string_view text) {
    return DecodeFilter(text).Value(&group->filters[std::move(name)]);
  };
  LoadOfGroups(kFilterPrefix, by_id, take_filter, &stale);
  CO_RETURN_IF_ERROR(co_await Erase(std::move(stale)));
  CO_RETURN_IF_ERROR(co_await MendGroups());
  for (const auto& entry : groups_) {
    for (const auto& filter : entry.second->filters) {
      CO_RETURN_IF_ERROR(co_await delivery_->Start(entry.second, filter.first));
    }
  }
  co_return Status::OK();
}

// After a crash between two steps: the records get the ids of their topics, the topics the
// retention of their groups.
Task<> LogCatalog::MendGroups() {
  for (const auto& entry : groups_) {
    const GroupDefinition& definition = entry.second->definition;
    auto record = table_->records().find(GroupKey(entry.first));
    if (record != table_->records().end() && record->second != EncodeGroup(definition)) {
      CO_RETURN_IF_ERROR(co_await WriteGroup(entry.first, definition));
    }
    auto topic = TopicOf(*entry.second);
    if (!topic) continue;
    CO_RETURN_IF_ERROR(co_await SetRetention(*std::move(topic), RetentionMs(definition)));
  }
  co_return Status::OK();
}

Task<> LogCatalog::WriteGroup(std::string name, GroupDefinition definition) {
  return table_->Put(GroupKey(name), EncodeGroup(definition));
}

Task<> LogCatalog::SetRetention(storage::TopicInfo topic, std::string retention_ms) {
  if (topic.config["retention.ms"] == retention_ms) co_return Status::OK();
  auto change = [retention_ms](storage::TopicConfig config) {
    config["retention.ms"] = retention_ms;
    return config;
  };
  co_return co_await log_->ChangeTopicConfig(topic.id, std::move(change), false);
}

// In pieces: a group may have a great many streams.
Task<> LogCatalog::Erase(std::vector<std::string> keys) {
  for (const std::string& key : keys) {
    auto record = table_->records().find(key);
    if (record == table_->records().end() || !key.starts_with(kFilterPrefix)) continue;
    auto filter = DecodeFilter(record->second);
    if (filter.ok()) CO_RETURN_IF_ERROR(co_await delivery_->Forget(filter->id));
  }
  for (size_t begin = 0; begin < keys.size(); begin += kErasedAtOnce) {
    std::vector<aws::RecordTable::Change> changes;
    for (size_t i = begin; i < std::min(begin + kErasedAtOnce, keys.size()); ++i) {
      changes.push_back({.key = keys[i]});
    }
    CO_RETURN_IF_ERROR(co_await table_->Write(std::move(changes)));
  }
  co_return Status::OK();
}

LogGroupPtr LogCatalog::Find(std::string_view name) const {
  auto found = groups_.find(name);
  return found == groups_.end() || !TopicOf(*found->second) ? nullptr : found->second;
}

std::optional<storage::TopicInfo> LogCatalog::TopicOf(const LogGroup& group) const {
  if (group.deleted) return std::nullopt;
  return log_->FindTopic(group.definition.topic_id);
}

// ---------------------------------------------------------------- topics

bool LogCatalog::IsTopicTaken(const std::string& topic) const {
  return log_->FindTopic(topic).has_value() ||
         std::any_of(groups_.begin(), groups_.end(),
                     [&](const auto& entry) { return entry.second->definition.topic == topic; });
}

// "/aws/lambda/f" becomes "logs.aws.lambda.f"; where that is taken or too long, a hash is added.
std::string LogCatalog::ChooseTopic(std::string_view group) const {
  std::string topic = "logs.";
  std::string_view rest = group.substr(std::min(group.find_first_not_of('/'), group.size()));
  for (char c : rest) topic.push_back(c == '/' ? '.' : c == '#' ? '_' : c);
  constexpr size_t kHashBytes = 17;
  uint64_t hash = Fnv1a(group);
  std::string chosen = topic;
  while (chosen.size() > kTopicNameMax || IsTopicTaken(chosen)) {
    chosen = topic.substr(0, kTopicNameMax - kHashBytes) + fmt::format("-{:016x}", hash++);
  }
  return chosen;
}

// ---------------------------------------------------------------- changes

Task<> LogCatalog::Create(std::string name, GroupDefinition definition) {
  return changes_.Run(CreateHere(std::move(name), std::move(definition)));
}

// The record is written before the topic: what a crash leaves of a group without a topic is erased
// at the next start.
Task<> LogCatalog::CreateHere(std::string name, GroupDefinition definition) {
  if (Find(name) != nullptr) {
    co_return MakeError(ErrorCode::kAlreadyExists, "The specified log group already exists");
  }
  auto old = groups_.find(name);
  if (old != groups_.end()) {  // its topic was deleted through another door
    old->second->deleted = true;
    std::string old_id = old->second->definition.id;
    groups_.erase(old);
    CO_RETURN_IF_ERROR(co_await EraseRecords(name, std::move(old_id)));
  }
  definition.id = fmt::format("{:016x}", env_->Random());
  definition.topic = ChooseTopic(name);
  definition.making = true;
  CO_RETURN_IF_ERROR(co_await WriteGroup(name, definition));
  env_->CrashPoint("log_group.create");
  auto config = GroupTopicConfig(definition);
  auto topic = co_await log_->CreateTopic(definition.topic, 1, std::move(config), false);
  if (!topic.ok()) {
    IgnoreError(co_await EraseRecords(name, definition.id), "the topic's error tells more");
    co_return topic.status();
  }
  env_->CrashPoint("log_group.topic");
  definition.making = false;
  definition.topic_id = topic->id;
  Status written = co_await WriteGroup(name, definition);
  if (!written.ok()) {
    IgnoreError(co_await log_->DeleteTopic(topic->id), "the record's error tells more");
    IgnoreError(co_await EraseRecords(name, definition.id), "the record's error tells more");
    co_return written;
  }
  groups_[name] =
      std::make_shared<LogGroup>(LogGroup{.name = name, .definition = std::move(definition)});
  co_return Status::OK();
}

Task<> LogCatalog::Delete(LogGroupPtr group) { return changes_.Run(DeleteHere(std::move(group))); }

Task<> LogCatalog::DeleteHere(LogGroupPtr group) {
  auto topic = TopicOf(*group);
  if (!topic) co_return GroupIsGone();
  CO_RETURN_IF_ERROR(co_await log_->DeleteTopic(topic->id));
  env_->CrashPoint("log_group.delete");
  group->deleted = true;
  groups_.erase(group->name);
  co_return co_await EraseRecords(group->name, group->definition.id);
}

Task<> LogCatalog::EraseRecords(std::string name, std::string id) {
  std::vector<std::string> keys{GroupKey(name)};
  const auto& records = table_->records();
  for (std::string_view kind : {kStreamPrefix, kFilterPrefix}) {
    std::string prefix = KeyIn(kind, id, "");
    for (auto it = records.lower_bound(prefix);
         it != records.end() && it->first.starts_with(prefix); ++it) {
      keys.push_back(it->first);
    }
  }
  co_return co_await Erase(std::move(keys));
}

Task<> LogCatalog::Update(LogGroupPtr group, Change change) {
  return changes_.Run(UpdateHere(std::move(group), std::move(change)));
}

Task<> LogCatalog::UpdateHere(LogGroupPtr group, Change change) {
  auto topic = TopicOf(*group);
  if (!topic) co_return GroupIsGone();
  GroupDefinition definition = group->definition;
  CO_RETURN_IF_ERROR(change(&definition));
  // What was not answered deletes nothing: the topic keeps its events at least as long as the
  // record says, whatever comes between the two.
  std::string retention_ms = RetentionMs(definition);
  bool longer = DaysKept(definition) > DaysKept(group->definition);
  if (longer) {
    CO_RETURN_IF_ERROR(co_await SetRetention(*topic, retention_ms));
    env_->CrashPoint("log_group.longer");
  }
  if (definition != group->definition) {
    CO_RETURN_IF_ERROR(co_await WriteGroup(group->name, definition));
    group->definition = std::move(definition);
  }
  if (longer) co_return Status::OK();
  env_->CrashPoint("log_group.shorter");
  co_return co_await SetRetention(*std::move(topic), std::move(retention_ms));
}

Task<> LogCatalog::CreateStream(LogGroupPtr group, std::string name) {
  return changes_.Run(CreateStreamHere(std::move(group), std::move(name)));
}

Task<> LogCatalog::CreateStreamHere(LogGroupPtr group, std::string name) {
  auto topic = TopicOf(*group);
  if (!topic) co_return GroupIsGone();
  if (group->FindStream(name) != nullptr) {
    co_return MakeError(ErrorCode::kAlreadyExists, "The specified log stream already exists");
  }
  LogStream stream{.created_ms = env_->WallTime().value()};
  storage::TopicPartition partition{.topic_id = topic->id, .partition = PartitionId(0)};
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await log_->Offsets(partition));
  stream.begin = offsets.high_watermark;
  CO_RETURN_IF_ERROR(
      co_await table_->Put(KeyIn(kStreamPrefix, group->definition.id, name), EncodeStream(stream)));
  group->streams[name] = stream;
  co_return Status::OK();
}

Task<> LogCatalog::DeleteStream(LogGroupPtr group, std::string name) {
  return changes_.Run(DeleteStreamHere(std::move(group), std::move(name)));
}

Task<> LogCatalog::DeleteStreamHere(LogGroupPtr group, std::string name) {
  if (!TopicOf(*group)) co_return GroupIsGone();
  if (group->FindStream(name) == nullptr) {
    co_return MakeError(ErrorCode::kNotFound, "The specified log stream does not exist.");
  }
  CO_RETURN_IF_ERROR(co_await table_->Erase(KeyIn(kStreamPrefix, group->definition.id, name)));
  group->streams.erase(name);
  co_return Status::OK();
}

Task<> LogCatalog::PutFilter(LogGroupPtr group, std::string name, SubscriptionFilter filter) {
  return changes_.Run(PutFilterHere(std::move(group), std::move(name), std::move(filter)));
}

Task<> LogCatalog::PutFilterHere(LogGroupPtr group, std::string name, SubscriptionFilter filter) {
  auto topic = TopicOf(*group);
  if (!topic) co_return GroupIsGone();
  auto known = group->filters.find(name);
  if (known != group->filters.end()) {
    filter.id = known->second.id;
    filter.begin = known->second.begin;
    filter.created_ms = known->second.created_ms;
  } else {
    filter.id = fmt::format("{:016x}", env_->Random());
    storage::TopicPartition partition{.topic_id = topic->id, .partition = PartitionId(0)};
    CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await log_->Offsets(partition));
    filter.begin = offsets.high_watermark;
  }
  CO_RETURN_IF_ERROR(
      co_await table_->Put(KeyIn(kFilterPrefix, group->definition.id, name), EncodeFilter(filter)));
  group->filters[name] = std::move(filter);
  co_return co_await delivery_->Start(std::move(group), std::move(name));
}

Task<> LogCatalog::DeleteFilter(LogGroupPtr group, std::string name) {
  return changes_.Run(DeleteFilterHere(std::move(group), std::move(name)));
}

Task<> LogCatalog::DeleteFilterHere(LogGroupPtr group, std::string name) {
  auto filter = group->filters.find(name);
  if (group->deleted || filter == group->filters.end()) {
    co_return MakeError(ErrorCode::kNotFound, "there is no such subscription filter");
  }
  group->filters.erase(filter);
  std::vector<std::string> keys{KeyIn(kFilterPrefix, group->definition.id, name)};
  co_return co_await Erase(std::move(keys));
}

}  // namespace mainstem::gateway::logs

#include "gateway/events/archives/archives.h"

#include <fmt/format.h>

#include "core/json_writer.h"
#include "gateway/aws/body_codec.h"
#include "gateway/aws/random_id.h"
#include "gateway/aws/shape.h"
#include "gateway/aws/value_json.h"
#include "gateway/events/event_pattern.h"
#include "gateway/events/operations.h"
#include "gateway/events/rules/target_delivery.h"

namespace mainstem::gateway::events {
namespace {

constexpr std::string_view kArchiveTarget = "archive";
constexpr int64_t kArchiveDayMs = 86'400'000;

storage::TopicConfig ArchiveTopicConfig(int64_t retention_days) {
  std::string retention =
      retention_days > 0 ? std::to_string(retention_days * kArchiveDayMs) : "-1";
  return {{"retention.ms", std::move(retention)}, {"max.message.bytes", "4194304"}};
}

// What the service keeps of an archive beside the API's input.
std::string OwnMembers(const std::string& region, const std::string& topic, const Target& place) {
  Rule holder{.region = region};
  holder.targets[std::string(kArchiveTarget)] = place;
  JsonWriter json;
  json.BeginObject().Field("Topic", topic).Field("Delivery", EncodeRule(holder)).EndObject();
  return json.Take();
}

}  // namespace

Result<ArchiveState> ArchiveStateOf(const Definition& archive) {
  ASSIGN_OR_RETURN(aws::Document document, aws::DecodeBody(aws::BodyCodec::kJson, archive.json));
  const aws::Value& root = document.root;
  return ArchiveState{.bus = BusNameIn(root["EventSourceArn"].text),
                      .topic = std::string(root["Topic"].text),
                      .retention_days = aws::IntegerOf(root["RetentionDays"]).value_or(0)};
}

Result<std::string> ArchivePattern(std::string_view pattern) {
  constexpr std::string_view kNoReplay = R"({"replay-name":[{"exists":false}]})";
  if (pattern.empty()) return std::string(kNoReplay);
  RETURN_IF_ERROR(EventPattern::Parse(pattern).status());
  ASSIGN_OR_RETURN(aws::Document no_replay,
                   aws::DecodeBody(aws::BodyCodec::kJson, std::string(kNoReplay)));
  return aws::MergedJson(pattern, no_replay.root);
}

Task<std::unique_ptr<Archives>> Archives::Open(Parts parts) {
  auto archives = std::unique_ptr<Archives>(new Archives(std::move(parts)));
  CO_ASSIGN_OR_RETURN(archives->table_,
                      co_await DefinitionTable::Open(archives->parts_.env, archives->parts_.log,
                                                     "event-archives/"));
  co_return archives;
}

Task<> Archives::Start(TargetDelivery* delivery) {
  delivery_ = delivery;
  for (const auto& [name, archive] : table_->definitions()) {
    CO_RETURN_IF_ERROR(co_await StartOne(name));
  }
  co_return Status::OK();
}

// As a rule of the bus whose only target is the archive.
Task<> Archives::StartOne(std::string name) {
  const Definition* archive = table_->Find(name);
  if (archive == nullptr) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(aws::Document document,
                      aws::DecodeBody(aws::BodyCodec::kJson, archive->json));
  const aws::Value& root = document.root;
  CO_ASSIGN_OR_RETURN(Rule rule, DecodeRule(root["Delivery"].text));
  CO_ASSIGN_OR_RETURN(rule.pattern, ArchivePattern(root["EventPattern"].text));
  RuleKey key{.bus = BusNameIn(root["EventSourceArn"].text), .name = "Events-Archive-" + name};
  std::string target(kArchiveTarget);
  co_return co_await delivery_->Start(std::move(key), std::move(rule), std::move(target));
}

Task<> Archives::Create(std::string name, std::string region, const aws::Value* input) {
  return changes_.Run(CreateHere(std::move(name), std::move(region), input));
}

Task<> Archives::Update(std::string name, const aws::Value* input) {
  return changes_.Run(UpdateHere(std::move(name), input));
}

Task<> Archives::Delete(std::string name) { return changes_.Run(DeleteHere(std::move(name))); }

Task<> Archives::CreateHere(std::string name, std::string region, const aws::Value* input) {
  std::string bus = BusNameIn((*input)["EventSourceArn"].text);
  CO_ASSIGN_OR_RETURN(storage::TopicPartition partition, co_await parts_.buses->PartitionOf(bus));
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await parts_.log->Offsets(partition));
  std::string id = aws::RandomId(parts_.env);
  std::string topic = "archives." + name;
  if (parts_.log->FindTopic(topic)) topic += "-" + id.substr(0, 8);
  Target place{.arn = fmt::format("arn:aws:events:{}:{}:archive/{}", region, parts_.account, name),
               .delivery_id = id,
               .topic_id = partition.topic_id,
               .begin = offsets.high_watermark};
  place.definition = fmt::format(R"({{"Id":"{}","Arn":"{}"}})", kArchiveTarget, place.arn);
  int64_t now_ms = parts_.env->WallTime().value();
  DefinitionTable::Change change = [&](const Definition* now) -> Result<Definition> {
    if (now != nullptr) {
      return MakeError(ErrorCode::kAlreadyExists, fmt::format("Archive {} already exists.", name));
    }
    Definition archive{.id = id, .created_ms = now_ms, .modified_ms = now_ms};
    ASSIGN_OR_RETURN(archive.json, aws::MergedJson(OwnMembers(region, topic, place), *input));
    return archive;
  };
  CO_RETURN_IF_ERROR(co_await table_->Update(name, std::move(change)));
  co_return co_await StartOne(std::move(name));
}

Task<> Archives::UpdateHere(std::string name, const aws::Value* input) {
  DefinitionTable::Change change = [&](const Definition* now) -> Result<Definition> {
    if (now == nullptr) {
      return MakeError(ErrorCode::kNotFound, fmt::format("Archive {} does not exist.", name));
    }
    Definition archive = *now;
    archive.modified_ms = parts_.env->WallTime().value();
    ASSIGN_OR_RETURN(archive.json, aws::MergedJson(now->json, *input));
    return archive;
  };
  CO_RETURN_IF_ERROR(co_await table_->Update(name, std::move(change)));
  const Definition* archive = table_->Find(name);
  if (archive == nullptr) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(ArchiveState state, ArchiveStateOf(*archive));
  auto topic = parts_.log->FindTopic(state.topic);
  if (topic) {
    auto config = ArchiveTopicConfig(state.retention_days);
    CO_RETURN_IF_ERROR(co_await parts_.log->SetTopicConfig(topic->id, std::move(config), false));
  }
  co_return co_await StartOne(std::move(name));
}

// The events go before the name: a crash in between leaves an empty archive.
Task<> Archives::DeleteHere(std::string name) {
  const Definition* archive = table_->Find(name);
  if (archive == nullptr) co_return Status::OK();
  std::string id = archive->id;
  CO_ASSIGN_OR_RETURN(ArchiveState state, ArchiveStateOf(*archive));
  std::vector<std::string> ended{id};
  CO_RETURN_IF_ERROR(co_await delivery_->End(std::move(ended)));
  auto topic = parts_.log->FindTopic(state.topic);
  if (topic) CO_RETURN_IF_ERROR(co_await parts_.log->DeleteTopic(topic->id));
  parts_.env->CrashPoint("event_archive.delete");
  CO_RETURN_IF_ERROR(co_await table_->Erase(std::move(name)));
  co_return co_await delivery_->Forget(std::move(id));
}

std::optional<storage::TopicPartition> Archives::FindPartition(std::string_view name) const {
  const Definition* archive = table_->Find(name);
  if (archive == nullptr) return std::nullopt;
  auto state = ArchiveStateOf(*archive);
  auto topic = state.ok() ? parts_.log->FindTopic(state->topic) : std::nullopt;
  if (!topic) return std::nullopt;
  return storage::TopicPartition{.topic_id = topic->id, .partition = PartitionId(0)};
}

Task<std::optional<storage::TopicPartition>> Archives::PartitionOf(std::string name) {
  const Definition* archive = table_->Find(name);
  if (archive == nullptr) co_return std::nullopt;
  CO_ASSIGN_OR_RETURN(ArchiveState state, ArchiveStateOf(*archive));
  auto topic = parts_.log->FindTopic(state.topic);
  if (!topic) {
    auto config = ArchiveTopicConfig(state.retention_days);
    std::string topic_name = state.topic;
    auto made =
        co_await parts_.log->CreateTopic(std::move(topic_name), 1, std::move(config), false);
    if (!Is(made.status(), ErrorCode::kAlreadyExists)) CO_RETURN_IF_ERROR(made);
    topic = parts_.log->FindTopic(state.topic);
    if (!topic) co_return std::nullopt;
  }
  co_return storage::TopicPartition{.topic_id = topic->id, .partition = PartitionId(0)};
}

}  // namespace mainstem::gateway::events

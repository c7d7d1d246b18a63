#include "gateway/events/bus_catalog.h"

#include <fmt/format.h>

#include "core/json_writer.h"
#include "gateway/aws/body_codec.h"

namespace mainstem::gateway::events {
namespace {

constexpr std::string_view kBusesTopic = "__mainstem_event_buses";

Status NoSuchBus(std::string_view name) {
  return MakeError(ErrorCode::kNotFound, fmt::format("Event bus {} does not exist.", name));
}

// An event is at most 1 MiB; two days, twice as long as Amazon tries to deliver it.
storage::TopicConfig BusTopicConfig() {
  return {{"retention.ms", "172800000"}, {"max.message.bytes", "4194304"}};
}

}  // namespace

std::string BusTopic(std::string_view bus) { return fmt::format("events.{}", bus); }

std::string EncodeBus(const EventBus& bus) {
  JsonWriter json;
  json.BeginObject().Field("version", 1).Field("created_ms", bus.created_ms);
  json.Field("modified_ms", bus.modified_ms).Field("description", bus.description);
  json.Key("tags").BeginObject();
  for (const auto& [key, value] : bus.tags) json.Field(key, value);
  json.EndObject().EndObject();
  return json.Take();
}

Result<EventBus> DecodeBus(std::string_view text) {
  ASSIGN_OR_RETURN(aws::Document document,
                   aws::DecodeBody(aws::BodyCodec::kJson, std::string(text)));
  const aws::Value& root = document.root;
  if (root["version"].integer != 1) {
    return MakeError(ErrorCode::kCorruptStorage, "the record of an event bus is broken");
  }
  EventBus bus{.created_ms = root["created_ms"].integer,
               .modified_ms = root["modified_ms"].integer,
               .description = std::string(root["description"].text)};
  for (const aws::Member& tag : root["tags"].members) {
    bus.tags[std::string(tag.name)] = tag.value.text;
  }
  return bus;
}

BusCatalog::BusCatalog(Env* env, storage::Log* log)
    : env_(env), log_(log), changes_(env->shard(0)) {}

Task<std::unique_ptr<BusCatalog>> BusCatalog::Open(Env* env, storage::Log* log,
                                                   MemoryBudget* budget, Logger logger) {
  auto catalog = std::unique_ptr<BusCatalog>(new BusCatalog(env, log));
  CO_RETURN_IF_ERROR(co_await catalog->Load(budget, std::move(logger)));
  co_return catalog;
}

Task<> BusCatalog::Load(MemoryBudget* budget, Logger logger) {
  CO_ASSIGN_OR_RETURN(
      table_, co_await aws::RecordTable::Open(env_, log_, budget, std::string(kBusesTopic)));
  buses_[std::string(kDefaultBus)] = {};
  for (const auto& [name, text] : table_->records()) {
    Result<EventBus> bus = DecodeBus(text);
    if (bus.ok()) {
      buses_[name] = *std::move(bus);
    } else {
      logger.Error("the record of an event bus can't be read and is passed over",
                   {{"topic", kBusesTopic}, {"bus", name}, {"error", bus.status()}});
    }
  }
  co_return Status::OK();
}

Task<storage::TopicPartition> BusCatalog::PartitionOf(std::string name) {
  if (!Has(name)) co_return NoSuchBus(name);
  auto topic = log_->FindTopic(BusTopic(name));
  if (!topic) {
    CO_RETURN_IF_ERROR(co_await changes_.Run(MakeTopicHere(name)));
    topic = log_->FindTopic(BusTopic(name));
    if (!topic) co_return NoSuchBus(name);
  }
  co_return storage::TopicPartition{.topic_id = topic->id, .partition = PartitionId(0)};
}

Task<> BusCatalog::MakeTopicHere(std::string name) {
  if (!Has(name)) co_return NoSuchBus(name);
  std::string topic = BusTopic(name);
  if (log_->FindTopic(topic)) co_return Status::OK();
  auto config = BusTopicConfig();
  co_return (co_await log_->CreateTopic(std::move(topic), 1, std::move(config), false)).status();
}

Task<> BusCatalog::Create(std::string name, EventBus bus) {
  return changes_.Run(CreateHere(std::move(name), std::move(bus)));
}

Task<> BusCatalog::CreateHere(std::string name, EventBus bus) {
  if (Has(name)) {
    co_return MakeError(ErrorCode::kAlreadyExists,
                        fmt::format("Event bus {} already exists.", name));
  }
  CO_RETURN_IF_ERROR(co_await table_->Put(name, EncodeBus(bus)));
  buses_[name] = std::move(bus);
  co_return Status::OK();
}

Task<> BusCatalog::Delete(std::string name) { return changes_.Run(DeleteHere(std::move(name))); }

// The events go before the name: a crash in between leaves a bus without events.
Task<> BusCatalog::DeleteHere(std::string name) {
  auto found = buses_.find(name);
  if (found == buses_.end()) co_return Status::OK();
  auto topic = log_->FindTopic(BusTopic(name));
  if (topic) CO_RETURN_IF_ERROR(co_await log_->DeleteTopic(topic->id));
  env_->CrashPoint("event_bus.delete");
  CO_RETURN_IF_ERROR(co_await table_->Erase(name));
  buses_.erase(found);
  co_return Status::OK();
}

Task<> BusCatalog::Update(std::string name, Change change) {
  return changes_.Run(UpdateHere(std::move(name), std::move(change)));
}

Task<> BusCatalog::UpdateHere(std::string name, Change change) {
  auto found = buses_.find(name);
  if (found == buses_.end()) co_return NoSuchBus(name);
  EventBus bus = found->second;
  CO_RETURN_IF_ERROR(change(&bus));
  if (bus == found->second) co_return Status::OK();
  bus.modified_ms = env_->WallTime().value();
  CO_RETURN_IF_ERROR(co_await table_->Put(name, EncodeBus(bus)));
  found->second = std::move(bus);
  co_return Status::OK();
}

}  // namespace mainstem::gateway::events

#include "server/admin/topics_api.h"
#include "server/admin/group_view.h"
#include "storage/topic_config.h"

#include <limits>

namespace mainstem::server {
namespace {

using storage::TopicInfo;

Result<int32_t> PartitionCount(const JsonBody& body) {
  ASSIGN_OR_RETURN(auto count, body.Integer("partitions"));
  if (!count) return -1;
  if (*count < 1 || *count > std::numeric_limits<int32_t>::max()) {
    return MakeError(ErrorCode::kInvalidPartitions, "partitions must be at least 1");
  }
  return static_cast<int32_t>(*count);
}

void WriteConfig(const TopicInfo& topic, JsonWriter* json) {
  json->Key("config_all").BeginArray();
  for (const storage::ConfigKey& key : storage::TopicConfigKeys()) {
    auto set = topic.config.find(key.name);
    bool is_set = set != topic.config.end();
    json->BeginObject().Field("name", key.name);
    json->Field("value", is_set ? set->second : key.default_value);
    json->Field("source", is_set ? "topic" : "default").Field("default", key.default_value);
    json->Field("documentation", key.documentation).Field("honoured", key.honoured).EndObject();
  }
  json->EndArray();
}

}  // namespace

void TopicsApi::AddRoutes(net::HttpRouter* router) {
  bool remote = options_->allow_remote_changes;
  router->Add(HttpMethod::kGet, "/api/v1/topics",
              [this](HttpExchange* exchange) { return List(exchange); });
  router->Add(HttpMethod::kPost, "/api/v1/topics",
              Changing(remote, [this](HttpExchange* exchange) { return Create(exchange); }));
  router->Add(HttpMethod::kGet, "/api/v1/topics/{topic}",
              [this](HttpExchange* exchange) { return Show(exchange); });
  router->Add(HttpMethod::kPatch, "/api/v1/topics/{topic}",
              Changing(remote, [this](HttpExchange* exchange) { return Change(exchange); }));
  router->Add(HttpMethod::kDelete, "/api/v1/topics/{topic}",
              Changing(remote, [this](HttpExchange* exchange) { return Delete(exchange); }));
}

Task<> TopicsApi::List(HttpExchange* exchange) {
  CO_ASSIGN_OR_RETURN(NodeSample sample, co_await sampler_->Sample());
  JsonWriter json;
  json.BeginObject().Key("topics").BeginArray();
  for (const TopicSample& topic : sample.topics) {
    json.BeginObject();
    WriteTopic(topic, &json);
    json.EndObject();
  }
  json.EndArray().EndObject();
  co_return co_await RespondJson(exchange, 200, json.Take());
}

Task<> TopicsApi::Create(HttpExchange* exchange) {
  std::vector<std::string> known{"name", "partitions", "config"};
  CO_ASSIGN_OR_RETURN(JsonBody body, JsonBody::Parse(exchange->request().body, known));
  CO_ASSIGN_OR_RETURN(std::string name, body.RequiredText("name"));
  CO_RETURN_IF_ERROR(storage::CheckClientUse(name, storage::ClientUse::kCreate));
  CO_ASSIGN_OR_RETURN(int32_t partitions, PartitionCount(body));
  CO_ASSIGN_OR_RETURN(auto given, body.TextMap("config"));
  storage::TopicConfig config;
  for (auto& [key, value] : given) {
    if (value) config[key] = std::move(*value);
  }
  CO_ASSIGN_OR_RETURN(TopicInfo topic,
                      co_await log_->CreateTopic(name, partitions, std::move(config), false));
  co_return co_await Describe(exchange, 201, std::move(topic));
}

Task<> TopicsApi::Show(HttpExchange* exchange) {
  CO_ASSIGN_OR_RETURN(TopicInfo topic,
                      FindTopicOrFail(*log_, exchange->request().Parameter("topic")));
  co_return co_await Describe(exchange, 200, std::move(topic));
}

Task<> TopicsApi::Describe(HttpExchange* exchange, int status, TopicInfo topic) {
  CO_ASSIGN_OR_RETURN(NodeSample node, co_await sampler_->Sample());
  TopicSample sample;
  for (TopicSample& other : node.topics) {
    if (other.topic.id == topic.id) sample = std::move(other);
  }
  sample.topic = topic;
  JsonWriter partitions;
  partitions.BeginArray();
  sample.size_bytes = 0;
  sample.records = 0;
  for (int32_t i = 0; i < topic.partition_count; ++i) {
    storage::TopicPartition id{.topic_id = topic.id, .partition = PartitionId(i)};
    CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await log_->Offsets(id));
    sample.size_bytes += offsets.size_bytes;
    sample.records += offsets.high_watermark - offsets.log_start;
    partitions.BeginObject().Field("id", i).Field("log_start", offsets.log_start.value());
    partitions.Field("high_watermark", offsets.high_watermark.value());
    partitions.Field("last_stable_offset", offsets.last_stable_offset.value());
    partitions.Field("size_bytes", offsets.size_bytes).EndObject();
  }
  partitions.EndArray();
  JsonWriter json;
  json.BeginObject();
  WriteTopic(sample, &json);
  json.Key("partitions").Raw(partitions.text());
  WriteConfig(topic, &json);
  json.EndObject();
  co_return co_await RespondJson(exchange, status, json.Take());
}

Task<> TopicsApi::Change(HttpExchange* exchange) {
  std::vector<std::string> known{"partitions", "config"};
  CO_ASSIGN_OR_RETURN(TopicInfo topic,
                      FindTopicOrFail(*log_, exchange->request().Parameter("topic")));
  CO_RETURN_IF_ERROR(storage::CheckClientUse(topic.name, storage::ClientUse::kChange));
  CO_ASSIGN_OR_RETURN(JsonBody body, JsonBody::Parse(exchange->request().body, known));
  CO_ASSIGN_OR_RETURN(int32_t partitions, PartitionCount(body));
  CO_ASSIGN_OR_RETURN(auto changes, body.TextMap("config"));
  const bool sets_config = !changes.empty();
  storage::Log::ConfigChange change = [changes = std::move(changes)](storage::TopicConfig config) {
    for (const auto& [key, value] : changes) {
      if (value) {
        config[key] = *value;
      } else {
        config.erase(key);
      }
    }
    return config;
  };
  // What either refuses is refused before anything is changed.
  if (sets_config) CO_RETURN_IF_ERROR(co_await log_->ChangeTopicConfig(topic.id, change, true));
  if (partitions > 0 && partitions != topic.partition_count) {
    CO_RETURN_IF_ERROR(co_await log_->AddPartitions(topic.id, partitions));
  }
  if (sets_config) CO_RETURN_IF_ERROR(co_await log_->ChangeTopicConfig(topic.id, change, false));
  CO_ASSIGN_OR_RETURN(TopicInfo changed, FindTopicOrFail(*log_, topic.name));
  co_return co_await Describe(exchange, 200, std::move(changed));
}

Task<> TopicsApi::Delete(HttpExchange* exchange) {
  CO_ASSIGN_OR_RETURN(TopicInfo topic,
                      FindTopicOrFail(*log_, exchange->request().Parameter("topic")));
  CO_RETURN_IF_ERROR(storage::CheckClientUse(topic.name, storage::ClientUse::kChange));
  CO_RETURN_IF_ERROR(co_await log_->DeleteTopic(topic.id));
  co_return co_await RespondJson(exchange, 200, "{}");
}

}  // namespace mainstem::server

#include "server/admin/groups_api.h"

namespace mainstem::server {
namespace {

void WriteGroup(const GroupDetails& group, int64_t lag, JsonWriter* json) {
  json->Field("id", group.id).Field("state", group.state).Field("protocol", group.protocol);
  json->Field("member_count", group.members.size()).Field("lag", lag);
}

void WriteMembers(const GroupDetails& group, JsonWriter* json) {
  json->Key("members").BeginArray();
  for (const GroupMember& member : group.members) {
    json->BeginObject().Field("id", member.id).Field("client_id", member.client_id);
    json->Field("host", member.host).Key("assignment").BeginArray();
    for (const auto& [topic, partition] : member.assignment) {
      json->BeginObject().Field("topic", topic).Field("partition", partition.value()).EndObject();
    }
    json->EndArray().EndObject();
  }
  json->EndArray();
}

}  // namespace

void GroupsApi::AddRoutes(net::HttpRouter* router) {
  router->Add(HttpMethod::kGet, "/api/v1/groups",
              [this](HttpExchange* exchange) { return List(exchange); });
  router->Add(HttpMethod::kGet, "/api/v1/groups/{group}",
              [this](HttpExchange* exchange) { return Show(exchange); });
  router->Add(HttpMethod::kDelete, "/api/v1/groups/{group}",
              Changing(options_->allow_remote_changes,
                       [this](HttpExchange* exchange) { return Delete(exchange); }));
}

Task<std::vector<GroupsApi::Lag>> GroupsApi::LagOf(GroupDetails group) {
  std::vector<Lag> lags;
  for (const auto& [key, committed] : group.committed) {
    auto topic = log_->FindTopic(key.first);
    if (!topic || key.second.value() >= topic->partition_count) continue;
    storage::TopicPartition id{.topic_id = topic->id, .partition = key.second};
    CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await log_->Offsets(id));
    lags.push_back({key.first, key.second, committed, offsets.high_watermark});
  }
  co_return lags;
}

Task<> GroupsApi::List(HttpExchange* exchange) {
  if (groups_ == nullptr) co_return Missing("consumer groups");
  CO_ASSIGN_OR_RETURN(auto ids, co_await groups_->ListGroups());
  JsonWriter json;
  json.BeginObject().Key("groups").BeginArray();
  for (const std::string& id : ids) {
    Result<GroupDetails> group = co_await groups_->DescribeGroup(id);
    if (Is(group.status(), ErrorCode::kNotFound)) continue;  // gone since the list
    CO_RETURN_IF_ERROR(group);
    CO_ASSIGN_OR_RETURN(auto lags, co_await LagOf(*group));
    int64_t total = 0;
    for (const Lag& lag : lags) total += lag.lag();
    json.BeginObject();
    WriteGroup(*group, total, &json);
    json.EndObject();
  }
  json.EndArray().EndObject();
  co_return co_await RespondJson(exchange, 200, json.Take());
}

Task<> GroupsApi::Show(HttpExchange* exchange) {
  if (groups_ == nullptr) co_return Missing("consumer groups");
  CO_ASSIGN_OR_RETURN(GroupDetails group,
                      co_await groups_->DescribeGroup(exchange->request().Parameter("group")));
  CO_ASSIGN_OR_RETURN(auto lags, co_await LagOf(group));
  int64_t total = 0;
  for (const Lag& lag : lags) total += lag.lag();
  JsonWriter json;
  json.BeginObject();
  WriteGroup(group, total, &json);
  WriteMembers(group, &json);
  json.Key("offsets").BeginArray();
  for (const Lag& lag : lags) {
    json.BeginObject().Field("topic", lag.topic).Field("partition", lag.partition.value());
    json.Field("committed", lag.committed.value());
    json.Field("high_watermark", lag.high_watermark.value()).Field("lag", lag.lag()).EndObject();
  }
  json.EndArray().EndObject();
  co_return co_await RespondJson(exchange, 200, json.Take());
}

Task<> GroupsApi::Delete(HttpExchange* exchange) {
  if (groups_ == nullptr) co_return Missing("consumer groups");
  CO_RETURN_IF_ERROR(co_await groups_->DeleteGroup(exchange->request().Parameter("group")));
  co_return co_await RespondJson(exchange, 200, "{}");
}

}  // namespace mainstem::server

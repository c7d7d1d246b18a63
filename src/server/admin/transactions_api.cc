#include "server/admin/transactions_api.h"

#include <algorithm>

namespace mainstem::server {

void TransactionsApi::AddRoutes(net::HttpRouter* router) {
  router->Add(HttpMethod::kGet, "/api/v1/transactions",
              [this](HttpExchange* exchange) { return List(exchange); });
  router->Add(HttpMethod::kGet, "/api/v1/transactions/{transaction}",
              [this](HttpExchange* exchange) { return Show(exchange); });
  router->Add(HttpMethod::kPost, "/api/v1/transactions/{transaction}/abort",
              Changing(options_->allow_remote_changes,
                       [this](HttpExchange* exchange) { return Abort(exchange); }));
}

void TransactionsApi::Write(const TransactionDetails& transaction, JsonWriter* json) const {
  json->BeginObject().Field("id", transaction.id).Field("state", transaction.state);
  json->Field("open", transaction.is_open);
  json->Field("producer_id", transaction.producer_id.value());
  json->Field("producer_epoch", transaction.producer_epoch.value());
  json->Field("timeout_ms", transaction.timeout_ms);
  json->Key("started_at_ms");
  transaction.is_open ? json->Value(transaction.started_ms) : json->Null();
  json->Key("age_ms");
  int64_t age_ms = std::max<int64_t>(0, env_->WallTime().value() - transaction.started_ms);
  transaction.is_open ? json->Value(age_ms) : json->Null();
  json->Field("updated_at_ms", transaction.updated_ms).Key("partitions").BeginArray();
  for (const auto& [topic, partition] : transaction.partitions) {
    json->BeginObject().Field("topic", topic).Field("partition", partition.value()).EndObject();
  }
  json->EndArray().Key("groups").BeginArray();
  for (const std::string& group : transaction.groups) json->Value(group);
  json->EndArray().EndObject();
}

// The oldest open one first: it is what holds readers back. With ?all=true also those that ended.
Task<> TransactionsApi::List(HttpExchange* exchange) {
  if (transactions_ == nullptr) co_return Missing("transactions");
  bool all = exchange->request().QueryFlag("all");
  CO_ASSIGN_OR_RETURN(auto known, co_await transactions_->ListTransactions());
  if (!all) std::erase_if(known, [](const TransactionDetails& each) { return !each.is_open; });
  std::stable_sort(known.begin(), known.end(), [](const auto& left, const auto& right) {
    return std::pair(!left.is_open, left.started_ms) < std::pair(!right.is_open, right.started_ms);
  });
  JsonWriter json;
  json.BeginObject().Key("transactions").BeginArray();
  for (const TransactionDetails& transaction : known) Write(transaction, &json);
  json.EndArray().EndObject();
  co_return co_await RespondJson(exchange, 200, json.Take());
}

Task<> TransactionsApi::Show(HttpExchange* exchange) {
  if (transactions_ == nullptr) co_return Missing("transactions");
  std::string id = exchange->request().Parameter("transaction");
  CO_ASSIGN_OR_RETURN(auto found, co_await transactions_->DescribeTransaction(std::move(id)));
  JsonWriter json;
  Write(found, &json);
  co_return co_await RespondJson(exchange, 200, json.Take());
}

Task<> TransactionsApi::Abort(HttpExchange* exchange) {
  if (transactions_ == nullptr) co_return Missing("transactions");
  std::string id = exchange->request().Parameter("transaction");
  CO_RETURN_IF_ERROR(co_await transactions_->AbortTransaction(std::move(id)));
  co_return co_await RespondJson(exchange, 200, "{}");
}

}  // namespace mainstem::server

#include "simulation/admin.h"

#include "gateway/kafka/messages/offsets.h"
#include "gateway/kafka/messages/produce.h"
#include "gateway/kafka/messages/topics.h"
#include "simulation/fetch_reader.h"
#include "storage/batch_builder.h"

namespace mainstem::simulation {
namespace {

constexpr Duration kPauseBeforeNext = std::chrono::milliseconds(150);
constexpr int64_t kLatest = -1;

}  // namespace

Task<> Admin::CreateTopic(KafkaClient* client, std::string name, int32_t partition_count,
                          std::map<std::string, std::string> config) {
  kafka::CreateTopicsRequest request;
  kafka::CreateTopicsRequest::Topic& topic = request.topics.emplace_back();
  topic.name = name;
  topic.partition_count = partition_count;
  topic.replication_factor = 1;
  for (const auto& [key, value] : config) topic.configs.push_back({key, value});
  for (;;) {
    Result<kafka::CreateTopicsResponse> response =
        co_await client->Call<kafka::CreateTopicsResponse>(7, request);
    if (Is(response.status(), ErrorCode::kCancelled)) co_return response.status();
    int16_t code = response.ok() ? response->topics[0].error_code : int16_t{7};
    if (code == 0 || code == 36) co_return Status::OK();
    if (!IsPassingError(code)) {
      co_return MakeError(ErrorCode::kInternal,
                          fmt::format("CreateTopics of {} answered {}", name, code));
    }
    CO_RETURN_IF_ERROR(co_await Sleep(kPauseBeforeNext));
  }
}

Task<> Admin::Run() {
  while (!finishing_) {
    uint64_t what = dice_.Below(3);
    if (what == 0) {
      std::string name = fmt::format("churn-{}", dice_.Below(2));
      CO_RETURN_IF_ERROR(co_await MakeAnew(std::move(name)));
    } else {
      CO_RETURN_IF_ERROR(co_await Trim());
    }
    Duration pause = dice_.MsBelow(2000);
    CO_RETURN_IF_ERROR(co_await Sleep(pause));
  }
  co_return Status::OK();
}

Task<> Admin::MakeAnew(std::string name) {
  if (existing_.contains(name)) CO_RETURN_IF_ERROR(co_await DeleteTopic(name));
  std::map<std::string, std::string> config;
  CO_RETURN_IF_ERROR(co_await CreateTopic(client_, name, 2, std::move(config)));
  existing_.insert(name);
  CO_RETURN_IF_ERROR(co_await CheckIsNewAndEmpty(name));
  for (uint64_t count = dice_.Below(5); count > 0; --count)
    CO_RETURN_IF_ERROR(co_await WriteTo(name));
  ledger_->Count("topics made");
  co_return Status::OK();
}

Task<> Admin::DeleteTopic(std::string name) {
  CO_ASSIGN_OR_RETURN(auto before, co_await LookUpTopics(client_));
  if (!before.contains(name)) ledger_->Violated("topic " + name + " is lost");
  kafka::DeleteTopicsRequest request;
  request.topic_names = {name};
  for (;;) {
    Result<kafka::DeleteTopicsResponse> response =
        co_await client_->Call<kafka::DeleteTopicsResponse>(5, request);
    if (Is(response.status(), ErrorCode::kCancelled)) co_return response.status();
    int16_t code = response.ok() ? response->topics[0].error_code : int16_t{7};
    if (code == 0 || code == 3) break;  // 3: an earlier try did it
    if (!IsPassingError(code)) {
      ledger_->Violated(fmt::format("DeleteTopics of {} answered {}", name, code));
    }
    CO_RETURN_IF_ERROR(co_await Sleep(kPauseBeforeNext));
  }
  existing_.erase(name);
  deleted_[name].insert(before[name]);
  CO_ASSIGN_OR_RETURN(auto after, co_await LookUpTopics(client_));
  if (after.contains(name)) ledger_->Violated("topic " + name + " is there although deleted");
  co_return Status::OK();
}

Task<> Admin::CheckIsNewAndEmpty(std::string name) {
  CO_ASSIGN_OR_RETURN(auto topics, co_await LookUpTopics(client_));
  auto found = topics.find(name);
  if (found == topics.end()) {
    ledger_->Violated("topic " + name + " is not there although made");
    co_return Status::OK();
  }
  if (deleted_[name].contains(found->second)) {
    ledger_->Violated("topic " + name + " was deleted and is back");
  }
  kafka::ListOffsetsRequest request;
  request.replica_id = -1;
  request.topics.push_back({.name = name});
  request.topics[0].partitions.push_back({.index = 0, .timestamp = kLatest});
  Result<kafka::ListOffsetsResponse> response =
      co_await client_->Call<kafka::ListOffsetsResponse>(5, request);
  if (Is(response.status(), ErrorCode::kCancelled)) co_return response.status();
  if (!response.ok()) co_return Status::OK();
  const auto& partition = response->topics[0].partitions[0];
  if (partition.error_code == 0 && partition.offset != 0) {
    ledger_->Violated(fmt::format("topic {} is new and ends at {}", name, partition.offset));
  }
  co_return Status::OK();
}

// Once, whether it works or not.
Task<> Admin::WriteTo(std::string name) {
  storage::BatchBuilder builder;
  builder.Add(client_->env()->WallTime().value(), std::nullopt, "something");
  CO_ASSIGN_OR_RETURN(std::vector<std::byte> bytes, builder.Build());
  kafka::ProduceRequest request;
  request.acks = static_cast<int16_t>(dice_.Below(2) == 0 ? -1 : 1);
  request.timeout_ms = 10'000;
  request.topics.push_back({.name = name});
  request.topics[0].partitions.push_back({.index = 0, .records = std::span(bytes)});
  Status status = (co_await client_->Call<kafka::ProduceResponse>(9, request)).status();
  if (Is(status, ErrorCode::kCancelled)) co_return status;
  co_return Status::OK();
}

Task<> Admin::Trim() {
  auto index =
      static_cast<int32_t>(dice_.Below(static_cast<uint64_t>(options_.trimmed_partition_count)));
  PartitionKey key{options_.trimmed_topic, index};
  Ledger::Marks marks = ledger_->MarksOf(key);
  int64_t before = marks.log_start;
  before += static_cast<int64_t>(
      dice_.Below(static_cast<uint64_t>(marks.high_watermark - marks.log_start) / 4 + 1));
  kafka::DeleteRecordsRequest request;
  request.timeout_ms = 10'000;
  request.topics.push_back({.name = key.first});
  request.topics[0].partitions.push_back({.index = index, .offset = before});
  Result<kafka::DeleteRecordsResponse> response =
      co_await client_->Call<kafka::DeleteRecordsResponse>(2, request);
  if (Is(response.status(), ErrorCode::kCancelled)) co_return response.status();
  if (!response.ok()) co_return Status::OK();
  const auto& answer = response->topics[0].partitions[0];
  if (answer.error_code == 0) {
    if (answer.low_watermark < before) {
      ledger_->Violated(fmt::format("{}: records before {} deleted, but the log starts at {}",
                                    NameOf(key), before, answer.low_watermark));
    }
    ledger_->AcknowledgeLogStart(key, answer.low_watermark);
    ledger_->Count("deletions of records");
  } else if (!IsPassingError(answer.error_code)) {
    ledger_->Violated(fmt::format("{}: DeleteRecords answered {}", NameOf(key), answer.error_code));
  }
  co_return Status::OK();
}

Task<> Admin::Check(std::set<std::string> others) {
  CO_ASSIGN_OR_RETURN(auto topics, co_await LookUpTopics(client_));
  others.insert(existing_.begin(), existing_.end());
  for (const auto& [name, id] : topics) {
    if (!others.contains(name)) ledger_->Violated("topic " + name + " is there although deleted");
  }
  for (const std::string& name : others) {
    if (!topics.contains(name)) ledger_->Violated("topic " + name + " is lost");
  }
  co_return Status::OK();
}

}  // namespace mainstem::simulation

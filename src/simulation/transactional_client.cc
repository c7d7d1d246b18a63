#include "simulation/transactional_client.h"

#include "gateway/kafka/messages/group_offsets.h"
#include "gateway/kafka/messages/producers.h"
#include "gateway/kafka/messages/transactions.h"
#include "storage/batch_builder.h"

namespace mainstem::simulation {
namespace {

constexpr Duration kPauseBetweenTries = std::chrono::milliseconds(120);
constexpr int16_t kUnstableOffset = 88;

template <typename Response>
int16_t ErrorOf(const Response& response) {
  return response.error_code;
}
template <typename Response>
int16_t ErrorOfFirstPartition(const Response& response) {
  return response.topics[0].partitions[0].error_code;
}

}  // namespace

Task<> TransactionalClient::Pause() { co_return co_await Sleep(kPauseBetweenTries); }

std::optional<TransactionalClient::Outcome> TransactionalClient::Judge(const char* call,
                                                                       int16_t code) {
  if (IsPassingError(code)) return std::nullopt;
  switch (code) {
    case 0: return Outcome::kDone;
    case 14:
    case 16:
    case 51: return std::nullopt;
    case 48:  // the transaction is over
    case 120: return Outcome::kMustAbort;
    case 47:
    case 90: return Outcome::kFenced;
    default:
      ledger_->Violated(fmt::format("{}: {} answered with error {}", options_.id, call, code));
      return Outcome::kFenced;
  }
}

Task<> TransactionalClient::Init() {
  for (;;) {
    kafka::InitProducerIdRequest request;
    request.transactional_id = options_.id;
    request.transaction_timeout_ms = options_.timeout_ms;
    Result<kafka::InitProducerIdResponse> response =
        co_await client_->Call<kafka::InitProducerIdResponse>(4, request);
    if (Is(response.status(), ErrorCode::kCancelled)) co_return response.status();
    if (response.ok() && response->error_code == 0) {
      if (response->producer_id == producer_id_ && response->producer_epoch <= epoch_) {
        ledger_->Violated(
            fmt::format("{}: epoch {} after {}", options_.id, response->producer_epoch, epoch_));
      }
      producer_id_ = response->producer_id;
      epoch_ = response->producer_epoch;
      next_sequence_.clear();
      added_.clear();
      groups_.clear();
      is_begun_ = false;
      co_return Status::OK();
    }
    if (response.ok() && Judge("InitProducerId", response->error_code) == Outcome::kFenced) {
      ledger_->Violated(options_.id + ": InitProducerId without an expectation was fenced");
    }
    CO_RETURN_IF_ERROR(co_await Pause());
  }
}

template <typename Request>
Request TransactionalClient::AsProducer() const {
  Request request;
  request.transactional_id = options_.id;
  request.producer_id = producer_id_;
  request.producer_epoch = epoch_;
  return request;
}

template <typename Response, typename Request>
Task<TransactionalClient::Outcome> TransactionalClient::Ask(const char* call, int16_t version,
                                                            Request request,
                                                            int16_t (*code_of)(const Response&),
                                                            Response* response) {
  for (;;) {
    Result<Response> answer = co_await client_->Call<Response>(version, request);
    if (Is(answer.status(), ErrorCode::kCancelled)) co_return answer.status();
    if (answer.ok()) {
      *response = std::move(answer).ValueUnsafe();
      auto outcome = Judge(call, code_of(*response));
      if (outcome) co_return *outcome;
    }
    CO_RETURN_IF_ERROR(co_await Pause());
  }
}

Task<TransactionalClient::Outcome> TransactionalClient::AddPartition(PartitionKey key) {
  auto request = AsProducer<kafka::AddPartitionsToTxnRequest>();
  request.topics.push_back({.name = key.first, .partitions = {key.second}});
  kafka::AddPartitionsToTxnResponse response;
  co_return co_await Ask("AddPartitionsToTxn", 3, std::move(request), &ErrorOfFirstPartition,
                         &response);
}

Task<TransactionalClient::Outcome> TransactionalClient::AddGroup(std::string group) {
  auto request = AsProducer<kafka::AddOffsetsToTxnRequest>();
  request.group_id = std::move(group);
  kafka::AddOffsetsToTxnResponse response;
  co_return co_await Ask("AddOffsetsToTxn", 3, std::move(request), &ErrorOf, &response);
}

Task<TransactionalClient::Outcome> TransactionalClient::Produce(PartitionKey key,
                                                                std::vector<std::string> values) {
  is_begun_ = true;
  if (!options_.by_second_protocol && !added_.contains(key)) {
    CO_ASSIGN_OR_RETURN(Outcome added, co_await AddPartition(key));
    if (added != Outcome::kDone) co_return added;
    added_.insert(key);
  }
  int32_t& sequence = next_sequence_[key];
  storage::BatchBuilder builder({.producer_id = ProducerId(producer_id_),
                                 .producer_epoch = ProducerEpoch(epoch_),
                                 .base_sequence = sequence,
                                 .transactional = true});
  int64_t time_ms = client_->env()->WallTime().value();
  for (const std::string& value : values) builder.Add(time_ms, std::nullopt, value);
  CO_ASSIGN_OR_RETURN(std::vector<std::byte> bytes, builder.Build());
  int16_t version = options_.by_second_protocol ? 12 : 9;
  kafka::ProduceRequest request;
  request.transactional_id = options_.id;
  request.acks = -1;
  request.timeout_ms = 10'000;
  request.topics.push_back({.name = key.first});
  request.topics[0].partitions.push_back({.index = key.second, .records = std::span(bytes)});
  kafka::ProduceResponse response;
  CO_ASSIGN_OR_RETURN(Outcome outcome, co_await Ask("Produce", version, std::move(request),
                                                    &ErrorOfFirstPartition, &response));
  if (outcome == Outcome::kDone) sequence += static_cast<int32_t>(values.size());
  co_return outcome;
}

Task<TransactionalClient::Outcome> TransactionalClient::CommitOffsets(
    std::string group, std::map<PartitionKey, int64_t> offsets) {
  is_begun_ = true;
  if (!options_.by_second_protocol && groups_.insert(group).second) {
    CO_ASSIGN_OR_RETURN(Outcome added, co_await AddGroup(group));
    if (added != Outcome::kDone) co_return added;
  }
  auto request = AsProducer<kafka::TxnOffsetCommitRequest>();
  request.group_id = group;
  for (const auto& [key, offset] : offsets) {
    if (request.topics.empty() || request.topics.back().name != key.first) {
      request.topics.push_back({.name = key.first});
    }
    request.topics.back().partitions.push_back({.index = key.second, .committed_offset = offset});
  }
  int16_t version = options_.by_second_protocol ? 5 : 3;
  kafka::TxnOffsetCommitResponse response;
  co_return co_await Ask("TxnOffsetCommit", version, std::move(request), &ErrorOfFirstPartition,
                         &response);
}

Task<TransactionalClient::Outcome> TransactionalClient::End(bool commit) {
  if (!is_begun_) co_return Outcome::kDone;
  auto request = AsProducer<kafka::EndTxnRequest>();
  request.committed = commit;
  int16_t version = options_.by_second_protocol ? 5 : 3;
  kafka::EndTxnResponse response;
  CO_ASSIGN_OR_RETURN(Outcome outcome,
                      co_await Ask("EndTxn", version, std::move(request), &ErrorOf, &response));
  if (outcome != Outcome::kDone) co_return outcome;
  if (options_.by_second_protocol) {
    // Sequences begin anew with each epoch.
    producer_id_ = response.producer_id;
    epoch_ = response.producer_epoch;
    next_sequence_.clear();
  }
  added_.clear();
  groups_.clear();
  is_begun_ = false;
  ledger_->Count(commit ? "transactions committed" : "transactions aborted");
  co_return outcome;
}

Task<std::map<PartitionKey, int64_t>> StableOffsets(KafkaClient* client, Ledger* ledger,
                                                    std::string group,
                                                    std::vector<PartitionKey> partitions) {
  kafka::OffsetFetchRequest request;
  request.group_id = group;
  request.require_stable = true;
  std::vector<kafka::OffsetFetchRequest::Topic>& topics = request.topics.emplace();
  for (const PartitionKey& key : partitions) {
    if (topics.empty() || topics.back().name != key.first) topics.push_back({.name = key.first});
    topics.back().partition_indexes.push_back(key.second);
  }
  for (;;) {
    std::map<PartitionKey, int64_t> at_sending;
    for (const PartitionKey& key : partitions) at_sending[key] = ledger->CommittedOf(group, key);
    Result<kafka::OffsetFetchResponse> response =
        co_await client->Call<kafka::OffsetFetchResponse>(7, request);
    if (Is(response.status(), ErrorCode::kCancelled)) co_return response.status();
    bool is_stable = response.ok() && response->error_code == 0;
    std::map<PartitionKey, int64_t> offsets;
    for (size_t i = 0; is_stable && i < response->topics.size(); ++i) {
      for (const auto& partition : response->topics[i].partitions) {
        PartitionKey key{response->topics[i].name, partition.index};
        if (partition.error_code == kUnstableOffset) {
          is_stable = false;
        } else if (partition.error_code != 0) {
          ledger->Violated(
              fmt::format("OffsetFetch of {}: error {}", NameOf(key), partition.error_code));
        } else {
          ledger->SeeCommitted(group, key, at_sending[key], partition.committed_offset);
          offsets[key] = partition.committed_offset;
        }
      }
    }
    if (is_stable) co_return offsets;
    CO_RETURN_IF_ERROR(co_await Sleep(kPauseBetweenTries));
  }
}

}  // namespace mainstem::simulation

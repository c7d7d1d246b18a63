#include <algorithm>

#include "gateway/kafka/handlers/handlers.h"
#include "gateway/kafka/handlers/offset_commits.h"
#include "gateway/kafka/handlers/partitions.h"
#include "storage/topic_config.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr int16_t kFirstAddPartitionsForBrokers = 4;
// From these on clients know what they did not before; older ones get the nearest known code.
constexpr int16_t kFirstFencedAtAdd = 2;
constexpr int16_t kFirstFencedAtEnd = 2;
constexpr int16_t kFirstFencedAtInit = 4;
constexpr int16_t kFirstAbortableAtOffsets = 4;
// KIP-890: each transaction has its own epoch, and what is written to joins it by itself.
constexpr int16_t kFirstEndWithNewEpoch = 5;
constexpr int16_t kFirstOffsetsThatJoin = 5;

ProducerIdentity Identity(int64_t id, int16_t epoch) {
  return {ProducerId(id), ProducerEpoch(epoch)};
}

KafkaError ForVersion(KafkaError error, int16_t version, int16_t first_fenced) {
  bool is_unknown_to_client = error == KafkaError::kProducerFenced && version < first_fenced;
  return is_unknown_to_client ? KafkaError::kInvalidProducerEpoch : error;
}

// What the client is told; a cancelled call is not answered.
Result<KafkaError> ToError(Result<KafkaError> outcome) {
  if (outcome.ok()) return outcome;
  ASSIGN_OR_RETURN(int16_t code, CoordinatorAnswerCode(outcome.status()));
  return static_cast<KafkaError>(code);
}

using TopicAnswers = std::vector<AddPartitionsToTxnResponse::Topic>;

// All partitions of a transaction are added, or none.
Task<TopicAnswers> AddTopics(const RequestContext& context,
                             AddPartitionsToTxnRequest::Transaction transaction) {
  TopicAnswers answers;
  std::vector<storage::TopicPartition> partitions;
  bool all_exist = true;
  for (const AddPartitionsToTxnRequest::Topic& topic : transaction.topics) {
    FoundTopic found = FindTopicByName(*context.services.log, topic.name);
    AddPartitionsToTxnResponse::Topic& answer = answers.emplace_back();
    answer.name = topic.name;
    // One of the node's own would get markers.
    const bool may_write = storage::CheckClientUse(topic.name, storage::ClientUse::kWrite).ok();
    for (int32_t index : topic.partitions) {
      KafkaError error = may_write ? found.CheckPartition(index) : KafkaError::kInvalidTopic;
      answer.partitions.push_back({index, Code(error)});
      if (error == KafkaError::kNone) partitions.push_back(found.Partition(index));
      all_exist = all_exist && error == KafkaError::kNone;
    }
  }
  KafkaError error = KafkaError::kOperationNotAttempted;
  if (all_exist) {
    ProducerIdentity caller = Identity(transaction.producer_id, transaction.producer_epoch);
    TransactionCoordinator& coordinator = *context.services.transactions;
    std::string id = transaction.transactional_id;
    Result<KafkaError> outcome = KafkaError::kNone;
    if (transaction.verify_only) {
      outcome = co_await coordinator.VerifyPartitions(id, caller, std::move(partitions));
    } else {
      outcome = co_await coordinator.AddPartitions(id, caller, std::move(partitions));
    }
    CO_ASSIGN_OR_RETURN(error, ToError(std::move(outcome)));
    error = ForVersion(error, context.version, kFirstFencedAtAdd);
  }
  for (AddPartitionsToTxnResponse::Topic& topic : answers) {
    for (AddPartitionsToTxnResponse::Partition& partition : topic.partitions) {
      if (partition.error_code == 0) partition.error_code = Code(error);
    }
  }
  co_return answers;
}

}  // namespace

Task<InitProducerIdResponse> HandleInitProducerId(const RequestContext& context,
                                                  const InitProducerIdRequest& request) {
  InitProducerIdResponse response;
  if (!request.transactional_id) {
    Result<ProducerId> id = co_await context.services.log->NextProducerId();
    CO_ASSIGN_OR_RETURN(response.error_code, CoordinatorAnswerCode(id.status()));
    if (id.ok()) response.producer_id = id->value();
    co_return response;
  }
  InitProducerCall call{.transactional_id = *request.transactional_id,
                        .timeout_ms = request.transaction_timeout_ms,
                        .expected = Identity(request.producer_id, request.producer_epoch)};
  Result<TransactionCoordinator::Reply> reply =
      co_await context.services.transactions->InitProducer(std::move(call));
  CO_ASSIGN_OR_RETURN(response.error_code, CoordinatorAnswerCode(reply.status()));
  if (!reply.ok()) co_return response;
  response.error_code = Code(ForVersion(reply->error, context.version, kFirstFencedAtInit));
  response.producer_id = reply->producer.id.value();
  response.producer_epoch = reply->producer.epoch.value();
  co_return response;
}

Task<AddPartitionsToTxnResponse> HandleAddPartitionsToTxn(
    const RequestContext& context, const AddPartitionsToTxnRequest& request) {
  AddPartitionsToTxnResponse response;
  if (context.version < kFirstAddPartitionsForBrokers) {
    AddPartitionsToTxnRequest::Transaction only;
    only.transactional_id = request.transactional_id;
    only.producer_id = request.producer_id;
    only.producer_epoch = request.producer_epoch;
    only.topics = request.topics;
    CO_ASSIGN_OR_RETURN(response.topics, co_await AddTopics(context, std::move(only)));
    co_return response;
  }
  for (const AddPartitionsToTxnRequest::Transaction& transaction : request.transactions) {
    AddPartitionsToTxnResponse::Transaction& answer = response.transactions.emplace_back();
    answer.transactional_id = transaction.transactional_id;
    CO_ASSIGN_OR_RETURN(answer.topics, co_await AddTopics(context, transaction));
  }
  co_return response;
}

Task<AddOffsetsToTxnResponse> HandleAddOffsetsToTxn(const RequestContext& context,
                                                    const AddOffsetsToTxnRequest& request) {
  AddOffsetsToTxnResponse response;
  Result<KafkaError> outcome = co_await context.services.transactions->AddGroup(
      request.transactional_id, Identity(request.producer_id, request.producer_epoch),
      request.group_id);
  CO_ASSIGN_OR_RETURN(KafkaError error, ToError(std::move(outcome)));
  response.error_code = Code(ForVersion(error, context.version, kFirstFencedAtAdd));
  co_return response;
}

Task<EndTxnResponse> HandleEndTxn(const RequestContext& context, const EndTxnRequest& request) {
  EndTxnResponse response;
  EndCall call{.caller = Identity(request.producer_id, request.producer_epoch),
               .commit = request.committed,
               .bump_epoch = context.version >= kFirstEndWithNewEpoch};
  Result<TransactionCoordinator::Reply> reply =
      co_await context.services.transactions->End(request.transactional_id, call);
  CO_ASSIGN_OR_RETURN(response.error_code, CoordinatorAnswerCode(reply.status()));
  if (!reply.ok()) co_return response;
  response.error_code = Code(ForVersion(reply->error, context.version, kFirstFencedAtEnd));
  if (reply->error != KafkaError::kNone) co_return response;
  response.producer_id = reply->producer.id.value();
  response.producer_epoch = reply->producer.epoch.value();
  co_return response;
}

Task<TxnOffsetCommitResponse> HandleTxnOffsetCommit(const RequestContext& context,
                                                    const TxnOffsetCommitRequest& request) {
  TxnOffsetCommitResponse response;
  CommitCall call = CallerOf(request);
  TakeOffsets(
      context, request,
      [&](const auto& topic) { return FindTopicByName(*context.services.log, topic.name); }, &call,
      &response);
  Result<KafkaError> outcome = KafkaError::kInvalidGroupId;
  if (!request.group_id.empty()) {
    outcome = co_await context.services.transactions->CommitOffsets(
        request.transactional_id, Identity(request.producer_id, request.producer_epoch),
        std::move(call), context.version >= kFirstOffsetsThatJoin);
  }
  CO_ASSIGN_OR_RETURN(KafkaError error, ToError(std::move(outcome)));
  if (error == KafkaError::kProducerFenced) error = KafkaError::kInvalidProducerEpoch;
  bool may_abort = context.version >= kFirstAbortableAtOffsets;
  if (error == KafkaError::kInvalidTxnState && may_abort) error = KafkaError::kTransactionAbortable;
  if (error == KafkaError::kNone) co_return response;
  FailOffsets(Code(error), &response);
  co_return response;
}

}  // namespace mainstem::gateway::kafka

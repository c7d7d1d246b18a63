// HOT PATH: one pass over the request; record bytes are handed to the log where they lie.
#include "gateway/kafka/handlers/handlers.h"
#include "gateway/kafka/handlers/partitions.h"
#include "storage/record_batch.h"
#include "storage/topic_config.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr int16_t kFirstVersionWithZstd = 7;
constexpr int16_t kProduceByTopicId = 13;
constexpr int16_t kFirstVersionWithAbortable = 11;
constexpr int16_t kFirstVersionThatJoins = 12;  // KIP-890: a partition joins by being written to
constexpr int kZstdBits = 4;

ProduceResponse::Partition Refuse(int32_t index, int16_t error_code,
                                  std::optional<std::string> message) {
  ProduceResponse::Partition answer;
  answer.index = index;
  answer.error_code = error_code;
  answer.base_offset = -1;
  answer.error_message = std::move(message);
  return answer;
}

ProduceResponse::Partition Refuse(int32_t index, KafkaError error, std::string message) {
  return Refuse(index, Code(error), std::optional<std::string>(std::move(message)));
}

// What the protocol says about a produced batch; the log checks the batch itself. Nothing when the
// partition may be appended to; `producer` is then set if that is part of a transaction.
std::optional<ProduceResponse::Partition> CheckRecords(const ProduceRequest::Partition& partition,
                                                       bool has_transactional_id, int16_t version,
                                                       std::optional<ProducerIdentity>* producer) {
  int32_t index = partition.index;
  if (!partition.records || partition.records->empty()) {
    return Refuse(index, KafkaError::kInvalidRecord, "no record batch for the partition");
  }
  Result<storage::BatchHeader> header = storage::ParseBatchHeader(*partition.records);
  if (!header.ok()) {
    return Refuse(index, KafkaCode(header.status()), ErrorMessage(header.status()));
  }
  if (header->total_bytes() != partition.records->size()) {
    return Refuse(index, KafkaError::kInvalidRecord, "exactly one record batch is allowed");
  }
  if (header->transactional() && !has_transactional_id) {
    return Refuse(index, KafkaError::kTransactionalIdAuthorizationFailed,
                  "a transactional record batch without a transactional id");
  }
  if (header->codec_bits() == kZstdBits && version < kFirstVersionWithZstd) {
    return Refuse(index, KafkaError::kUnsupportedCompressionType,
                  "zstd needs Produce version 7 or newer");
  }
  if (header->transactional()) {
    *producer = ProducerIdentity{header->producer_id, header->producer_epoch};
  }
  return std::nullopt;
}

struct PendingAppend {
  storage::TopicPartition target;
  std::span<const std::byte> records;
  std::optional<ProducerIdentity> producer;  // of a transactional batch
  size_t topic;                              // where the answer goes
  size_t partition;
};

KafkaError ErrorForProducer(KafkaError error, int16_t version) {
  bool may_abort = version >= kFirstVersionWithAbortable;
  switch (error) {
    case KafkaError::kProducerFenced: return KafkaError::kInvalidProducerEpoch;
    case KafkaError::kNone:
    case KafkaError::kInvalidTxnState:
      return may_abort ? KafkaError::kTransactionAbortable : KafkaError::kInvalidTxnState;
    default: return error;
  }
}

// Why the log refused a transactional batch: its producer is fenced, or did not add the partition.
Task<KafkaError> ExplainRefusal(const RequestContext& context, const std::string& transactional_id,
                                const PendingAppend& append) {
  std::vector<storage::TopicPartition> partitions = {append.target};
  CO_ASSIGN_OR_RETURN(KafkaError error,
                      co_await context.services.transactions->VerifyPartitions(
                          transactional_id, *append.producer, std::move(partitions)));
  co_return ErrorForProducer(error, context.version);
}

Task<> AppendAll(const RequestContext& context, const std::string& transactional_id,
                 const std::vector<PendingAppend>& pending, storage::AppendOptions options,
                 ProduceResponse* response) {
  std::vector<Result<storage::AppendResult>> outcomes(
      pending.size(), MakeError(ErrorCode::kInternal, "was not appended"));
  std::vector<storage::PartitionAppend> appends;
  appends.reserve(pending.size());
  for (size_t i = 0; i < pending.size(); ++i) {
    appends.push_back({pending[i].target, pending[i].records, &outcomes[i]});
  }
  CO_RETURN_IF_ERROR(co_await context.services.log->AppendEach(std::move(appends), options));
  for (size_t i = 0; i < pending.size(); ++i) {
    ProduceResponse::Partition& answer =
        response->topics[pending[i].topic].partitions[pending[i].partition];
    const Result<storage::AppendResult>& outcome = outcomes[i];
    if (outcome.ok()) {
      answer.base_offset = outcome->base_offset.value();
      answer.log_append_time_ms = outcome->log_append_time_ms;
      answer.log_start_offset = outcome->log_start_offset.value();
      continue;
    }
    int16_t code = KafkaCode(outcome.status());
    if (pending[i].producer && Is(outcome.status(), ErrorCode::kInvalidTransactionState)) {
      CO_ASSIGN_OR_RETURN(KafkaError error,
                          co_await ExplainRefusal(context, transactional_id, pending[i]));
      code = Code(error);
    }
    answer = Refuse(answer.index, code, ErrorMessage(outcome.status()));
  }
  co_return Status::OK();
}

// Adds the partitions that are written to in a transaction to it, and drops the appends that it
// refuses.
Task<> JoinTransaction(const RequestContext& context, const std::string& transactional_id,
                       std::vector<PendingAppend>* appends, ProduceResponse* response) {
  std::optional<ProducerIdentity> producer;  // a request has one
  std::vector<storage::TopicPartition> partitions;
  for (const PendingAppend& append : *appends) {
    if (!append.producer) continue;
    producer = append.producer;
    partitions.push_back(append.target);
  }
  if (!producer) co_return Status::OK();
  Result<KafkaError> joined = co_await context.services.transactions->AddPartitions(
      transactional_id, *producer, std::move(partitions));
  if (Is(joined.status(), ErrorCode::kCancelled)) co_return joined.status();
  if (joined.ok() && *joined == KafkaError::kNone) co_return Status::OK();
  int16_t code =
      joined.ok() ? Code(ErrorForProducer(*joined, context.version)) : KafkaCode(joined.status());
  for (const PendingAppend& append : *appends) {
    if (!append.producer) continue;
    ProduceResponse::Partition& answer =
        response->topics[append.topic].partitions[append.partition];
    answer = Refuse(answer.index, code, ErrorMessage(joined.status()));
  }
  std::erase_if(*appends, [](const PendingAppend& append) { return append.producer.has_value(); });
  co_return Status::OK();
}

}  // namespace

Task<ProduceResponse> HandleProduce(const RequestContext& context, const ProduceRequest& request) {
  ProduceResponse response;
  std::vector<PendingAppend> appends;
  bool acks_are_valid = request.acks >= -1 && request.acks <= 1;
  for (const ProduceRequest::Topic& topic : request.topics) {
    FoundTopic found = context.version >= kProduceByTopicId
                           ? FindTopicById(*context.services.log, topic.topic_id)
                           : FindTopicByName(*context.services.log, topic.name);
    ProduceResponse::Topic& topic_answer = response.topics.emplace_back();
    topic_answer.name = topic.name;
    topic_answer.topic_id = topic.topic_id;
    topic_answer.partitions.reserve(topic.partitions.size());
    for (const ProduceRequest::Partition& partition : topic.partitions) {
      ProduceResponse::Partition& answer = topic_answer.partitions.emplace_back();
      answer.index = partition.index;
      KafkaError error =
          acks_are_valid ? found.CheckPartition(partition.index) : KafkaError::kInvalidRequiredAcks;
      if (error != KafkaError::kNone) {
        answer = Refuse(partition.index, Code(error), std::nullopt);
        continue;
      }
      Status allowed = storage::CheckClientUse(found.info->name, storage::ClientUse::kWrite);
      if (!allowed.ok()) {
        answer = Refuse(partition.index, KafkaError::kInvalidTopic, Describe(allowed));
        continue;
      }
      std::optional<ProducerIdentity> producer;
      auto refusal =
          CheckRecords(partition, request.transactional_id.has_value(), context.version, &producer);
      if (refusal) {
        answer = std::move(*refusal);
        continue;
      }
      appends.push_back({found.Partition(partition.index), *partition.records, producer,
                         response.topics.size() - 1, topic_answer.partitions.size() - 1});
    }
  }
  storage::AppendOptions options;
  options.durability =
      request.acks == -1 ? storage::Durability::kFlushed : storage::Durability::kAccepted;
  std::string transactional_id = request.transactional_id.value_or("");
  if (request.transactional_id && context.version >= kFirstVersionThatJoins) {
    CO_RETURN_IF_ERROR(co_await JoinTransaction(context, transactional_id, &appends, &response));
  }
  if (!appends.empty()) {
    CO_RETURN_IF_ERROR(co_await AppendAll(context, transactional_id, appends, options, &response));
  }
  co_return response;
}

}  // namespace mainstem::gateway::kafka

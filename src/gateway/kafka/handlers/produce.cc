// HOT PATH: one pass over the request; record bytes are handed to the log where they lie.
#include "gateway/kafka/handlers/handlers.h"
#include "gateway/kafka/handlers/partitions.h"
#include "storage/record_batch.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr int16_t kFirstVersionWithZstd = 7;
constexpr int16_t kFirstVersionWithTopicIds = 13;
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
// partition may be appended to.
std::optional<ProduceResponse::Partition> CheckRecords(const ProduceRequest::Partition& partition,
                                                       int16_t version) {
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
  if (header->transactional()) {
    return Refuse(index, KafkaError::kTransactionalIdAuthorizationFailed,
                  "transactions are not supported yet");
  }
  if (header->codec_bits() == kZstdBits && version < kFirstVersionWithZstd) {
    return Refuse(index, KafkaError::kUnsupportedCompressionType,
                  "zstd needs Produce version 7 or newer");
  }
  return std::nullopt;
}

Task<> AppendPartition(const RequestContext& context, storage::TopicPartition target,
                       std::span<const std::byte> records, storage::AppendOptions options,
                       ProduceResponse::Partition* answer) {
  Result<storage::AppendResult> result =
      co_await context.services.log->Append(target, records, options);
  if (result.ok()) {
    answer->base_offset = result->base_offset.value();
    answer->log_append_time_ms = result->log_append_time_ms;
    answer->log_start_offset = result->log_start_offset.value();
  } else if (Is(result.status(), ErrorCode::kCancelled)) {
    co_return result.status();
  } else {
    *answer = Refuse(answer->index, KafkaCode(result.status()), ErrorMessage(result.status()));
  }
  co_return Status::OK();
}

struct PendingAppend {
  storage::TopicPartition target;
  std::span<const std::byte> records;
  size_t topic;  // where the answer goes
  size_t partition;
};

// Starts all appends, so that one flush serves them, and waits for all. Also a single one is
// spawned: then requests that were started one after the other reach each partition in that order,
// however many partitions they name.
Task<> AppendAll(const RequestContext& context, const std::vector<PendingAppend>& appends,
                 storage::AppendOptions options, ProduceResponse* response) {
  Executor executor = co_await asio::this_coro::executor;
  Status failure;
  TaskScope scope(executor, "produce",
                  [&failure](const std::string&, const Status& status) { failure = status; });
  for (const PendingAppend& append : appends) {
    ProduceResponse::Partition* answer =
        &response->topics[append.topic].partitions[append.partition];
    scope.Spawn("append", AppendPartition(context, append.target, append.records, options, answer));
  }
  Status joined = co_await scope.Join();
  if (!joined.ok()) {
    IgnoreError(co_await scope.Close(), "the cancellation is what is reported");
    co_return joined;
  }
  co_return failure;
}

}  // namespace

Task<ProduceResponse> HandleProduce(const RequestContext& context, const ProduceRequest& request) {
  ProduceResponse response;
  std::vector<PendingAppend> appends;
  bool acks_are_valid = request.acks >= -1 && request.acks <= 1;
  for (const ProduceRequest::Topic& topic : request.topics) {
    FoundTopic found = context.version >= kFirstVersionWithTopicIds
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
      if (request.transactional_id && error == KafkaError::kNone) {
        error = KafkaError::kInvalidTxnState;  // no transaction can be open
      }
      if (error != KafkaError::kNone) {
        answer = Refuse(partition.index, Code(error), std::nullopt);
        continue;
      }
      auto refusal = CheckRecords(partition, context.version);
      if (refusal) {
        answer = std::move(*refusal);
        continue;
      }
      appends.push_back({found.Partition(partition.index), *partition.records,
                         response.topics.size() - 1, topic_answer.partitions.size() - 1});
    }
  }
  storage::AppendOptions options;
  options.durability =
      request.acks == -1 ? storage::Durability::kFlushed : storage::Durability::kAccepted;
  if (!appends.empty()) {
    CO_RETURN_IF_ERROR(co_await AppendAll(context, appends, options, &response));
  }
  co_return response;
}

}  // namespace mainstem::gateway::kafka

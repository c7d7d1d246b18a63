#include <algorithm>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <re2/re2.h>

#include "gateway/kafka/handlers/handlers.h"
#include "gateway/kafka/handlers/partitions.h"
#include "gateway/kafka/handlers/turns.h"

namespace mainstem::gateway::kafka {
namespace {

using storage::TransactionState;

constexpr std::string_view kAllStates[] = {"Empty",        "Ongoing",          "PrepareCommit",
                                           "PrepareAbort", "CompleteCommit",   "CompleteAbort",
                                           "Dead",         "PrepareEpochFence"};

DescribeTransactionsResponse::State DescribeTransaction(const storage::Log& log,
                                                        const storage::Transaction& transaction) {
  DescribeTransactionsResponse::State state;
  state.transactional_id = transaction.id;
  state.state = NameOf(transaction.state);
  state.timeout_ms = transaction.timeout_ms;
  state.start_time_ms =
      transaction.state == TransactionState::kOngoing ? transaction.started_ms : -1;
  state.producer_id = transaction.producer_id.value();
  state.producer_epoch = transaction.producer_epoch.value();
  storage::TopicId last{};
  bool has_topic = false;
  for (const storage::TopicPartition& partition : transaction.partitions) {  // sorted by topic
    if (partition.topic_id != last) {
      auto info = log.FindTopic(partition.topic_id);
      has_topic = info.has_value();
      if (info) state.topics.push_back({.name = info->name, .partitions = {}});
      last = partition.topic_id;
    }
    if (has_topic) state.topics.back().partitions.push_back(partition.partition.value());
  }
  return state;
}

struct Filters {
  std::set<std::string> states;
  std::set<int64_t> producer_ids;
  int64_t duration_ms = -1;
  std::unique_ptr<RE2> pattern;  // or null
  int64_t now_ms = 0;

  bool Admit(const storage::Transaction& transaction) const {
    if (!states.empty() && !states.contains(std::string(NameOf(transaction.state)))) return false;
    if (!producer_ids.empty() && !producer_ids.contains(transaction.producer_id.value())) {
      return false;
    }
    bool is_ongoing = transaction.state == TransactionState::kOngoing;
    bool is_long = is_ongoing && now_ms - transaction.started_ms > duration_ms;
    if (duration_ms >= 0 && !is_long) return false;
    return pattern == nullptr || RE2::FullMatch(transaction.id, *pattern);
  }
};

DescribeProducersResponse::Producer ToProducer(const storage::ProducerInfo& info) {
  DescribeProducersResponse::Producer producer;
  producer.producer_id = info.id.value();
  producer.producer_epoch = info.epoch.value();
  producer.last_sequence = info.last_sequence;
  producer.last_timestamp = info.last_timestamp_ms;
  producer.current_txn_start_offset = info.open_from.value();
  return producer;
}

}  // namespace

// Only aborts by force come from outside, from kafka-transactions.sh: the coordinator writes its
// markers itself. The whole transaction is aborted, not just its part in the named partitions.
Task<WriteTxnMarkersResponse> HandleWriteTxnMarkers(const RequestContext& context,
                                                    const WriteTxnMarkersRequest& request) {
  WriteTxnMarkersResponse response;
  for (const WriteTxnMarkersRequest::Marker& marker : request.markers) {
    WriteTxnMarkersResponse::Marker& marker_answer = response.markers.emplace_back();
    marker_answer.producer_id = marker.producer_id;
    ProducerIdentity producer{ProducerId(marker.producer_id), ProducerEpoch(marker.producer_epoch)};
    bool is_aborted = false;
    for (const WriteTxnMarkersRequest::Topic& topic : marker.topics) {
      FoundTopic found = FindTopicByName(*context.services.log, topic.name);
      WriteTxnMarkersResponse::Topic& topic_answer = marker_answer.topics.emplace_back();
      topic_answer.name = topic.name;
      for (int32_t index : topic.partition_indexes) {
        KafkaError error = found.CheckPartition(index);
        if (error == KafkaError::kNone && marker.committed) error = KafkaError::kInvalidTxnState;
        if (error == KafkaError::kNone && !is_aborted) {
          Result<KafkaError> outcome =
              co_await context.services.transactions->AbortOf(producer, found.Partition(index));
          if (Is(outcome.status(), ErrorCode::kCancelled)) co_return outcome.status();
          error = outcome.ok() ? *outcome : static_cast<KafkaError>(KafkaCode(outcome.status()));
          is_aborted = error == KafkaError::kNone;
        }
        topic_answer.partitions.push_back({index, Code(error)});
      }
    }
  }
  co_return response;
}

Task<DescribeTransactionsResponse> HandleDescribeTransactions(
    const RequestContext& context, const DescribeTransactionsRequest& request) {
  DescribeTransactionsResponse response;
  CO_ASSIGN_OR_RETURN(std::vector<storage::Transaction> all,
                      co_await context.services.transactions->List());
  absl::flat_hash_map<std::string_view, const storage::Transaction*> known;
  for (const storage::Transaction& transaction : all) known[transaction.id] = &transaction;
  absl::flat_hash_set<std::string_view> seen;  // one that is named again is described once
  Turns turns;
  for (const std::string& id : request.transactional_ids) {
    if (!seen.insert(id).second) continue;
    CO_RETURN_IF_ERROR(co_await turns.After(1));
    auto found = known.find(id);
    if (found != known.end()) {
      response.states.push_back(DescribeTransaction(*context.services.log, *found->second));
      CO_RETURN_IF_ERROR(co_await turns.After(std::ssize(found->second->partitions)));
      continue;
    }
    DescribeTransactionsResponse::State& unknown = response.states.emplace_back();
    unknown.transactional_id = id;
    unknown.error_code =
        Code(id.empty() ? KafkaError::kInvalidRequest : KafkaError::kTransactionalIdNotFound);
  }
  co_return response;
}

Task<ListTransactionsResponse> HandleListTransactions(const RequestContext& context,
                                                      const ListTransactionsRequest& request) {
  ListTransactionsResponse response;
  Filters filters;
  filters.now_ms = context.services.env->WallTime().value();
  filters.duration_ms = request.duration_filter;
  filters.producer_ids.insert(request.producer_id_filters.begin(),
                              request.producer_id_filters.end());
  for (const std::string& state : request.state_filters) {
    bool is_known =
        std::find(std::begin(kAllStates), std::end(kAllStates), state) != std::end(kAllStates);
    if (!is_known) response.unknown_state_filters.push_back(state);
    filters.states.insert(state);
  }
  if (request.transactional_id_pattern && !request.transactional_id_pattern->empty()) {
    filters.pattern = std::make_unique<RE2>(*request.transactional_id_pattern, RE2::Quiet);
    if (!filters.pattern->ok()) {
      response.error_code = Code(KafkaError::kInvalidRegularExpression);
      co_return response;
    }
  }
  CO_ASSIGN_OR_RETURN(std::vector<storage::Transaction> all,
                      co_await context.services.transactions->List());
  for (const storage::Transaction& transaction : all) {
    if (!filters.Admit(transaction)) continue;
    response.states.push_back(
        {transaction.id, transaction.producer_id.value(), std::string(NameOf(transaction.state))});
  }
  co_return response;
}

Task<DescribeProducersResponse> HandleDescribeProducers(const RequestContext& context,
                                                        const DescribeProducersRequest& request) {
  DescribeProducersResponse response;
  absl::flat_hash_set<std::pair<std::string, int32_t>> seen;
  for (const DescribeProducersRequest::Topic& topic : request.topics) {
    FoundTopic found = FindTopicByName(*context.services.log, topic.name);
    DescribeProducersResponse::Topic& topic_answer = response.topics.emplace_back();
    topic_answer.name = topic.name;
    for (int32_t index : topic.partition_indexes) {
      if (!seen.emplace(topic.name, index).second) continue;
      DescribeProducersResponse::Partition& answer = topic_answer.partitions.emplace_back();
      answer.index = index;
      answer.error_code = Code(found.CheckPartition(index));
      if (answer.error_code != 0) continue;
      Result<std::vector<storage::ProducerInfo>> producers =
          co_await context.services.transaction_log->ListProducers(found.Partition(index));
      CO_ASSIGN_OR_RETURN(answer.error_code, AnswerCode(producers.status()));
      if (!producers.ok()) continue;
      for (const storage::ProducerInfo& info : *producers) {
        answer.active_producers.push_back(ToProducer(info));
      }
    }
  }
  co_return response;
}

}  // namespace mainstem::gateway::kafka

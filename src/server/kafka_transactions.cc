#include "server/kafka_transactions.h"

#include <algorithm>

#include <fmt/format.h>

namespace mainstem::server {
namespace {

Status Unknown(const std::string& id) {
  return MakeError(ErrorCode::kNotFound, fmt::format("transactional id '{}' is not known", id));
}

}  // namespace

TransactionDetails KafkaTransactions::Describe(const storage::Transaction& transaction) const {
  TransactionDetails details{.id = transaction.id,
                             .state = std::string(gateway::kafka::NameOf(transaction.state)),
                             .is_open = transaction.state == storage::TransactionState::kOngoing,
                             .producer_id = transaction.producer_id,
                             .producer_epoch = transaction.producer_epoch,
                             .timeout_ms = transaction.timeout_ms,
                             .updated_ms = transaction.updated_ms};
  if (details.is_open) details.started_ms = transaction.started_ms;
  for (const storage::TopicPartition& partition : transaction.partitions) {
    auto topic = log_->FindTopic(partition.topic_id);  // none: deleted while it was open
    if (topic) details.partitions.emplace_back(topic->name, partition.partition);
  }
  std::sort(details.partitions.begin(), details.partitions.end());
  details.groups.assign(transaction.groups.begin(), transaction.groups.end());
  return details;
}

Task<std::vector<TransactionDetails>> KafkaTransactions::ListTransactions() {
  CO_ASSIGN_OR_RETURN(auto transactions, co_await coordinator_->List());
  std::vector<TransactionDetails> all;
  for (const storage::Transaction& transaction : transactions) {
    all.push_back(Describe(transaction));
  }
  co_return all;
}

Task<TransactionDetails> KafkaTransactions::DescribeTransaction(std::string id) {
  CO_ASSIGN_OR_RETURN(auto transactions, co_await coordinator_->List());
  auto found = std::find_if(transactions.begin(), transactions.end(),
                            [&id](const auto& known) { return known.id == id; });
  if (found == transactions.end()) co_return Unknown(id);
  co_return Describe(*found);
}

Task<> KafkaTransactions::AbortTransaction(std::string id) {
  using gateway::kafka::KafkaError;
  CO_ASSIGN_OR_RETURN(KafkaError error, co_await coordinator_->Abort(id));
  if (error == KafkaError::kNone) co_return Status::OK();
  if (error == KafkaError::kTransactionalIdNotFound) co_return Unknown(id);
  co_return MakeError(ErrorCode::kInvalidTransactionState,
                      fmt::format("'{}' has no open transaction", id));
}

}  // namespace mainstem::server

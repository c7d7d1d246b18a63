// Transactions for the admin API, over the Kafka door's coordinator.
#pragma once

#include "gateway/kafka/transaction/coordinator.h"
#include "server/admin/transaction_view.h"

namespace mainstem::server {

// Any shard. `coordinator` and `log` outlive it.
class KafkaTransactions final : public TransactionView {
 public:
  KafkaTransactions(gateway::kafka::TransactionCoordinator* coordinator, const storage::Log* log)
      : coordinator_(coordinator), log_(log) {}
  Task<std::vector<TransactionDetails>> ListTransactions() override;
  Task<TransactionDetails> DescribeTransaction(std::string id) override;
  Task<> AbortTransaction(std::string id) override;

 private:
  TransactionDetails Describe(const storage::Transaction& transaction) const;

  gateway::kafka::TransactionCoordinator* coordinator_;
  const storage::Log* log_;
};

}  // namespace mainstem::server

// Kafka's transactions as the admin API shows them. Implemented over the Kafka gateway's
// coordinator, so that the admin API knows no protocol.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/executor.h"
#include "core/ids.h"

namespace mainstem::server {

struct TransactionDetails {
  std::string id;     // the transactional id that the producer gave itself
  std::string state;  // "Ongoing", "CompleteCommit" ... as Kafka's tools say
  bool is_open = false;
  ProducerId producer_id{-1};
  ProducerEpoch producer_epoch{-1};
  int64_t timeout_ms = 0;
  int64_t started_ms = -1;  // of the open transaction; else -1
  int64_t updated_ms = -1;
  // Of the open transaction: where its producer may write, whose offsets it commits.
  std::vector<std::pair<std::string, PartitionId>> partitions{};  // topic, partition
  std::vector<std::string> groups{};
};

// May be called from any shard. Outlives the admin API.
class TransactionView {
 public:
  virtual ~TransactionView() = default;
  // Every transactional id that is known, by id.
  virtual Task<std::vector<TransactionDetails>> ListTransactions() = 0;
  virtual Task<TransactionDetails> DescribeTransaction(std::string id) = 0;  // kNotFound
  // Aborts what is open and fences its producer. kNotFound; kInvalidTransactionState when nothing
  // is open.
  virtual Task<> AbortTransaction(std::string id) = 0;
};

}  // namespace mainstem::server

// Kafka's transactions as the log keeps them. Who may begin and end one is the gateway's decision
// (gateway/kafka/transaction/); the log makes it durable, lets its producer write to the partitions
// that were added, hides what is open from committed reads, and ends it everywhere at once: the
// markers of all partitions, the offsets of groups and the new state are one write of the journal.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/ids.h"
#include "core/status.h"
#include "storage/log.h"

namespace mainstem::storage {

enum class TransactionState : uint8_t { kEmpty = 0, kOngoing = 1, kCommitted = 2, kAborted = 3 };

// What is known of one transactional id.
struct Transaction {
  std::string id;
  ProducerId producer_id{-1};
  ProducerEpoch producer_epoch{-1};
  // Before the newest change of the two above, as far as its owner may still name it.
  ProducerId last_producer_id{-1};
  ProducerEpoch last_producer_epoch{-1};
  int32_t timeout_ms = 0;
  TransactionState state = TransactionState::kEmpty;
  std::set<TopicPartition> partitions{};  // may be written to; empty unless ongoing
  std::set<std::string> groups{};         // may get offsets; empty unless ongoing
  int64_t started_ms = -1;
  int64_t updated_ms = -1;
};

struct TransactionEnd {
  Transaction after;  // kCommitted or kAborted: says which
  // What the markers carry, and where they go. Partitions that are gone get none.
  ProducerId producer_id{-1};
  ProducerEpoch producer_epoch{-1};
  std::set<TopicPartition> partitions{};
};

// A group's offset that is not there before its transaction commits.
struct PendingOffset {
  std::string transactional_id;
  Log::OffsetKey key;
  CommittedOffset offset;
};

// One producer as a partition knows it.
struct ProducerInfo {
  ProducerId id{-1};
  ProducerEpoch epoch{-1};
  int32_t last_sequence = -1;
  int64_t last_timestamp_ms = -1;
  Offset open_from{-1};  // first record of its open transaction; -1: none
};

// All calls may be made from any shard and are durable when they return. Of two calls for the same
// transactional id the second begins when the first has ended: the caller sees to it.
class TransactionLog {
 public:
  virtual ~TransactionLog() = default;

  // The new state; when it is ongoing, the producer may write to the partitions from here on.
  // kRecordListTooLarge: its end would not fit into one write.
  virtual Task<> PutTransaction(Transaction transaction) = 0;
  virtual Task<> ForgetTransaction(std::string id) = 0;
  // Kept aside until the transaction ends.
  virtual Task<> AddTransactionOffsets(
      std::string id, std::vector<std::pair<Log::OffsetKey, CommittedOffset>> offsets) = 0;
  virtual Task<> EndTransaction(TransactionEnd end) = 0;

  // Everything known, for the coordinators at start.
  virtual Task<std::vector<Transaction>> LoadTransactions() = 0;
  virtual Task<std::vector<PendingOffset>> LoadPendingOffsets() = 0;
  // Those that the partition remembers, by id.
  virtual Task<std::vector<ProducerInfo>> ListProducers(TopicPartition partition) = 0;
};

}  // namespace mainstem::storage

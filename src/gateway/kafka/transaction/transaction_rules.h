// What a call does to a transactional id: pure functions from its present state to an error or to
// the change that the coordinator (transaction/coordinator.h) has to make durable.
//
//   Empty -> Ongoing -> Committed | Aborted -> Ongoing ...
//
// Kafka's states between (PrepareCommit, PrepareAbort) don't exist here: the log ends a transaction
// in all its partitions by one write. Fencing is Kafka's: who initialises the id gets a greater
// epoch, and only the holder of the current epoch may do anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/kafka/error_codes.h"
#include "storage/transactions.h"

namespace mainstem::gateway::kafka {

// Kafka's name of a state, as its tools print it.
std::string_view NameOf(storage::TransactionState state);

struct ProducerIdentity {
  ProducerId id{-1};
  ProducerEpoch epoch{-1};
  bool operator==(const ProducerIdentity&) const = default;
};

// At most one of `put` and `end` is set. Neither, without an error: there is nothing to change.
struct TransactionStep {
  KafkaError error = KafkaError::kNone;
  std::optional<storage::Transaction> put{};
  std::optional<storage::TransactionEnd> end{};

  // The state after the step, or `current` when it changes nothing.
  const storage::Transaction* After(const storage::Transaction* current) const;
};

// The last epoch that a producer may have; the one after it only fences.
inline constexpr ProducerEpoch kLastEpoch{INT16_MAX - 1};
bool IsEpochExhausted(const storage::Transaction& transaction);

struct InitProducerCall {
  std::string transactional_id;
  int32_t timeout_ms = 0;
  ProducerIdentity expected{};  // who the caller was before; none: a new start
};
// In the following `current` is null for an id that is not known. `fresh` is a producer id that
// nobody has; only used when the id is new or the current one has no epochs left.
TransactionStep InitProducer(const storage::Transaction* current, const InitProducerCall& call,
                             ProducerId fresh, int64_t now_ms);
// kNone when the caller is the current producer of the id.
KafkaError CheckProducer(const storage::Transaction* current, ProducerIdentity caller);
TransactionStep AddPartitions(const storage::Transaction* current, ProducerIdentity caller,
                              const std::vector<storage::TopicPartition>& partitions,
                              int64_t now_ms);
TransactionStep AddGroup(const storage::Transaction* current, ProducerIdentity caller,
                         const std::string& group, int64_t now_ms);
// kNone when the transaction has all of the partitions.
KafkaError VerifyPartitions(const storage::Transaction* current, ProducerIdentity caller,
                            const std::vector<storage::TopicPartition>& partitions);

struct EndCall {
  ProducerIdentity caller;
  bool commit = false;
  bool bump_epoch = false;  // EndTxn version 5 (KIP-890): a new epoch for each transaction
};
TransactionStep EndTransaction(const storage::Transaction* current, const EndCall& call,
                               ProducerId fresh, int64_t now_ms);
// Aborts and fences the producer: it ran out of time, or somebody said so.
TransactionStep ForceAbort(const storage::Transaction& current, int64_t now_ms);
bool HasTimedOut(const storage::Transaction& transaction, int64_t now_ms);

}  // namespace mainstem::gateway::kafka

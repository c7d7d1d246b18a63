// All transactional ids of the node: applies the rules (transaction/transaction_rules.h) to calls,
// one after the other for each id, and has the log make the outcome durable before it is answered.
// Aborts what runs out of time. Lives on one shard; every method may be called from any shard and
// hops there. A call that has begun runs to its end although the caller may be cancelled.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/logging.h"
#include "core/sync.h"
#include "gateway/kafka/group/coordinator.h"
#include "gateway/kafka/transaction/transaction_rules.h"
#include "storage/transactions.h"

namespace mainstem::gateway::kafka {

struct TransactionSettings {
  std::chrono::milliseconds timeout_max = std::chrono::minutes(15);  // transaction.max.timeout.ms
  // transactional.id.expiration.ms: an id without a transaction is forgotten after this.
  std::chrono::milliseconds expiration = std::chrono::hours(24 * 7);
  Duration timeout_check_interval = std::chrono::seconds(1);
};

class TransactionCoordinator {
 public:
  // Borrows env, log, groups and budget (may be null: no limit), which outlive it. `home` is the
  // shard that it lives on.
  TransactionCoordinator(Env* env, storage::Log* log, storage::TransactionLog* transactions,
                         GroupCoordinator* groups, MemoryBudget* budget, Logger logger,
                         Executor home, TransactionSettings settings);
  ~TransactionCoordinator();

  // Loads what is known. Before anything else, after the groups' own start.
  Task<> Start();
  // Nothing may be called afterwards.
  Task<> Stop();

  struct Reply {
    KafkaError error = KafkaError::kNone;
    ProducerIdentity producer{};  // who the caller is from here on
  };
  Task<Reply> InitProducer(InitProducerCall call);
  Task<KafkaError> AddPartitions(std::string id, ProducerIdentity caller,
                                 std::vector<storage::TopicPartition> partitions);
  Task<KafkaError> VerifyPartitions(std::string id, ProducerIdentity caller,
                                    std::vector<storage::TopicPartition> partitions);
  Task<KafkaError> AddGroup(std::string id, ProducerIdentity caller, std::string group);
  // `add_group`: as if AddGroup had been called before.
  Task<KafkaError> CommitOffsets(std::string id, ProducerIdentity caller, CommitCall call,
                                 bool add_group);
  Task<Reply> End(std::string id, EndCall call);
  // Aborts the transaction of a producer that has the partition in it, and fences the producer.
  // kInvalidTxnState when it has none open there, kInvalidProducerEpoch when its epoch is older.
  Task<KafkaError> AbortOf(ProducerIdentity producer, storage::TopicPartition partition);

  // The same by the transactional id, for the admin API. kTransactionalIdNotFound; kInvalidTxnState
  // when nothing is open.
  Task<KafkaError> Abort(std::string id);

  Task<std::vector<storage::Transaction>> List();

 private:
  // One transactional id. Only its holder may change it.
  struct Slot {
    explicit Slot(Executor home) : released(home) {}
    std::optional<storage::Transaction> transaction;
    int64_t bytes = 0;     // as accounted
    std::list<int> users;  // in the order in which they came; the first one holds it
    Event released;

    const storage::Transaction* current() const { return transaction ? &*transaction : nullptr; }
  };

  Task<> StartHere();
  Task<> StopHere();
  Task<Reply> InitProducerHere(InitProducerCall call);
  Task<KafkaError> AddPartitionsHere(std::string id, ProducerIdentity caller,
                                     std::vector<storage::TopicPartition> partitions);
  Task<KafkaError> VerifyPartitionsHere(std::string id, ProducerIdentity caller,
                                        std::vector<storage::TopicPartition> partitions);
  Task<KafkaError> AddGroupHere(std::string id, ProducerIdentity caller, std::string group);
  Task<KafkaError> CommitOffsetsHere(std::string id, ProducerIdentity caller, CommitCall call,
                                     bool add_group);
  Task<Reply> EndHere(std::string id, EndCall call);
  Task<KafkaError> AbortOfHere(ProducerIdentity producer, storage::TopicPartition partition);
  Task<KafkaError> AbortHere(std::string id);
  Task<std::vector<storage::Transaction>> ListHere();

  Task<> AbortLate();
  Task<> AbortIfLate(std::string id);
  Task<> ExpireIds();
  Task<> ForgetIfExpired(std::string id);

  Task<Slot*> Hold(std::string id);
  // Drops a slot without a transaction that nobody else uses.
  void Release(const std::string& id, Slot* slot);
  void Account(Slot* slot);
  // Makes the step durable; the slot is held. kResourceExhausted without memory for what it adds.
  Task<> Apply(Slot* slot, TransactionStep step);
  // The same; tells the error, or who the producer is from now on.
  Task<> ApplyAndReply(Slot* slot, TransactionStep step, Reply* reply);
  Task<ProducerId> FreshIdFor(const storage::Transaction* current, bool may_advance);

  Env* const env_;
  storage::Log* const log_;
  storage::TransactionLog* const transactions_;
  GroupCoordinator* const groups_;
  const Logger logger_;
  const Executor home_;
  const TransactionSettings settings_;

  std::map<std::string, std::unique_ptr<Slot>> slots_;
  KeptMemory memory_;
  std::set<std::string> ongoing_;
  Event began_;  // something is ongoing
  TaskScope scope_;
};

}  // namespace mainstem::gateway::kafka

// The producer side of transactions, in either protocol: with AddPartitionsToTxn and
// AddOffsetsToTxn, or (KIP-890) by writing alone and an epoch for each transaction. Calls are
// repeated until they are answered; what only a new life can mend is told. One task at a time.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "simulation/kafka_client.h"
#include "simulation/ledger.h"

namespace mainstem::simulation {

struct TransactionalClientOptions {
  std::string id;
  bool by_second_protocol = false;
  int32_t timeout_ms = 20'000;
};

class TransactionalClient {
 public:
  enum class Outcome : uint8_t {
    kDone,
    kMustAbort,  // this transaction is lost, the producer is not
    kFenced,     // somebody else has the id, or the node aborted: Init is next
  };

  // Client and ledger outlive it.
  TransactionalClient(KafkaClient* client, Ledger* ledger, TransactionalClientOptions options)
      : client_(client), ledger_(ledger), options_(std::move(options)) {}

  // Takes over the id; what its last holder left open is aborted.
  Task<> Init();
  // Topics and partitions join the transaction as they are written to.
  Task<Outcome> Produce(PartitionKey key, std::vector<std::string> values);
  Task<Outcome> CommitOffsets(std::string group, std::map<PartitionKey, int64_t> offsets);
  // kDone: it is so. Else it is unknown, unless it was to be aborted.
  Task<Outcome> End(bool commit);

 private:
  // A request that says who asks.
  template <typename Request>
  Request AsProducer() const;
  // Until it is answered with a code that Judge knows what to do about.
  template <typename Response, typename Request>
  Task<Outcome> Ask(const char* call, int16_t version, Request request,
                    int16_t (*code_of)(const Response&), Response* response);
  Task<Outcome> AddPartition(PartitionKey key);
  Task<Outcome> AddGroup(std::string group);
  // What to do about an error; nothing: try again.
  std::optional<Outcome> Judge(const char* call, int16_t code);
  Task<> Pause();

  KafkaClient* const client_;
  Ledger* const ledger_;
  const TransactionalClientOptions options_;
  int64_t producer_id_ = -1;
  int16_t epoch_ = -1;
  std::map<PartitionKey, int32_t> next_sequence_;
  std::set<PartitionKey> added_;
  std::set<std::string> groups_;
  bool is_begun_ = false;
};

// The committed offsets of a group, once no transaction is about to change them; -1: none.
Task<std::map<PartitionKey, int64_t>> StableOffsets(KafkaClient* client, Ledger* ledger,
                                                    std::string group,
                                                    std::vector<PartitionKey> partitions);

}  // namespace mainstem::simulation

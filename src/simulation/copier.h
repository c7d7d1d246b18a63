// Consume, transform, produce: moves each record of one topic to the same partition of another,
// every batch and the offsets behind it in one transaction, some of them aborted. Several copiers
// may share a transactional id: each new life fences the others. Whatever happens, the target must
// hold, for committed readers, each record of the source once and in order.
#pragma once

#include <string>

#include "simulation/dice.h"
#include "simulation/fetch_reader.h"
#include "simulation/transactional_client.h"

namespace mainstem::simulation {

struct CopierOptions {
  std::string name;
  std::string group;
  std::string source;
  std::string target;
  int32_t partition_count = 1;
  uint64_t seed = 0;
  TransactionalClientOptions transactions;
  FetchReaderOptions reader;
};

class Copier {
 public:
  // Clients (one to read, one to write) and ledger outlive it.
  Copier(KafkaClient* reading, KafkaClient* writing, Ledger* ledger, CopierOptions options)
      : reading_(reading),
        writing_(writing),
        ledger_(ledger),
        options_(std::move(options)),
        dice_(options_.seed) {}

  // Until what is committed has reached the ends of FinishAt.
  Task<> Run();
  void FinishAt(std::map<PartitionKey, int64_t> ends) {
    ends_ = std::move(ends);
    finishing_ = true;
  }

 private:
  using Outcome = TransactionalClient::Outcome;
  std::vector<PartitionKey> Sources() const;
  Task<> Rewind(FetchReader* reader);
  Task<Outcome> Copy(TransactionalClient* producer, std::vector<FetchedPartition> fetched);
  // One life: until it is fenced or done.
  Task<> Live();
  bool IsDone(const FetchReader& reader) const;

  KafkaClient* const reading_;
  KafkaClient* const writing_;
  Ledger* const ledger_;
  const CopierOptions options_;
  Dice dice_;
  std::map<PartitionKey, int64_t> sent_offsets_;  // in the transaction under way
  std::map<PartitionKey, int64_t> ends_;
  bool finishing_ = false;
  bool is_done_ = false;
};

// The target's committed records must be the source's, in order.
void CheckCopied(Ledger* ledger, const PartitionKey& target, const std::vector<SeenRecord>& copies,
                 const std::vector<SeenRecord>& originals);

}  // namespace mainstem::simulation

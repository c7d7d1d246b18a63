// Writes numbered transactions over all partitions of a topic, and a reader that looks while it
// goes on: what a committed reader sees of a number in one partition it must see in all that it
// reads afterwards, and nothing of a number that was aborted, ever.
#pragma once

#include <set>
#include <string>

#include "simulation/dice.h"
#include "simulation/fetch_reader.h"
#include "simulation/transactional_client.h"

namespace mainstem::simulation {

struct AtomicWriterOptions {
  std::string topic;
  int32_t partition_count = 2;
  uint64_t seed = 0;
  TransactionalClientOptions transactions;
  FetchReaderOptions reader;
};

class AtomicWriter {
 public:
  // Clients and ledger outlive it.
  AtomicWriter(KafkaClient* writing, KafkaClient* reading, Ledger* ledger,
               AtomicWriterOptions options)
      : writing_(writing),
        reading_(reading),
        ledger_(ledger),
        options_(std::move(options)),
        dice_(options_.seed) {}

  Task<> Write();  // until Finish
  Task<> Read();   // the same
  void Finish() { finishing_ = true; }
  // Reads all of it and compares, in a quiet moment.
  Task<> Check();

 private:
  using Outcome = TransactionalClient::Outcome;
  Task<Outcome> WriteOne(TransactionalClient* producer, int64_t number);
  // The numbers of which a committed reader sees records there.
  Task<std::set<int64_t>> NumbersIn(PartitionKey key);
  // The numbers in each partition, in the order of the partitions, one read after the other.
  Task<> ReadAll();

  KafkaClient* const writing_;
  KafkaClient* const reading_;
  Ledger* const ledger_;
  const AtomicWriterOptions options_;
  Dice dice_;
  int64_t next_number_ = 1;
  std::set<int64_t> committed_;  // acknowledged
  std::set<int64_t> aborted_;    // for sure
  bool finishing_ = false;
};

}  // namespace mainstem::simulation

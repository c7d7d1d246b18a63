// A consumer without a group that reads everything again and again, through a fetch session, now
// and then forgetting partitions for a while and starting over: whatever it got once must be there
// for ever.
#pragma once

#include <string>
#include <vector>

#include "simulation/dice.h"
#include "simulation/fetch_reader.h"

namespace mainstem::simulation {

struct WatcherOptions {
  std::string name;
  std::vector<PartitionKey> partitions;
  FetchReaderOptions reader;
  uint64_t seed = 0;
  Duration pause_max = std::chrono::milliseconds(150);
};

class Watcher {
 public:
  // Client and ledger outlive it.
  Watcher(KafkaClient* client, Ledger* ledger, WatcherOptions options)
      : client_(client), ledger_(ledger), options_(std::move(options)), dice_(options_.seed) {}

  // Until Finish.
  Task<> Run();
  void Finish() { finishing_ = true; }

 private:
  KafkaClient* const client_;
  Ledger* const ledger_;
  const WatcherOptions options_;
  Dice dice_;
  bool finishing_ = false;
};

}  // namespace mainstem::simulation

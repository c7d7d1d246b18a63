// An administrator: makes topics, writes to them, deletes them and makes them anew under the same
// name; deletes records. What was answered must be so for ever.
#pragma once

#include <string>

#include "gateway/kafka/codec/schema.h"
#include "simulation/dice.h"
#include "simulation/kafka_client.h"
#include "simulation/ledger.h"

namespace mainstem::simulation {

struct AdminOptions {
  std::string trimmed_topic;
  int32_t trimmed_partition_count = 1;
  uint64_t seed = 0;
};

class Admin {
 public:
  // Client and ledger outlive it.
  Admin(KafkaClient* client, Ledger* ledger, AdminOptions options)
      : client_(client), ledger_(ledger), options_(std::move(options)), dice_(options_.seed) {}

  // Until Finish.
  Task<> Run();
  void Finish() { finishing_ = true; }
  // Whether the node has the topics that it should have, beside `others`, in a quiet moment.
  Task<> Check(std::set<std::string> others);

  // Until it exists: made now or by an earlier try.
  static Task<> CreateTopic(KafkaClient* client, std::string name, int32_t partition_count,
                            std::map<std::string, std::string> config);

 private:
  Task<> MakeAnew(std::string name);
  Task<> DeleteTopic(std::string name);
  Task<> CheckIsNewAndEmpty(std::string name);
  Task<> WriteTo(std::string name);
  Task<> Trim();

  KafkaClient* const client_;
  Ledger* const ledger_;
  const AdminOptions options_;
  Dice dice_;
  std::map<std::string, std::set<gateway::kafka::Uuid>> deleted_;
  std::set<std::string> existing_;
  bool finishing_ = false;
};

}  // namespace mainstem::simulation

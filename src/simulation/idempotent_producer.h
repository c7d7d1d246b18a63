// An idempotent producer: numbers its records for each partition, keeps up to five batches on the
// way, and after any trouble sends all that is not acknowledged again, in order, under the same
// sequence numbers. So each of its records must be there once and in order, whatever fails.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "gateway/kafka/messages/produce.h"
#include "simulation/dice.h"
#include "simulation/kafka_client.h"
#include "simulation/ledger.h"

namespace mainstem::simulation {

struct IdempotentProducerOptions {
  std::string name;
  std::string topic;
  int32_t partition_count = 1;
  uint64_t seed = 0;
  int16_t version = 9;
  int key_count = 0;  // 0: no keys; else some records are tombstones
  Duration pause_max = std::chrono::milliseconds(200);
};

class IdempotentProducer {
 public:
  // Client and ledger outlive it.
  IdempotentProducer(KafkaClient* client, Ledger* ledger, IdempotentProducerOptions options);

  // Until Finish, and then until all is acknowledged.
  Task<> Run();
  void Finish() { finishing_ = true; }

  // `records`: all of one partition that are not compacted away, in order; of a trimmed topic from
  // its log start on. At the end of a run.
  void CheckOnceInOrder(int32_t partition, const std::vector<SeenRecord>& records,
                        bool is_trimmed) const;
  // Each key must have its newest value, if that is no tombstone.
  void CheckNewestOfKeys(int32_t partition, const std::vector<SeenRecord>& records) const;
  // What it sent to the partition, in order.
  const std::vector<std::string>& sent(int32_t partition) const { return sent_.at(partition); }
  const std::string& topic() const { return options_.topic; }
  int32_t partition_count() const { return options_.partition_count; }

 private:
  struct Batch {
    int32_t partition = 0;
    int32_t base_sequence = 0;
    std::vector<SeenRecord> records;
    std::vector<std::byte> bytes;
  };

  Task<> ObtainId();
  Task<> Round();
  void MakeBatches();
  Status MakeBatch(int32_t partition);
  // The answer for batch `index`; false when it has to be sent again.
  bool Take(size_t index, const kafka::ProduceResponse& response, std::set<int32_t>* troubled);

  KafkaClient* const client_;
  Ledger* const ledger_;
  const IdempotentProducerOptions options_;
  Dice dice_;
  int64_t producer_id_ = -1;
  kafka::Uuid topic_id_{};
  std::deque<Batch> unacknowledged_;
  std::map<int32_t, int32_t> next_sequence_;
  std::map<int32_t, std::vector<std::string>> sent_;
  std::map<int32_t, std::map<std::string, std::optional<std::string>>> newest_;
  bool finishing_ = false;
};

}  // namespace mainstem::simulation

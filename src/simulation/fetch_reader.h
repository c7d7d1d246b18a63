// A consumer's fetching: partitions with positions, over a fetch session (KIP-227) or without one,
// by topic name or by id. Checks what must hold for every answer (see Check) and hands out what
// came. One task at a time.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "simulation/fetched_records.h"
#include "simulation/kafka_client.h"

namespace mainstem::simulation {

struct FetchReaderOptions {
  int16_t version = 12;  // from 13 on topics are named by their ids
  bool read_committed = false;
  bool uses_session = true;
  int32_t max_wait_ms = 200;
  int32_t max_bytes = 1 << 20;
  int32_t partition_bytes = 64 << 10;
  // Topics whose offsets may have gaps or whose start moves.
  std::set<std::string> compacted{};
  std::set<std::string> trimmed{};
};

struct FetchedPartition {
  PartitionKey key;
  int64_t from = 0;  // the position that was asked for
  std::vector<FetchedBatch> batches;
  std::vector<SeenRecord> records;  // committed ones only, if asked; from the position on
  int64_t next = 0;
  int64_t end = 0;  // where such a reader would wait: high watermark or last stable offset
};

class FetchReader {
 public:
  // Both outlive it.
  FetchReader(KafkaClient* client, Ledger* ledger, FetchReaderOptions options)
      : client_(client), ledger_(ledger), options_(std::move(options)) {}

  // Reads it from now on, from there.
  void Want(const PartitionKey& key, int64_t position);
  void Forget(const PartitionKey& key);
  void Clear();
  const std::map<PartitionKey, int64_t>& positions() const { return positions_; }

  // One fetch. Positions move behind what came. An error of the connection or a retriable one of
  // the answer is an empty result; the caller waits a little then. A log start that has passed a
  // position moves it.
  Task<std::vector<FetchedPartition>> Poll();

 private:
  kafka::FetchRequest MakeRequest();
  Task<> LookUpIds();
  void Take(const kafka::FetchResponse& response, std::vector<FetchedPartition>* fetched);
  void TakePartition(const PartitionKey& key, const kafka::FetchResponse::Partition& answer,
                     std::vector<FetchedPartition>* fetched);
  // Order, gaps, and that nothing is beyond what is durable, or stable for a committed reader.
  void Check(const FetchedPartition& fetched, const kafka::FetchResponse::Partition& answer);
  void EndSession();

  KafkaClient* const client_;
  Ledger* const ledger_;
  const FetchReaderOptions options_;
  std::map<PartitionKey, int64_t> positions_;
  std::map<std::string, kafka::Uuid> ids_;

  int32_t session_id_ = 0;
  int32_t session_epoch_ = 0;  // of the next request; 0: a whole one
  int64_t session_connection_ = 0;
  std::map<PartitionKey, int64_t> told_;  // what the node's session knows
  std::map<PartitionKey, Ledger::Marks> at_sending_;
};

// The ids of the topics of the node, by name; asks until it is answered.
Task<std::map<std::string, kafka::Uuid>> LookUpTopics(KafkaClient* client);

// Everything of a partition from `from` up to its end, in a quiet moment: retries until it is
// through.
Task<std::vector<SeenRecord>> ReadWhole(KafkaClient* client, Ledger* ledger, PartitionKey key,
                                        FetchReaderOptions options);

}  // namespace mainstem::simulation

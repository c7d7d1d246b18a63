// To which partition of a topic a record goes, by the rules that Kafka's own clients follow, so
// that records written by a query and by a client with equal keys meet in one partition.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace mainstem::sink {

// MurmurHash2, 32 bits, with the seed of Kafka's clients.
uint32_t MurmurHash2(std::string_view bytes);

enum class PartitionerKind : uint8_t {
  kDefault,     // by the hash of the key; without a key, as kRoundRobin
  kFixed,       // everything of one writer to one partition
  kRoundRobin,  // a batch of rows to one partition, the next batch to the next one
};

// One a writer; not thread-safe.
class Partitioner {
 public:
  // `writer_index` spreads the writers of a job.
  Partitioner(PartitionerKind kind, uint32_t writer_index)
      : kind_(kind), writer_index_(writer_index), batch_index_(writer_index) {}

  // Call before each batch of rows.
  void NextBatch() { ++batch_index_; }
  // `partition_count` > 0.
  int32_t Choose(std::optional<std::string_view> key, int32_t partition_count) const;

 private:
  PartitionerKind kind_;
  uint32_t writer_index_;
  uint32_t batch_index_;
};

}  // namespace mainstem::sink

// Idempotent producers of one partition: the last batches of each, to answer a repeat with the
// first append's offset and to refuse gaps. Owned by the partition, used on its shard.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "core/ids.h"
#include "core/status.h"
#include "storage/record_batch.h"
#include "storage/transactions.h"

namespace mainstem::storage {

struct ProducerBatch {
  int32_t first_sequence = 0;
  int32_t last_sequence = 0;
  Offset base_offset;
  Offset last_offset;
  int64_t timestamp_ms = 0;
};

struct ProducerSnapshot {
  ProducerId id;
  ProducerEpoch epoch;
  int64_t last_seen_ms = 0;
  std::vector<ProducerBatch> batches{};  // oldest first
};

class ProducerStates {
 public:
  static constexpr size_t kRememberedBatches = 5;

  // nullopt: append it. A value: it is a repeat of that batch. kOutOfOrderSequence,
  // kInvalidProducerEpoch. A producer of whom nothing is known may begin with any sequence, as in
  // Kafka, but not with one behind a batch that was refused.
  Result<std::optional<ProducerBatch>> Check(const BatchHeader& batch) const;
  // A batch that is refused for now, as on a full disk, and comes again: those that its producer
  // sent behind it must not be taken before it.
  void NoteRefused(const BatchHeader& batch, int64_t now_ms);
  // Remembers an appended batch, with its offsets set. One that is already remembered (a replay)
  // changes nothing. `durable_end`: batches at or after it may still be lost.
  void Remember(const BatchHeader& batch, int64_t now_ms, Offset durable_end);
  // The marker of a transaction: a greater epoch than the producer's fences it.
  void RememberMarker(const BatchHeader& marker, int64_t now_ms);
  // Not those of `open`: their transactions end some day, and go on until then.
  void Expire(int64_t last_seen_before_ms, const std::vector<ProducerId>& open = {});
  // 0 when it is not known.
  ProducerEpoch EpochOf(ProducerId id) const;
  // Without their transactions, by id.
  std::vector<ProducerInfo> List() const;

  // Without what lies at or after `durable_end`.
  std::vector<ProducerSnapshot> Snapshot(Offset durable_end) const;
  void Restore(const ProducerSnapshot& snapshot);
  size_t size() const { return states_.size(); }

 private:
  struct State {
    ProducerEpoch epoch;
    int64_t last_seen_ms = 0;
    std::vector<ProducerBatch> batches{};  // none yet after a marker that began its epoch
  };
  // Of a producer without state; not kept over a restart, which ends its connections, too.
  struct Refused {
    ProducerEpoch epoch;
    int32_t first_sequence = 0;
    int64_t last_seen_ms = 0;
  };
  Status CheckFirst(const BatchHeader& batch) const;
  absl::flat_hash_map<ProducerId, State> states_;
  absl::flat_hash_map<ProducerId, Refused> refused_;
};

}  // namespace mainstem::storage

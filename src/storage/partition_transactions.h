// The transactions of one partition: who may write in one now, where open ones begin (committed
// reads end there), and where aborted ones lie. Owned by the partition, used on its shard.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "core/ids.h"
#include "core/status.h"
#include "storage/log.h"
#include "storage/record_batch.h"

namespace mainstem::storage {

struct OpenTransaction {
  ProducerId producer_id;
  Offset first_offset;
};

// What a snapshot holds: the state after all batches before `end`.
struct PartitionTransactionsState {
  TopicPartition partition;
  Offset end;
  std::vector<OpenTransaction> open{};
  std::vector<AbortedTransaction> aborted{};  // in the order of their markers
};

class PartitionTransactions {
 public:
  // ---- who may write: not kept over a restart, the transactions' own state says it
  void Admit(ProducerId id, ProducerEpoch epoch) { admitted_[id] = epoch; }
  void Dismiss(ProducerId id) { admitted_.erase(id); }
  // kInvalidTransactionState: a transactional batch of nobody admitted, or a plain one of a
  // producer whose transaction is open here.
  Status Check(const BatchHeader& batch) const;

  // ---- what was written
  // An appended batch that is no marker, with its offsets set.
  void Remember(const BatchHeader& batch);
  // A marker that is durable.
  void End(ProducerId id, Offset marker, bool committed);
  // Forgets what lies before the log's start.
  void DropBefore(Offset log_start);

  // Of the oldest open transaction; greater than all offsets when there is none.
  Offset FirstOpen() const;
  // -1: none.
  Offset FirstOpenOf(ProducerId id) const;
  std::vector<ProducerId> OpenProducers() const;
  // Those that records from `from` to before `end` may be part of.
  std::vector<AbortedTransaction> AbortedWithin(Offset from, Offset end) const;
  bool IsAborted(const BatchHeader& batch) const;

  // What lies at or after `durable_end` is left out.
  PartitionTransactionsState Snapshot(TopicPartition partition, Offset durable_end) const;
  void Restore(const PartitionTransactionsState& state);
  // The same for a state that was read from the partition's own batches, up to `end`.
  void SetSeen(Offset end) { restored_end_ = end; }
  // A batch that recovery reads and that the restored state has seen already.
  bool HasSeen(const BatchHeader& batch) const { return batch.base_offset < restored_end_; }

 private:
  absl::flat_hash_map<ProducerId, ProducerEpoch> admitted_;
  std::map<ProducerId, Offset> open_;                  // first offsets
  std::set<std::pair<Offset, ProducerId>> by_offset_;  // the same
  std::vector<AbortedTransaction> aborted_;            // in the order of their markers
  Offset restored_end_{0};
};

// The batch that ends a producer's transaction in one partition, in Kafka's format.
std::vector<std::byte> MakeMarker(ProducerId id, ProducerEpoch epoch, bool committed,
                                  int64_t timestamp_ms);
// Whether a control batch is a commit marker, or an abort marker; nothing when it is of another
// kind.
std::optional<bool> ReadMarker(std::span<const std::byte> batch);

}  // namespace mainstem::storage

// Takes the rows that a sink's destination refuses, so that the others go on: into the job's
// quarantine topic, or nowhere. Owned by the sink's SinkDelivery, shared by its partitions.
#pragma once

#include <cstdint>
#include <limits>
#include <mutex>
#include <string>
#include <vector>

#include <absl/container/flat_hash_set.h>

#include "connector/table.h"
#include "process/operator/reject_rule.h"

namespace mainstem::process {

struct SinkQuarantineOptions {
  RejectRule rule;          // its count is not used
  std::string topic;        // made with the first refused row
  std::string table;        // for messages
  std::string delivery_id;  // what the origins of this sink's rows begin with, before a '/'
};

// Any shard. Durable before OnRejected returns. The limit counts what lies in the topic from
// earlier starts as well: who has looked at the records and deletes them gives the sink a new
// chance. With kSkip nothing is kept, and each start counts anew.
//
// A delivery that is tried again refuses the same rows again, with equal origins: what was kept is
// known by a hash of origin and text (16 bytes or so in memory), and neither kept nor counted
// twice. After a crash between the two a row may be kept twice. Of rows that are equal in both, and
// come in several calls, one is kept. Without a limit (the greatest there is) nothing of this is
// remembered: what is refused again is kept again.
class SinkQuarantine final : public connector::RejectHandler {
 public:
  // `env` and `log` outlive it.
  SinkQuarantine(Env* env, storage::Log* log, SinkQuarantineOptions options)
      : env_(env), log_(log), options_(std::move(options)) {}

  // Of earlier starts. Once, before any row is refused.
  Task<> CountKept();
  // kInvalidRecord, naming the first of them, when they are more than the limit: then none is kept.
  Task<> OnRejected(std::vector<connector::RejectedRecord> records) override;
  int64_t row_count() const {
    std::lock_guard lock(mutex_);
    return row_count_;
  }

 private:
  bool HasLimit() const { return options_.rule.max != std::numeric_limits<int64_t>::max(); }
  // Leaves in `records` what is new, and counts it; kInvalidRecord, then nothing is counted.
  Status CountNew(std::vector<connector::RejectedRecord>* records, std::vector<uint64_t>* hashes);
  void Uncount(const std::vector<uint64_t>& hashes);
  Task<> Keep(std::vector<connector::RejectedRecord> records);

  Env* env_;
  storage::Log* log_;
  SinkQuarantineOptions options_;
  mutable std::mutex mutex_;  // guards what follows; never held across a wait
  int64_t row_count_ = 0;
  absl::flat_hash_set<uint64_t> known_;  // at most as many as the limit
};

}  // namespace mainstem::process

// Takes the rows that a sink's destination refuses, so that the others go on: into the job's
// quarantine topic, or nowhere. Owned by the sink's SinkDelivery, shared by its partitions.
#pragma once

#include <atomic>
#include <string>

#include "connector/table.h"
#include "process/operator/reject_rule.h"

namespace mainstem::process {

struct SinkQuarantineOptions {
  RejectRule rule;          // its count is not used
  std::string topic;        // made with the first refused row
  std::string table;        // for messages
  std::string delivery_id;  // what the origins of this sink's rows begin with, before a '/'
};

// Any shard. Durable before OnRejected returns. After a crash of the node, or a destination that
// failed between the two, the same rows come a second time, with equal origins. The limit counts
// what lies in the topic from earlier starts as well: who has looked at the records and deletes
// them gives the sink a new chance. With kSkip nothing is kept, and each start counts anew.
class SinkQuarantine final : public connector::RejectHandler {
 public:
  // `env` and `log` outlive it.
  SinkQuarantine(Env* env, storage::Log* log, SinkQuarantineOptions options)
      : env_(env), log_(log), options_(std::move(options)) {}

  // Of earlier starts. Once, before any row is refused.
  Task<> CountKept();
  // kInvalidRecord, naming the first of them, when they are more than the limit: then none is kept.
  Task<> OnRejected(std::vector<connector::RejectedRecord> records) override;
  int64_t row_count() const { return row_count_; }

 private:
  Task<> Keep(std::vector<connector::RejectedRecord> records);

  Env* env_;
  storage::Log* log_;
  SinkQuarantineOptions options_;
  std::atomic<int64_t> row_count_{0};
};

}  // namespace mainstem::process

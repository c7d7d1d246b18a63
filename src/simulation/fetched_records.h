// What a consumer makes of a fetch answer: batches, their records, and, for a committed reader, the
// records that are left when those of aborted transactions are taken out by the answer's list, as
// every client does it. Pure functions.
#pragma once

#include <vector>

#include "gateway/kafka/messages/fetch.h"
#include "simulation/ledger.h"
#include "storage/record_batch.h"

namespace mainstem::simulation {

struct FetchedBatch {
  storage::BatchHeader header;
  bool is_commit = false;  // of a control batch
  std::vector<SeenRecord> records;
};

// kInternal when a batch is damaged or broken.
Result<std::vector<FetchedBatch>> ReadBatches(
    const gateway::kafka::FetchResponse::Partition& partition);

// In order, without control records.
std::vector<SeenRecord> AllRecords(const std::vector<FetchedBatch>& batches);
std::vector<SeenRecord> CommittedRecords(
    const std::vector<FetchedBatch>& batches,
    const std::vector<gateway::kafka::FetchResponse::AbortedTransaction>& aborted);

}  // namespace mainstem::simulation

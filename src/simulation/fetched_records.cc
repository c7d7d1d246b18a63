#include "simulation/fetched_records.h"

#include <algorithm>

namespace mainstem::simulation {
namespace {

using gateway::kafka::FetchResponse;

Result<FetchedBatch> ReadBatch(std::span<const std::byte> bytes) {
  if (!storage::BatchCrcMatches(bytes)) {
    return MakeError(ErrorCode::kInternal, "a fetched batch does not match its CRC");
  }
  ASSIGN_OR_RETURN(storage::RecordReader reader, storage::RecordReader::Open(bytes));
  FetchedBatch batch{.header = reader.header()};
  for (;;) {
    storage::RecordView record;
    ASSIGN_OR_RETURN(bool more, reader.Next(&record));
    if (!more) return batch;
    SeenRecord seen{.offset = record.offset.value(), .key = std::string(record.key.value_or(""))};
    if (record.value) seen.value = std::string(*record.value);
    if (batch.header.control()) batch.is_commit = seen.key.size() >= 4 && seen.key[3] == 1;
    batch.records.push_back(std::move(seen));
  }
}

}  // namespace

Result<std::vector<FetchedBatch>> ReadBatches(const FetchResponse::Partition& partition) {
  std::vector<FetchedBatch> batches;
  for (const storage::SharedBytes& shared : partition.records) {
    std::span<const std::byte> rest = shared.bytes;
    while (!rest.empty()) {
      ASSIGN_OR_RETURN(storage::BatchHeader header, storage::ParseBatchHeader(rest));
      ASSIGN_OR_RETURN(FetchedBatch batch, ReadBatch(rest.first(header.total_bytes())));
      batches.push_back(std::move(batch));
      rest = rest.subspan(header.total_bytes());
    }
  }
  return batches;
}

std::vector<SeenRecord> AllRecords(const std::vector<FetchedBatch>& batches) {
  std::vector<SeenRecord> records;
  for (const FetchedBatch& batch : batches) {
    if (batch.header.control()) continue;
    records.insert(records.end(), batch.records.begin(), batch.records.end());
  }
  return records;
}

std::vector<SeenRecord> CommittedRecords(
    const std::vector<FetchedBatch>& batches,
    const std::vector<FetchResponse::AbortedTransaction>& aborted) {
  std::vector<FetchResponse::AbortedTransaction> next = aborted;
  std::sort(next.begin(), next.end(),
            [](const auto& a, const auto& b) { return a.first_offset < b.first_offset; });
  auto coming = next.begin();
  std::set<int64_t> in_aborted;  // producers
  std::vector<SeenRecord> records;
  for (const FetchedBatch& batch : batches) {
    while (coming != next.end() && coming->first_offset <= batch.header.last_offset().value()) {
      in_aborted.insert((coming++)->producer_id);
    }
    int64_t producer = batch.header.producer_id.value();
    if (batch.header.control()) {
      if (!batch.is_commit) in_aborted.erase(producer);
      continue;
    }
    if (batch.header.transactional() && in_aborted.contains(producer)) continue;
    records.insert(records.end(), batch.records.begin(), batch.records.end());
  }
  return records;
}

}  // namespace mainstem::simulation

#include "storage/partition_transactions.h"

#include <algorithm>

#include <fmt/format.h>

#include "storage/batch_builder.h"
#include "storage/bytes.h"

namespace mainstem::storage {
namespace {

// A marker's record: key = version, kind; value = version, epoch of the coordinator.
constexpr int16_t kAbortKind = 0;
constexpr int16_t kCommitKind = 1;
constexpr size_t kMarkerKeyBytes = 4;
constexpr size_t kMarkerValueBytes = 6;

Status Refused(const BatchHeader& batch, std::string_view why) {
  return MakeError(
      ErrorCode::kInvalidTransactionState,
      fmt::format("producer {} epoch {} {}", batch.producer_id, batch.producer_epoch, why));
}

}  // namespace

Status PartitionTransactions::Check(const BatchHeader& batch) const {
  if (!batch.transactional()) {
    if (batch.idempotent() && open_.contains(batch.producer_id)) {
      return Refused(batch, "has a transaction open here, a plain record batch can't be between");
    }
    return Status::OK();
  }
  auto it = admitted_.find(batch.producer_id);
  if (it != admitted_.end() && it->second == batch.producer_epoch) return Status::OK();
  return Refused(batch, "has no transaction that this partition was added to");
}

void PartitionTransactions::Remember(const BatchHeader& batch) {
  if (!batch.transactional()) return;
  auto [it, is_first] = open_.try_emplace(batch.producer_id, batch.base_offset);
  if (is_first) by_offset_.emplace(batch.base_offset, batch.producer_id);
}

void PartitionTransactions::End(ProducerId id, Offset marker, bool committed) {
  auto it = open_.find(id);
  if (it == open_.end() || it->second > marker) return;  // nothing was written
  Offset first = it->second;
  by_offset_.erase({first, id});
  open_.erase(it);
  if (committed) return;
  aborted_.push_back({.producer_id = id,
                      .first_offset = first,
                      .last_offset = marker,
                      .last_stable_offset = std::min(marker + 1, FirstOpen())});
}

void PartitionTransactions::DropBefore(Offset log_start) {
  auto is_gone = [log_start](const AbortedTransaction& aborted) {
    return aborted.last_offset < log_start;
  };
  aborted_.erase(aborted_.begin(), std::find_if_not(aborted_.begin(), aborted_.end(), is_gone));
}

Offset PartitionTransactions::FirstOpen() const {
  return by_offset_.empty() ? Offset(INT64_MAX) : by_offset_.begin()->first;
}

Offset PartitionTransactions::FirstOpenOf(ProducerId id) const {
  auto it = open_.find(id);
  return it == open_.end() ? Offset(-1) : it->second;
}

std::vector<ProducerId> PartitionTransactions::OpenProducers() const {
  std::vector<ProducerId> producers;
  for (const auto& [id, first_offset] : open_) producers.push_back(id);
  return producers;
}

std::vector<AbortedTransaction> PartitionTransactions::AbortedWithin(Offset from,
                                                                     Offset end) const {
  std::vector<AbortedTransaction> found;
  auto ends_before = [](const AbortedTransaction& aborted, Offset wanted) {
    return aborted.last_offset < wanted;
  };
  auto it = std::lower_bound(aborted_.begin(), aborted_.end(), from, ends_before);
  for (; it != aborted_.end(); ++it) {
    if (it->first_offset < end) found.push_back(*it);
    // All that ended later began at or after the stable offset of then.
    if (it->last_stable_offset >= end) break;
  }
  return found;
}

bool PartitionTransactions::IsAborted(const BatchHeader& batch) const {
  if (!batch.transactional() || batch.control()) return false;
  for (const AbortedTransaction& aborted : AbortedWithin(batch.base_offset, batch.next_offset())) {
    if (aborted.producer_id == batch.producer_id) return true;
  }
  return false;
}

PartitionTransactionsState PartitionTransactions::Snapshot(TopicPartition partition,
                                                           Offset durable_end) const {
  PartitionTransactionsState state{.partition = partition, .end = durable_end};
  for (const auto& [first_offset, id] : by_offset_) {
    if (first_offset < durable_end) state.open.push_back({id, first_offset});
  }
  state.aborted = aborted_;
  return state;
}

void PartitionTransactions::Restore(const PartitionTransactionsState& state) {
  restored_end_ = state.end;
  open_.clear();
  by_offset_.clear();
  for (const OpenTransaction& open : state.open) {
    open_[open.producer_id] = open.first_offset;
    by_offset_.emplace(open.first_offset, open.producer_id);
  }
  aborted_ = state.aborted;
}

std::vector<std::byte> MakeMarker(ProducerId id, ProducerEpoch epoch, bool committed,
                                  int64_t timestamp_ms) {
  std::byte key[kMarkerKeyBytes] = {};
  StoreBig<int16_t>(key + 2, committed ? kCommitKind : kAbortKind);
  std::byte value[kMarkerValueBytes] = {};  // one coordinator for ever: its epoch is 0
  BatchBuilder builder({.producer_id = id, .producer_epoch = epoch, .is_marker = true});
  builder.Add(timestamp_ms, std::string_view(reinterpret_cast<char*>(key), sizeof(key)),
              std::string_view(reinterpret_cast<char*>(value), sizeof(value)));
  Result<std::vector<std::byte>> batch = builder.Build();
  CHECK(batch.ok());  // nothing is compressed
  return std::move(batch).ValueUnsafe();
}

std::optional<bool> ReadMarker(std::span<const std::byte> batch) {
  Result<RecordReader> reader = RecordReader::Open(batch);
  RecordView record;
  if (!reader.ok() || !reader->header().control()) return std::nullopt;
  Result<bool> has_record = reader->Next(&record);
  if (!has_record.ok() || !*has_record || !record.key || record.key->size() < kMarkerKeyBytes) {
    return std::nullopt;
  }
  int16_t kind = LoadBig<int16_t>(reinterpret_cast<const std::byte*>(record.key->data()) + 2);
  if (kind == kCommitKind) return true;
  if (kind == kAbortKind) return false;
  return std::nullopt;
}

}  // namespace mainstem::storage

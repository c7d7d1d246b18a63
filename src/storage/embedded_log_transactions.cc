// Transactions: their states are metadata of the home shard, their data lies in the partitions, and
// their ends are one frame of the journal.
#include <fmt/format.h>

#include "core/run_to_end.h"
#include "storage/embedded_log.h"

namespace mainstem::storage {

Task<> EmbeddedLog::PutTransaction(Transaction transaction) {
  co_return co_await RunToEnd(HomeExecutor(), DoPutTransaction(std::move(transaction)));
}

Task<> EmbeddedLog::DoPutTransaction(Transaction transaction) {
  constexpr size_t kMarkerBytesMax = 128;
  size_t end_bytes =
      transaction.partitions.size() * EntrySpace(kAppendPrefixBytes + kMarkerBytesMax);
  if (end_bytes + kJournalBlockBytes > journal_->body_bytes_max()) {
    co_return MakeError(ErrorCode::kRecordListTooLarge,
                        fmt::format("{} partitions are too many for one transaction",
                                    transaction.partitions.size()));
  }
  Change change = TransactionChange{transaction.id, transaction};
  CO_RETURN_IF_ERROR(co_await Commit(std::move(change)));
  if (transaction.state == TransactionState::kOngoing) co_return co_await Admit(transaction);
  co_return Status::OK();
}

Task<> EmbeddedLog::Admit(const Transaction& transaction) {
  std::vector<std::vector<TopicPartition>> partitions(shards_.size());
  for (const TopicPartition& partition : transaction.partitions) {
    partitions[ShardOf(partition)].push_back(partition);
  }
  for (size_t i = 0; i < shards_.size(); ++i) {
    if (partitions[i].empty()) continue;
    auto task = shards_[i]->Admit(std::move(partitions[i]), transaction.producer_id,
                                  transaction.producer_epoch);
    CO_RETURN_IF_ERROR(co_await RunOn(env_->shard(i), std::move(task)));
  }
  co_return Status::OK();
}

Task<> EmbeddedLog::ForgetTransaction(std::string id) {
  Change change = TransactionChange{std::move(id), std::nullopt};
  co_return co_await RunToEnd(HomeExecutor(), Commit(std::move(change)));
}

Task<> EmbeddedLog::AddTransactionOffsets(
    std::string id, std::vector<std::pair<OffsetKey, CommittedOffset>> offsets) {
  Change change = PendingOffsetsChange{std::move(id), std::move(offsets)};
  co_return co_await RunToEnd(HomeExecutor(), Commit(std::move(change)));
}

Task<> EmbeddedLog::EndTransaction(TransactionEnd end) {
  co_return co_await RunToEnd(HomeExecutor(), DoEndTransaction(std::move(end)));
}

// The markers' frame is the decision: before it is durable the transaction is open, and recovery
// finds either all of it or nothing, so there is no state between the two.
Task<> EmbeddedLog::DoEndTransaction(TransactionEnd end) {
  bool committed = end.after.state == TransactionState::kCommitted;
  int64_t now_ms = env_->WallTime().value();
  std::vector<std::byte> marker =
      MakeMarker(end.producer_id, end.producer_epoch, committed, now_ms);
  std::vector<EpochCommit::Append> markers;
  for (const TopicPartition& partition : end.partitions) markers.push_back({partition, marker});
  Change change = TransactionChange{end.after.id, end.after};
  CO_RETURN_IF_ERROR(co_await epochs_lock_.Acquire());
  Result<LogPosition> sequence =
      co_await JournalTogether(markers, std::move(change), /*may_miss=*/true);
  epochs_lock_.Release();
  CO_RETURN_IF_ERROR(sequence);
  co_return co_await shards_[0]->WaitDurable(*sequence);
}

namespace {

Task<std::vector<Transaction>> CopyTransactions(const MetaState* meta) {
  std::vector<Transaction> all;
  for (const auto& [id, transaction] : meta->transactions) all.push_back(transaction);
  co_return all;
}

Task<std::vector<PendingOffset>> CopyPendingOffsets(const MetaState* meta) {
  std::vector<PendingOffset> all;
  for (const auto& [id, offsets] : meta->pending_offsets) {
    for (const auto& [key, offset] : offsets) all.push_back({id, key, offset});
  }
  co_return all;
}

}  // namespace

Task<std::vector<Transaction>> EmbeddedLog::LoadTransactions() {
  co_return co_await RunOn(HomeExecutor(), CopyTransactions(&meta_));
}

Task<std::vector<PendingOffset>> EmbeddedLog::LoadPendingOffsets() {
  co_return co_await RunOn(HomeExecutor(), CopyPendingOffsets(&meta_));
}

Task<std::vector<ProducerInfo>> EmbeddedLog::ListProducers(TopicPartition partition) {
  size_t shard = ShardOf(partition);
  co_return co_await RunOn(env_->shard(shard), shards_[shard]->ListProducers(partition));
}

}  // namespace mainstem::storage

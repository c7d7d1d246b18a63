#include "storage/embedded_log.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/asio/bind_cancellation_slot.hpp>

#include "core/run_to_end.h"
#include "storage/bytes.h"

namespace mainstem::storage {

using namespace std::chrono_literals;

namespace {

constexpr size_t kChunkBytesMax = size_t{4} << 20;
constexpr auto kCheckpointRetry = 1s;
// More than this is not written to segments at Stop, nor for longer: the next start replays it.
constexpr int64_t kStopFlushBytesMax = int64_t{96} << 20;
constexpr auto kStopFlushTime = 600ms;
constexpr auto kStopSettleTime = 200ms;
constexpr auto kDamageSaidAgain = 1min;
constexpr size_t kDamageSaidMax = 1000;

}  // namespace

// ---------------------------------------------------------------- lifecycle

EmbeddedLog::EmbeddedLog(Env* env, EmbeddedLogOptions options)
    : env_(env),
      options_(std::move(options)),
      topics_folder_(options_.data_dir + "/topics"),
      topics_lock_(env->shard(0)),
      epochs_lock_(env->shard(0)),
      checkpoint_lock_(env->shard(0)),
      ids_lock_(env->shard(0)),
      checkpoint_wake_(env->shard(0)),
      retention_wake_(env->shard(0)),
      compaction_wake_(env->shard(0)),
      scope_(env->shard(0), "log", [this](const std::string& name, const Status& status) {
        options_.logger.Error("background task failed", {{"task", name}, {"error", status}});
      }) {
  size_t chunk_bytes =
      std::min(kChunkBytesMax, static_cast<size_t>(options_.journal_file_bytes) / 8) &
      ~(kJournalBlockBytes - 1);
  chunk_bytes = std::min(chunk_bytes, static_cast<size_t>(options_.cache_bytes) / 8) &
                ~(kJournalBlockBytes - 1);
  size_t spare = static_cast<size_t>(options_.cache_bytes) / chunk_bytes;
  pool_ = std::make_shared<ChunkPool>(chunk_bytes, spare);
  JournalOptions journal{
      .folder = options_.data_dir + "/journal",
      .file_bytes = options_.journal_file_bytes,
      .file_count_max =
          std::max<int64_t>(4, options_.journal_bytes_max / options_.journal_file_bytes),
      .pinned_bytes_max = std::min(options_.cache_bytes * 3 / 4, options_.journal_bytes_max / 2),
      .metrics = options_.metrics};
  journal_ = std::make_unique<Journal>(env_, HomeExecutor(), pool_, std::move(journal));
  ShardLog::Limits limits{.buffer_bytes = options_.buffer_bytes,
                          .producer_id_expiration_ms = options_.producer_id_expiration_ms,
                          .compaction_key_bytes = options_.compaction_key_bytes,
                          .logger = &options_.logger};
  for (size_t i = 0; i < env_->shard_count(); ++i) {
    shards_.push_back(std::make_shared<ShardLog>(env_, journal_.get(), i, topics_folder_, limits));
  }
}

EmbeddedLog::~EmbeddedLog() { CHECK(stopped_); }

Task<std::unique_ptr<EmbeddedLog>> EmbeddedLog::Open(Env* env, EmbeddedLogOptions options) {
  CHECK(env->shard_count() <= 64);
  std::unique_ptr<EmbeddedLog> log(new EmbeddedLog(env, std::move(options)));
  CO_RETURN_IF_ERROR(co_await RunOn(env->shard(0), log->Recover()));
  co_return log;
}

void EmbeddedLog::StartBackground() {
  stopped_ = false;
  scope_.Spawn("checkpoints", RunCheckpoints());
  scope_.Spawn("retention", RunRetention());
  scope_.Spawn("compaction", RunCompaction());
}

Task<> EmbeddedLog::Stop() { co_return co_await RunToEnd(HomeExecutor(), DoStop()); }

namespace {

Task<> CloseShard(std::shared_ptr<ShardLog> shard, TimePoint flush_end) {
  co_return co_await shard->Close(flush_end);
}

}  // namespace

Task<> EmbeddedLog::DoStop() {
  if (stopped_) co_return Status::OK();
  // What is not in segments by then the next start takes from the journal.
  const TimePoint flush_end = env_->Now() + kStopFlushTime;
  const TimePoint settle_end = flush_end + kStopSettleTime;
  stopping_ = true;
  for (size_t i = 0; i < shards_.size(); ++i) {
    CO_RETURN_IF_ERROR(co_await RunOn(env_->shard(i), CloseShard(shards_[i], flush_end)));
  }
  checkpoint_wake_.NotifyAll();
  retention_wake_.NotifyAll();
  compaction_wake_.NotifyAll();
  Status joined = co_await scope_.Join();
  CO_RETURN_IF_ERROR(co_await scope_.Close());
  CO_RETURN_IF_ERROR(joined);
  Status flushed;
  if (journal_->pinned_bytes() <= kStopFlushBytesMax) flushed = co_await DoCheckpoint();
  Status written = co_await journal_->Stop();
  for (size_t i = 0; i < shards_.size(); ++i) {
    Status settled = co_await RunOn(env_->shard(i), shards_[i]->Settle(settle_end));
    if (flushed.ok()) flushed = settled;
  }
  stopped_ = true;
  // The journal holds everything: files that are not settled are so at the next start.
  if (!flushed.ok()) options_.logger.Info("segments not settled", {{"error", flushed}});
  co_return written;
}

Task<> EmbeddedLog::TaskLock::Acquire() {
  while (held_) CO_RETURN_IF_ERROR(co_await released_.Wait());
  held_ = true;
  co_return Status::OK();
}

void EmbeddedLog::TaskLock::Release() {
  held_ = false;
  released_.NotifyAll();
}

size_t EmbeddedLog::ShardOf(const TopicPartition& partition) const {
  const std::byte* id = reinterpret_cast<const std::byte*>(partition.topic_id.data());
  // Neighbouring partitions of a topic lie on different shards.
  uint64_t spread = LoadLittle<uint64_t>(id) + static_cast<uint64_t>(partition.partition.value());
  return spread % shards_.size();
}

// ---------------------------------------------------------------- the journal's news

void EmbeddedLog::OnDurable(LogPosition durable, uint64_t shard_mask) {
  for (size_t i = 0; i < shards_.size(); ++i) {
    if ((shard_mask >> i & 1) == 0) continue;
    if (i == 0) {
      shards_[i]->OnDurable(durable);
    } else {
      auto tell = [shard = shards_[i], durable] { shard->OnDurable(durable); };
      env_->shard(i).scheduler()->Post(UniqueFunction(std::move(tell)));
    }
  }
  if (IsCheckpointDue()) checkpoint_wake_.NotifyAll();
  if (journal_->cached_bytes() > options_.cache_bytes) {
    EvictTo(std::min(covered_, journal_->PositionBefore(options_.cache_bytes * 3 / 4)));
  }
}

bool EmbeddedLog::IsCheckpointDue() const {
  // What is not written yet counts as pinned, but only what is durable can be covered.
  if (journal_->durable() <= covered_) return false;
  return journal_->pinned_bytes() > options_.cache_bytes / 4 || journal_->NeedsCheckpoint();
}

void EmbeddedLog::OnFenced(const Status& status) {
  options_.logger.Error("journal fenced", {{"error", status}});
  for (size_t i = 0; i < shards_.size(); ++i) {
    auto tell = [shard = shards_[i], status] { shard->OnFenced(status); };
    env_->shard(i).scheduler()->Post(UniqueFunction(std::move(tell)));
  }
}

void EmbeddedLog::OnRoom() {
  for (size_t i = 0; i < shards_.size(); ++i) {
    auto tell = [shard = shards_[i]] { shard->OnRoom(); };
    env_->shard(i).scheduler()->Post(UniqueFunction(std::move(tell)));
  }
}

void EmbeddedLog::EvictTo(LogPosition limit) {
  if (limit <= evicted_) return;
  evicted_ = limit;
  journal_->ForgetSizes(limit);
  for (size_t i = 0; i < shards_.size(); ++i) {
    auto tell = [shard = shards_[i], limit] { shard->Evict(limit); };
    env_->shard(i).scheduler()->Post(UniqueFunction(std::move(tell)));
  }
}

// ---------------------------------------------------------------- records

Task<AppendResult> EmbeddedLog::Append(TopicPartition partition, std::span<const std::byte> batches,
                                       AppendOptions options) {
  size_t shard = ShardOf(partition);
  co_return co_await RunOn(env_->shard(shard), shards_[shard]->Append(partition, batches, options));
}

// One message for each shard that has one of the partitions.
Task<> EmbeddedLog::AppendEach(std::vector<PartitionAppend> appends, AppendOptions options) {
  std::vector<std::vector<PartitionAppend>> by_shard(shards_.size());
  for (PartitionAppend& append : appends) by_shard[ShardOf(append.partition)].push_back(append);
  Executor executor = co_await asio::this_coro::executor;
  Status failure;
  TaskScope scope(executor, "append",
                  [&failure](const std::string&, const Status& status) { failure = status; });
  for (size_t i = 0; i < shards_.size(); ++i) {
    if (by_shard[i].empty()) continue;
    scope.Spawn("shard", RunOn(env_->shard(i), shards_[i]->AppendEach(by_shard[i], options)));
  }
  Status joined = co_await scope.Join();
  if (!joined.ok()) IgnoreError(co_await scope.Close(), "the cancellation is reported");
  co_return joined.ok() ? failure : joined;
}

Task<ReadResult> EmbeddedLog::Read(TopicPartition partition, Offset from, ReadOptions options) {
  size_t shard = ShardOf(partition);
  Result<ReadResult> read =
      co_await RunOn(env_->shard(shard), shards_[shard]->Read(partition, from, options));
  if (Is(read.status(), ErrorCode::kCorruptStorage)) NoteDamage(from, read.status());
  co_return read;
}

void EmbeddedLog::NoteDamage(Offset from, const Status& status) {
  std::string what = Describe(status);
  TimePoint now = env_->Now();
  {
    std::lock_guard lock(damage_mutex_);
    if (damage_said_.size() > kDamageSaidMax) damage_said_.clear();
    auto [said, is_new] = damage_said_.try_emplace(what, now);
    if (!is_new && now - said->second < kDamageSaidAgain) return;
    said->second = now;
  }
  options_.logger.Error("records cannot be read", {{"from offset", from}, {"error", what}});
}

Task<PartitionOffsets> EmbeddedLog::Offsets(TopicPartition partition) {
  size_t shard = ShardOf(partition);
  co_return co_await RunOn(env_->shard(shard), shards_[shard]->Offsets(partition));
}

Task<OffsetForTime> EmbeddedLog::FindByTime(TopicPartition partition, int64_t timestamp_ms) {
  size_t shard = ShardOf(partition);
  co_return co_await RunOn(env_->shard(shard), shards_[shard]->FindByTime(partition, timestamp_ms));
}

Task<OffsetForTime> EmbeddedLog::FindMaxTimestamp(TopicPartition partition) {
  size_t shard = ShardOf(partition);
  co_return co_await RunOn(env_->shard(shard), shards_[shard]->FindMaxTimestamp(partition));
}

Task<Offset> EmbeddedLog::DeleteRecords(TopicPartition partition, Offset before) {
  size_t shard = ShardOf(partition);
  co_return co_await RunToEnd(env_->shard(shard), shards_[shard]->DeleteRecords(partition, before));
}

Task<bool> EmbeddedLog::WaitForData(std::vector<std::pair<TopicPartition, Offset>> beyond,
                                    TimePoint deadline) {
  if (beyond.size() > kWaitedPartitionsMax) {
    co_return MakeError(ErrorCode::kInvalidArgument, "too many partitions to wait for");
  }
  using Group = std::vector<std::pair<TopicPartition, Offset>>;
  std::vector<Group> groups(shards_.size());
  for (const auto& wanted : beyond) groups[ShardOf(wanted.first)].push_back(wanted);
  Executor executor = co_await asio::this_coro::executor;
  auto waiter = std::make_shared<DataWaiter>(executor);
  Status status;
  bool moved = false;
  for (size_t i = 0; i < groups.size() && !moved && status.ok(); ++i) {
    if (groups[i].empty()) continue;
    Result<bool> ready = co_await RunOn(env_->shard(i), shards_[i]->AddWaiter(groups[i], waiter));
    status = ready.status();
    moved = ready.ok() && *ready;
  }
  while (status.ok() && !moved && !waiter->fired) {
    Result<bool> notified = co_await waiter->event.Wait(deadline);
    status = notified.status();
    if (notified.ok() && !*notified) break;  // the deadline
  }
  moved = moved || waiter->fired;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].empty()) continue;
    auto forget = [shard = shards_[i], group = std::move(groups[i]), waiter] {
      shard->RemoveWaiter(group, waiter);
    };
    env_->shard(i).scheduler()->Post(UniqueFunction(std::move(forget)));
  }
  CO_RETURN_IF_ERROR(status);
  co_return moved;
}

// ---------------------------------------------------------------- checkpoint and retention

Task<> EmbeddedLog::Checkpoint() { co_return co_await RunToEnd(HomeExecutor(), DoCheckpoint()); }

Task<> EmbeddedLog::FlushShards(LogPosition limit) {
  Status first;
  TaskScope scope(HomeExecutor(), "checkpoint", [&first](const std::string&, const Status& status) {
    if (first.ok()) first = status;
  });
  for (size_t i = 0; i < shards_.size(); ++i) {
    scope.Spawn("shard", RunOn(env_->shard(i), shards_[i]->Flush(limit)));
  }
  Status joined = co_await scope.Join();
  CO_RETURN_IF_ERROR(co_await scope.Close());
  CO_RETURN_IF_ERROR(joined);
  co_return first;
}

Task<> EmbeddedLog::DoCheckpoint() {
  CO_RETURN_IF_ERROR(co_await checkpoint_lock_.Acquire());
  LogPosition limit = journal_->durable();
  Status status;
  if (limit > covered_ || snapshot_due_) {
    status = co_await FlushShards(limit);
    // The snapshot holds at least what is covered: shards and metadata apply what is durable first.
    // It may hold more, since replaying a change again does nothing.
    if (status.ok()) status = co_await WriteSnapshot(limit);
    if (status.ok()) {
      covered_ = limit;
      snapshot_due_ = false;
      journal_->Recycle(limit);
      for (size_t i = 0; i < shards_.size(); ++i) {
        auto told = co_await RunOn(env_->shard(i), shards_[i]->OnSnapshotWritten());
        IgnoreError(told, "it does not fail");
      }
      EvictTo(std::min(limit, journal_->PositionBefore(options_.cache_bytes / 2)));
    }
  }
  checkpoint_lock_.Release();
  co_return status;
}

Task<> EmbeddedLog::RunCheckpoints() {
  bool failing = false;
  TimePoint next = env_->Now() + options_.checkpoint_interval;
  while (!stopping_) {
    bool due = env_->Now() >= next || std::exchange(checkpoint_due_, false) ||
               (!failing && IsCheckpointDue());
    if (!due) {
      CO_RETURN_IF_ERROR(co_await checkpoint_wake_.Wait(next));
      continue;
    }
    Status status = co_await DoCheckpoint();
    if (!status.ok() && !failing && !stopping_) {
      options_.logger.Error("checkpoint failed; it is tried again", {{"error", status}});
    }
    if (!status.ok() || failing) journal_->SetCheckpointError(status);
    failing = !status.ok();
    next = env_->Now() + (failing ? Duration(kCheckpointRetry) : options_.checkpoint_interval);
  }
  co_return Status::OK();
}

Task<> EmbeddedLog::OnEachShard(Task<> (ShardLog::*work)()) {
  Status first;
  for (size_t i = 0; i < shards_.size(); ++i) {
    ShardLog* shard = shards_[i].get();
    Status status = co_await RunToEnd(env_->shard(i), (shard->*work)());
    if (first.ok()) first = status;
  }
  co_return first;
}

Task<> EmbeddedLog::ApplyRetention() { co_return co_await OnEachShard(&ShardLog::ApplyRetention); }

Task<> EmbeddedLog::RunRetention() {
  while (!stopping_) {
    TimePoint deadline = env_->Now() + options_.retention_check_interval;
    CO_RETURN_IF_ERROR(co_await retention_wake_.Wait(deadline));
    if (stopping_) break;
    Status status = co_await ApplyRetention();
    if (!status.ok() && !stopping_) {
      options_.logger.Warning("retention failed; it is tried again", {{"error", status}});
    }
  }
  co_return Status::OK();
}

// One shard after the other: the memory for keys is there once.
Task<> EmbeddedLog::Compact() { co_return co_await OnEachShard(&ShardLog::Compact); }

Task<> EmbeddedLog::RunCompaction() {
  while (!stopping_) {
    TimePoint deadline = env_->Now() + options_.compaction_check_interval;
    CO_RETURN_IF_ERROR(co_await compaction_wake_.Wait(deadline));
    if (stopping_) break;
    Status status = co_await Compact();
    if (!status.ok() && !stopping_) {
      options_.logger.Warning("compaction failed; it is tried again", {{"error", status}});
    }
  }
  co_return Status::OK();
}

}  // namespace mainstem::storage

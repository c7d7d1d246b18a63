// Compaction of a shard's partitions: one after the other, in the background. Each step writes a
// file beside the segments that it replaces, and one journal entry makes the exchange.
#include <algorithm>

#include <fmt/format.h>

#include "storage/file_use.h"
#include "storage/shard_log.h"

namespace mainstem::storage {
namespace {

// After a failure, or where something holds what is due; it would be tried in vain all the time.
constexpr int64_t kRetryAfterMs = 300'000;

}  // namespace

Task<> ShardLog::Compact() {
  std::vector<std::shared_ptr<Partition>> all;
  for (auto& partition : InOrder()) {
    if (partition->topic->config.compact_policy) all.push_back(partition);
  }
  Status first;
  for (std::shared_ptr<Partition>& partition : all) {
    while (partition->file_user_count > 0) CO_RETURN_IF_ERROR(co_await file_event_.Wait());
    if (closed_ || partition->deleted || partition->is_compacting) continue;
    int64_t now = env_->WallTime().value();
    if (now < partition->compaction_not_before_ms) continue;
    partition->is_compacting = true;
    Status status = co_await CompactOne(partition);
    partition->is_compacting = false;
    file_event_.NotifyAll();
    bool was_ended = closed_ || partition->deleted;
    if (status.ok() || was_ended) continue;
    partition->compaction_not_before_ms = now + kRetryAfterMs;
    ErrorText text = TextOf(status);
    text.message = fmt::format("cannot compact '{}': {}", partition->folder, text.message);
    if (first.ok()) first = MakeError(CodeOf(status), text);
  }
  co_return first;
}

Task<> ShardLog::CompactOne(std::shared_ptr<Partition> partition) {
  CO_RETURN_IF_ERROR(co_await partition->segments.FinishReplace());
  int64_t now = env_->WallTime().value();
  if (partition->ActiveSegmentHoldsUpCompaction(now)) {
    while (partition->file_user_count > 0) CO_RETURN_IF_ERROR(co_await file_event_.Wait());
    {
      FileUse use(this, partition.get());
      CO_RETURN_IF_ERROR(co_await partition->segments.Roll());
    }
    // A step that replaces nothing: it makes the next checkpoint write a snapshot, which knows the
    // segment as closed.
    CompactionChange change{.cleaned_to = partition->cleaned_to(),
                            .delete_horizon_ms = partition->delete_horizon_ms()};
    CO_RETURN_IF_ERROR(co_await JournalCompaction(partition, change, {}));
  }
  std::optional<Partition::CompactionPlan> plan = partition->PlanCompaction(now);
  if (!plan) co_return Status::OK();
  // As many passes as the memory for keys makes necessary.
  Offset from = plan->from;
  do {
    CO_RETURN_IF_ERROR(co_await CompactOnce(partition, from, plan->end));
    from = partition->cleaned_to();
  } while (from < plan->end);
  co_return Status::OK();
}

Task<> ShardLog::CompactOnce(std::shared_ptr<Partition> partition, Offset from, Offset end) {
  Segments& segments = partition->segments;
  std::shared_ptr<const Topic> topic = partition->topic;
  auto should_stop = [this, partition] { return closed_ || partition->deleted; };
  KeyOffsets newest(limits_.compaction_key_bytes, {env_->Random(), env_->Random()});
  // All that lies before `end` is decided.
  std::vector<AbortedTransaction> aborted =
      partition->transactions.AbortedWithin(partition->log_start, end);
  CO_ASSIGN_OR_RETURN(Offset known,
                      co_await segments.MapKeys(from, end, aborted, &newest, should_stop));
  CompactionRules rules{.newest = &newest,
                        .aborted = &aborted,
                        .mapped_end = known,
                        .now_ms = env_->WallTime().value(),
                        .delete_retention_ms = topic->config.delete_retention_ms};
  int64_t horizon = -1;
  for (auto& group : segments.Groups(known, topic->config.segment_bytes)) {
    int64_t generation = partition->compaction_generation() + 1;
    CO_ASSIGN_OR_RETURN(Segments::Cleaned cleaned,
                        co_await segments.Clean(group, generation, rules, should_stop));
    bool is_first = horizon < 0 || cleaned.delete_horizon_ms < horizon;
    if (cleaned.delete_horizon_ms >= 0 && is_first) horizon = cleaned.delete_horizon_ms;
    if (!cleaned.changed) continue;
    CompactionChange change{.begin = group.front().base_offset,
                            .end = group.back().next_offset,
                            .segment = cleaned.segment,
                            .cleaned_to = partition->cleaned_to(),
                            .delete_horizon_ms = partition->delete_horizon_ms()};
    CO_RETURN_IF_ERROR(co_await JournalCompaction(partition, change, std::move(cleaned)));
    CO_RETURN_IF_ERROR(co_await segments.FinishReplace());
  }
  // What this pass did not come to, as while something holds it, has its tombstones still.
  if (known < partition->cleaned_to() && partition->delete_horizon_ms() >= 0) {
    int64_t rest = std::max(partition->delete_horizon_ms(), rules.now_ms + kRetryAfterMs);
    horizon = horizon < 0 ? rest : std::min(horizon, rest);
  }
  CompactionChange change{.cleaned_to = std::max(known, partition->cleaned_to()),
                          .delete_horizon_ms = horizon};
  co_return co_await JournalCompaction(partition, change, {});
}

Task<> ShardLog::JournalCompaction(std::shared_ptr<Partition> partition, CompactionChange change,
                                   Segments::Cleaned cleaned) {
  change.partition = partition->id;
  change.generation = partition->compaction_generation() + 1;
  // Others would use up what is kept for those that free something.
  RoomFor what = change.begin < change.end ? RoomFor::kFreeing : RoomFor::kAnything;
  std::vector<Change> changes;
  changes.push_back(change);
  UniqueFunction apply([partition, change, cleaned = std::move(cleaned)] {
    partition->ApplyCompaction(change, cleaned);
  });
  co_return co_await Journalled(std::move(changes), std::move(apply), what);
}

}  // namespace mainstem::storage

// What of a partition is compacted when, and how far it is.
#include <algorithm>

#include "storage/partition.h"

namespace mainstem::storage {
namespace {

bool IsOlderThan(int64_t time_ms, int64_t now_ms, int64_t age_ms) {
  return time_ms < now_ms && now_ms - time_ms > age_ms;
}

}  // namespace

// Only segments that the newest snapshot knows as closed: the step that recovery reads after it
// finds them.
std::optional<Partition::CompactionPlan> Partition::PlanCompaction(int64_t now_ms) const {
  const EffectiveConfig& config = topic->config;
  if (!config.compact_policy || segments.empty()) return std::nullopt;
  // Not beyond what committed readers see: to them an older record of the key is the newest.
  Offset limit = std::min({closed_in_snapshot_, PinnedFrom(), last_stable_offset()});
  CompactionPlan plan{.from = std::max(compaction_.cleaned_to, log_start), .end = Offset(0)};
  int64_t clean_bytes = 0;
  int64_t dirty_bytes = 0;
  bool is_overdue = false;
  const auto& list = segments.list();
  for (size_t i = 0; i + 1 < list.size() && list[i].next_offset <= limit; ++i) {
    bool is_dirty = list[i].next_offset > plan.from;
    bool is_young = config.compaction_lag_min_ms > 0 &&
                    !IsOlderThan(list[i].newest_ms(), now_ms, config.compaction_lag_min_ms);
    if (is_dirty && is_young) break;
    (is_dirty ? dirty_bytes : clean_bytes) += list[i].bytes;
    is_overdue |= is_dirty && IsOlderThan(list[i].created_ms, now_ms, config.compaction_lag_max_ms);
    plan.end = list[i].next_offset;
  }
  plan.from = std::min(plan.from, plan.end);
  double ratio = dirty_bytes == 0 ? 0
                                  : static_cast<double>(dirty_bytes) /
                                        static_cast<double>(clean_bytes + dirty_bytes);
  bool tombstones_due = compaction_.delete_horizon_ms >= 0 &&
                        now_ms >= compaction_.delete_horizon_ms && plan.end > log_start;
  bool is_due = dirty_bytes > 0 && (is_overdue || ratio > config.cleanable_dirty_ratio_min);
  if (!is_due && !tombstones_due) return std::nullopt;
  return plan;
}

bool Partition::ActiveSegmentHoldsUpCompaction(int64_t now_ms) const {
  const EffectiveConfig& config = topic->config;
  if (!config.compact_policy || segments.empty()) return false;
  const SegmentInfo& active = segments.list().back();
  return active.bytes > 0 && IsOlderThan(active.created_ms, now_ms, config.compaction_lag_max_ms);
}

void Partition::NoteStep(const CompactionChange& change) {
  compaction_.partition = id;
  compaction_.generation = change.generation;
  compaction_.cleaned_to = change.cleaned_to;
  compaction_.delete_horizon_ms = change.delete_horizon_ms;
}

void Partition::ApplyCompaction(const CompactionChange& change, const Segments::Cleaned& cleaned) {
  if (change.begin < change.end) segments.Replace(cleaned);
  NoteStep(change);
  // Readers see what stayed, not what memory still has.
  while (!tail_.empty() && tail_.front().last_offset < change.end) tail_.pop_front();
}

Status Partition::ReplayCompaction(const CompactionChange& change) {
  if (change.generation <= compaction_.generation) return Status::OK();  // in the snapshot
  if (change.begin < change.end) {
    RETURN_IF_ERROR(segments.ReplayReplace(change.begin, change.end, change.segment));
  }
  NoteStep(change);
  return Status::OK();
}

void Partition::RestoreCompaction(const PartitionCompactionState& state) {
  compaction_ = state;
  compaction_.segments.clear();
  for (const auto& [base_offset, generation] : state.segments) {
    segments.RestoreGeneration(base_offset, generation);
  }
}

PartitionCompactionState Partition::CompactionSnapshot() const {
  PartitionCompactionState state = compaction_;
  state.partition = id;
  for (const SegmentInfo& segment : segments.list()) {
    if (segment.generation > 0)
      state.segments.emplace_back(segment.base_offset, segment.generation);
  }
  return state;
}

void Partition::NoteSnapshot() {
  closed_in_next_snapshot_ = segments.empty() ? Offset(0) : segments.list().back().base_offset;
}

}  // namespace mainstem::storage

// The entrance of a source's subtask: reads its splits, one prefetched batch each, computes the
// declared columns, and makes the watermark: the minimum over its splits of the greatest value of
// the WATERMARK expression. Without an idle timeout no split is ever idle; with one, a split is
// idle when it has been caught up for that long; one with unread records never is.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connector/table.h"
#include "core/sync.h"
#include "process/operator/calc.h"
#include "process/operator/column_memory.h"
#include "process/operator/input_gate.h"
#include "process/operator/operator.h"
#include "process/operator/reject_rule.h"
#include "process/operator/sink_operator.h"
#include "process/operator/split_status.h"

namespace mainstem::process {

struct SourceFeedOptions {
  connector::TableSource* source = nullptr;  // outlives the feed
  std::vector<int> projection;
  std::vector<CalcOptions> calcs;  // between the scan and the watermark
  ExprPtr watermark;               // over the columns after the calcs; null: none
  int rowtime = 0;
  bool watermark_on_event = false;
  int64_t watermark_interval_ms = 200;  // 0: after every row
  int64_t idle_timeout_ms = 0;
  RejectRule rejects;  // records that can't be decoded
  // Told of the first of them that is passed over; on any shard. May be empty.
  std::function<void(const connector::RejectedRecord& record)> on_first_rejected;
  // For kQuarantine: partition 0 of it takes the rejected records.
  std::optional<storage::TopicPartition> quarantine;
  PendingOutput* pending = nullptr;
  ColumnMemory* column_memory = nullptr;  // null: nobody counts
};

// A split and how far it has been read.
struct SplitProgress {
  std::string id;
  std::string position;
  int64_t watermark_ms = kNoWatermark;
  bool ended = false;
  int64_t rejected_count = 0;
};

// Lifecycle: make, Open, splits at any time, Next until kEnd, Close. One shard's.
class SourceFeed final : public ElementInput {
 public:
  SourceFeed(Executor executor, SourceFeedOptions options, const OperatorContext* context);
  ~SourceFeed() override;

  Task<> Open();
  // The first call may bring none: before it nothing is said about idleness.
  void AddSplits(std::vector<SplitProgress> splits);
  // No further splits will come: the feed ends when those it has do.
  void NoMoreSplits();
  // Next gives the barrier as soon as it has given what it holds.
  struct BarrierOptions {
    bool last = false;   // nothing is read behind it
    bool drain = false;  // the end of time goes out before it
  };
  void TriggerBarrier(int64_t checkpoint, BarrierOptions options);
  Task<Item> Next() override;
  void Tick(int64_t now_ms) override;
  // As of the last element that Next has given.
  std::vector<SplitProgress> Progress() const;
  std::vector<SplitStatus> Statuses() const;
  Result<std::vector<storage::EpochCommit::Append>> TakeQuarantined();
  Task<> Close();

 private:
  struct Split {
    SplitProgress progress;
    bool opened = false;
    std::optional<connector::SourceBatch> slot;
    std::optional<TimePoint> caught_up_since;
    int64_t lag = -1;
  };
  static constexpr size_t kRowsPerRead = 2048;
  // Bounded sources may have thousands of splits: this many are read at a time.
  static constexpr size_t kOpenSplits = 16;

  Task<> Pump(Split* split);
  void OpenMore();
  Split* NextReady();
  // False: the next batch waits until there is memory for it.
  Result<bool> MayRead();
  Status Accept(Split* split, connector::SourceBatch batch);
  Status HandleRejected(Split* split, const connector::SourceBatch& batch);
  Status EmitWithWatermark(Split* split, ChangelogBatch batch);
  bool IsIdle(const Split& split) const;
  // Queues a watermark (or idleness) when it has changed.
  struct MergeOptions {
    bool only_large_steps = false;  // not before it is an interval ahead
  };
  void MergeWatermarks(MergeOptions options);
  bool AllEnded() const;
  TimePoint NextDeadline() const;
  void UpdateLag();

  Executor executor_;
  SourceFeedOptions options_;
  const OperatorContext* context_;
  std::vector<std::unique_ptr<CalcOperator>> calcs_;
  std::unique_ptr<ExprProgram> watermark_program_;
  EvalContext eval_;
  std::vector<std::unique_ptr<Split>> splits_;
  size_t cursor_ = 0;
  bool assigned_ = false;  // AddSplits has been called
  bool no_more_splits_ = false;
  bool end_queued_ = false;
  bool idle_sent_ = false;
  int64_t barrier_ = 0;
  BarrierOptions barrier_options_;
  bool stopped_ = false;  // the last barrier is out
  int64_t watermark_ms_ = kNoWatermark;
  TimePoint next_tick_{};
  std::optional<TimePoint> waits_for_memory_since_;
  std::deque<Item> pending_;
  std::optional<int64_t> tick_ms_;
  Status failure_;
  Event ready_;  // a slot was filled, splits or a barrier came
  Event slot_free_;
  EpochBuffer quarantined_;
  TaskScope pumps_;
};

}  // namespace mainstem::process

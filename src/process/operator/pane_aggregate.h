// GROUP BY over HOP and CUMULATE windows, by panes (process/time/panes.h): a row is accumulated
// once however many windows it is in, and a window is put together when the watermark passes its
// end. Rows whose last window has been sent are late: dropped and counted; one that is late for
// some of its windows still counts in the others.
//
// State: the accumulators of a key in a span of panes, with the span's name as name space.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "process/operator/late_marks.h"
#include "process/operator/pane_progress.h"
#include "process/operator/window_aggregate.h"
#include "process/time/panes.h"

namespace mainstem::process {

class PaneAggregateOperator final : public Operator {
 public:
  // The window must fit (Panes::Fit).
  explicit PaneAggregateOperator(WindowAggregateOptions options);
  std::string name() const override { return "WindowAggregate"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  int64_t restored_watermark() const override { return watermark_ms_; }
  Task<> OnWatermark(int64_t watermark_ms, Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  // The accumulators of a window's keys. A key that is in one span only is used where it lies; the
  // others are merged into blocks of their own.
  class Merged {
   public:
    explicit Merged(const AggregateSet* aggregates) : aggregates_(aggregates) {}
    ~Merged();
    Merged(const Merged&) = delete;
    Status Add(StateEntry* entry);
    const std::vector<std::string_view>& keys() const { return keys_; }
    const std::vector<std::byte*>& blocks() const { return blocks_; }

   private:
    const AggregateSet* aggregates_;
    absl::flat_hash_map<std::string_view, uint32_t> by_key_;
    std::vector<std::string_view> keys_;
    std::vector<std::byte*> blocks_;
    std::vector<std::byte*> owned_;  // beside blocks_; null: an entry's
  };

  // The end of the first window that is not over at this watermark.
  int64_t FirstOpenEnd(int64_t watermark_ms) const;
  // Fills rows_ and names_: the rows that count, each with the spans that it counts in.
  void AssignPanes(const std::vector<int64_t>& times);
  // Sends the windows from `next_end` on that are over, those that have rows. Gives the end of the
  // first that has not been looked at.
  Task<int64_t> SendUpTo(int64_t next_end, int64_t first_open, Output* out);
  // Brings restored key groups that are behind up to next_end_.
  Task<> CatchUp(Output* out);
  Task<> Entries(const PaneSpan& span, std::vector<StateEntry*>* entries);
  Task<> BuildSpans(int64_t end);
  Task<> MergeInto(const PaneSpan& half, const PaneSpan& whole);
  Task<> Fire(int64_t window_end, Output* out);
  Task<> Forget(int64_t window_end);
  PaneProgress Progress() const;
  void UpdateMetrics();

  WindowAggregateOptions options_;
  const OperatorContext* context_ = nullptr;
  Panes panes_;
  std::optional<WindowAssigner> assigner_;
  std::unique_ptr<AggregateSet> aggregates_;
  std::unique_ptr<RowCodec> codec_;
  std::unique_ptr<StateTable> table_;
  std::optional<WindowAccumulator> accumulator_;
  std::optional<WindowOutput> output_;
  int64_t watermark_ms_ = kNoWatermark;
  LateMarks late_;
  // Of the first window that has not been sent, but for restored key groups that are behind.
  int64_t next_end_ = PaneProgress::kNothingSent;
  std::vector<PaneProgress::Part> behind_;
  std::optional<KeyGroupRange> only_;  // entries of others are left alone

  // Of the batch at hand; kept for their capacity.
  std::vector<int32_t> rows_;
  std::vector<int64_t> names_;
  bool is_whole_ = true;  // each row of the batch is in rows_ once
  std::vector<PaneSpan> spans_;
};

}  // namespace mainstem::process

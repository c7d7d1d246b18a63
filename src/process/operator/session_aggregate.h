// GROUP BY over SESSION windows: rows of a key that are at most the gap apart share a session, and
// a row that comes between two sessions makes one of them. Two state tables:
//   spans    (key)               -> the key's open sessions as (start, end) pairs, ascending
//   sessions (end as namespace, key) -> the accumulators of one session
// so that what fires at a watermark is found by its end, as in the other windows. A row whose
// session, after merging, ends at or before the watermark is late: dropped and counted.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "process/operator/aggregate_set.h"
#include "process/operator/late_marks.h"
#include "process/operator/operator.h"
#include "process/operator/window_aggregate.h"
#include "process/time/window_assigner.h"

namespace mainstem::process {

struct SessionSpan {
  int64_t start = 0;
  int64_t end = 0;  // of the last row, plus the gap; exclusive
};

class SessionAggregateOperator final : public Operator {
 public:
  // `options.window.partition_keys` are the same columns as `options.keys`.
  explicit SessionAggregateOperator(WindowAggregateOptions options);
  ~SessionAggregateOperator() override;
  std::string name() const override { return "SessionAggregate"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  int64_t restored_watermark() const override { return watermark_ms_; }
  Task<> OnWatermark(int64_t watermark_ms, Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  class SpanCodec;
  struct Move {    // a session that was merged into another one of its key
    uint32_t row;  // some row of the key
    int64_t from_end;
    int64_t to_end;
  };
  // Lets the spans of the batch's keys take up its rows. Gives each row the end that its session
  // has after the batch (kNoWatermark: late), and what moved.
  void AssignSessions(const std::vector<int64_t>& times, std::vector<int64_t>* ends,
                      std::vector<Move>* moves);
  Task<> Accumulate(const ChangelogBatch& batch, const std::vector<int64_t>& ends,
                    const std::vector<Move>& moves);
  Task<> FireAt(int64_t end, Output* out);

  WindowAggregateOptions options_;
  const OperatorContext* context_ = nullptr;
  std::unique_ptr<AggregateSet> aggregates_;
  std::unique_ptr<SpanCodec> span_codec_;
  std::unique_ptr<RowCodec> codec_;
  std::unique_ptr<StateTable> spans_;
  std::unique_ptr<StateTable> sessions_;
  std::optional<WindowAccumulator> accumulator_;
  std::optional<WindowAssigner> clock_;  // sessions are in local time
  int64_t watermark_ms_ = kNoWatermark;
  LateMarks late_;
  EncodedRows keys_;
  std::vector<StateEntry*> span_entries_;  // of each row
};

}  // namespace mainstem::process

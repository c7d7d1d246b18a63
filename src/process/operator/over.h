// OVER windows ordered by time: each row goes out once, with the functions over the rows of its
// partition up to it. By event time rows wait for the watermark and then go in order; by processing
// time they go as they come. As Flink does it, a row is late when the watermark has passed it
// (frames from the beginning) or when its partition has sent a row of the same time or a later one
// (bounded frames).
// HOT PATH: all rows that are due go through the accumulators in one pass: a row adds itself and
// takes back those that leave the frame; its result is the running value at its last peer.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "process/operator/event_time_buffer.h"
#include "process/operator/key_timers.h"
#include "process/operator/late_marks.h"
#include "process/operator/over_frame.h"
#include "process/plan/ordered_nodes.h"

namespace mainstem::process {

// The functions of an OVER window: aggregates, and those that only need places. `args` are the
// columns that any of them reads, each once; the aggregates' columns are numbered by that.
struct OverFunctions {
  explicit OverFunctions(const plan::OverNode& node);
  // RANK and DENSE_RANK over a stream count rows up to the last peer: what Flink 2.3 answers.
  enum class Kind : uint8_t { kAggregate, kRowNumber, kLag };
  struct Function {
    Kind kind = Kind::kAggregate;
    size_t aggregate = 0;  // its number among the aggregates
    int value = -1;        // LAG: column of args
    int fallback = -1;     // LAG: column of args; -1: NULL
    int64_t offset = 1;    // LAG
  };
  std::vector<int> args;  // columns of the input
  std::vector<Function> functions;
  std::vector<plan::AggregateSpec> aggregates;
  size_t lag_max = 0;  // rows that LAG looks back
};

class OverOperator final : public Operator {
 public:
  explicit OverOperator(const plan::OverNode& node);
  std::string name() const override { return "OverAggregate"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  int64_t restored_watermark() const override { return watermark_ms_; }
  Task<> OnWatermark(int64_t watermark_ms, Output* out) override;
  bool wants_time() const override { return !by_event_time_ && has_timers(); }
  Task<> OnTime(int64_t now_ms, Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  // A row that is accumulated (sign 1) or taken back. Sources from the batch's row count on are
  // old rows.
  struct Step {
    int32_t source;
    uint32_t group;
    int8_t sign;
  };
  bool is_bounded() const { return preceding_ >= 0; }
  // Rows of equal time are one: all have the result of the last, LAG's too.
  bool joins_peers() const { return !rows_ && (by_event_time_ || is_bounded()); }
  Task<> Buffer(const ChangelogBatch& batch);
  Task<> Wait(const arrow::RecordBatch& rows, const std::vector<int64_t>& times);
  // Computes and sends `columns`, rows in order.
  Task<> Process(ColumnVector columns, const std::vector<int64_t>& times, Output* out);
  void AddRow(int32_t row, int64_t time_ms);
  void LeaveFrame(OverFrame* frame, uint32_t group, int64_t time_ms);
  void TakeBack(OverFrame* frame, uint32_t group);
  int32_t SourceOf(const OverFrame::Row& row);
  void ClosePeers(uint32_t group);
  Result<ColumnVector> Results(const ColumnVector& args, int64_t row_count);
  Result<ColumnVector> RunAggregates(const ColumnVector& args, const ColumnVector& old_args);
  Result<std::shared_ptr<arrow::Array>> LagColumn(size_t function, const ColumnVector& args,
                                                  const ColumnVector& old_args);
  // A RANGE of time: when the last row that has come of a partition has left every frame, and half
  // as long again, it is forgotten, but for the rows that LAG looks back to. By processing time,
  // when the clock says so.
  bool has_timers() const { return !rows_ && is_bounded(); }
  // One time for each of `entries`.
  Task<> SetTimers(const std::vector<StateEntry*>& entries, const std::vector<int64_t>& times);
  Task<> Forget(int64_t now_ms);
  void ForgetFrame(StateEntry* entry);
  void FinishEntries();
  void UpdateMetrics();

  OverFunctions functions_;
  std::vector<int> partition_;
  int time_column_;
  bool by_event_time_;
  bool rows_;
  int64_t preceding_;
  int64_t state_ttl_ms_;
  plan::Columns input_;
  std::shared_ptr<arrow::Schema> output_schema_;
  const OperatorContext* context_ = nullptr;
  std::unique_ptr<RowCodec> partition_codec_;
  std::unique_ptr<RowCodec> args_codec_;
  std::unique_ptr<AggregateSet> aggregates_;
  std::unique_ptr<OverFrameCodec> frame_codec_;
  std::unique_ptr<StateTable> frames_;
  std::unique_ptr<EventTimeBuffer> waiting_;  // by event time
  std::unique_ptr<KeyTimers> timers_;         // of partitions' clean-up
  int64_t watermark_ms_ = kNoWatermark;
  LateMarks late_;

  // Of the rows at hand.
  EncodedRows keys_;
  EncodedRows args_rows_;
  std::vector<StateEntry*> entries_;         // of each row
  std::vector<StateEntry*> groups_;          // each once
  std::vector<std::vector<int32_t>> peers_;  // of each group: rows that wait for their result
  std::vector<int32_t> last_step_;           // of each group
  std::vector<Step> steps_;
  std::vector<int32_t> step_of_row_;
  std::vector<std::string> old_rows_;              // encoded args
  std::vector<std::vector<int64_t>> numbers_;      // of each numbering function: one for each row
  std::vector<std::vector<int32_t>> lag_sources_;  // of each LAG
};

}  // namespace mainstem::process

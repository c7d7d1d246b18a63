// Interval joins: rows of both sides with equal keys whose event times are at most so far apart. A
// pair goes out when its later row comes; a row is kept until the watermark says that no partner
// can come any more, and, on an outer side, goes out padded with NULLs then if it had none. The
// watermark that goes on is behind the input's, since a pair carries the earlier row's time, too.
// State tables, one for each side: (number of a span of time as namespace, key) -> rows. A row's
// partners lie in two neighbouring spans at most.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "process/operator/join_pairs.h"
#include "process/operator/join_rows.h"
#include "process/operator/operator.h"

namespace mainstem::process {

class IntervalJoinOperator final : public Operator {
 public:
  explicit IntervalJoinOperator(const plan::JoinNode& node);
  std::string name() const override { return "IntervalJoin"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  int64_t restored_watermark() const override { return watermark_ms_; }
  Task<> OnWatermark(int64_t watermark_ms, Output* out) override;
  int64_t HeldBack(int64_t watermark_ms) const override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  struct Side {
    std::vector<int> keys;
    int time_column = 0;
    bool is_outer = false;
    // Partners' times are in [time + from_ms, time + to_ms].
    int64_t from_ms = 0;
    int64_t to_ms = 0;
    std::unique_ptr<RowCodec> row_codec;
    std::unique_ptr<StateTable> table;
  };
  // What the pass over one batch works on.
  struct Probe {
    size_t input = 0;
    const ChangelogBatch* batch = nullptr;
    std::vector<int64_t> times;
    std::vector<uint8_t> has_null;                     // in its key
    std::array<std::vector<StateEntry*>, 2> partners;  // of each row: entries of the other side
    std::vector<StateEntry*> own;                      // of each row
    EncodedRows rows;
    std::vector<int32_t> matches;  // of each row
  };
  int64_t SpanOf(int64_t time_ms) const;
  Task<> FindEntries(Probe* probe);
  // Joins the rows from `begin` on, until there are enough pairs. Returns where it stopped.
  Result<size_t> JoinFrom(Probe* probe, size_t begin, ChangelogBatch* joined);
  // Keeps the rows that may still get partners; the others of an outer side are to be padded.
  std::vector<int32_t> KeepRows(Probe* probe);
  Task<> SendPadded(size_t input, const ColumnVector& columns, const std::vector<int32_t>& rows,
                    Output* out);
  Task<> Expire(size_t input, Output* out);
  void UpdateMetrics();

  plan::JoinNode node_;
  int64_t span_ms_;
  const OperatorContext* context_ = nullptr;
  EvalContext eval_;
  std::unique_ptr<RowCodec> key_codec_;
  JoinRowsCodec rows_codec_;
  JoinPairs pairs_;
  std::array<Side, 2> sides_;
  int64_t watermark_ms_ = kNoWatermark;
};

}  // namespace mainstem::process

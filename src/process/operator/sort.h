// ORDER BY of all rows. By event time: rows wait for the watermark, then leave in order; a row that
// comes behind those that left is late: dropped and counted. Without a time: at the end of a
// bounded input. By processing time rows are in order as they come; those of one batch are ordered
// by the other columns.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "process/operator/late_marks.h"
#include "process/operator/rank.h"

namespace mainstem::process {

class SortOperator final : public Operator {
 public:
  explicit SortOperator(const plan::SortNode& node);
  std::string name() const override { return "Sort"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  int64_t restored_watermark() const override { return watermark_ms_; }
  Task<> OnWatermark(int64_t watermark_ms, Output* out) override;
  Task<> Finish(Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  // Sends the rows of a namespace, in order.
  Task<> Leave(int64_t name_space, Output* out);

  std::vector<plan::SortKey> order_;
  plan::OverTime time_;
  plan::Columns input_;
  std::shared_ptr<arrow::Schema> output_schema_;
  const OperatorContext* context_ = nullptr;
  std::unique_ptr<RowCodec> row_codec_;
  std::optional<SortKeyCodec> sort_codec_;
  RankRowsCodec rows_codec_;
  // By event time (0 without): the rows of that time.
  std::unique_ptr<StateTable> table_;
  int64_t watermark_ms_ = kNoWatermark;
  int64_t last_left_ms_ = kNoWatermark;  // The time of the last row that left.
  LateMarks late_;
};

}  // namespace mainstem::process

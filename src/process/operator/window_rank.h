// Top-N of each window, and deduplication within windows: keeps the first `end` rows of each
// partition, which has the window's bounds among its columns, and sends them once, when the
// watermark passes the window's end. Rows that come after that are late: dropped and counted.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "process/operator/late_marks.h"
#include "process/operator/rank.h"

namespace mainstem::process {

class WindowRankOperator final : public Operator {
 public:
  explicit WindowRankOperator(const plan::RankNode& node);
  std::string name() const override { return "WindowRank"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  int64_t restored_watermark() const override { return watermark_ms_; }
  Task<> OnWatermark(int64_t watermark_ms, Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  void Add(RankRows* rows, const std::string& sort_key, std::string_view row);
  Task<> Fire(int64_t window_end_ms, Output* out);
  void UpdateMetrics();

  RankOptions options_;
  int window_end_;
  bool window_is_local_;
  // ORDER BY time DESC, the first row only: of rows of one time the last that came is it.
  bool last_wins_ties_;
  const OperatorContext* context_ = nullptr;
  std::unique_ptr<RowCodec> partition_codec_;
  std::unique_ptr<RowCodec> row_codec_;
  std::optional<SortKeyCodec> sort_codec_;
  RankRowsCodec rows_codec_;
  std::unique_ptr<StateTable> table_;  // the end of the window, as an instant, is the namespace
  std::unique_ptr<RankOutput> output_;
  int64_t watermark_ms_ = kNoWatermark;
  LateMarks late_;

  EncodedRows partitions_;
  EncodedRows rows_;
  std::vector<StateEntry*> entries_;
  std::vector<std::string> sort_keys_;
};

}  // namespace mainstem::process

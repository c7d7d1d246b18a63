// Deduplication: the first or the last row of each key by time (ROW_NUMBER() = 1 over ORDER BY a
// time attribute). As Flink does it:
//   first by processing time   +I when a key is seen for the first time
//   first by event time        +I when the watermark passes the earliest row of the key
//   last                       +I, then -U/+U with each row that is not earlier; a tie goes to the
//                              later arrival
// State tables: `kept` (key) -> the time of its first row, or its last row; `pending` (time as
// namespace, key) -> the earliest row so far, which waits for the watermark.
#pragma once

#include <memory>
#include <vector>

#include "process/operator/kept_row.h"
#include "process/operator/late_marks.h"
#include "process/operator/operator.h"
#include "process/operator/replaced_rows.h"
#include "process/plan/ordered_nodes.h"

namespace mainstem::process {

class DeduplicateOperator final : public Operator {
 public:
  explicit DeduplicateOperator(const plan::RankNode& node);
  std::string name() const override { return "Deduplicate"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  int64_t restored_watermark() const override { return watermark_ms_; }
  Task<> OnWatermark(int64_t watermark_ms, Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  // The rows of the batch that are the first of their key.
  std::vector<int32_t> TakeFirst();
  // Replaces last rows; fills changes_.
  Status ReplaceLast(const ChangelogBatch& batch);
  Task<> KeepEarliest(const ChangelogBatch& batch);
  // Rows that may be the earliest of their key: not late, and earlier than the one that is there.
  std::vector<int32_t> EarlierRows(const std::vector<int64_t>& times);
  Task<> SendDue(int64_t watermark_ms, Output* out);
  Task<> Keep(const std::vector<StateEntry*>& sent);
  void Finish();

  plan::RankStrategy strategy_;
  std::vector<int> partition_;
  int order_column_;
  bool by_event_time_;
  bool send_update_before_;
  int64_t state_ttl_ms_;
  plan::Columns input_;
  std::shared_ptr<arrow::Schema> output_schema_;
  const OperatorContext* context_ = nullptr;
  KeptRowCodec kept_codec_;
  std::unique_ptr<RowCodec> partition_codec_;
  std::unique_ptr<RowCodec> row_codec_;
  std::unique_ptr<StateTable> kept_;
  std::unique_ptr<StateTable> pending_;  // kFirstTime only
  int64_t watermark_ms_ = kNoWatermark;
  int64_t sent_until_ms_ = kNoWatermark;  // later rows wait: their keys stay, whatever their age
  LateMarks late_;

  // Of the batch at hand.
  EncodedRows partitions_;
  EncodedRows rows_;
  std::vector<StateEntry*> entries_;
  ReplacedRows changes_;
};

}  // namespace mainstem::process

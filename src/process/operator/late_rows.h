// Rows that operators drop because the watermark has passed them, kept in a topic where the setting
// 'mainstem.late-rows.topic' names one. A record is one row, as JSON:
//
//   {"job":"orders-3fa1","dropped_by":"WindowAggregate","late_by_ms":4000,
//    "current_watermark":"2026-01-01 10:01:04.000","kind":"+I",
//    "late_row":{"page":"a","ts":"2026-01-01 10:00:10.000"}}
//
// `late_row` has the columns that the operator gets; it is null where they have no form in JSON or
// take more than kRowTextMax.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "format/format.h"
#include "process/operator/late_marks.h"
#include "process/operator/sink_operator.h"

namespace mainstem::process {

struct LateRowsOptions {
  storage::TopicPartition partition;
  std::string job_id;
};

// Of one subtask, on its shard. Committed with its epochs: each row once.
class LateRows {
 public:
  // Well below what a topic takes in a batch.
  static constexpr size_t kRowTextMax = 512u << 10;

  LateRows(LateRowsOptions options, PendingOutput* pending)
      : options_(std::move(options)), buffer_(pending) {}

  Status Add(const OperatorContext& context, const std::string& operator_name,
             const ChangelogBatch& batch, const LateMarks& marks, int64_t watermark_ms);
  Result<std::vector<storage::EpochCommit::Append>> Take() { return buffer_.Take(); }

 private:
  struct RowText {
    std::shared_ptr<arrow::Schema> schema;
    std::unique_ptr<format::Encoder> encoder;  // null: there is none for this schema
  };
  // Of rows of one operator.
  Result<std::vector<std::string>> TextsOf(int operator_id,
                                           std::shared_ptr<arrow::RecordBatch> rows);

  const LateRowsOptions options_;
  EpochBuffer buffer_;
  std::map<int, RowText> texts_;  // of each operator
};

}  // namespace mainstem::process

#include "process/operator/replaced_rows.h"

#include <arrow/api.h>

#include "process/operator/row_columns.h"

namespace mainstem::process {

void ReplacedRows::Begin(int64_t batch_rows) {
  batch_rows_ = static_cast<int32_t>(batch_rows);
  kinds_.clear();
  rows_.clear();
  old_rows_.clear();
}

void ReplacedRows::AddRow(RowKind kind, size_t row) {
  kinds_.push_back(kind);
  rows_.push_back(static_cast<int32_t>(row));
}

void ReplacedRows::AddOldRow(RowKind kind, std::string encoded) {
  AddRow(kind, static_cast<size_t>(batch_rows_) + old_rows_.size());
  old_rows_.push_back(std::move(encoded));
}

Result<ChangelogBatch> ReplacedRows::Make(const ColumnVector& batch, const RowCodec& codec,
                                          std::shared_ptr<arrow::Schema> schema) const {
  const std::vector<std::string_view> old_views(old_rows_.begin(), old_rows_.end());
  ASSIGN_OR_RETURN(const ColumnVector old_columns, codec.Decode(old_views));
  ASSIGN_OR_RETURN(ColumnVector columns, PickFrom(batch, old_columns, rows_));
  ChangelogBatch out;
  out.kinds = kinds_;
  out.rows = arrow::RecordBatch::Make(std::move(schema), static_cast<int64_t>(rows_.size()),
                                      std::move(columns));
  return out;
}

}  // namespace mainstem::process

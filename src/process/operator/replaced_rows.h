// What an operator that keeps rows of keys sends for a batch: rows of the batch and, from state,
// rows that they replace or delete, in the order in which they were added.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "process/operator/element.h"
#include "process/state/row_codec.h"

namespace mainstem::process {

class ReplacedRows {
 public:
  void Begin(int64_t batch_rows);
  void AddRow(RowKind kind, size_t row);              // of the batch
  void AddOldRow(RowKind kind, std::string encoded);  // by the codec that Make gets
  bool empty() const { return kinds_.empty(); }
  // `batch`: its columns; both sides have those of `schema`.
  Result<ChangelogBatch> Make(const ColumnVector& batch, const RowCodec& codec,
                              std::shared_ptr<arrow::Schema> schema) const;

 private:
  int32_t batch_rows_ = 0;
  std::vector<RowKind> kinds_;
  std::vector<int32_t> rows_;  // beside kinds_: of the batch, or behind its rows one of old_rows_
  std::vector<std::string> old_rows_;
};

}  // namespace mainstem::process

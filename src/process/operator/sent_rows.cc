#include "process/operator/sent_rows.h"

#include <utility>

#include <arrow/api.h>

namespace mainstem::process {

Result<ChangelogBatch> SentRows::Take(const RowCodec& codec,
                                      std::shared_ptr<arrow::Schema> schema) {
  const std::vector<std::string_view> views(rows_.begin(), rows_.end());
  ASSIGN_OR_RETURN(ColumnVector columns, codec.Decode(views));
  ChangelogBatch out;
  out.kinds = std::exchange(kinds_, {});
  out.rows = arrow::RecordBatch::Make(std::move(schema), static_cast<int64_t>(rows_.size()),
                                      std::move(columns));
  rows_.clear();
  return out;
}

}  // namespace mainstem::process

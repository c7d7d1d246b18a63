#include "process/job/result_writer.h"

#include <arrow/api.h>

namespace mainstem::process {

Task<> ResultWriter::Write(ChangelogBatch batch) {
  auto row_count = static_cast<size_t>(batch.rows->num_rows());
  std::vector<ResultRow> rows(row_count);
  for (size_t row = 0; row < row_count; ++row) {
    rows[row].kind = ToString(batch.kinds.empty() ? RowKind::kInsert : batch.kinds[row]);
    rows[row].fields.reserve(columns_.size());
  }
  for (size_t i = 0; i < columns_.size(); ++i) {
    CO_ASSIGN_OR_RETURN(auto text,
                        ToText(batch.rows->column(static_cast<int>(i)), columns_[i].type(), eval_));
    const auto& values = static_cast<const arrow::StringArray&>(*text);
    for (size_t row = 0; row < row_count; ++row) {
      auto index = static_cast<int64_t>(row);
      if (values.IsNull(index)) {
        rows[row].fields.emplace_back();
      } else {
        rows[row].fields.emplace_back(values.GetString(index));
      }
    }
  }
  co_return listener_->OnRows(std::move(rows));
}

}  // namespace mainstem::process

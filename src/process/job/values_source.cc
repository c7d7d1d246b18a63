#include "process/job/values_source.h"

#include <arrow/api.h>

#include "process/expr/evaluator.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {
namespace {

class ValuesReader final : public connector::SplitReader {
 public:
  explicit ValuesReader(std::shared_ptr<arrow::RecordBatch> rows) : rows_(std::move(rows)) {}

  Task<connector::SourceBatch> Read(size_t max_rows, TimePoint deadline) override {
    connector::SourceBatch out;
    out.batch.rows = rows_;
    out.position = "end";
    out.end_of_split = true;
    out.caught_up = true;
    out.lag_records = 0;
    co_return out;
  }

 private:
  std::shared_ptr<arrow::RecordBatch> rows_;
};

}  // namespace

Result<std::unique_ptr<ValuesSource>> ValuesSource::Make(const plan::ValuesNode& node,
                                                         const EvalContext& context) {
  size_t column_count = node.columns.size();
  std::vector<arrow::ArrayVector> parts(column_count);
  for (const std::vector<ExprPtr>& row : node.rows) {
    if (column_count == 0) break;
    ASSIGN_OR_RETURN(auto program, ExprProgram::Make(row, context));
    ASSIGN_OR_RETURN(auto values, program->Evaluate({}, 1, context));
    for (size_t i = 0; i < column_count; ++i) parts[i].push_back(std::move(values[i]));
  }
  auto schema = ToArrowSchema(node.columns);
  arrow::ArrayVector columns;
  for (size_t i = 0; i < column_count; ++i) {
    if (parts[i].empty()) {
      ASSIGN_OR_RETURN(auto empty,
                       arrow::MakeEmptyArray(schema->field(static_cast<int>(i))->type()));
      columns.push_back(std::move(empty));
      continue;
    }
    ASSIGN_OR_RETURN(auto column, arrow::Concatenate(parts[i]));
    columns.push_back(std::move(column));
  }
  return std::make_unique<ValuesSource>(arrow::RecordBatch::Make(
      std::move(schema), static_cast<int64_t>(node.rows.size()), std::move(columns)));
}

Task<std::vector<connector::SourceSplit>> ValuesSource::DiscoverSplits() {
  std::vector<connector::SourceSplit> splits;
  splits.push_back({.id = "values", .position = ""});
  co_return splits;
}

Task<std::unique_ptr<connector::SplitReader>> ValuesSource::OpenSplit(connector::SourceSplit split,
                                                                      std::vector<int> projection) {
  std::shared_ptr<arrow::RecordBatch> rows = split.position == "end" ? rows_->Slice(0, 0) : rows_;
  std::unique_ptr<connector::SplitReader> reader = std::make_unique<ValuesReader>(std::move(rows));
  co_return reader;
}

}  // namespace mainstem::process

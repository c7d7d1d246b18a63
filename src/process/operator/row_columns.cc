#include "process/operator/row_columns.h"

#include <algorithm>

#include <arrow/api.h>

#include "process/expr/take.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {

std::vector<std::shared_ptr<arrow::DataType>> TypesOf(const plan::Columns& columns,
                                                      const std::vector<int>& indexes) {
  std::vector<std::shared_ptr<arrow::DataType>> types;
  for (const int index : indexes) {
    types.push_back(ToArrowType(columns[static_cast<size_t>(index)].type()));
  }
  return types;
}

std::vector<std::shared_ptr<arrow::DataType>> TypesOf(const plan::Columns& columns) {
  std::vector<std::shared_ptr<arrow::DataType>> types;
  for (const RowField& column : columns) types.push_back(ToArrowType(column.type()));
  return types;
}

ColumnVector ColumnsOf(const arrow::RecordBatch& rows, const std::vector<int>& indexes) {
  ColumnVector columns;
  for (const int index : indexes) columns.push_back(rows.column(index));
  return columns;
}

Result<std::unique_ptr<RowCodec>> MakeRowCodec(
    std::vector<std::shared_ptr<arrow::DataType>> types) {
  ASSIGN_OR_RETURN(RowCodec codec, RowCodec::Make(std::move(types)));
  return std::make_unique<RowCodec>(std::move(codec));
}

Result<ColumnVector> PickRows(const ColumnVector& columns, const std::vector<int32_t>& indexes) {
  const bool has_nulls =
      std::any_of(indexes.begin(), indexes.end(), [](int32_t index) { return index < 0; });
  const TakeNulls nulls = has_nulls ? TakeNulls::kNullIndexes : TakeNulls::kNone;
  ColumnVector out;
  for (const auto& column : columns) {
    ASSIGN_OR_RETURN(
        auto data, TakeColumn(*column->data(), indexes.data(), static_cast<int64_t>(indexes.size()),
                              nulls, arrow::default_memory_pool()));
    out.push_back(arrow::MakeArray(std::move(data)));
  }
  return out;
}

Result<ColumnVector> PickFrom(const ColumnVector& first, const ColumnVector& second,
                              const std::vector<int32_t>& indexes) {
  ColumnVector both;
  for (size_t i = 0; i < first.size(); ++i) {
    std::shared_ptr<arrow::Array> all = first[i];
    if (second[i]->length() > 0) {
      ASSIGN_OR_RETURN(all, arrow::Concatenate({first[i], second[i]}));
    }
    both.push_back(std::move(all));
  }
  return PickRows(both, indexes);
}

}  // namespace mainstem::process

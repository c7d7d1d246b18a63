// Small helpers of operators that keep rows in state: types, columns and codecs by column index.
#pragma once

#include <memory>
#include <vector>

#include <arrow/type_fwd.h>

#include "process/plan/logical_plan.h"
#include "process/state/row_codec.h"

namespace mainstem::process {

std::vector<std::shared_ptr<arrow::DataType>> TypesOf(const plan::Columns& columns,
                                                      const std::vector<int>& indexes);
std::vector<std::shared_ptr<arrow::DataType>> TypesOf(const plan::Columns& columns);
ColumnVector ColumnsOf(const arrow::RecordBatch& rows, const std::vector<int>& indexes);
Result<std::unique_ptr<RowCodec>> MakeRowCodec(std::vector<std::shared_ptr<arrow::DataType>> types);

// Row i of each result is row indexes[i]; -1 is NULL.
Result<ColumnVector> PickRows(const ColumnVector& columns, const std::vector<int32_t>& indexes);
// Rows of two batches of the same columns as one: index i below first.size() is a row of `first`,
// the others are rows of `second`; -1 is NULL.
Result<ColumnVector> PickFrom(const ColumnVector& first, const ColumnVector& second,
                              const std::vector<int32_t>& indexes);

}  // namespace mainstem::process

#include "process/operator/expand.h"

#include <utility>

#include <arrow/api.h>

#include "process/expr/take.h"
#include "process/operator/calc.h"
#include "process/operator/exchange.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {
namespace {

// The rows `indexes` of a column, NULL for those below zero.
Result<std::shared_ptr<arrow::Array>> TakeOrNull(const arrow::Array& column,
                                                 const std::vector<int32_t>& indexes) {
  ASSIGN_OR_RETURN(auto taken,
                   TakeColumn(*column.data(), indexes.data(), static_cast<int64_t>(indexes.size()),
                              TakeNulls::kNullIndexes, arrow::default_memory_pool()));
  return arrow::MakeArray(std::move(taken));
}

// A MULTISET has an element as often as it says.
void Repeat(const arrow::Array& counts, bool is_multiset, int64_t element, int32_t row,
            UnnestedElements* out) {
  int32_t times = 1;
  if (is_multiset) {
    times = static_cast<const arrow::Int32Array&>(counts).Value(element);
  }
  for (int32_t i = 0; i < times; ++i) {
    const bool same_row = !out->rows.empty() && out->rows.back() == row;
    out->numbers.push_back(same_row ? out->numbers.back() + 1 : 1);
    out->rows.push_back(row);
    out->elements.push_back(static_cast<int32_t>(element));
  }
}

// An element that is a NULL ROW gives no row, as in Flink; one that is another NULL gives it.
template <typename Collection>
void WalkCollections(const Collection& column, const arrow::Array& values,
                     const arrow::Array& counts, bool is_multiset, UnnestedElements* out) {
  const bool skips_null = values.type_id() == arrow::Type::STRUCT;
  for (int64_t row = 0; row < column.length(); ++row) {
    if (column.IsNull(row)) continue;
    for (int64_t i = column.value_offset(row); i < column.value_offset(row + 1); ++i) {
      if (skips_null && values.IsNull(i)) continue;
      Repeat(counts, is_multiset, i, static_cast<int32_t>(row), out);
    }
  }
}

// A ROW's fields; NULL where the ROW is.
Result<ColumnVector> FieldsOf(const std::shared_ptr<arrow::Array>& values) {
  const auto& rows = static_cast<const arrow::StructArray&>(*values);
  ASSIGN_OR_RETURN(ColumnVector fields, rows.Flatten());
  return fields;
}

Result<UnnestedElements> ElementsOf(const arrow::Array& column, bool is_multiset) {
  UnnestedElements out;
  if (column.type_id() == arrow::Type::MAP) {
    const auto& map = static_cast<const arrow::MapArray&>(column);
    out.columns = {map.keys()};
    if (!is_multiset) out.columns.push_back(map.items());
    WalkCollections(map, *map.keys(), *map.items(), is_multiset, &out);
  } else {
    const auto& list = static_cast<const arrow::ListArray&>(column);
    out.columns = {list.values()};
    WalkCollections(list, *list.values(), *list.values(), false, &out);
  }
  if (column.type_id() == arrow::Type::LIST || is_multiset) {
    const std::shared_ptr<arrow::Array> values = out.columns[0];
    if (values->type_id() == arrow::Type::STRUCT) {
      ASSIGN_OR_RETURN(out.columns, FieldsOf(values));
    }
  }
  return out;
}

// Each of `row_count` rows that has no element once, without one.
void AddRowsWithoutElement(int64_t row_count, UnnestedElements* elements) {
  const UnnestedElements had = std::exchange(*elements, {});
  elements->columns = had.columns;
  size_t next = 0;
  for (int32_t row = 0; row < row_count; ++row) {
    const size_t begin = next;
    for (; next < had.rows.size() && had.rows[next] == row; ++next) {
      elements->rows.push_back(row);
      elements->elements.push_back(had.elements[next]);
      elements->numbers.push_back(had.numbers[next]);
    }
    if (next > begin) continue;
    elements->rows.push_back(row);
    elements->elements.push_back(-1);
    elements->numbers.push_back(0);
  }
}

}  // namespace

ExpandOperator::ExpandOperator(const plan::ExpandNode& node)
    : grouping_(node.grouping),
      sets_(node.sets),
      constants_(node.constants),
      output_schema_(ToArrowSchema(node.columns)) {}

Result<ChangelogBatch> ExpandOperator::Expand(const ChangelogBatch& batch) const {
  const auto row_count = static_cast<int32_t>(batch.rows->num_rows());
  const size_t total = sets_.size() * static_cast<size_t>(row_count);
  std::vector<int32_t> rows;
  rows.reserve(total);
  for (int32_t row = 0; row < row_count; ++row) rows.insert(rows.end(), sets_.size(), row);
  ASSIGN_OR_RETURN(ChangelogBatch out, TakeFromBatch(batch, rows));
  ColumnVector columns = out.rows->columns();
  for (size_t i = 0; i < grouping_.size(); ++i) {
    std::vector<int32_t> copied = rows;
    for (size_t at = 0; at < total; ++at) {
      if (!sets_[at % sets_.size()][i]) copied[at] = -1;
    }
    ASSIGN_OR_RETURN(auto column, TakeOrNull(*batch.rows->column(grouping_[i]), copied));
    columns.push_back(std::move(column));
  }
  for (size_t c = 0; c < constants_[0].size(); ++c) {
    arrow::Int64Builder builder;
    RETURN_IF_ERROR(builder.Reserve(static_cast<int64_t>(total)));
    for (size_t at = 0; at < total; ++at) builder.UnsafeAppend(constants_[at % sets_.size()][c]);
    std::shared_ptr<arrow::Array> column;
    RETURN_IF_ERROR(builder.Finish(&column));
    columns.push_back(std::move(column));
  }
  out.rows =
      arrow::RecordBatch::Make(output_schema_, static_cast<int64_t>(total), std::move(columns));
  return out;
}

Task<> ExpandOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  CO_ASSIGN_OR_RETURN(ChangelogBatch output, Expand(batch));
  co_return co_await out->Emit(Element::Batch(std::move(output)));
}

UnnestOperator::UnnestOperator(const plan::UnnestNode& node)
    : collection_(node.collection),
      keep_empty_(node.keep_empty),
      with_ordinality_(node.with_ordinality),
      is_multiset_(node.inputs[0]->columns[static_cast<size_t>(node.collection)].type().root() ==
                   TypeRoot::kMultiset),
      condition_(node.condition),
      output_schema_(ToArrowSchema(node.columns)) {}

Task<> UnnestOperator::Open(const OperatorContext* context) {
  context_ = context;
  eval_ = context->eval;
  if (condition_) {
    std::vector<ExprPtr> conditions = {condition_};
    CO_ASSIGN_OR_RETURN(filter_, ExprProgram::Make(std::move(conditions), eval_));
  }
  co_return Status::OK();
}

Task<> UnnestOperator::OnWatermark(int64_t watermark_ms, Output* out) {
  eval_.watermark_ms = watermark_ms;
  co_return Status::OK();
}

Status UnnestOperator::Filter(const ChangelogBatch& batch, UnnestedElements* elements) {
  SetEvalTime(context_->env, &eval_);
  ASSIGN_OR_RETURN(const ChangelogBatch candidates, MakeRows(batch, *elements));
  std::vector<int32_t> kept;
  RETURN_IF_ERROR(
      filter_->Filter(candidates.rows->columns(), candidates.rows->num_rows(), eval_, &kept));
  for (std::vector<int32_t>* each : {&elements->rows, &elements->elements, &elements->numbers}) {
    size_t count = 0;
    for (const int32_t index : kept) (*each)[count++] = (*each)[static_cast<size_t>(index)];
    each->resize(count);
  }
  return Status::OK();
}

Result<ChangelogBatch> UnnestOperator::Unnest(const ChangelogBatch& batch) {
  ASSIGN_OR_RETURN(UnnestedElements elements,
                   ElementsOf(*batch.rows->column(collection_), is_multiset_));
  if (filter_) RETURN_IF_ERROR(Filter(batch, &elements));
  if (keep_empty_) AddRowsWithoutElement(batch.rows->num_rows(), &elements);
  return MakeRows(batch, elements);
}

Result<ChangelogBatch> UnnestOperator::MakeRows(const ChangelogBatch& batch,
                                                const UnnestedElements& elements) const {
  ASSIGN_OR_RETURN(ChangelogBatch out, TakeFromBatch(batch, elements.rows));
  ColumnVector columns = out.rows->columns();
  for (const auto& values : elements.columns) {
    ASSIGN_OR_RETURN(auto column, TakeOrNull(*values, elements.elements));
    columns.push_back(std::move(column));
  }
  if (with_ordinality_) {
    arrow::Int32Builder builder;
    for (const int32_t number : elements.numbers) {
      RETURN_IF_ERROR(number == 0 ? builder.AppendNull() : builder.Append(number));
    }
    std::shared_ptr<arrow::Array> column;
    RETURN_IF_ERROR(builder.Finish(&column));
    columns.push_back(std::move(column));
  }
  out.rows = arrow::RecordBatch::Make(output_schema_, static_cast<int64_t>(elements.rows.size()),
                                      std::move(columns));
  return out;
}

Task<> UnnestOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  CO_ASSIGN_OR_RETURN(ChangelogBatch output, Unnest(batch));
  co_return co_await out->Emit(Element::Batch(std::move(output)));
}

}  // namespace mainstem::process

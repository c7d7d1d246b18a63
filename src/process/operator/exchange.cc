#include "process/operator/exchange.h"

#include <arrow/api.h>

namespace mainstem::process {

Result<ChangelogBatch> TakeFromBatch(const ChangelogBatch& batch,
                                     const std::vector<int32_t>& indexes) {
  ColumnVector columns;
  columns.reserve(static_cast<size_t>(batch.rows->num_columns()));
  for (const auto& column : batch.rows->columns()) {
    ASSIGN_OR_RETURN(auto taken, TakeRows(column, indexes));
    columns.push_back(std::move(taken));
  }
  ChangelogBatch out;
  out.rows = arrow::RecordBatch::Make(batch.rows->schema(), static_cast<int64_t>(indexes.size()),
                                      std::move(columns));
  if (!batch.kinds.empty()) {
    out.kinds.reserve(indexes.size());
    for (int32_t index : indexes) out.kinds.push_back(batch.kinds[static_cast<size_t>(index)]);
  }
  return out;
}

HashOutput::HashOutput(std::vector<std::shared_ptr<Channel>> channels, std::vector<int> key_columns,
                       RowCodec codec)
    : channels_(std::move(channels)),
      key_columns_(std::move(key_columns)),
      codec_(std::move(codec)) {}

Task<> HashOutput::Emit(Element element) {
  if (element.kind != Element::Kind::kBatch) {
    for (auto& channel : channels_) CO_RETURN_IF_ERROR(co_await channel->Send(element));
    co_return Status::OK();
  }
  ColumnVector key_columns;
  for (int index : key_columns_) key_columns.push_back(element.batch.rows->column(index));
  CO_RETURN_IF_ERROR(codec_.Encode(key_columns, element.batch.rows->num_rows(), &keys_));
  keys_.ComputeHashes();
  std::vector<std::vector<int32_t>> rows_of(channels_.size());
  auto parallelism = static_cast<int>(channels_.size());
  for (size_t row = 0; row < keys_.size(); ++row) {
    int target = SubtaskOf(KeyGroupOf(keys_.hash(row)), parallelism);
    rows_of[static_cast<size_t>(target)].push_back(static_cast<int32_t>(row));
  }
  for (size_t i = 0; i < channels_.size(); ++i) {
    if (rows_of[i].empty()) continue;
    Element part = element;
    if (rows_of[i].size() < keys_.size()) {
      CO_ASSIGN_OR_RETURN(part.batch, TakeFromBatch(element.batch, rows_of[i]));
    }
    CO_RETURN_IF_ERROR(co_await channels_[i]->Send(std::move(part)));
  }
  co_return Status::OK();
}

Task<> BroadcastOutput::Emit(Element element) {
  for (auto& output : outputs_) CO_RETURN_IF_ERROR(co_await output->Emit(element));
  co_return Status::OK();
}

}  // namespace mainstem::process

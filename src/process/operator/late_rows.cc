#include "process/operator/late_rows.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include "core/json_writer.h"
#include "process/expr/text.h"
#include "process/operator/exchange.h"

namespace mainstem::process {

Result<std::vector<std::string>> LateRows::TextsOf(int operator_id,
                                                   std::shared_ptr<arrow::RecordBatch> rows) {
  RowText& text = texts_[operator_id];
  const std::shared_ptr<arrow::Schema> schema = rows->schema();
  if (!text.schema || (text.schema != schema && !text.schema->Equals(*schema))) {
    text.schema = schema;
    auto made = format::MakeEncoder("json", schema, {});
    text.encoder = made.ok() ? std::move(*made) : nullptr;
  }
  const auto count = static_cast<size_t>(rows->num_rows());
  std::vector<std::string> none(count, "null");
  if (!text.encoder) return none;
  ChangelogBatch inserts;
  inserts.rows = std::move(rows);
  auto texts = text.encoder->Encode(inserts);
  if (!texts.ok()) return none;  // a value has no form in JSON
  for (std::string& each : *texts) {
    if (each.size() > kRowTextMax) each = "null";
  }
  return texts;
}

Status LateRows::Add(const OperatorContext& context, const std::string& operator_name,
                     const ChangelogBatch& batch, const LateMarks& marks, int64_t watermark_ms) {
  char watermark[kTextMax];
  const size_t size = FormatTimestamp(watermark_ms, 1000, 3, watermark);
  const std::string head = fmt::format(
      "{{\"job\":{},\"dropped_by\":{},\"current_watermark\":\"{}\",", JsonQuote(options_.job_id),
      JsonQuote(operator_name), std::string_view(watermark, size));
  const int64_t now_ms = context.env->WallTime().value();
  ASSIGN_OR_RETURN(const ChangelogBatch late, TakeFromBatch(batch, marks.rows_));
  ASSIGN_OR_RETURN(const std::vector<std::string> texts, TextsOf(context.operator_id, late.rows));
  for (size_t i = 0; i < texts.size(); ++i) {
    const RowKind kind = late.kinds.empty() ? RowKind::kInsert : late.kinds[i];
    const std::string value = fmt::format("{}\"late_by_ms\":{},\"kind\":\"{}\",\"late_row\":{}}}",
                                          head, marks.late_by_ms_[i], ToString(kind), texts[i]);
    RETURN_IF_ERROR(buffer_.Add(options_.partition, now_ms, std::nullopt, value));
  }
  return Status::OK();
}

Status LateMarks::Tell(const OperatorContext& context, const std::string& operator_name,
                       const ChangelogBatch& batch, int64_t watermark_ms) {
  if (rows_.empty()) return Status::OK();
  context.metrics->late_rows += static_cast<int64_t>(rows_.size());
  Status status;
  if (context.late_rows != nullptr) {
    status = context.late_rows->Add(context, operator_name, batch, *this, watermark_ms);
  }
  rows_.clear();
  late_by_ms_.clear();
  return status;
}

}  // namespace mainstem::process

#include "process/operator/set_operation.h"

#include <cstring>

#include <arrow/api.h>

#include "process/operator/exchange.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {

struct SetOperationOperator::Counts {
  int64_t left = 0;
  int64_t right = 0;
  bool empty() const { return left == 0 && right == 0; }
};

// Stored form, version 1: u8 version | i64 left | i64 right
class SetOperationOperator::CountsCodec final : public ValueCodec {
 public:
  size_t value_bytes() const override { return sizeof(Counts); }
  void Init(std::byte* value) const override { new (value) Counts(); }
  void Destroy(std::byte* value) const override {}
  void Serialize(const std::byte* value, std::string* out) const override {
    out->push_back(kVersion);
    out->append(reinterpret_cast<const char*>(value), sizeof(Counts));
  }
  Status Deserialize(std::string_view bytes, std::byte* value) const override {
    if (bytes.size() != 1 + sizeof(Counts) || bytes[0] != kVersion) {
      return MakeError(ErrorCode::kCorruptStorage, "stored counts are damaged");
    }
    std::memcpy(value, bytes.data() + 1, sizeof(Counts));
    return Status::OK();
  }

 private:
  static constexpr char kVersion = 1;
};

SetOperationOperator::SetOperationOperator(const plan::SetOperationNode& node)
    : set_(node.set),
      all_(node.all),
      state_ttl_ms_(node.state_ttl_ms),
      output_schema_(ToArrowSchema(node.columns)) {}

SetOperationOperator::~SetOperationOperator() = default;

Task<> SetOperationOperator::Open(const OperatorContext* context) {
  context_ = context;
  std::vector<std::shared_ptr<arrow::DataType>> types;
  for (const auto& field : output_schema_->fields()) types.push_back(field->type());
  CO_ASSIGN_OR_RETURN(RowCodec codec, RowCodec::Make(std::move(types)));
  codec_ = std::make_unique<RowCodec>(std::move(codec));
  counts_codec_ = std::make_unique<CountsCodec>();
  StateTable::Options table = context->TableOptions(0, "set operation");
  table.ttl_ms = state_ttl_ms_;
  table_ = std::make_unique<StateTable>(std::move(table), counts_codec_.get(), context->backend,
                                        &context->env->blocking_pool());
  co_return co_await table_->Restore();
}

int64_t SetOperationOperator::CopiesOf(const Counts& counts) const {
  if (set_ == plan::SetKind::kIntersect) {
    const int64_t both = std::min(counts.left, counts.right);
    return all_ ? both : std::min<int64_t>(both, 1);
  }
  if (all_) return std::max<int64_t>(counts.left - counts.right, 0);
  return counts.left > 0 && counts.right == 0 ? 1 : 0;
}

void SetOperationOperator::Send(const Counts& before, const Counts& after, int32_t row) {
  int64_t old_copies = CopiesOf(before);
  int64_t new_copies = CopiesOf(after);
  RowKind gone = RowKind::kDelete;
  RowKind come = RowKind::kInsert;
  if (!all_) {
    if (old_copies == new_copies) return;
  } else {
    if (!after.empty()) gone = RowKind::kUpdateBefore;
    if (!before.empty()) come = RowKind::kUpdateAfter;
  }
  for (int64_t i = 0; i < old_copies; ++i) sent_.push_back({gone, row});
  for (int64_t i = 0; i < new_copies; ++i) sent_.push_back({come, row});
}

Status SetOperationOperator::Count(const ChangelogBatch& batch) {
  const auto& sides =
      static_cast<const arrow::Int32Array&>(*batch.rows->column(batch.rows->num_columns() - 1));
  sent_.clear();
  for (size_t row = 0; row < entries_.size(); ++row) {
    auto& counts = *reinterpret_cast<Counts*>(entries_[row]->value());
    const Counts before = counts;
    int64_t& count = sides.Value(static_cast<int64_t>(row)) > 0 ? counts.left : counts.right;
    const int sign = batch.kinds.empty() ? 1 : SignOf(batch.kinds[row]);
    // What was never added can't be taken back.
    if (sign < 0 && count == 0) continue;
    count += sign;
    Send(before, counts, static_cast<int32_t>(row));
  }
  table_->KeepOnce(&entries_);
  for (StateEntry* entry : entries_) {
    table_->MarkDirty(entry);
    if (reinterpret_cast<Counts*>(entry->value())->empty()) table_->Delete(entry);
  }
  return Status::OK();
}

Task<> SetOperationOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  ColumnVector columns = batch.rows->columns();
  columns.pop_back();
  CO_RETURN_IF_ERROR(codec_->Encode(columns, batch.rows->num_rows(), &keys_));
  keys_.ComputeHashes();
  CO_RETURN_IF_ERROR(co_await table_->Resolve(keys_, {}, &entries_));
  CO_RETURN_IF_ERROR(Count(batch));
  table_->Evict();
  context_->metrics->state_entries = static_cast<int64_t>(table_->entry_count());
  context_->metrics->state_bytes = static_cast<int64_t>(table_->memory_bytes());
  if (sent_.empty()) co_return Status::OK();
  std::vector<int32_t> rows;
  ChangelogBatch output;
  for (const Sent& sent : sent_) {
    rows.push_back(sent.row);
    output.kinds.push_back(sent.kind);
  }
  for (auto& column : columns) {
    CO_ASSIGN_OR_RETURN(column, TakeRows(column, rows));
  }
  output.rows = arrow::RecordBatch::Make(output_schema_, static_cast<int64_t>(rows.size()),
                                         std::move(columns));
  co_return co_await out->Emit(Element::Batch(std::move(output)));
}

Result<OperatorSnapshot> SetOperationOperator::Snapshot() {
  OperatorSnapshot snapshot;
  snapshot.Add(table_.get());
  return snapshot;
}

}  // namespace mainstem::process

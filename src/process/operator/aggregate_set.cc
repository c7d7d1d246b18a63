#include "process/operator/aggregate_set.h"

#include <algorithm>
#include <cstring>

#include <arrow/api.h>

namespace mainstem::process {
namespace {

constexpr char kAccumulatorsVersion = 1;

Status DamagedAccumulators() {
  return MakeError(ErrorCode::kCorruptStorage, "a stored group of aggregates is damaged");
}

std::vector<uint8_t> MaskOf(const arrow::Array& filter) {
  const auto& column = static_cast<const arrow::BooleanArray&>(filter);
  std::vector<uint8_t> mask(static_cast<size_t>(column.length()));
  for (int64_t row = 0; row < column.length(); ++row) {
    mask[static_cast<size_t>(row)] = column.IsValid(row) && column.Value(row) ? 1 : 0;
  }
  return mask;
}

}  // namespace

Result<std::unique_ptr<AggregateSet>> AggregateSet::Make(
    const std::vector<plan::AggregateSpec>& aggregates) {
  auto set = std::make_unique<AggregateSet>();
  for (const plan::AggregateSpec& spec : aggregates) {
    Function& function = set->functions_.emplace_back();
    ASSIGN_OR_RETURN(function.aggregate, Aggregate::Make(spec.call));
    function.args = spec.args;
    function.filter = spec.filter;
    function.offset = set->value_bytes_;
    set->value_bytes_ += function.aggregate->state_bytes();
    set->owns_heap_ |= function.aggregate->owns_heap();
    set->keeps_changes_ |= function.aggregate->keeps_changes();
    set->depends_on_order_ |= function.aggregate->depends_on_order();
    set->used_columns_.insert(set->used_columns_.end(), spec.args.begin(), spec.args.end());
    if (spec.filter >= 0) set->used_columns_.push_back(spec.filter);
  }
  std::sort(set->used_columns_.begin(), set->used_columns_.end());
  auto last = std::unique(set->used_columns_.begin(), set->used_columns_.end());
  set->used_columns_.erase(last, set->used_columns_.end());
  return set;
}

void AggregateSet::Init(std::byte* value) const {
  RowCount(value) = 0;
  for (const Function& function : functions_) function.aggregate->Init(value + function.offset);
}

void AggregateSet::Destroy(std::byte* value) const {
  if (!owns_heap_) return;
  for (const Function& function : functions_) function.aggregate->Destroy(value + function.offset);
}

size_t AggregateSet::HeapBytes(const std::byte* value) const {
  if (!owns_heap_) return 0;
  size_t bytes = 0;
  for (const Function& function : functions_) {
    bytes += function.aggregate->HeapBytes(value + function.offset);
  }
  return bytes;
}

void AggregateSet::PutBy(PutState put, const std::byte* value, std::string* out) const {
  out->push_back(kAccumulatorsVersion);
  out->append(reinterpret_cast<const char*>(value), sizeof(int64_t));
  for (const Function& function : functions_) {
    (function.aggregate.get()->*put)(value + function.offset, out);
  }
}

Status AggregateSet::TakeBy(TakeState take, std::string_view bytes, std::byte* value) const {
  if (bytes.size() < 1 + sizeof(int64_t) || bytes[0] != kAccumulatorsVersion)
    return DamagedAccumulators();
  std::memcpy(value, bytes.data() + 1, sizeof(int64_t));
  bytes.remove_prefix(1 + sizeof(int64_t));
  for (const Function& function : functions_) {
    RETURN_IF_ERROR((function.aggregate.get()->*take)(&bytes, value + function.offset));
  }
  return bytes.empty() ? Status::OK() : DamagedAccumulators();
}

void AggregateSet::Serialize(const std::byte* value, std::string* out) const {
  PutBy(&Aggregate::Serialize, value, out);
}

Status AggregateSet::Deserialize(std::string_view bytes, std::byte* value) const {
  return TakeBy(&Aggregate::Deserialize, bytes, value);
}

bool AggregateSet::HasChanges(const std::byte* value) const {
  if (!keeps_changes_) return false;
  return std::any_of(functions_.begin(), functions_.end(), [value](const Function& function) {
    return function.aggregate->HasChanges(value + function.offset);
  });
}

void AggregateSet::SerializeChanges(const std::byte* value, std::string* out) const {
  PutBy(&Aggregate::SerializeChanges, value, out);
}

Status AggregateSet::ApplyChanges(std::string_view bytes, std::byte* value) const {
  return TakeBy(&Aggregate::ApplyChanges, bytes, value);
}

void AggregateSet::OnStored(std::byte* value) const {
  if (!keeps_changes_) return;
  for (const Function& function : functions_) {
    function.aggregate->OnStored(value + function.offset);
  }
}

void AggregateSet::Prepare(const Function& function, const AggregateBatch& batch,
                           FunctionInput* out) {
  out->args.clear();
  for (int index : function.args) {
    out->args.push_back((*batch.columns)[static_cast<size_t>(index)]);
  }
  out->input = {.columns = out->args,
                .row_count = batch.row_count,
                .group_states = batch.blocks,
                .group_of_row = batch.group_of_row,
                .signs = batch.signs,
                .mask = batch.counts};
  if (function.filter < 0) return;
  out->mask = MaskOf(*(*batch.columns)[static_cast<size_t>(function.filter)]);
  out->input.mask = out->mask.data();
  if (batch.counts == nullptr) return;
  for (size_t row = 0; row < out->mask.size(); ++row) out->mask[row] &= batch.counts[row];
}

Status AggregateSet::Accumulate(const AggregateBatch& batch) const {
  for (int64_t row = 0; row < batch.row_count; ++row) {
    if (batch.counts != nullptr && batch.counts[row] == 0) continue;
    RowCount(batch.blocks[batch.group_of_row[row]]) += batch.signs ? batch.signs[row] : 1;
  }
  FunctionInput input;
  for (const Function& function : functions_) {
    Prepare(function, batch, &input);
    RETURN_IF_ERROR(function.aggregate->Accumulate(input.input, function.offset));
  }
  return Status::OK();
}

Result<ColumnVector> AggregateSet::Running(const AggregateBatch& batch) const {
  std::vector<uint8_t> reset_after(static_cast<size_t>(batch.row_count), 0);
  bool any_reset = false;
  for (int64_t row = 0; row < batch.row_count; ++row) {
    if (batch.counts != nullptr && batch.counts[row] == 0) continue;
    int64_t& count = RowCount(batch.blocks[batch.group_of_row[row]]);
    count += batch.signs ? batch.signs[row] : 1;
    if (count != 0) continue;
    reset_after[static_cast<size_t>(row)] = 1;
    any_reset = true;
  }
  ColumnVector columns;
  FunctionInput input;
  for (const Function& function : functions_) {
    Prepare(function, batch, &input);
    if (any_reset) input.input.reset_after = reset_after.data();
    ASSIGN_OR_RETURN(auto column, function.aggregate->Running(input.input, function.offset));
    columns.push_back(std::move(column));
  }
  return columns;
}

Result<ColumnVector> AggregateSet::Values(std::span<std::byte* const> blocks) const {
  ColumnVector columns;
  for (const Function& function : functions_) {
    ASSIGN_OR_RETURN(auto column, function.aggregate->Values(blocks, function.offset));
    columns.push_back(std::move(column));
  }
  return columns;
}

Status AggregateSet::Merge(std::byte* target, const std::byte* source) const {
  RowCount(target) += *reinterpret_cast<const int64_t*>(source);
  for (const Function& function : functions_) {
    RETURN_IF_ERROR(function.aggregate->Merge(target + function.offset, source + function.offset));
  }
  return Status::OK();
}

bool RowEquality::Equal(int64_t a, int64_t b) const {
  for (const auto& column : columns_) {
    bool a_valid = column->IsValid(a);
    if (a_valid != column->IsValid(b)) return false;
    if (!a_valid) continue;
    const arrow::DataType& type = *column->type();
    if (arrow::is_base_binary_like(type.id())) {
      const auto& values = static_cast<const arrow::BinaryArray&>(*column);
      if (values.GetView(a) != values.GetView(b)) return false;
    } else if (arrow::is_fixed_width(type.id()) && type.id() != arrow::Type::BOOL) {
      const auto& fixed = static_cast<const arrow::FixedWidthType&>(type);
      auto width = static_cast<size_t>(fixed.bit_width() / 8);
      const uint8_t* values =
          column->data()->buffers[1]->data() + static_cast<size_t>(column->offset()) * width;
      if (std::memcmp(values + static_cast<size_t>(a) * width,
                      values + static_cast<size_t>(b) * width, width) != 0) {
        return false;
      }
    } else if (!column->RangeEquals(a, a + 1, b, column)) {
      return false;
    }
  }
  return true;
}

}  // namespace mainstem::process

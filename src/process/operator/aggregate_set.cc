#include "process/operator/aggregate_set.h"

#include <algorithm>
#include <cstring>

#include <arrow/api.h>

namespace mainstem::process {
namespace {

constexpr char kAccumulatorsVersion = 1;
constexpr char kSharedSetsVersion = 2;

Status DamagedAccumulators() {
  return MakeError(ErrorCode::kCorruptStorage, "a stored group of aggregates is damaged");
}

}  // namespace

// Which rows of a batch each function looks at: those that count and pass its filter.
class AggregateSet::BatchMasks {
 public:
  explicit BatchMasks(const AggregateBatch& batch) : batch_(batch) {}

  // One byte for each row; nullptr: all rows. Borrowed from here.
  const uint8_t* Of(int filter) {
    if (filter < 0) return batch_.counts;
    for (const auto& [known, mask] : made_) {
      if (known == filter) return mask.data();
    }
    const auto& column =
        static_cast<const arrow::BooleanArray&>(*(*batch_.columns)[static_cast<size_t>(filter)]);
    std::vector<uint8_t> mask(static_cast<size_t>(column.length()));
    for (size_t row = 0; row < mask.size(); ++row) {
      const auto at = static_cast<int64_t>(row);
      mask[row] = column.IsValid(at) && column.Value(at) ? 1 : 0;
      if (batch_.counts != nullptr) mask[row] &= batch_.counts[row];
    }
    return made_.emplace_back(filter, std::move(mask)).second.data();
  }

 private:
  const AggregateBatch& batch_;
  std::vector<std::pair<int, std::vector<uint8_t>>> made_;
};

Result<std::unique_ptr<AggregateSet>> AggregateSet::Make(
    const std::vector<plan::AggregateSpec>& aggregates) {
  auto set = std::make_unique<AggregateSet>();
  for (const plan::AggregateSpec& spec : aggregates) {
    Function& function = set->functions_.emplace_back();
    function.args = spec.args;
    function.filter = spec.filter;
    AggregateCall call = spec.call;
    if (Aggregate::CanShareDistinct(call)) {
      set->Share(&function, call);
      call.distinct = false;
    }
    ASSIGN_OR_RETURN(function.aggregate, Aggregate::Make(call));
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

void AggregateSet::Share(Function* function, const AggregateCall& call) {
  const int column = function->args[0];
  const bool counts_nulls = Aggregate::CountsNulls(call.name);
  auto at = std::find_if(sets_.begin(), sets_.end(), [&](const SharedSet& set) {
    return set.column == column && set.counts_nulls == counts_nulls &&
           set.functions.size() < DistinctSet::kMaxFunctions;
  });
  if (at == sets_.end()) {
    at = sets_.insert(at, {.values = DistinctSet::Make(call.args[0], counts_nulls),
                           .column = column,
                           .counts_nulls = counts_nulls,
                           .offset = value_bytes_,
                           .functions = {}});
    value_bytes_ += at->values->state_bytes();
    owns_heap_ = true;
    keeps_changes_ = true;
  }
  function->set = static_cast<int>(at - sets_.begin());
  function->bit = at->functions.size();
  at->functions.push_back(functions_.size() - 1);
}

void AggregateSet::Init(std::byte* value) const {
  RowCount(value) = 0;
  for (const SharedSet& set : sets_) set.values->Init(value + set.offset);
  for (const Function& function : functions_) function.aggregate->Init(value + function.offset);
}

void AggregateSet::Destroy(std::byte* value) const {
  if (!owns_heap_) return;
  for (const SharedSet& set : sets_) set.values->Destroy(value + set.offset);
  for (const Function& function : functions_) function.aggregate->Destroy(value + function.offset);
}

size_t AggregateSet::HeapBytes(const std::byte* value) const {
  if (!owns_heap_) return 0;
  size_t bytes = 0;
  for (const SharedSet& set : sets_) bytes += set.values->HeapBytes(value + set.offset);
  for (const Function& function : functions_) {
    bytes += function.aggregate->HeapBytes(value + function.offset);
  }
  return bytes;
}

void AggregateSet::Put(bool changes, const std::byte* value, std::string* out) const {
  out->push_back(sets_.empty() ? kAccumulatorsVersion : kSharedSetsVersion);
  out->append(reinterpret_cast<const char*>(value), sizeof(int64_t));
  for (const SharedSet& set : sets_) {
    if (changes) {
      set.values->SerializeChanges(value + set.offset, out);
    } else {
      set.values->Serialize(value + set.offset, out);
    }
  }
  for (const Function& function : functions_) {
    if (changes) {
      function.aggregate->SerializeChanges(value + function.offset, out);
    } else {
      function.aggregate->Serialize(value + function.offset, out);
    }
  }
}

Status AggregateSet::Take(bool changes, std::string_view bytes, std::byte* value) const {
  if (bytes.size() < 1 + sizeof(int64_t)) return DamagedAccumulators();
  const char version = bytes[0];
  if (version != kAccumulatorsVersion && (version != kSharedSetsVersion || sets_.empty())) {
    return DamagedAccumulators();
  }
  std::memcpy(value, bytes.data() + 1, sizeof(int64_t));
  bytes.remove_prefix(1 + sizeof(int64_t));
  if (version == kSharedSetsVersion) {
    for (const SharedSet& set : sets_) {
      std::byte* state = value + set.offset;
      RETURN_IF_ERROR(changes ? set.values->ApplyChanges(&bytes, state)
                              : set.values->Deserialize(&bytes, state));
    }
  }
  for (const Function& function : functions_) {
    std::byte* state = value + function.offset;
    bool as_changes = changes;
    if (version == kAccumulatorsVersion && function.set >= 0) {  // it had a set of its own
      const SharedSet& set = sets_[static_cast<size_t>(function.set)];
      RETURN_IF_ERROR(set.values->TakeCounts(&bytes, changes, function.bit, value + set.offset));
      as_changes = false;  // what followed that set was always whole
      function.aggregate->Destroy(state);
      function.aggregate->Init(state);
    }
    RETURN_IF_ERROR(as_changes ? function.aggregate->ApplyChanges(&bytes, state)
                               : function.aggregate->Deserialize(&bytes, state));
  }
  return bytes.empty() ? Status::OK() : DamagedAccumulators();
}

void AggregateSet::Serialize(const std::byte* value, std::string* out) const {
  Put(false, value, out);
}

Status AggregateSet::Deserialize(std::string_view bytes, std::byte* value) const {
  return Take(false, bytes, value);
}

void AggregateSet::SerializeChanges(const std::byte* value, std::string* out) const {
  Put(true, value, out);
}

Status AggregateSet::ApplyChanges(std::string_view bytes, std::byte* value) const {
  return Take(true, bytes, value);
}

bool AggregateSet::HasChanges(const std::byte* value) const {
  if (!keeps_changes_) return false;
  return std::any_of(sets_.begin(), sets_.end(),
                     [value](const SharedSet& set) {
                       return set.values->HasChanges(value + set.offset);
                     }) ||
         std::any_of(functions_.begin(), functions_.end(), [value](const Function& function) {
           return function.aggregate->HasChanges(value + function.offset);
         });
}

void AggregateSet::OnStored(std::byte* value) const {
  if (!keeps_changes_) return;
  for (const SharedSet& set : sets_) set.values->OnStored(value + set.offset);
  for (const Function& function : functions_) {
    function.aggregate->OnStored(value + function.offset);
  }
}

template <typename Feed>
Status AggregateSet::ForEachFunction(const AggregateBatch& batch, const uint8_t* reset_after,
                                     Feed feed) const {
  const auto rows = static_cast<size_t>(batch.row_count);
  const auto input_of = [&](const ColumnVector& args) {
    return AggregateInput{.columns = args,
                          .row_count = batch.row_count,
                          .group_states = batch.blocks,
                          .group_of_row = batch.group_of_row,
                          .signs = batch.signs,
                          .reset_after = reset_after};
  };
  BatchMasks masks(batch);
  std::vector<std::vector<uint8_t>> passed(functions_.size());  // of functions with a set
  for (const SharedSet& set : sets_) {
    std::vector<uint8_t*> in_and_out;
    for (const size_t index : set.functions) {
      const uint8_t* mask = masks.Of(functions_[index].filter);
      passed[index] =
          mask == nullptr ? std::vector<uint8_t>(rows, 1) : std::vector<uint8_t>(mask, mask + rows);
      in_and_out.push_back(passed[index].data());
    }
    const ColumnVector column = {(*batch.columns)[static_cast<size_t>(set.column)]};
    set.values->Pass(input_of(column), set.offset, in_and_out);
  }
  ColumnVector args;
  for (size_t i = 0; i < functions_.size(); ++i) {
    const Function& function = functions_[i];
    args.clear();
    for (int index : function.args) args.push_back((*batch.columns)[static_cast<size_t>(index)]);
    AggregateInput input = input_of(args);
    input.mask = function.set >= 0 ? passed[i].data() : masks.Of(function.filter);
    RETURN_IF_ERROR(feed(function, input));
  }
  return Status::OK();
}

Status AggregateSet::Accumulate(const AggregateBatch& batch) const {
  for (int64_t row = 0; row < batch.row_count; ++row) {
    if (batch.counts != nullptr && batch.counts[row] == 0) continue;
    RowCount(batch.blocks[batch.group_of_row[row]]) += batch.signs ? batch.signs[row] : 1;
  }
  return ForEachFunction(batch, nullptr, [](const Function& function, const AggregateInput& input) {
    return function.aggregate->Accumulate(input, function.offset);
  });
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
  RETURN_IF_ERROR(ForEachFunction(
      batch, any_reset ? reset_after.data() : nullptr,
      [&](const Function& function, const AggregateInput& input) -> Status {
        ASSIGN_OR_RETURN(auto column, function.aggregate->Running(input, function.offset));
        columns.push_back(std::move(column));
        return Status::OK();
      }));
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
  for (const SharedSet& set : sets_) {
    ASSIGN_OR_RETURN(const DistinctSet::News news,
                     set.values->Merge(target + set.offset, source + set.offset));
    std::vector<uint8_t> mask(news.bits.size());
    for (size_t bit = 0; bit < set.functions.size(); ++bit) {
      for (size_t i = 0; i < mask.size(); ++i) mask[i] = (news.bits[i] >> bit) & 1;
      const Function& function = functions_[set.functions[bit]];
      RETURN_IF_ERROR(function.aggregate->Accumulate({.columns = {&news.values, 1},
                                                      .row_count = news.values->length(),
                                                      .group_states = &target,
                                                      .mask = mask.data()},
                                                     function.offset));
    }
  }
  for (const Function& function : functions_) {
    if (function.set >= 0) continue;
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

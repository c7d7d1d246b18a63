#include "process/operator/pane_aggregate.h"

#include <algorithm>
#include <new>

#include <arrow/api.h>

#include "process/operator/row_columns.h"

namespace mainstem::process {
namespace {

constexpr std::align_val_t kBlockAlignment{16};
// Behind every window: times have 53 bits at most.
constexpr int64_t kAfterAll = INT64_MAX / (2 * PaneSpan::kMaxLevels);

}  // namespace

PaneAggregateOperator::Merged::~Merged() {
  for (std::byte* block : owned_) {
    if (block == nullptr) continue;
    aggregates_->Destroy(block);
    ::operator delete(block, kBlockAlignment);
  }
}

Status PaneAggregateOperator::Merged::Add(StateEntry* entry) {
  const auto [found, is_new] =
      by_key_.try_emplace(entry->key(), static_cast<uint32_t>(keys_.size()));
  if (is_new) {
    keys_.push_back(entry->key());
    blocks_.push_back(entry->value());
    owned_.push_back(nullptr);
    return Status::OK();
  }
  std::byte*& block = blocks_[found->second];
  if (owned_[found->second] == nullptr) {
    auto* made =
        static_cast<std::byte*>(::operator new(aggregates_->value_bytes(), kBlockAlignment));
    aggregates_->Init(made);
    owned_[found->second] = made;
    RETURN_IF_ERROR(aggregates_->Merge(made, block));
    block = made;
  }
  return aggregates_->Merge(block, entry->value());
}

PaneAggregateOperator::PaneAggregateOperator(WindowAggregateOptions options)
    : options_(std::move(options)), panes_(options_.window) {}

Task<> PaneAggregateOperator::Open(const OperatorContext* context) {
  context_ = context;
  assigner_.emplace(options_.window, context->eval.time_zone);
  CO_ASSIGN_OR_RETURN(aggregates_, AggregateSet::Make(options_.aggregates));
  CO_ASSIGN_OR_RETURN(codec_, MakeRowCodec(options_.key_types));
  output_.emplace(WindowOutput::Options{options_.output_schema, options_.properties}, &*assigner_,
                  aggregates_.get(), codec_.get());
  StateTable::Options table = context->TableOptions(0, "window aggregate");
  table.indexed_by_namespace = true;
  table_ = std::make_unique<StateTable>(std::move(table), aggregates_.get(), context->backend,
                                        &context->env->blocking_pool());
  accumulator_.emplace(options_.keys, aggregates_.get(), codec_.get(), table_.get());
  CO_ASSIGN_OR_RETURN(PaneProgress before,
                      PaneProgress::Of(context->restored_blobs, context->key_groups()));
  watermark_ms_ = before.watermark_ms;
  if (before.parts.empty()) next_end_ = FirstOpenEnd(watermark_ms_);
  for (const PaneProgress::Part& part : before.parts) {
    next_end_ = std::max(next_end_, part.next_end);
  }
  behind_ = std::move(before.parts);
  std::erase_if(behind_, [&](const auto& part) { return part.next_end == next_end_; });
  co_return co_await table_->Restore();
}

int64_t PaneAggregateOperator::FirstOpenEnd(int64_t watermark_ms) const {
  if (watermark_ms == kNoWatermark) return PaneProgress::kNothingSent;
  // Local times of windows differ from instants by less than this.
  constexpr int64_t kZoneSlack = 36LL * 3600 * 1000;
  if (watermark_ms > kEndOfTime - kZoneSlack) return kAfterAll;
  const auto is_over = [&](int64_t end) {
    return assigner_->ToInstant(panes_.TimeOf(end)) - 1 <= watermark_ms;
  };
  // Where clocks are set back local time names two instants: look around.
  int64_t end = panes_.EndAt(assigner_->ToLocal(watermark_ms + 1));
  while (is_over(end)) ++end;
  while (!is_over(end - 1)) --end;
  return end;
}

void PaneAggregateOperator::AssignPanes(const std::vector<int64_t>& times) {
  rows_.clear();
  names_.clear();
  is_whole_ = true;
  for (size_t row = 0; row < times.size(); ++row) {
    const int64_t pane_end = panes_.EndAt(assigner_->ToLocal(times[row]));
    if (panes_.LastWindowEnd(pane_end) < next_end_) {
      const int64_t last_end = panes_.TimeOf(panes_.LastWindowEnd(pane_end));
      late_.Add(row, watermark_ms_ - (assigner_->ToInstant(last_end) - 1));
      is_whole_ = false;
      continue;
    }
    rows_.push_back(static_cast<int32_t>(row));
    names_.push_back(PaneSpan{pane_end, 0}.name());
    if (pane_end >= next_end_) continue;
    panes_.SpansOver(pane_end, next_end_ - 1, &spans_);
    for (const PaneSpan& span : spans_) {
      is_whole_ = false;
      rows_.push_back(static_cast<int32_t>(row));
      names_.push_back(span.name());
    }
  }
}

Task<> PaneAggregateOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  CO_RETURN_IF_ERROR(co_await CatchUp(out));
  std::vector<int64_t> times;
  CO_RETURN_IF_ERROR(TimesOf(*batch.rows->column(options_.window.time_column), &times));
  AssignPanes(times);
  CO_RETURN_IF_ERROR(late_.Tell(*context_, name(), batch, watermark_ms_));
  if (rows_.empty()) co_return Status::OK();
  CO_RETURN_IF_ERROR(co_await accumulator_->Add(
      batch, {.rows = rows_, .name_spaces = names_, .is_whole = is_whole_}));
  table_->Evict();
  UpdateMetrics();
  co_return Status::OK();
}

Task<> PaneAggregateOperator::OnWatermark(int64_t watermark_ms, Output* out) {
  watermark_ms_ = watermark_ms;
  CO_RETURN_IF_ERROR(co_await CatchUp(out));
  const int64_t first_open = FirstOpenEnd(watermark_ms);
  CO_ASSIGN_OR_RETURN(next_end_, co_await SendUpTo(next_end_, first_open, out));
  next_end_ = std::max(next_end_, first_open);
  table_->Evict();
  UpdateMetrics();
  co_return Status::OK();
}

Task<int64_t> PaneAggregateOperator::SendUpTo(int64_t next_end, int64_t first_open, Output* out) {
  while (true) {
    // Nothing lies before the first span that there is: no window between has rows.
    const std::vector<int64_t> first = table_->NamespacesUpTo(INT64_MAX, 1);
    if (first.empty()) break;
    const int64_t end = std::max(next_end, PaneSpan::Of(first[0]).end);
    if (end >= first_open) break;
    CO_RETURN_IF_ERROR(co_await BuildSpans(end));
    CO_RETURN_IF_ERROR(co_await Fire(end, out));
    CO_RETURN_IF_ERROR(co_await Forget(end));
    next_end = end + 1;
  }
  co_return next_end;
}

// A subtask of before was behind another one by a tick of the clock, or by a source that came back
// late: its windows go out now, without more rows.
Task<> PaneAggregateOperator::CatchUp(Output* out) {
  const std::vector<PaneProgress::Part> behind = std::exchange(behind_, {});
  for (const PaneProgress::Part& part : behind) {
    only_ = part.groups;
    CO_RETURN_IF_ERROR(co_await SendUpTo(part.next_end, next_end_, out));
  }
  only_.reset();
  co_return Status::OK();
}

Task<> PaneAggregateOperator::Entries(const PaneSpan& span, std::vector<StateEntry*>* entries) {
  CO_RETURN_IF_ERROR(co_await table_->ResolveNamespace(span.name(), entries));
  if (!only_) co_return Status::OK();
  std::erase_if(*entries,
                [&](const StateEntry* entry) { return !only_->Contains(entry->key_group()); });
  co_return Status::OK();
}

Task<> PaneAggregateOperator::BuildSpans(int64_t end) {
  std::vector<PaneSpan> spans;
  panes_.SpansEndingAt(end, &spans);
  for (const PaneSpan& whole : spans) {
    const PaneSpan second{end, whole.level - 1};
    CO_RETURN_IF_ERROR(co_await MergeInto({second.begin(), second.level}, whole));
    CO_RETURN_IF_ERROR(co_await MergeInto(second, whole));
  }
  co_return Status::OK();
}

Task<> PaneAggregateOperator::MergeInto(const PaneSpan& half, const PaneSpan& whole) {
  std::vector<StateEntry*> sources, targets;
  CO_RETURN_IF_ERROR(co_await Entries(half, &sources));
  if (sources.empty()) co_return Status::OK();
  const EncodedRows keys = KeysOf(sources);
  const std::vector<int64_t> names(sources.size(), whole.name());
  CO_RETURN_IF_ERROR(co_await table_->Resolve(keys, names, &targets));
  for (size_t i = 0; i < sources.size(); ++i) {
    CO_RETURN_IF_ERROR(aggregates_->Merge(targets[i]->value(), sources[i]->value()));
    table_->MarkDirty(targets[i]);
  }
  co_return Status::OK();
}

Task<> PaneAggregateOperator::Fire(int64_t window_end, Output* out) {
  std::vector<PaneSpan> spans;
  panes_.SpansOf(window_end, &spans);
  // What is kept by order of arrival is put together from the first span on.
  if (aggregates_->depends_on_order()) std::reverse(spans.begin(), spans.end());
  std::vector<StateEntry*> entries;
  Merged merged(aggregates_.get());
  for (const PaneSpan& span : spans) {
    CO_RETURN_IF_ERROR(co_await Entries(span, &entries));
    for (StateEntry* entry : entries) CO_RETURN_IF_ERROR(merged.Add(entry));
  }
  const std::span<const std::string_view> keys(merged.keys());
  const std::span<std::byte* const> blocks(merged.blocks());
  for (size_t begin = 0; begin < keys.size(); begin += WindowOutput::kRowsAtOnce) {
    const size_t count = std::min(WindowOutput::kRowsAtOnce, keys.size() - begin);
    CO_ASSIGN_OR_RETURN(ChangelogBatch rows,
                        output_->Make(panes_.TimeOf(window_end), keys.subspan(begin, count),
                                      blocks.subspan(begin, count)));
    if (rows.rows->num_rows() == 0) continue;
    CO_RETURN_IF_ERROR(co_await out->Emit(Element::Batch(std::move(rows))));
  }
  co_return Status::OK();
}

Task<> PaneAggregateOperator::Forget(int64_t window_end) {
  std::vector<PaneSpan> spans;
  std::vector<StateEntry*> entries;
  panes_.SpansDoneAfter(window_end, &spans);
  for (const PaneSpan& span : spans) {
    CO_RETURN_IF_ERROR(co_await Entries(span, &entries));
    for (StateEntry* entry : entries) table_->Delete(entry);
  }
  co_return Status::OK();
}

void PaneAggregateOperator::UpdateMetrics() {
  context_->metrics->state_entries = static_cast<int64_t>(table_->entry_count());
  context_->metrics->state_bytes = static_cast<int64_t>(table_->memory_bytes());
}

PaneProgress PaneAggregateOperator::Progress() const {
  PaneProgress progress{.watermark_ms = watermark_ms_, .parts = {}};
  int begun = context_->key_groups().begin;
  const auto add = [&](int end, int64_t next_end) {
    if (end > begun) progress.parts.push_back({{begun, end}, next_end});
    begun = std::max(begun, end);
  };
  for (const PaneProgress::Part& part : behind_) {
    add(part.groups.begin, next_end_);
    add(part.groups.end, part.next_end);
  }
  add(context_->key_groups().end, next_end_);
  return progress;
}

Result<OperatorSnapshot> PaneAggregateOperator::Snapshot() {
  OperatorSnapshot snapshot;
  snapshot.Add(table_.get());
  snapshot.blob = Progress().ToBlob();
  return snapshot;
}

}  // namespace mainstem::process

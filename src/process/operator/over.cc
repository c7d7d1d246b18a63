#include "process/operator/over.h"

#include <algorithm>
#include <limits>

#include <arrow/api.h>

#include "process/operator/calc.h"
#include "process/operator/exchange.h"
#include "process/operator/row_columns.h"
#include "process/operator/watermark_blob.h"
#include "process/operator/window_aggregate.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {

using Kind = OverFunctions::Kind;

OverFunctions::OverFunctions(const plan::OverNode& node) {
  const auto place_of = [&](int column) {
    const auto place = std::find(args.begin(), args.end(), column) - args.begin();
    if (place == static_cast<ptrdiff_t>(args.size())) args.push_back(column);
    return static_cast<int>(place);
  };
  for (const plan::AggregateSpec& spec : node.functions) {
    Function& function = functions.emplace_back();
    const std::string& name = spec.call.name;
    if (name == "ROW_NUMBER" || name == "RANK" || name == "DENSE_RANK") {
      function.kind = Kind::kRowNumber;
    } else if (spec.call.name == "LAG") {
      function.kind = Kind::kLag;
      function.offset = spec.call.offset;
      function.value = place_of(spec.args[0]);
      if (spec.args.size() > 1) function.fallback = place_of(spec.args[1]);
      lag_max = std::max(lag_max, static_cast<size_t>(function.offset));
    } else {
      function.aggregate = aggregates.size();
      plan::AggregateSpec& aggregate = aggregates.emplace_back(spec);
      for (int& column : aggregate.args) column = place_of(column);
      if (aggregate.filter >= 0) aggregate.filter = place_of(aggregate.filter);
      aggregate.call.needs_retract = node.preceding >= 0;
    }
  }
}

OverOperator::OverOperator(const plan::OverNode& node)
    : functions_(node),
      partition_(node.partition),
      time_column_(node.order[0].column),
      by_event_time_(node.time == plan::OverTime::kRowtime),
      rows_(node.rows),
      preceding_(node.preceding),
      state_ttl_ms_(node.state_ttl_ms),
      input_(node.inputs[0]->columns),
      output_schema_(ToArrowSchema(node.columns)) {}

Task<> OverOperator::Open(const OperatorContext* context) {
  context_ = context;
  CO_ASSIGN_OR_RETURN(partition_codec_, MakeRowCodec(TypesOf(input_, partition_)));
  CO_ASSIGN_OR_RETURN(args_codec_, MakeRowCodec(TypesOf(input_, functions_.args)));
  CO_ASSIGN_OR_RETURN(aggregates_, AggregateSet::Make(functions_.aggregates));
  frame_codec_ = std::make_unique<OverFrameCodec>(aggregates_.get());
  watermark_ms_ = LowestWatermark(context->restored_blobs);
  StateTable::Options table = context->TableOptions(0, "over window");
  if (by_event_time_) {
    waiting_ = std::make_unique<EventTimeBuffer>(context, 1);
    CO_RETURN_IF_ERROR(co_await waiting_->Restore(input_));
  }
  if (has_timers()) {
    timers_ = std::make_unique<KeyTimers>(context, 2);
    CO_RETURN_IF_ERROR(co_await timers_->Restore());
  }
  if (!has_timers() || functions_.lag_max > 0) table.ttl_ms = state_ttl_ms_;
  if (has_timers()) {
    // Only what LAG looks back to: the frame goes with its timer.
    table.is_held = [](const std::byte* value) {
      return OverFrameCodec::Of(value).frame_begin < OverFrameCodec::Of(value).rows.size();
    };
  }
  frames_ = std::make_unique<StateTable>(std::move(table), frame_codec_.get(), context->backend,
                                         &context->env->blocking_pool());
  co_return co_await frames_->Restore();
}

Task<> OverOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  if (by_event_time_) co_return co_await Buffer(batch);
  EvalContext eval;
  SetEvalTime(context_->env, &eval);
  const std::vector<int64_t> times(static_cast<size_t>(batch.rows->num_rows()), eval.now_us / 1000);
  co_return co_await Process(batch.rows->columns(), times, out);
}

Task<> OverOperator::Buffer(const ChangelogBatch& all) {
  std::vector<int64_t> times;
  CO_RETURN_IF_ERROR(TimesOf(*all.rows->column(time_column_), &times));
  CO_RETURN_IF_ERROR(
      partition_codec_->Encode(ColumnsOf(*all.rows, partition_), all.rows->num_rows(), &keys_));
  keys_.ComputeHashes();
  std::vector<int32_t> in_time;
  const bool any_behind =
      std::any_of(times.begin(), times.end(), [&](int64_t t) { return t <= watermark_ms_; });
  if (!any_behind) co_return co_await Wait(*all.rows, times);
  if (is_bounded()) CO_RETURN_IF_ERROR(co_await frames_->Lookup(keys_, {}, &entries_));
  for (size_t row = 0; row < times.size(); ++row) {
    bool is_late = times[row] <= watermark_ms_;
    if (is_late && is_bounded()) {
      is_late = entries_[row] != nullptr && times[row] <= OverFrameCodec::Of(entries_[row]).time_ms;
    }
    if (is_late) {
      late_.Add(row, watermark_ms_ - times[row]);
    } else {
      in_time.push_back(static_cast<int32_t>(row));
    }
  }
  CO_RETURN_IF_ERROR(late_.Tell(*context_, name(), all, watermark_ms_));
  if (in_time.empty()) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(const ChangelogBatch batch, TakeFromBatch(all, in_time));
  CO_RETURN_IF_ERROR(TimesOf(*batch.rows->column(time_column_), &times));
  CO_RETURN_IF_ERROR(
      partition_codec_->Encode(ColumnsOf(*batch.rows, partition_), batch.rows->num_rows(), &keys_));
  keys_.ComputeHashes();
  co_return co_await Wait(*batch.rows, times);
}

// keys_: of the rows.
Task<> OverOperator::Wait(const arrow::RecordBatch& rows, const std::vector<int64_t>& times) {
  CO_RETURN_IF_ERROR(co_await waiting_->Add(rows, keys_, times));
  if (timers_ == nullptr) co_return Status::OK();
  CO_RETURN_IF_ERROR(co_await frames_->Resolve(keys_, {}, &entries_));
  CO_RETURN_IF_ERROR(co_await SetTimers(entries_, times));
  frames_->Evict();
  co_return Status::OK();
}

Task<> OverOperator::OnWatermark(int64_t watermark_ms, Output* out) {
  watermark_ms_ = watermark_ms;
  if (!by_event_time_) co_return Status::OK();
  ColumnVector columns;
  std::vector<int64_t> times;
  while (true) {
    CO_RETURN_IF_ERROR(co_await waiting_->Take(watermark_ms, &columns, &times));
    if (times.empty()) break;
    CO_RETURN_IF_ERROR(co_await Process(std::move(columns), times, out));
  }
  if (timers_ != nullptr) CO_RETURN_IF_ERROR(co_await Forget(watermark_ms));
  co_return Status::OK();
}

Task<> OverOperator::OnTime(int64_t now_ms, Output* out) {
  if (wants_time()) CO_RETURN_IF_ERROR(co_await Forget(now_ms));
  co_return Status::OK();
}

Task<> OverOperator::SetTimers(const std::vector<StateEntry*>& entries,
                               const std::vector<int64_t>& times) {
  std::vector<StateEntry*> changed;
  std::vector<int64_t> ends;
  for (size_t row = 0; row < times.size(); ++row) {
    OverFrame& frame = OverFrameCodec::Of(entries[row]);
    // Not at every row: the partition may stay half a frame too long.
    if (frame.cleanup_ms > times[row] + preceding_) continue;
    frame.cleanup_ms = times[row] + preceding_ + preceding_ / 2 + 1;
    frames_->MarkDirty(entries[row]);
    changed.push_back(entries[row]);
    ends.push_back(frame.cleanup_ms);
  }
  co_return co_await timers_->Set(changed, ends);
}

// A partition that has had rows since its timer was set stays, yet by event time rows before the
// timer's time are late from now on: as in Flink, whose timers all count as rows that were sent.
Task<> OverOperator::Forget(int64_t now_ms) {
  int64_t time = 0;
  while (true) {
    CO_RETURN_IF_ERROR(co_await timers_->TakeDue(now_ms, &time, &keys_));
    if (keys_.size() == 0) break;
    CO_RETURN_IF_ERROR(co_await frames_->Lookup(keys_, {}, &entries_));
    for (StateEntry* entry : entries_) {
      if (entry == nullptr) continue;
      OverFrame& frame = OverFrameCodec::Of(entry);
      if (frame.cleanup_ms <= time) {
        ForgetFrame(entry);
      } else if (by_event_time_ && frame.time_ms < time) {
        frame.time_ms = time;
        frames_->MarkDirty(entry);
      }
    }
  }
  UpdateMetrics();
  co_return Status::OK();
}

// What is left for LAG counts nothing: its next row begins a frame anew.
void OverOperator::ForgetFrame(StateEntry* entry) {
  OverFrame& frame = OverFrameCodec::Of(entry);
  if (functions_.lag_max == 0 || frame.rows.empty()) return frames_->Delete(entry);
  frame.frame_begin = frame.rows.size();
  while (frame.rows.size() > functions_.lag_max) frame.PopFront();
  frame.cleanup_ms = 0;
  frame_codec_->ResetAggregates(entry);
  frames_->MarkDirty(entry);
}

Task<> OverOperator::Process(ColumnVector columns, const std::vector<int64_t>& times, Output* out) {
  const auto row_count = static_cast<int64_t>(times.size());
  ColumnVector key_columns, args;
  for (const int column : partition_) key_columns.push_back(columns[static_cast<size_t>(column)]);
  for (const int column : functions_.args) args.push_back(columns[static_cast<size_t>(column)]);
  CO_RETURN_IF_ERROR(partition_codec_->Encode(key_columns, row_count, &keys_));
  keys_.ComputeHashes();
  if (is_bounded() || functions_.lag_max > 0) {
    CO_RETURN_IF_ERROR(args_codec_->Encode(args, row_count, &args_rows_));
  }
  CO_RETURN_IF_ERROR(co_await frames_->Resolve(keys_, {}, &entries_));
  groups_ = entries_;
  frames_->KeepOnce(&groups_);
  for (size_t i = 0; i < groups_.size(); ++i) groups_[i]->batch_group = static_cast<uint32_t>(i);
  peers_.assign(groups_.size(), {});
  last_step_.assign(groups_.size(), -1);
  steps_.clear();
  step_of_row_.assign(times.size(), -1);
  old_rows_.clear();
  numbers_.assign(functions_.functions.size(), {});
  lag_sources_.assign(functions_.functions.size(), {});
  for (size_t row = 0; row < times.size(); ++row) AddRow(static_cast<int32_t>(row), times[row]);
  for (size_t group = 0; group < groups_.size(); ++group) {
    ClosePeers(static_cast<uint32_t>(group));
  }
  CO_ASSIGN_OR_RETURN(ColumnVector results, Results(args, row_count));
  std::move(results.begin(), results.end(), std::back_inserter(columns));
  if (wants_time() && !times.empty()) {
    const std::vector<int64_t> now(groups_.size(), times.back());
    CO_RETURN_IF_ERROR(co_await SetTimers(groups_, now));
  }
  FinishEntries();
  ChangelogBatch batch;
  batch.rows = arrow::RecordBatch::Make(output_schema_, row_count, std::move(columns));
  co_return co_await out->Emit(Element::Batch(std::move(batch)));
}

int32_t OverOperator::SourceOf(const OverFrame::Row& row) {
  if (row.batch_row >= 0) return row.batch_row;
  old_rows_.push_back(row.args);
  return static_cast<int32_t>(entries_.size() + old_rows_.size()) - 1;
}

void OverOperator::TakeBack(OverFrame* frame, uint32_t group) {
  steps_.push_back({SourceOf(frame->rows[frame->frame_begin]), group, -1});
  ++frame->frame_begin;
}

void OverOperator::LeaveFrame(OverFrame* frame, uint32_t group, int64_t time_ms) {
  if (rows_) {
    const auto most = static_cast<size_t>(preceding_) + 1;
    while (frame->rows.size() - frame->frame_begin >= most) TakeBack(frame, group);
    return;
  }
  const int64_t oldest = time_ms < std::numeric_limits<int64_t>::min() + preceding_
                             ? std::numeric_limits<int64_t>::min()
                             : time_ms - preceding_;
  while (frame->frame_begin < frame->rows.size() &&
         frame->rows[frame->frame_begin].time_ms < oldest) {
    TakeBack(frame, group);
  }
}

void OverOperator::ClosePeers(uint32_t group) {
  for (const int32_t row : peers_[group])
    step_of_row_[static_cast<size_t>(row)] = last_step_[group];
  // LAG looks back from the last of them, too; the row number is the last one's.
  const auto take_last = [&](auto& values) {
    if (values.empty() || peers_[group].empty()) return;
    const auto last = values[static_cast<size_t>(peers_[group].back())];
    for (const int32_t row : peers_[group]) values[static_cast<size_t>(row)] = last;
  };
  for (std::vector<int32_t>& sources : lag_sources_) take_last(sources);
  for (std::vector<int64_t>& numbers : numbers_) take_last(numbers);
  peers_[group].clear();
}

void OverOperator::AddRow(int32_t row, int64_t time_ms) {
  const auto at = static_cast<size_t>(row);
  OverFrame& frame = OverFrameCodec::Of(entries_[at]);
  const uint32_t group = entries_[at]->batch_group;
  if (frame.row_count == 0 || time_ms != frame.time_ms) {
    ClosePeers(group);
    frame.time_ms = time_ms;
  } else if (!joins_peers()) {
    ClosePeers(group);
  }
  ++frame.row_count;
  if (is_bounded()) LeaveFrame(&frame, group, time_ms);
  steps_.push_back({row, group, 1});
  last_step_[group] = static_cast<int32_t>(steps_.size()) - 1;
  peers_[group].push_back(row);
  for (size_t i = 0; i < functions_.functions.size(); ++i) {
    const OverFunctions::Function& function = functions_.functions[i];
    switch (function.kind) {
      case Kind::kAggregate: break;
      case Kind::kRowNumber: numbers_[i].push_back(frame.row_count); break;
      case Kind::kLag: {
        const auto back = static_cast<size_t>(function.offset);
        lag_sources_[i].push_back(back == 0 ? row
                                  : back > frame.rows.size()
                                      ? -1
                                      : SourceOf(frame.rows[frame.rows.size() - back]));
        break;
      }
    }
  }
  if (!is_bounded() && functions_.lag_max == 0) return;
  frame.Push({time_ms, std::string(args_rows_.row(at)), row});
  if (!is_bounded()) frame.frame_begin = frame.rows.size();
  while (frame.frame_begin > 0 && frame.rows.size() > functions_.lag_max) frame.PopFront();
}

Result<ColumnVector> OverOperator::RunAggregates(const ColumnVector& args,
                                                 const ColumnVector& old_args) {
  std::vector<int32_t> sources;
  std::vector<uint32_t> group_of_step;
  std::vector<int8_t> signs;
  for (const Step& step : steps_) {
    sources.push_back(step.source);
    group_of_step.push_back(step.group);
    signs.push_back(step.sign);
  }
  std::vector<std::byte*> blocks;
  for (StateEntry* entry : groups_) blocks.push_back(OverFrameCodec::BlockOf(entry));
  ASSIGN_OR_RETURN(const ColumnVector columns, PickFrom(args, old_args, sources));
  AggregateBatch batch{.columns = &columns,
                       .row_count = static_cast<int64_t>(steps_.size()),
                       .blocks = blocks.data(),
                       .group_of_row = group_of_step.data(),
                       .signs = is_bounded() ? signs.data() : nullptr};
  ASSIGN_OR_RETURN(ColumnVector running, aggregates_->Running(batch));
  for (auto& column : running) {
    ASSIGN_OR_RETURN(column, TakeRows(column, step_of_row_));
  }
  return running;
}

Result<std::shared_ptr<arrow::Array>> OverOperator::LagColumn(size_t function,
                                                              const ColumnVector& args,
                                                              const ColumnVector& old_args) {
  const OverFunctions::Function& lag = functions_.functions[function];
  const auto value = static_cast<size_t>(lag.value);
  std::vector<int32_t>& sources = lag_sources_[function];
  std::shared_ptr<arrow::Array> rest = old_args[value];
  if (lag.fallback >= 0) {
    ASSIGN_OR_RETURN(rest, arrow::Concatenate({rest, args[static_cast<size_t>(lag.fallback)]}));
    const auto first = static_cast<int32_t>(args[value]->length() + old_args[value]->length());
    for (size_t row = 0; row < sources.size(); ++row) {
      if (sources[row] < 0) sources[row] = first + static_cast<int32_t>(row);
    }
  }
  ASSIGN_OR_RETURN(ColumnVector picked, PickFrom({args[value]}, {rest}, sources));
  return picked[0];
}

Result<ColumnVector> OverOperator::Results(const ColumnVector& args, int64_t row_count) {
  const std::vector<std::string_view> old_views(old_rows_.begin(), old_rows_.end());
  ASSIGN_OR_RETURN(const ColumnVector old_args, args_codec_->Decode(old_views));
  ColumnVector aggregates, results;
  if (!functions_.aggregates.empty()) {
    ASSIGN_OR_RETURN(aggregates, RunAggregates(args, old_args));
  }
  for (size_t i = 0; i < functions_.functions.size(); ++i) {
    const OverFunctions::Function& function = functions_.functions[i];
    if (function.kind == Kind::kAggregate) {
      results.push_back(aggregates[function.aggregate]);
    } else if (function.kind == Kind::kLag) {
      ASSIGN_OR_RETURN(auto column, LagColumn(i, args, old_args));
      results.push_back(std::move(column));
    } else {
      arrow::Int64Builder builder;
      RETURN_IF_ERROR(builder.AppendValues(numbers_[i]));
      ASSIGN_OR_RETURN(auto column, builder.Finish());
      results.push_back(std::move(column));
    }
  }
  return results;
}

void OverOperator::FinishEntries() {
  for (StateEntry* entry : groups_) {
    std::deque<OverFrame::Row>& rows = OverFrameCodec::Of(entry).rows;
    for (auto row = rows.rbegin(); row != rows.rend() && row->batch_row >= 0; ++row) {
      row->batch_row = -1;
    }
    frames_->MarkDirty(entry);
  }
  frames_->Evict();
  UpdateMetrics();
}

void OverOperator::UpdateMetrics() {
  const size_t waiting_count = waiting_ ? waiting_->entry_count() : 0;
  const size_t waiting_bytes = waiting_ ? waiting_->memory_bytes() : 0;
  context_->metrics->state_entries = static_cast<int64_t>(frames_->entry_count() + waiting_count);
  context_->metrics->state_bytes = static_cast<int64_t>(frames_->memory_bytes() + waiting_bytes);
}

Result<OperatorSnapshot> OverOperator::Snapshot() {
  OperatorSnapshot snapshot;
  snapshot.Add(frames_.get());
  if (waiting_ != nullptr) {
    snapshot.Add(waiting_->table());
    snapshot.blob = WatermarkBlob(watermark_ms_);
  }
  if (timers_ != nullptr) {
    snapshot.Add(timers_->table());
  }
  return snapshot;
}

}  // namespace mainstem::process

#include "process/operator/match_recognize.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include <arrow/api.h>

#include "process/operator/calc.h"
#include "process/operator/exchange.h"
#include "process/operator/rank.h"
#include "process/operator/row_columns.h"
#include "process/operator/watermark_blob.h"
#include "process/operator/window_aggregate.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {
namespace {

size_t PlaceIn(const std::vector<int>& columns, int column) {
  const auto at = std::find(columns.begin(), columns.end(), column);
  CHECK(at != columns.end());
  return static_cast<size_t>(at - columns.begin());
}

Result<std::vector<std::unique_ptr<ExprProgram>>> MakePrograms(const std::vector<ExprPtr>& exprs,
                                                               const EvalContext& eval) {
  std::vector<std::unique_ptr<ExprProgram>> programs;
  for (const ExprPtr& expr : exprs) {
    ASSIGN_OR_RETURN(auto program, ExprProgram::Make({expr}, eval));
    programs.push_back(std::move(program));
  }
  return programs;
}

// The rows for which all are TRUE; what one refuses, the next ones don't see. Columns that nobody
// reads may be null pointers.
Result<std::vector<int32_t>> FilterAll(const std::vector<std::unique_ptr<ExprProgram>>& programs,
                                       const ColumnVector& columns, int64_t row_count,
                                       const EvalContext& eval) {
  std::vector<int32_t> rows(static_cast<size_t>(row_count));
  std::iota(rows.begin(), rows.end(), 0);
  for (const auto& program : programs) {
    ColumnVector left = columns;
    if (rows.size() < static_cast<size_t>(row_count)) {
      for (auto& column : left) {
        if (column == nullptr) continue;
        ASSIGN_OR_RETURN(column, TakeRows(column, rows));
      }
    }
    std::vector<int32_t> passed;
    RETURN_IF_ERROR(program->Filter(left, static_cast<int64_t>(rows.size()), eval, &passed));
    for (int32_t& row : passed) row = rows[static_cast<size_t>(row)];
    rows = std::move(passed);
  }
  return rows;
}

}  // namespace

MatchOperator::MatchOperator(const plan::MatchNode& node)
    : node_(node), automaton_(node), output_schema_(ToArrowSchema(node.columns)) {}

Task<> MatchOperator::Open(const OperatorContext* context) {
  context_ = context;
  eval_ = context->eval;
  node_.VisitInputColumns([&](int* column) { kept_columns_.push_back(*column); });
  std::sort(kept_columns_.begin(), kept_columns_.end());
  kept_columns_.erase(std::unique(kept_columns_.begin(), kept_columns_.end()), kept_columns_.end());
  const plan::Columns& input = node_.inputs[0]->columns;
  CO_ASSIGN_OR_RETURN(partition_codec_, MakeRowCodec(TypesOf(input, node_.partition)));
  CO_ASSIGN_OR_RETURN(kept_codec_, MakeRowCodec(TypesOf(input, kept_columns_)));
  const std::vector<plan::SortKey> rest(node_.order.begin() + 1, node_.order.end());
  CO_ASSIGN_OR_RETURN(sort_codec_, MakeSortKeyCodec(rest, input));
  CO_RETURN_IF_ERROR(OpenConditions());
  watermark_ms_ = LowestWatermark(context->restored_blobs);
  StateTable::Options table = context->TableOptions(0, "partial matches of MATCH_RECOGNIZE");
  if (node_.event_time) {
    waiting_ = std::make_unique<EventTimeBuffer>(context, 1);
    CO_RETURN_IF_ERROR(co_await waiting_->Restore(input));
  }
  if (node_.within_ms > 0) {
    timers_ = std::make_unique<KeyTimers>(context, 2);
    CO_RETURN_IF_ERROR(co_await timers_->Restore());
  }
  progress_ = std::make_unique<StateTable>(std::move(table), &progress_codec_, context->backend,
                                           &context->env->blocking_pool());
  co_return co_await progress_->Restore();
}

Status MatchOperator::OpenConditions() {
  conditions_.resize(node_.pattern.size());
  for (size_t element = 0; element < conditions_.size(); ++element) {
    if (node_.conditions[element] == nullptr) continue;
    Condition& condition = conditions_[element];
    std::vector<ExprPtr> conjuncts, of_row, of_match;
    SplitConjunction(node_.conditions[element], &conjuncts);
    // The row itself is the last one of its variable, and of all.
    const auto is_row = [&](int number) {
      const plan::MatchNavigation& navigation = node_.navigations[static_cast<size_t>(number)];
      return navigation.kind == plan::MatchNavigation::Kind::kLast && navigation.offset == 0 &&
             (navigation.element < 0 || static_cast<size_t>(navigation.element) == element);
    };
    for (const ExprPtr& conjunct : conjuncts) {
      std::vector<int> refs;
      CollectInputRefs(*conjunct, &refs);
      if (!std::all_of(refs.begin(), refs.end(), is_row)) {
        of_match.push_back(conjunct);
        condition.navigations.insert(condition.navigations.end(), refs.begin(), refs.end());
        continue;
      }
      of_row.push_back(ReplaceInputRefs(conjunct, [&](const BoundExpr& ref) {
        const int column = node_.navigations[static_cast<size_t>(ref.index())].column;
        return MakeInputRef(static_cast<int>(PlaceIn(kept_columns_, column)), ref.type(),
                            ref.name(), ref.span());
      }));
    }
    ASSIGN_OR_RETURN(condition.of_row, MakePrograms(of_row, eval_));
    ASSIGN_OR_RETURN(condition.of_match, MakePrograms(of_match, eval_));
    std::vector<int>& reads = condition.navigations;
    std::sort(reads.begin(), reads.end());
    reads.erase(std::unique(reads.begin(), reads.end()), reads.end());
  }
  for (const ExprPtr& measure : node_.measures) CollectInputRefs(*measure, &measured_navigations_);
  ASSIGN_OR_RETURN(measures_, ExprProgram::Make(node_.measures, eval_));
  std::vector<plan::MatchNavigation> navigations = node_.navigations;
  for (plan::MatchNavigation& navigation : navigations) {
    if (navigation.column >= 0) {
      navigation.column = static_cast<int>(PlaceIn(kept_columns_, navigation.column));
    }
    for (int& arg : navigation.aggregate.args) {
      arg = static_cast<int>(PlaceIn(kept_columns_, arg));
    }
  }
  return values_.Open(std::move(navigations));
}

Task<> MatchOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  SetEvalTime(context_->env, &eval_);
  if (node_.event_time) co_return co_await AddToWaiting(batch);
  const std::vector<int64_t> times(static_cast<size_t>(batch.rows->num_rows()),
                                   eval_.now_us / 1000);
  co_return co_await Process(batch.rows->columns(), times, out);
}

Task<> MatchOperator::AddToWaiting(const ChangelogBatch& all) {
  std::vector<int64_t> times;
  CO_RETURN_IF_ERROR(TimesOf(*all.rows->column(node_.order[0].column), &times));
  std::vector<int32_t> in_time;
  for (size_t row = 0; row < times.size(); ++row) {
    if (times[row] > watermark_ms_) {
      in_time.push_back(static_cast<int32_t>(row));
    } else {
      late_.Add(row, watermark_ms_ - times[row]);
    }
  }
  CO_RETURN_IF_ERROR(late_.Tell(*context_, name(), all, watermark_ms_));
  if (in_time.empty()) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(const ChangelogBatch batch, TakeFromBatch(all, in_time));
  CO_RETURN_IF_ERROR(TimesOf(*batch.rows->column(node_.order[0].column), &times));
  EncodedRows keys;
  CO_RETURN_IF_ERROR(partition_codec_->Encode(ColumnsOf(*batch.rows, node_.partition),
                                              batch.rows->num_rows(), &keys));
  keys.ComputeHashes();
  co_return co_await waiting_->Add(*batch.rows, keys, times);
}

Task<> MatchOperator::OnWatermark(int64_t watermark_ms, Output* out) {
  watermark_ms_ = watermark_ms;
  if (!node_.event_time) co_return Status::OK();
  SetEvalTime(context_->env, &eval_);
  ColumnVector columns;
  std::vector<int64_t> times;
  while (true) {
    CO_RETURN_IF_ERROR(co_await waiting_->Take(watermark_ms, &columns, &times));
    if (times.empty()) break;
    CO_RETURN_IF_ERROR(co_await Process(columns, times, out));
  }
  if (timers_ != nullptr) CO_RETURN_IF_ERROR(co_await ExpireUpTo(watermark_ms, out));
  co_return Status::OK();
}

Task<> MatchOperator::OnTime(int64_t now_ms, Output* out) {
  if (!wants_time()) co_return Status::OK();
  SetEvalTime(context_->env, &eval_);
  co_return co_await ExpireUpTo(now_ms, out);
}

std::vector<int32_t> MatchOperator::InOrder(const ColumnVector& columns,
                                            const std::vector<int64_t>& times) const {
  std::vector<int32_t> rows(times.size());
  std::iota(rows.begin(), rows.end(), 0);
  if (node_.order.size() < 2) return rows;
  ColumnVector rest;
  for (size_t i = 1; i < node_.order.size(); ++i) {
    rest.push_back(columns[static_cast<size_t>(node_.order[i].column)]);
  }
  std::vector<std::string> keys;
  sort_codec_->Encode(rest, static_cast<int64_t>(times.size()), &keys);
  std::stable_sort(rows.begin(), rows.end(), [&](int32_t a, int32_t b) {
    const auto x = static_cast<size_t>(a);
    const auto y = static_cast<size_t>(b);
    return times[x] != times[y] ? times[x] < times[y] : keys[x] < keys[y];
  });
  return rows;
}

Task<> MatchOperator::Process(const ColumnVector& columns, const std::vector<int64_t>& times,
                              Output* out) {
  const auto row_count = static_cast<int64_t>(times.size());
  ColumnVector key_columns, kept;
  for (const int column : node_.partition) {
    key_columns.push_back(columns[static_cast<size_t>(column)]);
  }
  for (const int column : kept_columns_) kept.push_back(columns[static_cast<size_t>(column)]);
  EncodedRows keys;
  CO_RETURN_IF_ERROR(partition_codec_->Encode(key_columns, row_count, &keys));
  keys.ComputeHashes();
  std::vector<StateEntry*> entries;
  CO_RETURN_IF_ERROR(co_await progress_->Resolve(keys, {}, &entries));
  const uint32_t stamp = progress_->NextBatchStamp();
  partitions_.clear();
  for (const int32_t row : InOrder(columns, times)) {
    StateEntry* entry = entries[static_cast<size_t>(row)];
    if (entry->batch_stamp != stamp) {
      entry->batch_stamp = stamp;
      entry->batch_group = static_cast<uint32_t>(partitions_.size());
      partitions_.emplace_back().entry = entry;
    }
    partitions_[entry->batch_group].rows.push_back(row);
  }
  CO_ASSIGN_OR_RETURN(columns_, GatherColumns(kept, row_count));
  columns_.swap(kept);  // conditions of rows look at the batch only
  CO_RETURN_IF_ERROR(CheckRows(row_count));
  columns_.swap(kept);
  size_t waves = 0;
  for (const Partition& partition : partitions_) waves = std::max(waves, partition.rows.size());
  for (size_t wave = 0; wave < waves; ++wave) CO_RETURN_IF_ERROR(RunWave(times));
  std::stable_sort(found_.begin(), found_.end(),
                   [](const Found& a, const Found& b) { return a.row < b.row; });
  CO_ASSIGN_OR_RETURN(ChangelogBatch batch, MakeOutput(found_));
  found_.clear();
  EncodedRows encoded;
  CO_RETURN_IF_ERROR(kept_codec_->Encode(kept, row_count, &encoded));
  for (Partition& partition : partitions_) {
    MatchProgress& progress = MatchProgressCodec::Of(partition.entry);
    progress.DropRowsBefore(progress.NeededFrom());
    for (size_t i = progress.rows.size(); i-- > 0;) {
      const int64_t id = progress.first_id + static_cast<int64_t>(i);
      const int32_t place = partition.places[static_cast<size_t>(id - partition.first_id)];
      if (place >= row_count) break;  // it and those before it have been there
      progress.rows[i].bytes = encoded.row(static_cast<size_t>(place));
    }
  }
  CO_RETURN_IF_ERROR(co_await FinishPartitions());
  co_return co_await out->Emit(Element::Batch(std::move(batch)));
}

// The batch's rows, and behind them those that the partitions have kept. Sets their places.
Result<ColumnVector> MatchOperator::GatherColumns(const ColumnVector& columns, int64_t row_count) {
  std::vector<std::string_view> views;
  for (Partition& partition : partitions_) {
    const MatchProgress& progress = MatchProgressCodec::Of(partition.entry);
    partition.first_id = progress.first_id;
    for (const MatchProgress::Row& row : progress.rows) {
      partition.places.push_back(static_cast<int32_t>(row_count) +
                                 static_cast<int32_t>(views.size()));
      views.push_back(row.bytes);
    }
  }
  ASSIGN_OR_RETURN(const ColumnVector kept, kept_codec_->Decode(views));
  ColumnVector all;
  for (size_t i = 0; i < columns.size(); ++i) {
    ASSIGN_OR_RETURN(auto both, arrow::Concatenate({columns[i], kept[i]}));
    all.push_back(std::move(both));
  }
  return all;
}

Status MatchOperator::CheckRows(int64_t row_count) {
  for (Condition& condition : conditions_) {
    condition.passes.assign(static_cast<size_t>(row_count), 0);
    ASSIGN_OR_RETURN(const std::vector<int32_t> rows,
                     FilterAll(condition.of_row, columns_, row_count, eval_));
    for (const int32_t row : rows) condition.passes[static_cast<size_t>(row)] = 1;
  }
  return Status::OK();
}

Status MatchOperator::RunWave(const std::vector<int64_t>& times) {
  std::vector<Trial> trials;
  std::vector<size_t> active;
  const auto take_matches = [&](size_t number) -> Status {
    std::vector<MatchState> matches;
    Partition& partition = partitions_[number];
    RETURN_IF_ERROR(automaton_.TakeMatches(&MatchProgressCodec::Of(partition.entry), &matches));
    for (MatchState& match : matches) {
      found_.push_back({number, std::move(match), partition.rows[partition.next]});
    }
    return Status::OK();
  };
  for (size_t number = 0; number < partitions_.size(); ++number) {
    Partition& partition = partitions_[number];
    if (partition.next == partition.rows.size()) continue;
    active.push_back(number);
    MatchProgress& progress = MatchProgressCodec::Of(partition.entry);
    const int32_t row = partition.rows[partition.next];
    const int64_t time = times[static_cast<size_t>(row)];
    progress.Expire(time, node_.within_ms);
    RETURN_IF_ERROR(take_matches(number));
    const int64_t id = progress.next_id();
    progress.rows.push_back({time, {}});
    partition.places.push_back(row);
    const std::vector<int8_t> unknown(conditions_.size(), -1);
    for (MatchState& state : progress.partial)
      trials.push_back({number, std::move(state), unknown});
    progress.partial.clear();
    trials.push_back({number, automaton_.Begin(id, time), unknown});
  }
  RETURN_IF_ERROR(CheckTrials(&trials));
  for (const Trial& trial : trials) {
    MatchProgress& progress = MatchProgressCodec::Of(partitions_[trial.partition].entry);
    const auto fits = [&](const MatchState&, size_t element) { return trial.fits[element] == 1; };
    automaton_.Step(trial.state, fits, &progress.partial, &progress.completed);
  }
  for (const size_t number : active) {
    RETURN_IF_ERROR(take_matches(number));
    ++partitions_[number].next;
  }
  return Status::OK();
}

Status MatchOperator::CheckTrials(std::vector<Trial>* trials) {
  std::vector<std::vector<size_t>> asked(conditions_.size());  // of each element: trials
  for (size_t i = 0; i < trials->size(); ++i) {
    Trial& trial = (*trials)[i];
    const Partition& partition = partitions_[trial.partition];
    const auto row = static_cast<size_t>(partition.rows[partition.next]);
    automaton_.VisitElements(trial.state, [&](size_t element) {
      const Condition& condition = conditions_[element];
      trial.fits[element] = static_cast<int8_t>(condition.passes[row]);
      if (condition.passes[row] == 0 || condition.of_match.empty()) return;
      trial.fits[element] = 0;
      asked[element].push_back(i);
    });
  }
  for (size_t element = 0; element < asked.size(); ++element) {
    if (asked[element].empty()) continue;
    std::vector<MatchView> views;
    for (const size_t i : asked[element]) {
      const Trial& trial = (*trials)[i];
      const Partition& partition = partitions_[trial.partition];
      const int64_t id = partition.first_id + static_cast<int64_t>(partition.places.size()) - 1;
      views.push_back({&trial.state, id, element, &partition.places, partition.first_id});
    }
    const Condition& condition = conditions_[element];
    ASSIGN_OR_RETURN(const ColumnVector values,
                     values_.Compute(views, condition.navigations, columns_, eval_));
    ASSIGN_OR_RETURN(
        const std::vector<int32_t> passed,
        FilterAll(condition.of_match, values, static_cast<int64_t>(views.size()), eval_));
    for (const int32_t at : passed) {
      (*trials)[asked[element][static_cast<size_t>(at)]].fits[element] = 1;
    }
  }
  return Status::OK();
}

Result<ChangelogBatch> MatchOperator::MakeOutput(const std::vector<Found>& found) {
  std::vector<MatchView> views;
  std::vector<int32_t> first_rows;
  for (const Found& match : found) {
    const Partition& partition = partitions_[match.partition];
    views.push_back({&match.state, -1, 0, &partition.places, partition.first_id});
    first_rows.push_back(
        partition.places[static_cast<size_t>(match.state.start_id - partition.first_id)]);
  }
  ColumnVector output;
  for (const int column : node_.partition) {
    ASSIGN_OR_RETURN(ColumnVector picked,
                     PickRows({columns_[PlaceIn(kept_columns_, column)]}, first_rows));
    output.push_back(std::move(picked[0]));
  }
  ASSIGN_OR_RETURN(const ColumnVector values,
                   values_.Compute(views, measured_navigations_, columns_, eval_));
  const auto count = static_cast<int64_t>(found.size());
  ASSIGN_OR_RETURN(ColumnVector measures, measures_->Evaluate(values, count, eval_));
  std::move(measures.begin(), measures.end(), std::back_inserter(output));
  ChangelogBatch batch;
  batch.rows = arrow::RecordBatch::Make(output_schema_, count, std::move(output));
  return batch;
}

Task<> MatchOperator::FinishPartitions() {
  std::vector<StateEntry*> kept, done;
  for (const Partition& partition : partitions_) {
    const MatchProgress& progress = MatchProgressCodec::Of(partition.entry);
    const bool is_done = progress.partial.empty() && progress.completed.empty();
    (is_done ? done : kept).push_back(partition.entry);
    if (!is_done) progress_->MarkDirty(partition.entry);
  }
  if (timers_ != nullptr) CO_RETURN_IF_ERROR(co_await SetTimers(kept));
  for (StateEntry* entry : done) progress_->Delete(entry);
  partitions_.clear();
  columns_.clear();
  progress_->Evict();
  size_t entries = progress_->entry_count(), bytes = progress_->memory_bytes();
  if (waiting_ != nullptr) {
    entries += waiting_->entry_count();
    bytes += waiting_->memory_bytes();
  }
  if (timers_ != nullptr) bytes += timers_->memory_bytes();
  context_->metrics->state_entries = static_cast<int64_t>(entries);
  context_->metrics->state_bytes = static_cast<int64_t>(bytes);
  co_return Status::OK();
}

// Notes when the earliest partial match of each partition ends.
Task<> MatchOperator::SetTimers(const std::vector<StateEntry*>& entries) {
  std::vector<StateEntry*> waiting;
  std::vector<int64_t> ends;
  for (StateEntry* entry : entries) {
    const MatchProgress& progress = MatchProgressCodec::Of(entry);
    if (progress.partial.empty()) continue;
    waiting.push_back(entry);
    ends.push_back(progress.partial.front().start_time_ms + node_.within_ms);
  }
  co_return co_await timers_->Set(waiting, ends);
}

Task<> MatchOperator::ExpireUpTo(int64_t time_ms, Output* out) {
  std::vector<StateEntry*> entries;
  EncodedRows keys;
  int64_t time = 0;
  while (true) {
    CO_RETURN_IF_ERROR(co_await timers_->TakeDue(time_ms, &time, &keys));
    if (keys.size() == 0) co_return Status::OK();
    CO_RETURN_IF_ERROR(co_await progress_->Lookup(keys, {}, &entries));
    partitions_.clear();
    for (StateEntry* entry : entries) {
      if (entry != nullptr) partitions_.emplace_back().entry = entry;
    }
    CO_ASSIGN_OR_RETURN(const ColumnVector nothing, kept_codec_->Decode({}));
    CO_ASSIGN_OR_RETURN(columns_, GatherColumns(nothing, 0));
    for (size_t number = 0; number < partitions_.size(); ++number) {
      MatchProgress& progress = MatchProgressCodec::Of(partitions_[number].entry);
      progress.Expire(time_ms, node_.within_ms);
      std::vector<MatchState> matches;
      CO_RETURN_IF_ERROR(automaton_.TakeMatches(&progress, &matches));
      for (MatchState& match : matches) found_.push_back({number, std::move(match), -1});
      progress.DropRowsBefore(progress.NeededFrom());
    }
    CO_ASSIGN_OR_RETURN(ChangelogBatch batch, MakeOutput(found_));
    found_.clear();
    CO_RETURN_IF_ERROR(co_await FinishPartitions());
    CO_RETURN_IF_ERROR(co_await out->Emit(Element::Batch(std::move(batch))));
  }
}

Result<OperatorSnapshot> MatchOperator::Snapshot() {
  OperatorSnapshot snapshot;
  snapshot.Add(progress_.get());
  if (waiting_ != nullptr) snapshot.Add(waiting_->table());
  if (timers_ != nullptr) snapshot.Add(timers_->table());
  snapshot.blob = WatermarkBlob(watermark_ms_);
  return snapshot;
}

}  // namespace mainstem::process

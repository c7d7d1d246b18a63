#include "process/operator/source_feed.h"

#include <algorithm>

#include <arrow/api.h>
#include <fmt/format.h>

#include "process/operator/window_aggregate.h"

namespace mainstem::process {
namespace {

using std::chrono::milliseconds;
constexpr Duration kReadDeadline = std::chrono::seconds(1);
constexpr Duration kPauseCheck = milliseconds(2);
constexpr Duration kMemoryWait = milliseconds(500);

}  // namespace

SourceFeed::SourceFeed(Executor executor, SourceFeedOptions options, const OperatorContext* context)
    : executor_(executor),
      options_(std::move(options)),
      context_(context),
      ready_(executor),
      slot_free_(executor),
      quarantined_(options_.pending),
      pumps_(executor, "splits", [this](const std::string&, const Status& status) {
        if (failure_.ok()) failure_ = status;
        ready_.NotifyAll();
      }) {}

SourceFeed::~SourceFeed() = default;

Task<> SourceFeed::Open() {
  eval_ = context_->eval;
  for (const CalcOptions& calc : options_.calcs) {
    auto& op = calcs_.emplace_back(std::make_unique<CalcOperator>(calc));
    CO_RETURN_IF_ERROR(co_await op->Open(context_));
  }
  if (options_.watermark) {
    std::vector<ExprPtr> expressions = {options_.watermark};
    CO_ASSIGN_OR_RETURN(watermark_program_, ExprProgram::Make(std::move(expressions), eval_));
  }
  next_tick_ = executor_.scheduler()->Now() + milliseconds(options_.watermark_interval_ms);
  co_return Status::OK();
}

void SourceFeed::AddSplits(std::vector<SplitProgress> splits) {
  for (SplitProgress& progress : splits) {
    *options_.rejects.count += progress.rejected_count;
    auto split = std::make_unique<Split>();
    split->progress = std::move(progress);
    splits_.push_back(std::move(split));
  }
  assigned_ = true;
  OpenMore();
  MergeWatermarks({});
  ready_.NotifyAll();
}

void SourceFeed::NoMoreSplits() {
  no_more_splits_ = true;
  ready_.NotifyAll();
}

void SourceFeed::TriggerBarrier(int64_t checkpoint, BarrierOptions options) {
  barrier_ = checkpoint;
  barrier_options_ = options;
  if (options.drain && !end_queued_) pending_.push_back({0, Element::Watermark(kEndOfTime)});
  ready_.NotifyAll();
}

void SourceFeed::Tick(int64_t now_ms) {
  tick_ms_ = now_ms;
  ready_.NotifyAll();
}

void SourceFeed::OpenMore() {
  size_t open = 0;
  for (auto& split : splits_) {
    if (split->progress.ended) continue;
    if (options_.source->bounded() && open >= kOpenSplits) return;
    ++open;
    if (split->opened) continue;
    split->opened = true;
    pumps_.Spawn("split " + split->progress.id, Pump(split.get()));
  }
}

Task<> SourceFeed::Pump(Split* split) {
  connector::SourceSplit start{split->progress.id, split->progress.position};
  CO_ASSIGN_OR_RETURN(auto reader,
                      co_await options_.source->OpenSplit(std::move(start), options_.projection));
  for (;;) {
    while (split->slot) CO_RETURN_IF_ERROR(co_await slot_free_.Wait());
    TimePoint deadline = executor_.scheduler()->Now() + kReadDeadline;
    CO_ASSIGN_OR_RETURN(auto batch, co_await reader->Read(kRowsPerRead, deadline));
    bool is_last = batch.end_of_split;
    split->slot = std::move(batch);
    ready_.NotifyAll();
    if (is_last) co_return Status::OK();
  }
}

// In turn. A bounded source waits for the split whose turn it is, so that a run does not depend on
// time; others take what is there.
SourceFeed::Split* SourceFeed::NextReady() {
  for (size_t i = 0; i < splits_.size(); ++i) {
    Split* split = splits_[cursor_ % splits_.size()].get();
    if (!split->progress.ended && split->opened) {
      if (!split->slot && options_.source->bounded()) return nullptr;
      if (split->slot) {
        cursor_ = (cursor_ + 1) % splits_.size();
        return split;
      }
    }
    cursor_ = (cursor_ + 1) % splits_.size();
  }
  return nullptr;
}

// What is in memory leaves it when the others get on, or with the next checkpoint. A job where
// nothing moves goes on a batch at a time, until it is done or the memory is really at its end.
Result<bool> SourceFeed::MayRead() {
  if (options_.pending->over_hard_limit()) return false;
  if (options_.column_memory == nullptr) return true;
  ASSIGN_OR_RETURN(bool fits, options_.column_memory->Admit());
  TimePoint now = executor_.scheduler()->Now();
  if (!fits && !waits_for_memory_since_) waits_for_memory_since_ = now;
  if (!fits && now - *waits_for_memory_since_ < kMemoryWait) return false;
  waits_for_memory_since_.reset();
  return true;
}

bool SourceFeed::AllEnded() const {
  return std::all_of(splits_.begin(), splits_.end(),
                     [](const auto& split) { return split->progress.ended; });
}

Task<ElementInput::Item> SourceFeed::Next() {
  for (;;) {
    if (!pending_.empty()) {
      Item item = std::move(pending_.front());
      pending_.pop_front();
      co_return item;
    }
    if (stopped_) {
      CO_ASSIGN_OR_RETURN(bool woken, co_await ready_.Wait());
      (void)woken;
      continue;
    }
    if (tick_ms_) {
      Item item{0, Element::Time(*std::exchange(tick_ms_, std::nullopt))};
      co_return item;
    }
    if (barrier_ != 0) {
      stopped_ = barrier_options_.last;
      Item item{0, Element::Barrier(std::exchange(barrier_, 0))};
      co_return item;
    }
    CO_RETURN_IF_ERROR(failure_);
    CO_ASSIGN_OR_RETURN(bool may_read, MayRead());
    if (!may_read) {
      CO_ASSIGN_OR_RETURN(bool notified,
                          co_await ready_.Wait(executor_.scheduler()->Now() + kPauseCheck));
      (void)notified;
      continue;
    }
    if (Split* split = NextReady()) {
      connector::SourceBatch batch = std::move(*split->slot);
      split->slot.reset();
      slot_free_.NotifyAll();
      CO_RETURN_IF_ERROR(Accept(split, std::move(batch)));
      continue;
    }
    if (no_more_splits_ && AllEnded() && !end_queued_) {
      end_queued_ = true;
      pending_.push_back({0, Element::Watermark(kEndOfTime)});
      pending_.push_back({0, Element::End()});
      continue;
    }
    TimePoint now = executor_.scheduler()->Now();
    if (now >= next_tick_) {
      next_tick_ = now + milliseconds(std::max<int64_t>(options_.watermark_interval_ms, 50));
      MergeWatermarks({});
      if (!pending_.empty()) continue;
    }
    CO_ASSIGN_OR_RETURN(bool notified, co_await ready_.Wait(NextDeadline()));
    (void)notified;
  }
}

TimePoint SourceFeed::NextDeadline() const { return options_.watermark ? next_tick_ : kNoDeadline; }

Status SourceFeed::HandleRejected(Split* split, const connector::SourceBatch& batch) {
  if (batch.rejected.empty()) return Status::OK();
  auto count = static_cast<int64_t>(batch.rejected.size());
  split->progress.rejected_count += count;
  context_->metrics->rejected_rows += count;
  int64_t total = options_.rejects.count->fetch_add(count) + count;
  bool over_limit = total > options_.rejects.max;
  if (over_limit || options_.rejects.policy == RejectPolicy::kFail) {
    const connector::RejectedRecord& first = batch.rejected.front();
    ErrorText text = TextOf(first.cause);
    text.detail = first.origin + (text.detail.empty() ? "" : ": " + text.detail);
    if (over_limit) {
      text.detail += fmt::format("; {} records were rejected, 'scan.bad-records.max' is {}", total,
                                 options_.rejects.max);
    } else if (text.hint.empty()) {
      text.hint = "'scan.bad-records' = 'skip' or 'quarantine' goes on without such records";
    }
    return MakeError(CodeOf(first.cause), std::move(text));
  }
  if (total == count && options_.on_first_rejected) {
    options_.on_first_rejected(batch.rejected.front());
  }
  // A query that nobody keeps has no quarantine: what it reads stays where it is.
  if (options_.rejects.policy == RejectPolicy::kSkip || !options_.quarantine) return Status::OK();
  return quarantined_.AddRejected(*options_.quarantine, context_->env->WallTime().value(), "decode",
                                  batch.rejected);
}

Status SourceFeed::Accept(Split* split, connector::SourceBatch batch) {
  RETURN_IF_ERROR(HandleRejected(split, batch));
  context_->metrics->bytes_in += static_cast<int64_t>(batch.bytes_read);
  split->progress.position = batch.position;
  split->lag = batch.end_of_split ? 0 : batch.lag_records;
  UpdateLag();
  int64_t row_count = batch.batch.rows ? batch.batch.rows->num_rows() : 0;
  if (row_count > 0 || !batch.caught_up) {
    split->caught_up_since.reset();
  } else if (!split->caught_up_since) {
    split->caught_up_since = executor_.scheduler()->Now();
  }
  if (row_count > 0) {
    // Before its rows, so that nobody goes on without it meanwhile.
    if (idle_sent_) MergeWatermarks({});
    ChangelogBatch rows = std::move(batch.batch);
    for (auto& calc : calcs_) {
      ASSIGN_OR_RETURN(rows, calc->Compute(std::move(rows)));
    }
    if (watermark_program_) {
      RETURN_IF_ERROR(EmitWithWatermark(split, std::move(rows)));
    } else if (rows.rows->num_rows() > 0) {
      pending_.push_back({0, Element::Batch(std::move(rows))});
    }
  }
  // Only now: until its last row is out, the split counts for the watermark.
  split->progress.ended = batch.end_of_split;
  if (split->progress.ended) {
    OpenMore();
    MergeWatermarks({.only_large_steps = true});
  }
  return Status::OK();
}

// The rows go out first, then their watermark. With interval 0 the batch is cut behind every row
// that moves the watermark.
Status SourceFeed::EmitWithWatermark(Split* split, ChangelogBatch batch) {
  int64_t row_count = batch.rows->num_rows();
  std::vector<int64_t> ignored;
  RETURN_IF_ERROR(TimesOf(*batch.rows->column(options_.rowtime), &ignored));
  SetEvalTime(context_->env, &eval_);
  ASSIGN_OR_RETURN(auto columns,
                   watermark_program_->Evaluate(batch.rows->columns(), row_count, eval_));
  const auto& values = static_cast<const arrow::TimestampArray&>(*columns[0]);
  bool after_every_row = options_.watermark_interval_ms == 0 || options_.watermark_on_event;
  auto emit = [&](int64_t begin, int64_t end) {
    ChangelogBatch part;
    part.rows = begin == 0 && end == row_count ? batch.rows : batch.rows->Slice(begin, end - begin);
    if (!batch.kinds.empty()) {
      part.kinds.assign(batch.kinds.begin() + begin, batch.kinds.begin() + end);
    }
    pending_.push_back({0, Element::Batch(std::move(part))});
  };
  int64_t begin = 0;
  for (int64_t row = 0; row < row_count; ++row) {
    if (values.IsNull(row) || values.Value(row) <= split->progress.watermark_ms) continue;
    split->progress.watermark_ms = values.Value(row);
    if (!after_every_row) continue;
    emit(begin, row + 1);
    begin = row + 1;
    MergeWatermarks({});
  }
  if (begin < row_count) emit(begin, row_count);
  if (!after_every_row) MergeWatermarks({.only_large_steps = true});
  return Status::OK();
}

bool SourceFeed::IsIdle(const Split& split) const {
  if (options_.idle_timeout_ms == 0 || !split.caught_up_since || split.slot) return false;
  return executor_.scheduler()->Now() - *split.caught_up_since >=
         milliseconds(options_.idle_timeout_ms);
}

void SourceFeed::MergeWatermarks(MergeOptions options) {
  if (!assigned_) return;  // whether there is nothing to read isn't known yet
  int64_t lowest = kEndOfTime;
  bool any_live = false;
  for (const auto& split : splits_) {
    if (split->progress.ended || IsIdle(*split)) continue;
    any_live = true;
    lowest = std::min(lowest, split->progress.watermark_ms);
  }
  if (!any_live) {
    // Ended for good: the end of time follows. Otherwise splits may come (back).
    if (no_more_splits_ && AllEnded()) return;
    if (!idle_sent_ && !options_.source->bounded()) pending_.push_back({0, Element::Idle()});
    idle_sent_ = true;
    return;
  }
  bool was_idle = std::exchange(idle_sent_, false);
  if (!options_.watermark) return;
  if (lowest <= watermark_ms_) {
    // Says that this input counts again.
    if (was_idle && watermark_ms_ != kNoWatermark) {
      pending_.push_back({0, Element::Watermark(watermark_ms_)});
    }
    return;
  }
  if (options.only_large_steps && watermark_ms_ != kNoWatermark &&
      lowest - watermark_ms_ <= options_.watermark_interval_ms) {
    return;
  }
  watermark_ms_ = lowest;
  pending_.push_back({0, Element::Watermark(lowest)});
}

void SourceFeed::UpdateLag() {
  int64_t lag = 0;
  for (const auto& split : splits_) {
    if (split->lag < 0) {
      context_->metrics->lag_records = -1;
      return;
    }
    lag += split->lag;
  }
  context_->metrics->lag_records = lag;
}

std::vector<SplitProgress> SourceFeed::Progress() const {
  std::vector<SplitProgress> out;
  for (const auto& split : splits_) out.push_back(split->progress);
  return out;
}

std::vector<SplitStatus> SourceFeed::Statuses() const {
  const TimePoint now = executor_.scheduler()->Now();
  std::vector<SplitStatus> out;
  for (const auto& split : splits_) {
    SplitStatus& status = out.emplace_back();
    status.id = split->progress.id;
    status.watermark_ms = split->progress.watermark_ms;
    status.lag_records = split->lag;
    if (split->caught_up_since) status.caught_up_for = now - *split->caught_up_since;
    status.ended = split->progress.ended;
    status.is_idle = !status.ended && IsIdle(*split);
    status.waits = !status.ended && !split->opened;
  }
  return out;
}

Result<std::vector<storage::EpochCommit::Append>> SourceFeed::TakeQuarantined() {
  return quarantined_.Take();
}

Task<> SourceFeed::Close() { return pumps_.Close(); }

}  // namespace mainstem::process

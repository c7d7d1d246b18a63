#include "source/kinesis/shard_reader.h"

#include <arrow/api.h>

#include "core/error_context.h"

namespace mainstem::source {
namespace {

using connector::KinesisRecord;
using connector::KinesisRecords;
using connector::ShardPosition;
using connector::SourceBatch;

constexpr std::chrono::milliseconds kChildrenPause{100};
// Iterators in a row that expire at once, before that is taken for an error.
constexpr int kIteratorsMax = 3;

}  // namespace

ShardReader::ShardReader(ShardReadOptions options, ShardPosition position,
                         std::unique_ptr<ShardDecoder> decoder)
    : options_(std::move(options)),
      position_(std::move(position)),
      decoder_(std::move(decoder)),
      next_fetch_(options_.env->Now()),
      throttled_({.first = std::chrono::milliseconds(200), .last = std::chrono::seconds(10)}) {}

Status ShardReader::Named(const Status& status) const {
  if (Is(status, ErrorCode::kCancelled)) return status;
  const std::string place = options_.stream_name + "/" + options_.shard;
  if (!Is(status, ErrorCode::kNotFound)) return InContext(place + ": ", status);
  ErrorText text = TextOf(status);
  text.detail = text.message + ": " + text.detail;
  text.message = "shard '" + place + "' is gone";
  text.hint =
      "its records have expired before they were read, or the stream was deleted; a job "
      "without a checkpoint begins anew";
  return MakeError(ErrorCode::kNotFound, std::move(text));
}

Task<SourceBatch> ShardReader::EmptyBatch() const {
  SourceBatch batch;
  CO_ASSIGN_OR_RETURN(batch.batch.rows, arrow::RecordBatch::MakeEmpty(decoder_->schema()));
  batch.position = position_.ToString();
  co_return batch;
}

// Not idle meanwhile: what the children begin with is about as old as what ended here.
Task<SourceBatch> ShardReader::WaitForChildren(TimePoint deadline) {
  options_.lineage->SetDrained(options_.shard);
  while (!options_.lineage->MayEnd(options_.shard) && options_.env->Now() < deadline) {
    CO_RETURN_IF_ERROR(
        co_await SleepUntil(std::min(deadline, options_.env->Now() + kChildrenPause)));
  }
  CO_ASSIGN_OR_RETURN(SourceBatch batch, co_await EmptyBatch());
  batch.lag_records = 0;
  batch.end_of_split = options_.lineage->MayEnd(options_.shard);
  co_return batch;
}

Task<> ShardReader::Fetch(TimePoint deadline) {
  if (next_fetch_ > options_.env->Now()) {
    CO_RETURN_IF_ERROR(co_await SleepUntil(std::min(deadline, next_fetch_)));
    if (next_fetch_ > options_.env->Now()) co_return Status::OK();
  }
  for (int tries = 1;; ++tries) {
    if (iterator_.empty()) {
      CO_ASSIGN_OR_RETURN(iterator_,
                          co_await options_.stream->GetIterator(options_.shard, position_));
    }
    Result<KinesisRecords> fetched =
        co_await options_.stream->GetRecords(iterator_, options_.fetch_max);
    if (Is(fetched.status(), ErrorCode::kOffsetOutOfRange) && tries < kIteratorsMax) {
      iterator_.clear();  // it has expired
      continue;
    }
    if (Is(fetched.status(), ErrorCode::kResourceExhausted)) {
      is_at_tip_ = false;
      next_fetch_ = options_.env->Now() + throttled_.Next(options_.env);
      co_return Status::OK();
    }
    CO_RETURN_IF_ERROR(fetched);
    throttled_.Reset();
    iterator_ = std::move(fetched->next_iterator);
    is_last_fetched_ = iterator_.empty();
    is_at_tip_ = fetched->millis_behind == 0;
    const bool is_empty = fetched->records.empty();
    next_fetch_ = options_.env->Now() + (is_empty ? options_.empty_pause : options_.filled_pause);
    for (KinesisRecord& record : fetched->records) waiting_.push_back(std::move(record));
    co_return Status::OK();
  }
}

Task<SourceBatch> ShardReader::Read(size_t max_rows, TimePoint deadline) {
  if (position_.kind == ShardPosition::Kind::kEnd) co_return co_await WaitForChildren(deadline);
  if (waiting_.empty()) {
    Status fetched = co_await Fetch(deadline);
    if (!fetched.ok()) co_return Named(fetched);
  }
  std::vector<KinesisRecord> records;
  size_t bytes = 0;
  while (!waiting_.empty() && records.size() < max_rows) {
    bytes += waiting_.front().data.size() + waiting_.front().partition_key.size();
    records.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  std::string last = records.empty() ? "" : records.back().sequence_number;
  CO_ASSIGN_OR_RETURN(SourceBatch batch, co_await decoder_->Decode(std::move(records)));
  if (!last.empty()) {
    position_ = {.kind = ShardPosition::Kind::kAfter, .sequence_number = std::move(last)};
  }
  const bool has_all = waiting_.empty();
  if (has_all && is_last_fetched_) position_ = {.kind = ShardPosition::Kind::kEnd};
  batch.position = position_.ToString();
  batch.bytes_read = bytes;
  batch.caught_up = has_all && is_at_tip_ && !is_last_fetched_;
  if (batch.caught_up) batch.lag_records = 0;
  co_return batch;
}

}  // namespace mainstem::source

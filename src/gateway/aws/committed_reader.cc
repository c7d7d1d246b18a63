#include "gateway/aws/committed_reader.h"

#include <algorithm>
#include <charconv>

#include "core/sync.h"

namespace mainstem::gateway::aws {

CommittedReader::CommittedReader(storage::Log* log, std::string job)
    : log_(log), job_(std::move(job)) {}

// A commit's metadata: the place in decimal digits, and behind a blank its note.
Task<> CommittedReader::Open(storage::TopicPartition partition, Offset begin) {
  partition_ = partition;
  owes_ = true;  // nothing is known of the place until it is read
  CO_ASSIGN_OR_RETURN(storage::JobEpoch last, co_await log_->LastEpoch(job_));
  epoch_ = last.epoch;
  next_ = begin;
  note_.clear();
  uncommitted_bytes_ = 0;
  owes_ = false;
  if (epoch_ == 0) co_return Status::OK();
  int64_t offset = 0;
  const char* text_end = last.metadata.data() + last.metadata.size();
  auto [end, error] = std::from_chars(last.metadata.data(), text_end, offset);
  CHECK(error == std::errc() && (end == text_end || *end == ' '));
  next_ = Offset(offset);
  if (end != text_end) note_.assign(end + 1, text_end);
  co_return Status::OK();
}

Task<bool> CommittedReader::Read(Piece piece) {
  owes_ = true;
  storage::ReadOptions options{.max_bytes = piece.bytes_max, .read_committed = true};
  auto read = co_await log_->Read(partition_, next_, options);
  if (Is(read.status(), ErrorCode::kOffsetOutOfRange)) {  // retention went past it
    CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await log_->Offsets(partition_));
    seen_ = next_;
    if (next_ >= offsets.log_start) co_return false;
    if (piece.lost) piece.lost(offsets.log_start.value() - next_.value());
    next_ = offsets.log_start;
    co_return true;
  }
  CO_RETURN_IF_ERROR(read);
  // Records of a transaction that is still open may lie before the end: its marker comes behind.
  seen_ = std::max(next_, read->high_watermark);
  if (read->batches.empty()) co_return false;
  bool full = false;
  for (const storage::SharedBytes& batch : read->batches) {
    CO_RETURN_IF_ERROR(TakeBatch(batch, piece, &full));
    if (full) break;
    CO_RETURN_IF_ERROR(co_await Yield());
  }
  uncommitted_bytes_ += static_cast<int64_t>(read->total_bytes);
  co_return true;
}

Status CommittedReader::TakeBatch(const storage::SharedBytes& batch, const Piece& piece,
                                  bool* full) {
  Offset begin = next_;
  auto take = [&](const storage::RecordView& record) -> Status {
    if (*full) return Status::OK();
    ASSIGN_OR_RETURN(bool taken, piece.take(record));
    if (taken) return Status::OK();
    *full = true;
    next_ = record.offset;
    return Status::OK();
  };
  ASSIGN_OR_RETURN(VisitedBatch visited, VisitBatch(batch.bytes, begin, Offset(INT64_MAX), take));
  if (*full) return Status::OK();
  if (!visited.broken.ok() && piece.skip) piece.skip(begin, visited.broken);
  next_ = std::max(begin, visited.end);
  return Status::OK();
}

Task<> CommittedReader::Wait(TimePoint deadline) {
  std::vector<std::pair<storage::TopicPartition, Offset>> beyond{{partition_, seen_}};
  co_return (co_await log_->WaitForData(std::move(beyond), deadline)).status();
}

Task<> CommittedReader::Commit(Outcome outcome) {
  storage::EpochCommit commit{.job_id = job_, .epoch = epoch_ + 1};
  commit.metadata = std::to_string(outcome.end.value());
  if (!outcome.note.empty()) commit.metadata += " " + outcome.note;
  commit.appends = std::move(outcome.appends);
  CO_RETURN_IF_ERROR(co_await log_->CommitEpoch(std::move(commit)));
  ++epoch_;
  next_ = outcome.end;
  note_ = std::move(outcome.note);
  uncommitted_bytes_ = 0;
  owes_ = false;
  co_return Status::OK();
}

}  // namespace mainstem::gateway::aws

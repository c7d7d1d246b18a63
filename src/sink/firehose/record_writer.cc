#include "sink/firehose/record_writer.h"

#include <algorithm>
#include <deque>
#include <numeric>

#include <arrow/api.h>
#include <fmt/format.h>

#include "connector/blind_writer.h"
#include "core/random_uuid.h"

namespace mainstem::sink {
namespace {

class RecordWriter final : public connector::DeliveryWriter, public connector::BlindWriter {
 public:
  explicit RecordWriter(RecordWriterParts parts)
      : parts_(std::move(parts)),
        id_(fmt::format("{}-{}", parts_.delivery_id, parts_.partition.value())) {}

  Task<std::optional<Offset>> Open() override {
    place_ = parts_.progress->Find(id_);
    skipped_left_ = place_.sent_count;
    co_return place_.position;
  }

  bool has_delivered() const override { return has_delivered_; }

  Task<> Deliver(ChangelogBatch batch, Offset end) override {
    for (RowKind kind : batch.kinds) {
      if (kind == RowKind::kInsert) continue;
      co_return MakeError(ErrorCode::kInvalidArgument,
                          "connector '" + parts_.connector + "' takes inserts only");
    }
    Gather(*batch.rows, end);
    while (bytes_ >= parts_.buffering.bytes || IsAttemptThere()) {
      CO_RETURN_IF_ERROR(co_await SendFirst());
    }
    co_return Status::OK();
  }

  Task<Offset> Flush(FlushOptions options) override {
    while (!waiting_.empty() && (IsDue() || options.final)) {
      CO_RETURN_IF_ERROR(co_await SendFirst());
    }
    co_return place_.position.value_or(Offset(0));
  }

 private:
  struct Waiting {
    SentRecord record;
    TimePoint came;
    // Of the last record of a delivery of the log: the position when it is sent.
    std::optional<Offset> end;
  };

  void Gather(const arrow::RecordBatch& rows, Offset end) {
    const auto& data = static_cast<const arrow::BinaryArray&>(*rows.column(0));
    const auto& arrival = static_cast<const arrow::TimestampArray&>(*rows.column(1));
    for (int64_t row = 0; row < rows.num_rows(); ++row) {
      if (skipped_left_ > 0) {
        --skipped_left_;
        continue;
      }
      Waiting& waiting = waiting_.emplace_back();
      waiting.came = parts_.env->Now();
      waiting.record.data = data.GetString(row);
      const bool has_arrival = arrival.IsValid(row);
      waiting.record.arrival_ms = has_arrival ? arrival.Value(row) : parts_.env->WallTime().value();
      waiting.record.end = end;
      waiting.record.row = row;
      bytes_ += waiting.record.data.size();
    }
    // Of a delivery without rows, or with none left, nothing waits.
    if (waiting_.empty()) {
      place_ = {};
      place_.position = end;
      parts_.progress->Set(id_, place_);
    } else {
      waiting_.back().end = end;
    }
  }

  bool IsAttemptThere() const {
    return place_.attempt && waiting_.size() >= place_.attempt->record_count;
  }

  // Of a request that is sent again only a part may have been read yet.
  bool IsDue() const {
    if (place_.attempt) return IsAttemptThere();
    return parts_.env->Now() - waiting_.front().came >= parts_.buffering.time;
  }

  size_t CountOfNext() const {
    size_t bytes = 0;
    size_t count = 0;
    while (count < waiting_.size() && bytes < parts_.buffering.bytes) {
      bytes += waiting_[count++].record.data.size();
    }
    return count;
  }

  void BeginAttempt() {
    RecordProgress::Attempt attempt{
        .request = {.id = RandomUuid(parts_.env), .timestamp_ms = parts_.env->WallTime().value()},
        .record_count = CountOfNext(),
        .began = parts_.env->Now()};
    attempt.left.resize(attempt.record_count);
    std::iota(attempt.left.begin(), attempt.left.end(), size_t{0});
    place_.attempt = std::move(attempt);
    parts_.progress->Set(id_, place_);
  }

  // Sends what is left of the first request, once, and hands over what was refused or has been
  // tried for long enough.
  Task<> SendFirst() {
    if (!place_.attempt) BeginAttempt();
    const size_t count = std::min(place_.attempt->record_count, waiting_.size());
    std::vector<size_t> sent, unread;
    for (size_t index : place_.attempt->left) (index < count ? sent : unread).push_back(index);
    CO_ASSIGN_OR_RETURN(RecordAnswer answer, co_await Send(sent));
    ++place_.attempt->attempt_count;
    parts_.progress->Set(id_, place_);
    const bool is_over = parts_.env->Now() - place_.attempt->began >= parts_.buffering.retry_time;
    if (is_over && reject_handler() != nullptr) {
      std::move(answer.again.begin(), answer.again.end(), std::back_inserter(answer.refused));
      answer.again.clear();
    }
    // As long as they are not kept, all of it counts as not sent.
    if (!answer.refused.empty()) CO_RETURN_IF_ERROR(co_await HandOver(sent, answer.refused));
    place_.attempt->left.clear();
    for (const RecordFailure& one : answer.again) place_.attempt->left.push_back(sent[one.index]);
    place_.attempt->left.insert(place_.attempt->left.end(), unread.begin(), unread.end());
    parts_.progress->Set(id_, place_);
    if (!answer.again.empty()) co_return answer.problem;
    TakeOff(count);
    co_return Status::OK();
  }

  Task<RecordAnswer> Send(const std::vector<size_t>& indices) {
    if (indices.empty()) co_return RecordAnswer();
    std::vector<const SentRecord*> records;
    for (size_t index : indices) records.push_back(&waiting_[index].record);
    const RecordRequest request = place_.attempt->request;
    co_return co_await parts_.client->Send(request, std::move(records));
  }

  Task<> HandOver(const std::vector<size_t>& sent, const std::vector<RecordFailure>& failures) {
    const RecordTries tries{.count = place_.attempt->attempt_count,
                            .ended_ms = parts_.env->WallTime().value()};
    std::vector<connector::RejectedRecord> records;
    for (const RecordFailure& failure : failures) {
      const size_t index = sent[failure.index];
      records.push_back(
          {.origin = fmt::format("{}/{} request {} record {}", parts_.delivery_id,
                                 parts_.partition.value(), place_.attempt->request.id, index),
           .raw_bytes = parts_.client->FailedLine(waiting_[index].record, failure, tries),
           .cause = MakeError(ErrorCode::kInvalidRecord,
                              "connector '" + parts_.connector + "': " + failure.message)});
    }
    co_return co_await KeepRefused(std::move(records));
  }

  void TakeOff(size_t count) {
    has_delivered_ = true;
    for (size_t i = 0; i < count; ++i) {
      Waiting& first = waiting_.front();
      bytes_ -= first.record.data.size();
      ++place_.sent_count;
      if (first.end) {
        place_.position = first.end;
        place_.sent_count = 0;
      }
      waiting_.pop_front();
    }
    place_.attempt.reset();
    parts_.progress->Set(id_, place_);
  }

  RecordWriterParts parts_;
  std::string id_;
  RecordProgress::Place place_;
  bool has_delivered_ = false;
  size_t skipped_left_ = 0;  // rows behind the position that an earlier writer has sent
  std::deque<Waiting> waiting_;
  size_t bytes_ = 0;  // of their data
};

}  // namespace

RecordProgress::Place RecordProgress::Find(const std::string& id) const {
  std::lock_guard lock(mutex_);
  auto found = places_.find(id);
  return found == places_.end() ? Place() : found->second;
}

void RecordProgress::Set(const std::string& id, Place place) {
  std::lock_guard lock(mutex_);
  places_[id] = std::move(place);
}

std::unique_ptr<connector::DeliveryWriter> MakeRecordWriter(RecordWriterParts parts) {
  return std::make_unique<RecordWriter>(std::move(parts));
}

}  // namespace mainstem::sink

#include "sink/http/endpoint_writer.h"

#include <algorithm>
#include <deque>

#include <arrow/api.h>
#include <fmt/format.h>

#include "connector/blind_writer.h"
#include "core/random_uuid.h"

namespace mainstem::sink {
namespace {

constexpr int kTooLarge = 413;  // sent again it would be as large

class EndpointWriter final : public connector::DeliveryWriter, public connector::BlindWriter {
 public:
  EndpointWriter(Env* env, std::shared_ptr<const EndpointOptions> options,
                 std::shared_ptr<EndpointProgress> progress, std::unique_ptr<EndpointClient> client,
                 std::string delivery_id, PartitionId partition)
      : env_(env),
        options_(std::move(options)),
        progress_(std::move(progress)),
        client_(std::move(client)),
        delivery_id_(std::move(delivery_id)),
        partition_(partition),
        id_(fmt::format("{}-{}", delivery_id_, partition_.value())) {}

  Task<std::optional<Offset>> Open() override {
    place_ = progress_->Find(id_);
    skipped_left_ = place_.sent_count;
    co_return place_.position;
  }

  void BeginAt(Offset begin) override { begin_ = begin; }

  Task<> Deliver(ChangelogBatch batch, Offset end) override {
    for (RowKind kind : batch.kinds) {
      if (kind == RowKind::kInsert) continue;
      co_return MakeError(ErrorCode::kInvalidArgument,
                          "connector 'firehose-endpoint' takes inserts only");
    }
    Gather(*batch.rows, end);
    while (bytes_ >= options_->buffer_bytes || IsAttemptThere()) {
      CO_RETURN_IF_ERROR(co_await SendFirst());
    }
    co_return Status::OK();
  }

  Task<Offset> Flush(FlushOptions options) override {
    while (!waiting_.empty() && (IsDue() || options.final)) {
      CO_RETURN_IF_ERROR(co_await SendFirst());
    }
    co_return place_.position.value_or(begin_);
  }

 private:
  struct Waiting {
    EndpointRecord record;
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
      waiting.came = env_->Now();
      waiting.record.data = data.GetString(row);
      const bool has_arrival = arrival.IsValid(row);
      waiting.record.arrival_ms = has_arrival ? arrival.Value(row) : env_->WallTime().value();
      bytes_ += waiting.record.data.size();
    }
    // Of a delivery without rows, or with none left, nothing waits.
    if (waiting_.empty()) {
      place_ = {};
      place_.position = end;
      progress_->Set(id_, place_);
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
    return env_->Now() - waiting_.front().came >= options_->buffer_time;
  }

  size_t CountOfNext() const {
    size_t bytes = 0;
    size_t count = 0;
    while (count < waiting_.size() && bytes < options_->buffer_bytes) {
      bytes += waiting_[count++].record.data.size();
    }
    return count;
  }

  // Sends what stands first, once, or hands it over when it has been tried for long enough.
  Task<> SendFirst() {
    if (!place_.attempt) {
      place_.attempt = EndpointProgress::Attempt{
          .request = {.id = RandomUuid(env_), .timestamp_ms = env_->WallTime().value()},
          .record_count = CountOfNext(),
          .attempt_count = 0,
          .began = env_->Now()};
      progress_->Set(id_, place_);
    }
    const size_t count = std::min(place_.attempt->record_count, waiting_.size());
    std::vector<const EndpointRecord*> records;
    for (size_t i = 0; i < count; ++i) records.push_back(&waiting_[i].record);
    const EndpointRequest request = place_.attempt->request;
    int answered = 0;
    Status sent = co_await Send(request, std::move(records), &answered);
    if (!sent.ok()) {
      if (Is(sent, ErrorCode::kCancelled)) co_return sent;
      ++place_.attempt->attempt_count;
      progress_->Set(id_, place_);
      const bool is_over = env_->Now() - place_.attempt->began >= options_->retry_time;
      if (reject_handler() == nullptr || (!is_over && answered != kTooLarge)) co_return sent;
      CO_RETURN_IF_ERROR(co_await HandOver(count, sent));
    }
    TakeOff(count);
    co_return Status::OK();
  }

  Task<> Send(EndpointRequest request, std::vector<const EndpointRecord*> records, int* answered) {
    CO_ASSIGN_OR_RETURN(connector::HttpAnswer answer,
                        co_await client_->Post(request, std::move(records)));
    *answered = answer.status;
    co_return CheckEndpointAnswer(request, answer);
  }

  Task<> HandOver(size_t count, Status cause) {
    const ErrorText text = TextOf(cause);
    const std::string message =
        text.detail.empty() ? text.message : text.message + ": " + text.detail;
    const EndpointFailure failure{.attempt_count = place_.attempt->attempt_count,
                                  .ended_ms = env_->WallTime().value(),
                                  .code = "HttpEndpoint.DestinationException",
                                  .message = message};
    std::vector<connector::RejectedRecord> records;
    for (size_t i = 0; i < count; ++i) {
      records.push_back({.origin = fmt::format("{}/{} request {} record {}", delivery_id_,
                                               partition_.value(), place_.attempt->request.id, i),
                         .raw_bytes = FailedRecordLine(waiting_[i].record, failure),
                         .cause = cause});
    }
    co_return co_await KeepRefused(std::move(records));
  }

  void TakeOff(size_t count) {
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
    progress_->Set(id_, place_);
  }

  Env* env_;
  std::shared_ptr<const EndpointOptions> options_;
  std::shared_ptr<EndpointProgress> progress_;
  std::unique_ptr<EndpointClient> client_;
  std::string delivery_id_;
  PartitionId partition_;
  std::string id_;
  Offset begin_;
  EndpointProgress::Place place_;
  size_t skipped_left_ = 0;  // rows behind the position that an earlier writer has sent
  std::deque<Waiting> waiting_;
  size_t bytes_ = 0;  // of their data
};

}  // namespace

EndpointProgress::Place EndpointProgress::Find(const std::string& id) const {
  std::lock_guard lock(mutex_);
  auto found = places_.find(id);
  return found == places_.end() ? Place() : found->second;
}

void EndpointProgress::Set(const std::string& id, Place place) {
  std::lock_guard lock(mutex_);
  places_[id] = std::move(place);
}

std::unique_ptr<connector::DeliveryWriter> MakeEndpointWriter(
    Env* env, std::shared_ptr<const EndpointOptions> options,
    std::shared_ptr<EndpointProgress> progress, std::unique_ptr<EndpointClient> client,
    std::string delivery_id, PartitionId partition) {
  return std::make_unique<EndpointWriter>(env, std::move(options), std::move(progress),
                                          std::move(client), std::move(delivery_id), partition);
}

}  // namespace mainstem::sink

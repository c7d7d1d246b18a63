#include "sink/http/endpoint_writer.h"

#include <deque>

#include <arrow/api.h>
#include <arrow/util/compression.h>
#include <fmt/format.h>

#include "connector/http/call_apart.h"
#include "core/backoff.h"
#include "core/random_uuid.h"
#include "core/sync.h"

namespace mainstem::sink {
namespace {

// In a row, before the delivery's error is told and it begins anew.
constexpr int kEndpointTriesMax = 5;
constexpr int kTooLarge = 413;  // sent again it would be as large

Result<std::string> Gzipped(const std::string& text) {
  ASSIGN_OR_RETURN(auto codec, arrow::util::Codec::Create(arrow::Compression::GZIP));
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto size = static_cast<int64_t>(text.size());
  std::string packed(static_cast<size_t>(codec->MaxCompressedLen(size, bytes)), '\0');
  ASSIGN_OR_RETURN(int64_t packed_size,
                   codec->Compress(size, bytes, static_cast<int64_t>(packed.size()),
                                   reinterpret_cast<uint8_t*>(packed.data())));
  packed.resize(static_cast<size_t>(packed_size));
  return packed;
}

class EndpointWriter final : public connector::DeliveryWriter {
 public:
  EndpointWriter(Env* env, std::shared_ptr<const EndpointOptions> options,
                 std::shared_ptr<EndpointProgress> progress, std::string delivery_id,
                 PartitionId partition)
      : env_(env),
        options_(std::move(options)),
        progress_(std::move(progress)),
        delivery_id_(std::move(delivery_id)),
        partition_(partition),
        id_(fmt::format("{}-{}", delivery_id_, partition_.value())),
        session_(options_->session) {}

  Task<std::optional<Offset>> Open() override {
    place_ = progress_->Find(id_);
    skipped_left_ = place_.sent_count;
    co_return place_.position;
  }

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
    const bool is_time = !waiting_.empty() && env_->Now() - began_ >= options_->buffer_time;
    while (!waiting_.empty() && (is_time || options.final)) {
      CO_RETURN_IF_ERROR(co_await SendFirst());
    }
    co_return place_.position.value_or(Offset(0));
  }

 private:
  struct Waiting {
    EndpointRecord record;
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
      if (waiting_.empty()) began_ = env_->Now();
      Waiting& waiting = waiting_.emplace_back();
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

  size_t CountOfNext() const {
    size_t bytes = 0;
    size_t count = 0;
    while (count < waiting_.size() && bytes < options_->buffer_bytes) {
      bytes += waiting_[count++].record.data.size();
    }
    return count;
  }

  // Sends what stands first, or hands it over when it has been tried for long enough.
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
    Backoff backoff({.first = std::chrono::milliseconds(500)});
    for (int tries = 1;; ++tries) {
      int status = 0;
      Status sent = co_await Post(request, records, &status);
      if (sent.ok()) break;
      if (Is(sent, ErrorCode::kCancelled)) co_return sent;
      ++place_.attempt->attempt_count;
      progress_->Set(id_, place_);
      const bool is_over = env_->Now() - place_.attempt->began >= options_->retry_time;
      if (reject_handler() != nullptr && (is_over || status == kTooLarge)) {
        CO_RETURN_IF_ERROR(co_await HandOver(count, sent));
        break;
      }
      if (tries >= kEndpointTriesMax || !IsRetriable(sent)) co_return sent;
      CO_RETURN_IF_ERROR(co_await Sleep(backoff.Next(env_)));
    }
    TakeOff(count);
    co_return Status::OK();
  }

  // Packs the records where it sends them: that takes a while, too.
  Task<> Post(EndpointRequest request, const std::vector<const EndpointRecord*>& records,
              int* status) {
    connector::BlockingCall post = [&]() -> Result<connector::HttpAnswer> {
      connector::HttpCall call{.method = "POST", .url = options_->url};
      call.headers = options_->headers;
      call.headers.push_back("X-Amz-Firehose-Request-Id: " + request.id);
      std::string body = EndpointBody(request, records);
      if (options_->is_gzip) {
        ASSIGN_OR_RETURN(body, Gzipped(body));
      }
      call.body = body;
      return session_.Call(call);
    };
    CO_ASSIGN_OR_RETURN(connector::HttpAnswer answer,
                        co_await connector::CallApart(std::move(post)));
    *status = answer.status;
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
    began_ = env_->Now();
  }

  Env* env_;
  std::shared_ptr<const EndpointOptions> options_;
  std::shared_ptr<EndpointProgress> progress_;
  std::string delivery_id_;
  PartitionId partition_;
  std::string id_;
  connector::HttpSession session_;
  EndpointProgress::Place place_;
  size_t skipped_left_ = 0;  // rows behind the position that an earlier writer has sent
  std::deque<Waiting> waiting_;
  size_t bytes_ = 0;   // of their data
  TimePoint began_{};  // when the first of them came
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
    std::shared_ptr<EndpointProgress> progress, std::string delivery_id, PartitionId partition) {
  return std::make_unique<EndpointWriter>(env, std::move(options), std::move(progress),
                                          std::move(delivery_id), partition);
}

}  // namespace mainstem::sink

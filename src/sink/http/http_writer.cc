#include "sink/http/http_writer.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <fmt/format.h>

#include "connector/blind_writer.h"
#include "connector/connecting_writer.h"
#include "connector/secret_file.h"
#include "core/backoff.h"
#include "core/sync.h"
#include "sink/refused_row.h"

namespace mainstem::sink {

using connector::HttpAnswer;
namespace {

// In a row, of one request, before the delivery begins anew with the pauses of the engine.
constexpr int kRequestTriesMax = 6;
constexpr Duration kAskedPauseMax = std::chrono::seconds(60);
constexpr size_t kShownAnswerBytes = 300;

// The rows of one delivery that are sent, ready for requests.
struct Messages {
  std::shared_ptr<arrow::RecordBatch> rows;
  std::vector<RenderedRow> about;
  std::vector<std::string> bodies;
  std::vector<std::string> urls;
};

struct MessageSpan {
  size_t begin = 0;
  size_t end = 0;
  size_t count() const { return end - begin; }
};

enum class AnswerFate : uint8_t { kSent, kLater, kRefused, kStop };

class HttpWriter final : public connector::DeliveryWriter,
                         public connector::BlindWriter,
                         public connector::ConnectingWriter {
 public:
  HttpWriter(Env* env, std::shared_ptr<const HttpSinkOptions> options,
             std::shared_ptr<HttpProgress> progress, std::string delivery_id, PartitionId partition)
      : env_(env),
        options_(std::move(options)),
        progress_(std::move(progress)),
        delivery_id_(std::move(delivery_id)),
        partition_(partition),
        id_(fmt::format("{}-{}", delivery_id_, partition_.value())) {}

  Task<std::optional<Offset>> Open() override {
    connector::HttpSessionOptions session = options_->session;
    headers_ = options_->headers;
    for (const auto& [name, path] : options_->header_files) {
      CO_ASSIGN_OR_RETURN(std::string value, co_await connector::ReadSecretFile(env_, path));
      headers_.push_back(name + ": " + value);
    }
    if (!options_->password_file.empty()) {
      CO_ASSIGN_OR_RETURN(session.password,
                          co_await connector::ReadSecretFile(env_, options_->password_file));
    }
    if (options_->scheme) {
      std::string secret = options_->secret;
      if (!options_->secret_file.empty()) {
        CO_ASSIGN_OR_RETURN(secret,
                            co_await connector::ReadSecretFile(env_, options_->secret_file));
      }
      CO_ASSIGN_OR_RETURN(signer_, RequestSigner::Make(*options_->scheme, secret));
    }
    CO_ASSIGN_OR_RETURN(
        url_, RowTemplate::Compile(options_->url,
                                   {options_->schema, options_->format, RowTemplate::Use::kUrl}));
    CO_ASSIGN_OR_RETURN(
        body_, RowTemplate::Compile(options_->body,
                                    {options_->schema, options_->format, RowTemplate::Use::kJson}));
    session_ = std::make_unique<connector::HttpSession>(std::move(session));
    std::optional<HttpProgress::Place> place = progress_->Find(id_);
    if (!place) co_return std::nullopt;
    place_ = *place;
    co_return place_.position;
  }

  bool has_delivered() const override { return has_delivered_; }

  Task<> TryToConnect() override {
    // Where the host is the same for all rows.
    std::string url = options_->url.substr(0, options_->url.find("{{"));
    if (url.size() < options_->url.size() && url.find('/', url.find("://") + 3) == url.npos) {
      co_return Status::OK();
    }
    co_return co_await env_->blocking_pool().Run([&] { return session_->TryToConnect(url); });
  }

  Task<> Deliver(ChangelogBatch batch, Offset end) override {
    CO_ASSIGN_OR_RETURN(Messages messages, Prepare(batch, end));
    if (place_.part_end != end) place_ = {place_.position, end, 0};
    while (place_.part_sent < messages.about.size()) {
      // After a failure in the middle of a request's rows: what is left of them.
      size_t request_end = (place_.part_sent / options_->rows_max + 1) * options_->rows_max;
      MessageSpan span{.begin = place_.part_sent,
                       .end = std::min(messages.about.size(), request_end)};
      CO_RETURN_IF_ERROR(co_await Send(messages, span, end));
    }
    place_ = {.position = end, .part_end = Offset(), .part_sent = 0};
    progress_->Set(id_, place_);
    co_return Status::OK();
  }

  Task<Offset> Flush(FlushOptions) override { co_return place_.position.value_or(Offset(0)); }

 private:
  Result<Messages> Prepare(const ChangelogBatch& batch, Offset end) const {
    Messages messages;
    arrow::Int64Builder kept;
    for (int64_t row = 0; row < batch.rows->num_rows(); ++row) {
      RowKind kind = batch.kinds.empty() ? RowKind::kInsert : batch.kinds[static_cast<size_t>(row)];
      if (kind == RowKind::kUpdateBefore) continue;
      if (options_->key_columns.empty() && kind != RowKind::kInsert) {
        return MakeError(ErrorCode::kInvalidArgument,
                         {.message = "a table without a PRIMARY KEY takes inserts only",
                          .hint = "declare PRIMARY KEY (...) NOT ENFORCED in the SQL table"});
      }
      RETURN_IF_ERROR(kept.Append(row));
      messages.about.push_back({.id = fmt::format("{}-{}-{}", id_, end.value(), row),
                                .is_delete = kind == RowKind::kDelete});
    }
    std::shared_ptr<arrow::Array> indices;
    RETURN_IF_ERROR(kept.Finish(&indices));
    auto named =
        arrow::RecordBatch::Make(options_->schema, batch.rows->num_rows(), batch.rows->columns());
    ASSIGN_OR_RETURN(arrow::Datum taken, arrow::compute::Take(named, indices));
    messages.rows = taken.record_batch();
    ASSIGN_OR_RETURN(messages.bodies, body_->Render(messages.rows, messages.about));
    ASSIGN_OR_RETURN(messages.urls, url_->Render(messages.rows, messages.about));
    return messages;
  }

  std::string BodyOf(const Messages& messages, MessageSpan span) const {
    if (options_->rows_max == 1) return messages.bodies[span.begin];
    bool is_array = options_->form == BatchForm::kArray;
    std::string body = is_array ? "[" : "";
    for (size_t i = span.begin; i < span.end; ++i) {
      if (is_array && i > span.begin) body += ",";
      body += messages.bodies[i];
      if (!is_array) body += "\n";
    }
    return is_array ? body + "]" : body;
  }

  AnswerFate FateOf(int status) const {
    if (options_->success.Has(status)) return AnswerFate::kSent;
    if (options_->retry.Has(status)) return AnswerFate::kLater;
    switch (status) {
      case 404:
      case 410: return options_->has_url_places ? AnswerFate::kRefused : AnswerFate::kStop;
      case 401:
      case 403:
      case 405:
      case 407:
      case 501: return AnswerFate::kStop;
      default: return status < 400 ? AnswerFate::kStop : AnswerFate::kRefused;
    }
  }

  std::string Said(const HttpAnswer& answer) const {
    std::string said = answer.body.substr(0, kShownAnswerBytes);
    std::replace_if(
        said.begin(), said.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
    return said;
  }

  Status Stopped(const HttpAnswer& answer) const {
    bool is_right = answer.status == 401 || answer.status == 403 || answer.status == 407;
    ErrorText text{.message = fmt::format("connector 'http', table '{}': the server answers with "
                                          "status {}",
                                          options_->table_name, answer.status),
                   .detail = Said(answer),
                   .hint = is_right ? "check the credentials in the options"
                                    : "check the options 'url', 'method' and 'success-codes'"};
    ErrorCode code = is_right               ? ErrorCode::kPermissionDenied
                     : answer.status == 404 ? ErrorCode::kNotFound
                                            : ErrorCode::kInvalidArgument;
    return MakeError(code, std::move(text));
  }

  Task<HttpAnswer> Post(const Messages& messages, MessageSpan span) {
    std::string body = BodyOf(messages, span);
    // Of several rows: the first one's, and how many they are.
    std::string id = messages.about[span.begin].id;
    if (options_->rows_max > 1) id += fmt::format("x{}", span.count());
    std::vector<std::string> headers = headers_;
    if (!options_->idempotency_header.empty()) {
      headers.push_back(options_->idempotency_header + ": " + id);
    }
    if (signer_) {
      auto seconds = env_->WallTime().value() / 1000;
      for (std::string& line : signer_->Sign({.id = id, .seconds = seconds, .body = body})) {
        headers.push_back(std::move(line));
      }
    }
    connector::HttpCall call{
        .method = messages.about[span.begin].is_delete ? options_->delete_method : options_->method,
        .url = messages.urls[span.begin],
        .headers = std::move(headers),
        .body = body};
    co_return co_await env_->blocking_pool().Run([&] { return session_->Call(call); });
  }

  void SetSent(size_t count) {
    has_delivered_ = true;
    place_.part_sent = count;
    progress_->Set(id_, place_);
  }

  // Until the rows are sent or handed over, in their order.
  Task<> Send(const Messages& messages, MessageSpan whole, Offset end) {
    std::vector<MessageSpan> left = {whole};
    Backoff backoff({});
    for (int tries = 0; !left.empty();) {
      MessageSpan span = left.back();
      Result<HttpAnswer> answer = co_await Post(messages, span);
      if (!answer.ok() && !IsRetriable(answer.status())) co_return answer.status();
      AnswerFate fate = answer.ok() ? FateOf(answer->status) : AnswerFate::kLater;
      if (fate == AnswerFate::kStop) co_return Stopped(*answer);
      if (fate == AnswerFate::kLater) {
        if (++tries >= kRequestTriesMax) co_return Later(answer);
        Duration pause = backoff.Next(env_);
        if (answer.ok() && answer->retry_after) {
          pause = std::max(pause, std::min(*answer->retry_after, kAskedPauseMax));
        }
        CO_RETURN_IF_ERROR(co_await Sleep(pause));
        continue;
      }
      tries = 0;
      left.pop_back();
      if (fate == AnswerFate::kSent) {
        SetSent(span.end);
        continue;
      }
      if (span.count() > 1) {
        size_t middle = span.begin + span.count() / 2;
        left.push_back({.begin = middle, .end = span.end});
        left.push_back({.begin = span.begin, .end = middle});
        continue;
      }
      CO_RETURN_IF_ERROR(co_await HandOver(messages, span.begin, end, *answer));
      SetSent(span.end);
    }
    co_return Status::OK();
  }

  Status Later(const Result<HttpAnswer>& answer) const {
    if (!answer.ok()) return answer.status();
    return MakeError(ErrorCode::kUnavailable,
                     {.message = fmt::format("connector 'http', table '{}': the server answers "
                                             "with status {}",
                                             options_->table_name, answer->status),
                      .detail = Said(*answer)});
  }

  Task<> HandOver(const Messages& messages, size_t index, Offset end, const HttpAnswer& answer) {
    auto row = static_cast<int64_t>(index);
    RefusedRowPlace place{.delivery_id = delivery_id_, .partition = partition_, .end = end};
    place.key = KeyText(*messages.rows, options_->key_columns, row);
    if (place.key.empty()) place.key = messages.about[index].id;
    ErrorText text{.message = fmt::format("connector 'http': table '{}': the server refused the "
                                          "row with {}: status {}",
                                          options_->table_name, place.key, answer.status),
                   .detail = Said(answer),
                   .hint = "correct or filter such rows in the query"};
    RowKind kind = messages.about[index].is_delete ? RowKind::kDelete : RowKind::kInsert;
    std::vector<connector::RejectedRecord> records;
    records.push_back(MakeRefusedRow(*messages.rows, row, kind, place,
                                     MakeError(ErrorCode::kInvalidRecord, std::move(text))));
    co_return co_await KeepRefused(std::move(records));
  }

  Env* env_;
  std::shared_ptr<const HttpSinkOptions> options_;
  std::shared_ptr<HttpProgress> progress_;
  std::string delivery_id_;
  PartitionId partition_;
  std::string id_;
  std::vector<std::string> headers_;
  std::optional<RequestSigner> signer_;
  std::optional<RowTemplate> url_;
  std::optional<RowTemplate> body_;
  std::unique_ptr<connector::HttpSession> session_;
  HttpProgress::Place place_;
  bool has_delivered_ = false;
};

}  // namespace

std::optional<HttpProgress::Place> HttpProgress::Find(const std::string& id) const {
  std::lock_guard lock(mutex_);
  auto found = places_.find(id);
  if (found == places_.end()) return std::nullopt;
  return found->second;
}

void HttpProgress::Set(const std::string& id, Place place) {
  std::lock_guard lock(mutex_);
  places_[id] = place;
}

std::unique_ptr<connector::DeliveryWriter> MakeHttpWriter(
    Env* env, std::shared_ptr<const HttpSinkOptions> options,
    std::shared_ptr<HttpProgress> progress, std::string delivery_id, PartitionId partition) {
  return std::make_unique<HttpWriter>(env, std::move(options), std::move(progress),
                                      std::move(delivery_id), partition);
}

}  // namespace mainstem::sink

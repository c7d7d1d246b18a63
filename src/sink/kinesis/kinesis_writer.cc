#include "sink/kinesis/kinesis_writer.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include "core/backoff.h"
#include "core/error_context.h"
#include "core/random_uuid.h"
#include "core/sync.h"
#include "format/value_text.h"
#include "sink/refused_row.h"

namespace mainstem::sink {
namespace {

using connector::KinesisPut;
using connector::KinesisPutOutcome;

constexpr int kKeyCharactersMax = 256;
// In a row that put nothing into the stream, before the delivery begins anew with the pauses of the
// engine.
constexpr int kPutTriesMax = 8;

// A row on its way.
struct WaitingPut {
  KinesisPut put;
  int64_t row = 0;  // of the delivered batch
};

struct PutSpan {
  size_t begin = 0;
  size_t end = 0;
};

class KinesisWriter final : public connector::DeliveryWriter {
 public:
  KinesisWriter(Env* env, std::shared_ptr<const KinesisSinkOptions> options,
                std::shared_ptr<KinesisProgress> progress,
                std::shared_ptr<connector::KinesisStream> stream, std::string delivery_id,
                PartitionId partition)
      : env_(env),
        options_(std::move(options)),
        progress_(std::move(progress)),
        stream_(std::move(stream)),
        delivery_id_(std::move(delivery_id)),
        partition_(partition),
        id_(fmt::format("{}-{}", delivery_id_, partition_.value())) {}

  Task<std::optional<Offset>> Open() override {
    Result<int64_t> record_bytes_max = co_await stream_->RecordBytesMax();
    if (!record_bytes_max.ok()) co_return Named(record_bytes_max.status());
    record_bytes_max_ = static_cast<size_t>(*record_bytes_max);
    {
      CO_ASSIGN_OR_RETURN(encoder_, format::MakeEncoder(options_->format.format, options_->schema,
                                                        options_->format.options));
    }
    CO_RETURN_IF_ERROR(co_await encoder_->Prepare(env_));
    place_ = progress_->Find(id_);
    co_return place_.position;
  }

  Task<> Deliver(ChangelogBatch batch, Offset end) override {
    ChangelogBatch named{.rows = arrow::RecordBatch::Make(options_->schema, batch.rows->num_rows(),
                                                          batch.rows->columns()),
                         .kinds = std::move(batch.kinds)};
    std::vector<WaitingPut> puts;
    std::vector<connector::RejectedRecord> refused;
    CO_RETURN_IF_ERROR(Gather(named, end, &puts, &refused));
    if (!refused.empty()) CO_RETURN_IF_ERROR(co_await KeepRefused(std::move(refused)));
    if (place_.part_end != end) place_ = {place_.position, end, 0};
    while (place_.part_sent < puts.size()) {
      const size_t send_end = EndOfCall(puts, place_.part_sent);
      CO_RETURN_IF_ERROR(co_await SendAll(named, end, puts, {place_.part_sent, send_end}));
      place_.part_sent = send_end;
      progress_->Set(id_, place_);
    }
    place_ = {.position = end, .part_end = Offset(), .part_sent = 0};
    progress_->Set(id_, place_);
    co_return Status::OK();
  }

  Task<Offset> Flush(FlushOptions) override { co_return place_.position.value_or(Offset(0)); }

 private:
  Status Named(const Status& status) const {
    if (Is(status, ErrorCode::kCancelled)) return status;
    return InContext(fmt::format("connector 'kinesis', table '{}': ", options_->table_name),
                     status);
  }

  // Records in the order of their rows; those that no stream takes are refused.
  Status Gather(const ChangelogBatch& batch, Offset end, std::vector<WaitingPut>* puts,
                std::vector<connector::RejectedRecord>* refused) const {
    ChangelogBatch plain;
    plain.rows = batch.rows;
    ASSIGN_OR_RETURN(std::vector<std::string> values,
                     encoder_->Encode(options_->is_upsert ? plain : batch));
    CHECK(values.size() == static_cast<size_t>(batch.rows->num_rows()));
    for (int64_t row = 0; row < batch.rows->num_rows(); ++row) {
      const auto index = static_cast<size_t>(row);
      const RowKind kind = batch.kinds.empty() ? RowKind::kInsert : batch.kinds[index];
      if (options_->is_upsert && kind == RowKind::kUpdateBefore) continue;
      WaitingPut waiting{
          .put = {.partition_key = KeyOf(*batch.rows, row), .data = std::move(values[index])},
          .row = row};
      if (options_->is_upsert && kind == RowKind::kDelete) waiting.put.data.clear();
      const size_t bytes = waiting.put.data.size() + waiting.put.partition_key.size();
      if (waiting.put.partition_key.empty()) {
        refused->push_back(Refused(batch, row, end, "its partition key is empty", ""));
      } else if (bytes > record_bytes_max_) {
        refused->push_back(Refused(
            batch, row, end,
            fmt::format("its record has {} bytes, the stream takes {}", bytes, record_bytes_max_),
            "aws kinesis update-max-record-size lets a stream take up to 10 MiB"));
      } else {
        puts->push_back(std::move(waiting));
      }
    }
    return Status::OK();
  }

  std::string KeyOf(const arrow::RecordBatch& rows, int64_t row) const {
    if (!options_->key_columns.empty()) return PartitionKeyOf(rows, row, *options_);
    return options_->is_fixed ? std::to_string(partition_.value()) : RandomUuid(env_);
  }

  connector::RejectedRecord Refused(const ChangelogBatch& batch, int64_t row, Offset end,
                                    const std::string& why, std::string hint) const {
    const RowKind kind =
        batch.kinds.empty() ? RowKind::kInsert : batch.kinds[static_cast<size_t>(row)];
    RefusedRowPlace place{.delivery_id = delivery_id_, .partition = partition_, .end = end};
    place.key = KeyText(*batch.rows, options_->key_columns, row);
    if (place.key.empty()) place.key = fmt::format("row {}", row);
    ErrorText text{
        .message = fmt::format("connector 'kinesis', table '{}': stream '{}' does not "
                               "take the row with {}: {}",
                               options_->table_name, options_->stream_name, place.key, why),
        .hint = std::move(hint)};
    return MakeRefusedRow(*batch.rows, row, kind, place,
                          MakeError(ErrorCode::kInvalidRecord, std::move(text)));
  }

  size_t EndOfCall(const std::vector<WaitingPut>& puts, size_t begin) const {
    size_t bytes = 0;
    size_t end = begin;
    while (end < puts.size() && end - begin < options_->records_max) {
      bytes += puts[end].put.data.size() + puts[end].put.partition_key.size();
      if (end > begin && bytes > options_->bytes_max) break;
      ++end;
    }
    return end;
  }

  // Until all of them are in the stream or handed over.
  Task<> SendAll(const ChangelogBatch& batch, Offset end, const std::vector<WaitingPut>& puts,
                 PutSpan span) {
    std::vector<size_t> left;
    for (size_t i = span.begin; i < span.end; ++i) left.push_back(i);
    Backoff backoff({.first = std::chrono::milliseconds(100), .last = std::chrono::seconds(5)});
    for (int tries = 0; !left.empty();) {
      const size_t before = left.size();
      Status sent = co_await SendOnce(puts, &left);
      if (Is(sent, ErrorCode::kInvalidArgument)) {
        CO_RETURN_IF_ERROR(co_await SendEach(batch, end, puts, &left));
        continue;
      }
      if (sent.ok()) continue;
      if (!Is(sent, ErrorCode::kResourceExhausted) || options_->fails_at_once) {
        co_return Named(sent);
      }
      tries = left.size() < before ? 0 : tries + 1;
      if (tries >= kPutTriesMax) co_return Named(sent);
      if (left.size() < before) backoff.Reset();
      CO_RETURN_IF_ERROR(co_await Sleep(backoff.Next(env_)));
    }
    co_return Status::OK();
  }

  // A call was refused as a whole for something in it: the first half of what is left alone, down
  // to the record that it is about, which is handed over.
  Task<> SendEach(const ChangelogBatch& batch, Offset end, const std::vector<WaitingPut>& puts,
                  std::vector<size_t>* left) {
    std::vector<size_t> part(left->begin(), left->begin() + (left->size() + 1) / 2);
    const bool is_single = left->size() == 1;
    const size_t part_size = part.size();
    Status sent = co_await SendOnce(puts, &part);
    if (Is(sent, ErrorCode::kInvalidArgument) && is_single) {
      std::vector<connector::RejectedRecord> refused;
      const ErrorText text = TextOf(sent);
      refused.push_back(Refused(batch, puts[part[0]].row, end, text.message + ": " + text.detail,
                                "correct or filter such rows in the query"));
      CO_RETURN_IF_ERROR(co_await KeepRefused(std::move(refused)));
      left->clear();
      co_return Status::OK();
    }
    if (Is(sent, ErrorCode::kInvalidArgument)) {
      CO_RETURN_IF_ERROR(co_await SendEach(batch, end, puts, &part));
    } else if (!sent.ok() && !Is(sent, ErrorCode::kResourceExhausted)) {
      co_return Named(sent);
    }
    // What the call did not take of the first part stays in front.
    part.insert(part.end(), left->begin() + static_cast<ptrdiff_t>(part_size), left->end());
    *left = std::move(part);
    co_return Status::OK();
  }

  // One call; `left` is then what it did not take, in its order. kResourceExhausted when that is
  // something.
  Task<> SendOnce(const std::vector<WaitingPut>& puts, std::vector<size_t>* left) {
    std::vector<KinesisPut> records;
    for (size_t index : *left) records.push_back(puts[index].put);
    env_->CrashPoint("sink.commit");
    CO_ASSIGN_OR_RETURN(std::vector<KinesisPutOutcome> outcomes,
                        co_await stream_->PutRecords(std::move(records)));
    env_->CrashPoint("sink.committed");
    CHECK(outcomes.size() == left->size());
    std::vector<size_t> failed;
    ErrorText text;
    for (size_t i = 0; i < outcomes.size(); ++i) {
      if (outcomes[i].error_code.empty()) continue;
      if (failed.empty()) text = {.message = outcomes[i].error_code, .detail = outcomes[i].message};
      failed.push_back((*left)[i]);
    }
    const size_t count = left->size();
    *left = std::move(failed);
    if (left->empty()) co_return Status::OK();
    text.message = fmt::format("stream '{}' did not take {} of {} records: {}",
                               options_->stream_name, left->size(), count, text.message);
    co_return MakeError(ErrorCode::kResourceExhausted, std::move(text));
  }

  Env* env_;
  std::shared_ptr<const KinesisSinkOptions> options_;
  std::shared_ptr<KinesisProgress> progress_;
  std::shared_ptr<connector::KinesisStream> stream_;
  std::string delivery_id_;
  PartitionId partition_;
  std::string id_;
  size_t record_bytes_max_ = 0;
  std::unique_ptr<format::Encoder> encoder_;
  KinesisProgress::Place place_;
};

}  // namespace

KinesisProgress::Place KinesisProgress::Find(const std::string& id) const {
  std::lock_guard lock(mutex_);
  auto found = places_.find(id);
  return found == places_.end() ? Place() : found->second;
}

void KinesisProgress::Set(const std::string& id, Place place) {
  std::lock_guard lock(mutex_);
  places_[id] = place;
}

std::string PartitionKeyOf(const arrow::RecordBatch& rows, int64_t row,
                           const KinesisSinkOptions& options) {
  std::string key;
  for (size_t i = 0; i < options.key_columns.size(); ++i) {
    if (i > 0) key += options.key_delimiter;
    format::AppendValueText(*rows.column(options.key_columns[i]), row, &key);
  }
  int characters = 0;
  for (size_t at = 0; at < key.size(); ++at) {
    const bool begins_one = (static_cast<unsigned char>(key[at]) & 0xC0) != 0x80;
    if (begins_one && ++characters > kKeyCharactersMax) {
      key.resize(at);
      break;
    }
  }
  return key;
}

std::unique_ptr<connector::DeliveryWriter> MakeKinesisWriter(
    Env* env, std::shared_ptr<const KinesisSinkOptions> options,
    std::shared_ptr<KinesisProgress> progress, std::shared_ptr<connector::KinesisStream> stream,
    std::string delivery_id, PartitionId partition) {
  return std::make_unique<KinesisWriter>(env, std::move(options), std::move(progress),
                                         std::move(stream), std::move(delivery_id), partition);
}

}  // namespace mainstem::sink

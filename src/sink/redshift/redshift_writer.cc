#include "sink/redshift/redshift_writer.h"

#include <arrow/api.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

#include "connector/close_on_pool.h"
#include "core/error_context.h"
#include "core/fnv1a.h"
#include "sink/redshift/copy_file.h"
#include "sink/refused_row.h"
#include "sink/waiting_rows.h"

namespace mainstem::sink {
namespace {

// What one load may hold, whatever the options say.
constexpr int64_t kLoadRowsMax = 1'000'000;
constexpr int64_t kLoadBytesMax = int64_t{64} << 20;

using ChangeSpan = std::span<const RowChange>;

class RedshiftWriter final : public connector::DeliveryWriter {
 public:
  RedshiftWriter(Env* env, std::shared_ptr<const RedshiftSinkOptions> options,
                 std::string delivery_id, PartitionId partition)
      : env_(env),
        options_(std::move(options)),
        delivery_id_(std::move(delivery_id)),
        partition_(partition),
        folder_(fmt::format("{}{:016x}-{}/", options_->prefix, Fnv1a(delivery_id_),
                            partition_.value())) {}

  ~RedshiftWriter() override { connector::CloseOnPool(env_, std::move(loader_)); }

  Task<std::optional<Offset>> Open() override {
    const arrow::Schema& schema = *options_->redshift.table.schema;
    for (const std::string& column : options_->redshift.table.primary_key) {
      key_columns_.push_back(schema.GetFieldIndex(column));
    }
    shown_columns_ = TellingColumns(key_columns_, schema.num_fields());
    auto opened = co_await env_->blocking_pool().Run(
        [this] { return RedshiftLoader::Open(options_->redshift, delivery_id_, partition_); });
    CO_RETURN_IF_ERROR(Named(opened.status()));
    loader_ = std::move(opened).ValueUnsafe();
    CO_RETURN_IF_ERROR(Named(co_await RemoveLeftovers()));
    co_return loader_->position();
  }

  Task<> Deliver(ChangelogBatch batch, Offset end) override {
    CO_RETURN_IF_ERROR(Named(CheckDeliveredColumns(*options_->redshift.table.schema, *batch.rows)));
    TimePoint now = env_->Now();
    CO_ASSIGN_OR_RETURN(int64_t bytes, arrow::util::ReferencedBufferSize(*batch.rows));
    waiting_.Add(batch.rows->num_rows(), bytes, now);
    if (batch.rows->num_rows() > 0) buffer_.push_back(std::move(batch));
    end_ = end;
    bool is_due = waiting_.IsDue(now, options_->interval);
    bool is_full = waiting_.IsFull(std::min(options_->max_rows, kLoadRowsMax), kLoadBytesMax);
    if (is_due || is_full) co_return co_await Write();
    co_return Status::OK();
  }

  // Loads are worth their cost when they are great: rows wait for others, unless these are the
  // last.
  Task<Offset> Flush(FlushOptions flush) override {
    bool is_due = buffer_.empty() || waiting_.IsDue(env_->Now(), options_->interval);
    if (flush.final || is_due) CO_RETURN_IF_ERROR(co_await Write());
    co_return loader_->position().value_or(Offset(0));
  }

 private:
  Status Named(const Status& status) const {
    if (status.ok() || Is(status, ErrorCode::kCancelled)) return status;
    return InContext("table '" + options_->table_name + "': ", status);
  }

  Task<> RemoveLeftovers() {
    std::string next;
    do {
      CO_ASSIGN_OR_RETURN(connector::ObjectPage page,
                          co_await options_->store->List(folder_, next));
      for (const connector::ObjectInfo& object : page.objects) {
        CO_RETURN_IF_ERROR(co_await options_->store->Remove(object.key));
      }
      next = page.next;
    } while (!next.empty());
    co_return Status::OK();
  }

  Task<> Write() {
    CHECK(loader_ != nullptr);
    if (!end_ || loader_->position() == end_) co_return Status::OK();
    if (failed_) {
      co_return WriterHasFailed();
    }
    // Until it succeeds: the rows it takes out of the buffer must not be passed over.
    failed_ = true;
    Status written = co_await WriteRows(std::exchange(buffer_, {}));
    CO_RETURN_IF_ERROR(Named(written));
    waiting_.Clear();
    failed_ = false;
    co_return Status::OK();
  }

  Task<> WriteRows(std::vector<ChangelogBatch> batches) {
    CO_ASSIGN_OR_RETURN(RowChanges rows, co_await env_->blocking_pool().Run([&] {
      return FoldChanges(options_->redshift.table.schema, batches, key_columns_, IsCopyRow);
    }));
    std::vector<RefusedRow> refused;
    for (const RowChange& change : rows.unstorable) {
      refused.push_back(Refuse(rows, change,
                               MakeError(ErrorCode::kInvalidRecord,
                                         "files for COPY have neither U+0000 nor the text \\N")));
    }
    ChangeSpan changes = rows.changes;
    std::vector<RowChange> kept;
    Status taken = co_await Load(&rows, changes, refused.empty());
    if (Is(taken, ErrorCode::kInvalidRecord)) {
      // The table first: it may have changed, and then no row is bad.
      CO_RETURN_IF_ERROR(
          co_await env_->blocking_pool().Run([this] { return loader_->CheckTable(); }));
      CO_RETURN_IF_ERROR(co_await FindRefused(&rows, changes, &kept, &refused));
      changes = kept;
      taken = Status::OK();
    }
    CO_RETURN_IF_ERROR(taken);
    if (refused.empty()) co_return Status::OK();
    // Before the commit: what is refused is kept by somebody else before the position passes it.
    CO_RETURN_IF_ERROR(co_await HandOver(rows, std::move(refused)));
    co_return co_await Load(&rows, changes, true);
  }

  // Stages the changes and merges them; `keep`: with the position, for good. Else it is a trial.
  Task<> Load(const RowChanges* rows, ChangeSpan changes, bool keep) {
    if (changes.empty()) {
      if (!keep) co_return Status::OK();
      co_return co_await env_->blocking_pool().Run([this] { return loader_->MergeNothing(*end_); });
    }
    std::string file =
        co_await env_->blocking_pool().Run([&] { return CopyFile(*rows, changes, key_columns_); });
    const std::string key = fmt::format("{}{:016x}", folder_, env_->Random());
    const std::string bucket = "s3://" + options_->bucket + "/";
    std::string manifest = CopyManifest({bucket + key + ".csv"});
    CO_RETURN_IF_ERROR(
        (co_await options_->store->Put(key + ".csv", std::move(file), std::nullopt)).status());
    CO_RETURN_IF_ERROR(
        (co_await options_->store->Put(key + ".manifest", std::move(manifest), std::nullopt))
            .status());
    env_->CrashPoint("sink.load");
    Status loaded = co_await env_->blocking_pool().Run(
        [&] { return loader_->Stage(bucket + key + ".manifest"); });
    for (const char* suffix : {".manifest", ".csv"}) {
      Status removed = co_await options_->store->Remove(key + suffix);
      IgnoreError(removed, "the next writer removes what is left");
    }
    CO_RETURN_IF_ERROR(loaded);
    env_->CrashPoint("sink.commit");
    CO_RETURN_IF_ERROR(
        co_await env_->blocking_pool().Run([this, keep] { return loader_->Merge(*end_, keep); }));
    env_->CrashPoint("sink.committed");
    co_return Status::OK();
  }

  // By trials that are given up: in halves, until those that are refused stand alone.
  Task<> FindRefused(const RowChanges* rows, ChangeSpan changes, std::vector<RowChange>* kept,
                     std::vector<RefusedRow>* refused) {
    if (changes.empty()) co_return Status::OK();
    Status loaded = co_await Load(rows, changes, false);
    if (loaded.ok()) {
      kept->insert(kept->end(), changes.begin(), changes.end());
      co_return Status::OK();
    }
    if (!Is(loaded, ErrorCode::kInvalidRecord)) co_return loaded;
    if (changes.size() == 1) {
      refused->push_back(Refuse(*rows, changes[0], loaded));
      co_return Status::OK();
    }
    size_t half = changes.size() / 2;
    CO_RETURN_IF_ERROR(co_await FindRefused(rows, changes.first(half), kept, refused));
    co_return co_await FindRefused(rows, changes.subspan(half), kept, refused);
  }

  RefusedRow Refuse(const RowChanges& rows, RowChange change, const Status& cause) const {
    return RefuseRow(rows, change, shown_columns_,
                     "connector 'redshift': table '" + options_->redshift.table.name + "'", cause);
  }

  Task<> HandOver(const RowChanges& rows, std::vector<RefusedRow> refused) {
    RefusedRowPlace place{.delivery_id = delivery_id_, .partition = partition_, .end = *end_};
    auto records = RejectedRecordsOf(rows, std::move(refused), std::move(place));
    co_return co_await KeepRefused(std::move(records));
  }

  Env* env_;
  std::shared_ptr<const RedshiftSinkOptions> options_;
  std::string delivery_id_;
  PartitionId partition_;
  std::string folder_;  // prefix of this writer's keys
  std::vector<int> key_columns_;
  std::vector<int> shown_columns_;  // all columns without a key
  std::unique_ptr<RedshiftLoader> loader_;
  std::vector<ChangelogBatch> buffer_;
  WaitingRows waiting_;
  std::optional<Offset> end_;
  bool failed_ = false;
};

}  // namespace

std::unique_ptr<connector::DeliveryWriter> MakeRedshiftWriter(
    Env* env, std::shared_ptr<const RedshiftSinkOptions> options, std::string delivery_id,
    PartitionId partition) {
  return std::make_unique<RedshiftWriter>(env, std::move(options), std::move(delivery_id),
                                          partition);
}

}  // namespace mainstem::sink

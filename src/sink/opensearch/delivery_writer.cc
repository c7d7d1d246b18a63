#include "sink/opensearch/delivery_writer.h"

#include <arrow/api.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

#include "connector/resuming_writer.h"
#include "core/error_context.h"
#include "sink/opensearch/document_changes.h"
#include "sink/opensearch/document_writer.h"
#include "sink/opensearch/index_drift.h"
#include "sink/refused_row.h"
#include "sink/waiting_rows.h"

namespace mainstem::sink {
namespace {

// What one group may hold, whatever the options say.
constexpr int64_t kGroupRowsMax = 20000;
constexpr int64_t kGroupBytesMax = int64_t{32} << 20;
constexpr size_t kTemplateBytesMax = size_t{4} << 20;

class OpenSearchWriter final : public connector::DeliveryWriter, public connector::ResumingWriter {
 public:
  OpenSearchWriter(Env* env, std::shared_ptr<const OpenSearchOptions> options,
                   std::string delivery_id, PartitionId partition)
      : env_(env),
        options_(std::move(options)),
        delivery_id_(std::move(delivery_id)),
        partition_(partition),
        position_id_(fmt::format("{}/{}", delivery_id_, partition_.value())) {}

  Task<std::optional<Offset>> Open() override {
    auto cluster = co_await env_->blocking_pool().Run(
        [this] { return SearchCluster::Open(options_->cluster); });
    CO_RETURN_IF_ERROR(Named(cluster.status()));
    cluster_ = std::move(cluster).ValueUnsafe();
    CO_ASSIGN_OR_RETURN(encoder_, format::MakeEncoder(options_->format.format, options_->schema,
                                                      options_->format.options));
    CO_RETURN_IF_ERROR(Named(co_await PutTemplate()));
    CO_RETURN_IF_ERROR(Named(co_await CheckMapping()));
    auto stored =
        co_await env_->blocking_pool().Run([this] { return cluster_->ReadPosition(position_id_); });
    CO_RETURN_IF_ERROR(Named(stored.status()));
    if (!*stored) {
      // Later histories of the same documents have greater versions, as long as a partition takes
      // less than a million records a second.
      stored_.first_version = env_->WallTime().value() * 1000;
      co_return std::nullopt;
    }
    stored_ = **stored;
    has_position_ = true;
    begun_to_ = stored_.attempted;
    co_return stored_.position;
  }

  Offset begun_to() const override { return begun_to_; }

  Task<> Deliver(ChangelogBatch batch, Offset end) override {
    CO_RETURN_IF_ERROR(Named(CheckDeliveredColumns(*options_->schema, *batch.rows)));
    TimePoint now = env_->Now();
    CO_ASSIGN_OR_RETURN(int64_t bytes, arrow::util::ReferencedBufferSize(*batch.rows));
    waiting_.Add(batch.rows->num_rows(), bytes, now);
    if (batch.rows->num_rows() > 0) buffer_.push_back({.batch = std::move(batch), .end = end});
    end_ = end;
    bool is_due = waiting_.IsDue(now, options_->interval);
    bool is_full = waiting_.IsFull(kGroupRowsMax, kGroupBytesMax);
    if (is_due || is_full) co_return co_await Write();
    co_return Status::OK();
  }

  Task<Offset> Flush(FlushOptions options) override {
    if (IsWithinBegunGroup()) {
      // Nothing has come since the last time, so nothing more will.
      if (options.final || flushed_at_ == end_) co_return Shorter();
      flushed_at_ = end_;
      co_return stored_.position;
    }
    CO_RETURN_IF_ERROR(co_await Write());
    co_return stored_.position;
  }

 private:
  // A group that was begun by an earlier writer is sent again as a whole: the last change of each
  // document only, as then.
  bool IsWithinBegunGroup() const { return end_ && *end_ < begun_to_; }

  Status Shorter() const {
    return MakeError(
        ErrorCode::kInvalidArgument,
        {.message = fmt::format("connector '{}': rows up to {} were delivered before, but the "
                                "job's topic ends at {}",
                                options_->connector, begun_to_.value(), end_->value()),
         .hint = "the log was restored to an earlier state: submit the job anew"});
  }

  Status Named(const Status& status) const {
    if (status.ok()) return status;
    return InContext(
        "connector '" + options_->connector + "', table '" + options_->table_name + "': ", status);
  }

  Task<> PutTemplate() {
    if (options_->template_file.empty()) co_return Status::OK();
    CO_ASSIGN_OR_RETURN(std::string json,
                        co_await env_->files().ReadAll(options_->template_file, kTemplateBytesMax));
    co_return co_await env_->blocking_pool().Run(
        [&] { return cluster_->PutTemplate("mainstem-" + options_->table_name, json); });
  }

  Task<> CheckMapping() {
    CO_ASSIGN_OR_RETURN(connector::Differences found, co_await env_->blocking_pool().Run([this] {
      return FindIndexDifferences(cluster_.get(), *options_);
    }));
    co_return connector::DriftError("", found);
  }

  Task<> Store(Offset position, Offset attempted) {
    StoredPosition next = stored_;
    next.position = position;
    next.attempted = attempted;
    auto stored = co_await env_->blocking_pool().Run(
        [&] { return cluster_->WritePosition(position_id_, next); });
    CO_RETURN_IF_ERROR(stored.status());
    stored_ = *stored;
    has_position_ = true;
    co_return Status::OK();
  }

  Task<> Write() {
    CHECK(cluster_ != nullptr);
    if (!end_ || (has_position_ && stored_.position == *end_) || IsWithinBegunGroup()) {
      co_return Status::OK();
    }
    if (failed_) {
      co_return WriterHasFailed();
    }
    // Until it succeeds: the rows it takes out of the buffer must not be passed over.
    failed_ = true;
    Status written = co_await WriteGroup(std::exchange(buffer_, {}));
    CO_RETURN_IF_ERROR(Named(written));
    waiting_.Clear();
    failed_ = false;
    co_return Status::OK();
  }

  Task<> WriteGroup(std::vector<DeliveredRows> deliveries) {
    bool was_begun = stored_.position < begun_to_;
    DocumentNaming naming{.schema = options_->schema,
                          .key_columns = options_->key_columns,
                          .key_delimiter = options_->key_delimiter,
                          .index = &options_->index,
                          .first_version = stored_.first_version,
                          .partition = partition_};
    CO_ASSIGN_OR_RETURN(DocumentChanges changes, co_await env_->blocking_pool().Run([&] {
      return FoldDocuments(naming, deliveries);
    }));
    CO_RETURN_IF_ERROR(co_await Store(stored_.position, *end_));
    DocumentWriter writer({.env = env_,
                           .cluster = cluster_.get(),
                           .encoder = encoder_.get(),
                           .actions_max = options_->actions_max,
                           .bytes_max = options_->bytes_max,
                           .pauses = options_->pauses,
                           .creates_only = options_->is_data_stream,
                           .skips_existing = options_->is_data_stream && was_begun,
                           .last_version = stored_.first_version + end_->value()});
    CO_ASSIGN_OR_RETURN(std::vector<RefusedDocument> refused, co_await writer.Send(changes));
    // What is refused is kept by somebody else before the position passes it.
    if (!refused.empty() || !changes.unnamed.empty()) {
      // What an index refuses that has changed meanwhile is not the rows' fault.
      CO_RETURN_IF_ERROR(co_await CheckMapping());
      CO_RETURN_IF_ERROR(co_await HandOver(changes, std::move(refused)));
    }
    env_->CrashPoint("sink.commit");
    CO_RETURN_IF_ERROR(co_await Store(*end_, *end_));
    env_->CrashPoint("sink.committed");
    co_return Status::OK();
  }

  connector::RejectedRecord Refuse(const DocumentChanges& changes, int64_t row, bool is_delete,
                                   const std::string& problem) const {
    RefusedRowPlace place{.delivery_id = delivery_id_, .partition = partition_, .end = *end_};
    place.key = KeyText(*changes.rows, options_->key_columns, row);
    std::string which = place.key.empty() ? "a row" : "the row with " + place.key;
    if (is_delete) which = "the deletion of " + which;
    ErrorText text{.message = "connector '" + options_->connector + "': table '" +
                              options_->table_name + "' refused " + which + ": " + problem,
                   .hint =
                       "correct or filter such rows in the query, or change the mapping of the "
                       "index"};
    return MakeRefusedRow(*changes.rows, row, is_delete ? RowKind::kDelete : RowKind::kInsert,
                          place, MakeError(ErrorCode::kInvalidRecord, std::move(text)));
  }

  Task<> HandOver(const DocumentChanges& changes, std::vector<RefusedDocument> refused) {
    std::vector<connector::RejectedRecord> records;
    for (const UnnamedRow& row : changes.unnamed) {
      records.push_back(Refuse(changes, row.row, row.is_delete, row.problem));
    }
    for (const RefusedDocument& document : refused) {
      const DocumentChange& change = changes.changes[document.change];
      records.push_back(Refuse(changes, change.row, change.is_delete, document.problem));
    }
    co_return co_await KeepRefused(std::move(records));
  }

  Env* env_;
  std::shared_ptr<const OpenSearchOptions> options_;
  std::string delivery_id_;
  PartitionId partition_;
  std::string position_id_;
  std::unique_ptr<SearchCluster> cluster_;
  std::unique_ptr<format::Encoder> encoder_;
  StoredPosition stored_;
  bool has_position_ = false;
  Offset begun_to_;  // where the group ends that an earlier writer may have begun
  std::vector<DeliveredRows> buffer_;
  WaitingRows waiting_;
  std::optional<Offset> end_;
  std::optional<Offset> flushed_at_;
  bool failed_ = false;
};

}  // namespace

Result<std::unique_ptr<connector::DeliveryWriter>> MakeOpenSearchWriter(
    Env* env, std::shared_ptr<const OpenSearchOptions> options, std::string delivery_id,
    PartitionId partition) {
  return std::make_unique<OpenSearchWriter>(env, std::move(options), std::move(delivery_id),
                                            partition);
}

}  // namespace mainstem::sink

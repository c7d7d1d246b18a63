#include "sink/iceberg/iceberg_writer.h"

#include <map>

#include <absl/strings/numbers.h>
#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <fmt/format.h>

#include "connector/iceberg/column_types.h"
#include "connector/iceberg/schema_drift.h"
#include "core/error_context.h"
#include "sink/iceberg/data_file.h"
#include "sink/iceberg/file_rewriter.h"
#include "sink/iceberg/partition_values.h"
#include "sink/iceberg/row_keys.h"
#include "sink/refused_row.h"
#include "sink/waiting_rows.h"

namespace mainstem::sink {

namespace iceberg = connector::iceberg;
using iceberg::MetadataPtr;

namespace {

// More partitions than this at a time: the file that has waited longest is ended. Each open one
// holds memory.
constexpr size_t kOpenFilesMax = 64;
constexpr int64_t kDefaultFileBytes = int64_t{512} << 20;
// A commit comes early when so many keys wait for it: they are held in memory.
constexpr size_t kChangedKeysMax = 500000;
constexpr const char* kFileMore = "a file that nothing names does no harm, and is looked for later";

struct OpenDataFile {
  iceberg::DataFile described;
  std::unique_ptr<DataFileEncoder> encoder;
  std::unique_ptr<iceberg::LakeFile> file;
  int64_t last_use = 0;
  int32_t number = 0;     // of the commit's files
  int64_t row_count = 0;  // written so far
};

class IcebergWriter final : public connector::DeliveryWriter {
 public:
  IcebergWriter(Env* env, std::shared_ptr<const IcebergSinkOptions> options,
                std::shared_ptr<iceberg::TableCommitter> committer,
                std::shared_ptr<iceberg::LakeFiles> files,
                std::shared_ptr<iceberg::TableMaintenance> maintenance,
                iceberg::DeliveryPlace place)
      : env_(env),
        options_(std::move(options)),
        committer_(std::move(committer)),
        files_(std::move(files)),
        maintenance_(std::move(maintenance)),
        place_(std::move(place)) {}

  Task<std::optional<Offset>> Open() override {
    Status opened = co_await OpenTable();
    if (!opened.ok()) co_return InTable(opened);
    committed_ = iceberg::StoredPosition(*layout_, place_);
    end_ = committed_.value_or(Offset(0));
    last_commit_ = env_->Now();
    uint64_t high = env_->Random();
    uuid_ = iceberg::UuidText(high, env_->Random());
    co_return committed_;
  }

  Task<> Deliver(ChangelogBatch batch, Offset end) override {
    CO_RETURN_IF_ERROR(Begin());
    Status taken = co_await Take(std::move(batch), end);
    if (!taken.ok()) {
      IgnoreError(co_await GiveUpFiles(), kFileMore);
      co_return InTable(taken);
    }
    failed_ = false;
    co_return Status::OK();
  }

  Task<Offset> Flush(FlushOptions options) override {
    CO_RETURN_IF_ERROR(Begin());
    bool is_due = env_->Now() - last_commit_ >= options_->commit_interval ||
                  places_.size() >= kChangedKeysMax;
    if (committed_ != end_ && end_ != Offset(0) && (is_due || options.final)) {
      Status committed = co_await Commit();
      if (!committed.ok()) {
        IgnoreError(co_await GiveUpFiles(), kFileMore);
        co_return InTable(committed);
      }
    }
    failed_ = false;
    co_return committed_.value_or(Offset(0));
  }

 private:
  Status InTable(const Status& status) const {
    if (Is(status, ErrorCode::kCancelled)) return status;
    return InContext(fmt::format("table '{}' ({}): ", options_->table, committer_->TableName()),
                     status);
  }

  // After a failure files and position may not belong together: only a new writer may go on.
  Status Begin() {
    if (failed_) {
      return WriterHasFailed();
    }
    failed_ = true;
    return Status::OK();
  }

  Task<> OpenTable() {
    CO_ASSIGN_OR_RETURN(std::optional<MetadataPtr> found, co_await committer_->Load());
    if (found) {
      layout_ = std::move(*found);
    } else {
      iceberg::NewTable wanted = options_->new_table;
      CO_ASSIGN_OR_RETURN(layout_, co_await committer_->Create(std::move(wanted)));
    }
    CO_ASSIGN_OR_RETURN(
        connector::Differences differences,
        iceberg::CompareColumns(committer_->TableName(), layout_->schema, *options_->columns));
    CO_RETURN_IF_ERROR(connector::DriftError("", differences));
    CO_RETURN_IF_ERROR(CheckPartitions());
    CO_ASSIGN_OR_RETURN(file_options_.schema,
                        iceberg::FileSchema(layout_->schema, *options_->columns));
    file_options_.table = layout_->schema;
    file_options_.compression = options_->compression;
    if (file_options_.compression.empty()) {
      file_options_.compression = layout_->Property("write.parquet.compression-codec", "zstd");
    }
    file_options_.target_bytes = options_->file_bytes;
    std::string bytes_text = layout_->Property("write.target-file-size-bytes", "");
    if (options_->file_bytes == 0 && !absl::SimpleAtoi(bytes_text, &file_options_.target_bytes)) {
      file_options_.target_bytes = kDefaultFileBytes;
    }
    CO_ASSIGN_OR_RETURN(auto splitter, PartitionSplitter::Make(layout_->schema, layout_->spec,
                                                               *file_options_.schema));
    splitter_ = std::make_unique<PartitionSplitter>(std::move(splitter));
    // Tells what cannot be written, before rows come.
    CO_RETURN_IF_ERROR(DataFileEncoder::Make(file_options_));
    CO_RETURN_IF_ERROR(CheckCasts());
    if (options_->upserts) CO_RETURN_IF_ERROR(co_await OpenKeys());
    co_return iceberg::LakeFiles::CheckLocation(layout_->data_location());
  }

  Task<> OpenKeys() {
    if (layout_->format_version < 3) {
      co_return MakeError(
          ErrorCode::kInvalidArgument,
          {.message = fmt::format("rows are replaced in tables of format version 3, and this one "
                                  "has {}",
                                  layout_->format_version),
           .hint = "set its property 'format-version' to '3' with another engine, or name a table "
                   "that is not there yet"});
    }
    auto reader = MakeParquetKeyReader(env_, files_, options_->key);
    co_return co_await committer_->OpenKeys(std::move(reader));
  }

  Status CheckPartitions() const {
    if (!options_->has_partitions) return Status::OK();
    std::string wanted =
        iceberg::PartitionText(options_->new_table.spec, options_->new_table.schema);
    std::string there = iceberg::PartitionText(layout_->spec, layout_->schema);
    if (wanted == there) return Status::OK();
    return MakeError(
        ErrorCode::kInvalidArgument,
        {.message = fmt::format("the table is partitioned by {}, not by {}", there, wanted),
         .hint = "leave out PARTITIONED BY and 'partitioned-by': the table's own "
                 "partitions count"});
  }

  Status CheckCasts() const {
    for (int i = 0; i < options_->columns->num_fields(); ++i) {
      const auto& from = options_->columns->field(i)->type();
      const auto& to = file_options_.schema->field(i)->type();
      ASSIGN_OR_RETURN(auto empty, arrow::MakeEmptyArray(from));
      Result<std::shared_ptr<arrow::Array>> cast = CastColumn(empty, to);
      if (cast.ok()) continue;
      return MakeError(ErrorCode::kUnsupported,
                       {.message = fmt::format("column '{}': values of {} are not turned into {}",
                                               options_->columns->field(i)->name(),
                                               from->ToString(), to->ToString()),
                        .hint = "declare the column as the table has it"});
    }
    return Status::OK();
  }

  static Result<std::shared_ptr<arrow::Array>> CastColumn(
      const std::shared_ptr<arrow::Array>& column, const std::shared_ptr<arrow::DataType>& to) {
    if (column->type()->Equals(*to, true)) return column;
    return arrow::compute::Cast(*column, to);
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Cast(const arrow::RecordBatch& rows) const {
    arrow::ArrayVector columns;
    for (int i = 0; i < rows.num_columns(); ++i) {
      ASSIGN_OR_RETURN(auto column,
                       CastColumn(rows.column(i), file_options_.schema->field(i)->type()));
      columns.push_back(std::move(column));
    }
    return arrow::RecordBatch::Make(file_options_.schema, rows.num_rows(), std::move(columns));
  }

  struct CastRows {
    std::shared_ptr<arrow::RecordBatch> rows;
    std::vector<RowKind> kinds = {};  // empty: all of them are inserts
    std::vector<connector::RejectedRecord> refused = {};
  };
  // One row at a time when something in the batch does not fit, a time beyond what microseconds
  // reach.
  Result<CastRows> CastOrRefuse(const ChangelogBatch& batch, Offset end) const {
    Result<std::shared_ptr<arrow::RecordBatch>> whole = Cast(*batch.rows);
    if (whole.ok()) return CastRows{.rows = std::move(*whole), .kinds = batch.kinds};
    CastRows out;
    std::vector<std::shared_ptr<arrow::RecordBatch>> good;
    RefusedRowPlace place{
        .delivery_id = place_.delivery_id, .partition = place_.partition, .end = end};
    for (int64_t row = 0; row < batch.rows->num_rows(); ++row) {
      Result<std::shared_ptr<arrow::RecordBatch>> one = Cast(*batch.rows->Slice(row, 1));
      RowKind kind = batch.kinds.empty() ? RowKind::kInsert : batch.kinds[static_cast<size_t>(row)];
      if (one.ok()) {
        good.push_back(std::move(*one));
        if (!batch.kinds.empty()) out.kinds.push_back(kind);
        continue;
      }
      Status cause = MakeError(ErrorCode::kInvalidRecord, TextOf(one.status()).message);
      if (reject_handler() == nullptr) return cause;
      out.refused.push_back(MakeRefusedRow(*batch.rows, row, kind, place, cause));
    }
    ASSIGN_OR_RETURN(auto table, arrow::Table::FromRecordBatches(file_options_.schema, good));
    ASSIGN_OR_RETURN(out.rows, table->CombineChunksToBatch());
    return out;
  }

  Task<> Take(ChangelogBatch batch, Offset end) {
    end_ = end;
    if (batch.rows->num_rows() == 0) co_return Status::OK();
    CastRows cast;
    CO_ASSIGN_OR_RETURN(
        cast, co_await env_->blocking_pool().Run([&] { return CastOrRefuse(batch, end); }));
    CO_RETURN_IF_ERROR(co_await KeepRefused(std::move(cast.refused)));
    if (options_->upserts) {
      CO_RETURN_IF_ERROR(
          co_await env_->blocking_pool().Run([&]() -> Status { return TakeDeletions(&cast); }));
    }
    if (cast.rows->num_rows() == 0) co_return Status::OK();
    std::vector<PartitionSplitter::Part> parts;
    CO_ASSIGN_OR_RETURN(
        parts, co_await env_->blocking_pool().Run([&] { return splitter_->Split(cast.rows); }));
    for (PartitionSplitter::Part& part : parts) {
      CO_RETURN_IF_ERROR(co_await WritePart(std::move(part)));
    }
    co_return Status::OK();
  }

  // Leaves in the batch the rows that are to be written: of each key the last one, unless that is a
  // deletion, which is noted.
  Status TakeDeletions(CastRows* cast) {
    ASSIGN_OR_RETURN(std::vector<iceberg::RowKey> keys,
                     KeysOfRows(*cast->rows, layout_->schema, options_->key));
    absl::flat_hash_map<iceberg::RowKey, size_t> last;
    for (size_t row = 0; row < keys.size(); ++row) {
      bool is_before = !cast->kinds.empty() && cast->kinds[row] == RowKind::kUpdateBefore;
      if (!is_before) last[keys[row]] = row;
    }
    arrow::Int64Builder written;
    for (size_t row = 0; row < keys.size(); ++row) {
      auto found = last.find(keys[row]);
      if (found == last.end() || found->second != row) continue;
      if (!cast->kinds.empty() && cast->kinds[row] == RowKind::kDelete) {
        Place(keys[row], {});
      } else {
        RETURN_IF_ERROR(written.Append(static_cast<int64_t>(row)));
      }
    }
    if (written.length() == cast->rows->num_rows()) return Status::OK();
    ASSIGN_OR_RETURN(auto rows, written.Finish());
    ASSIGN_OR_RETURN(arrow::Datum taken, arrow::compute::Take(cast->rows, rows));
    cast->rows = taken.record_batch();
    return Status::OK();
  }

  // Where the row of a key is in the commit to come. One that it had there before is replaced.
  struct WrittenPlace {
    int32_t file = -1;  // -1: the key has no row
    int64_t position = 0;
  };
  void Place(const iceberg::RowKey& key, WrittenPlace place) {
    auto [found, is_new] = places_.try_emplace(key, place);
    if (is_new) return;
    if (found->second.file >= 0) {
      replaced_[found->second.file].add(static_cast<uint64_t>(found->second.position));
    }
    found->second = place;
  }

  Status PlaceRows(const arrow::RecordBatch& rows, OpenDataFile* file) {
    if (!options_->upserts) return Status::OK();
    ASSIGN_OR_RETURN(std::vector<iceberg::RowKey> keys,
                     KeysOfRows(rows, layout_->schema, options_->key));
    for (const iceberg::RowKey& key : keys) {
      Place(key, {.file = file->number, .position = file->row_count++});
    }
    return Status::OK();
  }

  Task<> WritePart(PartitionSplitter::Part part) {
    auto found = open_.find(part.key);
    if (found == open_.end()) {
      if (open_.size() >= kOpenFilesMax) CO_RETURN_IF_ERROR(co_await EndOldest());
      CO_ASSIGN_OR_RETURN(OpenDataFile file, co_await StartFile(part.tuple));
      found = open_.emplace(part.key, std::move(file)).first;
    }
    OpenDataFile& file = found->second;
    file.last_use = ++uses_;
    std::string bytes;
    CO_ASSIGN_OR_RETURN(bytes, co_await env_->blocking_pool().Run([&]() -> Result<std::string> {
      RETURN_IF_ERROR(PlaceRows(*part.rows, &file));
      RETURN_IF_ERROR(file.encoder->Write(*part.rows));
      return file.encoder->TakeBytes();
    }));
    if (!bytes.empty()) CO_RETURN_IF_ERROR(co_await file.file->Append(std::move(bytes)));
    if (file.encoder->EstimateBytes() < file_options_.target_bytes) co_return Status::OK();
    OpenDataFile full = std::move(file);
    open_.erase(found);
    co_return co_await EndFile(std::move(full));
  }

  Task<OpenDataFile> StartFile(iceberg::PartitionTuple tuple) {
    OpenDataFile file;
    file.number = file_number_++;
    file.described.path =
        fmt::format("{}/{}{:05}-{}-{}.parquet", layout_->data_location(), splitter_->Folder(tuple),
                    place_.partition.value(), ++file_count_, uuid_);
    file.described.partition = std::move(tuple);
    CO_ASSIGN_OR_RETURN(file.encoder, DataFileEncoder::Make(file_options_));
    CO_ASSIGN_OR_RETURN(file.file, co_await files_->Start(file.described.path));
    co_return file;
  }

  Task<> EndOldest() {
    auto oldest = std::min_element(open_.begin(), open_.end(), [](const auto& a, const auto& b) {
      return a.second.last_use < b.second.last_use;
    });
    OpenDataFile file = std::move(oldest->second);
    open_.erase(oldest);
    co_return co_await EndFile(std::move(file));
  }

  // After a failure: the files that no commit was asked to take. Ends with the first that can't be
  // removed, as a store may take half a minute to say so.
  Task<> GiveUpFiles() {
    std::map<std::string, OpenDataFile> open = std::exchange(open_, {});
    for (auto& [key, file] : open) CO_RETURN_IF_ERROR(co_await file.file->GiveUp());
    std::map<int32_t, iceberg::DataFile> finished = std::exchange(finished_, {});
    for (auto& [number, file] : finished) CO_RETURN_IF_ERROR(co_await files_->Remove(file.path));
    co_return Status::OK();
  }

  Task<> EndFile(OpenDataFile file) {
    Status ended = co_await FinishFile(&file);
    if (ended.ok()) {
      finished_[file.number] = std::move(file.described);
    } else {
      IgnoreError(co_await file.file->GiveUp(), kFileMore);
    }
    co_return ended;
  }

  // `file` lives until it returns.
  Task<> FinishFile(OpenDataFile* file) {
    std::string bytes;
    CO_ASSIGN_OR_RETURN(bytes, co_await env_->blocking_pool().Run([&]() -> Result<std::string> {
      RETURN_IF_ERROR(file->encoder->Finish(&file->described));
      return file->encoder->TakeBytes();
    }));
    if (!bytes.empty()) CO_RETURN_IF_ERROR(co_await file->file->Append(std::move(bytes)));
    co_return co_await file->file->Finish();
  }

  Task<> Commit() {
    while (!open_.empty()) {
      OpenDataFile file = std::move(open_.begin()->second);
      open_.erase(open_.begin());
      CO_RETURN_IF_ERROR(co_await EndFile(std::move(file)));
    }
    iceberg::AppendRequest request;
    request.place = place_;
    request.expected = committed_;
    request.position = end_;
    request.layout = layout_;
    request.columns = options_->columns;
    // By their numbers, which are without gaps: all of them have ended.
    for (auto& [number, file] : std::exchange(finished_, {})) {
      request.files.push_back(std::move(file));
    }
    file_number_ = 0;
    for (const auto& [key, place] : std::exchange(places_, {})) {
      request.keys.push_back({.key = key, .file = place.file, .position = place.position});
    }
    request.replaced = std::exchange(replaced_, {});
    CO_RETURN_IF_ERROR(co_await committer_->Append(std::move(request)));
    committed_ = end_;
    last_commit_ = env_->Now();
    if (maintenance_ != nullptr) co_return co_await maintenance_->RunIfDue();
    co_return Status::OK();
  }

  Env* env_;
  std::shared_ptr<const IcebergSinkOptions> options_;
  std::shared_ptr<iceberg::TableCommitter> committer_;
  std::shared_ptr<iceberg::LakeFiles> files_;
  std::shared_ptr<iceberg::TableMaintenance> maintenance_;
  iceberg::DeliveryPlace place_;
  MetadataPtr layout_;  // what the files are written for; the table may have moved on
  DataFileOptions file_options_;
  std::unique_ptr<PartitionSplitter> splitter_;
  std::string uuid_;                               // in the names of this writer's files
  std::map<std::string, OpenDataFile> open_;       // by partition
  std::map<int32_t, iceberg::DataFile> finished_;  // whole, not yet committed; by number
  int32_t file_number_ = 0;                        // of the next file of the commit
  // Of upserts since the last commit.
  absl::flat_hash_map<iceberg::RowKey, WrittenPlace> places_;
  std::map<int32_t, iceberg::Positions> replaced_;  // rows of its files, by the file's number
  int64_t file_count_ = 0;
  int64_t uses_ = 0;
  std::optional<Offset> committed_;
  Offset end_{0};  // of what was delivered
  TimePoint last_commit_{};
  bool failed_ = false;  // or within a call
};

}  // namespace

std::unique_ptr<connector::DeliveryWriter> MakeIcebergWriter(
    Env* env, std::shared_ptr<const IcebergSinkOptions> options,
    std::shared_ptr<iceberg::TableCommitter> committer, std::shared_ptr<iceberg::LakeFiles> files,
    std::shared_ptr<iceberg::TableMaintenance> maintenance, iceberg::DeliveryPlace place) {
  return std::make_unique<IcebergWriter>(env, std::move(options), std::move(committer),
                                         std::move(files), std::move(maintenance),
                                         std::move(place));
}

}  // namespace mainstem::sink

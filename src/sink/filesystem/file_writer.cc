#include "sink/filesystem/file_writer.h"

#include <map>
#include <set>

#include <absl/strings/str_split.h>
#include <arrow/api.h>

#include "connector/overwrite.h"
#include "core/error_context.h"
#include "sink/filesystem/local_target.h"
#include "sink/filesystem/object_target.h"
#include "sink/firehose/record_client.h"
#include "sink/refused_row.h"
#include "sink/waiting_rows.h"

namespace mainstem::sink {
namespace {

// More folders than this at a time are committed early: each open file holds memory.
constexpr size_t kMaxOpenFiles = 64;
// Without time running out, a partitioned table commits when this many full files' bytes wait.
constexpr int64_t kMaxWaitingFiles = 4;

struct OpenFile {
  std::unique_ptr<PendingFile> file;
  std::unique_ptr<FileEncoder> encoder;
  std::unique_ptr<FileCompressor> compressor;  // may be null
  int64_t size = 0;                            // before compression
};

// The bytes that its encoder has made, as they are to be in the file. On the pool.
Result<std::string> TakeBytes(OpenFile* file) {
  std::string bytes = file->encoder->TakeBytes();
  file->size += static_cast<int64_t>(bytes.size());
  if (file->compressor == nullptr) return bytes;
  return file->compressor->Write(bytes);
}

Result<std::string> TakeLastBytes(OpenFile* file) {
  RETURN_IF_ERROR(file->encoder->Finish());
  ASSIGN_OR_RETURN(std::string bytes, TakeBytes(file));
  if (file->compressor == nullptr) return bytes;
  ASSIGN_OR_RETURN(std::string rest, file->compressor->Finish());
  return bytes + rest;
}

std::unique_ptr<FileTarget> MakeTarget(Env* env, const FileSinkOptions& options,
                                       std::string delivery_id, PartitionId partition) {
  if (options.store == nullptr) {
    return std::make_unique<LocalTarget>(env, options.path, std::move(delivery_id), partition,
                                         options.success_file);
  }
  // Files far beyond their limit must still fit into the most parts that there may be.
  int64_t part_bytes = std::max(connector::ObjectStore::kMinPartBytes,
                                options.file_bytes / (connector::ObjectStore::kMaxParts / 2));
  ObjectTargetOptions target{.store = options.store,
                             .bucket = options.bucket,
                             .prefix = options.prefix,
                             .part_bytes = part_bytes,
                             .success_file = options.success_file};
  return std::make_unique<ObjectTarget>(env, std::move(target), std::move(delivery_id), partition);
}

class FileWriter final : public connector::DeliveryWriter, public connector::OverwritingWriter {
 public:
  FileWriter(Env* env, std::shared_ptr<const FileSinkOptions> options, std::string delivery_id,
             PartitionId partition)
      : env_(env),
        options_(std::move(options)),
        place_{.delivery_id = delivery_id, .partition = partition, .end = Offset(0)},
        target_(MakeTarget(env, *options_, std::move(delivery_id), partition)) {}

  Task<std::optional<Offset>> Open() override {
    Result<std::optional<Offset>> recovered = co_await target_->Recover();
    CO_RETURN_IF_ERROR(Named(recovered.status()));
    committed_ = *recovered;
    end_ = committed_.value_or(Offset(0));
    co_return committed_;
  }

  Task<> Deliver(ChangelogBatch batch, Offset end) override {
    CO_RETURN_IF_ERROR(Begin());
    CO_RETURN_IF_ERROR(Named(co_await Take(std::move(batch), end)));
    failed_ = false;
    co_return Status::OK();
  }

  void InputHasEnded() override { input_has_ended_ = true; }

  Task<Offset> Flush(FlushOptions options) override {
    CO_RETURN_IF_ERROR(Begin());
    if (options_->overwrites) {
      if (options.final && input_has_ended_ && committed_ != end_) {
        CO_RETURN_IF_ERROR(Named(co_await Commit()));
      }
      failed_ = false;
      co_return committed_.value_or(Offset(0));
    }
    // Without rows only the position moves: that is cheap, and lets the log forget.
    bool only_position = !has_rows() && committed_ != end_;
    if (only_position || IsDue() || (options.final && committed_ != end_)) {
      CO_RETURN_IF_ERROR(Named(co_await Commit()));
    }
    failed_ = false;
    co_return committed_.value_or(Offset(0));
  }

 private:
  Status Named(const Status& status) const {
    if (status.ok() || Is(status, ErrorCode::kCancelled)) return status;
    return InContext("connector 'filesystem', table '" + options_->table_name + "': ", status);
  }

  // After a failure files and position may not belong together: only a new writer may go on.
  Status Begin() {
    if (failed_) {
      return WriterHasFailed();
    }
    failed_ = true;
    return Status::OK();
  }

  Task<> Take(ChangelogBatch batch, Offset end) {
    Offset start = end_;
    end_ = place_.end = end;
    if (batch.rows->num_rows() > 0) {
      TimePoint now = env_->Now();
      if (!has_rows()) oldest_ = now;
      newest_ = now;
      std::vector<PartitionLayout::Part> parts;
      if (options_->records) {
        CO_ASSIGN_OR_RETURN(parts, co_await SplitRecords(std::move(batch)));
      } else {
        CO_ASSIGN_OR_RETURN(parts, co_await env_->blocking_pool().Run(
                                       [&] { return options_->layout.Split(batch); }));
      }
      for (PartitionLayout::Part& part : parts) {
        CO_RETURN_IF_ERROR(co_await WritePart(std::move(part), start));
        if (open_.size() <= kMaxOpenFiles || options_->overwrites) continue;
        CO_RETURN_IF_ERROR(co_await EndFiles());
        is_crowded_ = true;
      }
    }
    if (options_->overwrites) {
      // Hidden, and whole: they wait for the others.
      if (open_.size() > kMaxOpenFiles) co_return co_await EndFiles();
      co_return Status::OK();
    }
    if (IsDue()) co_return co_await Commit();
    co_return Status::OK();
  }

  // By what is in them; what is no JSON, or lacks a value, is handed over.
  Task<std::vector<PartitionLayout::Part>> SplitRecords(ChangelogBatch batch) {
    RecordPartitions::Split split;
    CO_ASSIGN_OR_RETURN(split, co_await env_->blocking_pool().Run([&] {
      return options_->records->Run(batch, *options_->names);
    }));
    std::vector<PartitionLayout::Part> parts;
    for (RecordPartitions::Part& part : split.parts) {
      std::vector<PartitionLayout::Part> of_values;
      CO_ASSIGN_OR_RETURN(of_values, co_await env_->blocking_pool().Run(
                                         [&] { return options_->layout.Split(part.rows); }));
      of_values[0].values = std::move(part.values);
      parts.push_back(std::move(of_values[0]));
    }
    std::vector<connector::RejectedRecord> refused;
    for (size_t i = 0; i < split.failed.size(); ++i) {
      const RecordPartitions::Failed& failed = split.failed[i];
      const auto arrival = options_->layout.TimeOf(*batch.rows, failed.row);
      const int64_t now_ms = env_->WallTime().value();
      const SentRecord record{.data = failed.data,
                              .arrival_ms = arrival ? MillisOf(*arrival) : now_ms};
      const RecordFailure failure{.code = "DynamicPartitioning.MetadataExtractionFailed",
                                  .message = failed.problem};
      refused.push_back(
          {.origin = fmt::format("{}/{}@<{} failure {}", place_.delivery_id,
                                 place_.partition.value(), place_.end.value(), i),
           .raw_bytes = FailedRecordLine(record, failure, {.count = 1, .ended_ms = now_ms}),
           .cause = MakeError(ErrorCode::kInvalidRecord, failed.problem)});
    }
    CO_RETURN_IF_ERROR(co_await KeepRefused(std::move(refused)));
    co_return parts;
  }

  static int64_t MillisOf(format::Instant instant) {
    return instant.seconds * 1000 + instant.nanos / 1'000'000;
  }

  bool has_rows() const { return !open_.empty() || finished_bytes_ > 0; }

  bool IsDue() const {
    if (!has_rows()) return false;
    TimePoint now = env_->Now();
    return now - oldest_ >= options_->rollover || now - newest_ >= options_->inactivity ||
           open_.empty() || is_crowded_ ||
           finished_bytes_ >= kMaxWaitingFiles * options_->file_bytes;
  }

  Task<> WritePart(PartitionLayout::Part part, Offset start) {
    Status folder = CheckFolder(part.folder);
    if (!folder.ok()) co_return co_await RefuseAll(std::move(part), std::move(folder));
    std::string id = part.folder;
    for (const std::string& value : part.values) id += value + '\0';
    auto found = open_.find(id);
    if (found == open_.end()) {
      CO_ASSIGN_OR_RETURN(OpenFile file, co_await StartFile(part, start));
      if (options_->overwrites)
        folders_.insert(part.folder.substr(0, part.folder.find_last_of('/')));
      found = open_.emplace(std::move(id), std::move(file)).first;
    }
    OpenFile& file = found->second;
    std::string bytes;
    CO_ASSIGN_OR_RETURN(bytes, co_await env_->blocking_pool().Run([&]() -> Result<std::string> {
      RETURN_IF_ERROR(file.encoder->Write(part.rows));
      return TakeBytes(&file);
    }));
    CO_RETURN_IF_ERROR(co_await Append(&file, std::move(bytes)));
    if (file.size < options_->file_bytes) co_return Status::OK();
    OpenFile full = std::move(file);
    open_.erase(found);
    co_return co_await EndFile(std::move(full));
  }

  // A name that no file system takes would fail for ever, for one row's value.
  static Status CheckFolder(const std::string& folder) {
    constexpr size_t kNameBytesMax = 255;
    std::vector<std::string> names = absl::StrSplit(folder, '/');
    for (const std::string& name : names) {
      if (name.size() <= kNameBytesMax) continue;
      return MakeError(ErrorCode::kInvalidRecord,
                       {.message = fmt::format("the folder '{}...' would have a name of {} bytes",
                                               name.substr(0, 40), name.size()),
                        .detail = "a name has at most 255 bytes",
                        .hint = "shorten the column in the query, or partition by another one"});
    }
    return Status::OK();
  }

  // Before the commit: what is refused is kept by somebody else before the position passes it.
  Task<> RefuseAll(PartitionLayout::Part part, Status cause) {
    if (reject_handler() == nullptr) co_return cause;
    RefusedRowPlace place = place_;
    place.key = part.folder;
    std::vector<connector::RejectedRecord> refused;
    const ChangelogBatch& rows = part.rows;
    for (int64_t row = 0; row < rows.rows->num_rows(); ++row) {
      RowKind kind = rows.kinds.empty() ? RowKind::kInsert : rows.kinds[static_cast<size_t>(row)];
      refused.push_back(MakeRefusedRow(*rows.rows, row, kind, place, cause));
    }
    co_return co_await KeepRefused(std::move(refused));
  }

  // A row without a time is of now.
  format::Instant FirstTimeOf(const PartitionLayout::Part& part) const {
    if (part.first_time) return *part.first_time;
    return format::FromTicks(env_->WallTime().value(), 1000);
  }

  Task<OpenFile> StartFile(const PartitionLayout::Part& part, Offset start) {
    OpenFile file;
    CO_ASSIGN_OR_RETURN(file.encoder, options_->encoders->MakeEncoder());
    FileTarget::NewFile what{
        .folder = part.folder, .suffix = options_->encoders->suffix(), .start = start};
    what.suffix += SuffixOf(options_->compression);
    if (options_->names) {
      what.name =
          options_->names->NameOf({.first_row = FirstTimeOf(part), .values = &part.values}, env_);
    }
    std::string entry = what.name.empty() ? "rows" + options_->encoders->suffix()
                                          : what.name.substr(what.name.rfind('/') + 1);
    if (entry.ends_with(".zip")) entry.resize(entry.size() - 4);
    CO_ASSIGN_OR_RETURN(file.compressor,
                        MakeFileCompressor(options_->compression, std::move(entry)));
    CO_ASSIGN_OR_RETURN(file.file, co_await target_->Start(std::move(what)));
    co_return file;
  }

  Task<> Append(OpenFile* file, std::string bytes) {
    if (bytes.empty()) co_return Status::OK();
    co_return co_await file->file->Append(std::move(bytes));
  }

  Task<> EndFile(OpenFile file) {
    std::string bytes;
    CO_ASSIGN_OR_RETURN(bytes,
                        co_await env_->blocking_pool().Run([&] { return TakeLastBytes(&file); }));
    CO_RETURN_IF_ERROR(co_await Append(&file, std::move(bytes)));
    CO_RETURN_IF_ERROR(co_await file.file->Finish(end_));
    finished_bytes_ += file.size;
    co_return Status::OK();
  }

  Task<> EndFiles() {
    std::map<std::string, OpenFile> open = std::exchange(open_, {});
    for (auto& [folder, file] : open) CO_RETURN_IF_ERROR(co_await EndFile(std::move(file)));
    co_return Status::OK();
  }

  Task<> Commit() {
    CO_RETURN_IF_ERROR(co_await EndFiles());
    finished_bytes_ = 0;
    is_crowded_ = false;
    if (options_->overwrites) {
      const std::string& always = options_->overwritten_folder;
      if (!always.empty()) folders_.insert(always.substr(0, always.find_last_of('/')));
      if (!options_->layout.has_keys()) folders_ = {""};
      std::vector<std::string> folders(folders_.begin(), folders_.end());
      CO_RETURN_IF_ERROR(co_await target_->Replace(end_, std::move(folders)));
    } else {
      CO_RETURN_IF_ERROR(co_await target_->Commit(end_));
    }
    committed_ = end_;
    co_return Status::OK();
  }

  Env* env_;
  std::shared_ptr<const FileSinkOptions> options_;
  RefusedRowPlace place_;  // of what is being delivered
  std::unique_ptr<FileTarget> target_;
  std::map<std::string, OpenFile> open_;  // by folder, "day=1/", and values of keys
  int64_t finished_bytes_ = 0;            // of files that are whole and not yet committed
  bool is_crowded_ = false;               // some of them, for want of room for more
  std::set<std::string> folders_;         // of an overwriting sink: those that got rows
  bool input_has_ended_ = false;
  std::optional<Offset> committed_;
  Offset end_{0};  // of what was delivered
  TimePoint oldest_{};
  TimePoint newest_{};
  bool failed_ = false;  // or within a call
};

}  // namespace

std::unique_ptr<connector::DeliveryWriter> MakeFileWriter(
    Env* env, std::shared_ptr<const FileSinkOptions> options, std::string delivery_id,
    PartitionId partition) {
  return std::make_unique<FileWriter>(env, std::move(options), std::move(delivery_id), partition);
}

}  // namespace mainstem::sink

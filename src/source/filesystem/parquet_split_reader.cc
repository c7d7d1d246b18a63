#include "source/filesystem/parquet_split_reader.h"

#include <arrow/api.h>

namespace mainstem::source {
namespace {

using connector::SourceBatch;

constexpr int64_t kReadBytes = int64_t{4} << 20;

std::shared_ptr<arrow::Schema> WantedColumns(const ScanLayout& layout) {
  arrow::FieldVector fields;
  for (int column : layout.message_projection()) {
    fields.push_back(layout.message_schema()->field(column));
  }
  return arrow::schema(std::move(fields));
}

// Fewer bytes when the file ends before.
Task<std::string> ReadPiece(File* file, int64_t offset, int64_t size) {
  std::string bytes(static_cast<size_t>(size), '\0');
  int64_t done = 0;
  while (done < size) {
    int64_t wanted = std::min(size - done, kReadBytes);
    auto into =
        std::as_writable_bytes(std::span<char>(bytes.data() + done, static_cast<size_t>(wanted)));
    CO_ASSIGN_OR_RETURN(size_t count, co_await file->ReadAt(offset + done, into));
    if (count == 0) break;
    done += static_cast<int64_t>(count);
  }
  bytes.resize(static_cast<size_t>(done));
  co_return bytes;
}

}  // namespace

Task<bool> IsCompleteParquet(Files* files, std::string path) {
  OpenOptions options;
  Result<std::unique_ptr<File>> file = co_await files->Open(path, options);
  if (Is(file.status(), ErrorCode::kNotFound)) co_return false;
  CO_RETURN_IF_ERROR(file);
  CO_ASSIGN_OR_RETURN(int64_t size, co_await (*file)->Size());
  if (size < kParquetTailBytes) co_return false;
  std::string tail(static_cast<size_t>(kParquetTailBytes), '\0');
  auto into = std::as_writable_bytes(std::span<char>(tail));
  CO_ASSIGN_OR_RETURN(size_t count, co_await (*file)->ReadAt(size - kParquetTailBytes, into));
  // An encrypted file is complete, too: reading it says what is wrong.
  std::string_view magic = std::string_view(tail).substr(4);
  co_return count == tail.size() && (magic == "PAR1" || magic == "PARE");
}

Task<std::string> ReadParquetFooterHash(Files* files, std::string path) {
  OpenOptions options;
  CO_ASSIGN_OR_RETURN(auto file, co_await files->Open(path, options));
  CO_ASSIGN_OR_RETURN(int64_t size, co_await file->Size());
  int64_t tail_bytes = std::min(size, kParquetTailBytes);
  CO_ASSIGN_OR_RETURN(std::string tail,
                      co_await ReadPiece(file.get(), size - tail_bytes, tail_bytes));
  Result<int64_t> footer_bytes = ParquetFooterBytes(tail, size);
  if (!footer_bytes.ok()) co_return std::string("-");
  CO_ASSIGN_OR_RETURN(
      std::string footer,
      co_await ReadPiece(file.get(), size - tail_bytes - *footer_bytes, *footer_bytes));
  co_return HashTail(footer);
}

ParquetSplitReader::ParquetSplitReader(Env* env, Files* files, WhenGone when_gone,
                                       ScanLayout layout)
    : env_(env), files_(files), when_gone_(when_gone), layout_(std::move(layout)) {}

Task<> ParquetSplitReader::Open(FileSplitId id, FilePosition position,
                                std::map<std::string, std::shared_ptr<arrow::Array>> outside) {
  origin_.path = position.path;
  origin_.outside = std::move(outside);
  CO_ASSIGN_OR_RETURN(auto found, co_await OpenSplitFile(files_, &id, position.path, when_gone_));
  if (!found) {  // deleted: nothing of it can be read any more
    position.gone = true;
    ended_at_ = std::move(position);
    co_return Status::OK();
  }
  origin_.path = found->path;
  origin_.identity = found->identity;
  OpenOptions options;
  CO_ASSIGN_OR_RETURN(file_, co_await files_->Open(origin_.path, options));
  Status opened = co_await OpenFile(std::move(position));
  if (!Is(opened, ErrorCode::kDecodeError)) co_return opened;
  broken_ = std::move(opened);
  parquet_ = nullptr;
  co_return Status::OK();
}

Task<std::string> ParquetSplitReader::ReadRange(int64_t offset, int64_t size) {
  CO_ASSIGN_OR_RETURN(std::string bytes, co_await ReadPiece(file_.get(), offset, size));
  bytes_read_ += static_cast<int64_t>(bytes.size());
  if (static_cast<int64_t>(bytes.size()) < size) {
    co_return MakeError(ErrorCode::kDecodeError, "the file became shorter while it was read");
  }
  co_return bytes;
}

Task<> ParquetSplitReader::OpenFile(FilePosition position) {
  CO_ASSIGN_OR_RETURN(int64_t size, co_await file_->Size());
  int64_t tail_bytes = std::min(size, kParquetTailBytes);
  CO_ASSIGN_OR_RETURN(std::string tail, co_await ReadRange(size - tail_bytes, tail_bytes));
  CO_ASSIGN_OR_RETURN(int64_t footer_bytes, ParquetFooterBytes(tail, size));
  CO_ASSIGN_OR_RETURN(std::string footer,
                      co_await ReadRange(size - tail_bytes - footer_bytes, footer_bytes));
  std::shared_ptr<arrow::Schema> wanted = WantedColumns(layout_);
  CO_ASSIGN_OR_RETURN(parquet_, co_await env_->blocking_pool().Run(
                                    [&] { return ParquetFile::Open(footer, size, wanted); }));
  footer_hash_ = HashTail(footer);
  bool is_same = position.tail_hash == "-" || position.tail_hash == footer_hash_;
  if (!is_same && when_gone_ == WhenGone::kFails) co_return FileWasReplaced(origin_.path);
  row_ = is_same ? std::clamp<int64_t>(position.offset, 0, row_count()) : 0;
  group_end_ = row_;
  co_return Status::OK();
}

Task<> ParquetSplitReader::BeginRowGroup() {
  ParquetFile::Place place = parquet_->Find(row_);
  decoded_row_ = place.first_row;
  group_end_ = place.first_row + parquet_->RowsOf(place.row_group);
  CO_ASSIGN_OR_RETURN(std::vector<ParquetFile::Range> ranges, parquet_->RangesOf(place.row_group));
  std::vector<std::string> bytes;
  for (const ParquetFile::Range& range : ranges) {
    CO_ASSIGN_OR_RETURN(std::string piece, co_await ReadRange(range.offset, range.size));
    bytes.push_back(std::move(piece));
  }
  co_return co_await env_->blocking_pool().Run(
      [&] { return parquet_->Begin(place.row_group, std::move(bytes)); });
}

// The batch that holds row_ into pending_, cut to begin there.
Task<> ParquetSplitReader::DecodeBatch() {
  if (row_ == group_end_) CO_RETURN_IF_ERROR(co_await BeginRowGroup());
  CO_ASSIGN_OR_RETURN(pending_,
                      co_await env_->blocking_pool().Run([&] { return parquet_->Next(); }));
  if (pending_ == nullptr) {
    co_return MakeError(ErrorCode::kDecodeError, "a row group holds fewer rows than it says");
  }
  int64_t begin = decoded_row_;
  decoded_row_ += pending_->num_rows();
  // After a restart in the middle of a row group.
  if (decoded_row_ <= row_) {
    pending_ = nullptr;
  } else if (begin < row_) {
    pending_ = pending_->Slice(row_ - begin);
  }
  co_return Status::OK();
}

void ParquetSplitReader::Reject(Status cause, SourceBatch* batch) {
  batch->rejected.push_back(origin_.Rejected(std::to_string(row_), cause));
}

Task<SourceBatch> ParquetSplitReader::Read(size_t max_rows, TimePoint deadline) {
  SourceBatch batch;
  std::shared_ptr<arrow::RecordBatch> rows;
  if (!broken_.ok()) Reject(std::exchange(broken_, Status::OK()), &batch);
  while (pending_ == nullptr && row_ < row_count() && batch.rejected.empty()) {
    Status decoded = co_await DecodeBatch();
    if (Is(decoded, ErrorCode::kDecodeError)) {
      // The rest of the row group cannot be told apart; those behind it can.
      Reject(std::move(decoded), &batch);
      pending_ = nullptr;
      row_ = group_end_;
      break;
    }
    CO_RETURN_IF_ERROR(decoded);
    if (env_->Now() >= deadline) break;
  }
  if (pending_ != nullptr) {
    int64_t count = std::min<int64_t>(pending_->num_rows(),
                                      static_cast<int64_t>(std::max<size_t>(max_rows, 1)));
    rows = pending_->Slice(0, count);
    pending_ = count == pending_->num_rows() ? nullptr : pending_->Slice(count);
    row_ += count;
  } else {
    CO_ASSIGN_OR_RETURN(rows, arrow::RecordBatch::MakeEmpty(WantedColumns(layout_)));
  }
  int64_t count = rows->num_rows();
  auto fill = [&](const ScanLayout::Other& other) { return origin_.Column(other, count); };
  CO_ASSIGN_OR_RETURN(batch.batch.rows, layout_.Assemble(*rows, fill));
  FilePosition position{.offset = row_, .tail_hash = footer_hash_, .path = origin_.path};
  batch.position = ended_at_ ? ended_at_->ToString() : position.ToString();
  batch.bytes_read = static_cast<size_t>(std::exchange(bytes_read_, 0));
  batch.lag_records = row_count() - row_;
  batch.end_of_split = batch.caught_up = row_ == row_count();
  co_return batch;
}

}  // namespace mainstem::source

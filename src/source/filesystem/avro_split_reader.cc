#include "source/filesystem/avro_split_reader.h"

#include <absl/strings/escaping.h>
#include <absl/strings/numbers.h>
#include <arrow/api.h>

#include "core/sync.h"

namespace mainstem::source {
namespace {

using namespace std::chrono_literals;
using connector::SourceBatch;
using format::AvroBlockHead;
using format::AvroFileHeader;

constexpr size_t kBlockReadBytes = size_t{256} << 10;
constexpr size_t kHeaderBytes = size_t{16} << 10;

std::string Hex(const std::string& marker) { return absl::BytesToHexString(marker); }

}  // namespace

Task<AvroHeaderState> ReadAvroHeaderState(Files* files, std::string path) {
  AvroHeaderState state;
  OpenOptions options;
  CO_ASSIGN_OR_RETURN(auto file, co_await files->Open(path, options));
  for (size_t wanted = kHeaderBytes;; wanted *= 4) {
    std::string bytes(wanted, '\0');
    auto into = std::as_writable_bytes(std::span<char>(bytes));
    CO_ASSIGN_OR_RETURN(size_t count, co_await file->ReadAt(0, into));
    bytes.resize(count);
    Result<std::optional<AvroFileHeader>> header = format::ParseAvroFileHeader(bytes);
    state.is_avro = header.ok();
    if (header.ok() && *header) state.marker = Hex((*header)->marker);
    if (!header.ok() || *header || count < wanted) co_return state;
  }
}

AvroSplitReader::AvroSplitReader(Env* env, Files* files, FileReadOptions options, ScanLayout layout,
                                 format::FormatOptions format_options)
    : env_(env),
      files_(files),
      options_(options),
      layout_(std::move(layout)),
      format_options_(std::move(format_options)),
      followed_(env, files, options) {}

Task<> AvroSplitReader::Open(FileSplitId id, FilePosition position,
                             std::map<std::string, std::shared_ptr<arrow::Array>> outside) {
  CO_ASSIGN_OR_RETURN(bool is_there,
                      co_await followed_.Find(std::move(id), position, std::move(outside)));
  finished_ = !is_there;  // deleted: nothing of it can be read any more
  if (finished_) co_return Status::OK();
  OpenOptions options;
  CO_ASSIGN_OR_RETURN(file_, co_await files_->Open(followed_.path(), options));
  if (!options_.tail) size_limit_ = followed_.origin().identity.size;
  Status opened = co_await ReadHeader(std::move(position));
  if (!Is(opened, ErrorCode::kDecodeError)) co_return opened;
  broken_ = std::move(opened);
  finished_ = true;
  co_return Status::OK();
}

Task<> AvroSplitReader::ReadHeader(FilePosition position) {
  buffer_.clear();
  offset_ = 0;
  std::optional<AvroFileHeader> header;
  for (size_t wanted = kHeaderBytes; !header; wanted *= 4) {
    CO_ASSIGN_OR_RETURN(bool is_filled, co_await Fill(wanted));
    CO_ASSIGN_OR_RETURN(header, format::ParseAvroFileHeader(buffer_));
    if (!header && !is_filled) {
      co_return MakeError(ErrorCode::kDecodeError, "not an Avro file: its header is cut off");
    }
  }
  header_ = std::move(*header);
  CO_ASSIGN_OR_RETURN(
      decoder_, format::AvroFileDecoder::Make(header_, layout_.decode_target(), format_options_));
  Drop(header_.bytes);
  size_t colon = position.tail_hash.find(':');
  if (colon == std::string::npos) co_return Status::OK();
  bool is_same = position.tail_hash.substr(colon + 1) == Hex(header_.marker);
  if (options_.when_gone == WhenGone::kFails) {
    if (!is_same) co_return FileWasReplaced(followed_.path());
    if (position.offset > followed_.origin().identity.size) {
      co_return FileBecameShorter(followed_.path());
    }
  }
  if (!is_same || position.offset < offset_) co_return Status::OK();
  int64_t rows;
  if (!absl::SimpleAtoi(position.tail_hash.substr(0, colon), &rows)) co_return Status::OK();
  buffer_.clear();
  offset_ = position.offset;
  rows_to_skip_ = rows;
  co_return Status::OK();
}

FilePosition AvroSplitReader::position() const {
  return followed_.At(offset_,
                      std::to_string(rows_done_ + rows_to_skip_) + ":" + Hex(header_.marker));
}

void AvroSplitReader::Drop(size_t size) {
  buffer_.erase(0, size);
  offset_ += static_cast<int64_t>(size);
}

void AvroSplitReader::EndBlock() {
  Drop(std::exchange(block_bytes_, 0));
  rows_done_ = 0;
}

Task<bool> AvroSplitReader::Fill(size_t size) {
  while (buffer_.size() < size) {
    int64_t end = offset_ + static_cast<int64_t>(buffer_.size());
    size_t wanted = std::max(size - buffer_.size(), kBlockReadBytes);
    if (size_limit_ >= 0) {
      wanted = static_cast<size_t>(
          std::clamp<int64_t>(size_limit_ - end, 0, static_cast<int64_t>(wanted)));
    }
    if (wanted == 0) co_return false;
    size_t before = buffer_.size();
    buffer_.resize(before + wanted);
    auto into = std::as_writable_bytes(std::span<char>(buffer_.data() + before, wanted));
    CO_ASSIGN_OR_RETURN(size_t count, co_await file_->ReadAt(end, into));
    buffer_.resize(before + count);
    bytes_read_ += static_cast<int64_t>(count);
    if (count == 0 && size_limit_ >= 0) co_return FileBecameShorter(followed_.path());
    if (count == 0) co_return false;
    followed_.NoteGrowth();
  }
  co_return true;
}

void AvroSplitReader::Reject(Status cause, SourceBatch* batch) {
  std::string place = std::to_string(offset_) + ":" + std::to_string(rows_done_);
  batch->rejected.push_back(followed_.origin().Rejected(place, cause));
}

Task<AvroSplitReader::Step> AvroSplitReader::NextBlock(SourceBatch* batch) {
  EndBlock();
  constexpr size_t kHeadBytes = 20;
  CO_ASSIGN_OR_RETURN(bool has_head, co_await Fill(kHeadBytes));
  if (buffer_.empty()) co_return Step::kEnd;
  Result<std::optional<AvroBlockHead>> head = format::ParseAvroBlockHead(buffer_);
  if (!head.ok()) co_return co_await SkipToMarker(batch, head.status());
  if (!*head && !has_head) co_return Step::kEnd;
  CO_ASSIGN_OR_RETURN(bool has_block, co_await Fill((*head)->bytes()));
  if (!has_block) co_return Step::kEnd;
  std::string_view block(buffer_.data(), (*head)->bytes());
  if (block.substr(block.size() - format::kAvroMarkerBytes) != header_.marker) {
    Status cause = MakeError(ErrorCode::kDecodeError,
                             "not a sound Avro file: a block does not end with the marker");
    co_return co_await SkipToMarker(batch, std::move(cause));
  }
  block_bytes_ = block.size();
  std::string_view data = block.substr((*head)->head_bytes, (*head)->data_bytes);
  int64_t skipped = std::exchange(rows_to_skip_, 0);
  Status begun = co_await env_->blocking_pool().Run([&]() -> Status {
    RETURN_IF_ERROR(decoder_->Begin(data, (*head)->row_count));
    return decoder_->Skip(skipped);
  });
  rows_done_ = skipped;
  if (Is(begun, ErrorCode::kDecodeError)) {
    Reject(std::move(begun), batch);
    EndBlock();
  } else {
    CO_RETURN_IF_ERROR(begun);
  }
  co_return Step::kReady;
}

// What cannot be a block: the next one is looked for behind the marker that comes next.
Task<AvroSplitReader::Step> AvroSplitReader::SkipToMarker(SourceBatch* batch, Status cause) {
  Reject(std::move(cause), batch);
  rows_to_skip_ = 0;
  Drop(1);
  while (true) {
    size_t found = buffer_.find(header_.marker);
    if (found != std::string::npos) {
      Drop(found + format::kAvroMarkerBytes);
      co_return Step::kReady;
    }
    // A marker may begin in what is there.
    size_t kept = std::min(buffer_.size(), format::kAvroMarkerBytes - 1);
    Drop(buffer_.size() - kept);
    CO_ASSIGN_OR_RETURN(bool has_more, co_await Fill(kept + 1));
    if (!has_more) {
      Drop(buffer_.size());
      co_return Step::kEnd;
    }
  }
}

// The end of what is there: true when the split is over.
Task<bool> AvroSplitReader::CheckEnd(SourceBatch* batch) {
  if (!options_.tail) {
    if (!buffer_.empty()) {
      Reject(MakeError(ErrorCode::kDecodeError, "the file is cut off within a block"), batch);
    }
    co_return true;
  }
  CO_ASSIGN_OR_RETURN(int64_t size, co_await file_->Size());
  if (size < offset_) {
    // Truncated: all of it is unread.
    rows_to_skip_ = 0;
    FilePosition beginning{.offset = 0, .tail_hash = "-", .path = followed_.path()};
    Status opened = co_await ReadHeader(std::move(beginning));
    if (!Is(opened, ErrorCode::kDecodeError)) {
      CO_RETURN_IF_ERROR(opened);
      co_return false;
    }
    Reject(std::move(opened), batch);
    co_return true;
  }
  co_return co_await followed_.IsOver();
}

Task<std::shared_ptr<arrow::RecordBatch>> AvroSplitReader::NextRows(size_t max_rows) {
  co_return co_await env_->blocking_pool().Run(
      [&] { return decoder_->Next(static_cast<int64_t>(std::max<size_t>(max_rows, 1))); });
}

Task<SourceBatch> AvroSplitReader::Read(size_t max_rows, TimePoint deadline) {
  SourceBatch batch;
  std::shared_ptr<arrow::RecordBatch> rows;
  if (!broken_.ok()) Reject(std::exchange(broken_, Status::OK()), &batch);
  while (!finished_ && rows == nullptr && batch.rejected.empty()) {
    if (decoder_->rows_left() > 0) {
      Result<std::shared_ptr<arrow::RecordBatch>> next = co_await NextRows(max_rows);
      if (Is(next.status(), ErrorCode::kDecodeError)) {
        // The rest of the block cannot be told apart.
        Reject(next.status(), &batch);
        EndBlock();
        break;
      }
      CO_RETURN_IF_ERROR(next);
      rows = std::move(*next);
      break;
    }
    CO_ASSIGN_OR_RETURN(Step step, co_await NextBlock(&batch));
    if (step == Step::kReady) continue;
    batch.caught_up = true;
    CO_ASSIGN_OR_RETURN(finished_, co_await CheckEnd(&batch));
    if (finished_ || env_->Now() >= deadline) break;
    CO_RETURN_IF_ERROR(co_await followed_.WaitForGrowth(deadline));
  }
  if (rows == nullptr) {
    CO_ASSIGN_OR_RETURN(rows,
                        arrow::RecordBatch::MakeEmpty(layout_.decode_target().OutputSchema()));
  }
  int64_t count = rows->num_rows();
  rows_done_ += count;
  auto fill = [&](const ScanLayout::Other& other) {
    return followed_.origin().Column(other, count);
  };
  CO_ASSIGN_OR_RETURN(batch.batch.rows, layout_.Assemble(*rows, fill));
  batch.position = position().ToString();
  batch.bytes_read = static_cast<size_t>(std::exchange(bytes_read_, 0));
  batch.end_of_split = finished_;
  batch.caught_up = batch.caught_up || finished_;
  co_return batch;
}

}  // namespace mainstem::source

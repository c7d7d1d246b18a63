#include "source/filesystem/file_split_reader.h"

#include <arrow/api.h>

#include "core/sync.h"
#include "format/utf8.h"

namespace mainstem::source {
namespace {

using namespace std::chrono_literals;
using connector::RejectedRecord;
using connector::SourceBatch;

constexpr size_t kChunkBytes = size_t{1} << 20;
constexpr size_t kCompressedChunkBytes = size_t{64} << 10;

// The up to kTailBytes before `offset`, as far as they are there.
Task<std::string> ReadTailOf(File* file, int64_t offset) {
  size_t count = static_cast<size_t>(std::min<int64_t>(offset, LineBuffer::kTailBytes));
  std::string tail(count, '\0');
  std::span<std::byte> into = std::as_writable_bytes(std::span<char>(tail));
  CO_ASSIGN_OR_RETURN(size_t read,
                      co_await file->ReadAt(offset - static_cast<int64_t>(count), into));
  tail.resize(read);
  co_return tail;
}

}  // namespace

Task<bool> HoldsTail(Files* files, std::string path, FilePosition position) {
  if (position.offset == 0) co_return false;
  // Of older versions, which did not keep the hash of a file that was gone at a restart.
  if (position.tail_hash == HashTail("")) co_return true;
  OpenOptions options;
  CO_ASSIGN_OR_RETURN(auto file, co_await files->Open(path, options));
  CO_ASSIGN_OR_RETURN(std::string tail, co_await ReadTailOf(file.get(), position.offset));
  co_return static_cast<int64_t>(tail.size()) ==
          std::min<int64_t>(position.offset, LineBuffer::kTailBytes) &&
      HashTail(tail) == position.tail_hash;
}

FileSplitReader::FileSplitReader(Env* env, Files* files, FileReadOptions options, ScanLayout layout,
                                 std::unique_ptr<format::Decoder> decoder)
    : env_(env),
      files_(files),
      options_(options),
      layout_(std::move(layout)),
      decoder_(std::move(decoder)),
      followed_(env, files, options),
      lines_(0, options.max_line_bytes, options.csv_quoting) {}

Task<> FileSplitReader::Open(FileSplitId id, FilePosition position,
                             std::map<std::string, std::shared_ptr<arrow::Array>> outside) {
  CO_ASSIGN_OR_RETURN(bool is_there,
                      co_await followed_.Find(std::move(id), position, std::move(outside)));
  if (!is_there) {
    // Rotated away and deleted while nobody looked: nothing of it can be read any more.
    finished_ = true;
    lines_.Reset(position.offset);
    co_return Status::OK();
  }
  CO_RETURN_IF_ERROR(CheckCompression(followed_.path()));
  decompressor_ = MakeDecompressorFor(followed_.path());
  if (options_.tail) {
    FingerprintOptions fingerprint_options;
    fingerprint_options.compressed = decompressor_ != nullptr;
    CO_ASSIGN_OR_RETURN(std::string fingerprint,
                        co_await Fingerprint(files_, followed_.path(), fingerprint_options));
    if (fingerprint != followed_.id().fingerprint) {
      finished_ = true;
      lines_.Reset(position.offset);
      position.path = followed_.path();
      followed_.EndAt(std::move(position));
      co_return Status::OK();
    }
  }
  // Bounded files may have grown since they were found, and a short one without a newline is then
  // told by its inode alone.
  OpenOptions open_options;
  CO_ASSIGN_OR_RETURN(file_, co_await files_->Open(followed_.path(), open_options));
  if (!options_.tail) size_limit_ = followed_.origin().identity.size;
  co_return co_await SeekTo(std::move(position));
}

Task<> FileSplitReader::SeekTo(FilePosition position) {
  if (decompressor_ != nullptr) {
    lines_.Reset(position.offset);
    discard_ = position.offset;
    co_return Status::OK();
  }
  std::string tail;
  bool is_shorter = false;
  bool is_same = true;
  if (position.offset > 0) {
    CO_ASSIGN_OR_RETURN(tail, co_await ReadTail(position.offset));
    is_shorter = static_cast<int64_t>(tail.size()) <
                 std::min<int64_t>(position.offset, LineBuffer::kTailBytes);
    is_same = !is_shorter && (position.tail_hash == "-" || HashTail(tail) == position.tail_hash);
  }
  if (is_same) {
    lines_.Reset(position.offset, std::move(tail));
  } else if (options_.when_gone == WhenGone::kFails) {
    co_return is_shorter ? FileBecameShorter(followed_.path()) : FileWasReplaced(followed_.path());
  } else {
    lines_.Reset(0);  // truncated and written anew since: all of it is unread
  }
  bytes_at_open_ = lines_.position();
  co_return Status::OK();
}

Task<std::string> FileSplitReader::ReadTail(int64_t offset) {
  co_return co_await ReadTailOf(file_.get(), offset);
}

Task<SourceBatch> FileSplitReader::Read(size_t max_rows, TimePoint deadline) {
  Pending pending;
  LineBuffer::Line line;
  while (!finished_) {
    while (pending.messages.size() < max_rows && lines_.Next(&line)) TakeLine(line, &pending);
    if (!pending.messages.empty() || !pending.rejected.empty()) break;
    Result<Fill> fill = co_await ReadMore();
    if (Is(fill.status(), ErrorCode::kDecodeError)) {
      RejectRest(fill.status(), &pending);
      break;
    }
    CO_RETURN_IF_ERROR(fill);
    at_end_ = *fill == Fill::kEnd;
    if (!at_end_) {
      if (env_->Now() >= deadline) break;
      continue;
    }
    Result<bool> over = co_await CheckEnd();
    if (Is(over.status(), ErrorCode::kDecodeError)) {
      RejectRest(over.status(), &pending);
      break;
    }
    CO_ASSIGN_OR_RETURN(bool is_over, std::move(over));
    if (is_over) {
      finished_ = true;
      if (lines_.TakeRest(&line)) TakeLine(line, &pending);
    } else if (env_->Now() >= deadline) {
      break;
    } else {
      CO_RETURN_IF_ERROR(co_await followed_.WaitForGrowth(deadline));
    }
  }
  co_return Finish(std::move(pending));
}

// Of compressed data that is broken or cut off: what follows can't be found, and a line that has no
// end yet may be half of one.
void FileSplitReader::RejectRest(Status cause, Pending* pending) {
  pending->rejected.push_back(
      {.origin = followed_.path() + "@" + std::to_string(lines_.end_offset()),
       .raw_bytes = "",
       .cause = std::move(cause)});
  finished_ = true;
}

void FileSplitReader::TakeLine(const LineBuffer::Line& line, Pending* pending) {
  if (line.too_long) {
    ErrorText text{.message = "a line of " + std::to_string(line.length) + " bytes is too long",
                   .hint = "raise 'source.max-line-bytes' (now " +
                           std::to_string(options_.max_line_bytes) + ")"};
    pending->rejected.push_back({.origin = followed_.path() + "@" + std::to_string(line.offset),
                                 .raw_bytes = CutRawBytes(line.text),
                                 .cause = MakeError(ErrorCode::kDecodeError, std::move(text))});
    return;
  }
  std::string_view text = line.text;
  if (options_.skip_byte_order_mark && line.offset == 0 &&
      text.starts_with(format::kByteOrderMark)) {
    text.remove_prefix(format::kByteOrderMark.size());
  }
  if (options_.skip_blank_lines && text.find_first_not_of(" \t") == std::string_view::npos) {
    return;
  }
  pending->messages.push_back(text);
  pending->offsets.push_back(line.offset);
}

Result<SourceBatch> FileSplitReader::Finish(Pending pending) {
  SourceBatch batch;
  ASSIGN_OR_RETURN(format::DecodedMessages decoded, decoder_->Decode(pending.messages));
  for (format::RejectedMessage& rejected : decoded.rejected) {
    pending.rejected.push_back(
        {.origin = followed_.path() + "@" + std::to_string(pending.offsets[rejected.index]),
         .raw_bytes = CutRawBytes(pending.messages[rejected.index]),
         .cause = std::move(rejected.cause)});
  }
  int64_t rows = decoded.batch.rows->num_rows();
  auto fill = [&](const ScanLayout::Other& other) {
    return followed_.origin().Column(other, rows);
  };
  ASSIGN_OR_RETURN(batch.batch.rows, layout_.Assemble(*decoded.batch.rows, fill));
  batch.batch.kinds = std::move(decoded.batch.kinds);
  batch.rejected = std::move(pending.rejected);
  std::string tail_hash = decompressor_ == nullptr ? HashTail(lines_.Tail()) : "";
  batch.position = followed_.At(lines_.position(), std::move(tail_hash)).ToString();
  batch.bytes_read = static_cast<size_t>(std::exchange(bytes_read_, 0));
  batch.end_of_split = finished_;
  batch.caught_up = finished_ || (at_end_ && pending.messages.empty());
  lines_read_ += static_cast<int64_t>(pending.messages.size());
  batch.lag_records = UnreadLines();
  return batch;
}

// Of a file that is read once: an estimate by the length of the lines so far; -1 before the first.
int64_t FileSplitReader::UnreadLines() const {
  if (options_.tail || lines_read_ == 0) return -1;
  int64_t position = lines_.position() - bytes_at_open_;
  int64_t unread = size_limit_ - lines_.position();
  if (decompressor_ != nullptr) {
    position = compressed_offset_ - static_cast<int64_t>(compressed_rest_.size());
    unread = size_limit_ - position;
  }
  if (position <= 0) return -1;
  double line_bytes = static_cast<double>(position) / static_cast<double>(lines_read_);
  return static_cast<int64_t>(static_cast<double>(std::max<int64_t>(unread, 0)) / line_bytes);
}

Task<FileSplitReader::Fill> FileSplitReader::ReadMore() {
  if (decompressor_ != nullptr) co_return co_await ReadCompressed();
  co_return co_await ReadPlain();
}

Task<FileSplitReader::Fill> FileSplitReader::ReadPlain() {
  int64_t offset = lines_.end_offset();
  size_t wanted = kChunkBytes;
  if (size_limit_ >= 0) {
    wanted = static_cast<size_t>(
        std::clamp<int64_t>(size_limit_ - offset, 0, static_cast<int64_t>(kChunkBytes)));
  }
  if (wanted == 0) co_return Fill::kEnd;
  // Bytes that follow a quiet time may belong to a file that was truncated and written anew.
  if (options_.tail && at_end_) {
    CO_ASSIGN_OR_RETURN(int64_t size, co_await file_->Size());
    if (size == offset) co_return Fill::kEnd;
    CO_ASSIGN_OR_RETURN(bool was_rewritten, co_await CheckRewritten());
    if (was_rewritten) co_return Fill::kEnd;
  }
  CO_ASSIGN_OR_RETURN(size_t count, co_await file_->ReadAt(offset, lines_.Prepare(wanted)));
  lines_.Commit(count);
  bytes_read_ += static_cast<int64_t>(count);
  if (count == 0 && size_limit_ >= 0) co_return FileBecameShorter(followed_.path());
  if (count == 0) co_return Fill::kEnd;
  followed_.NoteGrowth();
  co_return Fill::kData;
}

// True: the reader has turned to the new beginning, or to another file's end.
Task<bool> FileSplitReader::CheckRewritten() {
  CO_ASSIGN_OR_RETURN(int64_t size, co_await file_->Size());
  std::string expected = lines_.Tail();
  int64_t position = lines_.position();
  CO_ASSIGN_OR_RETURN(std::string tail, co_await ReadTail(position));
  if (size >= lines_.end_offset() && tail == expected) co_return false;
  FingerprintOptions fingerprint_options;
  fingerprint_options.growing = true;
  CO_ASSIGN_OR_RETURN(std::string fingerprint,
                      co_await Fingerprint(files_, followed_.path(), fingerprint_options));
  if (fingerprint.empty()) co_return true;  // not even a first line yet: look again later
  // With another first line it is another split, which discovery finds.
  if (fingerprint != followed_.id().fingerprint) finished_ = true;
  lines_.Reset(0);
  at_end_ = false;
  co_return true;
}

Task<FileSplitReader::Fill> FileSplitReader::ReadCompressed() {
  while (true) {
    if (compressed_rest_.empty()) {
      compressed_.resize(kCompressedChunkBytes);
      std::span<std::byte> into = std::as_writable_bytes(std::span<char>(compressed_));
      CO_ASSIGN_OR_RETURN(size_t count, co_await file_->ReadAt(compressed_offset_, into));
      compressed_offset_ += static_cast<int64_t>(count);
      bytes_read_ += static_cast<int64_t>(count);
      compressed_rest_ = std::string_view(compressed_).substr(0, count);
      if (count > 0) followed_.NoteGrowth();
    }
    bool was_at_end = compressed_rest_.empty();
    if (was_at_end && decompressor_->complete()) co_return Fill::kEnd;
    std::span<std::byte> out = lines_.Prepare(kChunkBytes);
    CO_ASSIGN_OR_RETURN(size_t made, decompressor_->Run(&compressed_rest_, out));
    if (discard_ > 0) {
      size_t dropped = static_cast<size_t>(std::min<int64_t>(discard_, static_cast<int64_t>(made)));
      std::memmove(out.data(), out.data() + dropped, made - dropped);
      discard_ -= static_cast<int64_t>(dropped);
      made -= dropped;
    }
    lines_.Commit(made);
    if (made > 0) co_return Fill::kData;
    if (was_at_end) co_return Fill::kEnd;
    CO_RETURN_IF_ERROR(co_await Yield());
  }
}

Task<bool> FileSplitReader::CheckEnd() {
  if (finished_) co_return true;
  bool cut_off = decompressor_ != nullptr && !decompressor_->complete();
  // It ends before what was read of it.
  if (discard_ > 0 && options_.when_gone == WhenGone::kFails) {
    co_return FileBecameShorter(followed_.path());
  }
  if (decompressor_ != nullptr && !cut_off) co_return true;
  if (!options_.tail) {
    if (cut_off) {
      co_return MakeError(ErrorCode::kDecodeError,
                          {.message = "the compressed file '" + followed_.path() + "' is cut off",
                           .hint = "copy it anew, or leave it out"});
    }
    co_return true;
  }
  co_return co_await followed_.IsOver();
}

}  // namespace mainstem::source

#include "source/filesystem/line_buffer.h"

#include <algorithm>
#include <cstring>

namespace mainstem::source {
namespace {

constexpr size_t kKeptPrefix = size_t{64} << 10;

}  // namespace

LineBuffer::LineBuffer(int64_t offset, size_t max_line_bytes,
                       std::optional<format::CsvQuoting> quoting)
    : max_line_bytes_(max_line_bytes) {
  if (quoting) records_.emplace(*quoting, max_line_bytes);
  Reset(offset);
}

void LineBuffer::Reset(int64_t offset, std::string before) {
  data_ = std::move(before);
  end_ = data_.size();
  base_ = offset - static_cast<int64_t>(data_.size());
  BeginLine(end_);
}

void LineBuffer::BeginLine(size_t begin) {
  begin_ = scanned_ = begin;
  skipping_ = false;
  if (records_) records_->Begin(/*at_file_begin=*/position() == 0);
}

std::span<std::byte> LineBuffer::Prepare(size_t size) {
  // What was given out goes, but for the tail.
  size_t gone = begin_ > kTailBytes ? begin_ - kTailBytes : 0;
  if (gone > 0) {
    std::memmove(data_.data(), data_.data() + gone, end_ - gone);
    base_ += static_cast<int64_t>(gone);
    begin_ -= gone;
    scanned_ -= gone;
    end_ -= gone;
  }
  if (data_.size() < end_ + size) data_.resize(end_ + size);
  return std::as_writable_bytes(std::span<char>(data_.data() + end_, size));
}

// Of the line that begins at begin_; npos: it is not there yet.
size_t LineBuffer::FindEnd() {
  std::string_view bytes = std::string_view(data_).substr(0, end_);
  if (!records_) return bytes.find('\n', scanned_);
  size_t found = records_->Find(bytes.substr(scanned_));
  return found == std::string_view::npos ? found : scanned_ + found;
}

bool LineBuffer::Next(Line* line) {
  size_t newline = FindEnd();
  if (newline == std::string_view::npos) {
    scanned_ = end_;
    if (skipping_) {
      begin_ = end_;
    } else if (end_ - begin_ > max_line_bytes_) {
      BeginSkipping();
    }
    return false;
  }
  Emit(newline, line);
  BeginLine(newline + 1);
  return true;
}

bool LineBuffer::TakeRest(Line* line) {
  if (begin_ == end_ && !skipping_) return false;
  Emit(end_, line);
  BeginLine(end_);
  return true;
}

void LineBuffer::Emit(size_t end, Line* line) {
  line->offset = position();
  line->length = base_ + static_cast<int64_t>(end) - line->offset;
  if (skipping_) {
    line->text = skip_prefix_;
    line->too_long = true;
    return;
  }
  line->text = std::string_view(data_).substr(begin_, end - begin_);
  line->too_long = line->text.size() > max_line_bytes_;
  if (line->too_long) {
    line->text = line->text.substr(0, kKeptPrefix);
  } else if (!line->text.empty() && line->text.back() == '\r') {
    line->text.remove_suffix(1);
  }
}

void LineBuffer::BeginSkipping() {
  skip_tail_ = Tail();
  skip_offset_ = position();
  skip_prefix_.assign(data_, begin_, std::min(kKeptPrefix, end_ - begin_));
  skipping_ = true;
  begin_ = end_;
}

std::string LineBuffer::Tail() const {
  if (skipping_) return skip_tail_;
  size_t count = std::min(begin_, kTailBytes);
  return data_.substr(begin_ - count, count);
}

}  // namespace mainstem::source

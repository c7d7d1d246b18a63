#include "source/filesystem/line_buffer.h"

#include <algorithm>
#include <cstring>

namespace mainstem::source {
namespace {

constexpr size_t kKeptPrefix = size_t{64} << 10;

}  // namespace

void LineBuffer::Reset(int64_t offset, std::string before) {
  data_ = std::move(before);
  begin_ = scanned_ = end_ = data_.size();
  base_ = offset - static_cast<int64_t>(data_.size());
  skipping_ = false;
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

bool LineBuffer::Next(Line* line) {
  const void* found = std::memchr(data_.data() + scanned_, '\n', end_ - scanned_);
  if (found == nullptr) {
    scanned_ = end_;
    if (skipping_) {
      begin_ = end_;
    } else if (end_ - begin_ > max_line_bytes_) {
      BeginSkipping();
    }
    return false;
  }
  size_t newline = static_cast<size_t>(static_cast<const char*>(found) - data_.data());
  Emit(newline, line);
  begin_ = scanned_ = newline + 1;
  skipping_ = false;
  return true;
}

bool LineBuffer::TakeRest(Line* line) {
  if (begin_ == end_ && !skipping_) return false;
  Emit(end_, line);
  begin_ = scanned_ = end_;
  skipping_ = false;
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

// The rows of a STRING or BYTES column, written one after the other, within limits: no value and no
// column may take all memory, whatever lengths the rows ask for.
// HOT PATH: Append is a comparison and a copy. Internal to expr/; lives for one call, on one
// thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include <arrow/buffer.h>
#include <arrow/memory_pool.h>

#include "core/status.h"

namespace mainstem::process {

inline constexpr int64_t kTextBytesMax = int64_t{64} << 20;  // of a value that a function makes
struct TextLimits {
  int64_t value_bytes = kTextBytesMax;
  int64_t column_bytes = int64_t{1} << 30;  // of all values of a batch; below 2 GiB
};

// After a value or the column has passed its limit, or memory is short, nothing more is written;
// Finish then fails. Loops that write much look at failed() and stop.
class TextSink {
 public:
  Status Init(int64_t row_count, arrow::MemoryPool* pool, TextLimits limits = {});
  void Append(std::string_view text) {
    if (text.size() > capacity_ - size_) [[unlikely]] {
      if (!Grow(text.size())) return;
    }
    if (!text.empty()) std::memcpy(bytes_ + size_, text.data(), text.size());
    size_ += text.size();
  }
  void Append(char c) { Append(std::string_view(&c, 1)); }
  // The same byte `count` times.
  void AppendRepeated(char c, int64_t count);
  // The value is known to become too long: as if so much had been appended.
  void RefuseValue() { limit_ = Limit::kValue; }
  // Bytes of the current row so far; valid until the next Append.
  std::string_view current() const {
    return {bytes_ + row_begin_, size_ - static_cast<size_t>(row_begin_)};
  }
  void Discard() { size_ = static_cast<size_t>(row_begin_); }
  void EndRow() {
    if (static_cast<int64_t>(size_) - row_begin_ > limits_.value_bytes) [[unlikely]]
      RefuseValue();
    offsets_[++row_] = static_cast<int32_t>(size_);
    row_begin_ = static_cast<int64_t>(size_);
  }
  bool failed() const { return limit_ != Limit::kNone; }
  // No fault of the rows.
  bool memory_short() const { return limit_ == Limit::kMemory; }
  // Why it has failed, with the name of the function that writes: "LPAD makes a text longer than
  // 64 MiB".
  std::string FailureText(std::string_view function) const;
  // Fails with FailureText. Adds the offsets and the bytes to `buffers`, which hold the validity.
  Status Finish(std::string_view function, arrow::BufferVector* buffers);

 private:
  enum class Limit : uint8_t { kNone, kValue, kColumn, kMemory };
  bool Grow(size_t wanted);
  std::unique_ptr<arrow::ResizableBuffer> data_;
  std::unique_ptr<arrow::Buffer> offset_buffer_;
  int32_t* offsets_ = nullptr;
  char* bytes_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
  int64_t row_ = 0;
  int64_t row_begin_ = 0;
  TextLimits limits_;
  Limit limit_ = Limit::kNone;
  std::string memory_error_;
};

}  // namespace mainstem::process

#include "process/expr/text_sink.h"

#include <algorithm>

#include <fmt/format.h>

namespace mainstem::process {

Status TextSink::Init(int64_t row_count, arrow::MemoryPool* pool, TextLimits limits) {
  limits_ = limits;
  ASSIGN_OR_RETURN(
      offset_buffer_,
      arrow::AllocateBuffer((row_count + 1) * static_cast<int64_t>(sizeof(int32_t)), pool));
  ASSIGN_OR_RETURN(data_, arrow::AllocateResizableBuffer(row_count * 8 + 64, pool));
  offsets_ = reinterpret_cast<int32_t*>(offset_buffer_->mutable_data());
  offsets_[0] = 0;
  bytes_ = reinterpret_cast<char*>(data_->mutable_data());
  capacity_ = static_cast<size_t>(data_->size());
  return Status::OK();
}

bool TextSink::Grow(size_t wanted) {
  if (failed()) return false;
  const auto column_max = static_cast<size_t>(limits_.column_bytes);
  if (current().size() + wanted > static_cast<size_t>(limits_.value_bytes)) {
    limit_ = Limit::kValue;
  } else if (size_ + wanted > column_max) {
    limit_ = Limit::kColumn;
  } else {
    const size_t capacity = std::min(std::max(capacity_ * 2, size_ + wanted), column_max);
    const Status resized = data_->Resize(static_cast<int64_t>(capacity), false);
    if (resized.ok()) {
      bytes_ = reinterpret_cast<char*>(data_->mutable_data());
      capacity_ = capacity;
      return true;
    }
    limit_ = Limit::kMemory;
    memory_error_ = TextOf(resized).message;
  }
  // What fits still would be written behind what did not.
  capacity_ = size_;
  return false;
}

void TextSink::AppendRepeated(char c, int64_t count) {
  if (count <= 0) return;
  const auto wanted = static_cast<size_t>(count);
  if (wanted > capacity_ - size_ && !Grow(wanted)) return;
  std::memset(bytes_ + size_, c, wanted);
  size_ += wanted;
}

std::string TextSink::FailureText(std::string_view function) const {
  switch (limit_) {
    case Limit::kNone: return {};
    case Limit::kValue:
      return fmt::format("{} makes a text longer than {} MiB", function, limits_.value_bytes >> 20);
    case Limit::kColumn:
      return fmt::format("{} makes texts of more than {} bytes for {} rows", function,
                         limits_.column_bytes, row_);
    case Limit::kMemory:
      return fmt::format("no memory for the texts that {} makes: {}", function, memory_error_);
  }
  return {};
}

Status TextSink::Finish(std::string_view function, arrow::BufferVector* buffers) {
  if (failed()) {
    return MakeError(memory_short() ? ErrorCode::kResourceExhausted : ErrorCode::kEvaluationError,
                     FailureText(function));
  }
  RETURN_IF_ERROR(data_->Resize(static_cast<int64_t>(size_), false));
  buffers->resize(1);
  buffers->push_back(std::move(offset_buffer_));
  buffers->push_back(std::move(data_));
  return Status::OK();
}

}  // namespace mainstem::process

// Steps over whole record batches in bytes that may end within one: what a piece of a segment file
// holds. Internal to segments. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "storage/record_batch.h"

namespace mainstem::storage {

// The whole batches that `bytes` begins with; stops before one that is cut off, or whose header
// can't be that of a batch there: its offsets lie outside its checksum.
class BatchWalk {
 public:
  // The batches ascend from `begin` on, and end before `end`.
  explicit BatchWalk(std::span<const std::byte> bytes, Offset begin = Offset(0),
                     Offset end = Offset(INT64_MAX))
      : rest_(bytes), next_(begin), end_(end) {}
  enum class Step : uint8_t { kBatch, kCutOff, kBroken };
  Step Next() {
    batch_ = {};
    if (rest_.size() < kBatchHeaderBytes) return Step::kCutOff;
    header_ = ReadBatchHeader(rest_.data());
    int32_t least = static_cast<int32_t>(kBatchHeaderBytes - kBatchPrefixBytes);
    if (header_.magic != kBatchMagic || header_.batch_length < least) return Step::kBroken;
    bool follows = header_.base_offset >= next_ && header_.last_offset_delta >= 0 &&
                   header_.last_offset_delta < end_ - header_.base_offset;
    if (!follows) return Step::kBroken;
    if (header_.total_bytes() > rest_.size()) return Step::kCutOff;
    batch_ = rest_.first(header_.total_bytes());
    next_ = header_.next_offset();
    rest_ = rest_.subspan(header_.total_bytes());
    return Step::kBatch;
  }
  const BatchHeader& header() const { return header_; }
  // Where the next batch may begin.
  Offset next_offset() const { return next_; }
  std::span<const std::byte> batch() const { return batch_; }

 private:
  std::span<const std::byte> rest_;
  Offset next_;
  const Offset end_;
  std::span<const std::byte> batch_;
  BatchHeader header_;
};

}  // namespace mainstem::storage

// Steps over whole record batches in bytes that may end within one: what a piece of a segment file
// holds. Internal to segments. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "storage/record_batch.h"

namespace mainstem::storage {

// The whole batches that `bytes` begins with; stops before one that is cut off.
class BatchWalk {
 public:
  explicit BatchWalk(std::span<const std::byte> bytes) : rest_(bytes) {}
  enum class Step : uint8_t { kBatch, kCutOff, kBroken };
  Step Next() {
    batch_ = {};
    if (rest_.size() < kBatchHeaderBytes) return Step::kCutOff;
    header_ = ReadBatchHeader(rest_.data());
    int32_t least = static_cast<int32_t>(kBatchHeaderBytes - kBatchPrefixBytes);
    if (header_.magic != kBatchMagic || header_.batch_length < least) return Step::kBroken;
    if (header_.total_bytes() > rest_.size()) return Step::kCutOff;
    batch_ = rest_.first(header_.total_bytes());
    rest_ = rest_.subspan(header_.total_bytes());
    return Step::kBatch;
  }
  const BatchHeader& header() const { return header_; }
  std::span<const std::byte> batch() const { return batch_; }

 private:
  std::span<const std::byte> rest_;
  std::span<const std::byte> batch_;
  BatchHeader header_;
};

}  // namespace mainstem::storage

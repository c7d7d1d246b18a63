// What an OVER window keeps of one partition: where it is, the rows that are still in the frame or
// that LAG may look back to, and the accumulators of its aggregates.
#pragma once

#include <deque>
#include <string>

#include "process/operator/aggregate_set.h"
#include "process/operator/element.h"

namespace mainstem::process {

struct OverFrame {
  struct Row {
    int64_t time_ms = 0;
    std::string args;        // encoded: the columns that the functions read
    int32_t batch_row = -1;  // of the batch at hand, where it came with that; not stored
  };
  int64_t time_ms = kNoWatermark;  // of the last row
  int64_t row_count = 0;
  // From this watermark on the partition is forgotten (a RANGE of event time); 0: not set.
  int64_t cleanup_ms = 0;
  std::deque<Row> rows;    // the last ones, oldest first
  size_t frame_begin = 0;  // rows[frame_begin] is the first that is accumulated
  size_t heap_bytes = 0;

  void Push(Row row);
  void PopFront();
};

// Stored form, version 1: u8 version | i64 time, row count, clean-up time |
//   u32 frame begin | u32 rows | each: i64 time, u32 length, args | the aggregates' own form
class OverFrameCodec final : public ValueCodec {
 public:
  // `aggregates` outlives this.
  explicit OverFrameCodec(const AggregateSet* aggregates) : aggregates_(aggregates) {}
  static OverFrame& Of(StateEntry* entry) { return *reinterpret_cast<OverFrame*>(entry->value()); }
  static const OverFrame& Of(const std::byte* value) {
    return *reinterpret_cast<const OverFrame*>(value);
  }
  // As if no row had been accumulated.
  void ResetAggregates(StateEntry* entry) const;
  static std::byte* BlockOf(StateEntry* entry) { return entry->value() + kBlockOffset; }
  size_t value_bytes() const override { return kBlockOffset + aggregates_->value_bytes(); }
  void Init(std::byte* value) const override;
  void Destroy(std::byte* value) const override;
  void Serialize(const std::byte* value, std::string* out) const override;
  Status Deserialize(std::string_view bytes, std::byte* value) const override;
  size_t HeapBytes(const std::byte* value) const override;

 private:
  static constexpr size_t kBlockOffset = (sizeof(OverFrame) + 15) / 16 * 16;
  const AggregateSet* aggregates_;
};

}  // namespace mainstem::process

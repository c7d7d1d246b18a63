// What flows between operators: batches of rows, and control elements in the same queue, in order.
// Plain values; a batch's columns are shared and immutable.
#pragma once

#include <cstdint>
#include <limits>
#include <utility>

#include "format/changelog.h"

namespace mainstem::process {

// "No row with a smaller or equal event time follows." In ms since 1970.
inline constexpr int64_t kNoWatermark = std::numeric_limits<int64_t>::min();
inline constexpr int64_t kEndOfTime = std::numeric_limits<int64_t>::max();

struct Element {
  enum class Kind : uint8_t {
    kBatch,
    kWatermark,  // value: ms; never goes back
    kIdle,       // this input does not hold the watermark back until its next element
    kBarrier,    // value: checkpoint id
    kTime,       // value: the wall clock, ms; stays inside a chain of operators
    kInputEnd,   // value: which input of several has ended; stays with the operator that has them
    kEnd,        // the last element
  };
  Kind kind = Kind::kEnd;
  int64_t value = 0;
  ChangelogBatch batch = {};

  static Element Batch(ChangelogBatch batch) { return {Kind::kBatch, 0, std::move(batch)}; }
  static Element Watermark(int64_t ms) { return {Kind::kWatermark, ms, {}}; }
  static Element Idle() { return {Kind::kIdle, 0, {}}; }
  static Element Barrier(int64_t checkpoint) { return {Kind::kBarrier, checkpoint, {}}; }
  static Element Time(int64_t now_ms) { return {Kind::kTime, now_ms, {}}; }
  static Element InputEnd(int input) { return {Kind::kInputEnd, input, {}}; }
  static Element End() { return {Kind::kEnd, 0, {}}; }
};

// -1 for rows that take something back, else 1.
inline int8_t SignOf(RowKind kind) {
  return kind == RowKind::kUpdateBefore || kind == RowKind::kDelete ? -1 : 1;
}

}  // namespace mainstem::process

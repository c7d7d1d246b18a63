// What writers of deliveries share: when waiting rows are written, and the end after an error.
#pragma once

#include <cstdint>

#include "core/env.h"
#include "core/status.h"

namespace mainstem::sink {

// How many rows and bytes wait to be written, and since when.
class WaitingRows {
 public:
  void Add(int64_t rows, int64_t bytes, TimePoint now) {
    if (rows_ == 0) since_ = now;
    rows_ += rows;
    bytes_ += bytes;
  }
  void Clear() { rows_ = bytes_ = 0; }

  // An interval of 0: never.
  bool IsDue(TimePoint now, Duration interval) const {
    return interval > Duration::zero() && now - since_ >= interval;
  }
  bool IsFull(int64_t rows_max, int64_t bytes_max) const {
    return rows_ >= rows_max || bytes_ >= bytes_max;
  }

 private:
  int64_t rows_ = 0;
  int64_t bytes_ = 0;
  TimePoint since_{};
};

// Of a writer that lost rows when a write failed; deliveries go on from the position of a new one.
inline Status WriterHasFailed() {
  return MakeError(ErrorCode::kUnavailable, "this writer has failed: open a new one");
}

}  // namespace mainstem::sink

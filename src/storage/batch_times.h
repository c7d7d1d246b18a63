// What the records of a batch say of time, and not its header: clients may write anything there.
// Internal to the log; pure functions; any thread.
#pragma once

#include <cstdint>
#include <span>

#include "storage/record_batch.h"

namespace mainstem::storage {

struct BatchTimes {
  static constexpr int64_t kNone = -1;
  int64_t newest_ms = kNone;
  int64_t oldest_ms = kNone;  // of those that are a time at all
};

// ValidateBatch, and the times seen on the way. Of a compressed batch the header's must do: the
// greater one of the first record's time and the greatest.
Result<BatchTimes> ValidateBatchTimes(const BatchHeader& header, std::span<const std::byte> batch,
                                      const BatchChecks& checks);
// In place, with the CRC.
void SetMaxTimestamp(std::span<std::byte> batch, int64_t timestamp_ms);

}  // namespace mainstem::storage

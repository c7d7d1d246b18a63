// Finds where record batches go on behind bytes that are none: a header that is broken tells no
// length. Internal to segments. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "storage/record_batch.h"

namespace mainstem::storage {

struct BatchSearch {
  Offset begin;  // the batch's offsets lie from here on, and before `end`
  Offset end;
  int64_t rest_bytes = 0;      // of the file, from where the searched bytes begin
  bool only_at_first = false;  // the batch begins with the first byte, or there is none
};

struct BatchPlace {
  size_t position = 0;  // in the bytes that were searched
  BatchHeader header;
  bool is_whole = false;  // else it looks like one, and the searched bytes end before it does
};

// The first place in `bytes` where a batch with the right checksum begins, or one that may be. Does
// not tell a batch of the segment from one that a record has as its value, if its offsets fit, too.
std::optional<BatchPlace> FindBatch(std::span<const std::byte> bytes, BatchSearch search);

}  // namespace mainstem::storage

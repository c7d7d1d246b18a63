// Builds record batches: for gateways whose clients send single events, for sources, for sinks
// that write to the log. Keep one and reuse it: its buffer stays. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/status.h"
#include "storage/compression.h"
#include "storage/record_batch.h"

namespace mainstem::storage {

// What a record takes in an uncompressed batch, at most: a few bytes more than it needs.
size_t RecordBytesBound(std::optional<std::string_view> key, std::optional<std::string_view> value,
                        std::span<const RecordHeader> headers);

struct BatchBuilderOptions {
  Codec codec = Codec::kNone;
  ProducerId producer_id{-1};
  ProducerEpoch producer_epoch{-1};
  int32_t base_sequence = -1;
  bool transactional = false;
  bool is_marker = false;  // a control batch that ends a transaction
};

class BatchBuilder {
 public:
  explicit BatchBuilder(BatchBuilderOptions options = {});

  // The pieces are copied.
  void Add(int64_t timestamp_ms, std::optional<std::string_view> key,
           std::optional<std::string_view> value, std::span<const RecordHeader> headers = {});
  int32_t record_count() const { return record_count_; }
  // Before compression, header included.
  size_t bytes() const { return batch_.size(); }

  // The batch with base offset 0; leaves the builder empty, with the next sequence number set.
  // There must be a record.
  Result<std::vector<std::byte>> Build();
  // The same, behind the batches that are there.
  Status BuildOnto(std::vector<std::byte>* batches);
  // Adds a record; first, where the batch would take more than `bytes_max` with it, BuildOnto.
  Status AddOnto(std::vector<std::byte>* batches, size_t bytes_max, int64_t timestamp_ms,
                 std::optional<std::string_view> key, std::optional<std::string_view> value,
                 std::span<const RecordHeader> headers = {});

 private:
  void Clear();

  BatchBuilderOptions options_;
  std::vector<std::byte> batch_;  // 61 bytes of room, then the records
  int32_t record_count_ = 0;
  int64_t base_timestamp_ = 0;
  int64_t max_timestamp_ = 0;
};

}  // namespace mainstem::storage

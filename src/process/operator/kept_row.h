// One row of a key with its time, as a value of a state table: what deduplication keeps.
#pragma once

#include <string>

#include "process/operator/element.h"
#include "process/state/state_table.h"

namespace mainstem::process {

struct KeptRow {
  int64_t time_ms = kNoWatermark;
  std::string row;  // encoded by the operator's RowCodec
};

// Stored form, version 1: u8 version | i64 time (little endian) | the row
class KeptRowCodec final : public ValueCodec {
 public:
  static KeptRow& Of(StateEntry* entry) { return *reinterpret_cast<KeptRow*>(entry->value()); }
  static const KeptRow& Of(const std::byte* value) {
    return *reinterpret_cast<const KeptRow*>(value);
  }
  size_t value_bytes() const override { return sizeof(KeptRow); }
  void Init(std::byte* value) const override { new (value) KeptRow(); }
  void Destroy(std::byte* value) const override { reinterpret_cast<KeptRow*>(value)->~KeptRow(); }
  void Serialize(const std::byte* value, std::string* out) const override;
  Status Deserialize(std::string_view bytes, std::byte* value) const override;
  size_t HeapBytes(const std::byte* value) const override {
    return reinterpret_cast<const KeptRow*>(value)->row.capacity();
  }
};

}  // namespace mainstem::process

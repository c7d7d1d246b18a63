// The rows of one partition in order, as a value of a state table: what Top-N operators keep.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "process/state/state_table.h"

namespace mainstem::process {

struct RankedRow {
  std::string row;  // encoded by the operator's RowCodec
  std::string key;  // of the row, where rows replace each other; else empty
};

// By sort key (state/sort_key.h); rows of one key in the order they came.
struct RankRows {
  using Map = std::multimap<std::string, RankedRow, std::less<>>;
  Map rows;
  size_t bytes = 0;  // of heap memory, estimated

  Map::iterator Insert(std::string_view sort_key, std::string_view row, std::string_view key);
  // The same, just before `next`, which has this key or the first one behind it.
  Map::iterator InsertBefore(Map::iterator next, std::string_view sort_key, std::string_view row,
                             std::string_view key);
  // The row leaves the partition but stays readable as long as the node does.
  Map::node_type Extract(Map::iterator at);
};

// Stored form, version 1: u8 version | (u32 length, sort key | u32 length, row | u32 length, key)*
class RankRowsCodec final : public ValueCodec {
 public:
  static RankRows& Of(StateEntry* entry) { return *reinterpret_cast<RankRows*>(entry->value()); }
  size_t value_bytes() const override { return sizeof(RankRows); }
  void Init(std::byte* value) const override { new (value) RankRows(); }
  void Destroy(std::byte* value) const override { reinterpret_cast<RankRows*>(value)->~RankRows(); }
  void Serialize(const std::byte* value, std::string* out) const override;
  Status Deserialize(std::string_view bytes, std::byte* value) const override;
  size_t HeapBytes(const std::byte* value) const override {
    return reinterpret_cast<const RankRows*>(value)->bytes;
  }
};

}  // namespace mainstem::process

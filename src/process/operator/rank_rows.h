// The rows of one partition in order, as a value of a state table: what Top-N operators keep. A row
// is found, and what has changed since it was stored is known, without a look at the others.
//
// Stored form, version 1: u8 version | each row: u32 length, sort key | u32 length, row | u32
// length, key. What has changed since: u8 version | u32 number of rows that have gone | each: u8
// whether it was the last of all, and a row as above | then those that came, in their order.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

#include "process/state/state_table.h"

namespace mainstem::process {

struct RankedRow {
  using Item = std::pair<const std::string, RankedRow>;
  std::string row;  // encoded by the operator's RowCodec
  std::string key;  // of the row, where rows replace each other; else empty
  // Its place among those that came since the rows were stored, while that is known.
  bool is_unstored = false;
  std::list<Item*>::iterator unstored = {};
};

// By sort key (state/sort_key.h); rows of one key in the order they came. Stays where it is.
class RankRows {
 public:
  using Map = std::multimap<std::string, RankedRow, std::less<>>;
  using Place = Map::iterator;
  RankRows() = default;
  RankRows(const RankRows&) = delete;
  RankRows& operator=(const RankRows&) = delete;

  // To look at; rows and keys change through the functions below only.
  Map& rows() { return rows_; }
  const Map& rows() const { return rows_; }

  Place Insert(std::string_view sort_key, std::string_view row, std::string_view key);
  // The same, just before `next`, which has this key or the first one behind it.
  Place InsertBefore(Place next, std::string_view sort_key, std::string_view row,
                     std::string_view key);
  // The oldest of these rows; the map's end if there is none.
  Place Find(std::string_view sort_key, std::string_view row);
  void SetKey(Place at, std::string_view key);
  // The row leaves the partition but stays readable as long as the node does.
  Map::node_type Extract(Place at);

  size_t heap_bytes() const;  // estimated
  void Put(std::string* out) const;
  Status Take(std::string_view bytes);
  // See ValueCodec.
  bool has_changes() const { return knows_changes_; }
  void PutChanges(std::string* out) const;
  Status ApplyChanges(std::string_view bytes);
  void OnStored();

 private:
  Place Added(Place at);
  void BuildIndex();
  void Unindex(Place at);
  // From now on it is the whole that is stored next.
  void ForgetChanges();

  Map rows_;
  size_t row_bytes_ = 0;
  // By their bytes, each oldest first. Empty until a row was looked for among many of one sort key.
  absl::flat_hash_map<std::string_view, absl::InlinedVector<Place, 1>> index_;
  bool knows_changes_ = false;
  std::list<RankedRow::Item*> unstored_;  // oldest first; only if it knows changes, as the next two
  std::string gone_;                      // as they are stored
  uint32_t gone_count_ = 0;
};

class RankRowsCodec final : public ValueCodec {
 public:
  static RankRows& Of(StateEntry* entry) { return *reinterpret_cast<RankRows*>(entry->value()); }
  static RankRows& Of(std::byte* value) { return *reinterpret_cast<RankRows*>(value); }
  static const RankRows& Of(const std::byte* value) {
    return *reinterpret_cast<const RankRows*>(value);
  }
  size_t value_bytes() const override { return sizeof(RankRows); }
  void Init(std::byte* value) const override { new (value) RankRows(); }
  void Destroy(std::byte* value) const override { Of(value).~RankRows(); }
  void Serialize(const std::byte* value, std::string* out) const override { Of(value).Put(out); }
  Status Deserialize(std::string_view bytes, std::byte* value) const override {
    return Of(value).Take(bytes);
  }
  size_t HeapBytes(const std::byte* value) const override { return Of(value).heap_bytes(); }
  bool keeps_changes() const override { return true; }
  bool HasChanges(const std::byte* value) const override { return Of(value).has_changes(); }
  void SerializeChanges(const std::byte* value, std::string* out) const override {
    Of(value).PutChanges(out);
  }
  Status ApplyChanges(std::string_view bytes, std::byte* value) const override {
    return Of(value).ApplyChanges(bytes);
  }
  void OnStored(std::byte* value) const override { Of(value).OnStored(); }
};

}  // namespace mainstem::process

// The rows that one side of a join keeps for one key: a bag of encoded rows, each with how often it
// came and how many rows of the other side it matches (outer, semi and anti joins).
//
// Stored form, version 1: u8 version | u32 number of rows | each: u32 size, bytes (RowCodec's),
// i32 copies, i32 matches. What has changed since: u8 version | u32 number of rows that have gone |
// each: u32 size, bytes | then those that came or changed, as above. Few rows are stored whole.
// Version 2, of rows that have a time to live: the same, with u32 stamp behind the matches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "process/state/key_group.h"
#include "process/state/state_table.h"

namespace mainstem::process {

// A time to live of each row: as of when, and how long. Stamps count ticks of a tenth of a second
// and go round after some years.
struct RowLife {
  static constexpr int64_t kTickMs = 100;
  uint32_t now = 0;  // 0: rows have none
  int32_t ttl = 0;   // ticks
  // No time to live: rows stay for ever, and so they do with one of years.
  static RowLife Of(int64_t ttl_ms, int64_t now_ms);
  bool IsOver(uint32_t stamp) const {
    return ttl > 0 && stamp != 0 && static_cast<int32_t>(now - stamp) >= ttl;
  }
};

struct JoinRow {
  std::unique_ptr<char[]> bytes;
  uint32_t size = 0;
  uint32_t hash = 0;  // of the bytes
  int32_t copies = 0;
  // Partners; below 0 when the other side took back a row that never came. Of an interval join: the
  // copies that had a partner.
  int32_t matches = 0;
  bool is_changed = false;  // since it was stored
  uint32_t stamp = 0;       // when it was written last; 0: not known

  std::string_view view() const { return {bytes.get(), size}; }
  void AddMatches(int32_t change, uint32_t now = 0) {
    matches += change;
    stamp = now;
    is_changed = true;
  }
};

// In the order in which they came while there are few; a removal among many moves the last row.
class JoinRows {
 public:
  const std::vector<JoinRow>& rows() const { return rows_; }
  std::vector<JoinRow>& rows() { return rows_; }
  bool empty() const { return rows_.empty(); }

  // One more copy; `matches` is the row's from now on. Here and in Remove a row whose life is over
  // is none.
  void Add(std::string_view bytes, int32_t matches, RowLife life = {});
  // One more copy, whose matches come to those that the row has.
  void AddCopy(std::string_view bytes, int32_t matches);
  // One copy less; false when there is none.
  bool Remove(std::string_view bytes, RowLife life = {});
  // Forgets the rows whose lives are over, if the oldest has been for so many ticks; whether there
  // were any.
  bool ForgetOld(RowLife life, int32_t ticks = 0);

  size_t heap_bytes() const { return heap_bytes_; }
  void Put(std::string* out) const;
  Status Take(std::string_view bytes);
  // See ValueCodec.
  bool has_changes() const { return knows_changes_; }
  void PutChanges(std::string* out) const;
  Status ApplyChanges(std::string_view bytes);
  void OnStored();

 private:
  // From this many rows on they are found by an index; before, hashes are compared one by one.
  static constexpr size_t kIndexed = 32;
  // So many are worth knowing which of them have changed.
  static constexpr size_t kKnowsFrom = 128;
  static constexpr size_t kRowOverhead = sizeof(JoinRow) + 16;
  struct HashOf {
    size_t operator()(std::string_view bytes) const { return StableHash(bytes); }
  };
  size_t Find(std::string_view bytes, uint64_t hash) const;  // rows_.size(): not there
  size_t FindLiving(std::string_view bytes, uint64_t hash, RowLife life);
  void Append(std::string_view bytes, uint64_t hash, int32_t copies, int32_t matches);
  void BuildIndex();
  void Forget(size_t at);
  void ForgetGone();
  void PutRow(const JoinRow& row, std::string* out) const;
  char version() const;
  Status TakeRows(char version, std::string_view bytes);

  std::vector<JoinRow> rows_;
  absl::flat_hash_map<std::string_view, uint32_t, HashOf> index_;  // empty below kIndexed
  size_t heap_bytes_ = 0;
  bool has_stamps_ = false;
  uint32_t oldest_ = 0;  // no row has an earlier stamp; 0: not known
  bool knows_changes_ = false;
  std::vector<JoinRow> gone_;  // since they were stored; only if it knows_changes_
};

class JoinRowsCodec final : public ValueCodec {
 public:
  static JoinRows& RowsOf(StateEntry* entry) {
    return *reinterpret_cast<JoinRows*>(entry->value());
  }
  size_t value_bytes() const override { return sizeof(JoinRows); }
  void Init(std::byte* value) const override;
  void Destroy(std::byte* value) const override;
  void Serialize(const std::byte* value, std::string* out) const override;
  Status Deserialize(std::string_view bytes, std::byte* value) const override;
  size_t HeapBytes(const std::byte* value) const override;
  bool keeps_changes() const override { return true; }
  bool HasChanges(const std::byte* value) const override;
  void SerializeChanges(const std::byte* value, std::string* out) const override;
  Status ApplyChanges(std::string_view bytes, std::byte* value) const override;
  void OnStored(std::byte* value) const override;
};

}  // namespace mainstem::process

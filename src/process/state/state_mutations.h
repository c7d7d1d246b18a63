// Entries of state on their way to a StateBackend. Their bytes lie side by side in large blocks: a
// snapshot may hold millions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mainstem::process {

struct StateMutation {
  std::string_view key;                   // see state_backend.h
  std::optional<std::string_view> value;  // nullopt: delete
  bool appends = false;                   // `value` goes behind what is stored for the key
};

// In the order of the changes: of mutations of one key the last one counts, so that one that
// appends must be the only one. Movable.
class StateMutations {
 public:
  void Put(std::string_view key, std::string_view value);
  void Delete(std::string_view key);

  // In steps, for keys and values that are made in place: Begin, append the key to what it
  // returned, EndKey, append the value to the same, EndValue; or EndDelete in place of EndKey.
  enum class How : uint8_t { kPut, kAppend };
  std::string* Begin();
  void EndKey();
  void EndValue(How how = How::kPut);
  void EndDelete();

  void Append(StateMutations more);
  void Reserve(size_t count) { entries_.reserve(entries_.size() + count); }

  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  // Of all keys and values.
  size_t bytes() const { return full_bytes_ + (blocks_.empty() ? 0 : blocks_.back().size()); }
  // Views into this.
  StateMutation operator[](size_t index) const;

 private:
  static constexpr uint32_t kDeleted = UINT32_MAX;
  struct Entry {
    uint32_t block;
    uint32_t offset;
    uint32_t key_size : 31;
    uint32_t appends : 1;
    uint32_t value_size;  // or kDeleted
  };
  std::vector<std::string> blocks_;
  size_t full_bytes_ = 0;  // of all blocks but the last
  std::vector<Entry> entries_;
};

}  // namespace mainstem::process

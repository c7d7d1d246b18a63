// The values that DISTINCT has seen in one group, a number beside each, and which of them have
// changed since they were stored. Internal to expr/.
//   Stored form: u64 number of values | each: key, i64 number
//   key: i64 little endian for values of up to 8 bytes, else u32 length and value_codec.h's bytes
//   Changes: u64 number of changed values | each: key, i64 number (0: gone)
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <arrow/api.h>

#include "process/expr/aggregate_state.h"
#include "process/expr/value_codec.h"
#include "process/expr/vector.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {

// How the values of a column are keys of a map: by their bits where these fit, else encoded.
struct BitsKey {
  using Type = int64_t;
  static size_t heap_bytes(Type) { return 0; }
  static void Put(Type key, std::string* out) { PutFixed64(static_cast<uint64_t>(key), out); }
  static Result<Type> Take(std::string_view* bytes) {
    ASSIGN_OR_RETURN(const uint64_t key, TakeFixed64(bytes));
    return static_cast<Type>(key);
  }
};
struct EncodedKey {
  using Type = std::string;
  static size_t heap_bytes(const Type& key) { return HeapOf(key); }
  static void Put(const Type& key, std::string* out) { PutBytes(key, out); }
  static Result<Type> Take(std::string_view* bytes) {
    ASSIGN_OR_RETURN(const std::string_view key, TakeBytes(bytes));
    return std::string(key);
  }
};

// Whether BitsKey can be the key of values of this type (NULL is none of them).
inline bool FitsBits(const LogicalType& type) {
  switch (type.root()) {
    case TypeRoot::kTinyInt:
    case TypeRoot::kSmallInt:
    case TypeRoot::kInteger:
    case TypeRoot::kBigInt:
    case TypeRoot::kDate:
    case TypeRoot::kTime:
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz: return true;
    default: return false;
  }
}

// Calls f(key_of), where key_of(row) is the key of a row's value.
template <typename Key, typename F>
void WithKeys(const arrow::ArrayData& column, F f) {
  const auto widened = [&]<typename T>(T) {
    const Column<T> values(column);
    f([values](int64_t row) { return static_cast<int64_t>(values[row]); });
  };
  if constexpr (std::is_same_v<Key, EncodedKey>) {
    std::string key;
    f([&](int64_t row) -> const std::string& {
      key.clear();
      EncodeValue(column, row, &key);
      return key;
    });
  } else {
    switch (column.type->id()) {
      case arrow::Type::INT8: return widened(int8_t{});
      case arrow::Type::INT16: return widened(int16_t{});
      case arrow::Type::INT32:
      case arrow::Type::DATE32:
      case arrow::Type::TIME32: return widened(int32_t{});
      default: return widened(int64_t{});
    }
  }
}

// The values whose keys these are, as a column of their type.
template <typename Key>
Result<std::shared_ptr<arrow::Array>> ValuesOf(const std::vector<typename Key::Type>& keys,
                                               const LogicalType& type) {
  const std::shared_ptr<arrow::DataType> arrow_type = ToArrowType(type);
  if constexpr (std::is_same_v<Key, BitsKey>) {
    const auto width = static_cast<size_t>(arrow_type->byte_width());
    std::string bytes;  // little endian: the low bytes are the value
    for (const int64_t key : keys) bytes.append(reinterpret_cast<const char*>(&key), width);
    return arrow::MakeArray(
        arrow::ArrayData::Make(arrow_type, static_cast<int64_t>(keys.size()),
                               {nullptr, arrow::Buffer::FromString(std::move(bytes))}, 0));
  } else {
    ASSIGN_OR_RETURN(const auto builder, arrow::MakeBuilder(arrow_type));
    for (std::string_view key : keys) RETURN_IF_ERROR(DecodeValue(&key, builder.get()));
    return builder->Finish();
  }
}

// How changes of a state that may grow large begin: u8, then the whole or what has changed.
inline constexpr char kWholeState = 0;
inline constexpr char kChangesOnly = 1;

// The version of what aggregate_distinct.cc stores.
inline char CountedVersion(bool counts_nulls) { return counts_nulls ? 3 : 2; }

template <typename Key>
class SeenValues {
 public:
  using KeyType = typename Key::Type;
  using Numbers = absl::flat_hash_map<KeyType, int64_t>;

  const Numbers& numbers() const { return numbers_; }
  bool knows_changes() const { return knows_changes_; }

  // The number is a count: changes it; true if the value has just appeared or gone.
  bool Count(const KeyType& key, int64_t change) {
    if (knows_changes_) Note(key);
    int64_t& count = Find(key);
    const int64_t before = count;
    count += change;
    const bool passes = (before <= 0) != (count <= 0);
    if (count == 0) Erase(key);
    return passes;
  }
  // The number is a set of bits: adds some; those that are new.
  uint64_t Add(const KeyType& key, uint64_t bits) {
    int64_t& number = Find(key);
    const uint64_t fresh = bits & ~static_cast<uint64_t>(number);
    if (fresh == 0) return 0;
    number |= static_cast<int64_t>(fresh);
    if (knows_changes_) Note(key);
    return fresh;
  }

  void Put(std::string* out) const {
    PutFixed64(numbers_.size(), out);
    for (const auto& [key, number] : numbers_) PutOne(key, number, out);
  }
  // Calls take(key, number) for each of what Put or PutChanges has written.
  template <typename F>
  static Status TakeEach(std::string_view* bytes, F take) {
    ASSIGN_OR_RETURN(const uint64_t size, TakeFixed64(bytes));
    for (uint64_t i = 0; i < size; ++i) {
      ASSIGN_OR_RETURN(const KeyType key, Key::Take(bytes));
      ASSIGN_OR_RETURN(const uint64_t number, TakeFixed64(bytes));
      take(key, static_cast<int64_t>(number));
    }
    return Status::OK();
  }
  Status Take(std::string_view* bytes) {
    return TakeEach(bytes, [this](const KeyType& key, int64_t number) { Set(key, number); });
  }
  void PutChanges(std::string* out) const {
    PutFixed64(changed_.size(), out);
    for (const KeyType& key : changed_) {
      const auto found = numbers_.find(key);
      PutOne(key, found == numbers_.end() ? 0 : found->second, out);
    }
  }
  // Reads what Put or PutChanges has written over what is there.
  void Set(const KeyType& key, int64_t number) {
    if (number == 0) {
      if (numbers_.contains(key)) Erase(key);
    } else {
      Find(key) = number;
    }
  }

  void OnStored() {
    Forget();
    knows_changes_ = numbers_.size() >= kKnowsFrom;
  }
  size_t heap_bytes() const {
    return numbers_.capacity() * (sizeof(typename Numbers::value_type) + 1) + key_heap_bytes_ +
           changed_.capacity() * (sizeof(KeyType) + 1) + changed_heap_bytes_;
  }

 private:
  // So many values are worth knowing which of them have changed.
  static constexpr size_t kKnowsFrom = 512;

  static void PutOne(const KeyType& key, int64_t number, std::string* out) {
    Key::Put(key, out);
    PutFixed64(static_cast<uint64_t>(number), out);
  }
  int64_t& Find(const KeyType& key) {
    const auto [at, inserted] = numbers_.try_emplace(key, 0);
    if (inserted) key_heap_bytes_ += Key::heap_bytes(at->first);
    return at->second;
  }
  void Erase(const KeyType& key) {
    const auto at = numbers_.find(key);
    key_heap_bytes_ -= Key::heap_bytes(at->first);
    numbers_.erase(at);
  }
  void Note(const KeyType& key) {
    if (changed_.size() >= numbers_.size() / 2) {
      knows_changes_ = false;
      Forget();
      return;
    }
    const auto [at, inserted] = changed_.insert(key);
    if (inserted) changed_heap_bytes_ += Key::heap_bytes(*at);
  }
  void Forget() {
    changed_.clear();
    changed_heap_bytes_ = 0;
  }

  Numbers numbers_;
  size_t key_heap_bytes_ = 0;
  bool knows_changes_ = false;
  absl::flat_hash_set<KeyType> changed_;  // since it was stored
  size_t changed_heap_bytes_ = 0;         // of its keys
};

}  // namespace mainstem::process

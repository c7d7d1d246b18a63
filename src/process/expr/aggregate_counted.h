// State that counts each value: what MIN and MAX keep to take values back, and PERCENTILE to find
// its place. Internal to expr/.
#pragma once

#include <cmath>
#include <string>

#include <absl/container/btree_map.h>

#include "process/expr/aggregate_state.h"

namespace mainstem::process {

// How a value is held and stored: numbers as they are, text as std::string.
template <typename T>
struct Held {
  using Type = T;
  static void Put(const T& value, std::string* out) {
    out->append(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  static Result<T> Take(std::string_view* bytes) {
    if (bytes->size() < sizeof(T)) return CorruptValue();
    T value;
    std::memcpy(&value, bytes->data(), sizeof(T));
    bytes->remove_prefix(sizeof(T));
    return value;
  }
  static size_t heap_bytes(const T&) { return 0; }
  static Status Append(const T& value, const ResultColumn& out) { return AppendNumber(out, value); }
};
template <>
struct Held<std::string_view> {
  using Type = std::string;
  static void Put(const std::string& value, std::string* out) { PutBytes(value, out); }
  static Result<std::string> Take(std::string_view* bytes) {
    ASSIGN_OR_RETURN(const std::string_view taken, TakeBytes(bytes));
    return std::string(taken);
  }
  static size_t heap_bytes(const std::string& value) {
    return value.capacity() > 15 ? value.capacity() + 1 : 0;
  }
  static Status Append(const std::string& value, const ResultColumn& out) {
    return static_cast<arrow::BinaryBuilder*>(out.builder)->Append(value);
  }
};

// A total order: NaN is the greatest number. Finds text by view.
struct Less {
  using is_transparent = void;
  template <typename A, typename B>
  bool operator()(const A& a, const B& b) const {
    if constexpr (std::is_floating_point_v<A>) {
      if (std::isnan(a) || std::isnan(b)) return !std::isnan(a) && std::isnan(b);
    }
    return a < b;
  }
};

// A count may be negative for a moment: a retraction can overtake its insertion across inputs.
template <typename T>
struct CountedState {
  using Value = typename Held<T>::Type;
  absl::btree_map<Value, int64_t, Less> counts;
  size_t bytes = 0;

  template <typename V>
  void Add(const V& value, int64_t count) {
    auto at = counts.find(value);
    if (at == counts.end()) {
      at = counts.emplace(Value(value), 0).first;
      bytes += sizeof(Value) + sizeof(int64_t) + Held<T>::heap_bytes(at->first);
    }
    at->second += count;
    if (at->second == 0) {
      bytes -= sizeof(Value) + sizeof(int64_t) + Held<T>::heap_bytes(at->first);
      counts.erase(at);
    }
  }
  Status Merge(const CountedState& other) {
    for (const auto& [value, count] : other.counts) Add(value, count);
    return Status::OK();
  }
  void Put(std::string* out) const {
    PutFixed64(counts.size(), out);
    for (const auto& [value, count] : counts) {
      Held<T>::Put(value, out);
      PutFixed64(static_cast<uint64_t>(count), out);
    }
  }
  Status Take(std::string_view* in) {
    ASSIGN_OR_RETURN(const uint64_t size, TakeFixed64(in));
    for (uint64_t i = 0; i < size; ++i) {
      ASSIGN_OR_RETURN(const Value value, Held<T>::Take(in));
      ASSIGN_OR_RETURN(const uint64_t count, TakeFixed64(in));
      Add(value, static_cast<int64_t>(count));
    }
    return Status::OK();
  }
  size_t heap_bytes() const { return bytes; }
};

}  // namespace mainstem::process

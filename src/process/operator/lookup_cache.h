// Rows that a look-up join found, by key: the least recently used key goes first when there are too
// many. Rows are encoded. One thread.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "connector/table.h"

namespace mainstem::process {

class LookupCache {
 public:
  using Rows = std::shared_ptr<const std::vector<std::string>>;

  explicit LookupCache(const connector::LookupOptions& options) : options_(options) {}

  // The key's rows, maybe none; null: not known, or too old.
  Rows Find(std::string_view key, TimePoint now);
  // Keeps them if the options say so.
  void Put(std::string_view key, Rows rows, TimePoint now);

  size_t key_count() const { return entries_.size(); }
  size_t memory_bytes() const { return memory_bytes_; }
  // However many keys the options allow.
  static constexpr size_t kBytesMax = 32u << 20;

 private:
  struct Entry {
    std::string key;
    Rows rows;
    TimePoint written;
    TimePoint used;
    size_t bytes = 0;
  };
  using Order = std::list<Entry>;  // the most recently used first
  void Drop(Order::iterator entry);

  const connector::LookupOptions options_;
  Order order_;
  absl::flat_hash_map<std::string_view, Order::iterator> entries_;
  size_t memory_bytes_ = 0;
};

}  // namespace mainstem::process

#include "process/operator/lookup_cache.h"

namespace mainstem::process {
namespace {

constexpr size_t kEntryOverhead = 160;  // list node, table slot, shared rows: estimated

bool IsOver(Duration limit, TimePoint since, TimePoint now) {
  return limit > Duration::zero() && now - since >= limit;
}

}  // namespace

void LookupCache::Drop(Order::iterator entry) {
  memory_bytes_ -= entry->bytes;
  entries_.erase(entry->key);
  order_.erase(entry);
}

LookupCache::Rows LookupCache::Find(std::string_view key, TimePoint now) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  const Order::iterator entry = found->second;
  if (IsOver(options_.expires_after_write, entry->written, now) ||
      IsOver(options_.expires_after_access, entry->used, now)) {
    Drop(entry);
    return nullptr;
  }
  entry->used = now;
  order_.splice(order_.begin(), order_, entry);
  return entry->rows;
}

void LookupCache::Put(std::string_view key, Rows rows, TimePoint now) {
  if (!options_.caches || (rows->empty() && !options_.caches_missing_keys)) return;
  if (const auto found = entries_.find(key); found != entries_.end()) Drop(found->second);
  size_t bytes = kEntryOverhead + key.size();
  for (const std::string& row : *rows) bytes += sizeof(row) + row.capacity();
  order_.push_front({std::string(key), std::move(rows), now, now, bytes});
  entries_.emplace(order_.front().key, order_.begin());
  memory_bytes_ += bytes;
  const auto keys_max =
      options_.cache_rows_max < 0 ? SIZE_MAX : static_cast<size_t>(options_.cache_rows_max);
  while (!order_.empty() && (memory_bytes_ > kBytesMax || entries_.size() > keys_max)) {
    Drop(std::prev(order_.end()));
  }
}

}  // namespace mainstem::process

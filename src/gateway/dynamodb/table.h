// A table in memory: its items in the order of scans, and in the orders of its indexes. On the home
// shard; items that were handed out may go to any thread.
#pragma once

#include <compare>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/dynamodb/table_definition.h"

namespace mainstem::gateway::dynamodb {

using ItemPtr = std::shared_ptr<const Item>;

// Where an item stands. Scans go by the hash of the partition key, so that equal parts of it are
// equal parts of the table; within a partition items are sorted by their range key.
struct ItemKey {
  uint64_t hash = 0;
  std::string partition{};
  std::string sort{};  // "" without a range key; compares as the values do
  auto operator<=>(const ItemKey&) const = default;
};
ItemKey MakeItemKey(std::string partition, std::string sort);

// A range key's, so that it compares as bytes.
std::string SortTextOf(const AttributeValue& value);

// Where an item stands in an index, beside others with the same keys there.
struct IndexKey {
  ItemKey key{};
  ItemKey primary{};
  auto operator<=>(const IndexKey&) const = default;
};

class Table {
 public:
  explicit Table(TableDefinition definition);

  const TableDefinition& definition() const { return definition_; }
  // Makes indexes that are new, and drops those that are not in it.
  void SetDefinition(TableDefinition definition);

  // The key in `key`, which has the key's attributes and nothing else.
  Result<ItemKey> KeyOf(const Item& key) const;
  // The key of a whole item; checks the attributes that are keys of indexes, too, and sizes.
  Result<ItemKey> CheckItem(const Item& item) const;
  // Attributes of the item's key alone.
  Item KeyItemOf(const Item& item) const;
  bool IsKeyAttribute(std::string_view name) const;

  ItemPtr Find(const ItemKey& key) const;  // null
  // Null takes the item away.
  void Apply(const ItemKey& key, ItemPtr item);

  using Items = std::map<ItemKey, ItemPtr>;
  const Items& items() const { return items_; }
  struct Index {
    std::map<IndexKey, ItemPtr> items{};
    int64_t bytes = 0;  // of its items, whole, as Amazon counts
    int64_t memory = 0;
  };
  // Null when there is no such index.
  const Index* FindIndex(std::string_view name) const;
  // Nothing when the item is not in the index.
  std::optional<ItemKey> KeyInIndex(const IndexDefinition& index, const Item& item) const;
  int64_t bytes() const { return bytes_; }  // of items, as Amazon counts
  // What the table takes here, about: items, their keys, indexes.
  int64_t memory() const;
  // What an item takes in them all, and what of it in the indexes.
  int64_t MemoryOf(const ItemKey& key, const Item& item) const;
  int64_t MemoryInIndexesOf(const ItemKey& key, const Item& item) const;
  // What the indexes of `definition` will take that are not there yet.
  int64_t MemoryOfNewIndexes(const TableDefinition& definition) const;
  bool deleting = false;

 private:
  bool HasIndex(const IndexDefinition& index) const;
  void AddToIndex(const IndexDefinition& index, const ItemKey& key, const ItemPtr& item);
  void TakeFromIndex(const IndexDefinition& index, const ItemKey& key, const ItemPtr& item);
  int64_t MemoryInIndex(const IndexDefinition& index, const ItemKey& key, const Item& item) const;

  TableDefinition definition_;
  Items items_;
  std::map<std::string, Index, std::less<>> indexes_;
  int64_t bytes_ = 0;
  int64_t items_memory_ = 0;
};

// What an item and its key take in memory, about, without indexes.
int64_t MemoryOfItem(const ItemKey& key, const Item& item);

}  // namespace mainstem::gateway::dynamodb

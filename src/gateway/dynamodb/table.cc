#include "gateway/dynamodb/table.h"

#include <fmt/format.h>

#include "core/fnv1a.h"
#include "gateway/dynamodb/errors.h"

namespace mainstem::gateway::dynamodb {
namespace {

constexpr size_t kHashKeyBytesMax = 2048;
constexpr size_t kRangeKeyBytesMax = 1024;

Status WrongKey() { return Invalid("The provided key element does not match the schema"); }

// A key attribute's value, checked.
Status CheckKeyValue(const KeyAttribute& key, const AttributeValue& value, bool is_hash) {
  if (value.type != key.type) {
    return InvalidValue(fmt::format("Type mismatch for key {} expected: {} actual: {}", key.name,
                                    NameOf(key.type), NameOf(value.type)));
  }
  if (value.text.empty()) {
    return Invalid(fmt::format(
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
        "contain an empty {} value. Key: {}",
        value.type == ValueType::kBinary ? "binary" : "string", key.name));
  }
  if (is_hash && value.text.size() > kHashKeyBytesMax) {
    return InvalidValue("Size of hashkey has exceeded the maximum size limit of2048 bytes");
  }
  if (!is_hash && value.text.size() > kRangeKeyBytesMax) {
    return InvalidValue(
        "Aggregated size of all range keys has exceeded the size limit of 1024 bytes");
  }
  return Status::OK();
}

const AttributeValue* Attribute(const Item& item, const std::string& name) {
  auto found = item.find(name);
  return found == item.end() ? nullptr : &found->second;
}

ItemKey KeyIn(const KeySchema& keys, const Item& item) {
  std::string sort = keys.range ? SortTextOf(item.at(keys.range->name)) : std::string();
  return MakeItemKey(item.at(keys.hash.name).text, std::move(sort));
}

std::vector<const KeyAttribute*> AttributesOf(const KeySchema& keys) {
  std::vector<const KeyAttribute*> attributes{&keys.hash};
  if (keys.range) attributes.push_back(&*keys.range);
  return attributes;
}

// What the allocator keeps with a block, and a map with a node.
constexpr size_t kBlockBytes = 16;
constexpr size_t kMapNodeBytes = 32 + kBlockBytes;

size_t MemoryOfText(size_t bytes) {
  constexpr size_t kWithinObject = 15;
  return bytes <= kWithinObject ? 0 : bytes + 1 + kBlockBytes;
}

size_t MemoryOfKey(const ItemKey& key) {
  return MemoryOfText(key.partition.size()) + MemoryOfText(key.sort.size());
}

size_t MemoryWithin(const AttributeValue& value);

size_t MemoryOfMap(const Item& map) {
  size_t memory = 0;
  for (const auto& [name, value] : map) {
    memory += kMapNodeBytes + sizeof(Item::value_type);
    memory += MemoryOfText(name.size()) + MemoryWithin(value);
  }
  return memory;
}

// What a value has beyond its own object. By capacity: lists that grew have room for more.
size_t MemoryWithin(const AttributeValue& value) {
  size_t memory = MemoryOfText(value.text.capacity()) + MemoryOfMap(value.map);
  if (value.set.capacity() > 0) {
    memory += kBlockBytes + value.set.capacity() * sizeof(std::string);
  }
  for (const std::string& item : value.set) memory += MemoryOfText(item.capacity());
  if (value.list.capacity() > 0) {
    memory += kBlockBytes + value.list.capacity() * sizeof(AttributeValue);
  }
  for (const AttributeValue& item : value.list) memory += MemoryWithin(item);
  return memory;
}

}  // namespace

ItemKey MakeItemKey(std::string partition, std::string sort) {
  uint64_t hash = Fnv1a(partition);
  // FNV's upper bits hardly move for short texts: spread them.
  hash ^= hash >> 32;
  hash *= 0x9E3779B97F4A7C15ull;
  return {.hash = hash, .partition = std::move(partition), .sort = std::move(sort)};
}

std::string SortTextOf(const AttributeValue& value) {
  return value.type == ValueType::kNumber ? value.number().SortKey() : value.text;
}

int64_t MemoryOfItem(const ItemKey& key, const Item& item) {
  size_t memory = kMapNodeBytes + sizeof(Table::Items::value_type) + MemoryOfKey(key);
  memory += kBlockBytes + sizeof(Item) + MemoryOfMap(item);
  return static_cast<int64_t>(memory);
}

Table::Table(TableDefinition definition) { SetDefinition(std::move(definition)); }

bool Table::HasIndex(const IndexDefinition& index) const {
  const IndexDefinition* known = definition_.FindIndex(index.name);
  return known != nullptr && known->keys == index.keys && indexes_.contains(index.name);
}

void Table::SetDefinition(TableDefinition definition) {
  std::erase_if(indexes_, [&](const auto& entry) {
    const IndexDefinition* index = definition.FindIndex(entry.first);
    return index == nullptr || !HasIndex(*index);
  });
  definition_ = std::move(definition);
  for (const IndexDefinition& index : definition_.indexes) {
    if (!indexes_.try_emplace(index.name).second) continue;
    for (const auto& [key, item] : items_) AddToIndex(index, key, item);
  }
}

Result<ItemKey> Table::KeyOf(const Item& key) const {
  auto attributes = AttributesOf(definition_.keys);
  if (key.size() != attributes.size()) return WrongKey();
  for (const KeyAttribute* attribute : attributes) {
    const AttributeValue* value = Attribute(key, attribute->name);
    if (value == nullptr || value->type != attribute->type) return WrongKey();
    RETURN_IF_ERROR(CheckKeyValue(*attribute, *value, attribute == attributes[0]));
  }
  return KeyIn(definition_.keys, key);
}

Result<ItemKey> Table::CheckItem(const Item& item) const {
  auto attributes = AttributesOf(definition_.keys);
  for (const KeyAttribute* attribute : attributes) {
    const AttributeValue* value = Attribute(item, attribute->name);
    if (value == nullptr) {
      return InvalidValue(fmt::format("Missing the key {} in the item", attribute->name));
    }
    RETURN_IF_ERROR(CheckKeyValue(*attribute, *value, attribute == attributes[0]));
  }
  for (const IndexDefinition& index : definition_.indexes) {
    for (const KeyAttribute* attribute : AttributesOf(index.keys)) {
      const AttributeValue* value = Attribute(item, attribute->name);
      if (value == nullptr) continue;
      if (value->type != attribute->type) {
        return InvalidValue(
            fmt::format("Type mismatch for Index Key {} Expected: {} Actual: {} IndexName: {}",
                        attribute->name, NameOf(attribute->type), NameOf(value->type), index.name));
      }
      if (value->text.empty()) {
        return Invalid(fmt::format(
            "One or more parameter values are not valid. A value specified for a secondary index "
            "key is not supported. The AttributeValue for a key attribute cannot contain an empty "
            "string value. IndexName: {}, IndexKey: {}",
            index.name, attribute->name));
      }
    }
  }
  if (SizeOf(item) > kItemBytesMax) {
    return Invalid("Item size has exceeded the maximum allowed size");
  }
  return KeyIn(definition_.keys, item);
}

Item Table::KeyItemOf(const Item& item) const {
  Item key;
  for (const KeyAttribute* attribute : AttributesOf(definition_.keys)) {
    key[attribute->name] = item.at(attribute->name);
  }
  return key;
}

bool Table::IsKeyAttribute(std::string_view name) const {
  const KeySchema& keys = definition_.keys;
  return name == keys.hash.name || (keys.range && name == keys.range->name);
}

ItemPtr Table::Find(const ItemKey& key) const {
  auto found = items_.find(key);
  return found == items_.end() ? nullptr : found->second;
}

const Table::Index* Table::FindIndex(std::string_view name) const {
  auto found = indexes_.find(name);
  return found == indexes_.end() ? nullptr : &found->second;
}

std::optional<ItemKey> Table::KeyInIndex(const IndexDefinition& index, const Item& item) const {
  for (const KeyAttribute* attribute : AttributesOf(index.keys)) {
    const AttributeValue* value = Attribute(item, attribute->name);
    if (value == nullptr || value->type != attribute->type) return std::nullopt;
  }
  return KeyIn(index.keys, item);
}

int64_t Table::MemoryInIndex(const IndexDefinition& index, const ItemKey& key,
                             const Item& item) const {
  auto place = KeyInIndex(index, item);
  if (!place) return 0;
  size_t memory = kMapNodeBytes + sizeof(decltype(Index::items)::value_type);
  return static_cast<int64_t>(memory + MemoryOfKey(*place) + MemoryOfKey(key));
}

int64_t Table::MemoryOf(const ItemKey& key, const Item& item) const {
  return MemoryOfItem(key, item) + MemoryInIndexesOf(key, item);
}

int64_t Table::MemoryInIndexesOf(const ItemKey& key, const Item& item) const {
  int64_t memory = 0;
  for (const IndexDefinition& index : definition_.indexes) {
    memory += MemoryInIndex(index, key, item);
  }
  return memory;
}

int64_t Table::MemoryOfNewIndexes(const TableDefinition& definition) const {
  int64_t memory = 0;
  for (const IndexDefinition& index : definition.indexes) {
    if (HasIndex(index)) continue;
    for (const auto& [key, item] : items_) memory += MemoryInIndex(index, key, *item);
  }
  return memory;
}

int64_t Table::memory() const {
  int64_t memory = items_memory_;
  for (const auto& [name, index] : indexes_) memory += index.memory;
  return memory;
}

void Table::AddToIndex(const IndexDefinition& index, const ItemKey& key, const ItemPtr& item) {
  auto place = KeyInIndex(index, *item);
  if (!place) return;
  Index& entries = indexes_.find(index.name)->second;
  entries.items[{.key = *std::move(place), .primary = key}] = item;
  entries.bytes += static_cast<int64_t>(SizeOf(*item));
  entries.memory += MemoryInIndex(index, key, *item);
}

void Table::TakeFromIndex(const IndexDefinition& index, const ItemKey& key, const ItemPtr& item) {
  auto place = KeyInIndex(index, *item);
  if (!place) return;
  Index& entries = indexes_.find(index.name)->second;
  entries.items.erase({.key = *std::move(place), .primary = key});
  entries.bytes -= static_cast<int64_t>(SizeOf(*item));
  entries.memory -= MemoryInIndex(index, key, *item);
}

void Table::Apply(const ItemKey& key, ItemPtr item) {
  auto found = items_.find(key);
  if (found != items_.end()) {
    for (const IndexDefinition& index : definition_.indexes) {
      TakeFromIndex(index, key, found->second);
    }
    bytes_ -= static_cast<int64_t>(SizeOf(*found->second));
    items_memory_ -= MemoryOfItem(key, *found->second);
    items_.erase(found);
  }
  if (item == nullptr) return;
  for (const IndexDefinition& index : definition_.indexes) AddToIndex(index, key, item);
  bytes_ += static_cast<int64_t>(SizeOf(*item));
  items_memory_ += MemoryOfItem(key, *item);
  items_[key] = std::move(item);
}

}  // namespace mainstem::gateway::dynamodb

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

int64_t MemoryOf(const Item& item) {
  constexpr size_t kItemOverhead = 512;
  constexpr size_t kAttributeOverhead = 320;
  return static_cast<int64_t>(kItemOverhead + kAttributeOverhead * item.size() + 2 * SizeOf(item));
}

Table::Table(TableDefinition definition) { SetDefinition(std::move(definition)); }

void Table::SetDefinition(TableDefinition definition) {
  definition_ = std::move(definition);
  indexes_.clear();
  for (const IndexDefinition& index : definition_.indexes) indexes_[index.name];
  for (const auto& [key, item] : items_) IndexItem(key, item, true);
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

const Table::IndexItems* Table::FindIndex(std::string_view name) const {
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

void Table::IndexItem(const ItemKey& key, const ItemPtr& item, bool add) {
  for (const IndexDefinition& index : definition_.indexes) {
    auto place = KeyInIndex(index, *item);
    if (!place) continue;
    IndexKey at{.key = *std::move(place), .primary = key};
    if (add) {
      indexes_[index.name][std::move(at)] = item;
    } else {
      indexes_[index.name].erase(at);
    }
  }
}

void Table::Apply(const ItemKey& key, ItemPtr item) {
  auto found = items_.find(key);
  if (found != items_.end()) {
    IndexItem(key, found->second, false);
    bytes_ -= static_cast<int64_t>(SizeOf(*found->second));
    memory_ -= MemoryOf(*found->second);
    items_.erase(found);
  }
  if (item == nullptr) return;
  IndexItem(key, item, true);
  bytes_ += static_cast<int64_t>(SizeOf(*item));
  memory_ += MemoryOf(*item);
  items_[key] = std::move(item);
}

}  // namespace mainstem::gateway::dynamodb

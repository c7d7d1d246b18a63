#include "gateway/dynamodb/table_definition.h"

#include <algorithm>

namespace mainstem::gateway::dynamodb {
namespace {

using aws::BodyWriter;
using aws::Value;

Status BrokenDefinition() {
  return MakeError(ErrorCode::kCorruptStorage, "a table's definition can't be read");
}

Result<ValueType> KeyTypeOf(std::string_view name) {
  for (ValueType type : {ValueType::kString, ValueType::kNumber, ValueType::kBinary}) {
    if (NameOf(type) == name) return type;
  }
  return BrokenDefinition();
}

void EncodeKey(std::string_view name, const KeyAttribute& key, BodyWriter* out) {
  out->Key(name).BeginList().String(key.name).String(NameOf(key.type)).EndList();
}

void EncodeKeys(const KeySchema& keys, BodyWriter* out) {
  EncodeKey("hash", keys.hash, out);
  if (keys.range) EncodeKey("range", *keys.range, out);
}

void EncodeThroughput(const Throughput& throughput, BodyWriter* out) {
  out->Key("read").Integer(throughput.read).Key("write").Integer(throughput.write);
}

Result<KeyAttribute> DecodeKey(const Value& value) {
  if (value.members.size() != 2) return BrokenDefinition();
  KeyAttribute key{.name = std::string(value.members[0].value.text)};
  ASSIGN_OR_RETURN(key.type, KeyTypeOf(value.members[1].value.text));
  return key;
}

Result<KeySchema> DecodeKeys(const Value& value) {
  KeySchema keys;
  ASSIGN_OR_RETURN(keys.hash, DecodeKey(value["hash"]));
  if (!value["range"].is_null()) {
    ASSIGN_OR_RETURN(keys.range, DecodeKey(value["range"]));
  }
  return keys;
}

Throughput DecodeThroughput(const Value& value) {
  return {.read = value["read"].integer, .write = value["write"].integer};
}

Result<IndexDefinition> DecodeIndex(const Value& value) {
  IndexDefinition index;
  index.name = value["name"].text;
  ASSIGN_OR_RETURN(index.keys, DecodeKeys(value));
  index.global = value["global"].boolean;
  index.projection = value["projection"].text;
  for (const aws::Member& member : value["included"].members) {
    index.included.emplace_back(member.value.text);
  }
  index.throughput = DecodeThroughput(value);
  return index;
}

}  // namespace

const IndexDefinition* TableDefinition::FindIndex(std::string_view index_name) const {
  auto found = std::find_if(indexes.begin(), indexes.end(),
                            [&](const IndexDefinition& index) { return index.name == index_name; });
  return found == indexes.end() ? nullptr : &*found;
}

std::string EncodeTableDefinition(const TableDefinition& definition) {
  auto out = aws::MakeBodyWriter(aws::BodyCodec::kJson);
  out->BeginMap().Field("name", definition.name).Field("id", definition.id);
  out->Key("created_ms").Integer(definition.created_ms);
  EncodeKeys(definition.keys, out.get());
  out->Key("attributes").BeginMap();
  for (const auto& [name, type] : definition.attributes) out->Field(name, NameOf(type));
  out->EndMap().Key("on_demand").Boolean(definition.on_demand);
  EncodeThroughput(definition.throughput, out.get());
  out->Key("indexes").BeginList();
  for (const IndexDefinition& index : definition.indexes) {
    out->BeginMap().Field("name", index.name);
    EncodeKeys(index.keys, out.get());
    out->Key("global").Boolean(index.global).Field("projection", index.projection);
    out->Key("included").BeginList();
    for (const std::string& name : index.included) out->String(name);
    out->EndList();
    EncodeThroughput(index.throughput, out.get());
    out->EndMap();
  }
  out->EndList().Key("tags").BeginMap();
  for (const auto& [key, value] : definition.tags) out->Field(key, value);
  out->EndMap().Key("deletion_protection").Boolean(definition.deletion_protection);
  out->Field("table_class", definition.table_class).EndMap();
  return out->Take();
}

Result<TableDefinition> DecodeTableDefinition(std::string_view text) {
  auto document = aws::DecodeBody(aws::BodyCodec::kJson, std::string(text));
  if (!document.ok() || document->root.kind != Value::Kind::kMap) return BrokenDefinition();
  const Value& root = document->root;
  TableDefinition out;
  out.name = root["name"].text;
  out.id = root["id"].text;
  if (out.name.empty() || out.id.empty()) return BrokenDefinition();
  out.created_ms = root["created_ms"].integer;
  ASSIGN_OR_RETURN(out.keys, DecodeKeys(root));
  for (const aws::Member& member : root["attributes"].members) {
    ASSIGN_OR_RETURN(out.attributes[std::string(member.name)], KeyTypeOf(member.value.text));
  }
  out.on_demand = root["on_demand"].boolean;
  out.throughput = DecodeThroughput(root);
  for (const aws::Member& member : root["indexes"].members) {
    ASSIGN_OR_RETURN(IndexDefinition index, DecodeIndex(member.value));
    out.indexes.push_back(std::move(index));
  }
  for (const aws::Member& member : root["tags"].members) {
    out.tags[std::string(member.name)] = member.value.text;
  }
  out.deletion_protection = root["deletion_protection"].boolean;
  out.table_class = root["table_class"].text;
  return out;
}

}  // namespace mainstem::gateway::dynamodb

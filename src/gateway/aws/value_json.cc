#include "gateway/aws/value_json.h"

#include "core/json_writer.h"

namespace mainstem::gateway::aws {
namespace {

void WriteJson(const Value& value, JsonWriter* json) {
  switch (value.kind) {
    case Value::Kind::kNull: json->Null(); break;
    case Value::Kind::kBoolean: json->Value(value.boolean); break;
    case Value::Kind::kInteger: json->Value(value.integer); break;
    case Value::Kind::kDouble: json->Value(value.number); break;
    case Value::Kind::kString: json->Value(value.text); break;
    case Value::Kind::kBytes: {
      std::string text;
      AppendBase64(value.text, &text);
      json->Value(text);
      break;
    }
    case Value::Kind::kTime: json->Value(static_cast<double>(value.integer) / 1000); break;
    case Value::Kind::kList:
      json->BeginArray();
      for (const Member& member : value.members) WriteJson(member.value, json);
      json->EndArray();
      break;
    case Value::Kind::kMap:
      json->BeginObject();
      for (const Member& member : value.members) {
        json->Key(member.name);
        WriteJson(member.value, json);
      }
      json->EndObject();
      break;
  }
}

}  // namespace

std::string ToJson(const Value& value) {
  JsonWriter json;
  WriteJson(value, &json);
  return json.Take();
}

void CopyValue(const Value& value, BodyWriter* writer) {
  switch (value.kind) {
    case Value::Kind::kNull: break;
    case Value::Kind::kBoolean: writer->Boolean(value.boolean); break;
    case Value::Kind::kInteger: writer->Integer(value.integer); break;
    case Value::Kind::kDouble: writer->Double(value.number); break;
    case Value::Kind::kString: writer->String(value.text); break;
    case Value::Kind::kBytes: writer->Bytes(value.text); break;
    case Value::Kind::kTime: writer->Time(value.integer); break;
    case Value::Kind::kList:
      writer->BeginList();
      for (const Member& member : value.members) CopyValue(member.value, writer);
      writer->EndList();
      break;
    case Value::Kind::kMap:
      writer->BeginMap();
      for (const Member& member : value.members) {
        if (member.value.is_null()) continue;
        writer->Key(member.name);
        CopyValue(member.value, writer);
      }
      writer->EndMap();
      break;
  }
}

namespace {

Value MergedValue(const Value& before, const Value& changes, int levels) {
  Value merged{.kind = Value::Kind::kMap};
  for (const Member& member : before.members) {
    if (changes[member.name].is_null()) merged.members.push_back(member);
  }
  for (const Member& member : changes.members) {
    const Value& old = before[member.name];
    if (member.value.is_null()) continue;
    bool merges =
        levels > 0 && old.kind == Value::Kind::kMap && member.value.kind == Value::Kind::kMap;
    merged.members.push_back(member);
    if (merges) merged.members.back().value = MergedValue(old, member.value, levels - 1);
  }
  return merged;
}

}  // namespace

Result<std::string> MergedJson(std::string_view before, const Value& changes, int levels) {
  ASSIGN_OR_RETURN(Document document, DecodeBody(BodyCodec::kJson, std::string(before)));
  return ToJson(MergedValue(document.root, changes, levels));
}

}  // namespace mainstem::gateway::aws

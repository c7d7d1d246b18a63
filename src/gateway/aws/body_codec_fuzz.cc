// Feeds bytes to both decoders. What CBOR decodes is written again and must read back the same.
#include <cstdlib>

#include "gateway/aws/body_codec.h"

namespace {

using namespace mainstem::gateway::aws;
using Kind = Value::Kind;

void WriteValue(const Value& value, BodyWriter* writer) {
  switch (value.kind) {
    case Kind::kBoolean: writer->Boolean(value.boolean); break;
    case Kind::kInteger: writer->Integer(value.integer); break;
    case Kind::kString: writer->String(value.text); break;
    case Kind::kBytes: writer->Bytes(value.text); break;
    case Kind::kTime: writer->Time(value.integer); break;
    case Kind::kList:
      writer->BeginList();
      for (const Member& member : value.members) WriteValue(member.value, writer);
      writer->EndList();
      break;
    case Kind::kMap:
      writer->BeginMap();
      for (const Member& member : value.members) {
        writer->Key(member.name);
        WriteValue(member.value, writer);
      }
      writer->EndMap();
      break;
    default: writer->Integer(0);  // nulls and fractions are never answered
  }
}

bool Equal(const Value& a, const Value& b) {
  if (a.kind == Kind::kNull || a.kind == Kind::kDouble) return b.kind == Kind::kInteger;
  if (a.kind != b.kind || a.text != b.text || a.integer != b.integer || a.boolean != b.boolean ||
      a.members.size() != b.members.size()) {
    return false;
  }
  for (size_t i = 0; i < a.members.size(); ++i) {
    if (a.members[i].name != b.members[i].name) return false;
    if (!Equal(a.members[i].value, b.members[i].value)) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string body(reinterpret_cast<const char*>(data), size);
  for (BodyCodec codec : {BodyCodec::kJson, BodyCodec::kCbor}) {
    auto document = DecodeBody(codec, body);
    if (!document.ok()) continue;
    auto writer = MakeBodyWriter(BodyCodec::kCbor);
    WriteValue(document->root, writer.get());
    auto again = DecodeBody(BodyCodec::kCbor, writer->Take());
    if (!again.ok() || !Equal(document->root, again->root)) std::abort();
  }
  std::string decoded;
  if (DecodeBase64(body, &decoded)) {
    std::string text;
    AppendBase64(decoded, &text);
    if (text != body) std::abort();
  }
  return 0;
}

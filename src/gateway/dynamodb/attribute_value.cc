#include "gateway/dynamodb/attribute_value.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "gateway/dynamodb/errors.h"

namespace mainstem::gateway::dynamodb {
namespace {

using JsonKind = aws::Value::Kind;

constexpr std::array<std::string_view, 10> kTypeNames = {"S", "N", "B",  "BOOL", "NULL",
                                                         "M", "L", "SS", "NS",   "BS"};

Result<std::string> TextIn(const aws::Value& value) {
  if (value.kind == JsonKind::kString) return std::string(value.text);
  if (value.kind == JsonKind::kList) return WrongJson("Unexpected token received from parser");
  if (value.kind == JsonKind::kMap)
    return WrongJson("Start of structure or map found where not expected.");
  return WrongJson(fmt::format("{} cannot be converted to String",
                               value.kind == JsonKind::kBoolean ? "TRUE_VALUE" : "NUMBER_VALUE"));
}

Result<std::string> BinaryIn(const aws::Value& value) {
  ASSIGN_OR_RETURN(std::string text, TextIn(value));
  std::string decoded;
  if (!aws::DecodeBase64(text, &decoded)) {
    return WrongJson(fmt::format("'{}' can not be converted to a Blob: not valid Base64", text));
  }
  return decoded;
}

Result<std::string> NumberIn(const aws::Value& value) {
  ASSIGN_OR_RETURN(std::string text, TextIn(value));
  ASSIGN_OR_RETURN(DecimalNumber number, DecimalNumber::Parse(text));
  return number.ToString();
}

using ItemReader = Result<std::string> (*)(const aws::Value& value);

Result<std::vector<std::string>> SetIn(const aws::Value& value, ItemReader read,
                                       std::string_view what) {
  if (value.kind != JsonKind::kList) return WrongJson("Expected list or null");
  std::vector<std::string> set;
  for (const aws::Member& member : value.members) {
    ASSIGN_OR_RETURN(std::string item, read(member.value));
    set.push_back(std::move(item));
  }
  if (set.empty()) {
    if (what == "Binary") return InvalidValue("Binary sets should not be empty");
    return InvalidValue(fmt::format("An {} set  may not be empty", what));
  }
  std::vector<std::string> sorted = set;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    return InvalidValue(
        fmt::format("Input collection [{}] contains duplicates.", fmt::join(set, ", ")));
  }
  return sorted;
}

class ValueReader {
 public:
  explicit ValueReader(int nesting_max) : nesting_max_(nesting_max) {}
  Result<AttributeValue> Read(const aws::Value& value, int depth);

 private:
  Status ReadInto(std::string_view type, const aws::Value& value, int depth, AttributeValue* out);

  const int nesting_max_;
};

Status ValueReader::ReadInto(std::string_view type, const aws::Value& value, int depth,
                             AttributeValue* out) {
  auto found = std::find(kTypeNames.begin(), kTypeNames.end(), type);
  out->type = static_cast<ValueType>(found - kTypeNames.begin());
  switch (out->type) {
    case ValueType::kString: return TextIn(value).Value(&out->text);
    case ValueType::kNumber: return NumberIn(value).Value(&out->text);
    case ValueType::kBinary: return BinaryIn(value).Value(&out->text);
    case ValueType::kBoolean:
    case ValueType::kNull:
      if (value.kind != JsonKind::kBoolean) return WrongJson("Unexpected value type in payload");
      out->boolean = value.boolean;
      if (out->type == ValueType::kNull && !value.boolean) {
        return InvalidValue("Null attribute value types must have the value of true");
      }
      return Status::OK();
    case ValueType::kMap:
      if (value.kind != JsonKind::kMap) return WrongJson("Expected map or null");
      for (const aws::Member& member : value.members) {
        ASSIGN_OR_RETURN(out->map[std::string(member.name)], Read(member.value, depth + 1));
      }
      return Status::OK();
    case ValueType::kList:
      if (value.kind != JsonKind::kList) return WrongJson("Expected list or null");
      out->list.reserve(value.members.size());
      for (const aws::Member& member : value.members) {
        ASSIGN_OR_RETURN(AttributeValue item, Read(member.value, depth + 1));
        out->list.push_back(std::move(item));
      }
      return Status::OK();
    case ValueType::kStringSet: return SetIn(value, TextIn, "string").Value(&out->set);
    case ValueType::kNumberSet: return SetIn(value, NumberIn, "number").Value(&out->set);
    case ValueType::kBinarySet: return SetIn(value, BinaryIn, "Binary").Value(&out->set);
  }
  return Status::OK();
}

Result<AttributeValue> ValueReader::Read(const aws::Value& value, int depth) {
  if (depth > nesting_max_) return NestsTooDeeply();
  if (value.kind != JsonKind::kMap) {
    if (value.kind == JsonKind::kList) return WrongJson("Start of list found where not expected");
    return WrongJson("Unexpected value type in payload");
  }
  AttributeValue out;
  int count = 0;
  for (const aws::Member& member : value.members) {
    bool known = std::find(kTypeNames.begin(), kTypeNames.end(), member.name) != kTypeNames.end();
    if (!known || member.value.is_null()) continue;
    if (++count > 1) {
      return Invalid(
          "Supplied AttributeValue has more than one datatypes set, must contain exactly one of "
          "the supported datatypes");
    }
    RETURN_IF_ERROR(ReadInto(member.name, member.value, depth, &out));
  }
  if (count == 0) {
    return Invalid(
        "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
  }
  return out;
}

}  // namespace

std::string_view NameOf(ValueType type) { return kTypeNames[static_cast<size_t>(type)]; }

AttributeValue AttributeValue::OfString(std::string text) {
  return {.type = ValueType::kString, .text = std::move(text)};
}

AttributeValue AttributeValue::OfNumber(const DecimalNumber& number) {
  return {.type = ValueType::kNumber, .text = number.ToString()};
}

DecimalNumber AttributeValue::number() const {
  CHECK(type == ValueType::kNumber);
  auto parsed = DecimalNumber::Parse(text);
  CHECK(parsed.ok());
  return *parsed;
}

int NestingOf(const AttributeValue& value) {
  int nesting = 0;
  for (const auto& [name, inner] : value.map) nesting = std::max(nesting, 1 + NestingOf(inner));
  for (const AttributeValue& inner : value.list) nesting = std::max(nesting, 1 + NestingOf(inner));
  return nesting;
}

Status NestsTooDeeply() { return Invalid("Nesting Levels have exceeded supported limits"); }

Result<AttributeValue> ParseAttributeValue(const aws::Value& value) {
  return ValueReader(kNestingMax).Read(value, 0);
}

Result<Item> ParseItem(const aws::Value& value, int nesting_max) {
  if (value.is_null()) return Item();
  if (value.kind != JsonKind::kMap) return WrongJson("Expected map or null");
  Item item;
  for (const aws::Member& member : value.members) {
    ASSIGN_OR_RETURN(item[std::string(member.name)],
                     ValueReader(nesting_max).Read(member.value, 0));
  }
  return item;
}

void WriteAttributeValue(const AttributeValue& value, aws::BodyWriter* out) {
  out->BeginMap().Key(NameOf(value.type));
  switch (value.type) {
    case ValueType::kString:
    case ValueType::kNumber: out->String(value.text); break;
    case ValueType::kBinary: out->Bytes(value.text); break;
    case ValueType::kBoolean:
    case ValueType::kNull: out->Boolean(value.boolean); break;
    case ValueType::kMap: WriteItem(value.map, out); break;
    case ValueType::kList:
      out->BeginList();
      for (const AttributeValue& item : value.list) WriteAttributeValue(item, out);
      out->EndList();
      break;
    case ValueType::kStringSet:
    case ValueType::kNumberSet:
    case ValueType::kBinarySet:
      out->BeginList();
      for (const std::string& item : value.set) {
        value.type == ValueType::kBinarySet ? out->Bytes(item) : out->String(item);
      }
      out->EndList();
      break;
  }
  out->EndMap();
}

void WriteItem(const Item& item, aws::BodyWriter* out) {
  out->BeginMap();
  for (const auto& [name, value] : item) {
    out->Key(name);
    WriteAttributeValue(value, out);
  }
  out->EndMap();
}

size_t SizeOf(const AttributeValue& value) {
  constexpr size_t kContainerBytes = 3;
  // Two digits a byte, and one for the exponent.
  auto number_bytes = [](const std::string& text) { return 2 + text.size() / 2; };
  size_t size = 0;
  switch (value.type) {
    case ValueType::kString:
    case ValueType::kBinary: return value.text.size();
    case ValueType::kNumber: return number_bytes(value.text);
    case ValueType::kBoolean:
    case ValueType::kNull: return 1;
    case ValueType::kMap:
      size = kContainerBytes + value.map.size();
      for (const auto& [name, item] : value.map) size += name.size() + SizeOf(item);
      return size;
    case ValueType::kList:
      size = kContainerBytes + value.list.size();
      for (const AttributeValue& item : value.list) size += SizeOf(item);
      return size;
    case ValueType::kNumberSet:
      for (const std::string& item : value.set) size += number_bytes(item);
      return size;
    case ValueType::kStringSet:
    case ValueType::kBinarySet:
      for (const std::string& item : value.set) size += item.size();
      return size;
  }
  return size;
}

size_t SizeOf(const Item& item) {
  size_t size = 0;
  for (const auto& [name, value] : item) size += name.size() + SizeOf(value);
  return size;
}

std::string Shown(const AttributeValue& value) {
  switch (value.type) {
    case ValueType::kString:
    case ValueType::kNumber: return fmt::format("{{{}:{}}}", NameOf(value.type), value.text);
    case ValueType::kBoolean:
    case ValueType::kNull:
      return fmt::format("{{{}:{}}}", NameOf(value.type), value.boolean ? "true" : "false");
    default: return fmt::format("{{{}:...}}", NameOf(value.type));
  }
}

}  // namespace mainstem::gateway::dynamodb

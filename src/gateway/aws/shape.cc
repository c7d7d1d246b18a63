#include "gateway/aws/shape.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "gateway/aws/aws_error.h"

namespace mainstem::gateway::aws {
namespace {

using Kind = Value::Kind;

constexpr size_t kErrorsMax = 10;
// Of a value in a message.
constexpr size_t kShownMax = 64 << 10;

Status TypeError(std::string message) {
  return MakeAwsError(AwsError{
      .name = "SerializationException", .message = std::move(message), .capital_message = true});
}

std::string_view Shown(std::string_view text) { return text.substr(0, kShownMax); }

// How Java names what came.
std::string_view JavaClass(Kind kind) {
  switch (kind) {
    case Kind::kBoolean: return "class java.lang.Boolean";
    case Kind::kString: return "class java.lang.String";
    case Kind::kBytes: return "class java.nio.HeapByteBuffer";
    default: return "class com.amazon.coral.value.json.numbers.TruncatingBigNumber";
  }
}

Status RefuseContainer(Kind kind) {
  if (kind == Kind::kList) return TypeError("Start of list found where not expected");
  return TypeError("Start of structure or map found where not expected.");
}

// Says why it is not base64.
Status ExplainBase64(std::string_view text) {
  if (text.size() % 4 != 0) {
    return TypeError(fmt::format(
        "'{}' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 "
        "bytes but found: {}",
        Shown(text), text.size()));
  }
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    bool digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '+' || c == '/';
    bool padding = c == '=' && (i + 1 == text.size() || text[i + 1] == '=');
    if (digit || padding) continue;
    return TypeError(fmt::format(
        "'{}' can not be converted to a Blob: Invalid Base64 character: '{}'", Shown(text), c));
  }
  return TypeError(
      fmt::format("'{}' can not be converted to a Blob: Invalid last non-pad Base64 character "
                  "dectected",
                  Shown(text)));
}

std::string_view NumberName(ShapeType type) {
  return type == ShapeType::kLong ? "Long" : "Integer";
}

Status CheckBoolean(Kind kind, const Value& value) {
  if (kind == Kind::kBoolean) return Status::OK();
  if (kind == Kind::kString) {
    std::string text(Shown(value.text));
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return TypeError(fmt::format("'{}' can not be converted to an Boolean", text));
  }
  return TypeError(fmt::format("{} can not be converted to an Boolean", JavaClass(kind)));
}

// Checks types and decodes blobs.
class TypeChecker {
 public:
  explicit TypeChecker(std::deque<std::string>* blobs) : blobs_(blobs) {}
  Status Check(const Shape& shape, Value* value);

 private:
  Status CheckBlob(Value* value);
  Status CheckScalar(const Shape& shape, Value* value);
  Status CheckFields(const Shape& shape, Value* value);

  std::deque<std::string>* blobs_;
};

Status TypeChecker::CheckBlob(Value* value) {
  if (value->kind == Kind::kBytes) return Status::OK();
  if (value->kind != Kind::kString) {
    return TypeError(fmt::format("{} can not be converted to a Blob", JavaClass(value->kind)));
  }
  std::string& decoded = blobs_->emplace_back();
  if (!DecodeBase64(value->text, &decoded)) return ExplainBase64(value->text);
  value->kind = Kind::kBytes;
  value->text = decoded;
  return Status::OK();
}

Status TypeChecker::CheckScalar(const Shape& shape, Value* value) {
  Kind kind = value->kind;
  if (kind == Kind::kList || kind == Kind::kMap) return RefuseContainer(kind);
  bool number = kind == Kind::kInteger || kind == Kind::kDouble;
  switch (shape.type) {
    case ShapeType::kBoolean: return CheckBoolean(kind, *value);
    case ShapeType::kInteger:
    case ShapeType::kLong:
      if (number) return Status::OK();
      return TypeError(
          fmt::format("{} can not be converted to an {}", JavaClass(kind), NumberName(shape.type)));
    case ShapeType::kString:
      if (kind == Kind::kString) return Status::OK();
      return TypeError(fmt::format("{} can not be converted to an String", JavaClass(kind)));
    case ShapeType::kTimestamp:
      if (number || kind == Kind::kTime) return Status::OK();
      return TypeError(
          fmt::format("{} can not be converted to milliseconds since epoch", JavaClass(kind)));
    default: return CheckBlob(value);
  }
}

// Of members with the same name only the last one counts.
Status TypeChecker::CheckFields(const Shape& shape, Value* value) {
  for (Member& member : value->members) {
    for (const Field& field : shape.fields) {
      if (field.name == member.name) RETURN_IF_ERROR(Check(field.shape, &member.value));
    }
  }
  return Status::OK();
}

Status TypeChecker::Check(const Shape& shape, Value* value) {
  if (value->is_null()) return Status::OK();
  bool is_list = value->kind == Kind::kList;
  bool is_map = value->kind == Kind::kMap;
  switch (shape.type) {
    case ShapeType::kList:
      if (is_map) return RefuseContainer(value->kind);
      if (!is_list) return TypeError("Expected list or null");
      break;
    case ShapeType::kMap:
      if (is_list) return RefuseContainer(value->kind);
      if (!is_map) return TypeError("Expected map or null");
      break;
    case ShapeType::kStructure:
      if (is_list) return RefuseContainer(value->kind);
      if (!is_map) return TypeError("Expected null");
      return CheckFields(shape, value);
    default: return CheckScalar(shape, value);
  }
  for (Member& member : value->members) RETURN_IF_ERROR(Check(shape.element[0], &member.value));
  return Status::OK();
}

int64_t LengthOf(const Shape& shape, const Value& value) {
  switch (shape.type) {
    case ShapeType::kString: return TextLength(value.text);
    case ShapeType::kBlob: return static_cast<int64_t>(value.text.size());
    case ShapeType::kInteger:
    case ShapeType::kLong: return IntegerOf(value).value_or(0);
    default: return static_cast<int64_t>(value.members.size());
  }
}

std::string ShowValue(const Shape& shape, const Value& value);

std::string ShowMembers(const Shape& shape, const Value& value) {
  bool is_map = shape.type == ShapeType::kMap;
  std::string out(is_map ? "{" : "[");
  for (const Member& member : value.members) {
    if (out.size() > kShownMax) break;
    if (out.size() > 1) out += ", ";
    if (is_map) out.append(member.name).append("=");
    out += shape.item_text.empty() ? ShowValue(shape.element[0], member.value)
                                   : std::string(shape.item_text);
  }
  return out + (is_map ? "}" : "]");
}

std::string ShowValue(const Shape& shape, const Value& value) {
  if (value.is_null()) return "null";
  switch (shape.type) {
    case ShapeType::kString: return std::string(Shown(value.text));
    case ShapeType::kBoolean: return value.boolean ? "true" : "false";
    case ShapeType::kBlob: {
      int64_t size = LengthOf(shape, value);
      return fmt::format("java.nio.HeapByteBuffer[pos=0 lim={} cap={}]", size, size);
    }
    case ShapeType::kList:
    case ShapeType::kMap: return ShowMembers(shape, value);
    case ShapeType::kStructure: return "{}";
    default: return fmt::format("{}", LengthOf(shape, value));
  }
}

std::string LowerFirst(std::string_view name) {
  std::string out(name);
  if (!out.empty() && out[0] >= 'A' && out[0] <= 'Z') out[0] = static_cast<char>(out[0] + 32);
  return out;
}

// Where a value stands; made into text only for a message.
struct Path {
  const Path* parent = nullptr;
  std::string_view name{};
  size_t item = 0;  // of a list, counted from 1
  bool member = false;

  void Append(std::string* out) const {
    if (parent != nullptr) parent->Append(out);
    if (item == 0 && name.empty() && !member) return;
    if (!out->empty()) out->push_back('.');
    *out += item > 0 ? std::to_string(item) : member ? std::string(name) : LowerFirst(name);
    if (member) out->append(".member");
  }
};

// Collects what is wrong.
class Constraints {
 public:
  void Check(const Shape& shape, const Value& value, const Path& path);
  Status Outcome(std::string_view validation_error) const {
    if (errors_.empty()) return Status::OK();
    return MakeAwsError(std::string(validation_error),
                        fmt::format("{} validation error{} detected: {}", errors_.size(),
                                    errors_.size() > 1 ? "s" : "", fmt::join(errors_, "; ")));
  }

 private:
  void CheckOwn(const Shape& shape, const Value& value, const Path& path);
  void CheckLengths(const Shape& shape, const Value& value, const Path& path);
  void Break(const Shape& shape, const Value& value, const Path& path,
             const std::string& constraint) {
    if (errors_.size() == kErrorsMax) return;
    std::string shown = value.is_null() ? "null" : "'" + ShowValue(shape, value) + "'";
    std::string where;
    path.Append(&where);
    errors_.push_back(
        fmt::format("Value {} at '{}' failed to satisfy constraint: {}", shown, where, constraint));
  }

  std::vector<std::string> errors_;
};

std::string LengthsText(std::string_view what, std::pair<int64_t, int64_t> lengths) {
  return fmt::format(
      "{} must satisfy constraint: [Member must have length less than or equal to {}, Member must "
      "have length greater than or equal to {}]",
      what, lengths.second, lengths.first);
}

bool Outside(std::string_view text, std::pair<int64_t, int64_t> lengths) {
  int64_t length = TextLength(text);
  return length < lengths.first || length > lengths.second;
}

void Constraints::CheckLengths(const Shape& shape, const Value& value, const Path& path) {
  auto any = [&](auto outside) {
    return std::any_of(value.members.begin(), value.members.end(), outside);
  };
  if (shape.key_lengths &&
      any([&](const Member& member) { return Outside(member.name, *shape.key_lengths); })) {
    Break(shape, value, path, LengthsText("Map keys", *shape.key_lengths));
  }
  if (shape.item_lengths &&
      any([&](const Member& member) { return Outside(member.value.text, *shape.item_lengths); })) {
    bool is_map = shape.type == ShapeType::kMap;
    Break(shape, value, path, LengthsText(is_map ? "Map value" : "Member", *shape.item_lengths));
  }
}

void Constraints::CheckOwn(const Shape& shape, const Value& value, const Path& path) {
  bool number = shape.type == ShapeType::kInteger || shape.type == ShapeType::kLong;
  std::string_view what = number ? "value" : "length";
  if (shape.pattern != nullptr && !shape.pattern->matches(value.text)) {
    Break(shape, value, path,
          fmt::format("Member must satisfy regular expression pattern: {}", shape.pattern->text));
  }
  if (shape.minimum || shape.maximum) {
    int64_t length = LengthOf(shape, value);
    if (shape.minimum && length < *shape.minimum) {
      Break(shape, value, path,
            fmt::format("Member must have {} greater than or equal to {}", what, *shape.minimum));
    }
    if (shape.maximum && length > *shape.maximum) {
      Break(shape, value, path,
            fmt::format("Member must have {} less than or equal to {}", what, *shape.maximum));
    }
  }
  if (!shape.values.empty() &&
      std::find(shape.values.begin(), shape.values.end(), value.text) == shape.values.end()) {
    Break(shape, value, path,
          fmt::format("Member must satisfy enum value set: [{}]", fmt::join(shape.values, ", ")));
  }
}

void Constraints::Check(const Shape& shape, const Value& value, const Path& path) {
  if (errors_.size() == kErrorsMax) return;
  if (value.is_null()) {
    if (shape.required) Break(shape, value, path, "Member must not be null");
    return;
  }
  CheckOwn(shape, value, path);
  CheckLengths(shape, value, path);
  for (const Field& field : shape.fields) {
    Check(field.shape, value[field.name], {.parent = &path, .name = field.name});
  }
  if (shape.element.empty()) return;
  bool is_map = shape.type == ShapeType::kMap;
  for (size_t i = 0; i < value.members.size(); ++i) {
    const Member& member = value.members[i];
    Path item{.parent = &path, .name = member.name, .item = is_map ? 0 : i + 1, .member = true};
    Check(shape.element[0], member.value, item);
  }
}

}  // namespace

Status CheckShape(const Shape& shape, Document* input, std::string_view validation_error) {
  RETURN_IF_ERROR(TypeChecker(&input->blobs).Check(shape, &input->root));
  Constraints constraints;
  constraints.Check(shape, input->root, {});
  return constraints.Outcome(validation_error);
}

int64_t TextLength(std::string_view text) {
  int64_t length = 0;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    length += (byte & 0xC0) != 0x80 ? 1 : 0;
    length += byte >= 0xF0 ? 1 : 0;
  }
  return length;
}

std::optional<int64_t> IntegerOf(const Value& value) {
  if (value.kind == Kind::kInteger) return value.integer;
  if (value.kind != Kind::kDouble) return std::nullopt;
  double floor = std::floor(value.number);
  if (!(floor > -9e18)) return INT64_MIN;
  return floor < 9e18 ? static_cast<int64_t>(floor) : INT64_MAX;
}

std::optional<int64_t> TimeOf(const Value& value) {
  constexpr double kMost = 9e15;
  switch (value.kind) {
    case Kind::kTime: return value.integer;
    case Kind::kInteger:
      return static_cast<int64_t>(
          std::clamp(static_cast<double>(value.integer) * 1000, -kMost, kMost));
    case Kind::kDouble:
      return static_cast<int64_t>(std::clamp(std::round(value.number * 1000), -kMost, kMost));
    default: return std::nullopt;
  }
}

}  // namespace mainstem::gateway::aws

#include "format/avro/avro_json.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "format/json_writer.h"
#include "format/text_number.h"

namespace mainstem::format {
namespace {

namespace dom = simdjson::dom;

// What a union's branch is called in JSON.
std::string_view BranchName(const AvroType& type) {
  return type.name.empty() ? ToString(type.kind) : std::string_view(type.name);
}

// Text of one character a byte, U+0000 to U+00FF.
bool Latin1ToBytes(std::string_view text, std::string* bytes) {
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      bytes->push_back(static_cast<char>(byte));
    } else if ((byte == 0xc2 || byte == 0xc3) && i + 1 < text.size()) {
      bytes->push_back(static_cast<char>(((byte & 3) << 6) | (text[++i] & 0x3f)));
    } else {
      return false;
    }
  }
  return true;
}

std::string BytesToLatin1(std::string_view bytes) {
  std::string text;
  for (unsigned char byte : bytes) {
    if (byte < 0x80) {
      text.push_back(static_cast<char>(byte));
    } else {
      text.push_back(static_cast<char>(0xc0 | (byte >> 6)));
      text.push_back(static_cast<char>(0x80 | (byte & 0x3f)));
    }
  }
  return text;
}

class BinaryMaker {
 public:
  // `bare_unions`: a default value.
  BinaryMaker(bool bare_unions, std::string* out) : bare_unions_(bare_unions), out_(out) {}

  Status Add(dom::element value, const AvroType& type, const std::string& path, int depth) {
    if (depth > kMaxAvroDepth) return Bad(path, "is nested too deeply");
    switch (type.kind) {
      case AvroKind::kNull: return value.is_null() ? Status::OK() : Bad(path, "is not null");
      case AvroKind::kBoolean: {
        bool flag;
        if (value.get_bool().get(flag)) return Bad(path, "is no boolean");
        out_->push_back(flag ? 1 : 0);
        return Status::OK();
      }
      case AvroKind::kInt:
      case AvroKind::kLong: return AddInteger(value, type, path);
      case AvroKind::kFloat:
      case AvroKind::kDouble: return AddFloating(value, type, path);
      case AvroKind::kString: {
        std::string_view text;
        if (value.get_string().get(text)) return Bad(path, "is no text");
        AppendAvroBytes(text, out_);
        return Status::OK();
      }
      case AvroKind::kBytes:
      case AvroKind::kFixed: return AddBytes(value, type, path);
      case AvroKind::kEnum: return AddEnum(value, type, path);
      case AvroKind::kUnion: return AddUnion(value, type, path, depth);
      case AvroKind::kRecord: return AddRecord(value, type, path, depth);
      case AvroKind::kArray:
      case AvroKind::kMap: return AddItems(value, type, path, depth);
    }
    return Bad(path, "has an unknown type");
  }

 private:
  static Status Bad(const std::string& path, const std::string& problem) {
    std::string what = path.empty() ? "the value " : "field '" + path + "' ";
    return MakeError(ErrorCode::kDecodeError, what + problem);
  }

  Status AddInteger(dom::element value, const AvroType& type, const std::string& path) {
    int64_t number;
    if (value.get_int64().get(number)) return Bad(path, "is no whole number");
    if (type.kind == AvroKind::kInt && (number < std::numeric_limits<int32_t>::min() ||
                                        number > std::numeric_limits<int32_t>::max())) {
      return Bad(path, "is no int");
    }
    AppendAvroLong(number, out_);
    return Status::OK();
  }

  Status AddFloating(dom::element value, const AvroType& type, const std::string& path) {
    double number;
    std::string_view text;
    if (!value.get_string().get(text)) {
      if (text == "NaN") {
        number = std::numeric_limits<double>::quiet_NaN();
      } else if (text == "Infinity" || text == "-Infinity") {
        number = std::numeric_limits<double>::infinity() * (text[0] == '-' ? -1 : 1);
      } else {
        return Bad(path, "is no number");
      }
    } else if (value.get_double().get(number)) {
      return Bad(path, "is no number");
    }
    if (type.kind == AvroKind::kFloat) {
      AppendAvroRaw(static_cast<float>(number), out_);
    } else {
      AppendAvroRaw(number, out_);
    }
    return Status::OK();
  }

  Status AddBytes(dom::element value, const AvroType& type, const std::string& path) {
    std::string_view text;
    std::string bytes;
    if (value.get_string().get(text) || !Latin1ToBytes(text, &bytes)) {
      return Bad(path, "is no text of bytes");
    }
    if (type.kind == AvroKind::kBytes) {
      AppendAvroBytes(bytes, out_);
    } else if (bytes.size() == type.fixed_bytes) {
      out_->append(bytes);
    } else {
      return Bad(path, fmt::format("has {} bytes, not {}", bytes.size(), type.fixed_bytes));
    }
    return Status::OK();
  }

  Status AddEnum(dom::element value, const AvroType& type, const std::string& path) {
    std::string_view text;
    if (value.get_string().get(text)) return Bad(path, "is no symbol");
    auto found = std::find(type.symbols.begin(), type.symbols.end(), text);
    if (found == type.symbols.end()) {
      return Bad(path, "is no symbol of the enum: '" + std::string(text.substr(0, 50)) + "'");
    }
    AppendAvroLong(found - type.symbols.begin(), out_);
    return Status::OK();
  }

  Status AddUnion(dom::element value, const AvroType& type, const std::string& path, int depth) {
    if (bare_unions_) {
      size_t before = out_->size();
      for (size_t i = 0; i < type.branches.size(); ++i) {
        AppendAvroLong(static_cast<int64_t>(i), out_);
        if (Add(value, *type.branches[i], path, depth + 1).ok()) return Status::OK();
        out_->resize(before);
      }
      return Bad(path, "fits no branch of the union");
    }
    dom::object object;
    std::string_view name = "null";
    dom::element inner = value;
    if (!value.is_null()) {
      if (value.get_object().get(object) || object.size() != 1) {
        return Bad(path, "is no {\"type\": value} of a union");
      }
      name = (*object.begin()).key;
      inner = (*object.begin()).value;
    }
    for (size_t i = 0; i < type.branches.size(); ++i) {
      if (BranchName(*type.branches[i]) != name) continue;
      AppendAvroLong(static_cast<int64_t>(i), out_);
      return Add(inner, *type.branches[i], path, depth + 1);
    }
    return Bad(path, "names '" + std::string(name.substr(0, 50)) + "', no branch of the union");
  }

  Status AddRecord(dom::element value, const AvroType& type, const std::string& path, int depth) {
    dom::object object;
    if (value.get_object().get(object)) return Bad(path, "is no object");
    for (const AvroField& field : type.fields) {
      std::string field_path = path.empty() ? field.name : path + "." + field.name;
      dom::element inner;
      if (!object.at_key(field.name).get(inner)) {
        RETURN_IF_ERROR(Add(inner, *field.type, field_path, depth + 1));
      } else if (bare_unions_ && field.has_default) {
        out_->append(field.default_binary);
      } else {
        return Bad(field_path, "is missing");
      }
    }
    return Status::OK();
  }

  Status AddItems(dom::element value, const AvroType& type, const std::string& path, int depth) {
    if (type.kind == AvroKind::kArray) {
      dom::array array;
      if (value.get_array().get(array)) return Bad(path, "is no list");
      for (dom::element item : array) {
        AppendAvroLong(1, out_);
        RETURN_IF_ERROR(Add(item, type.item(), path, depth + 1));
      }
    } else {
      dom::object object;
      if (value.get_object().get(object)) return Bad(path, "is no object");
      for (dom::key_value_pair pair : object) {
        AppendAvroLong(1, out_);
        AppendAvroBytes(pair.key, out_);
        RETURN_IF_ERROR(Add(pair.value, type.item(), path, depth + 1));
      }
    }
    AppendAvroLong(0, out_);
    return Status::OK();
  }

  bool bare_unions_;
  std::string* out_;
};

bool ItemsToJson(const AvroType& type, AvroInput* input, int depth, std::string* out) {
  bool is_map = type.kind == AvroKind::kMap;
  *out += is_map ? '{' : '[';
  bool is_first = true;
  while (true) {
    int64_t count;
    if (!input->BlockCount(type.item().least_bytes + (is_map ? 1 : 0), &count)) return false;
    if (count == 0) break;
    for (int64_t i = 0; i < count; ++i) {
      if (!std::exchange(is_first, false)) *out += ',';
      std::string_view key;
      if (is_map) {
        if (!input->Bytes(&key)) return false;
        AppendJsonString(key, out);
        *out += ':';
      }
      if (!AvroToJson(type.item(), input, depth + 1, out)) return false;
    }
  }
  *out += is_map ? '}' : ']';
  return true;
}

// As Java writes it; what JSON has no number for stands in quotes.
void AppendNumber(double number, std::string* out) {
  if (!std::isfinite(number)) *out += '"';
  AppendDoubleText(number, out);
  if (!std::isfinite(number)) *out += '"';
}

void AppendNumber(float number, std::string* out) {
  if (!std::isfinite(number)) *out += '"';
  AppendFloatText(number, out);
  if (!std::isfinite(number)) *out += '"';
}

bool ScalarToJson(const AvroType& type, AvroInput* input, std::string* out) {
  int64_t number;
  float single;
  double wide;
  bool flag;
  size_t index;
  std::string_view bytes;
  switch (type.kind) {
    case AvroKind::kNull: *out += "null"; return !input->failed();
    case AvroKind::kBoolean:
      if (!input->Boolean(&flag)) return false;
      *out += flag ? "true" : "false";
      return true;
    case AvroKind::kInt:
    case AvroKind::kLong:
      if (!input->Long(&number)) return false;
      *out += std::to_string(number);
      return true;
    case AvroKind::kFloat:
      if (!input->Float(&single)) return false;
      AppendNumber(single, out);
      return true;
    case AvroKind::kDouble:
      if (!input->Double(&wide)) return false;
      AppendNumber(wide, out);
      return true;
    case AvroKind::kString:
      if (!input->Bytes(&bytes)) return false;
      AppendJsonString(bytes, out);
      return true;
    case AvroKind::kEnum:
      if (!input->Choice(type.symbols.size(), &index)) return false;
      AppendJsonString(type.symbols[index], out);
      return true;
    default:
      if (type.kind == AvroKind::kBytes ? !input->Bytes(&bytes)
                                        : !input->Fixed(type.fixed_bytes, &bytes)) {
        return false;
      }
      AppendJsonString(BytesToLatin1(bytes), out);
      return true;
  }
}

}  // namespace

Status EncodeAvroDefault(dom::element value, const AvroType& type, std::string* out) {
  return BinaryMaker(true, out).Add(value, type, "", 0);
}

Status AvroJsonReader::ToBinary(std::string_view json, const AvroType& type, std::string* out) {
  dom::element value;
  if (auto error = parser_.parse(json.data(), json.size()).get(value)) {
    return MakeError(ErrorCode::kDecodeError,
                     std::string("not valid JSON: ") + simdjson::error_message(error));
  }
  return BinaryMaker(false, out).Add(value, type, "", 0);
}

bool AvroToJson(const AvroType& type, AvroInput* input, int depth, std::string* out) {
  if (depth > kMaxAvroDepth) return input->Fail("nested too deeply");
  size_t index;
  switch (type.kind) {
    case AvroKind::kUnion: {
      if (!input->Choice(type.branches.size(), &index)) return false;
      const AvroType& branch = *type.branches[index];
      if (branch.kind == AvroKind::kNull) return ScalarToJson(branch, input, out);
      *out += '{';
      AppendJsonString(BranchName(branch), out);
      *out += ':';
      if (!AvroToJson(branch, input, depth + 1, out)) return false;
      *out += '}';
      return true;
    }
    case AvroKind::kRecord: {
      *out += '{';
      for (const AvroField& field : type.fields) {
        if (&field != &type.fields[0]) *out += ',';
        AppendJsonString(field.name, out);
        *out += ':';
        if (!AvroToJson(*field.type, input, depth + 1, out)) return false;
      }
      *out += '}';
      return true;
    }
    case AvroKind::kArray:
    case AvroKind::kMap: return ItemsToJson(type, input, depth, out);
    default: return ScalarToJson(type, input, out);
  }
}

}  // namespace mainstem::format

#include "process/expr/json_path.h"

#include <algorithm>
#include <charconv>

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>
#include <simdjson.h>

#include "process/expr/json_path_walk.h"

namespace mainstem::process {
namespace {

namespace ondemand = simdjson::ondemand;
using Step = JsonPath::Step;

constexpr int kDepthMax = 200;  // of nested values that are written out

// 0 is success, as in simdjson.
simdjson::error_code WriteValue(ondemand::value value, int depth, JsonItem* item);

std::string_view Trimmed(std::string_view token) {
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.remove_suffix(1);
  return token;
}

simdjson::error_code WriteObject(ondemand::value value, int depth, std::string* out) {
  ondemand::object object;
  if (auto error = value.get_object().get(object)) return error;
  JsonMembers members;
  for (auto field : object) {
    if (field.error()) return field.error();
    std::string_view unescaped;
    if (auto error = field.unescaped_key().get(unescaped)) return error;
    std::string key(unescaped);
    ondemand::value member;
    if (auto error = field.value().get(member)) return error;
    JsonItem item;
    if (auto error = WriteValue(member, depth + 1, &item)) return error;
    members[std::move(key)] = std::move(item.json);
  }
  AppendJsonObject(members, out);
  return simdjson::SUCCESS;
}

simdjson::error_code WriteArray(ondemand::value value, int depth, std::string* out) {
  ondemand::array array;
  if (auto error = value.get_array().get(array)) return error;
  *out += '[';
  bool first = true;
  for (auto element : array) {
    ondemand::value member;
    if (auto error = element.get(member)) return error;
    if (!first) *out += ',';
    first = false;
    JsonItem item;
    if (auto error = WriteValue(member, depth + 1, &item)) return error;
    *out += item.json;
  }
  *out += ']';
  return simdjson::SUCCESS;
}

// Works for a value and for a document that is a scalar.
template <typename Value>
simdjson::error_code WriteScalar(Value& value, ondemand::json_type type, JsonItem* item) {
  switch (type) {
    case ondemand::json_type::string: {
      std::string_view text;
      if (auto error = value.get_string().get(text)) return error;
      item->kind = JsonItem::Kind::kString;
      item->text = text;
      AppendJsonString(text, &item->json);
      return simdjson::SUCCESS;
    }
    case ondemand::json_type::boolean: {
      bool truth = false;
      if (auto error = value.get_bool().get(truth)) return error;
      item->kind = JsonItem::Kind::kBoolean;
      item->json = truth ? "true" : "false";
      return simdjson::SUCCESS;
    }
    case ondemand::json_type::null:
      item->kind = JsonItem::Kind::kNull;
      item->json = "null";
      return simdjson::SUCCESS;
    default: {
      std::string_view token;
      if (auto error =
              simdjson::simdjson_result<std::string_view>(value.raw_json_token()).get(token)) {
        return error;
      }
      item->kind = JsonItem::Kind::kNumber;
      item->json = JavaNumber(Trimmed(token));
      return simdjson::SUCCESS;
    }
  }
}

simdjson::error_code WriteValue(ondemand::value value, int depth, JsonItem* item) {
  if (depth > kDepthMax) return simdjson::DEPTH_ERROR;
  ondemand::json_type type;
  if (auto error = value.type().get(type)) return error;
  if (type == ondemand::json_type::object) {
    item->kind = JsonItem::Kind::kObject;
    return WriteObject(value, depth, &item->json);
  }
  if (type == ondemand::json_type::array) {
    item->kind = JsonItem::Kind::kArray;
    return WriteArray(value, depth, &item->json);
  }
  return WriteScalar(value, type, item);
}

// Goes over the JSON value at `*at`, which may be followed by anything: Flink reads no further.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  size_t position() const { return at_; }

  std::optional<JsonItem::Kind> Value(int depth) {
    SkipSpaces();
    if (depth > kDepthMax || at_ == text_.size()) return std::nullopt;
    const char c = text_[at_];
    if (c == '{') return Members(depth) ? std::optional(JsonItem::Kind::kObject) : std::nullopt;
    if (c == '[') return Elements(depth) ? std::optional(JsonItem::Kind::kArray) : std::nullopt;
    if (c == '"') return String() ? std::optional(JsonItem::Kind::kString) : std::nullopt;
    if (Word("true") || Word("false")) return JsonItem::Kind::kBoolean;
    if (Word("null")) return JsonItem::Kind::kNull;
    return Number() ? std::optional(JsonItem::Kind::kNumber) : std::nullopt;
  }

 private:
  void SkipSpaces() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != text_.npos) ++at_;
  }
  bool Take(char c) {
    SkipSpaces();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool Word(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  bool String() {
    for (++at_; at_ < text_.size(); ++at_) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c < 0x20) return false;
      if (c == '"') return ++at_ > 0;
      if (c == '\\' && ++at_ == text_.size()) return false;
    }
    return false;
  }
  bool Digits() {
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return at_ > begin;
  }
  bool Number() {
    if (text_[at_] == '-') ++at_;
    const size_t begin = at_;
    if (!Digits() || (text_[begin] == '0' && at_ > begin + 1)) return false;
    if (Word(".") && !Digits()) return false;
    if (at_ < text_.size() && (text_[at_] | 0x20) == 'e') {
      ++at_;
      if (!Word("+")) Word("-");
      if (!Digits()) return false;
    }
    return at_ == text_.size() || std::string_view(",]} \t\r\n").find(text_[at_]) != text_.npos;
  }
  bool Elements(int depth) {
    ++at_;
    if (Take(']')) return true;
    do {
      if (!Value(depth + 1)) return false;
    } while (Take(','));
    return Take(']');
  }
  bool Members(int depth) {
    ++at_;
    if (Take('}')) return true;
    do {
      SkipSpaces();
      if (at_ == text_.size() || text_[at_] != '"' || !String() || !Take(':')) return false;
      if (!Value(depth + 1)) return false;
    } while (Take(','));
    return Take('}');
  }

  std::string_view text_;
  size_t at_ = 0;
};

// The value at a path of keys and places. It is missing where this says SUCCESS without an item.
void CollectPlain(ondemand::value value, const std::vector<Step>& steps, size_t at,
                  std::vector<JsonItem>* items);

void CollectElement(ondemand::value value, const std::vector<Step>& steps, size_t at,
                    std::vector<JsonItem>* items) {
  ondemand::array array;
  if (value.get_array().get(array)) return;
  int64_t index = 0;
  for (auto element : array) {
    ondemand::value member;
    if (element.get(member)) return;
    if (index++ == steps[at].places[0]) return CollectPlain(member, steps, at + 1, items);
  }
}

void CollectMember(ondemand::value value, const std::vector<Step>& steps, size_t at,
                   std::vector<JsonItem>* items) {
  ondemand::object object;
  if (value.get_object().get(object)) return;
  for (auto field : object) {
    std::string_view key;
    ondemand::value member;
    if (field.error() || field.unescaped_key().get(key)) return;
    if (key != steps[at].keys[0]) continue;
    if (field.value().get(member)) return;
    items->clear();  // of equal keys the last one counts
    CollectPlain(member, steps, at + 1, items);
  }
}

void CollectPlain(ondemand::value value, const std::vector<Step>& steps, size_t at,
                  std::vector<JsonItem>* items) {
  if (at == steps.size()) {
    JsonItem item;
    if (WriteValue(value, 0, &item) == simdjson::SUCCESS) items->push_back(std::move(item));
  } else if (steps[at].kind == Step::Kind::kPlaces) {
    CollectElement(value, steps, at, items);
  } else {
    CollectMember(value, steps, at, items);
  }
}

simdjson::error_code ReadTree(ondemand::value value, int depth, JsonNode* node) {
  if (depth > kDepthMax) return simdjson::DEPTH_ERROR;
  ondemand::json_type type;
  if (auto error = value.type().get(type)) return error;
  if (type == ondemand::json_type::array) {
    node->kind = JsonItem::Kind::kArray;
    ondemand::array array;
    if (auto error = value.get_array().get(array)) return error;
    for (auto element : array) {
      ondemand::value member;
      if (auto error = element.get(member)) return error;
      JsonNode& child = node->children.emplace_back().node;
      if (auto error = ReadTree(member, depth + 1, &child)) return error;
    }
    return simdjson::SUCCESS;
  }
  if (type != ondemand::json_type::object) {
    JsonItem item;
    if (auto error = WriteScalar(value, type, &item)) return error;
    *node = {item.kind, std::move(item.json), std::move(item.text), {}};
    return simdjson::SUCCESS;
  }
  node->kind = JsonItem::Kind::kObject;
  absl::flat_hash_map<std::string, size_t> places;
  ondemand::object object;
  if (auto error = value.get_object().get(object)) return error;
  for (auto field : object) {
    if (field.error()) return field.error();
    std::string_view unescaped;
    if (auto error = field.unescaped_key().get(unescaped)) return error;
    const std::string key(unescaped);
    ondemand::value member;
    if (auto error = field.value().get(member)) return error;
    // Of equal keys the last value, at the first place.
    const auto [place, is_new] = places.try_emplace(key, node->children.size());
    if (is_new) node->children.push_back({key, JsonNode()});
    JsonNode& child = node->children[place->second].node;
    child = JsonNode();
    if (auto error = ReadTree(member, depth + 1, &child)) return error;
  }
  return simdjson::SUCCESS;
}

}  // namespace

struct JsonReader::Impl {
  simdjson::dom::parser dom;
  ondemand::parser parser;
  std::string buffer;  // the document and the padding that simdjson reads
  size_t size = 0;     // of the document's value
};

JsonReader::JsonReader() : impl_(std::make_unique<Impl>()) {}
JsonReader::~JsonReader() = default;

std::optional<JsonItem::Kind> JsonReader::KindOf(std::string_view document) {
  impl_->buffer.assign(document);
  impl_->buffer.resize(document.size() + simdjson::SIMDJSON_PADDING, ' ');
  simdjson::dom::element root;
  impl_->size = document.size();
  if (impl_->dom.parse(impl_->buffer.data(), document.size(), false).get(root)) {
    // It may be that a number is too large for the parser, or that something comes behind.
    Scanner scanner(document);
    const std::optional<JsonItem::Kind> kind = scanner.Value(0);
    impl_->size = scanner.position();
    std::fill(impl_->buffer.begin() + static_cast<ptrdiff_t>(impl_->size), impl_->buffer.end(),
              ' ');
    return kind;
  }
  switch (root.type()) {
    case simdjson::dom::element_type::ARRAY: return JsonItem::Kind::kArray;
    case simdjson::dom::element_type::OBJECT: return JsonItem::Kind::kObject;
    case simdjson::dom::element_type::STRING: return JsonItem::Kind::kString;
    case simdjson::dom::element_type::BOOL: return JsonItem::Kind::kBoolean;
    case simdjson::dom::element_type::NULL_VALUE: return JsonItem::Kind::kNull;
    default: return JsonItem::Kind::kNumber;
  }
}

JsonReader::Found JsonReader::Find(std::string_view document, const JsonPath& path,
                                   std::vector<JsonItem>* items) {
  items->clear();
  // The on-demand reader only checks what it visits: the whole document is checked first.
  const auto kind = KindOf(document);
  if (!kind) return Found::kInvalid;
  ondemand::document root;
  if (impl_->parser.iterate(impl_->buffer.data(), impl_->size, impl_->buffer.size()).get(root)) {
    return Found::kInvalid;
  }
  JsonNode tree;
  if (*kind == JsonItem::Kind::kArray || *kind == JsonItem::Kind::kObject) {
    ondemand::value value;
    if (root.get_value().get(value)) return Found::kInvalid;
    if (path.is_plain()) {
      CollectPlain(value, path.steps(), 0, items);
      return items->empty() ? Found::kMissing : Found::kItems;
    }
    if (ReadTree(value, 0, &tree)) return Found::kInvalid;
  } else {
    ondemand::json_type type;
    JsonItem item;
    if (root.type().get(type) || WriteScalar(root, type, &item)) return Found::kInvalid;
    tree = {item.kind, std::move(item.json), std::move(item.text), {}};
  }
  const bool found = FindInTree(tree, path, items);
  return found && (path.is_indefinite() || !items->empty()) ? Found::kItems : Found::kMissing;
}

std::string JavaNumber(std::string_view token) {
  const size_t mark = token.find_first_of("eE");
  if (mark == std::string_view::npos) return std::string(token);
  int64_t exponent = 0;
  std::string_view power = token.substr(mark + 1);
  if (power.starts_with('+')) power.remove_prefix(1);
  const auto parsed = std::from_chars(power.data(), power.data() + power.size(), exponent);
  if (parsed.ec != std::errc() || exponent < INT32_MIN || exponent > INT32_MAX) {
    return std::string(token);  // beyond what Java's numbers have
  }
  std::string_view mantissa = token.substr(0, mark);
  std::string sign, digits;
  if (mantissa.starts_with('-')) {
    sign = "-";
    mantissa.remove_prefix(1);
  }
  int64_t scale = -exponent;
  for (const char c : mantissa) {
    if (c != '.') digits += c;
  }
  if (const size_t point = mantissa.find('.'); point != std::string_view::npos) {
    scale += static_cast<int64_t>(mantissa.size() - point - 1);
  }
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  const auto count = static_cast<int64_t>(digits.size());
  const int64_t adjusted = count - 1 - scale;
  if (scale >= 0 && adjusted >= -6) {
    if (scale == 0) return sign + digits;
    if (scale >= count) digits.insert(0, static_cast<size_t>(scale - count + 1), '0');
    return sign + digits.insert(digits.size() - static_cast<size_t>(scale), ".");
  }
  if (count > 1) digits.insert(1, ".");
  return fmt::format("{}{}E{}{}", sign, digits, adjusted < 0 ? "" : "+", adjusted);
}

void AppendJsonObject(const JsonMembers& members, std::string* out) {
  *out += '{';
  bool first = true;
  for (const auto& [key, value] : members) {
    if (!first) *out += ',';
    first = false;
    AppendJsonString(key, out);
    *out += ':';
    *out += value;
  }
  *out += '}';
}

void AppendJsonString(std::string_view text, std::string* out) {
  *out += '"';
  for (char c : text) {
    switch (c) {
      case '"': *out += "\\\""; break;
      case '\\': *out += "\\\\"; break;
      case '\n': *out += "\\n"; break;
      case '\r': *out += "\\r"; break;
      case '\t': *out += "\\t"; break;
      case '\b': *out += "\\b"; break;
      case '\f': *out += "\\f"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          *out += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
        } else {
          *out += c;
        }
    }
  }
  *out += '"';
}

}  // namespace mainstem::process

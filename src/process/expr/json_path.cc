#include "process/expr/json_path.h"

#include <fmt/format.h>
#include <simdjson.h>

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
  *out += '{';
  bool first = true;
  for (auto field : object) {
    if (field.error()) return field.error();
    std::string_view key;
    if (auto error = field.unescaped_key().get(key)) return error;
    if (!first) *out += ',';
    first = false;
    AppendJsonString(key, out);
    *out += ':';
    ondemand::value member;
    if (auto error = field.value().get(member)) return error;
    JsonItem item;
    if (auto error = WriteValue(member, depth + 1, &item)) return error;
    *out += item.json;
  }
  *out += '}';
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
      item->json = Trimmed(token);
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

void Collect(ondemand::value value, const std::vector<Step>& steps, size_t at,
             std::vector<JsonItem>* items);

void CollectElements(ondemand::value value, const std::vector<Step>& steps, size_t at,
                     std::vector<JsonItem>* items) {
  ondemand::array array;
  if (value.get_array().get(array)) return;
  int64_t index = 0;
  const bool any = steps[at].kind == Step::Kind::kAnyElement;
  for (auto element : array) {
    ondemand::value member;
    if (element.get(member)) return;
    if (any || index == steps[at].index) Collect(member, steps, at + 1, items);
    if (!any && index == steps[at].index) return;
    ++index;
  }
}

void CollectMembers(ondemand::value value, const std::vector<Step>& steps, size_t at,
                    std::vector<JsonItem>* items) {
  ondemand::object object;
  if (value.get_object().get(object)) return;
  const bool any = steps[at].kind == Step::Kind::kAnyMember;
  for (auto field : object) {
    std::string_view key;
    ondemand::value member;
    if (field.error() || field.unescaped_key().get(key)) return;
    const bool wanted = any || key == steps[at].key;
    if (!wanted) continue;
    if (field.value().get(member)) return;
    Collect(member, steps, at + 1, items);
    if (!any) return;
  }
}

void Collect(ondemand::value value, const std::vector<Step>& steps, size_t at,
             std::vector<JsonItem>* items) {
  if (at == steps.size()) {
    JsonItem item;
    if (WriteValue(value, 0, &item) == simdjson::SUCCESS) items->push_back(std::move(item));
    return;
  }
  const bool element =
      steps[at].kind == Step::Kind::kIndex || steps[at].kind == Step::Kind::kAnyElement;
  if (element) {
    CollectElements(value, steps, at, items);
  } else {
    CollectMembers(value, steps, at, items);
  }
}

bool IsKeyCharacter(char c) {
  return std::string_view(".[]'\" \t").find(c) == std::string_view::npos;
}

// `'key'`, `"key"`, `*` or a number, up to the closing bracket.
std::optional<Step> TakeBracket(std::string_view* text) {
  const char quote = text->empty() ? '\0' : text->front();
  if (quote == '\'' || quote == '"') {
    const size_t end = text->find(quote, 1);
    if (end == std::string_view::npos || !text->substr(end + 1).starts_with(']'))
      return std::nullopt;
    Step step{Step::Kind::kKey, std::string(text->substr(1, end - 1)), 0};
    text->remove_prefix(end + 2);
    return step;
  }
  const size_t end = text->find(']');
  if (end == std::string_view::npos || end == 0 || end > 10) return std::nullopt;
  const std::string_view inside = text->substr(0, end);
  text->remove_prefix(end + 1);
  if (inside == "*") return Step{Step::Kind::kAnyElement, {}, 0};
  int64_t index = 0;
  for (char c : inside) {
    if (c < '0' || c > '9') return std::nullopt;
    index = index * 10 + (c - '0');
  }
  return Step{Step::Kind::kIndex, {}, index};
}

}  // namespace

std::optional<JsonPath> JsonPath::Make(std::string_view text) {
  JsonPath path;
  const auto skip_spaces = [&] {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  };
  skip_spaces();
  for (std::string_view mode : {"lax ", "strict "}) {
    if (!text.starts_with(mode)) continue;
    path.strict_ = mode[0] == 's';
    text.remove_prefix(mode.size());
    break;
  }
  skip_spaces();
  if (!text.starts_with('$')) return std::nullopt;
  text.remove_prefix(1);
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '[') {
      const auto step = TakeBracket(&text);
      if (!step) return std::nullopt;
      path.steps_.push_back(*step);
    } else if (c == '.' && text.starts_with('*')) {
      text.remove_prefix(1);
      path.steps_.push_back({Step::Kind::kAnyMember, {}, 0});
    } else if (c == '.') {
      size_t end = 0;
      while (end < text.size() && IsKeyCharacter(text[end])) ++end;
      if (end == 0) return std::nullopt;
      path.steps_.push_back({Step::Kind::kKey, std::string(text.substr(0, end)), 0});
      text.remove_prefix(end);
    } else {
      return std::nullopt;
    }
    const Step::Kind kind = path.steps_.back().kind;
    path.indefinite_ |= kind == Step::Kind::kAnyElement || kind == Step::Kind::kAnyMember;
  }
  return path;
}

struct JsonReader::Impl {
  simdjson::dom::parser dom;
  ondemand::parser parser;
  std::string buffer;  // the document and the padding that simdjson reads
};

JsonReader::JsonReader() : impl_(std::make_unique<Impl>()) {}
JsonReader::~JsonReader() = default;

std::optional<JsonItem::Kind> JsonReader::KindOf(std::string_view document) {
  impl_->buffer.assign(document);
  impl_->buffer.resize(document.size() + simdjson::SIMDJSON_PADDING, ' ');
  simdjson::dom::element root;
  if (impl_->dom.parse(impl_->buffer.data(), document.size(), false).get(root)) return std::nullopt;
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
  if (impl_->parser.iterate(impl_->buffer.data(), document.size(), impl_->buffer.size())
          .get(root)) {
    return Found::kInvalid;
  }
  if (*kind == JsonItem::Kind::kArray || *kind == JsonItem::Kind::kObject) {
    ondemand::value value;
    if (root.get_value().get(value)) return Found::kInvalid;
    Collect(value, path.steps(), 0, items);
  } else if (path.steps().empty()) {
    ondemand::json_type type;
    JsonItem item;
    if (root.type().get(type) || WriteScalar(root, type, &item)) return Found::kInvalid;
    items->push_back(std::move(item));
  }
  return items->empty() ? Found::kMissing : Found::kItems;
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

#include "format/record_query.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <optional>

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include "core/json_writer.h"

namespace mainstem::format {
namespace {

namespace dom = simdjson::dom;

constexpr size_t kQueryKeysMax = 50;
constexpr int kQueryDepthMax = 32;

enum class FunctionId : uint8_t {
  kToString,
  kToNumber,
  kDowncase,
  kUpcase,
  kTrimLeft,
  kTrimRight,
  kSplit,
  kLength,
  kFloor,
  kToDate,
  kFromDate,
  kFormatTime,
};
struct RecordFunction {
  std::string_view name;
  FunctionId id;
  bool takes_text;  // one argument, a literal
};
constexpr RecordFunction kRecordFunctions[] = {{"tostring", FunctionId::kToString, false},
                                               {"tonumber", FunctionId::kToNumber, false},
                                               {"ascii_downcase", FunctionId::kDowncase, false},
                                               {"ascii_upcase", FunctionId::kUpcase, false},
                                               {"ltrimstr", FunctionId::kTrimLeft, true},
                                               {"rtrimstr", FunctionId::kTrimRight, true},
                                               {"split", FunctionId::kSplit, true},
                                               {"length", FunctionId::kLength, false},
                                               {"floor", FunctionId::kFloor, false},
                                               {"todate", FunctionId::kToDate, false},
                                               {"fromdate", FunctionId::kFromDate, false},
                                               {"strftime", FunctionId::kFormatTime, true}};
constexpr const char* kIsoFormat = "%Y-%m-%dT%H:%M:%SZ";

// What an expression has: a part of the record, or a value that was made.
struct QueryValue {
  enum class Kind : uint8_t { kNull, kBoolean, kNumber, kText, kList, kElement };
  Kind kind = Kind::kNull;
  bool boolean = false;
  double number = 0;
  std::optional<int64_t> whole = {};  // of a number, when it is one exactly
  std::string text = {};
  std::vector<std::string> list = {};  // of split
  dom::element element = {};           // an array or object
};

QueryValue OfText(std::string text) {
  return {.kind = QueryValue::Kind::kText, .text = std::move(text)};
}

QueryValue OfNumber(double number) {
  QueryValue value{.kind = QueryValue::Kind::kNumber, .number = number};
  constexpr double kExact = 9007199254740992.0;
  if (std::floor(number) == number && std::abs(number) <= kExact) {
    value.whole = static_cast<int64_t>(number);
  }
  return value;
}

QueryValue OfWhole(int64_t whole) {
  return {.kind = QueryValue::Kind::kNumber, .number = static_cast<double>(whole), .whole = whole};
}

QueryValue OfElement(dom::element element) {
  switch (element.type()) {
    case dom::element_type::NULL_VALUE: return {};
    case dom::element_type::BOOL:
      return {.kind = QueryValue::Kind::kBoolean, .boolean = bool(element)};
    case dom::element_type::STRING: return OfText(std::string(std::string_view(element)));
    case dom::element_type::INT64: return OfWhole(int64_t(element));
    case dom::element_type::UINT64: return OfNumber(static_cast<double>(uint64_t(element)));
    case dom::element_type::DOUBLE: return OfNumber(double(element));
    default: return {.kind = QueryValue::Kind::kElement, .element = element};
  }
}

std::string_view KindName(const QueryValue& value) {
  switch (value.kind) {
    case QueryValue::Kind::kNull: return "null";
    case QueryValue::Kind::kBoolean: return "boolean";
    case QueryValue::Kind::kNumber: return "number";
    case QueryValue::Kind::kText: return "string";
    case QueryValue::Kind::kList: return "array";
    case QueryValue::Kind::kElement: break;
  }
  return value.element.is<dom::array>() ? "array" : "object";
}

Status QueryFails(std::string message) {
  return MakeError(ErrorCode::kInvalidRecord, std::move(message));
}

std::string QueryNumberText(const QueryValue& value) {
  return value.whole ? std::to_string(*value.whole) : fmt::format("{}", value.number);
}

std::string TextOfValue(const QueryValue& value) {
  switch (value.kind) {
    case QueryValue::Kind::kNull: return "null";
    case QueryValue::Kind::kBoolean: return value.boolean ? "true" : "false";
    case QueryValue::Kind::kNumber: return QueryNumberText(value);
    case QueryValue::Kind::kText: return value.text;
    case QueryValue::Kind::kList: {
      JsonWriter json;
      json.BeginArray();
      for (const std::string& item : value.list) json.Value(item);
      return json.EndArray().Take();
    }
    case QueryValue::Kind::kElement: break;
  }
  return simdjson::minify(value.element);
}

Result<QueryValue> FormatTime(const QueryValue& value, const std::string& format) {
  if (value.kind != QueryValue::Kind::kNumber) {
    return QueryFails("strftime needs a number of seconds");
  }
  constexpr double kSecondsMax = 253402300800.0;  // of the year 9999
  if (!(std::abs(value.number) < kSecondsMax)) return QueryFails("strftime: no such time");
  const auto seconds = static_cast<time_t>(std::floor(value.number));
  struct tm parts = {};
  gmtime_r(&seconds, &parts);
  char text[4096];
  const size_t size = strftime(text, sizeof(text), format.c_str(), &parts);
  return OfText(std::string(text, size));
}

Result<QueryValue> ParseIsoTime(const std::string& text) {
  struct tm parts = {};
  const char* end = strptime(text.c_str(), kIsoFormat, &parts);
  if (end == nullptr || *end != '\0') {
    return QueryFails(fmt::format("date \"{}\" does not match format \"{}\"", text, kIsoFormat));
  }
  return OfWhole(timegm(&parts));
}

Result<QueryValue> LengthOf(const QueryValue& value) {
  switch (value.kind) {
    case QueryValue::Kind::kNull: return OfWhole(0);
    case QueryValue::Kind::kNumber: return OfNumber(std::abs(value.number));
    case QueryValue::Kind::kText:
      return OfWhole(std::count_if(value.text.begin(), value.text.end(),
                                   [](char c) { return (c & 0xc0) != 0x80; }));
    case QueryValue::Kind::kList: return OfWhole(static_cast<int64_t>(value.list.size()));
    case QueryValue::Kind::kElement: {
      dom::array array;
      if (!value.element.get(array)) return OfWhole(static_cast<int64_t>(array.size()));
      return OfWhole(static_cast<int64_t>(dom::object(value.element).size()));
    }
    case QueryValue::Kind::kBoolean: break;
  }
  return QueryFails("boolean has no length");
}

Result<QueryValue> ToNumber(const QueryValue& value) {
  if (value.kind == QueryValue::Kind::kNumber) return value;
  int64_t whole;
  double number;
  if (value.kind == QueryValue::Kind::kText && absl::SimpleAtoi(value.text, &whole)) {
    return OfWhole(whole);
  }
  const bool is_number = value.kind == QueryValue::Kind::kText &&
                         absl::SimpleAtod(value.text, &number) && std::isfinite(number);
  if (is_number) {
    return OfNumber(number);
  }
  return QueryFails(fmt::format("{} cannot be parsed as a number", KindName(value)));
}

Result<QueryValue> SplitText(const QueryValue& value, const std::string& separator) {
  QueryValue list{.kind = QueryValue::Kind::kList};
  if (!value.text.empty()) list.list = absl::StrSplit(value.text, separator);
  return list;
}

Result<QueryValue> Apply(FunctionId id, const std::string& argument, QueryValue value) {
  const bool is_text = value.kind == QueryValue::Kind::kText;
  switch (id) {
    case FunctionId::kToString: return OfText(TextOfValue(value));
    case FunctionId::kToNumber: return ToNumber(value);
    case FunctionId::kLength: return LengthOf(value);
    case FunctionId::kFormatTime: return FormatTime(value, argument);
    case FunctionId::kToDate: return FormatTime(value, kIsoFormat);
    case FunctionId::kFloor:
      if (value.kind != QueryValue::Kind::kNumber) {
        return QueryFails(fmt::format("{} number required", KindName(value)));
      }
      return OfNumber(std::floor(value.number));
    // Of what is no string they return what they were given.
    case FunctionId::kTrimLeft:
      if (is_text && value.text.starts_with(argument)) value.text.erase(0, argument.size());
      return value;
    case FunctionId::kTrimRight:
      if (is_text && value.text.ends_with(argument)) {
        value.text.resize(value.text.size() - argument.size());
      }
      return value;
    default: break;
  }
  if (!is_text) return QueryFails(fmt::format("a string is needed, not {}", KindName(value)));
  auto change = [&value](char from, char to, int by) {
    for (char& c : value.text) c = c >= from && c <= to ? static_cast<char>(c + by) : c;
  };
  switch (id) {
    case FunctionId::kDowncase: change('A', 'Z', 'a' - 'A'); return value;
    case FunctionId::kUpcase: change('a', 'z', 'A' - 'a'); return value;
    case FunctionId::kSplit: return SplitText(value, argument);
    default: return ParseIsoTime(value.text);
  }
}

Result<QueryValue> FieldOf(const QueryValue& value, const std::string& name) {
  if (value.kind == QueryValue::Kind::kNull) return QueryValue();
  dom::object object;
  if (value.kind != QueryValue::Kind::kElement || value.element.get(object)) {
    return QueryFails(fmt::format("cannot index {} with \"{}\"", KindName(value), name));
  }
  // Of several of one name, the last, as in jq.
  QueryValue found;
  for (auto [key, element] : object) {
    if (key == name) found = OfElement(element);
  }
  return found;
}

Result<QueryValue> ItemAt(const QueryValue& value, int64_t index) {
  if (value.kind == QueryValue::Kind::kNull) return QueryValue();
  auto place = [index](size_t size) {
    return index < 0 ? index + static_cast<int64_t>(size) : index;
  };
  if (value.kind == QueryValue::Kind::kList) {
    const int64_t at = place(value.list.size());
    if (at < 0 || at >= static_cast<int64_t>(value.list.size())) return QueryValue();
    return OfText(value.list[static_cast<size_t>(at)]);
  }
  dom::array array;
  if (value.kind != QueryValue::Kind::kElement || value.element.get(array)) {
    return QueryFails(fmt::format("cannot index {} with a number", KindName(value)));
  }
  const int64_t at = place(array.size());
  dom::element element;
  if (at < 0 || array.at(static_cast<size_t>(at)).get(element)) return QueryValue();
  return OfElement(element);
}

}  // namespace

struct RecordQueryNode {
  enum class Kind : uint8_t { kInput, kLiteral, kField, kItem, kTry, kFunction, kPipe, kElse };
  using Ptr = std::shared_ptr<const RecordQueryNode>;
  Kind kind = Kind::kInput;
  Ptr left = {};   // what a field, item or function is of
  Ptr right = {};  // of a pipe, or of "//"
  std::string text = {};
  int64_t index = 0;
  FunctionId function = FunctionId::kToString;
  QueryValue literal = {};
};

namespace {

using Node = RecordQueryNode;

Result<QueryValue> Evaluate(const Node& node, const QueryValue& input) {
  if (node.kind == Node::Kind::kInput) return input;
  if (node.kind == Node::Kind::kLiteral) return node.literal;
  Result<QueryValue> left = Evaluate(*node.left, input);
  if (node.kind == Node::Kind::kElse) {
    const bool is_missing = !left.ok() || left->kind == QueryValue::Kind::kNull ||
                            (left->kind == QueryValue::Kind::kBoolean && !left->boolean);
    return is_missing ? Evaluate(*node.right, input) : std::move(left);
  }
  if (node.kind == Node::Kind::kTry && !left.ok()) return QueryValue();
  RETURN_IF_ERROR(left.status());
  switch (node.kind) {
    case Node::Kind::kField: return FieldOf(*left, node.text);
    case Node::Kind::kItem: return ItemAt(*left, node.index);
    case Node::Kind::kFunction: return Apply(node.function, node.text, *std::move(left));
    case Node::Kind::kPipe: return Evaluate(*node.right, *left);
    default: return left;
  }
}

Status BadQuery(std::string message) {
  return MakeError(ErrorCode::kInvalidArgument, std::move(message));
}

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class QueryParser {
 public:
  explicit QueryParser(std::string_view text) : rest_(text) {}

  struct Entry {
    std::string key;
    Node::Ptr value;
  };
  Result<std::vector<Entry>> ParseObject() {
    std::vector<Entry> entries;
    RETURN_IF_ERROR(Expect('{'));
    do {
      Entry entry;
      const bool is_quoted = Peek() == '"';
      ASSIGN_OR_RETURN(entry.key, is_quoted ? ParseText() : ParseWord());
      if (entry.key.empty()) return Unexpected("the name of a key");
      if (Take(':')) {
        ASSIGN_OR_RETURN(entry.value, ParsePipe(Nesting::kObject, 0));
      } else {
        entry.value = Make({.kind = Node::Kind::kField, .left = Input(), .text = entry.key});
      }
      entries.push_back(std::move(entry));
      if (entries.size() > kQueryKeysMax) return BadQuery("has more than 50 keys");
    } while (Take(','));
    RETURN_IF_ERROR(Expect('}'));
    if (Peek() != '\0') return Unexpected("the end");
    return entries;
  }

 private:
  // "//" needs parentheses in the value of an object, as in jq.
  enum class Nesting : uint8_t { kObject, kParentheses };

  static Node::Ptr Make(Node node) { return std::make_shared<const Node>(std::move(node)); }
  static Node::Ptr Input() { return Make({}); }

  char Peek() {
    const size_t begin = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(std::min(begin, rest_.size()));
    return rest_.empty() ? '\0' : rest_[0];
  }
  bool Take(char c) {
    if (Peek() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  Status Expect(char c) {
    if (Take(c)) return Status::OK();
    return Unexpected(fmt::format("'{}'", c));
  }
  Status Unexpected(const std::string& wanted) {
    if (Peek() == '\0') return BadQuery("ends where " + wanted + " must stand");
    return BadQuery(fmt::format("has '{}' where {} must stand: what more jq has is not available",
                                rest_.substr(0, 10), wanted));
  }

  Result<std::string> ParseWord() {
    Peek();
    size_t size = 0;
    while (size < rest_.size() && IsWordCharacter(rest_[size])) ++size;
    std::string word(rest_.substr(0, size));
    if (!word.empty() && word[0] >= '0' && word[0] <= '9') return Unexpected("a name");
    rest_.remove_prefix(size);
    return word;
  }

  // A string as in JSON.
  Result<std::string> ParseText() {
    Peek();
    size_t size = 1;
    while (size < rest_.size() && rest_[size] != '"') size += rest_[size] == '\\' ? 2 : 1;
    if (size >= rest_.size()) return BadQuery("has a string without its end");
    const std::string quoted(rest_.substr(0, size + 1));
    if (quoted.find("\\(") != std::string::npos) {
      return BadQuery("has an expression within a string: that is not available");
    }
    dom::parser parser;
    std::string_view text;
    if (parser.parse("[" + quoted + "]").at(0).get(text)) {
      return BadQuery("has a string that is none: " + quoted);
    }
    std::string parsed(text);
    rest_.remove_prefix(size + 1);
    return parsed;
  }

  Result<Node::Ptr> ParsePipe(Nesting nesting, int depth) {
    if (depth > kQueryDepthMax) return BadQuery("is nested too deeply");
    ASSIGN_OR_RETURN(Node::Ptr left, ParseElse(nesting, depth));
    if (!Take('|')) return left;
    ASSIGN_OR_RETURN(Node::Ptr right, ParsePipe(nesting, depth + 1));
    return Make({.kind = Node::Kind::kPipe, .left = std::move(left), .right = std::move(right)});
  }

  Result<Node::Ptr> ParseElse(Nesting nesting, int depth) {
    ASSIGN_OR_RETURN(Node::Ptr left, ParseTerm(depth));
    Peek();
    if (nesting == Nesting::kObject || !rest_.starts_with("//")) return left;
    if (depth > kQueryDepthMax) return BadQuery("is nested too deeply");
    rest_.remove_prefix(2);
    ASSIGN_OR_RETURN(Node::Ptr right, ParseElse(nesting, depth + 1));
    return Make({.kind = Node::Kind::kElse, .left = std::move(left), .right = std::move(right)});
  }

  Result<Node::Ptr> ParseTerm(int depth) {
    const char next = Peek();
    Node::Ptr node;
    if (next == '.') {
      if (rest_.starts_with("..")) return BadQuery("has '..': that is not available");
      node = Input();
      // The first step may follow the point at once: .a, ."a", .[0].
      const char after = rest_.size() > 1 ? rest_[1] : '\0';
      if (!IsWordCharacter(after) && after != '"') rest_.remove_prefix(1);
    } else if (next == '(') {
      rest_.remove_prefix(1);
      ASSIGN_OR_RETURN(node, ParsePipe(Nesting::kParentheses, depth + 1));
      RETURN_IF_ERROR(Expect(')'));
    } else if (next == '"') {
      ASSIGN_OR_RETURN(std::string text, ParseText());
      node = Make({.kind = Node::Kind::kLiteral, .literal = OfText(std::move(text))});
    } else if (next == '-' || (next >= '0' && next <= '9')) {
      ASSIGN_OR_RETURN(QueryValue number, ParseNumber());
      node = Make({.kind = Node::Kind::kLiteral, .literal = std::move(number)});
    } else {
      ASSIGN_OR_RETURN(node, ParseCall());
    }
    return ParseSteps(std::move(node), depth);
  }

  Result<QueryValue> ParseNumber() {
    size_t size = 1;
    constexpr std::string_view kOfNumbers = "0123456789.eE+-";
    while (size < rest_.size() && kOfNumbers.find(rest_[size]) != std::string_view::npos) ++size;
    const std::string text(rest_.substr(0, size));
    Result<QueryValue> number = ToNumber(OfText(text));
    if (!number.ok()) return BadQuery("has '" + text + "', which is no number");
    rest_.remove_prefix(size);
    return number;
  }

  Result<Node::Ptr> ParseCall() {
    ASSIGN_OR_RETURN(std::string word, ParseWord());
    if (word.empty()) return Unexpected("an expression");
    QueryValue literal{.kind = QueryValue::Kind::kBoolean, .boolean = word == "true"};
    if (word == "null") literal.kind = QueryValue::Kind::kNull;
    if (word == "true" || word == "false" || word == "null") {
      return Make({.kind = Node::Kind::kLiteral, .literal = std::move(literal)});
    }
    for (const RecordFunction& function : kRecordFunctions) {
      if (function.name != word) continue;
      Node call{.kind = Node::Kind::kFunction, .left = Input()};
      call.function = function.id;
      if (function.takes_text) {
        RETURN_IF_ERROR(Expect('('));
        if (Peek() != '"') return Unexpected("a string");
        ASSIGN_OR_RETURN(call.text, ParseText());
        RETURN_IF_ERROR(Expect(')'));
      }
      return Make(std::move(call));
    }
    return BadQuery("has '" + word + "': that is not available");
  }

  // .a ."b" .["c"] [0] ? behind a term.
  Result<Node::Ptr> ParseSteps(Node::Ptr node, int depth) {
    for (int count = 0;; ++count) {
      if (count + depth > kQueryDepthMax) return BadQuery("is nested too deeply");
      if (Take('?')) {
        node = Make({.kind = Node::Kind::kTry, .left = std::move(node)});
      } else if (Take('.')) {
        const bool is_quoted = Peek() == '"';
        ASSIGN_OR_RETURN(std::string name, is_quoted ? ParseText() : ParseWord());
        if (name.empty() && !is_quoted) return Unexpected("the name of a field");
        node = Make({.kind = Node::Kind::kField, .left = std::move(node), .text = std::move(name)});
      } else if (Take('[')) {
        ASSIGN_OR_RETURN(node, ParseIndex(std::move(node)));
      } else {
        return node;
      }
    }
  }

  Result<Node::Ptr> ParseIndex(Node::Ptr node) {
    Node step{.kind = Node::Kind::kField, .left = std::move(node)};
    if (Peek() == '"') {
      ASSIGN_OR_RETURN(step.text, ParseText());
    } else if (Peek() == '-' || (Peek() >= '0' && Peek() <= '9')) {
      ASSIGN_OR_RETURN(const QueryValue index, ParseNumber());
      if (!index.whole) return Unexpected("a whole number");
      step.kind = Node::Kind::kItem;
      step.index = *index.whole;
    } else {
      return Unexpected("a string or number");
    }
    RETURN_IF_ERROR(Expect(']'));
    return Make(std::move(step));
  }

  std::string_view rest_;
};

}  // namespace

Result<RecordQuery> RecordQuery::Compile(std::string_view text) {
  ASSIGN_OR_RETURN(auto entries, QueryParser(text).ParseObject());
  RecordQuery query;
  for (QueryParser::Entry& entry : entries) {
    if (std::find(query.keys_.begin(), query.keys_.end(), entry.key) != query.keys_.end()) {
      return BadQuery("has the key '" + entry.key + "' twice");
    }
    query.keys_.push_back(std::move(entry.key));
    query.values_.push_back(std::move(entry.value));
  }
  return query;
}

Result<std::vector<std::string>> RecordQuery::Run(simdjson::dom::element record) const {
  const QueryValue input = OfElement(record);
  std::vector<std::string> texts;
  for (size_t i = 0; i < keys_.size(); ++i) {
    Result<QueryValue> value = Evaluate(*values_[i], input);
    if (!value.ok()) return QueryFails(keys_[i] + ": " + TextOf(value.status()).message);
    const QueryValue::Kind kind = value->kind;
    if (kind == QueryValue::Kind::kList || kind == QueryValue::Kind::kElement) {
      return QueryFails(fmt::format("{}: the value is an {}", keys_[i], KindName(*value)));
    }
    texts.push_back(kind == QueryValue::Kind::kNull ? std::string() : TextOfValue(*value));
    if (texts.back().empty()) {
      return QueryFails(keys_[i] + ": partitionKeys values must not be null or empty");
    }
  }
  return texts;
}

}  // namespace mainstem::format

#include "gateway/http/event_body.h"

#include <algorithm>

#include <fmt/format.h>
#include <simdjson.h>

namespace mainstem::gateway::http {
namespace {

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;

constexpr int kDepthLimit = 256;

struct Position {
  size_t line = 1;
  size_t column = 1;  // in bytes
};

Position PositionOf(std::string_view body, size_t index) {
  std::string_view before = body.substr(0, std::min(index, body.size()));
  size_t last_break = before.rfind('\n');
  return {
      .line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n')),
      .column = before.size() - (last_break == std::string_view::npos ? 0 : last_break + 1) + 1};
}

std::string_view TrimBlanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// The grammar of a JSON integer, for those that fit no machine type.
bool IsWholeNumber(std::string_view token) {
  if (token.starts_with('-')) token.remove_prefix(1);
  if (token.empty() || (token.size() > 1 && token[0] == '0')) return false;
  return std::all_of(token.begin(), token.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// What is read of one JSON text. Offsets count from the beginning of the text given to Check.
struct CheckedValue {
  bool is_array = false;
  // Of the elements, when it is an array.
  std::vector<std::pair<size_t, size_t>> elements;
  // One for each element, or for the value itself.
  std::vector<std::optional<std::string>> keys;
};

struct JsonFailure {
  size_t index = 0;
  std::string what;
};

// Walks a whole JSON text with simdjson, which checks a value only when it is read.
class JsonChecker {
 public:
  // False: see failure(). `text` is one JSON value; without a limit an array is no list of events.
  bool Check(std::string_view text, const std::string& key_field,
             std::optional<size_t> element_limit, CheckedValue* out) {
    key_field_ = key_field;
    element_limit_ = element_limit;
    out_ = out;
    // A value of its own kind of document would be checked less strictly when it is a scalar: in an
    // array every kind is alike.
    buffer_.clear();
    buffer_.reserve(text.size() + 2 + simdjson::SIMDJSON_PADDING);
    buffer_.append("[").append(text).append("]");
    size_t length = buffer_.size();
    buffer_.append(simdjson::SIMDJSON_PADDING, ' ');
    error_code error =
        parser_.iterate(simdjson::padded_string_view(buffer_.data(), length, buffer_.size()))
            .get(document_);
    if (error) return Fail(text.size(), simdjson::error_message(error));
    ondemand::array outer;
    if ((error = document_.get_array().get(outer))) return FailHere(error);
    size_t count = 0;
    for (auto item : outer) {
      ondemand::value value;
      if ((error = item.get(value))) return FailHere(error);
      if (++count > 1) return FailHere("more than one JSON value; send an array or NDJSON");
      if (!CheckTop(value)) return false;
    }
    if (count == 0) return Fail(0, "there is no JSON value");
    const char* rest = nullptr;
    if (!document_.current_location().get(rest)) {
      return FailHere("text after the end of the JSON value");
    }
    return true;
  }
  const JsonFailure& failure() const { return failure_; }

 private:
  bool Fail(size_t index, std::string what) {
    failure_ = {.index = index, .what = std::move(what)};
    return false;
  }
  bool FailHere(std::string what) { return Fail(Here(), std::move(what)); }
  bool FailHere(error_code error) { return FailHere(std::string(simdjson::error_message(error))); }

  // Where simdjson stands, without the bracket before the text.
  size_t Here() {
    const char* location = nullptr;
    if (document_.current_location().get(location)) return buffer_.size();
    return IndexOf(location);
  }
  size_t IndexOf(const char* location) const {
    return location <= buffer_.data() ? 0 : static_cast<size_t>(location - buffer_.data()) - 1;
  }

  bool CheckTop(ondemand::value value) {
    ondemand::json_type type;
    if (error_code error = value.type().get(type)) return FailHere(error);
    if (type != ondemand::json_type::array || !element_limit_) return CheckEvent(value);
    out_->is_array = true;
    ondemand::array elements;
    if (error_code error = value.get_array().get(elements)) return FailHere(error);
    for (auto item : elements) {
      ondemand::value element;
      if (error_code error = item.get(element)) return FailHere(error);
      if (out_->elements.size() == element_limit_) return FailHere("too many events");
      std::string_view token = element.raw_json_token();
      size_t begin = IndexOf(token.data());
      bool is_scalar = !token.starts_with('{') && !token.starts_with('[');
      if (!CheckEvent(element)) return false;
      // Behind an object or array stands the comma or bracket that follows it, blanks before.
      std::string_view raw = token;
      if (!is_scalar) raw = std::string_view(buffer_).substr(begin + 1, Here() - begin);
      raw = TrimBlanks(raw);
      out_->elements.emplace_back(begin, raw.size());
    }
    return true;
  }

  bool CheckEvent(ondemand::value value) {
    key_.reset();
    size_t begin = IndexOf(value.raw_json_token().data());
    if (!Walk(value, 0)) return false;
    if (!key_field_.empty() && !key_) {
      return Fail(begin, fmt::format("the event has no key field '{}'", key_field_));
    }
    out_->keys.push_back(std::move(key_));
    return true;
  }

  bool Walk(ondemand::value value, int depth) {
    if (depth > kDepthLimit) return FailHere("nested too deeply");
    ondemand::json_type type;
    if (error_code error = value.type().get(type)) return FailHere(error);
    switch (type) {
      case ondemand::json_type::array: return WalkArray(value, depth);
      case ondemand::json_type::object: return WalkObject(value, depth);
      default: return CheckScalar(value, type);
    }
  }

  bool WalkArray(ondemand::value value, int depth) {
    ondemand::array array;
    if (error_code error = value.get_array().get(array)) return FailHere(error);
    for (auto item : array) {
      ondemand::value element;
      if (error_code error = item.get(element)) return FailHere(error);
      if (!Walk(element, depth + 1)) return false;
    }
    return true;
  }

  bool WalkObject(ondemand::value value, int depth) {
    ondemand::object object;
    if (error_code error = value.get_object().get(object)) return FailHere(error);
    for (auto item : object) {
      ondemand::field field;
      if (error_code error = std::move(item).get(field)) return FailHere(error);
      std::string_view name;
      if (error_code error = field.unescaped_key().get(name)) return FailHere(error);
      if (depth == 0 && !key_field_.empty() && name == key_field_) {
        if (!TakeKey(field.value())) return false;
      } else if (!Walk(field.value(), depth + 1)) {
        return false;
      }
    }
    return true;
  }

  bool TakeKey(ondemand::value value) {
    ondemand::json_type type;
    if (error_code error = value.type().get(type)) return FailHere(error);
    if (type == ondemand::json_type::string) {
      std::string_view text;
      if (error_code error = value.get_string().get(text)) return FailHere(error);
      key_ = std::string(text);
      return true;
    }
    if (type != ondemand::json_type::number && type != ondemand::json_type::boolean) {
      return FailHere(
          fmt::format("the key field '{}' is no string, number or boolean", key_field_));
    }
    std::string token(TrimBlanks(value.raw_json_token()));
    if (!CheckScalar(value, type)) return false;
    key_ = std::move(token);
    return true;
  }

  bool CheckScalar(ondemand::value value, ondemand::json_type type) {
    size_t begin = IndexOf(value.raw_json_token().data());
    std::string_view token = TrimBlanks(value.raw_json_token());
    switch (type) {
      case ondemand::json_type::string: {
        std::string_view text;
        if (error_code error = value.get_string().get(text)) {
          return Fail(begin, simdjson::error_message(error));
        }
        return true;
      }
      case ondemand::json_type::number: {
        ondemand::number number;
        error_code error = value.get_number().get(number);
        if (!error) return true;
        if (!IsWholeNumber(token)) return Fail(begin, simdjson::error_message(error));
        return true;
      }
      case ondemand::json_type::boolean: {
        bool flag;
        if (error_code error = value.get_bool().get(flag)) {
          return Fail(begin, simdjson::error_message(error));
        }
        return true;
      }
      default: {
        bool is_null = false;  // "null\f" is an error, which its conversion to bool would throw
        const error_code error = value.is_null().get(is_null);
        if (token != "null" || error || !is_null) return Fail(begin, "not a JSON value");
        return true;
      }
    }
  }

  ondemand::parser parser_;
  ondemand::document document_;
  std::string buffer_;
  std::string key_field_;
  std::optional<size_t> element_limit_;
  CheckedValue* out_ = nullptr;
  std::optional<std::string> key_;
  JsonFailure failure_;
};

Status BrokenJson(std::string_view body, size_t index, const std::string& what) {
  Position position = PositionOf(body, index);
  return MakeError(
      ErrorCode::kDecodeError,
      {.message = fmt::format("broken JSON in line {}, column {}", position.line, position.column),
       .detail = what,
       .hint = "nothing of this request was written"});
}

Status TooManyEvents(size_t limit) {
  return MakeError(ErrorCode::kRecordListTooLarge,
                   fmt::format("more than {} events in one request", limit));
}

// simdjson does not say where a text stops being UTF-8.
std::optional<size_t> FirstLineNotUtf8(std::string_view body) {
  if (simdjson::validate_utf8(body.data(), body.size())) return std::nullopt;
  size_t begin = 0;
  while (begin < body.size()) {
    size_t end = std::min(body.find('\n', begin), body.size());
    if (!simdjson::validate_utf8(body.data() + begin, end - begin)) return begin;
    begin = end + 1;
  }
  return size_t{0};
}

}  // namespace

BodyKind BodyKindOf(std::string_view content_type) {
  if (content_type == "application/json" || content_type.ends_with("+json")) return BodyKind::kJson;
  for (std::string_view name : {"application/x-ndjson", "application/ndjson", "application/jsonl",
                                "application/x-jsonlines", "application/json-lines"}) {
    if (content_type == name) return BodyKind::kJsonLines;
  }
  return BodyKind::kRaw;
}

struct EventBodyParser::Impl {
  Result<std::vector<Event>> ParseJson(std::string_view body, const EventBodyOptions& options) {
    CheckedValue checked;
    if (!checker.Check(body, options.key_field, options.event_limit + 1, &checked)) {
      return BrokenJson(body, checker.failure().index, checker.failure().what);
    }
    std::vector<Event> events;
    if (!checked.is_array) {
      events.push_back({TrimBlanks(body), std::move(checked.keys[0])});
      return events;
    }
    if (checked.elements.size() > options.event_limit) return TooManyEvents(options.event_limit);
    events.reserve(checked.elements.size());
    for (size_t i = 0; i < checked.elements.size(); ++i) {
      auto [begin, length] = checked.elements[i];
      events.push_back({body.substr(begin, length), std::move(checked.keys[i])});
    }
    return events;
  }

  Result<std::vector<Event>> ParseLines(std::string_view body, const EventBodyOptions& options) {
    std::vector<Event> events;
    size_t begin = 0;
    while (begin < body.size()) {
      size_t end = std::min(body.find('\n', begin), body.size());
      std::string_view line = TrimBlanks(body.substr(begin, end - begin));
      if (!line.empty()) {
        if (events.size() == options.event_limit) return TooManyEvents(options.event_limit);
        CheckedValue checked;
        if (!checker.Check(line, options.key_field, std::nullopt, &checked)) {
          size_t index = static_cast<size_t>(line.data() - body.data());
          index += std::min(checker.failure().index, line.size());
          return BrokenJson(body, index, checker.failure().what);
        }
        events.push_back({line, std::move(checked.keys[0])});
      }
      begin = end + 1;
    }
    return events;
  }

  JsonChecker checker;
};

EventBodyParser::EventBodyParser() : impl_(std::make_unique<Impl>()) {}
EventBodyParser::~EventBodyParser() = default;

Result<std::vector<Event>> EventBodyParser::Parse(std::string_view body,
                                                  const EventBodyOptions& options) {
  if (options.kind == BodyKind::kRaw) {
    if (!options.key_field.empty()) {
      return MakeError(ErrorCode::kInvalidArgument,
                       {.message = "key-field needs a JSON body",
                        .hint = "set Content-Type: application/json or application/x-ndjson"});
    }
    return std::vector<Event>{{body, std::nullopt}};
  }
  if (auto index = FirstLineNotUtf8(body)) return BrokenJson(body, *index, "not UTF-8");
  if (options.kind == BodyKind::kJson) return impl_->ParseJson(body, options);
  return impl_->ParseLines(body, options);
}

}  // namespace mainstem::gateway::http

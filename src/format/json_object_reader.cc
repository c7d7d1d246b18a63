#include "format/json_appender.h"
#include "format/json_token.h"

namespace mainstem::format {
namespace {

constexpr size_t kMaxExpectedKeys = 512;
constexpr size_t kNever = ~size_t{0};

// The key as it stands in the message, escapes included. Its end is sure: simdjson has checked
// that every string has one.
std::string_view RawKey(const char* begin) {
  const char* end = begin;
  while (*end != '"') end += *end == '\\' ? 2 : 1;
  return {begin, static_cast<size_t>(end - begin)};
}

simdjson::error_code UnescapeKey(std::string_view raw_key, std::string* key) {
  const simdjson::padded_string quoted('"' + std::string(raw_key) + '"');
  ondemand::parser parser;
  ondemand::document document;
  std::string_view text;
  if (auto error = parser.iterate(quoted).get(document)) return error;
  if (auto error = document.get_string().get(text)) return error;
  key->assign(text);
  return simdjson::SUCCESS;
}

}  // namespace

JsonOutcome JsonContext::BadValue(const std::string& path, std::string_view value,
                                  std::string_view expected) {
  if (rules.ignore_parse_errors) return JsonOutcome::kOk;
  error = "field '" + path + "': '" + std::string(value.substr(0, 80)) +
          (value.size() > 80 ? "..." : "") + "' is not " + std::string(expected);
  error_position = value.data();
  return JsonOutcome::kBadValue;
}

JsonOutcome JsonContext::Missing(const std::string& path) {
  error = "field '" + path + "' is missing";
  return JsonOutcome::kBadValue;
}

JsonOutcome JsonContext::Broken(simdjson::error_code code) {
  return Broken(simdjson::error_message(code));
}

JsonOutcome JsonContext::Broken(std::string text) {
  error = "not valid JSON: " + std::move(text);
  return JsonOutcome::kBroken;
}

JsonObjectReader::JsonObjectReader(std::vector<std::string> names,
                                   std::vector<std::unique_ptr<JsonAppender>> fields)
    : names_(std::move(names)),
      fields_(std::move(fields)),
      seen_(fields_.size(), 0),
      last_(fields_.size(), kNever) {
  for (size_t i = 0; i < names_.size(); ++i) {
    by_name_[names_[i]] = static_cast<int>(i);
    longest_name_ = std::max(longest_name_, names_[i].size());
  }
}

JsonOutcome JsonObjectReader::Read(ondemand::object object, int depth, JsonContext* context) {
  ++round_;
  JsonOutcome outcome = JsonOutcome::kOk;
  if (depth > kMaxJsonDepth) {
    outcome = context->Broken("nested too deeply");
  } else {
    if (context->last_wins) outcome = FindLast(object, context);
    if (outcome == JsonOutcome::kOk) outcome = ReadFields(object, depth, context);
  }
  return FillMissing(outcome, context);
}

// HOT PATH: once for each field of each message. Messages of one stream mostly have the same keys
// in the same order, so that the key is compared with the one that stood here before.
JsonOutcome JsonObjectReader::FindField(const char* raw, size_t ordinal, JsonContext* context,
                                        int* index) {
  if (ordinal < expected_.size()) {
    const Expected& expected = expected_[ordinal];
    const size_t size = expected.raw_key.size();
    if (std::memcmp(raw, expected.raw_key.data(), size) == 0 && raw[size] == '"') {
      *index = expected.field;
      return JsonOutcome::kOk;
    }
  }
  const std::string_view raw_key = RawKey(raw);
  std::string unescaped;
  std::string_view key = raw_key;
  if (key.find('\\') != std::string_view::npos) {
    if (auto error = UnescapeKey(raw_key, &unescaped)) return context->Broken(error);
    key = unescaped;
  }
  auto found = by_name_.find(absl::string_view(key.data(), key.size()));
  *index = found == by_name_.end() ? -1 : found->second;
  if (ordinal < kMaxExpectedKeys && raw_key.size() <= longest_name_ + 64) {
    if (ordinal >= expected_.size()) expected_.resize(ordinal + 1);
    expected_[ordinal] = {std::string(raw_key), *index};
  }
  return JsonOutcome::kOk;
}

// HOT PATH. A field's parts are taken one by one: copied as a whole, what has just been written
// word by word would be read as a vector, for which the processor has to wait.
JsonOutcome JsonObjectReader::ReadFields(ondemand::object object, int depth, JsonContext* context) {
  size_t ordinal = 0;
  for (auto next : object) {
    if (auto error = next.error()) return context->Broken(error);
    int index;
    JsonOutcome outcome = FindField(next.key().value_unsafe().raw(), ordinal, context, &index);
    if (outcome != JsonOutcome::kOk) return outcome;
    size_t here = ordinal++;
    bool wanted = index >= 0;
    if (wanted && context->last_wins) wanted = last_[index] == here;
    if (!wanted) {
      outcome = SkipJsonValue(next.value().value_unsafe(), depth, context);
    } else if (seen_[index] == round_) {
      return JsonOutcome::kDuplicate;
    } else {
      seen_[index] = round_;
      outcome = fields_[index]->Append(next.value().value_unsafe(), depth, context);
    }
    if (outcome != JsonOutcome::kOk) return outcome;
  }
  return JsonOutcome::kOk;
}

JsonOutcome JsonObjectReader::FindLast(ondemand::object object, JsonContext* context) {
  std::fill(last_.begin(), last_.end(), kNever);
  size_t ordinal = 0;
  for (auto next : object) {
    if (auto error = next.error()) return context->Broken(error);
    int index;
    JsonOutcome outcome = FindField(next.key().value_unsafe().raw(), ordinal, context, &index);
    if (outcome != JsonOutcome::kOk) return outcome;
    if (index >= 0) last_[index] = ordinal;
    ++ordinal;
  }
  bool is_empty;
  if (auto error = object.reset().get(is_empty)) return context->Broken(error);
  return JsonOutcome::kOk;
}

JsonOutcome JsonObjectReader::FillMissing(JsonOutcome outcome, JsonContext* context) {
  for (size_t i = 0; i < fields_.size(); ++i) {
    if (seen_[i] == round_) continue;
    fields_[i]->AppendNull();
    if (outcome == JsonOutcome::kOk && context->rules.fail_on_missing_field) {
      outcome = context->Missing(fields_[i]->path());
    }
  }
  return outcome;
}

JsonOutcome SkipJsonValue(ondemand::value value, int depth, JsonContext* context) {
  std::string_view raw = value.raw_json_token();
  if (raw.empty()) return context->Broken("unexpected end");
  if (raw[0] != '{' && raw[0] != '[') return CheckJsonScalar(raw, context);
  if (depth >= kMaxJsonDepth) return context->Broken("nested too deeply");
  JsonOutcome outcome = JsonOutcome::kOk;
  if (raw[0] == '{') {
    ondemand::object object;
    if (auto error = value.get_object().get(object)) return context->Broken(error);
    for (auto next : object) {
      ondemand::field field;
      if (auto error = std::move(next).get(field)) return context->Broken(error);
      outcome = SkipJsonValue(field.value(), depth + 1, context);
      if (outcome != JsonOutcome::kOk) return outcome;
    }
    return outcome;
  }
  ondemand::array array;
  if (auto error = value.get_array().get(array)) return context->Broken(error);
  for (auto next : array) {
    ondemand::value element;
    if (auto error = std::move(next).get(element)) return context->Broken(error);
    outcome = SkipJsonValue(element, depth + 1, context);
    if (outcome != JsonOutcome::kOk) return outcome;
  }
  return outcome;
}

}  // namespace mainstem::format

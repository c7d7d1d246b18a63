#include "format/json_token.h"

#include <cstring>

#include "format/text_number.h"

namespace mainstem::format {
namespace {

// simdjson has cut tokens at every quote that begins a string, so that the only doubt left is what
// stands between a string's end and the next token.
bool EndsWithItsQuote(std::string_view raw) {
  if (raw.size() < 2 || raw.back() != '"') return false;
  size_t backslashes = 0;
  while (raw[raw.size() - 2 - backslashes] == '\\') ++backslashes;
  return backslashes % 2 == 0;
}

JsonOutcome ReadString(std::string_view raw, ondemand::value& value, JsonContext* context,
                       JsonToken* token) {
  token->kind = JsonKind::kString;
  if (!EndsWithItsQuote(raw)) return context->Broken("text after a string's end");
  std::string_view inside = raw.substr(1, raw.size() - 2);
  if (std::memchr(inside.data(), '\\', inside.size()) == nullptr) {
    token->text = inside;
    return JsonOutcome::kOk;
  }
  if (auto error = value.get_string().get(token->text)) return context->Broken(error);
  return JsonOutcome::kOk;
}

}  // namespace

std::string_view TrimJsonSpace(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\r' ||
                           text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

bool PlainJsonString(std::string_view raw, std::string_view* text) {
  if (raw.empty() || raw[0] != '"') return false;
  raw = TrimJsonSpace(raw);
  if (raw.size() < 2 || raw.back() != '"') return false;
  *text = raw.substr(1, raw.size() - 2);
  return std::memchr(text->data(), '\\', text->size()) == nullptr;
}

JsonOutcome CheckJsonScalar(std::string_view raw, JsonContext* context) {
  raw = TrimJsonSpace(raw);
  if (!raw.empty() && raw[0] == '"') {
    if (EndsWithItsQuote(raw)) return JsonOutcome::kOk;
    return context->Broken("text after a string's end");
  }
  if (IsJsonNumber(raw) || raw == "true" || raw == "false" || raw == "null") {
    return JsonOutcome::kOk;
  }
  context->error_position = raw.data();
  return context->Broken("'" + std::string(raw.substr(0, 40)) + "' is not a JSON value");
}

JsonOutcome ReadJsonToken(ondemand::value& value, JsonContext* context, JsonToken* token) {
  std::string_view raw = TrimJsonSpace(value.raw_json_token());
  if (raw.empty()) return context->Broken("unexpected end");
  switch (raw[0]) {
    case '"': return ReadString(raw, value, context, token);
    case '{':
    case '[':
      token->kind = raw[0] == '{' ? JsonKind::kObject : JsonKind::kArray;
      token->text = raw.substr(0, 1);
      return JsonOutcome::kOk;
    case 't':
    case 'f':
      token->kind = JsonKind::kBoolean;
      token->text = raw;
      if (raw != "true" && raw != "false") break;
      return JsonOutcome::kOk;
    case 'n':
      token->kind = JsonKind::kNull;
      token->text = raw;
      if (raw != "null") break;
      return JsonOutcome::kOk;
    default:
      token->kind = JsonKind::kNumber;
      token->text = raw;
      if (!IsJsonNumber(raw)) break;
      return JsonOutcome::kOk;
  }
  context->error_position = raw.data();
  return context->Broken("'" + std::string(raw.substr(0, 40)) + "' is not a JSON value");
}

}  // namespace mainstem::format

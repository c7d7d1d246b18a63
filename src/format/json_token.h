// One scalar of a JSON message as text. Private to format/.
#pragma once

#include <cstdint>
#include <string_view>

#include "format/json_appender.h"

namespace mainstem::format {

enum class JsonKind : uint8_t { kNull, kBoolean, kNumber, kString, kObject, kArray };

struct JsonToken {
  JsonKind kind = JsonKind::kNull;
  // String: unescaped, valid until the parser's next message. Container: its opening bracket.
  std::string_view text;
};

// Checks the scalar's syntax. Consumes a string only if it has escapes; simdjson skips over what
// was not consumed.
JsonOutcome ReadJsonToken(ondemand::value& value, JsonContext* context, JsonToken* token);

// Without the white space that may stand before the next token.
std::string_view TrimJsonSpace(std::string_view text);

// True: the token is a string without escapes, and `text` is what stands between its quotes.
bool PlainJsonString(std::string_view raw, std::string_view* text);

// The same check for a token that nobody wants; escapes inside a string are not looked at.
JsonOutcome CheckJsonScalar(std::string_view raw, JsonContext* context);

}  // namespace mainstem::format

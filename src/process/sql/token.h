// What the lexer hands to the parser.
#pragma once

#include <cstdint>
#include <string>

#include "process/sql/source_text.h"

namespace mainstem::process::sql {

enum class TokenKind : uint8_t {
  kEnd,           // past the last character
  kWord,          // unquoted: a keyword or a name
  kQuotedName,    // `name`, unescaped
  kInteger,       // 12
  kDecimal,       // 1.5, .5, 5.
  kApproximate,   // 1e0
  kString,        // 'text', unescaped
  kBinaryString,  // X'0AFF': the digits
  kSymbol,        // operators and punctuation
  kHintBegin,     // /*+
  kHintEnd,       // the */ of a hint
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;   // words as written; strings and quoted names unescaped; symbols as written
  std::string upper;  // words only
  SourceSpan span;
};

}  // namespace mainstem::process::sql

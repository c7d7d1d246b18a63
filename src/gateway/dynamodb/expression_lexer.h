// Words and signs of DynamoDB's expressions. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace mainstem::gateway::dynamodb {

enum class TokenKind : uint8_t {
  kWord,   // an attribute, a function or a keyword
  kName,   // #name
  kValue,  // :value
  kIndex,  // a number, within [ ]
  kSign,   // ( ) [ ] , . = <> < <= > >= + -
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text{};
  bool Is(std::string_view sign) const { return kind == TokenKind::kSign && text == sign; }
  // Without regard to case.
  bool IsKeyword(std::string_view keyword) const;
};

// `parameter`: "ConditionExpression", for messages. The tokens are views into `text`; the last one
// is kEnd.
Result<std::vector<Token>> Tokenize(std::string_view parameter, std::string_view text);
// Invalid PARAMETER: Syntax error; token: "...", near: "..."
Status SyntaxErrorAt(std::string_view parameter, std::string_view text,
                     const std::vector<Token>& tokens, size_t position);

// reserved_words.cc
bool IsReservedWord(std::string_view word);

}  // namespace mainstem::gateway::dynamodb

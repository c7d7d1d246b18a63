#include "gateway/dynamodb/expression_lexer.h"

#include <fmt/format.h>

#include "core/net/http_message.h"
#include "gateway/dynamodb/errors.h"

namespace mainstem::gateway::dynamodb {
namespace {

constexpr size_t kExpressionBytesMax = 4096;

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

// How many bytes the token takes that `rest` begins with; 0: none can begin so.
size_t TokenSize(std::string_view rest, TokenKind* kind) {
  auto while_in = [&](size_t from, auto fits) {
    while (from < rest.size() && fits(rest[from])) ++from;
    return from;
  };
  auto in_word = [](char c) { return IsLetter(c) || IsDigit(c); };
  char first = rest[0];
  if (IsLetter(first)) {
    *kind = TokenKind::kWord;
    return while_in(1, in_word);
  }
  if (IsDigit(first)) {
    *kind = TokenKind::kIndex;
    return while_in(1, IsDigit);
  }
  if (first == '#' || first == ':') {
    *kind = first == '#' ? TokenKind::kName : TokenKind::kValue;
    size_t size = while_in(1, in_word);
    return size > 1 ? size : 0;
  }
  *kind = TokenKind::kSign;
  for (std::string_view sign : {"<>", "<=", ">="}) {
    if (rest.starts_with(sign)) return 2;
  }
  return std::string_view("()[],.=<>+-").find(first) == std::string_view::npos ? 0 : 1;
}

}  // namespace

bool Token::IsKeyword(std::string_view keyword) const {
  return kind == TokenKind::kWord && net::EqualsIgnoringCase(text, keyword);
}

Result<std::vector<Token>> Tokenize(std::string_view parameter, std::string_view text) {
  if (text.size() > kExpressionBytesMax) {
    return Invalid(fmt::format(
        "Invalid {}: Expression size has exceeded the maximum allowed size; expression size: {}",
        parameter, text.size()));
  }
  std::vector<Token> tokens;
  for (size_t at = 0; at < text.size();) {
    if (IsBlank(text[at])) {
      ++at;
      continue;
    }
    Token token;
    size_t size = TokenSize(text.substr(at), &token.kind);
    token.text = text.substr(at, size == 0 ? 1 : size);
    tokens.push_back(token);
    if (size == 0) return SyntaxErrorAt(parameter, text, tokens, tokens.size() - 1);
    at += size;
  }
  if (tokens.empty()) {
    return Invalid(fmt::format("Invalid {}: The expression can not be empty;", parameter));
  }
  tokens.push_back({.kind = TokenKind::kEnd, .text = text.substr(text.size())});
  return tokens;
}

Status SyntaxErrorAt(std::string_view parameter, std::string_view text,
                     const std::vector<Token>& tokens, size_t position) {
  const Token& token = tokens[position];
  const Token& before = tokens[position == 0 ? 0 : position - 1];
  const Token& after = tokens[std::min(position + 1, tokens.size() - 1)];
  auto begin = static_cast<size_t>(before.text.data() - text.data());
  auto end = static_cast<size_t>(after.text.data() - text.data()) + after.text.size();
  std::string_view shown = token.kind == TokenKind::kEnd ? "<EOF>" : token.text;
  return Invalid(fmt::format("Invalid {}: Syntax error; token: \"{}\", near: \"{}\"", parameter,
                             shown, text.substr(begin, end - begin)));
}

}  // namespace mainstem::gateway::dynamodb

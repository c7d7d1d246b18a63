// Token handling and error texts of the parser.
#include <algorithm>

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include "process/sql/keywords.h"
#include "process/sql/lexer.h"
#include "process/sql/parser.h"
#include "process/sql/parser_impl.h"

namespace mainstem::process::sql {
namespace {

std::string Shown(const Token& token) {
  switch (token.kind) {
    case TokenKind::kEnd: return "end of the text";
    case TokenKind::kWord:
      return IsReservedWord(token.upper) ? fmt::format("keyword {}", token.upper)
                                         : fmt::format("'{}'", token.text);
    case TokenKind::kQuotedName: return fmt::format("name `{}`", token.text);
    case TokenKind::kString:
      return token.text.size() <= 24 ? fmt::format("string '{}'", token.text) : "a string";
    case TokenKind::kBinaryString: return "a binary literal";
    case TokenKind::kHintBegin: return "a hint";
    case TokenKind::kHintEnd: return "end of a hint";
    default: return fmt::format("'{}'", token.text.substr(0, 24));
  }
}

const std::vector<std::string>& ClauseWords() {
  static const auto* const words = new std::vector<std::string>{
      "FROM",      "WHERE",  "GROUP",  "HAVING", "ORDER", "LIMIT", "OFFSET", "UNION",
      "INTERSECT", "EXCEPT", "JOIN",   "LEFT",   "RIGHT", "INNER", "CROSS",  "WINDOW",
      "FETCH",     "WITH",   "VALUES", "SELECT", "ON",    "USING", "LIKE",   "AS"};
  return *words;
}

}  // namespace

Result<Parser> Parser::Make(std::string text, size_t first_line_at) {
  auto source = std::make_shared<const SourceText>(std::move(text), first_line_at);
  ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(*source));
  return Parser(std::move(source), std::move(tokens));
}

Status Parser::CheckDepth() const {
  if (depth_ <= kNestingMax) return Status::OK();
  return Fail(Peek().span, fmt::format("nested more than {} levels deep", kNestingMax),
              "split the query with views or common table expressions");
}

const Token& Parser::Peek(size_t ahead) const {
  return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
}

Token Parser::Take() {
  const Token& token = Peek();
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool Parser::IsWord(std::string_view upper, size_t ahead) const {
  const Token& token = Peek(ahead);
  return token.kind == TokenKind::kWord && token.upper == upper;
}

bool Parser::AreWords(std::initializer_list<std::string_view> words) const {
  size_t ahead = 0;
  for (const std::string_view word : words) {
    if (!IsWord(word, ahead++)) return false;
  }
  return true;
}

bool Parser::IsSymbol(std::string_view symbol, size_t ahead) const {
  const Token& token = Peek(ahead);
  return token.kind == TokenKind::kSymbol && token.text == symbol;
}

bool Parser::TakeWord(std::string_view upper) {
  if (!IsWord(upper)) return false;
  ++at_;
  return true;
}

bool Parser::TakeWords(std::initializer_list<std::string_view> words) {
  if (!AreWords(words)) return false;
  at_ += words.size();
  return true;
}

bool Parser::TakeSymbol(std::string_view symbol) {
  if (!IsSymbol(symbol)) return false;
  ++at_;
  return true;
}

Status Parser::ExpectWord(std::string_view upper) {
  if (TakeWord(upper)) return Status::OK();
  return Unexpected(upper);
}

Status Parser::ExpectWords(std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) RETURN_IF_ERROR(ExpectWord(word));
  return Status::OK();
}

Status Parser::ExpectSymbol(std::string_view symbol, std::string_view why) {
  if (TakeSymbol(symbol)) return Status::OK();
  return Unexpected(why.empty() ? fmt::format("'{}'", symbol)
                                : fmt::format("'{}' {}", symbol, why));
}

Status Parser::Fail(const SourceSpan& span, std::string message, std::string hint) const {
  return ErrorAt(ErrorCode::kSyntaxError, *source_,
                 {.span = span, .message = std::move(message), .hint = std::move(hint)});
}

Status Parser::NotYet(const SourceSpan& span, std::string what, std::string hint) const {
  return ErrorAt(
      ErrorCode::kUnsupported, *source_,
      {.span = span, .message = what + " is not available yet", .hint = std::move(hint)});
}

Status Parser::Unexpected(std::string_view expected, std::string hint) const {
  const Token& token = Peek();
  if (hint.empty()) hint = GuessHint(expected);
  return Fail(token.span, fmt::format("unexpected {}; expected {}", Shown(token), expected),
              std::move(hint));
}

std::string Parser::GuessHint(std::string_view expected) const {
  const Token& token = Peek();
  const Token* before = at_ > 0 ? &tokens_[at_ - 1] : nullptr;
  if (token.kind == TokenKind::kWord && expected.find("name") != std::string_view::npos &&
      IsReservedWord(token.upper)) {
    return fmt::format("{} is a reserved word; write `{}` to use it as a name", token.upper,
                       token.text);
  }
  const bool after_comma =
      before != nullptr && before->kind == TokenKind::kSymbol && before->text == ",";
  if (after_comma && (token.kind == TokenKind::kEnd || token.text == ")" || token.text == ";" ||
                      (token.kind == TokenKind::kWord && IsReservedWord(token.upper) &&
                       !IsReservedFunction(token.upper)))) {
    return "remove the comma before it";
  }
  if (token.kind == TokenKind::kSymbol && token.text == "=" && before != nullptr &&
      before->text == "=") {
    return "equality is written with a single =";
  }
  if (token.kind == TokenKind::kWord && !expected.empty()) {
    const std::string near = NearestName(token.upper, {std::string(expected)});
    if (!near.empty() && near != token.upper) return fmt::format("did you mean {}?", near);
  }
  // SELECT a FORM t: the misspelt keyword was read as an alias, so it is one token back.
  for (const Token* word : {before, &token}) {
    if (word == nullptr || word->kind != TokenKind::kWord || word->text.size() < 3 ||
        IsReservedWord(word->upper)) {
      continue;
    }
    const std::string near = NearestName(word->upper, ClauseWords());
    if (!near.empty() && near != word->upper) {
      return fmt::format("did you mean {} in place of '{}'?", near, word->text);
    }
  }
  // `SELECT value FROM t` and the like: the reserved word began something else.
  if (before != nullptr && before->kind == TokenKind::kWord && IsReservedWord(before->upper) &&
      (token.text == "," || token.text == "FROM" || token.upper == "FROM" || token.text == ")" ||
       token.text == "." || token.text == "=" || token.kind == TokenKind::kEnd) &&
      token.kind != TokenKind::kString && IsReservedFunction(before->upper)) {
    return fmt::format("{} is a reserved word; write `{}` to use it as a name", before->upper,
                       before->text);
  }
  return {};
}

bool Parser::CanStartName(const Token& token) const {
  return token.kind == TokenKind::kQuotedName ||
         (token.kind == TokenKind::kWord && !IsReservedWord(token.upper));
}

Result<Identifier> Parser::ParseName(std::string_view what) {
  if (!CanStartName(Peek())) {
    if (Peek().kind == TokenKind::kString) {
      return Unexpected(what, fmt::format("names are not strings: write `{}`", Peek().text));
    }
    return Unexpected(what);
  }
  Token token = Take();
  return Identifier{std::move(token.text), token.span};
}

Result<ObjectName> Parser::ParseObjectName(std::string_view what) {
  ObjectName name;
  ASSIGN_OR_RETURN(Identifier first, ParseName(what));
  name.span = first.span;
  name.parts.push_back(std::move(first));
  while (TakeSymbol(".")) {
    ASSIGN_OR_RETURN(Identifier part, ParseName("a name after the dot"));
    name.parts.push_back(std::move(part));
    if (name.parts.size() > 3) {
      return Fail(name.parts.back().span, "a name has at most three parts: catalog.database.name");
    }
  }
  name.span = SpanFrom(name.span);
  return name;
}

Result<std::vector<Identifier>> Parser::ParseNameList(std::string_view what) {
  std::vector<Identifier> names;
  do {
    ASSIGN_OR_RETURN(Identifier name, ParseName(what));
    names.push_back(std::move(name));
  } while (TakeSymbol(","));
  return names;
}

Result<std::vector<Identifier>> Parser::ParseParenthesisedNames(std::string_view what) {
  RETURN_IF_ERROR(ExpectSymbol("(", fmt::format("before {}", what)));
  ASSIGN_OR_RETURN(std::vector<Identifier> names, ParseNameList(what));
  RETURN_IF_ERROR(ExpectSymbol(")", "or ','"));
  return names;
}

Result<Token> Parser::ParseString(std::string_view what) {
  if (Peek().kind == TokenKind::kString) return Take();
  std::string hint;
  if (Peek().kind == TokenKind::kWord || Peek().kind == TokenKind::kQuotedName ||
      Peek().kind == TokenKind::kInteger || Peek().kind == TokenKind::kDecimal) {
    // Options are often dotted: quote the whole of it.
    std::string text = Peek().text;
    for (size_t i = 1; i + 1 < 16 && (IsSymbol(".", i) || IsSymbol("-", i)); i += 2) {
      text += Peek(i).text + Peek(i + 1).text;
    }
    hint = fmt::format("write it in single quotes: '{}'", text);
  }
  return Unexpected(what, std::move(hint));
}

Result<int> Parser::ParseSmallInteger(std::string_view what, int max) {
  int value = 0;
  if (Peek().kind != TokenKind::kInteger) return Unexpected(what);
  const Token token = Take();
  if (!absl::SimpleAtoi(token.text, &value) || value > max) {
    return Fail(token.span, fmt::format("{} must be at most {}", what, max));
  }
  return value;
}

uint32_t HeightAbove(std::initializer_list<uint32_t> children) {
  uint32_t height = 0;
  for (const uint32_t child : children) height = std::max(height, child);
  return height + 1;
}

bool IsTimeUnit(std::string_view upper) {
  static constexpr std::string_view kUnits[] = {
      "YEAR",    "QUARTER",     "MONTH",       "WEEK",       "DAY",       "HOUR", "MINUTE",
      "SECOND",  "MILLISECOND", "MICROSECOND", "NANOSECOND", "DOW",       "DOY",  "ISODOW",
      "ISOYEAR", "EPOCH",       "DECADE",      "CENTURY",    "MILLENNIUM"};
  return std::find(std::begin(kUnits), std::end(kUnits), upper) != std::end(kUnits);
}

Result<Script> ParseScript(std::string text, size_t first_line_at) {
  ASSIGN_OR_RETURN(Parser parser, Parser::Make(std::move(text), first_line_at));
  return parser.ParseWholeScript();
}

Result<StatementPtr> ParseStatement(std::string text) {
  ASSIGN_OR_RETURN(Parser parser, Parser::Make(std::move(text)));
  return parser.ParseSingleStatement();
}

Result<ParsedExpression> ParseExpression(std::string text) {
  ASSIGN_OR_RETURN(Parser parser, Parser::Make(std::move(text)));
  ASSIGN_OR_RETURN(ExprPtr expr, parser.ParseSingleExpr());
  return ParsedExpression{parser.source(), std::move(expr)};
}

Result<TypeSyntaxPtr> ParseDataType(std::string text) {
  ASSIGN_OR_RETURN(Parser parser, Parser::Make(std::move(text)));
  return parser.ParseSingleType();
}

}  // namespace mainstem::process::sql

#include "process/sql/lexer.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include "format/utf8.h"
#include "process/sql/diagnostic.h"

namespace mainstem::process::sql {
namespace {

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }
// Bytes of multi-byte characters count as letters.
bool IsWordStart(char c) {
  const auto u = static_cast<unsigned char>(c);
  return absl::ascii_isalpha(u) || c == '_' || c == '$' || u >= 0x80;
}
bool IsWordPart(char c) { return IsWordStart(c) || IsDigit(c); }

class Lexer {
 public:
  explicit Lexer(const SourceText& source) : source_(source), text_(source.text()) {}

  Result<std::vector<Token>> Run() {
    if (text_.size() > kScriptBytesMax) {
      return MakeError(ErrorCode::kSyntaxError,
                       {.message = fmt::format("the script has {} bytes; at most {} are accepted",
                                               text_.size(), kScriptBytesMax)});
    }
    while (true) {
      RETURN_IF_ERROR(SkipSpace());
      if (tokens_.size() >= kScriptTokensMax) {
        return Fail(Here(), fmt::format("the script has more than {} tokens", kScriptTokensMax));
      }
      start_ = Here();
      if (at_ >= text_.size()) {
        if (in_hint_) return Fail(hint_begin_, "this hint is not closed", "close it with */");
        Push(TokenKind::kEnd, {});
        return std::move(tokens_);
      }
      RETURN_IF_ERROR(Next());
    }
  }

 private:
  char Peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool LooksAt(std::string_view what) const { return text_.substr(at_, what.size()) == what; }
  absl::string_view Ahead(size_t size) const {
    const std::string_view ahead = text_.substr(at_, size);
    return {ahead.data(), ahead.size()};
  }

  void Advance(size_t count = 1) {
    for (size_t i = 0; i < count && at_ < text_.size(); ++i, ++at_) {
      if (text_[at_] == '\n') {
        line_ = at_ + 1 == source_.first_line_at() ? 1 : line_ + 1;
        column_ = 1;
      } else if ((static_cast<unsigned char>(text_[at_]) & 0xC0) != 0x80) {
        ++column_;
      }
    }
  }

  SourceSpan Here() const {
    const auto at = static_cast<uint32_t>(at_);
    return {.begin = at, .end = at, .line = line_, .column = column_};
  }
  SourceSpan FromStart() const {
    SourceSpan span = start_;
    span.end = static_cast<uint32_t>(at_);
    return span;
  }
  void Push(TokenKind kind, std::string text) {
    Token token{.kind = kind, .text = std::move(text), .upper = {}, .span = FromStart()};
    if (kind == TokenKind::kWord) token.upper = absl::AsciiStrToUpper(token.text);
    tokens_.push_back(std::move(token));
  }
  Status Fail(const SourceSpan& span, std::string message, std::string hint = {}) const {
    return ErrorAt(ErrorCode::kSyntaxError, source_,
                   {.span = span, .message = std::move(message), .hint = std::move(hint)});
  }

  Status SkipSpace() {
    while (at_ < text_.size()) {
      if (absl::ascii_isspace(static_cast<unsigned char>(Peek()))) {
        Advance();
      } else if (LooksAt("\xEF\xBB\xBF")) {  // byte order mark
        Advance(3);
      } else if (LooksAt("--")) {
        while (at_ < text_.size() && Peek() != '\n') Advance();
      } else if (LooksAt("/*") && !LooksAt("/*+")) {
        const SourceSpan begin = Here();
        const size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) {
          return Fail({begin.begin, begin.begin + 2, begin.line, begin.column},
                      "this comment is not closed", "close it with */");
        }
        Advance(end + 2 - at_);
      } else {
        break;
      }
    }
    return Status::OK();
  }

  Status Next() {
    const char c = Peek();
    if (c == '\'') return String(TokenKind::kString);
    if ((c == 'x' || c == 'X') && Peek(1) == '\'') {
      Advance();
      return String(TokenKind::kBinaryString);
    }
    if ((c == 'n' || c == 'N') && Peek(1) == '\'') {  // of national characters: of all, anyway
      Advance();
      return String(TokenKind::kString);
    }
    if (absl::EqualsIgnoreCase(Ahead(6), "_UTF8'")) {
      Advance(5);
      return String(TokenKind::kString);
    }
    if (absl::EqualsIgnoreCase(Ahead(3), "U&'")) return EscapedString();
    if (c == '`') return QuotedName();
    if (c == '"') return DoubleQuoted();
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) return Number();
    if (IsWordStart(c)) return Word();
    return Symbol();
  }

  Status Word() {
    while (IsWordPart(Peek())) Advance();
    const SourceSpan span = FromStart();
    if (span.end - span.begin > kNameBytesMax) return Fail(span, "this name is too long");
    Push(TokenKind::kWord, std::string(source_.Slice(span)));
    return Status::OK();
  }

  // Reads up to the closing `quote`; a doubled quote stands for one.
  Result<std::string> Quoted(char quote, std::string_view what) {
    std::string value;
    const SourceSpan open = Here();
    Advance();
    while (true) {
      if (at_ >= text_.size()) {
        return Fail({open.begin, open.begin + 1, open.line, open.column},
                    fmt::format("this {} is not closed", what),
                    fmt::format("close it with {}", quote));
      }
      if (Peek() == quote) {
        if (Peek(1) != quote) break;
        Advance();
      }
      value += Peek();
      Advance();
    }
    Advance();
    return value;
  }

  Status String(TokenKind kind) {
    ASSIGN_OR_RETURN(std::string value, Quoted('\'', "string"));
    if (kind == TokenKind::kBinaryString) {
      for (const char c : value) {
        if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) {
          return Fail(FromStart(), "a binary literal holds hexadecimal digits only");
        }
      }
      if (value.size() % 2 != 0) {
        return Fail(FromStart(), "a binary literal needs an even number of digits");
      }
    }
    Push(kind, std::move(value));
    return Status::OK();
  }

  // U&'d\00e9j\00e0' [UESCAPE '!']: four digits name a character of the first 65,536.
  Status EscapedString() {
    Advance(2);
    ASSIGN_OR_RETURN(const std::string text, Quoted('\'', "string"));
    SourceSpan span = FromStart();
    char escape = '\\';
    RETURN_IF_ERROR(SkipSpace());
    if (absl::EqualsIgnoreCase(Ahead(7), "UESCAPE")) {
      Advance(7);
      RETURN_IF_ERROR(SkipSpace());
      if (Peek() != '\'') return Fail(Here(), "UESCAPE is followed by a character in quotes");
      ASSIGN_OR_RETURN(const std::string wanted, Quoted('\'', "string"));
      span = FromStart();
      if (wanted.size() != 1) return Fail(span, "UESCAPE takes one character");
      escape = wanted[0];
    }
    std::string value;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] != escape) {
        value += text[i];
      } else if (i + 1 < text.size() && text[i + 1] == escape) {
        value += text[++i];
      } else {
        const std::string digits = text.substr(i + 1, 4);
        uint32_t code = 0;
        if (digits.size() != 4 || !absl::SimpleHexAtoi(digits, &code) || digits[1] == 'x' ||
            digits[1] == 'X') {
          return Fail(span, fmt::format("'{}' is not followed by four hexadecimal digits", escape));
        }
        if (code >= 0xD800 && code <= 0xDFFF) {
          return Fail(span, "half a character", "write characters past U+FFFF as they are");
        }
        value += format::Utf8Character(code).bytes();
        i += 4;
      }
    }
    Token token{.kind = TokenKind::kString, .text = std::move(value), .upper = {}, .span = span};
    tokens_.push_back(std::move(token));
    return Status::OK();
  }

  Status QuotedName() {
    ASSIGN_OR_RETURN(std::string value, Quoted('`', "quoted name"));
    if (value.empty()) return Fail(FromStart(), "a name cannot be empty");
    if (value.size() > kNameBytesMax) return Fail(FromStart(), "this name is too long");
    Push(TokenKind::kQuotedName, std::move(value));
    return Status::OK();
  }

  Status DoubleQuoted() {
    const size_t close = text_.find('"', at_ + 1);
    const size_t newline = text_.find('\n', at_);
    std::string inside;
    if (close != std::string_view::npos && close < newline) {
      inside = text_.substr(at_ + 1, close - at_ - 1);
      Advance(close + 1 - at_);
    } else {
      Advance();
    }
    std::string hint = "names are quoted with backticks, strings with single quotes";
    if (!inside.empty() && inside.size() < 64) {
      hint = fmt::format("write `{0}` for a name or '{0}' for a string", inside);
    }
    return Fail(FromStart(), "double quotes are not used in this dialect", std::move(hint));
  }

  Status Number() {
    TokenKind kind = TokenKind::kInteger;
    while (IsDigit(Peek())) Advance();
    if (Peek() == '.' && Peek(1) != '.') {
      kind = TokenKind::kDecimal;
      Advance();
      while (IsDigit(Peek())) Advance();
    }
    if (Peek() == 'e' || Peek() == 'E') {
      const size_t sign = Peek(1) == '+' || Peek(1) == '-' ? 1 : 0;
      if (IsDigit(Peek(1 + sign))) {
        kind = TokenKind::kApproximate;
        Advance(1 + sign);
        while (IsDigit(Peek())) Advance();
      }
    }
    if (IsWordStart(Peek())) {
      while (IsWordPart(Peek())) Advance();
      const std::string word(source_.Slice(FromStart()));
      return Fail(FromStart(), fmt::format("'{}' is neither a number nor a name", word),
                  fmt::format("a name that starts with a digit needs backticks: `{}`", word));
    }
    const std::string text(source_.Slice(FromStart()));
    if (text.size() > kNameBytesMax) return Fail(FromStart(), "this number is too long");
    Push(kind, text);
    return Status::OK();
  }

  Status Symbol() {
    if (LooksAt("/*+")) {
      if (in_hint_) return Fail(Here(), "a hint cannot hold another hint");
      Advance(3);
      in_hint_ = true;
      hint_begin_ = FromStart();
      Push(TokenKind::kHintBegin, "/*+");
      return Status::OK();
    }
    if (in_hint_ && LooksAt("*/")) {
      Advance(2);
      in_hint_ = false;
      Push(TokenKind::kHintEnd, "*/");
      return Status::OK();
    }
    for (const std::string_view two : {"<>", "<=", ">=", "!=", "||", "=>", "->"}) {
      if (LooksAt(two)) {
        Advance(2);
        Push(TokenKind::kSymbol, std::string(two));
        return Status::OK();
      }
    }
    constexpr std::string_view kSingle = "()[]{},.;:+-*/%=<>?|^";
    const char c = Peek();
    if (kSingle.find(c) == std::string_view::npos) {
      Advance();
      return Fail(FromStart(), c >= ' ' && c < 127
                                   ? fmt::format("the character '{}' has no meaning here", c)
                                   : fmt::format("the byte 0x{:02X} has no meaning here",
                                                 static_cast<unsigned char>(c)));
    }
    Advance();
    Push(TokenKind::kSymbol, std::string(1, c));
    return Status::OK();
  }

  const SourceText& source_;
  const std::string_view text_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  uint32_t column_ = 1;
  SourceSpan start_;
  bool in_hint_ = false;
  SourceSpan hint_begin_;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> Tokenize(const SourceText& source) { return Lexer(source).Run(); }

}  // namespace mainstem::process::sql

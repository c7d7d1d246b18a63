#include "gateway/logs/filter_expression.h"

#include <algorithm>

#include <fmt/format.h>

namespace mainstem::gateway::logs {
namespace {

constexpr int kParenthesesMax = 32;
constexpr int kRegexesMax = 2;

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool IsBareCharacter(char c) {
  return !IsBlank(c) && std::string_view("\"%&|(){}[],=<>!").find(c) == std::string_view::npos;
}

class ExpressionParser {
 public:
  ExpressionParser(PatternScanner* scanner, bool with_states, const TakeSelector& take_selector)
      : scanner_(scanner), with_states_(with_states), take_selector_(take_selector) {}

  Result<FilterExpression> ParseAny(int depth) {
    return ParseParts(FilterExpression::Kind::kAny, "||", [&] { return ParseAll(depth); });
  }

 private:
  template <typename ParsePart>
  Result<FilterExpression> ParseParts(FilterExpression::Kind kind, std::string_view between,
                                      ParsePart parse_part) {
    ASSIGN_OR_RETURN(FilterExpression first, parse_part());
    if (!scanner_->Take(between)) return first;
    FilterExpression joined{.kind = kind};
    joined.parts.push_back(std::move(first));
    do {
      ASSIGN_OR_RETURN(FilterExpression part, parse_part());
      joined.parts.push_back(std::move(part));
    } while (scanner_->Take(between));
    return joined;
  }

  Result<FilterExpression> ParseAll(int depth) {
    return ParseParts(FilterExpression::Kind::kAll, "&&", [&] { return ParseOne(depth); });
  }

  Result<FilterExpression> ParseOne(int depth) {
    if (!scanner_->Take("(")) return ParseTest();
    if (depth == kParenthesesMax) return scanner_->Error("fewer parentheses");
    ASSIGN_OR_RETURN(FilterExpression inner, ParseAny(depth + 1));
    if (!scanner_->Take(")")) return scanner_->Error("')'");
    return inner;
  }

  Result<FilterExpression> ParseTest() {
    FilterExpression test;
    ASSIGN_OR_RETURN(test.selector, take_selector_(scanner_));
    if (with_states_ && TakeState(&test.test)) return test;
    ASSIGN_OR_RETURN(CompareOp op, TakeOperator());
    ASSIGN_OR_RETURN(Operand operand, scanner_->TakeOperand());
    if (scanner_->regex_count() > kRegexesMax) return scanner_->Error("at most 2 %regex%");
    ASSIGN_OR_RETURN(test.comparison, Comparison::Make(op, std::move(operand)));
    return test;
  }

  bool TakeState(FilterTest* test) {
    if (scanner_->TakeWord("IS")) {
      if (scanner_->TakeWord("NULL")) return *test = FilterTest::kIsNull, true;
      if (scanner_->TakeWord("TRUE")) return *test = FilterTest::kIsTrue, true;
      if (scanner_->TakeWord("FALSE")) return *test = FilterTest::kIsFalse, true;
      return false;
    }
    if (scanner_->TakeWord("NOT") && scanner_->TakeWord("EXISTS")) {
      return *test = FilterTest::kNotExists, true;
    }
    return false;
  }

  Result<CompareOp> TakeOperator() {
    // "=!" is in the guide, too.
    if (scanner_->Take("!=") || scanner_->Take("=!")) return CompareOp::kNotEqual;
    if (scanner_->Take("<=")) return CompareOp::kLessEqual;
    if (scanner_->Take(">=")) return CompareOp::kGreaterEqual;
    if (scanner_->Take("<")) return CompareOp::kLess;
    if (scanner_->Take(">")) return CompareOp::kGreater;
    if (scanner_->Take("=")) return CompareOp::kEqual;
    return scanner_->Error("an operator");
  }

  PatternScanner* const scanner_;
  const bool with_states_;
  const TakeSelector& take_selector_;
};

}  // namespace

bool FilterExpression::Evaluate(
    const std::function<bool(const FilterExpression& test)>& holds) const {
  auto part_holds = [&](const FilterExpression& part) { return part.Evaluate(holds); };
  switch (kind) {
    case Kind::kAll: return std::all_of(parts.begin(), parts.end(), part_holds);
    case Kind::kAny: return std::any_of(parts.begin(), parts.end(), part_holds);
    case Kind::kTest: return holds(*this);
  }
  return false;
}

void PatternScanner::SkipBlanks() {
  while (!rest_.empty() && IsBlank(rest_[0])) rest_.remove_prefix(1);
}

bool PatternScanner::AtEnd() {
  SkipBlanks();
  return rest_.empty();
}

char PatternScanner::Peek() {
  SkipBlanks();
  return rest_.empty() ? '\0' : rest_[0];
}

bool PatternScanner::Take(std::string_view text) {
  SkipBlanks();
  if (!rest_.starts_with(text)) return false;
  rest_.remove_prefix(text.size());
  return true;
}

bool PatternScanner::TakeWord(std::string_view word) {
  SkipBlanks();
  if (!rest_.starts_with(word)) return false;
  if (rest_.size() > word.size() && IsWordCharacter(rest_[word.size()])) return false;
  rest_.remove_prefix(word.size());
  return true;
}

std::string_view PatternScanner::TakeRun(bool (*wanted)(char c)) {
  auto end = std::find_if_not(rest_.begin(), rest_.end(), wanted);
  std::string_view run = rest_.substr(0, static_cast<size_t>(end - rest_.begin()));
  rest_.remove_prefix(run.size());
  return run;
}

Result<std::string> PatternScanner::TakeQuoted() {
  std::string text;
  while (!rest_.empty() && rest_[0] != '"') {
    bool escapes = rest_[0] == '\\' && rest_.size() > 1 && (rest_[1] == '"' || rest_[1] == '\\');
    if (escapes) rest_.remove_prefix(1);
    text.push_back(rest_[0]);
    rest_.remove_prefix(1);
  }
  if (rest_.empty()) return Error("'\"'");
  rest_.remove_prefix(1);
  return text;
}

Result<Operand> PatternScanner::TakeOperand() {
  Operand operand;
  if (Take("\"")) {
    operand.quoted = true;
    ASSIGN_OR_RETURN(operand.text, TakeQuoted());
    return operand;
  }
  if (Take("%")) {
    size_t end = rest_.find('%');
    if (end == std::string_view::npos) return Error("'%'");
    ASSIGN_OR_RETURN(operand.regex, MakeFilterRegex(rest_.substr(0, end)));
    rest_.remove_prefix(end + 1);
    ++regex_count_;
    return operand;
  }
  operand.text = TakeRun(IsBareCharacter);
  if (operand.text.empty()) return Error("a value");
  return operand;
}

Status PatternScanner::Error(std::string_view expected) {
  SkipBlanks();
  return MakeError(ErrorCode::kInvalidArgument,
                   rest_.empty() ? fmt::format("{} is expected at the end", expected)
                                 : fmt::format("{} is expected before '{}'", expected, rest_));
}

Result<FilterExpression> ParseFilterExpression(PatternScanner* scanner, bool with_states,
                                               const TakeSelector& take_selector) {
  return ExpressionParser(scanner, with_states, take_selector).ParseAny(0);
}

}  // namespace mainstem::gateway::logs

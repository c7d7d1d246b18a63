#include "gateway/dynamodb/expression_parser.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "gateway/dynamodb/errors.h"
#include "gateway/dynamodb/expression_lexer.h"

namespace mainstem::gateway::dynamodb {
namespace {

constexpr int kDepthMax = 100;
constexpr size_t kOperatorsMax = 300;
constexpr size_t kInMax = 100;
constexpr size_t kPathStepsMax = 32;

bool IsOrdered(ValueType type) {
  return type == ValueType::kString || type == ValueType::kNumber || type == ValueType::kBinary;
}

std::string_view SignOf(Comparison comparison) {
  switch (comparison) {
    case Comparison::kEqual: return "=";
    case Comparison::kNotEqual: return "<>";
    case Comparison::kLess: return "<";
    case Comparison::kLessEqual: return "<=";
    case Comparison::kGreater: return ">";
    case Comparison::kGreaterEqual: return ">=";
  }
  return "";
}

}  // namespace

std::string Shown(const Path& path) {
  std::string out;
  for (const PathStep& step : path) {
    if (!out.empty()) out += ", ";
    out += step.index >= 0 ? fmt::format("[{}]", step.index) : step.name;
  }
  return "[" + out + "]";
}

// One text. Recursive descent; what it may nest is limited.
class ExpressionParser {
 public:
  ExpressionParser(std::string_view parameter, std::string_view text, Placeholders* placeholders)
      : parameter_(parameter), text_(text), placeholders_(placeholders) {
    placeholders_->parsed_any_ = true;
  }

  Status Begin() { return Tokenize(parameter_, text_).Value(&tokens_); }
  Status End() {
    if (Next().kind != TokenKind::kEnd) return SyntaxError();
    if (operators_ <= kOperatorsMax) return Status::OK();
    return Wrong(
        fmt::format("The expression contains too many operators; operator count: {}", operators_));
  }

  Result<Condition> Or(int depth);
  Result<Update> Updates();
  Result<Path> ReadPath();
  bool TakeSign(std::string_view sign) {
    if (!Next().Is(sign)) return false;
    ++at_;
    return true;
  }

 private:
  const Token& Next() const { return tokens_[at_]; }
  const Token& After() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Status SyntaxError() const { return SyntaxErrorAt(parameter_, text_, tokens_, at_); }
  Status Wrong(const std::string& what) const {
    return Invalid(fmt::format("Invalid {}: {}", parameter_, what));
  }
  Status WrongType(std::string_view function, ValueType type) const {
    return Wrong(
        fmt::format("Incorrect operand type for operator or function; operator or function: {}, "
                    "operand type: {}",
                    function, NameOf(type)));
  }
  Status TooDeep(int depth) const {
    return depth <= kDepthMax ? Status::OK() : Wrong("The expression is nested too deeply");
  }
  bool TakeKeyword(std::string_view keyword) {
    if (!Next().IsKeyword(keyword)) return false;
    ++at_;
    return true;
  }
  Status Expect(std::string_view sign) { return TakeSign(sign) ? Status::OK() : SyntaxError(); }

  Result<Condition> And(int depth);
  Result<Condition> Not(int depth);
  Result<Condition> Primary(int depth);
  Result<Condition> Function();
  Status CheckFunction(std::string_view name, const Condition& condition) const;
  Result<Condition> Comparing();
  Result<Condition> Between(Operand first);
  Result<Condition> In(Operand first);
  Result<Operand> ReadOperand();
  Result<std::string> ReadName();

  Status ReadSection(std::string_view section, Update* update);
  Result<UpdateValue> ReadUpdateValue(int depth);
  Result<UpdateValue> ReadUpdateTerm(int depth);
  Status ReadChange(std::string_view section, Update* update);

  const std::string_view parameter_;
  const std::string_view text_;
  Placeholders* const placeholders_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  size_t operators_ = 0;
};

Result<Condition> ExpressionParser::Or(int depth) {
  RETURN_IF_ERROR(TooDeep(depth));
  ASSIGN_OR_RETURN(Condition first, And(depth));
  if (!Next().IsKeyword("OR")) return first;
  Condition out{.kind = Condition::Kind::kOr};
  out.parts.push_back(std::move(first));
  while (TakeKeyword("OR")) {
    ++operators_;
    ASSIGN_OR_RETURN(Condition part, And(depth));
    out.parts.push_back(std::move(part));
  }
  return out;
}

Result<Condition> ExpressionParser::And(int depth) {
  ASSIGN_OR_RETURN(Condition first, Not(depth));
  if (!Next().IsKeyword("AND")) return first;
  Condition out{.kind = Condition::Kind::kAnd};
  out.parts.push_back(std::move(first));
  while (TakeKeyword("AND")) {
    ++operators_;
    ASSIGN_OR_RETURN(Condition part, Not(depth));
    out.parts.push_back(std::move(part));
  }
  return out;
}

Result<Condition> ExpressionParser::Not(int depth) {
  RETURN_IF_ERROR(TooDeep(depth));
  if (!TakeKeyword("NOT")) return Primary(depth);
  ++operators_;
  Condition out{.kind = Condition::Kind::kNot};
  ASSIGN_OR_RETURN(Condition part, Not(depth + 1));
  out.parts.push_back(std::move(part));
  return out;
}

Result<Condition> ExpressionParser::Primary(int depth) {
  if (TakeSign("(")) {
    ASSIGN_OR_RETURN(Condition inner, Or(depth + 1));
    RETURN_IF_ERROR(Expect(")"));
    return inner;
  }
  bool calls = Next().kind == TokenKind::kWord && After().Is("(");
  return calls && Next().text != "size" ? Function() : Comparing();
}

Result<Condition> ExpressionParser::Function() {
  struct Known {
    std::string_view name;
    Condition::Kind kind;
    size_t operand_count;
  };
  static constexpr Known kKnown[] = {{"attribute_exists", Condition::Kind::kExists, 1},
                                     {"attribute_not_exists", Condition::Kind::kNotExists, 1},
                                     {"attribute_type", Condition::Kind::kHasType, 2},
                                     {"begins_with", Condition::Kind::kBeginsWith, 2},
                                     {"contains", Condition::Kind::kContains, 2}};
  std::string_view name = Next().text;
  auto known = std::find_if(std::begin(kKnown), std::end(kKnown),
                            [&](const Known& function) { return function.name == name; });
  if (known == std::end(kKnown)) {
    return Wrong(fmt::format("Invalid function name; function: {}", name));
  }
  at_ += 2;
  ++operators_;
  Condition out{.kind = known->kind};
  do {
    ASSIGN_OR_RETURN(Operand operand, ReadOperand());
    out.operands.push_back(std::move(operand));
  } while (TakeSign(","));
  RETURN_IF_ERROR(Expect(")"));
  if (out.operands.size() != known->operand_count) {
    return Wrong(
        fmt::format("Incorrect number of operands for operator or function; operator or function: "
                    "{}, number of operands: {}",
                    name, out.operands.size()));
  }
  RETURN_IF_ERROR(CheckFunction(name, out));
  return out;
}

Status ExpressionParser::CheckFunction(std::string_view name, const Condition& condition) const {
  const Operand& first = condition.operands[0];
  using Kind = Condition::Kind;
  bool needs_path = condition.kind == Kind::kExists || condition.kind == Kind::kNotExists;
  if (needs_path && first.kind != Operand::Kind::kPath) {
    return Wrong(
        fmt::format("Operator or function requires a document path; operator or "
                    "function: {}",
                    name));
  }
  if (condition.operands.size() < 2 || condition.operands[1].kind != Operand::Kind::kValue) {
    return Status::OK();
  }
  const AttributeValue& second = condition.operands[1].value;
  if (condition.kind == Kind::kBeginsWith && second.type != ValueType::kString &&
      second.type != ValueType::kBinary) {
    return WrongType(name, second.type);
  }
  if (condition.kind != Kind::kHasType) return Status::OK();
  if (second.type != ValueType::kString) return WrongType(name, second.type);
  for (size_t i = 0; i <= static_cast<size_t>(ValueType::kBinarySet); ++i) {
    if (NameOf(static_cast<ValueType>(i)) == second.text) return Status::OK();
  }
  return Wrong(
      fmt::format("Invalid attribute type name found; type: {}, valid types: "
                  "{{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}",
                  second.text));
}

Result<Condition> ExpressionParser::Comparing() {
  ASSIGN_OR_RETURN(Operand first, ReadOperand());
  if (TakeKeyword("BETWEEN")) return Between(std::move(first));
  if (TakeKeyword("IN")) return In(std::move(first));
  Condition out{.kind = Condition::Kind::kCompare};
  bool found = false;
  for (Comparison comparison :
       {Comparison::kEqual, Comparison::kNotEqual, Comparison::kLess, Comparison::kLessEqual,
        Comparison::kGreater, Comparison::kGreaterEqual}) {
    if (found || !TakeSign(SignOf(comparison))) continue;
    out.comparison = comparison;
    found = true;
  }
  if (!found) return SyntaxError();
  ++operators_;
  ASSIGN_OR_RETURN(Operand second, ReadOperand());
  out.operands.push_back(std::move(first));
  out.operands.push_back(std::move(second));
  if (out.comparison == Comparison::kEqual || out.comparison == Comparison::kNotEqual) return out;
  for (const Operand& operand : out.operands) {
    bool is_value = operand.kind == Operand::Kind::kValue;
    if (is_value && !IsOrdered(operand.value.type)) {
      return WrongType(SignOf(out.comparison), operand.value.type);
    }
  }
  return out;
}

Result<Condition> ExpressionParser::Between(Operand first) {
  ++operators_;
  Condition out{.kind = Condition::Kind::kBetween};
  out.operands.push_back(std::move(first));
  for (int i = 0; i < 2; ++i) {
    if (i == 1 && !TakeKeyword("AND")) return SyntaxError();
    ASSIGN_OR_RETURN(Operand bound, ReadOperand());
    bool is_value = bound.kind == Operand::Kind::kValue;
    if (is_value && !IsOrdered(bound.value.type)) return WrongType("BETWEEN", bound.value.type);
    out.operands.push_back(std::move(bound));
  }
  const Operand& low = out.operands[1];
  const Operand& high = out.operands[2];
  if (low.kind != Operand::Kind::kValue || high.kind != Operand::Kind::kValue) return out;
  if (low.value.type != high.value.type) {
    return Wrong(fmt::format(
        "The BETWEEN operator requires same data type for lower and upper bounds; lower bound "
        "operand: AttributeValue: {}, upper bound operand: AttributeValue: {}",
        Shown(low.value), Shown(high.value)));
  }
  bool is_number = low.value.type == ValueType::kNumber;
  bool in_order =
      is_number ? low.value.number() <= high.value.number() : low.value.text <= high.value.text;
  if (in_order) return out;
  return Wrong(fmt::format(
      "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower "
      "bound operand: AttributeValue: {}, upper bound operand: AttributeValue: {}",
      Shown(low.value), Shown(high.value)));
}

Result<Condition> ExpressionParser::In(Operand first) {
  ++operators_;
  Condition out{.kind = Condition::Kind::kIn};
  out.operands.push_back(std::move(first));
  RETURN_IF_ERROR(Expect("("));
  do {
    ASSIGN_OR_RETURN(Operand item, ReadOperand());
    out.operands.push_back(std::move(item));
  } while (TakeSign(","));
  RETURN_IF_ERROR(Expect(")"));
  if (out.operands.size() - 1 <= kInMax) return out;
  return Wrong(
      fmt::format("The IN operator is provided with too many operands; number of operands: {}",
                  out.operands.size() - 1));
}

Result<Operand> ExpressionParser::ReadOperand() {
  Operand out;
  if (Next().kind == TokenKind::kValue) {
    ASSIGN_OR_RETURN(out.value, placeholders_->TakeValue(parameter_, Next().text));
    ++at_;
    return out;
  }
  if (Next().kind == TokenKind::kWord && After().Is("(")) {
    if (Next().text != "size") {
      return Wrong(
          fmt::format("The function is not allowed to be used this way in an expression; "
                      "function: {}",
                      Next().text));
    }
    at_ += 2;
    out.kind = Operand::Kind::kSize;
    ++operators_;
    if (Next().kind == TokenKind::kValue) {  // its size is known
      return Wrong("Operator or function requires a document path; operator or function: size");
    }
    ASSIGN_OR_RETURN(out.path, ReadPath());
    RETURN_IF_ERROR(Expect(")"));
    return out;
  }
  out.kind = Operand::Kind::kPath;
  ASSIGN_OR_RETURN(out.path, ReadPath());
  return out;
}

Result<std::string> ExpressionParser::ReadName() {
  if (Next().kind == TokenKind::kName) {
    ASSIGN_OR_RETURN(std::string name, placeholders_->TakeName(parameter_, Next().text));
    ++at_;
    return name;
  }
  if (Next().kind != TokenKind::kWord) return SyntaxError();
  if (IsReservedWord(Next().text)) {
    return Wrong(
        fmt::format("Attribute name is a reserved keyword; reserved keyword: {}", Next().text));
  }
  return std::string(tokens_[at_++].text);
}

Result<Path> ExpressionParser::ReadPath() {
  Path path;
  ASSIGN_OR_RETURN(std::string name, ReadName());
  path.push_back({.name = std::move(name)});
  while (true) {
    if (path.size() > kPathStepsMax) {
      return Wrong("The document path has too many nesting elements; nesting levels: " +
                   std::to_string(path.size()));
    }
    if (TakeSign(".")) {
      ASSIGN_OR_RETURN(name, ReadName());
      path.push_back({.name = std::move(name)});
    } else if (TakeSign("[")) {
      std::string_view digits = Next().text;
      int64_t index = 0;
      auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
      bool good = Next().kind == TokenKind::kIndex && error == std::errc() &&
                  end == digits.data() + digits.size();
      if (!good) return SyntaxError();
      ++at_;
      RETURN_IF_ERROR(Expect("]"));
      path.push_back({.index = index});
    } else {
      return path;
    }
  }
}

Result<Update> ExpressionParser::Updates() {
  Update update;
  std::set<std::string_view> seen;
  while (Next().kind != TokenKind::kEnd) {
    std::string_view section;
    for (std::string_view name : {"SET", "REMOVE", "ADD", "DELETE"}) {
      if (Next().IsKeyword(name)) section = name;
    }
    if (section.empty()) return SyntaxError();
    ++at_;
    if (!seen.insert(section).second) {
      return Wrong(fmt::format("The \"{}\" section can only be used once in an update expression;",
                               section));
    }
    do {
      RETURN_IF_ERROR(ReadSection(section, &update));
    } while (TakeSign(","));
  }
  return update;
}

Status ExpressionParser::ReadSection(std::string_view section, Update* update) {
  ++operators_;
  if (section == "SET") {
    Update::Assignment assignment;
    ASSIGN_OR_RETURN(assignment.path, ReadPath());
    RETURN_IF_ERROR(Expect("="));
    ASSIGN_OR_RETURN(assignment.value, ReadUpdateValue(0));
    update->sets.push_back(std::move(assignment));
    return Status::OK();
  }
  if (section != "REMOVE") return ReadChange(section, update);
  ASSIGN_OR_RETURN(Path path, ReadPath());
  update->removes.push_back(std::move(path));
  return Status::OK();
}

Status ExpressionParser::ReadChange(std::string_view section, Update* update) {
  Update::Change change;
  ASSIGN_OR_RETURN(change.path, ReadPath());
  if (Next().kind != TokenKind::kValue) return SyntaxError();
  ASSIGN_OR_RETURN(change.value, placeholders_->TakeValue(parameter_, Next().text));
  ++at_;
  bool adds = section == "ADD";
  ValueType type = change.value.type;
  if (!change.value.is_set() && !(adds && type == ValueType::kNumber)) {
    return WrongType(section, type);
  }
  (adds ? update->adds : update->deletes).push_back(std::move(change));
  return Status::OK();
}

Result<UpdateValue> ExpressionParser::ReadUpdateValue(int depth) {
  ASSIGN_OR_RETURN(UpdateValue first, ReadUpdateTerm(depth));
  bool plus = Next().Is("+");
  if (!plus && !Next().Is("-")) return first;
  ++at_;
  ++operators_;
  UpdateValue out{.kind = plus ? UpdateValue::Kind::kPlus : UpdateValue::Kind::kMinus};
  ASSIGN_OR_RETURN(UpdateValue second, ReadUpdateTerm(depth));
  for (const UpdateValue* term : {&first, &second}) {
    bool is_value =
        term->kind == UpdateValue::Kind::kOperand && term->operand.kind == Operand::Kind::kValue;
    if (is_value && term->operand.value.type != ValueType::kNumber) {
      return WrongType(plus ? "+" : "-", term->operand.value.type);
    }
  }
  out.parts.push_back(std::move(first));
  out.parts.push_back(std::move(second));
  return out;
}

Result<UpdateValue> ExpressionParser::ReadUpdateTerm(int depth) {
  RETURN_IF_ERROR(TooDeep(depth));
  UpdateValue out;
  if (TakeSign("(")) {
    ASSIGN_OR_RETURN(out, ReadUpdateValue(depth + 1));
    RETURN_IF_ERROR(Expect(")"));
    return out;
  }
  bool calls = Next().kind == TokenKind::kWord && After().Is("(");
  if (!calls) {
    ASSIGN_OR_RETURN(out.operand, ReadOperand());
    return out;
  }
  std::string_view name = Next().text;
  bool if_not_exists = name == "if_not_exists";
  if (!if_not_exists && name != "list_append") {
    return Wrong(fmt::format("Invalid function name; function: {}", name));
  }
  at_ += 2;
  ++operators_;
  out.kind = if_not_exists ? UpdateValue::Kind::kIfNotExists : UpdateValue::Kind::kListAppend;
  if (if_not_exists) {
    if (Next().kind == TokenKind::kValue) {
      return Wrong(
          "Operator or function requires a document path; operator or function: if_not_exists");
    }
    out.operand.kind = Operand::Kind::kPath;
    ASSIGN_OR_RETURN(out.operand.path, ReadPath());
  } else {
    ASSIGN_OR_RETURN(UpdateValue first, ReadUpdateTerm(depth + 1));
    out.parts.push_back(std::move(first));
  }
  RETURN_IF_ERROR(Expect(","));
  ASSIGN_OR_RETURN(UpdateValue second, ReadUpdateTerm(depth + 1));
  out.parts.push_back(std::move(second));
  RETURN_IF_ERROR(Expect(")"));
  return out;
}

Result<Condition> ParseCondition(std::string_view parameter, std::string_view text,
                                 Placeholders* placeholders) {
  ExpressionParser parser(parameter, text, placeholders);
  RETURN_IF_ERROR(parser.Begin());
  ASSIGN_OR_RETURN(Condition condition, parser.Or(0));
  RETURN_IF_ERROR(parser.End());
  return condition;
}

Result<Update> ParseUpdate(std::string_view text, Placeholders* placeholders) {
  constexpr std::string_view kParameter = "UpdateExpression";
  ExpressionParser parser(kParameter, text, placeholders);
  RETURN_IF_ERROR(parser.Begin());
  ASSIGN_OR_RETURN(Update update, parser.Updates());
  RETURN_IF_ERROR(parser.End());
  std::vector<Path> paths = update.removes;
  for (const Update::Assignment& set : update.sets) paths.push_back(set.path);
  for (const Update::Change& add : update.adds) paths.push_back(add.path);
  for (const Update::Change& change : update.deletes) paths.push_back(change.path);
  RETURN_IF_ERROR(CheckOverlap(kParameter, paths));
  return update;
}

Result<std::vector<Path>> ParseProjection(std::string_view text, Placeholders* placeholders) {
  constexpr std::string_view kParameter = "ProjectionExpression";
  ExpressionParser parser(kParameter, text, placeholders);
  RETURN_IF_ERROR(parser.Begin());
  std::vector<Path> paths;
  do {
    ASSIGN_OR_RETURN(Path path, parser.ReadPath());
    paths.push_back(std::move(path));
  } while (parser.TakeSign(","));
  RETURN_IF_ERROR(parser.End());
  RETURN_IF_ERROR(CheckOverlap(kParameter, paths));
  return paths;
}

Status CheckOverlap(std::string_view parameter, const std::vector<Path>& paths) {
  for (size_t i = 0; i < paths.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      size_t shared = std::min(paths[i].size(), paths[j].size());
      if (!std::equal(paths[i].begin(), paths[i].begin() + static_cast<ptrdiff_t>(shared),
                      paths[j].begin())) {
        continue;
      }
      return Invalid(
          fmt::format("Invalid {}: Two document paths overlap with each other; must remove or "
                      "rewrite one of these paths; path one: {}, path two: {}",
                      parameter, Shown(paths[j]), Shown(paths[i])));
    }
  }
  return Status::OK();
}

}  // namespace mainstem::gateway::dynamodb

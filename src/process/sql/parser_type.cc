// Data types: INT, DECIMAL(10, 2) NOT NULL, ROW<a INT, b STRING>, INT ARRAY ...
#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include "process/sql/keywords.h"
#include "process/sql/parser_impl.h"

namespace mainstem::process::sql {
namespace {

struct TypeWord {
  std::string_view canonical;
  int parameters;  // how many numbers may follow in parentheses
};

const TypeWord* FindTypeWord(std::string_view upper) {
  static const auto* const words =
      new absl::flat_hash_map<std::string_view, TypeWord>{{"BOOLEAN", {"BOOLEAN", 0}},
                                                          {"TINYINT", {"TINYINT", 0}},
                                                          {"SMALLINT", {"SMALLINT", 0}},
                                                          {"INT", {"INT", 0}},
                                                          {"INTEGER", {"INT", 0}},
                                                          {"BIGINT", {"BIGINT", 0}},
                                                          {"FLOAT", {"FLOAT", 0}},
                                                          {"REAL", {"FLOAT", 0}},
                                                          {"DOUBLE", {"DOUBLE", 0}},
                                                          {"DECIMAL", {"DECIMAL", 2}},
                                                          {"DEC", {"DECIMAL", 2}},
                                                          {"NUMERIC", {"DECIMAL", 2}},
                                                          {"STRING", {"STRING", 0}},
                                                          {"CHAR", {"CHAR", 1}},
                                                          {"CHARACTER", {"CHAR", 1}},
                                                          {"VARCHAR", {"VARCHAR", 1}},
                                                          {"BINARY", {"BINARY", 1}},
                                                          {"VARBINARY", {"VARBINARY", 1}},
                                                          {"BYTES", {"BYTES", 0}},
                                                          {"DATE", {"DATE", 0}},
                                                          {"TIME", {"TIME", 1}},
                                                          {"TIMESTAMP", {"TIMESTAMP", 1}},
                                                          {"TIMESTAMP_LTZ", {"TIMESTAMP_LTZ", 1}},
                                                          {"VARIANT", {"VARIANT", 0}}};
  const auto found = words->find(upper);
  return found == words->end() ? nullptr : &found->second;
}

// What people of other systems write.
std::string_view AlienType(std::string_view upper) {
  static const auto* const words = new absl::flat_hash_map<std::string_view, std::string_view>{
      {"TEXT", "STRING"},
      {"LONG", "BIGINT"},
      {"BOOL", "BOOLEAN"},
      {"INT64", "BIGINT"},
      {"INT32", "INT"},
      {"FLOAT64", "DOUBLE"},
      {"DATETIME", "TIMESTAMP(3)"},
      {"TIMESTAMPTZ", "TIMESTAMP_LTZ(3)"},
      {"BLOB", "BYTES"},
      {"STRUCT", "ROW<...>"},
      {"JSON", "STRING"},
      {"UUID", "STRING"},
      {"NUMBER", "DECIMAL(p, s)"},
      {"FLOAT32", "FLOAT"},
      {"BYTEA", "BYTES"}};
  const auto found = words->find(upper);
  return found == words->end() ? std::string_view() : found->second;
}

const std::vector<std::string>& TypeNames() {
  static const auto* const names = new std::vector<std::string>{
      "BOOLEAN",  "TINYINT", "SMALLINT",  "INT",           "BIGINT",   "FLOAT",     "DOUBLE",
      "DECIMAL",  "STRING",  "CHAR",      "VARCHAR",       "BINARY",   "VARBINARY", "BYTES",
      "DATE",     "TIME",    "TIMESTAMP", "TIMESTAMP_LTZ", "INTERVAL", "ARRAY",     "MAP",
      "MULTISET", "ROW",     "RAW",       "INTEGER",       "VARIANT"};
  return *names;
}

}  // namespace

Result<TypeSyntaxPtr> Parser::ParseType() {
  const DepthGuard guard(this);
  RETURN_IF_ERROR(CheckDepth());
  const SourceSpan begin = Peek().span;
  ASSIGN_OR_RETURN(TypeSyntax type, ParseTypeName());
  uint32_t wraps = 0;
  while (true) {
    if (TakeWords({"NOT", "NULL"})) {
      type.nullable = false;
    } else if (IsWord("NULL")) {
      Take();
      type.nullable = true;
    } else if (IsWord("ARRAY") || IsWord("MULTISET")) {  // INT ARRAY is ARRAY<INT>
      if (++wraps > kNestingMax) return Fail(Peek().span, "this type is nested too deep");
      TypeSyntax outer;
      outer.name = Take().upper;
      type.span = SpanFrom(begin);
      outer.elements.push_back(std::make_shared<const TypeSyntax>(std::move(type)));
      type = std::move(outer);
    } else {
      break;
    }
  }
  type.span = SpanFrom(begin);
  return std::make_shared<const TypeSyntax>(std::move(type));
}

Result<TypeSyntax> Parser::ParseTypeName() {
  TypeSyntax type;
  const Token& token = Peek();
  if (token.kind == TokenKind::kQuotedName) {
    ASSIGN_OR_RETURN(ObjectName name, ParseObjectName("a type"));
    type.name = name.ToString();
    return type;
  }
  if (token.kind != TokenKind::kWord) return Unexpected("a data type");
  const std::string word = token.upper;
  if (word == "ARRAY" || word == "MULTISET" || word == "MAP") {
    type.name = Take().upper;
    RETURN_IF_ERROR(ExpectSymbol("<", "and the element type"));
    ASSIGN_OR_RETURN(TypeSyntaxPtr element, ParseType());
    type.elements.push_back(std::move(element));
    if (word == "MAP") {
      RETURN_IF_ERROR(ExpectSymbol(",", "and the value type"));
      ASSIGN_OR_RETURN(TypeSyntaxPtr value, ParseType());
      type.elements.push_back(std::move(value));
    }
    RETURN_IF_ERROR(ExpectSymbol(">"));
    return type;
  }
  if (word == "ROW") {
    type.name = Take().upper;
    RETURN_IF_ERROR(ParseRowFields(&type));
    return type;
  }
  if (word == "INTERVAL") {
    type.name = Take().upper;
    ASSIGN_OR_RETURN(IntervalQualifier qualifier, ParseIntervalQualifier());
    type.interval_from = qualifier.from;
    type.interval_to = qualifier.to;
    type.precision = qualifier.precision;
    type.scale = qualifier.fraction;
    return type;
  }
  if (word == "RAW" || word == "STRUCTURED") return NotYet(token.span, "type " + word);
  const TypeWord* known = FindTypeWord(word);
  if (known == nullptr) {
    const std::string_view alien = AlienType(word);
    std::string hint = alien.empty() ? DidYouMean(word, TypeNames())
                                     : "write " + std::string(alien) + " in place of " + word;
    return Fail(token.span, "unknown data type '" + token.text + "'", std::move(hint));
  }
  type.name = known->canonical;
  Take();
  if (word == "DOUBLE") TakeWord("PRECISION");
  if ((word == "CHAR" || word == "CHARACTER") && TakeWord("VARYING")) type.name = "VARCHAR";
  if (word == "BINARY" && TakeWord("VARYING")) type.name = "VARBINARY";
  RETURN_IF_ERROR(ParsePrecision(&type, known->parameters));
  if (word == "TIME" || word == "TIMESTAMP") {
    const SourceSpan zone = Peek().span;
    if (TakeWords({"WITHOUT", "TIME", "ZONE"})) return type;
    if (TakeWords({"WITH", "LOCAL", "TIME", "ZONE"})) {
      type.name += "_LTZ";
    } else if (TakeWords({"WITH", "TIME", "ZONE"})) {
      return Fail(SpanFrom(zone), word + " WITH TIME ZONE does not exist",
                  "use TIMESTAMP_LTZ: a moment, shown in the session's time zone");
    }
  }
  return type;
}

Status Parser::ParsePrecision(TypeSyntax* type, int count) {
  if (!IsSymbol("(")) return Status::OK();
  if (count == 0) {
    return Fail(Peek().span, type->name + " takes no length or precision",
                type->name == "STRING" ? "use VARCHAR(n) for a limited length" : "");
  }
  Take();
  constexpr int kLengthMax = 2147483647;
  ASSIGN_OR_RETURN(int first, ParseSmallInteger("a number", kLengthMax));
  type->precision = first;
  if (count == 2 && TakeSymbol(",")) {
    ASSIGN_OR_RETURN(int second, ParseSmallInteger("a scale", 38));
    type->scale = second;
  }
  return ExpectSymbol(")");
}

// ROW<a INT 'comment', ..> or ROW(a INT, ..)
Status Parser::ParseRowFields(TypeSyntax* type) {
  const bool angle = IsSymbol("<");
  if (!angle && !IsSymbol("(")) return Unexpected("'<' and the fields of the row");
  Take();
  const std::string_view close = angle ? ">" : ")";
  if (TakeSymbol(close)) return Status::OK();
  do {
    TypeSyntax::Field field;
    ASSIGN_OR_RETURN(field.name, ParseName("a field name"));
    ASSIGN_OR_RETURN(field.type, ParseType());
    if (Peek().kind == TokenKind::kString) field.comment = Take().text;
    type->fields.push_back(std::move(field));
  } while (TakeSymbol(","));
  return ExpectSymbol(close, "or ','");
}

Result<IntervalQualifier> Parser::ParseIntervalQualifier() {
  static constexpr std::string_view kUnits[] = {"YEAR", "QUARTER", "MONTH",  "WEEK",
                                                "DAY",  "HOUR",    "MINUTE", "SECOND"};
  const auto take_unit = [this]() -> Result<std::string> {
    const Token& token = Peek();
    if (token.kind == TokenKind::kWord) {
      std::string word = token.upper;
      if (word.size() > 1 && word.back() == 'S') word.pop_back();
      for (const std::string_view unit : kUnits) {
        if (word == unit) {
          Take();
          return word;
        }
      }
    }
    return Unexpected("a time unit (YEAR, MONTH, DAY, HOUR, MINUTE or SECOND)");
  };
  IntervalQualifier qualifier;
  ASSIGN_OR_RETURN(qualifier.from, take_unit());
  if (TakeSymbol("(")) {
    ASSIGN_OR_RETURN(int precision, ParseSmallInteger("a precision", 10));
    qualifier.precision = precision;
    if (TakeSymbol(",")) {
      ASSIGN_OR_RETURN(int fraction, ParseSmallInteger("a precision", 9));
      qualifier.fraction = fraction;
    }
    RETURN_IF_ERROR(ExpectSymbol(")"));
  }
  if (IsWord("TO")) {
    Take();
    ASSIGN_OR_RETURN(qualifier.to, take_unit());
    if (qualifier.to == "SECOND" && TakeSymbol("(")) {
      ASSIGN_OR_RETURN(int fraction, ParseSmallInteger("a precision", 9));
      qualifier.fraction = fraction;
      RETURN_IF_ERROR(ExpectSymbol(")"));
    }
  }
  return qualifier;
}

// INTERVAL '1 02:03' DAY TO MINUTE, INTERVAL 5 DAY; INTERVAL n DAY.
Result<ExprPtr> Parser::ParseInterval() {
  const SourceSpan begin = Take().span;
  auto node = std::make_unique<IntervalExpr>();
  if (TakeSymbol("-"))
    node->negative = true;
  else
    TakeSymbol("+");
  if (IsSymbol("(") || Peek().kind == TokenKind::kQuotedName ||
      (Peek().kind == TokenKind::kWord && CanStartName(Peek()))) {
    return ParseCountedInterval(std::move(node), begin);
  }
  if (Peek().kind == TokenKind::kDecimal) {
    return Unexpected("the length of the interval as a string",
                      fmt::format("write INTERVAL '{}'", Peek().text));
  }
  if (Peek().kind == TokenKind::kInteger) {
    node->text = Take().text;
  } else {
    ASSIGN_OR_RETURN(Token text, ParseString("the length of the interval"));
    node->text = text.text;
  }
  ASSIGN_OR_RETURN(node->qualifier, ParseIntervalQualifier());
  return Finish(std::move(node), begin, {});
}

// INTERVAL (a + 1) DAY, INTERVAL n HOUR: so many times the interval of one.
Result<ExprPtr> Parser::ParseCountedInterval(std::unique_ptr<IntervalExpr> one,
                                             const SourceSpan& begin) {
  auto product = std::make_unique<BinaryExpr>();
  product->op = BinaryOp::kMultiply;
  product->op_span = begin;
  if (TakeSymbol("(")) {  // (a - b) DAY alone would be a difference of times
    ASSIGN_OR_RETURN(product->left, ParseExpr());
    RETURN_IF_ERROR(ExpectSymbol(")"));
  } else {
    ASSIGN_OR_RETURN(product->left, ParseNamePath());
  }
  one->text = "1";
  ASSIGN_OR_RETURN(one->qualifier, ParseIntervalQualifier());
  ASSIGN_OR_RETURN(product->right, Finish(std::move(one), begin, {}));
  const Expr *l = product->left.get(), *r = product->right.get();
  return Finish(std::move(product), begin, {l, r});
}

Result<TypeSyntaxPtr> Parser::ParseSingleType() {
  ASSIGN_OR_RETURN(TypeSyntaxPtr type, ParseType());
  if (!AtEnd()) return Unexpected("the end of the type");
  return type;
}

}  // namespace mainstem::process::sql

// Expressions, lowest precedence first: OR, AND, NOT, comparisons and tests, + - , * / % ||, signs,
// subscripts and fields. Chains of AND and OR become balanced trees: both are associative in
// three-valued logic, and a condition of a thousand terms must not be a thousand levels deep.
#include <algorithm>

#include <fmt/format.h>

#include "process/sql/keywords.h"
#include "process/sql/parser_impl.h"

namespace mainstem::process::sql {

Result<ExprPtr> Parser::Finish(ExprPtr expr, const SourceSpan& begin,
                               std::initializer_list<const Expr*> children) {
  return FinishList(std::move(expr), begin, children);
}

Result<ExprPtr> Parser::FinishList(ExprPtr expr, const SourceSpan& begin,
                                   const std::vector<const Expr*>& children) {
  expr->span = SpanFrom(begin);
  for (const Expr* child : children) {
    if (child != nullptr) expr->height = std::max(expr->height, child->height + 1);
  }
  if (expr->height > kNestingMax) {
    return Fail(begin, fmt::format("this expression is more than {} levels deep", kNestingMax),
                "split it over several views or common table expressions");
  }
  return expr;
}

ExprPtr Parser::MakeLiteral(LiteralKind kind, std::string text, const SourceSpan& span) const {
  auto literal = std::make_unique<LiteralExpr>();
  literal->literal = kind;
  literal->text = std::move(text);
  literal->span = span;
  return literal;
}

Result<ExprPtr> Parser::ParseSingleExpr() {
  ASSIGN_OR_RETURN(ExprPtr expr, ParseExpr());
  if (!AtEnd()) return Unexpected("the end of the expression");
  return expr;
}

Result<ExprPtr> Parser::ParseExpr() {
  const DepthGuard guard(this);
  RETURN_IF_ERROR(CheckDepth());
  return ParseOr();
}

Result<ExprPtr> Parser::Balance(BinaryOp op, std::vector<ExprPtr> operands,
                                const std::vector<SourceSpan>& op_spans) {
  // Bottom-up rounds that join neighbours: the height grows with the logarithm of the count.
  std::vector<SourceSpan> spans = op_spans;
  while (operands.size() > 1) {
    std::vector<ExprPtr> joined;
    std::vector<SourceSpan> joined_spans;
    for (size_t i = 0; i < operands.size(); i += 2) {
      if (i + 1 == operands.size()) {
        joined.push_back(std::move(operands[i]));
        break;
      }
      auto node = std::make_unique<BinaryExpr>();
      node->op = op;
      node->op_span = spans[i];
      node->left = std::move(operands[i]);
      node->right = std::move(operands[i + 1]);
      node->span = Cover(node->left->span, node->right->span);
      node->height = HeightAbove({node->left->height, node->right->height});
      if (node->height > kNestingMax) {
        return Fail(node->op_span, "this condition is nested too deep");
      }
      joined.push_back(std::move(node));
      if (i + 2 < operands.size()) joined_spans.push_back(spans[i + 1]);
    }
    operands = std::move(joined);
    spans = std::move(joined_spans);
  }
  return std::move(operands.front());
}

Result<ExprPtr> Parser::ParseOr() {
  std::vector<ExprPtr> operands;
  std::vector<SourceSpan> op_spans;
  while (true) {
    ASSIGN_OR_RETURN(ExprPtr operand, ParseAnd());
    operands.push_back(std::move(operand));
    if (!IsWord("OR")) break;
    op_spans.push_back(Take().span);
  }
  return Balance(BinaryOp::kOr, std::move(operands), op_spans);
}

Result<ExprPtr> Parser::ParseAnd() {
  std::vector<ExprPtr> operands;
  std::vector<SourceSpan> op_spans;
  while (true) {
    ASSIGN_OR_RETURN(ExprPtr operand, ParseNot());
    operands.push_back(std::move(operand));
    if (!IsWord("AND")) break;
    op_spans.push_back(Take().span);
  }
  return Balance(BinaryOp::kAnd, std::move(operands), op_spans);
}

Result<ExprPtr> Parser::ParseNot() {
  if (!IsWord("NOT")) return ParsePredicate();
  const DepthGuard guard(this);
  RETURN_IF_ERROR(CheckDepth());
  const SourceSpan begin = Take().span;
  auto node = std::make_unique<UnaryExpr>();
  node->op = UnaryOp::kNot;
  ASSIGN_OR_RETURN(node->operand, ParseNot());
  const Expr* operand = node->operand.get();
  return Finish(std::move(node), begin, {operand});
}

Result<ExprPtr> Parser::ParsePredicate() {
  ASSIGN_OR_RETURN(ExprPtr left, ParseAdditive());
  while (true) {
    const Token& token = Peek();
    if (token.kind == TokenKind::kSymbol) {
      const std::string& text = token.text;
      if (text != "=" && text != "<>" && text != "!=" && text != "<" && text != "<=" &&
          text != ">" && text != ">=") {
        return left;
      }
      ASSIGN_OR_RETURN(left, ParseComparison(std::move(left)));
    } else if (IsWord("IS")) {
      ASSIGN_OR_RETURN(left, ParseIs(std::move(left)));
    } else if (IsWord("NOT") || IsWord("IN") || IsWord("BETWEEN") || IsWord("LIKE") ||
               IsWord("SIMILAR")) {
      if (IsWord("NOT") && !IsWord("IN", 1) && !IsWord("BETWEEN", 1) && !IsWord("LIKE", 1) &&
          !IsWord("SIMILAR", 1)) {
        return left;  // NOT NULL after a computed column
      }
      ASSIGN_OR_RETURN(left, ParseNegatable(std::move(left)));
    } else if (IsWord("OVERLAPS")) {
      auto node = std::make_unique<BinaryExpr>();
      node->op = BinaryOp::kOverlaps;
      node->op_span = Take().span;
      node->left = std::move(left);
      ASSIGN_OR_RETURN(node->right, ParseAdditive());
      const Expr *l = node->left.get(), *r = node->right.get();
      ASSIGN_OR_RETURN(left, Finish(std::move(node), l->span, {l, r}));
    } else {
      return left;
    }
  }
}

Result<ExprPtr> Parser::ParseComparison(ExprPtr left) {
  const Token op = Take();
  BinaryOp which = BinaryOp::kEqual;
  if (op.text == "!=") {
    return Fail(op.span, "the operator '!=' is not a part of the dialect", "write <>");
  }
  if (op.text == "<>") which = BinaryOp::kNotEqual;
  if (op.text == "<") which = BinaryOp::kLess;
  if (op.text == "<=") which = BinaryOp::kLessEqual;
  if (op.text == ">") which = BinaryOp::kGreater;
  if (op.text == ">=") which = BinaryOp::kGreaterEqual;
  const SourceSpan begin = left->span;
  if ((IsWord("ALL") || IsWord("ANY") || IsWord("SOME")) && IsSymbol("(", 1)) {
    auto node = std::make_unique<QuantifiedExpr>();
    node->op = which;
    node->all = Take().upper == "ALL";
    node->operand = std::move(left);
    Take();
    if (AtQuery()) {
      ASSIGN_OR_RETURN(node->query, ParseQuery());
    } else {
      ASSIGN_OR_RETURN(node->list, ParseExprList());
    }
    RETURN_IF_ERROR(ExpectSymbol(")"));
    std::vector<const Expr*> children = {node->operand.get()};
    for (const ExprPtr& item : node->list) children.push_back(item.get());
    if (node->query != nullptr) node->height = node->query->height + 1;
    return FinishList(std::move(node), begin, children);
  }
  auto node = std::make_unique<BinaryExpr>();
  node->op = which;
  node->op_span = op.span;
  node->left = std::move(left);
  ASSIGN_OR_RETURN(node->right, ParseAdditive());
  const Expr *l = node->left.get(), *r = node->right.get();
  return Finish(std::move(node), begin, {l, r});
}

Result<ExprPtr> Parser::ParseIs(ExprPtr left) {
  const SourceSpan begin = left->span;
  Take();
  auto node = std::make_unique<IsExpr>();
  node->negated = TakeWord("NOT");
  if (TakeWord("NULL")) {
    node->test = IsTest::kNull;
  } else if (TakeWord("TRUE")) {
    node->test = IsTest::kTrue;
  } else if (TakeWord("FALSE")) {
    node->test = IsTest::kFalse;
  } else if (TakeWord("UNKNOWN")) {
    node->test = IsTest::kUnknown;
  } else if (TakeWord("JSON")) {
    node->test = IsTest::kJsonValue;
    if (TakeWord("OBJECT"))
      node->test = IsTest::kJsonObject;
    else if (TakeWord("ARRAY"))
      node->test = IsTest::kJsonArray;
    else if (TakeWord("SCALAR"))
      node->test = IsTest::kJsonScalar;
    else
      TakeWord("VALUE");
  } else if (TakeWord("DISTINCT")) {
    RETURN_IF_ERROR(ExpectWord("FROM"));
    node->test = IsTest::kDistinctFrom;
    ASSIGN_OR_RETURN(node->other, ParseAdditive());
  } else {
    return Unexpected("NULL, TRUE, FALSE, UNKNOWN, DISTINCT FROM or JSON");
  }
  node->operand = std::move(left);
  const Expr *l = node->operand.get(), *r = node->other.get();
  return Finish(std::move(node), begin, {l, r});
}

// [NOT] IN, BETWEEN, LIKE, SIMILAR TO
Result<ExprPtr> Parser::ParseNegatable(ExprPtr left) {
  const SourceSpan begin = left->span;
  const bool negated = TakeWord("NOT");
  if (TakeWord("IN")) return ParseIn(std::move(left), negated);
  if (TakeWord("BETWEEN")) {
    auto node = std::make_unique<BetweenExpr>();
    node->negated = negated;
    node->symmetric = TakeWord("SYMMETRIC");
    if (!node->symmetric) TakeWord("ASYMMETRIC");
    node->operand = std::move(left);
    ASSIGN_OR_RETURN(node->low, ParseAdditive());
    RETURN_IF_ERROR(ExpectWord("AND"));
    ASSIGN_OR_RETURN(node->high, ParseAdditive());
    const Expr *a = node->operand.get(), *b = node->low.get(), *c = node->high.get();
    return Finish(std::move(node), begin, {a, b, c});
  }
  auto node = std::make_unique<LikeExpr>();
  node->negated = negated;
  node->similar = Take().upper == "SIMILAR";
  if (node->similar) RETURN_IF_ERROR(ExpectWord("TO"));
  node->operand = std::move(left);
  ASSIGN_OR_RETURN(node->pattern, ParseAdditive());
  if (TakeWord("ESCAPE")) {
    ASSIGN_OR_RETURN(node->escape, ParseAdditive());
  }
  const Expr *a = node->operand.get(), *b = node->pattern.get(), *c = node->escape.get();
  return Finish(std::move(node), begin, {a, b, c});
}

Result<ExprPtr> Parser::ParseIn(ExprPtr left, bool negated) {
  const SourceSpan begin = left->span;
  auto node = std::make_unique<InExpr>();
  node->negated = negated;
  node->operand = std::move(left);
  RETURN_IF_ERROR(ExpectSymbol("(", "and the values"));
  if (AtQuery()) {
    ASSIGN_OR_RETURN(node->query, ParseQuery());
    node->height = node->query->height + 1;
  } else {
    ASSIGN_OR_RETURN(node->list, ParseExprList());
  }
  RETURN_IF_ERROR(ExpectSymbol(")", "or ','"));
  std::vector<const Expr*> children = {node->operand.get()};
  for (const ExprPtr& item : node->list) children.push_back(item.get());
  return FinishList(std::move(node), begin, children);
}

Result<ExprPtr> Parser::ParseAdditive() {
  ASSIGN_OR_RETURN(ExprPtr left, ParseMultiplicative());
  while (IsSymbol("+") || IsSymbol("-")) {
    auto node = std::make_unique<BinaryExpr>();
    const Token op = Take();
    node->op = op.text == "+" ? BinaryOp::kAdd : BinaryOp::kSubtract;
    node->op_span = op.span;
    node->left = std::move(left);
    ASSIGN_OR_RETURN(node->right, ParseMultiplicative());
    const Expr *l = node->left.get(), *r = node->right.get();
    const SourceSpan begin = l->span;
    ASSIGN_OR_RETURN(left, Finish(std::move(node), begin, {l, r}));
  }
  return left;
}

Result<ExprPtr> Parser::ParseMultiplicative() {
  ASSIGN_OR_RETURN(ExprPtr left, ParseUnary());
  while (IsSymbol("*") || IsSymbol("/") || IsSymbol("%") || IsSymbol("||")) {
    auto node = std::make_unique<BinaryExpr>();
    const Token op = Take();
    node->op = op.text == "*"   ? BinaryOp::kMultiply
               : op.text == "/" ? BinaryOp::kDivide
               : op.text == "%" ? BinaryOp::kModulo
                                : BinaryOp::kConcat;
    node->op_span = op.span;
    node->left = std::move(left);
    ASSIGN_OR_RETURN(node->right, ParseUnary());
    const Expr *l = node->left.get(), *r = node->right.get();
    const SourceSpan begin = l->span;
    ASSIGN_OR_RETURN(left, Finish(std::move(node), begin, {l, r}));
  }
  return left;
}

Result<ExprPtr> Parser::ParseUnary() {
  if (!IsSymbol("+") && !IsSymbol("-")) return ParsePostfix();
  const DepthGuard guard(this);
  RETURN_IF_ERROR(CheckDepth());
  const Token sign = Take();
  auto node = std::make_unique<UnaryExpr>();
  node->op = sign.text == "-" ? UnaryOp::kMinus : UnaryOp::kPlus;
  ASSIGN_OR_RETURN(node->operand, ParseUnary());
  const Expr* operand = node->operand.get();
  return Finish(std::move(node), sign.span, {operand});
}

Result<ExprPtr> Parser::ParsePostfix() {
  ASSIGN_OR_RETURN(ExprPtr expr, ParsePrimary());
  while (true) {
    const SourceSpan begin = expr->span;
    if (TakeSymbol("[")) {
      auto node = std::make_unique<SubscriptExpr>();
      node->base = std::move(expr);
      ASSIGN_OR_RETURN(node->index, ParseExpr());
      RETURN_IF_ERROR(ExpectSymbol("]"));
      const Expr *a = node->base.get(), *b = node->index.get();
      ASSIGN_OR_RETURN(expr, Finish(std::move(node), begin, {a, b}));
    } else if (IsSymbol(".") && expr->kind != ExprKind::kStar) {
      Take();
      auto node = std::make_unique<FieldExpr>();
      node->base = std::move(expr);
      ASSIGN_OR_RETURN(node->field, ParseName("a field name after the dot"));
      const Expr* base = node->base.get();
      ASSIGN_OR_RETURN(expr, Finish(std::move(node), begin, {base}));
    } else {
      return expr;
    }
  }
}

Result<ExprPtr> Parser::ParsePrimary() {
  const Token& token = Peek();
  switch (token.kind) {
    case TokenKind::kInteger:
    case TokenKind::kDecimal:
    case TokenKind::kApproximate: {
      const LiteralKind kind = token.kind == TokenKind::kInteger   ? LiteralKind::kInteger
                               : token.kind == TokenKind::kDecimal ? LiteralKind::kDecimal
                                                                   : LiteralKind::kApproximate;
      const Token taken = Take();
      return MakeLiteral(kind, taken.text, taken.span);
    }
    case TokenKind::kString: {
      Token first = Take();
      // SQL joins strings that follow each other on new lines.
      while (Peek().kind == TokenKind::kString && Peek().span.line > Previous().span.line) {
        first.text += Take().text;
      }
      return MakeLiteral(LiteralKind::kString, first.text, SpanFrom(first.span));
    }
    case TokenKind::kBinaryString: {
      const Token taken = Take();
      return MakeLiteral(LiteralKind::kBinary, taken.text, taken.span);
    }
    case TokenKind::kQuotedName: return ParseNamePath();
    case TokenKind::kSymbol:
      if (token.text == "(") return ParseParenthesised();
      return Unexpected("an expression");
    case TokenKind::kWord: break;
    default: return Unexpected("an expression");
  }
  bool taken = false;
  ASSIGN_OR_RETURN(ExprPtr expr, ParseKeywordPrimary(&taken));
  if (taken) return expr;
  if (CanStartName(token)) return ParseNamePath();
  if (IsSymbol("(", 1) && IsReservedFunction(token.upper)) {
    const Token name = Take();
    return ParseCall({.parts = {{name.text, name.span}}, .span = name.span});
  }
  if (IsReservedFunction(token.upper) || token.upper == "VALUE" || token.upper == "USER" ||
      token.upper == "METHOD" || token.upper == "RESULT" || token.upper == "START") {
    return Unexpected("an expression",
                      fmt::format("{} is a reserved word; write `{}` to use it as a name",
                                  token.upper, token.text));
  }
  return Unexpected("an expression");
}

// Expressions that begin with a keyword. `taken` stays false when the word is something else.
Result<ExprPtr> Parser::ParseKeywordPrimary(bool* taken) {
  *taken = true;
  const Token token = Peek();
  const std::string& word = token.upper;
  const bool before_string = Peek(1).kind == TokenKind::kString;
  const bool before_paren = IsSymbol("(", 1);
  if (word == "NULL") return Take(), MakeLiteral(LiteralKind::kNull, "NULL", token.span);
  if (word == "TRUE" || word == "FALSE") {
    Take();
    return MakeLiteral(LiteralKind::kBoolean, word, token.span);
  }
  if (word == "UNKNOWN") return Take(), MakeLiteral(LiteralKind::kUnknown, word, token.span);
  if (before_string && (word == "DATE" || word == "TIME" || word == "TIMESTAMP")) {
    Take();
    const Token text = Take();
    const LiteralKind kind = word == "DATE"   ? LiteralKind::kDate
                             : word == "TIME" ? LiteralKind::kTime
                                              : LiteralKind::kTimestamp;
    return MakeLiteral(kind, text.text, SpanFrom(token.span));
  }
  if (word == "INTERVAL") return ParseInterval();
  if (word == "CASE") return ParseCase();
  if (word == "CAST" && before_paren) return ParseCast(false);
  if (word == "TRY_CAST" && before_paren) return ParseCast(true);
  if (word == "EXISTS" && before_paren) {
    Take();
    Take();
    return ParseSubquery(SubqueryKind::kExists, token.span);
  }
  if (word == "ARRAY" || word == "MAP" || word == "MULTISET") {
    if (IsSymbol("[", 1)) {
      return ParseCollection(word == "ARRAY" ? ConstructorKind::kArray
                             : word == "MAP" ? ConstructorKind::kMap
                                             : ConstructorKind::kMultiset);
    }
    if (before_paren && AtQuery(2)) {
      Take();
      Take();
      return ParseSubquery(word == "ARRAY" ? SubqueryKind::kArray
                           : word == "MAP" ? SubqueryKind::kMap
                                           : SubqueryKind::kMultiset,
                           token.span);
    }
  }
  if (word == "ROW" && before_paren) return ParseCollection(ConstructorKind::kRow);
  if (word == "DESCRIPTOR" && before_paren) return ParseDescriptor();
  if (word == "DEFAULT") {
    Take();
    return Finish(std::make_unique<DefaultExpr>(), token.span, {});
  }
  if (IsNiladicFunction(word) && word != "USER") {
    Take();
    auto call = std::make_unique<FunctionExpr>();
    call->name = {.parts = {{word, token.span}}, .span = token.span};
    call->niladic = true;
    if (TakeSymbol("(")) {  // CURRENT_TIMESTAMP(3)
      if (!IsSymbol(")")) RETURN_IF_ERROR(AddArgument(call.get(), ParseExpr()));
      RETURN_IF_ERROR(ExpectSymbol(")"));
    }
    return Finish(std::move(call), token.span, {});
  }
  *taken = false;
  return ExprPtr();
}

bool Parser::AtQuery(size_t ahead) const {
  // ((SELECT ..)). Not through all that a text may have: this is asked anew at each of them.
  const size_t ahead_max = ahead + kNestingMax;
  while (ahead < ahead_max && IsSymbol("(", ahead)) ++ahead;
  if (IsWord("SELECT", ahead) || IsWord("WITH", ahead)) return true;
  return IsWord("VALUES", ahead);
}

// (expr), (a, b), (query); (t1 - t2) DAY
Result<ExprPtr> Parser::ParseParenthesised() {
  const SourceSpan begin = Take().span;
  if (AtQuery() && !IsSymbol("(")) return ParseSubquery(SubqueryKind::kScalar, begin);
  std::vector<ExprPtr> elements;
  do {
    ASSIGN_OR_RETURN(ExprPtr element, ParseExpr());
    elements.push_back(std::move(element));
  } while (TakeSymbol(","));
  RETURN_IF_ERROR(ExpectSymbol(")", elements.size() > 1 ? "or ','" : ""));
  if (elements.size() == 1) {
    ExprPtr inner = std::move(elements.front());
    if (inner->kind == ExprKind::kBinary && Peek().kind == TokenKind::kWord &&
        static_cast<BinaryExpr*>(inner.get())->op == BinaryOp::kSubtract &&
        (IsWord("YEAR") || IsWord("MONTH") || IsWord("DAY") || IsWord("HOUR") || IsWord("MINUTE") ||
         IsWord("SECOND"))) {
      ASSIGN_OR_RETURN(IntervalQualifier unit, ParseIntervalQualifier());
      static_cast<BinaryExpr*>(inner.get())->difference_unit = std::move(unit);
    }
    inner->span = SpanFrom(begin);
    return inner;
  }
  auto row = std::make_unique<ConstructorExpr>();
  row->constructor = ConstructorKind::kRow;
  row->elements = std::move(elements);
  std::vector<const Expr*> children;
  for (const ExprPtr& element : row->elements) children.push_back(element.get());
  return FinishList(std::move(row), begin, children);
}

// After the opening parenthesis.
Result<ExprPtr> Parser::ParseSubquery(SubqueryKind kind, const SourceSpan& begin) {
  auto node = std::make_unique<SubqueryExpr>();
  node->subquery = kind;
  ASSIGN_OR_RETURN(node->query, ParseQuery());
  RETURN_IF_ERROR(ExpectSymbol(")"));
  node->height = node->query->height + 1;
  return Finish(std::move(node), begin, {});
}

Result<std::vector<ExprPtr>> Parser::ParseExprList() {
  std::vector<ExprPtr> list;
  do {
    ASSIGN_OR_RETURN(ExprPtr item, ParseExpr());
    list.push_back(std::move(item));
  } while (TakeSymbol(","));
  return list;
}

Result<ExprPtr> Parser::ParseCase() {
  const SourceSpan begin = Take().span;
  auto node = std::make_unique<CaseExpr>();
  std::vector<const Expr*> children;
  if (!IsWord("WHEN")) {
    ASSIGN_OR_RETURN(node->operand, ParseExpr());
    children.push_back(node->operand.get());
  }
  while (TakeWord("WHEN")) {
    CaseExpr::Branch branch;
    ASSIGN_OR_RETURN(branch.when, ParseExpr());
    RETURN_IF_ERROR(ExpectWord("THEN"));
    ASSIGN_OR_RETURN(branch.then, ParseExpr());
    children.push_back(branch.when.get());
    children.push_back(branch.then.get());
    node->branches.push_back(std::move(branch));
  }
  if (node->branches.empty()) return Unexpected("WHEN");
  if (TakeWord("ELSE")) {
    ASSIGN_OR_RETURN(node->otherwise, ParseExpr());
    children.push_back(node->otherwise.get());
  }
  if (!TakeWord("END")) return Unexpected("WHEN, ELSE or END", "a CASE is closed with END");
  return FinishList(std::move(node), begin, children);
}

// ARRAY[..], MAP[..], MULTISET[..] or ROW(..)
Result<ExprPtr> Parser::ParseCollection(ConstructorKind kind) {
  const SourceSpan begin = Take().span;
  const std::string_view close = IsSymbol("[") ? "]" : ")";
  Take();
  auto node = std::make_unique<ConstructorExpr>();
  node->constructor = kind;
  node->explicit_row = kind == ConstructorKind::kRow;
  if (!IsSymbol(close)) {
    ASSIGN_OR_RETURN(node->elements, ParseExprList());
  }
  RETURN_IF_ERROR(ExpectSymbol(close, "or ','"));
  if (kind == ConstructorKind::kMap && node->elements.size() % 2 != 0) {
    return Fail(SpanFrom(begin), "MAP needs pairs of key and value");
  }
  std::vector<const Expr*> children;
  for (const ExprPtr& element : node->elements) children.push_back(element.get());
  return FinishList(std::move(node), begin, children);
}

// a, t.a, t.*, f(..), db.f(..)
Result<ExprPtr> Parser::ParseNamePath() {
  std::vector<Identifier> parts;
  const SourceSpan begin = Peek().span;
  Token first = Take();
  parts.push_back({std::move(first.text), first.span});
  while (IsSymbol(".")) {
    Take();
    if (TakeSymbol("*")) {
      auto star = std::make_unique<StarExpr>();
      star->qualifier = std::move(parts);
      return Finish(std::move(star), begin, {});
    }
    ASSIGN_OR_RETURN(Identifier part, ParseName("a name after the dot"));
    parts.push_back(std::move(part));
    if (parts.size() > 64) return Fail(parts.back().span, "this name has too many parts");
  }
  if (IsSymbol("(")) {
    if (parts.size() > 3) return Fail(SpanFrom(begin), "a function name has at most three parts");
    return ParseCall({.parts = std::move(parts), .span = SpanFrom(begin)});
  }
  auto column = std::make_unique<ColumnExpr>();
  column->parts = std::move(parts);
  return Finish(std::move(column), begin, {});
}

}  // namespace mainstem::process::sql

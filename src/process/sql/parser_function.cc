// Function calls: plain ones, those with syntax of their own, and what may follow the arguments.
#include <fmt/format.h>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>

#include "process/sql/parser_impl.h"

namespace mainstem::process::sql {

Status Parser::AddArgument(FunctionExpr* call, Result<ExprPtr> value) {
  RETURN_IF_ERROR(value);
  call->arguments.push_back({.name = std::nullopt, .value = std::move(value).ValueUnsafe()});
  return Status::OK();
}

Result<ExprPtr> Parser::ParseCall(ObjectName name) {
  const DepthGuard guard(this);
  RETURN_IF_ERROR(CheckDepth());
  auto call = std::make_unique<FunctionExpr>();
  call->name = std::move(name);
  Take();  // (
  bool special = false;
  if (call->name.parts.size() == 1) {
    const std::string word = absl::AsciiStrToUpper(call->name.last());
    RETURN_IF_ERROR(ParseSpecialArguments(call.get(), word, &special));
  }
  if (!special) RETURN_IF_ERROR(ParseCallArguments(call.get()));
  RETURN_IF_ERROR(ExpectSymbol(")", call->arguments.empty() ? "" : "or ','"));
  RETURN_IF_ERROR(ParseCallSuffixes(call.get()));
  std::vector<const Expr*> children = {call->filter.get()};
  for (const auto& argument : call->arguments) children.push_back(argument.value.get());
  for (const ExprPtr& value : call->clause_values) children.push_back(value.get());
  for (const OrderItem& item : call->within_group) children.push_back(item.expr.get());
  if (call->over != nullptr) {
    for (const ExprPtr& key : call->over->partition_by) children.push_back(key.get());
    for (const OrderItem& item : call->over->order_by) children.push_back(item.expr.get());
  }
  const SourceSpan begin = call->name.span;
  return FinishList(std::move(call), begin, children);
}

Status Parser::ParseCallArguments(FunctionExpr* call) {
  if (IsSymbol(")")) return Status::OK();
  if (IsSymbol("*") && IsSymbol(")", 1)) {
    Take();
    call->star = true;
    return Status::OK();
  }
  if (TakeWord("DISTINCT"))
    call->distinct = true;
  else
    TakeWord("ALL");
  do {
    ASSIGN_OR_RETURN(FunctionExpr::Argument argument, ParseArgument());
    call->arguments.push_back(std::move(argument));
  } while (TakeSymbol(","));
  if (TakeWords({"IGNORE", "NULLS"})) {  // ARRAY_AGG(x IGNORE NULLS)
    call->ignore_nulls = true;
  } else {
    TakeWords({"RESPECT", "NULLS"});
  }
  if (IsWord("ORDER")) {  // ARRAY_AGG(x ORDER BY y)
    ASSIGN_OR_RETURN(call->within_group, ParseOrderItems());
  }
  return Status::OK();
}

Result<FunctionExpr::Argument> Parser::ParseArgument() {
  FunctionExpr::Argument argument;
  const TokenKind kind = Peek().kind;
  // Argument names may be any word: DATA => .., SIZE => ..
  if ((kind == TokenKind::kWord || kind == TokenKind::kQuotedName) && IsSymbol("=>", 1)) {
    const Token name = Take();
    Take();
    argument.name = Identifier{name.text, name.span};
  }
  if (IsWord("TABLE")) {
    ASSIGN_OR_RETURN(argument.value, ParseTableArgument());
  } else {
    ASSIGN_OR_RETURN(argument.value, ParseExpr());
  }
  return argument;
}

Result<ExprPtr> Parser::ParseTableArgument() {
  auto node = std::make_unique<TableArgumentExpr>();
  const SourceSpan begin = Take().span;  // TABLE
  auto query = std::make_unique<Query>();
  if (TakeSymbol("(")) {
    ASSIGN_OR_RETURN(query, ParseQuery());
    RETURN_IF_ERROR(ExpectSymbol(")"));
  } else {
    auto body = std::make_unique<TableQuery>();
    ASSIGN_OR_RETURN(body->table.name, ParseObjectName("a table name"));
    ASSIGN_OR_RETURN(body->table.hints, ParseHints());
    body->table.span = SpanFrom(begin);
    body->span = body->table.span;
    query->body = std::move(body);
    query->span = SpanFrom(begin);
    query->height = 2;
  }
  node->query = std::move(query);
  if (TakeWords({"PARTITION", "BY"})) {
    if (TakeSymbol("(")) {
      ASSIGN_OR_RETURN(node->partition_by, ParseExprList());
      RETURN_IF_ERROR(ExpectSymbol(")"));
    } else {
      // Commas also separate the call's arguments: a list of keys needs parentheses.
      ASSIGN_OR_RETURN(ExprPtr key, ParseExpr());
      node->partition_by.push_back(std::move(key));
      while (IsSymbol(",") && !IsWord("DESCRIPTOR", 1) && !IsSymbol("=>", 2) &&
             Peek(1).kind != TokenKind::kString && !IsWord("INTERVAL", 1) &&
             CanStartName(Peek(1)) && !IsSymbol("(", 2)) {
        Take();
        ASSIGN_OR_RETURN(ExprPtr next, ParseExpr());
        node->partition_by.push_back(std::move(next));
      }
    }
  }
  if (IsWord("ORDER")) {
    ASSIGN_OR_RETURN(node->order_by, ParseOrderItems());
  }
  node->height = node->query->height + 1;
  std::vector<const Expr*> children;
  for (const ExprPtr& key : node->partition_by) children.push_back(key.get());
  for (const OrderItem& item : node->order_by) children.push_back(item.expr.get());
  return FinishList(std::move(node), begin, children);
}

Result<ExprPtr> Parser::ParseDescriptor() {
  const SourceSpan begin = Take().span;
  auto node = std::make_unique<DescriptorExpr>();
  ASSIGN_OR_RETURN(node->columns, ParseParenthesisedNames("a column name"));
  return Finish(std::move(node), begin, {});
}

Result<ExprPtr> Parser::ParseCast(bool is_try) {
  const SourceSpan begin = Take().span;
  Take();
  auto node = std::make_unique<CastExpr>();
  node->is_try = is_try;
  ASSIGN_OR_RETURN(node->operand, ParseExpr());
  if (!TakeWord("AS")) {
    return Unexpected("AS and the type", "the form is CAST(value AS type)");
  }
  ASSIGN_OR_RETURN(node->type, ParseType());
  RETURN_IF_ERROR(ExpectSymbol(")"));
  const Expr* operand = node->operand.get();
  return Finish(std::move(node), begin, {operand});
}

Result<ExprPtr> Parser::ParseUnitSymbol() {
  std::string unit = Peek().upper;
  if (absl::StartsWith(unit, "SQL_TSI_")) unit = unit.substr(8);
  if (Peek().kind != TokenKind::kWord || !IsTimeUnit(unit)) {
    return Unexpected("a time unit (YEAR, MONTH, DAY, HOUR, ...)");
  }
  auto symbol = std::make_unique<SymbolExpr>();
  symbol->symbol = unit;
  const SourceSpan span = Take().span;
  return Finish(std::move(symbol), span, {});
}

// Calls whose arguments are separated by words. Leaves `taken` false for all others.
Status Parser::ParseSpecialArguments(FunctionExpr* call, const std::string& name, bool* taken) {
  *taken = true;
  if (name == "EXTRACT") return ParseUnitFirst(call, "FROM");
  if (name == "TIMESTAMPADD" || name == "TIMESTAMPDIFF") {
    RETURN_IF_ERROR(ParseUnitFirst(call, ","));
    RETURN_IF_ERROR(ExpectSymbol(","));
    return AddArgument(call, ParseExpr());
  }
  if (name == "FLOOR" || name == "CEIL" || name == "CEILING") {
    RETURN_IF_ERROR(AddArgument(call, ParseExpr()));
    if (TakeWord("TO")) return AddArgument(call, ParseUnitSymbol());
    return Status::OK();
  }
  if (name == "POSITION") {
    // The needle stops before IN, which would otherwise be read as a predicate.
    RETURN_IF_ERROR(AddArgument(call, ParseAdditive()));
    RETURN_IF_ERROR(ExpectWord("IN"));
    RETURN_IF_ERROR(AddArgument(call, ParseExpr()));
    if (TakeWord("FROM")) return AddArgument(call, ParseExpr());
    return Status::OK();
  }
  if (name == "TRIM") return ParseTrimArguments(call);
  if (name == "SUBSTRING" || name == "SUBSTR") return ParseKeywordArguments(call, {"FROM", "FOR"});
  if (name == "OVERLAY") return ParseKeywordArguments(call, {"PLACING", "FROM", "FOR"});
  if (absl::StartsWith(name, "JSON_")) return ParseJsonArguments(call, name);
  *taken = false;
  return Status::OK();
}

Status Parser::ParseUnitFirst(FunctionExpr* call, std::string_view separator) {
  RETURN_IF_ERROR(AddArgument(call, ParseUnitSymbol()));
  if (separator == ",")
    RETURN_IF_ERROR(ExpectSymbol(","));
  else
    RETURN_IF_ERROR(ExpectWord(separator));
  return AddArgument(call, ParseExpr());
}

// TRIM([BOTH|LEADING|TRAILING] [chars] FROM s) and TRIM(s): always (symbol, chars, s).
Status Parser::ParseTrimArguments(FunctionExpr* call) {
  auto symbol = std::make_unique<SymbolExpr>();
  symbol->symbol = "BOTH";
  SourceSpan span = Peek().span;
  span.end = span.begin;
  bool words = false;
  if (IsWord("BOTH") || IsWord("LEADING") || IsWord("TRAILING")) {
    symbol->symbol = Peek().upper;
    span = Take().span;
    words = true;
  }
  symbol->span = span;
  call->arguments.push_back({.name = std::nullopt, .value = std::move(symbol)});
  ExprPtr first;
  if (!IsWord("FROM")) {
    ASSIGN_OR_RETURN(first, ParseExpr());
  }
  if (TakeWord("FROM")) {
    if (first == nullptr) first = MakeLiteral(LiteralKind::kString, " ", span);
    call->arguments.push_back({.name = std::nullopt, .value = std::move(first)});
    return AddArgument(call, ParseExpr());
  }
  if (words) return Unexpected("FROM");
  call->arguments.push_back(
      {.name = std::nullopt, .value = MakeLiteral(LiteralKind::kString, " ", span)});
  call->arguments.push_back({.name = std::nullopt, .value = std::move(first)});
  return Status::OK();
}

// f(a FROM b FOR c) or f(a, b, c): a word and a comma mean the same.
Status Parser::ParseKeywordArguments(FunctionExpr* call,
                                     std::initializer_list<std::string_view> separators) {
  RETURN_IF_ERROR(AddArgument(call, ParseExpr()));
  for (const std::string_view separator : separators) {
    if (!TakeWord(separator) && !TakeSymbol(",")) continue;
    RETURN_IF_ERROR(AddArgument(call, ParseExpr()));
  }
  return Status::OK();
}

// JSON_OBJECT(KEY 'k' VALUE v, ..), JSON_VALUE(doc, path RETURNING INT NULL ON EMPTY), ...
Status Parser::ParseJsonArguments(FunctionExpr* call, const std::string& name) {
  const bool pairs = name == "JSON_OBJECT" || name == "JSON_OBJECTAGG";
  while (!IsSymbol(")")) {
    if (IsWord("NULL") && IsWord("ON", 1)) break;
    if (IsWord("ABSENT") && IsWord("ON", 1)) break;
    if (pairs && IsWord("KEY") && !IsSymbol(",", 1) && !IsWord("VALUE", 1)) Take();
    RETURN_IF_ERROR(AddArgument(call, ParseExpr()));
    if (pairs) {
      if (!TakeWord("VALUE") && !TakeSymbol(",") && !TakeSymbol(":")) return Unexpected("VALUE");
      RETURN_IF_ERROR(AddArgument(call, ParseExpr()));
    }
    if (!TakeSymbol(",")) break;
  }
  return ParseJsonClauses(call);
}

Status Parser::ParseJsonClauses(FunctionExpr* call) {
  while (!IsSymbol(")") && !AtEnd()) {
    std::string clause;
    if (TakeWord("RETURNING")) {
      ASSIGN_OR_RETURN(call->returning, ParseType());
      continue;
    }
    if (IsWord("WITH") || IsWord("WITHOUT")) {
      clause = Take().upper;
      while (IsWord("CONDITIONAL") || IsWord("UNCONDITIONAL") || IsWord("ARRAY")) {
        if (!IsWord("ARRAY")) clause += " " + Peek().upper;
        Take();
      }
      RETURN_IF_ERROR(ExpectWord("WRAPPER"));
      call->clauses.push_back(clause + " WRAPPER");
      continue;
    }
    if (TakeWord("DEFAULT")) {
      ASSIGN_OR_RETURN(ExprPtr value, ParseExpr());
      call->clause_values.push_back(std::move(value));
      clause = "DEFAULT";
    } else if (IsWord("NULL") || IsWord("ERROR") || IsWord("TRUE") || IsWord("FALSE") ||
               IsWord("UNKNOWN") || IsWord("ABSENT")) {
      clause = Take().upper;
    } else if (TakeWord("EMPTY")) {
      if (!IsWord("ARRAY") && !IsWord("OBJECT")) return Unexpected("ARRAY or OBJECT");
      clause = "EMPTY " + Take().upper;
    } else {
      return Unexpected("')'");
    }
    RETURN_IF_ERROR(ExpectWord("ON"));
    if (!IsWord("EMPTY") && !IsWord("ERROR") && !IsWord("NULL")) {
      return Unexpected("EMPTY or ERROR");
    }
    call->clauses.push_back(clause + " ON " + Take().upper);
  }
  return Status::OK();
}

// WITHIN GROUP (ORDER BY ..), IGNORE NULLS, FILTER (WHERE ..), OVER ..
Status Parser::ParseCallSuffixes(FunctionExpr* call) {
  if (TakeWords({"WITHIN", "GROUP"})) {
    RETURN_IF_ERROR(ExpectSymbol("("));
    ASSIGN_OR_RETURN(call->within_group, ParseOrderItems());
    RETURN_IF_ERROR(ExpectSymbol(")"));
  }
  if (TakeWords({"IGNORE", "NULLS"})) {
    call->ignore_nulls = true;
  } else {
    TakeWords({"RESPECT", "NULLS"});
  }
  if (IsWord("FILTER") && IsSymbol("(", 1)) {
    Take();
    Take();
    RETURN_IF_ERROR(ExpectWord("WHERE"));
    ASSIGN_OR_RETURN(call->filter, ParseExpr());
    RETURN_IF_ERROR(ExpectSymbol(")"));
  }
  if (!TakeWord("OVER")) return Status::OK();
  call->over = std::make_unique<WindowSpec>();
  if (IsSymbol("(")) {
    ASSIGN_OR_RETURN(*call->over, ParseWindowSpec());
    return Status::OK();
  }
  ASSIGN_OR_RETURN(Identifier name, ParseName("a window name or '('"));
  call->over->span = name.span;
  call->over->base = std::move(name);
  return Status::OK();
}

Result<WindowSpec> Parser::ParseWindowSpec() {
  WindowSpec spec;
  const SourceSpan begin = Peek().span;
  RETURN_IF_ERROR(ExpectSymbol("(", "and the window"));
  if (CanStartName(Peek()) && !IsWord("PARTITION") && !IsWord("ORDER")) {
    ASSIGN_OR_RETURN(Identifier base, ParseName("a window name"));
    spec.base = std::move(base);
  }
  if (TakeWords({"PARTITION", "BY"})) {
    ASSIGN_OR_RETURN(spec.partition_by, ParseExprList());
  }
  if (IsWord("ORDER")) {
    ASSIGN_OR_RETURN(spec.order_by, ParseOrderItems());
  }
  if (IsWord("ROWS") || IsWord("RANGE")) {
    ASSIGN_OR_RETURN(WindowFrame frame, ParseFrame());
    spec.frame = std::move(frame);
  }
  RETURN_IF_ERROR(ExpectSymbol(")"));
  spec.span = SpanFrom(begin);
  return spec;
}

Result<WindowFrame> Parser::ParseFrame() {
  WindowFrame frame;
  frame.rows = Take().upper == "ROWS";
  if (TakeWord("BETWEEN")) {
    ASSIGN_OR_RETURN(frame.begin, ParseFrameBound());
    RETURN_IF_ERROR(ExpectWord("AND"));
    ASSIGN_OR_RETURN(FrameBound end, ParseFrameBound());
    frame.end = std::move(end);
  } else {
    ASSIGN_OR_RETURN(frame.begin, ParseFrameBound());
  }
  return frame;
}

Result<FrameBound> Parser::ParseFrameBound() {
  FrameBound bound;
  if (TakeWords({"CURRENT", "ROW"})) {
    bound.kind = FrameBoundKind::kCurrentRow;
    return bound;
  }
  const bool unbounded = TakeWord("UNBOUNDED");
  if (!unbounded) {
    ASSIGN_OR_RETURN(bound.distance, ParseAdditive());
  }
  if (TakeWord("PRECEDING")) {
    bound.kind = unbounded ? FrameBoundKind::kUnboundedPreceding : FrameBoundKind::kPreceding;
  } else if (TakeWord("FOLLOWING")) {
    bound.kind = unbounded ? FrameBoundKind::kUnboundedFollowing : FrameBoundKind::kFollowing;
  } else {
    return Unexpected("PRECEDING or FOLLOWING");
  }
  return bound;
}

}  // namespace mainstem::process::sql

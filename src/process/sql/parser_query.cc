// Queries: WITH, set operations, SELECT, VALUES, ORDER BY, LIMIT, hints.
#include <algorithm>

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include "process/sql/parser_impl.h"

namespace mainstem::process::sql {
namespace {

void Raise(uint32_t* height, const Expr* child) {
  if (child != nullptr) *height = std::max(*height, child->height + 1);
}

}  // namespace

Result<QueryPtr> Parser::ParseQuery() {
  const DepthGuard guard(this);
  RETURN_IF_ERROR(CheckDepth());
  auto query = std::make_unique<Query>();
  const SourceSpan begin = Peek().span;
  if (TakeWord("WITH")) {
    if (IsWord("RECURSIVE")) return NotYet(Peek().span, "WITH RECURSIVE");
    do {
      CommonTable table;
      ASSIGN_OR_RETURN(table.name, ParseName("a name for the common table"));
      if (IsSymbol("(")) {
        ASSIGN_OR_RETURN(table.columns, ParseParenthesisedNames("a column name"));
      }
      RETURN_IF_ERROR(ExpectWord("AS"));
      RETURN_IF_ERROR(ExpectSymbol("(", "and a query"));
      ASSIGN_OR_RETURN(table.query, ParseQuery());
      RETURN_IF_ERROR(ExpectSymbol(")"));
      query->height = std::max(query->height, table.query->height + 1);
      query->with.push_back(std::move(table));
    } while (TakeSymbol(","));
  }
  ASSIGN_OR_RETURN(query->body, ParseSetExpression());
  query->height = std::max(query->height, query->body->height + 1);
  RETURN_IF_ERROR(ParseQueryTail(query.get()));
  query->span = SpanFrom(begin);
  if (query->height > kNestingMax) return Fail(begin, "this query is nested too deep");
  return query;
}

// ORDER BY, LIMIT, OFFSET, FETCH
Status Parser::ParseQueryTail(Query* query) {
  if (IsWord("ORDER")) {
    const SourceSpan begin = Peek().span;
    ASSIGN_OR_RETURN(query->order_by, ParseOrderItems());
    query->order_by_span = SpanFrom(begin);
    for (const OrderItem& item : query->order_by) Raise(&query->height, item.expr.get());
  }
  while (true) {
    const SourceSpan begin = Peek().span;
    if (TakeWord("LIMIT")) {
      if (!TakeWord("ALL")) {
        ASSIGN_OR_RETURN(query->limit, ParseExpr());
        if (TakeSymbol(",")) {  // LIMIT start, count
          query->offset = std::move(query->limit);
          ASSIGN_OR_RETURN(query->limit, ParseExpr());
        }
      }
    } else if (TakeWord("OFFSET")) {
      ASSIGN_OR_RETURN(query->offset, ParseExpr());
      if (!TakeWord("ROWS")) TakeWord("ROW");
    } else if (TakeWord("FETCH")) {
      if (!TakeWord("NEXT") && !TakeWord("FIRST")) return Unexpected("NEXT or FIRST");
      ASSIGN_OR_RETURN(query->limit, ParseExpr());
      if (!TakeWord("ROWS") && !TakeWord("ROW")) return Unexpected("ROWS");
      RETURN_IF_ERROR(ExpectWord("ONLY"));
    } else {
      return Status::OK();
    }
    query->limit_span = SpanFrom(begin);
  }
}

Result<QueryBodyPtr> Parser::JoinBodies(QueryBodyPtr left, QueryBodyPtr right, SetOperator op,
                                        bool all, const SourceSpan& op_span) {
  auto node = std::make_unique<SetOperation>();
  node->op = op;
  node->all = all;
  node->op_span = op_span;
  node->span = Cover(left->span, right->span);
  node->height = HeightAbove({left->height, right->height});
  node->left = std::move(left);
  node->right = std::move(right);
  if (node->height > kNestingMax) {
    return Fail(op_span, fmt::format("more than {} set operations in a row", kNestingMax),
                "group them in parentheses");
  }
  return QueryBodyPtr(std::move(node));
}

Result<QueryBodyPtr> Parser::ParseSetExpression() {
  ASSIGN_OR_RETURN(QueryBodyPtr left, ParseIntersect());
  while (IsWord("UNION") || IsWord("EXCEPT") || IsWord("MINUS")) {
    const Token word = Take();
    const bool all = TakeWord("ALL");
    if (!all) TakeWord("DISTINCT");
    const SourceSpan op_span = SpanFrom(word.span);
    ASSIGN_OR_RETURN(QueryBodyPtr right, ParseIntersect());
    ASSIGN_OR_RETURN(
        left, JoinBodies(std::move(left), std::move(right),
                         word.upper == "UNION" ? SetOperator::kUnion : SetOperator::kExcept, all,
                         op_span));
  }
  return left;
}

Result<QueryBodyPtr> Parser::ParseIntersect() {
  ASSIGN_OR_RETURN(QueryBodyPtr left, ParseQueryPrimary());
  while (IsWord("INTERSECT")) {
    const Token word = Take();
    const bool all = TakeWord("ALL");
    if (!all) TakeWord("DISTINCT");
    const SourceSpan op_span = SpanFrom(word.span);
    ASSIGN_OR_RETURN(QueryBodyPtr right, ParseQueryPrimary());
    ASSIGN_OR_RETURN(
        left, JoinBodies(std::move(left), std::move(right), SetOperator::kIntersect, all, op_span));
  }
  return left;
}

Result<QueryBodyPtr> Parser::ParseQueryPrimary() {
  const SourceSpan begin = Peek().span;
  if (IsWord("SELECT")) return ParseSelect();
  if (IsWord("VALUES")) return ParseValues();
  if (IsWord("TABLE")) {
    Take();
    auto table = std::make_unique<TableQuery>();
    ASSIGN_OR_RETURN(table->table.name, ParseObjectName("a table name"));
    ASSIGN_OR_RETURN(table->table.hints, ParseHints());
    table->table.span = table->span = SpanFrom(begin);
    return QueryBodyPtr(std::move(table));
  }
  if (TakeSymbol("(")) {
    auto nested = std::make_unique<NestedQuery>();
    ASSIGN_OR_RETURN(nested->query, ParseQuery());
    RETURN_IF_ERROR(ExpectSymbol(")"));
    nested->height = nested->query->height + 1;
    nested->span = SpanFrom(begin);
    return QueryBodyPtr(std::move(nested));
  }
  return Unexpected("SELECT, VALUES or '('");
}

Result<QueryBodyPtr> Parser::ParseSelect() {
  auto select = std::make_unique<Select>();
  const SourceSpan begin = Take().span;
  ASSIGN_OR_RETURN(select->hints, ParseHints());
  if (IsWord("STREAM")) return NotYet(Peek().span, "SELECT STREAM", "leave out STREAM");
  if (IsWord("DISTINCT")) {
    select->distinct = true;
    select->distinct_span = Take().span;
  } else {
    TakeWord("ALL");
  }
  do {
    ASSIGN_OR_RETURN(SelectItem item, ParseSelectItem());
    select->items.push_back(std::move(item));
  } while (TakeSymbol(","));
  if (TakeWord("FROM")) {
    ASSIGN_OR_RETURN(select->from, ParseFrom());
  }
  if (select->from == nullptr && IsWord("WHERE")) return Unexpected("FROM");
  if (TakeWord("WHERE")) {
    ASSIGN_OR_RETURN(select->where, ParseExpr());
  }
  if (IsWord("GROUP")) RETURN_IF_ERROR(ParseGroupBy(select.get()));
  if (TakeWord("HAVING")) {
    ASSIGN_OR_RETURN(select->having, ParseExpr());
  }
  if (TakeWord("WINDOW")) {
    do {
      NamedWindow window;
      ASSIGN_OR_RETURN(window.name, ParseName("a window name"));
      RETURN_IF_ERROR(ExpectWord("AS"));
      ASSIGN_OR_RETURN(window.spec, ParseWindowSpec());
      select->windows.push_back(std::move(window));
    } while (TakeSymbol(","));
  }
  if (TakeWord("QUALIFY")) {
    ASSIGN_OR_RETURN(select->qualify, ParseExpr());
  }
  CloseSelect(select.get(), begin);
  return QueryBodyPtr(std::move(select));
}

void Parser::CloseSelect(Select* select, const SourceSpan& begin) {
  for (const SelectItem& item : select->items) Raise(&select->height, item.expr.get());
  for (const GroupingElement& element : select->group_by) {
    Raise(&select->height, element.expr.get());
  }
  if (select->from != nullptr) {
    select->height = std::max(select->height, select->from->height + 1);
  }
  Raise(&select->height, select->where.get());
  Raise(&select->height, select->having.get());
  Raise(&select->height, select->qualify.get());
  select->span = SpanFrom(begin);
}

Result<SelectItem> Parser::ParseSelectItem() {
  SelectItem item;
  const SourceSpan begin = Peek().span;
  if (TakeSymbol("*")) {
    ASSIGN_OR_RETURN(item.expr, Finish(std::make_unique<StarExpr>(), begin, {}));
    if (IsWord("EXCEPT") && IsSymbol("(", 1)) {
      return Fail(Peek().span, "* EXCEPT (..) is not a part of the dialect", "name the columns");
    }
    return item;
  }
  if (Peek().kind == TokenKind::kWord && (IsWord("FROM") || IsWord("SELECT") || IsWord("WHERE"))) {
    return Unexpected("an expression to select");
  }
  ASSIGN_OR_RETURN(item.expr, ParseExpr());
  if (TakeWord("AS")) {
    ASSIGN_OR_RETURN(Identifier alias, ParseName("a column name after AS"));
    item.alias = std::move(alias);
  } else if (CanStartName(Peek())) {
    ASSIGN_OR_RETURN(Identifier alias, ParseName("a column name"));
    item.alias = std::move(alias);
  }
  return item;
}

Status Parser::ParseGroupBy(Select* select) {
  const SourceSpan begin = Take().span;
  RETURN_IF_ERROR(ExpectWord("BY"));
  do {
    ASSIGN_OR_RETURN(GroupingElement element, ParseGroupingElement());
    select->group_by.push_back(std::move(element));
  } while (TakeSymbol(","));
  select->group_by_span = SpanFrom(begin);
  return Status::OK();
}

Result<GroupingElement> Parser::ParseGroupingElement() {
  const DepthGuard guard(this);
  RETURN_IF_ERROR(CheckDepth());
  GroupingElement element;
  const SourceSpan begin = Peek().span;
  if (TakeWords({"GROUPING", "SETS"})) {
    element.kind = GroupingKind::kSets;
  } else if (IsWord("CUBE") && IsSymbol("(", 1)) {
    Take();
    element.kind = GroupingKind::kCube;
  } else if (IsWord("ROLLUP") && IsSymbol("(", 1)) {
    Take();
    element.kind = GroupingKind::kRollup;
  } else if (IsSymbol("(") && IsSymbol(")", 1)) {
    Take();
    Take();
    element.kind = GroupingKind::kSet;
    element.span = SpanFrom(begin);
    return element;
  } else {
    ASSIGN_OR_RETURN(element.expr, ParseExpr());
    // (a, b) is a set of columns, not a row value.
    auto* row = element.expr->kind == ExprKind::kConstructor
                    ? static_cast<ConstructorExpr*>(element.expr.get())
                    : nullptr;
    if (row != nullptr && row->constructor == ConstructorKind::kRow && !row->explicit_row) {
      std::vector<ExprPtr> members = std::move(row->elements);
      element.kind = GroupingKind::kSet;
      element.expr = nullptr;
      for (ExprPtr& member : members) {
        GroupingElement inner;
        inner.span = member->span;
        inner.expr = std::move(member);
        element.elements.push_back(std::move(inner));
      }
    }
    element.span = SpanFrom(begin);
    return element;
  }
  RETURN_IF_ERROR(ExpectSymbol("("));
  do {
    ASSIGN_OR_RETURN(GroupingElement inner, ParseGroupingElement());
    element.elements.push_back(std::move(inner));
  } while (TakeSymbol(","));
  RETURN_IF_ERROR(ExpectSymbol(")", "or ','"));
  element.span = SpanFrom(begin);
  return element;
}

Result<QueryBodyPtr> Parser::ParseValues() {
  auto values = std::make_unique<Values>();
  const SourceSpan begin = Take().span;
  do {
    const SourceSpan row_begin = Peek().span;
    std::vector<ExprPtr> row;
    TakeWord("ROW");
    if (TakeSymbol("(")) {
      ASSIGN_OR_RETURN(row, ParseExprList());
      RETURN_IF_ERROR(ExpectSymbol(")", "or ','"));
    } else {
      ASSIGN_OR_RETURN(ExprPtr only, ParseExpr());
      row.push_back(std::move(only));
    }
    for (const ExprPtr& item : row) Raise(&values->height, item.get());
    values->rows.push_back(std::move(row));
    values->row_spans.push_back(SpanFrom(row_begin));
  } while (TakeSymbol(","));
  values->span = SpanFrom(begin);
  return QueryBodyPtr(std::move(values));
}

Result<std::vector<OrderItem>> Parser::ParseOrderItems() {
  RETURN_IF_ERROR(ExpectWords({"ORDER", "BY"}));
  std::vector<OrderItem> items;
  do {
    OrderItem item;
    ASSIGN_OR_RETURN(item.expr, ParseExpr());
    if (TakeWord("DESC"))
      item.descending = true;
    else
      TakeWord("ASC");
    if (TakeWords({"NULLS", "FIRST"}))
      item.nulls_first = true;
    else if (TakeWords({"NULLS", "LAST"}))
      item.nulls_first = false;
    items.push_back(std::move(item));
  } while (TakeSymbol(","));
  return items;
}

// /*+ A(..), B(..) */
Result<std::vector<Hint>> Parser::ParseHints() {
  std::vector<Hint> hints;
  while (Peek().kind == TokenKind::kHintBegin) {
    Take();
    while (Peek().kind != TokenKind::kHintEnd) {
      ASSIGN_OR_RETURN(Hint hint, ParseHint());
      hints.push_back(std::move(hint));
      TakeSymbol(",");
    }
    Take();
  }
  return hints;
}

Result<Hint> Parser::ParseHint() {
  Hint hint;
  const SourceSpan begin = Peek().span;
  if (Peek().kind != TokenKind::kWord) return Unexpected("the name of a hint");
  const Token name = Take();
  hint.name = {name.upper, name.span};
  if (TakeSymbol("(")) {
    while (!IsSymbol(")")) {
      const TokenKind kind = Peek().kind;
      if (kind != TokenKind::kString && kind != TokenKind::kWord &&
          kind != TokenKind::kQuotedName && kind != TokenKind::kInteger) {
        return Unexpected("')' or an argument of the hint");
      }
      const SourceSpan argument_begin = Peek().span;
      std::string argument = Take().text;
      while (TakeSymbol(".")) argument += "." + Take().text;
      if (TakeSymbol("=")) {
        ASSIGN_OR_RETURN(Token value, ParseString("the option's value as a string"));
        hint.options.emplace_back(std::move(argument), value.text);
        hint.option_spans.push_back(SpanFrom(argument_begin));
      } else {
        hint.arguments.push_back(std::move(argument));
        hint.argument_spans.push_back(SpanFrom(argument_begin));
      }
      if (!TakeSymbol(",") && !IsSymbol(")")) return Unexpected("',' or ')'");
    }
    Take();
  }
  hint.span = SpanFrom(begin);
  return hint;
}

}  // namespace mainstem::process::sql

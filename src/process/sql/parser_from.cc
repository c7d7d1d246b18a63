// FROM: tables, subqueries, table functions, UNNEST, joins.
#include <algorithm>

#include <fmt/format.h>

#include "process/sql/keywords.h"
#include "process/sql/parser_impl.h"

namespace mainstem::process::sql {

Result<TableRefPtr> Parser::ParseFrom() {
  ASSIGN_OR_RETURN(TableRefPtr left, ParseJoinTree());
  while (IsSymbol(",")) {
    auto join = std::make_unique<JoinTable>();
    join->join = JoinKind::kComma;
    join->join_span = Take().span;
    join->left = std::move(left);
    ASSIGN_OR_RETURN(join->right, ParseJoinTree());
    ASSIGN_OR_RETURN(left, FinishJoin(std::move(join)));
  }
  return left;
}

bool Parser::TakeJoin(JoinTable* join, bool* found) {
  const SourceSpan begin = Peek().span;
  *found = true;
  join->natural = TakeWord("NATURAL");
  if (TakeWords({"CROSS", "JOIN"}))
    join->join = JoinKind::kCross;
  else if (TakeWords({"INNER", "JOIN"}) || TakeWord("JOIN"))
    join->join = JoinKind::kInner;
  else if (TakeWords({"LEFT", "OUTER", "JOIN"}) || TakeWords({"LEFT", "JOIN"}))
    join->join = JoinKind::kLeft;
  else if (TakeWords({"RIGHT", "OUTER", "JOIN"}) || TakeWords({"RIGHT", "JOIN"}))
    join->join = JoinKind::kRight;
  else if (TakeWords({"FULL", "OUTER", "JOIN"}) || TakeWords({"FULL", "JOIN"}))
    join->join = JoinKind::kFull;
  else
    *found = join->natural;
  join->join_span = SpanFrom(begin);
  // NATURAL without a join is an error.
  return *found && !(join->natural && Previous().upper == "NATURAL");
}

Result<TableRefPtr> Parser::ParseJoinTree() {
  ASSIGN_OR_RETURN(TableRefPtr left, ParseTablePrimary());
  while (true) {
    auto join = std::make_unique<JoinTable>();
    bool found = false;
    if (!TakeJoin(join.get(), &found)) {
      if (found) return Unexpected("JOIN");
      return left;
    }
    join->left = std::move(left);
    ASSIGN_OR_RETURN(join->right, ParseTablePrimary());
    if (join->join != JoinKind::kCross && !join->natural) {
      RETURN_IF_ERROR(ParseJoinCondition(join.get()));
    }
    ASSIGN_OR_RETURN(left, FinishJoin(std::move(join)));
  }
}

Status Parser::ParseJoinCondition(JoinTable* join) {
  if (TakeWord("ON")) {
    ASSIGN_OR_RETURN(join->on, ParseExpr());
    return Status::OK();
  }
  if (TakeWord("USING")) {
    ASSIGN_OR_RETURN(join->using_columns, ParseParenthesisedNames("a column name"));
    return Status::OK();
  }
  return Unexpected("ON and the join condition, or USING");
}

Result<TableRefPtr> Parser::FinishJoin(std::unique_ptr<JoinTable> join) {
  join->span = Cover(join->left->span, join->right->span);
  join->span = SpanFrom(join->span);
  join->height = HeightAbove(
      {join->left->height, join->right->height, join->on != nullptr ? join->on->height : 0});
  if (join->height > kNestingMax) return Fail(join->join_span, "too many joins in a row");
  return TableRefPtr(std::move(join));
}

Result<TableRefPtr> Parser::ParseTablePrimary() {
  const DepthGuard guard(this);
  RETURN_IF_ERROR(CheckDepth());
  const SourceSpan begin = Peek().span;
  TableRefPtr table;
  const bool lateral = TakeWord("LATERAL");
  if (IsWord("TABLE") && IsSymbol("(", 1)) {
    Take();
    Take();
    ASSIGN_OR_RETURN(table, ParseFunctionTable(lateral));
    RETURN_IF_ERROR(ExpectSymbol(")", "after the table function"));
  } else if (AtWindowFunction()) {
    ASSIGN_OR_RETURN(table, ParseFunctionTable(lateral));
  } else if (IsWord("UNNEST") && IsSymbol("(", 1)) {
    ASSIGN_OR_RETURN(table, ParseUnnest());
  } else if (IsSymbol("(")) {
    ASSIGN_OR_RETURN(table, ParseParenthesisedTable(lateral));
  } else if (lateral) {
    return Unexpected("TABLE(..), UNNEST(..) or a subquery after LATERAL");
  } else {
    ASSIGN_OR_RETURN(table, ParseNamedTable());
  }
  if (IsWord("TABLESAMPLE"))
    return Fail(Peek().span, "TABLESAMPLE is not supported", "filter by a hash of a column");
  if (!IsWord("MATCH_RECOGNIZE")) RETURN_IF_ERROR(ParseAlias(table.get()));
  table->span = SpanFrom(begin);
  if (IsWord("MATCH_RECOGNIZE")) {
    ASSIGN_OR_RETURN(table, ParseMatch(std::move(table)));
    RETURN_IF_ERROR(ParseAlias(table.get()));
    table->span = SpanFrom(begin);
  }
  return table;
}

Result<TableRefPtr> Parser::ParseNamedTable() {
  auto table = std::make_unique<NamedTable>();
  ASSIGN_OR_RETURN(table->name, ParseObjectName("a table name"));
  if (IsSymbol("(")) {
    return Unexpected(
        "the end of the table name",
        fmt::format("call a table function as TABLE({}(..))", table->name.ToString()));
  }
  ASSIGN_OR_RETURN(table->hints, ParseHints());
  if (TakeWord("FOR")) {
    RETURN_IF_ERROR(ExpectWords({"SYSTEM_TIME", "AS", "OF"}));
    ASSIGN_OR_RETURN(table->system_time, ParseExpr());
    table->height = table->system_time->height + 1;
  }
  return TableRefPtr(std::move(table));
}

// FROM TUMBLE(TABLE t, ..): the same as TABLE(TUMBLE(..)).
bool Parser::AtWindowFunction() const {
  if (!IsSymbol("(", 1)) return false;
  return IsWord("TUMBLE") || IsWord("HOP") || IsWord("CUMULATE") || IsWord("SESSION");
}

Result<TableRefPtr> Parser::ParseFunctionTable(bool lateral) {
  auto table = std::make_unique<FunctionTable>();
  table->lateral = lateral;
  const Token& token = Peek();
  if (token.kind != TokenKind::kWord && token.kind != TokenKind::kQuotedName) {
    return Unexpected("a table function");
  }
  ObjectName name;
  const Token first = Take();
  name.parts.push_back({first.text, first.span});
  while (TakeSymbol(".")) {
    ASSIGN_OR_RETURN(Identifier part, ParseName("a name after the dot"));
    name.parts.push_back(std::move(part));
  }
  name.span = SpanFrom(first.span);
  if (!IsSymbol("(")) return Unexpected("'(' and the arguments of the table function");
  ASSIGN_OR_RETURN(table->call, ParseCall(std::move(name)));
  table->height = table->call->height + 1;
  return TableRefPtr(std::move(table));
}

Result<TableRefPtr> Parser::ParseUnnest() {
  Take();
  Take();
  auto table = std::make_unique<UnnestTable>();
  ASSIGN_OR_RETURN(table->collections, ParseExprList());
  RETURN_IF_ERROR(ExpectSymbol(")"));
  table->with_ordinality = TakeWords({"WITH", "ORDINALITY"});
  for (const ExprPtr& collection : table->collections) {
    table->height = std::max(table->height, collection->height + 1);
  }
  return TableRefPtr(std::move(table));
}

// At "((SELECT ..": a query in parentheses, as in ((SELECT ..) UNION ..), or a join that begins
// with a subquery, as in ((SELECT ..) AS a JOIN ..)? What follows the inner parentheses decides.
bool Parser::AtJoinOfSubquery() const {
  if (!IsSymbol("(", 1)) return false;
  size_t depth = 0;
  size_t ahead = 1;
  do {
    if (Peek(ahead).kind == TokenKind::kEnd) return false;
    if (IsSymbol("(", ahead)) ++depth;
    if (IsSymbol(")", ahead)) --depth;
    ++ahead;
  } while (depth > 0);
  if (IsSymbol(")", ahead)) return false;
  for (std::string_view word :
       {"UNION", "EXCEPT", "MINUS", "INTERSECT", "ORDER", "LIMIT", "OFFSET", "FETCH"}) {
    if (IsWord(word, ahead)) return false;
  }
  return true;
}

// (SELECT ..), (VALUES ..), or (a JOIN b ON ..)
Result<TableRefPtr> Parser::ParseParenthesisedTable(bool lateral) {
  const bool at_table_query = IsWord("TABLE", 1) && !IsSymbol("(", 2);  // (TABLE t)
  if ((AtQuery() && !AtJoinOfSubquery()) || at_table_query) {
    Take();
    auto table = std::make_unique<SubqueryTable>();
    table->lateral = lateral;
    ASSIGN_OR_RETURN(table->query, ParseQuery());
    RETURN_IF_ERROR(ExpectSymbol(")", "after the subquery"));
    table->height = table->query->height + 1;
    return TableRefPtr(std::move(table));
  }
  Take();
  ASSIGN_OR_RETURN(TableRefPtr inner, ParseFrom());
  RETURN_IF_ERROR(ExpectSymbol(")"));
  return inner;
}

Status Parser::ParseAlias(TableRef* table) {
  const bool as = TakeWord("AS");
  if (!as && !CanStartName(Peek())) return Status::OK();
  TableAlias alias;
  ASSIGN_OR_RETURN(alias.name, ParseName("a name after AS"));
  if (IsSymbol("(")) {
    ASSIGN_OR_RETURN(alias.columns, ParseParenthesisedNames("a column name"));
  }
  table->alias = std::move(alias);
  return Status::OK();
}

}  // namespace mainstem::process::sql

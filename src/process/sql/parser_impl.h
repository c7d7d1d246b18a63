// The recursive-descent parser behind parser.h, private to this folder. One object parses one
// text; it is used by one thread and not kept. Every recursion passes a DepthGuard, and every node
// passes Finish(), so that neither parsing nor a later walk over the tree can exhaust the stack.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/status.h"
#include "process/sql/diagnostic.h"
#include "process/sql/syntax_statement.h"
#include "process/sql/token.h"

namespace mainstem::process::sql {

class Parser {
 public:
  static Result<Parser> Make(std::string text, size_t first_line_at = 0);

  Result<Script> ParseWholeScript();
  Result<StatementPtr> ParseSingleStatement();
  Result<ExprPtr> ParseSingleExpr();
  Result<TypeSyntaxPtr> ParseSingleType();
  const SourceTextPtr& source() const { return source_; }

 private:
  Parser(SourceTextPtr source, std::vector<Token> tokens)
      : source_(std::move(source)), tokens_(std::move(tokens)) {}

  class DepthGuard {
   public:
    explicit DepthGuard(Parser* parser) : parser_(parser) { ++parser_->depth_; }
    ~DepthGuard() { --parser_->depth_; }
    DepthGuard(const DepthGuard&) = delete;
    DepthGuard& operator=(const DepthGuard&) = delete;

   private:
    Parser* const parser_;
  };
  Status CheckDepth() const;

  // ---- tokens (parser_core.cc)
  const Token& Peek(size_t ahead = 0) const;
  const Token& Previous() const { return tokens_[at_ > 0 ? at_ - 1 : 0]; }
  Token Take();
  bool AtEnd() const { return Peek().kind == TokenKind::kEnd; }
  bool IsWord(std::string_view upper, size_t ahead = 0) const;
  bool AreWords(std::initializer_list<std::string_view> words) const;
  bool IsSymbol(std::string_view symbol, size_t ahead = 0) const;
  bool TakeWord(std::string_view upper);
  bool TakeWords(std::initializer_list<std::string_view> words);
  bool TakeSymbol(std::string_view symbol);
  Status ExpectWord(std::string_view upper);
  Status ExpectWords(std::initializer_list<std::string_view> words);
  Status ExpectSymbol(std::string_view symbol, std::string_view why = {});
  SourceSpan SpanFrom(const SourceSpan& begin) const { return Cover(begin, Previous().span); }
  Status Unexpected(std::string_view expected, std::string hint = {}) const;
  Status Fail(const SourceSpan& span, std::string message, std::string hint = {}) const;
  Status NotYet(const SourceSpan& span, std::string what, std::string hint = {}) const;
  // What most likely was meant at an unexpected token, or empty.
  std::string GuessHint(std::string_view expected) const;

  Result<Identifier> ParseName(std::string_view what);
  Result<ObjectName> ParseObjectName(std::string_view what);
  Result<std::vector<Identifier>> ParseNameList(std::string_view what);
  Result<std::vector<Identifier>> ParseParenthesisedNames(std::string_view what);
  Result<Token> ParseString(std::string_view what);
  Result<int> ParseSmallInteger(std::string_view what, int max);
  bool CanStartName(const Token& token) const;

  // ---- types (parser_type.cc)
  Result<TypeSyntaxPtr> ParseType();
  Result<TypeSyntax> ParseTypeName();
  Status ParsePrecision(TypeSyntax* type, int count);
  Status ParseRowFields(TypeSyntax* type);
  Result<IntervalQualifier> ParseIntervalQualifier();

  // ---- expressions (parser_expression.cc)
  Result<ExprPtr> ParseExpr();
  Result<ExprPtr> ParseOr();
  Result<ExprPtr> ParseAnd();
  Result<ExprPtr> ParseNot();
  Result<ExprPtr> ParsePredicate();
  Result<ExprPtr> ParseComparison(ExprPtr left);
  Result<ExprPtr> ParseNegatable(ExprPtr left);
  Result<ExprPtr> ParseIs(ExprPtr left);
  Result<ExprPtr> ParseIn(ExprPtr left, bool negated);
  Result<ExprPtr> ParseAdditive();
  Result<ExprPtr> ParseMultiplicative();
  Result<ExprPtr> ParseUnary();
  Result<ExprPtr> ParsePostfix();
  Result<ExprPtr> ParsePrimary();
  Result<ExprPtr> ParseParenthesised();
  Result<ExprPtr> ParseCase();
  Result<ExprPtr> ParseInterval();
  Result<ExprPtr> ParseCountedInterval(std::unique_ptr<IntervalExpr> one, const SourceSpan& begin);
  Result<ExprPtr> ParseNamePath();
  Result<ExprPtr> ParseKeywordPrimary(bool* taken);
  Result<ExprPtr> ParseCollection(ConstructorKind kind);
  Result<ExprPtr> ParseSubquery(SubqueryKind kind, const SourceSpan& begin);
  Result<std::vector<ExprPtr>> ParseExprList();
  bool AtQuery(size_t ahead = 0) const;
  bool AtJoinOfSubquery() const;
  ExprPtr MakeLiteral(LiteralKind kind, std::string text, const SourceSpan& span) const;
  // Sets span and height; refuses trees that are too high.
  Result<ExprPtr> Finish(ExprPtr expr, const SourceSpan& begin,
                         std::initializer_list<const Expr*> children);
  Result<ExprPtr> FinishList(ExprPtr expr, const SourceSpan& begin,
                             const std::vector<const Expr*>& children);
  Result<ExprPtr> Balance(BinaryOp op, std::vector<ExprPtr> operands,
                          const std::vector<SourceSpan>& op_spans);

  // ---- calls (parser_function.cc)
  Result<ExprPtr> ParseCall(ObjectName name);
  Status ParseCallArguments(FunctionExpr* call);
  Status ParseSpecialArguments(FunctionExpr* call, const std::string& name, bool* taken);
  Status ParseTrimArguments(FunctionExpr* call);
  Status ParseKeywordArguments(FunctionExpr* call,
                               std::initializer_list<std::string_view> separators);
  Status ParseUnitFirst(FunctionExpr* call, std::string_view separator);
  Status ParseJsonArguments(FunctionExpr* call, const std::string& name);
  Status ParseJsonClauses(FunctionExpr* call);
  Status ParseCallSuffixes(FunctionExpr* call);
  Result<FunctionExpr::Argument> ParseArgument();
  Result<ExprPtr> ParseTableArgument();
  Result<ExprPtr> ParseDescriptor();
  Result<ExprPtr> ParseCast(bool is_try);
  Result<ExprPtr> ParseUnitSymbol();
  Result<WindowSpec> ParseWindowSpec();
  Result<WindowFrame> ParseFrame();
  Result<FrameBound> ParseFrameBound();
  Status AddArgument(FunctionExpr* call, Result<ExprPtr> value);

  // ---- queries (parser_query.cc)
  Result<QueryPtr> ParseQuery();
  Status ParseQueryTail(Query* query);
  Result<QueryBodyPtr> ParseSetExpression();
  Result<QueryBodyPtr> ParseIntersect();
  Result<QueryBodyPtr> ParseQueryPrimary();
  Result<QueryBodyPtr> ParseSelect();
  Result<QueryBodyPtr> ParseValues();
  Result<QueryBodyPtr> JoinBodies(QueryBodyPtr left, QueryBodyPtr right, SetOperator op, bool all,
                                  const SourceSpan& op_span);
  Result<SelectItem> ParseSelectItem();
  Status ParseGroupBy(Select* select);
  Result<GroupingElement> ParseGroupingElement();
  Result<std::vector<OrderItem>> ParseOrderItems();
  Result<std::vector<Hint>> ParseHints();
  Result<Hint> ParseHint();
  void CloseSelect(Select* select, const SourceSpan& begin);

  // ---- FROM (parser_from.cc)
  Result<TableRefPtr> ParseFrom();
  Result<TableRefPtr> ParseJoinTree();
  Result<TableRefPtr> ParseTablePrimary();
  Result<TableRefPtr> ParseNamedTable();
  Result<TableRefPtr> ParseUnnest();
  Result<TableRefPtr> ParseFunctionTable(bool lateral);
  bool AtWindowFunction() const;
  Result<TableRefPtr> ParseParenthesisedTable(bool lateral);
  Status ParseAlias(TableRef* table);
  // ---- MATCH_RECOGNIZE (parser_match.cc)
  Result<TableRefPtr> ParseMatch(TableRefPtr input);
  Status ParseMeasures(MatchTable* match);
  Status ParseSkip(MatchTable* match);
  Status ParsePattern(MatchTable* match);
  Status ParseQuantifier(MatchTable::Element* element);
  Status ParseDefinitions(MatchTable* match);

  bool TakeJoin(JoinTable* join, bool* found);
  Status ParseJoinCondition(JoinTable* join);
  Result<TableRefPtr> FinishJoin(std::unique_ptr<JoinTable> join);

  // ---- statements (parser_statement.cc, parser_ddl.cc)
  Result<StatementPtr> ParseOne();
  Result<StatementPtr> ParseOneUnfinished();
  Result<StatementPtr> ParseInsert();
  Result<StatementPtr> ParseStatementSet();
  Result<StatementPtr> ParseBegunStatementSet(const SourceSpan& begin);
  Result<StatementPtr> ParseExplain();
  Result<StatementPtr> ParseExplainWatermark();
  Result<StatementPtr> ParseJobToDescribe(std::unique_ptr<Describe> describe);
  Result<StatementPtr> ParseDescribe();
  Result<StatementPtr> ParseShow();
  Result<StatementPtr> ParseUse();
  Result<StatementPtr> ParseSet();
  Result<StatementPtr> ParseReset();
  Result<StatementPtr> ParseStop();
  Result<StatementPtr> ParseOther(StatementKind kind, std::string words);
  Status ParseOnConflict(Insert* insert);
  Result<Option> ParseSetKey();

  Result<StatementPtr> ParseCreate();
  Result<StatementPtr> ParseCreateTable(bool temporary, bool or_replace);
  Status ParseTableElements(CreateTable* table);
  Status ParseTableElement(CreateTable* table);
  Status ParseTableClauses(CreateTable* table);
  Status ParseTableSource(CreateTable* table);
  Result<StatementPtr> ParseCreateView(bool temporary);
  Result<StatementPtr> ParseCreateFunction(bool temporary, bool system);
  Result<StatementPtr> ParseDrop();
  Result<StatementPtr> ParseAlter();
  Result<StatementPtr> ParseAlterTable();
  Status ParseAlterSchema(AlterTable* alter);
  Status ParseAlterDrop(AlterTable* alter);
  Result<ColumnDefinition> ParseColumn();
  Status ParseColumnKind(ColumnDefinition* column);
  Result<WatermarkDefinition> ParseWatermark();
  Result<PrimaryKeyDefinition> ParsePrimaryKey();
  Result<LikeClause> ParseLikeClause();
  Result<Distribution> ParseDistribution();
  Result<std::vector<Option>> ParseOptions(SourceSpan* span);
  Result<bool> TakeIfNotExists();
  Result<bool> TakeIfExists();
  Result<std::string> TakeComment();

  SourceTextPtr source_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  uint32_t depth_ = 0;
};

// Height of a node above its children; null children count nothing.
uint32_t HeightAbove(std::initializer_list<uint32_t> children);
bool IsTimeUnit(std::string_view upper);

}  // namespace mainstem::process::sql

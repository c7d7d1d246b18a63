// Queries as written: SELECT, VALUES, set operations, FROM. See syntax_expr.h for ownership.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "process/sql/syntax_expr.h"

namespace mainstem::process::sql {

// /*+ NAME('key'='value', ..) */ or NAME(arg, ..)
struct Hint {
  Identifier name;
  std::vector<std::pair<std::string, std::string>> options;  // of 'k'='v' pairs
  std::vector<SourceSpan> option_spans;
  std::vector<std::string> arguments;  // of plain arguments
  std::vector<SourceSpan> argument_spans;
  SourceSpan span;
};

// ---- FROM

enum class TableRefKind : uint8_t { kName, kSubquery, kFunction, kUnnest, kJoin, kMatch };
struct TableAlias {
  Identifier name;
  std::vector<Identifier> columns;
};
struct TableRef {
  explicit TableRef(TableRefKind k) : kind(k) {}
  virtual ~TableRef() = default;
  const TableRefKind kind;
  SourceSpan span;
  uint32_t height = 1;
  std::optional<TableAlias> alias;
};
using TableRefPtr = std::unique_ptr<TableRef>;

struct NamedTable : TableRef {
  NamedTable() : TableRef(TableRefKind::kName) {}
  ObjectName name;
  std::vector<Hint> hints;
  ExprPtr system_time;  // FOR SYSTEM_TIME AS OF
};
struct SubqueryTable : TableRef {
  SubqueryTable() : TableRef(TableRefKind::kSubquery) {}
  std::unique_ptr<Query> query;
  bool lateral = false;
};
// TABLE(f(..)) or LATERAL TABLE(f(..)). The call is a FunctionExpr.
struct FunctionTable : TableRef {
  FunctionTable() : TableRef(TableRefKind::kFunction) {}
  ExprPtr call;
  bool lateral = false;
};
struct UnnestTable : TableRef {
  UnnestTable() : TableRef(TableRefKind::kUnnest) {}
  std::vector<ExprPtr> collections;
  bool with_ordinality = false;
};
enum class JoinKind : uint8_t { kInner, kLeft, kRight, kFull, kCross, kComma };
struct JoinTable : TableRef {
  JoinTable() : TableRef(TableRefKind::kJoin) {}
  JoinKind join = JoinKind::kInner;
  bool natural = false;
  TableRefPtr left, right;
  ExprPtr on;
  std::vector<Identifier> using_columns;
  SourceSpan join_span;  // of the words JOIN, LEFT JOIN ..
};

struct SelectItem {
  ExprPtr expr;
  std::optional<Identifier> alias;
};

// t MATCH_RECOGNIZE (..)
struct MatchTable : TableRef {
  MatchTable() : TableRef(TableRefKind::kMatch) {}
  struct Element {
    Identifier variable;
    int min = 1;
    int max = 1;  // -1: no bound
    bool is_quantified = false;
    bool is_reluctant = false;
  };
  struct Definition {
    Identifier variable;
    ExprPtr condition;
  };
  enum class Skip : uint8_t { kPastLastRow, kToNextRow, kToFirst, kToLast };
  TableRefPtr input;
  std::vector<ExprPtr> partition_by;
  std::vector<OrderItem> order_by;
  std::vector<SelectItem> measures;
  Skip skip = Skip::kToNextRow;       // what Flink does where nothing is said; not the standard
  std::optional<Identifier> skip_to;  // the variable of kToFirst and kToLast
  SourceSpan skip_span;
  std::vector<Element> pattern;
  SourceSpan pattern_span;
  ExprPtr within;  // an interval; null: none
  std::vector<Definition> definitions;
};

// ---- SELECT

enum class GroupingKind : uint8_t { kExpr, kSet, kSets, kCube, kRollup };
// kExpr: one expression. kSet: (a, b) inside GROUPING SETS / CUBE / ROLLUP.
struct GroupingElement {
  GroupingKind kind = GroupingKind::kExpr;
  ExprPtr expr;
  std::vector<GroupingElement> elements;
  SourceSpan span;
};

struct NamedWindow {
  Identifier name;
  WindowSpec spec;
};

enum class BodyKind : uint8_t { kSelect, kValues, kSetOperation, kNested, kTable };
struct QueryBody {
  explicit QueryBody(BodyKind k) : kind(k) {}
  virtual ~QueryBody() = default;
  const BodyKind kind;
  SourceSpan span;
  uint32_t height = 1;
};
using QueryBodyPtr = std::unique_ptr<QueryBody>;

struct Select : QueryBody {
  Select() : QueryBody(BodyKind::kSelect) {}
  std::vector<Hint> hints;
  bool distinct = false;
  SourceSpan distinct_span;
  std::vector<SelectItem> items;
  TableRefPtr from;  // may be null
  ExprPtr where;
  std::vector<GroupingElement> group_by;
  std::optional<SourceSpan> group_by_span;  // present also for GROUP BY ()
  ExprPtr having;
  ExprPtr qualify;  // over what OVER windows give
  std::vector<NamedWindow> windows;
};
struct Values : QueryBody {
  Values() : QueryBody(BodyKind::kValues) {}
  std::vector<std::vector<ExprPtr>> rows;
  std::vector<SourceSpan> row_spans;
};
enum class SetOperator : uint8_t { kUnion, kIntersect, kExcept };
std::string_view NameOf(SetOperator op);
struct SetOperation : QueryBody {
  SetOperation() : QueryBody(BodyKind::kSetOperation) {}
  SetOperator op = SetOperator::kUnion;
  bool all = false;
  QueryBodyPtr left, right;
  SourceSpan op_span;
};
// A parenthesised query as an operand.
struct NestedQuery : QueryBody {
  NestedQuery() : QueryBody(BodyKind::kNested) {}
  std::unique_ptr<Query> query;
};
// TABLE t
struct TableQuery : QueryBody {
  TableQuery() : QueryBody(BodyKind::kTable) {}
  NamedTable table;
};

struct CommonTable {
  Identifier name;
  std::vector<Identifier> columns;
  std::unique_ptr<Query> query;
};

struct Query {
  std::vector<CommonTable> with;
  QueryBodyPtr body;
  std::vector<OrderItem> order_by;
  SourceSpan order_by_span;
  ExprPtr limit;  // LIMIT n or FETCH NEXT n ROWS ONLY; null: none (LIMIT ALL too)
  ExprPtr offset;
  SourceSpan limit_span;
  SourceSpan span;
  uint32_t height = 1;
};
using QueryPtr = std::unique_ptr<Query>;

// The tree as SQL on one line, fully parenthesised: for EXPLAIN, messages and tests.
std::string ToSql(const Expr& expr);
std::string ToSql(const Query& query);

}  // namespace mainstem::process::sql

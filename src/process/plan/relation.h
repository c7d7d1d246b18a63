// What the Binder (binder.h) makes of FROM items and queries, and what it makes them with.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "process/plan/logical_plan.h"
#include "process/sql/syntax_query.h"

namespace mainstem::process::plan {

// A name by which a column of a relation can be called.
struct ScopeColumn {
  std::vector<std::string> qualifier;  // alias, or catalog.database.table; empty: none
  std::string name;
  // One of a pair that USING or NATURAL has made one column of: a name alone and * mean that one.
  bool only_qualified = false;
  int place = -1;  // in t.*, where that is not the order of the scope
};

// The columns that a window table function added, as far as they are still there (else -1).
struct WindowColumns {
  int start = -1;
  int end = -1;
  int time = -1;
  Window window;  // time_column refers to the window function's input
};

// A bound FROM item or query: scope[i] names column i of `node`.
struct Relation {
  PlanNodePtr node;
  std::vector<ScopeColumn> scope;
  std::optional<WindowColumns> window;
};

// References to columns of the query around a subquery begin here.
inline constexpr int kOuterBase = 4'000'000;
// Values of subqueries begin here.
inline constexpr int kScalarBase = 5'000'000;
bool ReadsOuter(const BoundExpr& expr);
// An expression over a subquery, as one over its join behind `left_count` columns of the query
// around.
ExprPtr OnTheRight(const ExprPtr& expr, int left_count);
// The SELECT of a query whose rows can be joined before anything is made of them; else null.
const sql::Select* PlainSelect(const sql::Query& query);

SourceSpan ToSpan(const sql::SourceSpan& span);
PlanNodePtr MakeProject(PlanNodePtr input, std::vector<ExprPtr> exprs, Columns columns,
                        SourceSpan span);
PlanNodePtr MakeFilter(PlanNodePtr input, ExprPtr predicate, SourceSpan span);
// Column i of `columns` as an expression.
ExprPtr RefTo(const Columns& columns, int index, SourceSpan span = {});
// Equal trees, one by one.
bool SameExprs(const std::vector<ExprPtr>& a, const std::vector<ExprPtr>& b);
// a, a -> a, a0: as the dialect makes result names unique.
void MakeNamesUnique(std::vector<std::string>* names);

}  // namespace mainstem::process::plan

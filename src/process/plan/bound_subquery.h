// What the Binder (binder.h) makes of subqueries before they become joins, and of hints about
// joins.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "process/plan/relation.h"

namespace mainstem::process::plan {

// A subquery that stands for a value (bind_scalar.cc).
struct ScalarSubquery {
  PlanNodePtr node;                 // a row at most for each key
  std::vector<ExprPtr> conditions;  // key = column of the query around (kOuterBase)
  ExprPtr value;                    // over the node
  std::vector<int> counts;          // its columns that are 0 where there is no row
  bool exists = false;              // value is how many rows there are
  sql::SourceSpan span;
};

// A conjunct that is [NOT] IN (SELECT ..) or [NOT] EXISTS (SELECT ..).
struct SubqueryTest {
  const sql::Expr* operand = nullptr;  // of IN; null: EXISTS
  const sql::Query* query = nullptr;
  bool negated = false;
  sql::SourceSpan span;
};

// What a subquery gives to the join with the query around it.
struct SubquerySource {
  Relation relation;
  std::vector<ExprPtr> items;       // selected, over the relation
  std::vector<ExprPtr> correlated;  // conditions with references to the query around
};

// A LATERAL subquery (bind_lateral.cc).
struct LateralSource {
  Relation relation;  // columns beyond its scope are for the conditions
  std::vector<ExprPtr> conditions;
};

}  // namespace mainstem::process::plan

// Binds one SELECT: see bind_select.cc (select list, result), bind_grouping.cc, bind_over.cc,
// bind_order.cc. Used by the Binder only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "process/plan/aggregate_scope.h"
#include "process/plan/binder.h"
#include "process/plan/ordered_nodes.h"

namespace mainstem::process::plan {

// inner = outer: an expression inside a subquery with one of the query around it only.
bool IsOuterEquality(const ExprPtr& condition);

// Binds one SELECT. The select list is bound over the input with aggregates as pretended columns;
// if there are any, or a GROUP BY, the bound trees are then rewritten over the aggregate's output.
class SelectBinder {
 public:
  // `ordered`, if not null, is the query whose body the SELECT is: its ORDER BY may name columns
  // that are not selected.
  SelectBinder(Binder* binder, const sql::Select& select, const sql::Query* ordered)
      : binder_(*binder), select_(select), ordered_(ordered) {}

  Result<Relation> Bind();
  // The same up to the select list: what a SEMI or ANTI join reads. Instead of Bind.
  Result<SubquerySource> BindSource();
  // A subquery that stands for a value, or for whether it has rows (bind_scalar.cc). Instead of
  // Bind; without GROUP BY.
  Result<ScalarSubquery> BindScalar(bool exists);
  // A LATERAL subquery (bind_lateral.cc). Instead of Bind.
  Result<LateralSource> BindLateral();
  // After Bind: the ORDER BY, over the result's columns. Those from `visible_columns` on are there
  // for its sake only.
  const std::vector<SortKey>& order() const { return order_; }
  size_t visible_columns() const { return visible_columns_; }

 private:
  Binder::ExprScope Scope(std::string_view clause);
  Binder::ExprScope PlainScope(std::string_view clause) const;
  Status CheckClauses();
  // FROM, with the hints that name its tables.
  Status BindInput();
  Status BindWhere();
  // GROUP BY, the select list, ORDER BY and HAVING, which it returns (null: none).
  Result<ExprPtr> BindAfterWhere();
  // One predicate of WHERE, with its subqueries.
  Status FilterBy(ExprPtr predicate, std::vector<ScalarSubquery> scalars,
                  const sql::SourceSpan& span);
  // Subqueries become columns of the input, behind its own; `exprs` are over it.
  Status JoinToInput(std::vector<ScalarSubquery> scalars, std::vector<ExprPtr*> exprs);
  // Makes equalities of the conditions with the query around.
  Status JoinOuterValues();

  // ---- GROUP BY

  // Sets of positions in group_.
  using GroupingSets = std::vector<std::vector<int>>;
  Status BindGroupBy();
  Result<GroupingSets> BindGroupingElement(const sql::GroupingElement& element);
  Result<GroupingSets> BindGroupingExpr(const sql::Expr& expr);

  // GROUP BY sees the columns of FROM, not the names given in SELECT.
  Status NamesAnAlias(const sql::Expr& expr, const Status& error) const;

  // GROUP BY TUMBLE(ts, INTERVAL ..)
  Status BindLegacyWindow(const sql::FunctionExpr& call, const std::string& name);

  // ---- select list

  Status BindItems();
  std::string NameOf(const sql::SelectItem& item) const;
  Status ExpandStar(const sql::StarExpr& star);

  // ---- grouping

  // Index of `expr` among the columns computed below the aggregate; added when new.
  int Computed(const ExprPtr& expr);
  bool IsColumn(const ExprPtr& expr, int index) const;

  // GROUP BY names window_start and window_end: a window aggregate, else an ordinary one.
  bool IsInEverySet(size_t key) const;
  bool GroupsByWindow() const;
  Status BindGrouping(const ExprPtr& having);
  Status JoinArgumentScalars();
  PlanNodePtr ProjectBelow();
  // Puts the grouping sets below `node`, whose `keys` become the copies of the columns.
  Status Expand(PlanNode* node, std::vector<int>* keys);
  Result<int64_t> GroupingValue(const GroupingCall& call, size_t set) const;
  AggregateSpec SpecOf(const BoundAggregate& aggregate);
  PlanNodePtr MakeGroupAggregate(const std::vector<int>& keys, std::vector<AggregateSpec> specs);
  PlanNodePtr MakeWindowAggregate(const std::vector<int>& keys, std::vector<AggregateSpec> specs);
  void FillColumns(PlanNode* node, const std::vector<int>& keys);

  // A tree over the input becomes one over the aggregate's output.
  Result<ExprPtr> Rewrite(const ExprPtr& expr);
  Status NotGrouped(const BoundExpr& expr) const;

  // ---- OVER (bind_over.cc)

  Status BindOvers();
  Status CheckOver(const BoundOver& over, const BoundOver& first) const;

  // ---- ORDER BY (bind_order.cc)

  Status BindOrder();
  Status BindOrderItem(const sql::OrderItem& item);

  // ---- hints and the names that they may have (bind_hints.cc)

  Status CheckFromNames() const;
  Status ReadHints();
  Status ReadStateTtlHint(const sql::Hint& hint);
  Status ReadLookupHint(const sql::Hint& hint);
  // `name` must be one that FROM gives.
  Status CheckHintName(const sql::Hint& hint, const std::string& name,
                       const sql::SourceSpan& span) const;

  // ---- result

  Relation Project();

  // QUALIFY: its predicate as a hidden column behind the others, then the filter by it.
  Status BindQualify();
  void KeepQualified(Relation* relation) const;

  // The window's columns that came through the projection unchanged.
  std::optional<WindowColumns> WindowOfResult() const;

  Binder& binder_;
  const sql::Select& select_;
  const sql::Query* const ordered_;
  Relation input_;
  AggregateScope aggregates_;
  std::vector<ScalarSubquery> scalars_;           // of SELECT and HAVING
  std::vector<ScalarSubquery> argument_scalars_;  // in arguments of aggregates
  std::vector<ExprPtr> correlated_;               // conjuncts of WHERE that read the query around
  std::vector<ExprPtr> group_;
  // Where each comes out: a column of the aggregate, or kPropertyBase + property.
  std::vector<int> group_output_;
  GroupingSets sets_ = {{}};
  std::vector<ExprPtr> exprs_;
  std::vector<std::string> names_;
  std::vector<ExprPtr> below_;  // computed under the aggregate
  PlanNodePtr output_;          // of the aggregate; null: not grouped
  int aggregate_begin_ = 0;
  int property_begin_ = 0;
  int grouping_begin_ = -1;  // of GROUPING(..); -1: no grouping sets, so that it is 0
  const WindowAggregateNode* window_aggregate_ = nullptr;
  std::vector<SortKey> order_;
  size_t visible_columns_ = 0;
  bool is_grouped_ = false;
  bool with_time_ = false;
  bool allow_untyped_null_ = false;
  std::optional<int64_t> state_ttl_ms_;  // of the hint for the only table
  SelectHints hints_;
  LogicalType time_type_;
};

}  // namespace mainstem::process::plan

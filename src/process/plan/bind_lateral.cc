// JOIN LATERAL (SELECT ..): a subquery that reads the columns of the tables before it. It becomes a
// join: with the subquery's rows as they are, or, where those are aggregated or cut off by LIMIT,
// with those of each value that the subquery's WHERE compares with.
#include <algorithm>

#include <fmt/format.h>

#include "process/plan/rules.h"
#include "process/plan/select_binder.h"

namespace mainstem::process::plan {

Result<Relation> Binder::BindLateralJoin(const sql::JoinTable& table,
                                         const sql::SubqueryTable& lateral) {
  const bool is_left = table.join == sql::JoinKind::kLeft;
  if (table.join == sql::JoinKind::kRight || table.join == sql::JoinKind::kFull) {
    return Error(table.join_span, "LATERAL stands on the right of an INNER, CROSS or LEFT JOIN",
                 "its subquery is asked for each row of the left side");
  }
  if (table.natural || !table.using_columns.empty()) {
    return NotYet(table.join_span, "NATURAL JOIN and USING with LATERAL");
  }
  ASSIGN_OR_RETURN(Relation left, BindTableRef(*table.left));
  LateralSource source;
  {
    const InSubqueryOf inside(this, &left);
    ASSIGN_OR_RETURN(source, BindLateralSource(*lateral.query));
  }
  RETURN_IF_ERROR(ApplyAlias(lateral, &source.relation));

  const size_t left_count = left.node->columns.size();
  const size_t right_count = source.relation.scope.size();
  auto join = std::make_shared<JoinNode>();
  join->type = is_left ? JoinType::kLeft : JoinType::kInner;
  join->span = ToSpan(table.join_span);
  join->state_ttl_ms.fill(StateTtlMillis());
  join->inputs = {left.node, source.relation.node};
  join->columns = left.node->columns;
  const Columns& right = source.relation.node->columns;
  join->columns.insert(join->columns.end(), right.begin(), right.end());
  for (const ExprPtr& condition : source.conditions) {
    join->conditions.push_back(OnTheRight(condition, static_cast<int>(left_count)));
  }
  Relation out;
  out.scope = left.scope;
  out.scope.insert(out.scope.end(), source.relation.scope.begin(), source.relation.scope.end());
  if (table.on != nullptr) {
    const ExprScope scope{&out.scope, &join->columns, nullptr, "ON"};
    ASSIGN_OR_RETURN(ExprPtr condition, BindPredicate(*table.on, scope));
    SplitConjunction(condition, &join->conditions);
  }
  MakeJoinNullable(join->type, left_count, &join->columns);
  std::vector<ExprPtr> exprs;
  for (size_t i = 0; i < left_count + right_count; ++i) {
    exprs.push_back(RefTo(join->columns, static_cast<int>(i)));
  }
  Columns columns(join->columns.begin(),
                  join->columns.begin() + static_cast<ptrdiff_t>(exprs.size()));
  const SourceSpan span = join->span;
  out.node = MakeProject(std::move(join), std::move(exprs), std::move(columns), span);
  return out;
}

Result<LateralSource> Binder::BindLateralSource(const sql::Query& query) {
  if (query.with.empty() && query.body->kind == sql::BodyKind::kSelect) {
    return SelectBinder(this, static_cast<const sql::Select&>(*query.body), &query).BindLateral();
  }
  LateralSource source;
  ASSIGN_OR_RETURN(source.relation, BindQuery(query));
  return source;
}

Result<LateralSource> SelectBinder::BindLateral() {
  RETURN_IF_ERROR(CheckClauses());
  RETURN_IF_ERROR(BindInput());
  if (select_.where != nullptr) RETURN_IF_ERROR(BindWhere());
  ASSIGN_OR_RETURN(const ExprPtr having, BindAfterWhere());
  if (!aggregates_.overs.empty() || !scalars_.empty() || !argument_scalars_.empty() ||
      !aggregates_.groupings.empty() || sets_.size() > 1) {
    return binder_.NotYet(select_.span, "OVER, a subquery or grouping sets in a LATERAL subquery");
  }
  const bool is_limit = ordered_->limit != nullptr || ordered_->offset != nullptr;
  if (is_limit && order_.empty()) {
    return binder_.NotYet(ordered_->limit_span, "LIMIT without ORDER BY in a LATERAL subquery");
  }
  LateralSource out;
  const bool by_value = is_grouped_ || select_.distinct || is_limit;
  if (by_value && !std::all_of(correlated_.begin(), correlated_.end(), IsOuterEquality)) {
    RETURN_IF_ERROR(JoinOuterValues());
  }
  // What the conditions need of the input comes out behind the columns that are selected.
  const size_t first_hidden = exprs_.size();
  const auto hide = [&](const ExprPtr& expr) {
    const int at = static_cast<int>(exprs_.size());
    names_.push_back(fmt::format("$lateral{}", at));
    exprs_.push_back(expr);
    return MakeInputRef(at, expr->type().WithTimeAttribute(TimeAttribute::kNone), names_.back());
  };
  for (const ExprPtr& condition : correlated_) {
    if (!by_value) {
      out.conditions.push_back(ReplaceInputRefs(condition, [&](const BoundExpr& ref) -> ExprPtr {
        if (ref.index() < kOuterBase) return hide(RefTo(input_.node->columns, ref.index()));
        return MakeInputRef(ref.index(), ref.type(), ref.name(), ref.span());
      }));
      continue;
    }
    ExprPtr inner = condition->args()[0];
    ExprPtr outer = condition->args()[1];
    if (ReadsOuter(*inner)) std::swap(inner, outer);
    if (is_grouped_) group_.push_back(inner);
    ASSIGN_OR_RETURN(ExprPtr equal,
                     binder_.CallFunction("=", {hide(inner), outer}, select_.where->span));
    out.conditions.push_back(std::move(equal));
  }
  if (is_grouped_) RETURN_IF_ERROR(BindGrouping(having));
  const size_t visible = visible_columns_;
  out.relation = Project();
  if (is_limit) {
    ASSIGN_OR_RETURN(out.relation.node, binder_.SortAndLimit(*ordered_, order_, out.relation.node));
    if (auto* rank = dynamic_cast<RankNode*>(out.relation.node.get())) {
      for (size_t i = first_hidden; i < exprs_.size(); ++i) {
        rank->partition.push_back(static_cast<int>(i));
      }
      rank->is_limit = rank->partition.empty();
    }
  }
  out.relation.scope.resize(visible);
  out.relation.window.reset();
  return out;
}

}  // namespace mainstem::process::plan

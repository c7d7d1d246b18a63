// Subqueries that stand for one value, (SELECT MAX(x) FROM t), and EXISTS where it is no conjunct
// of WHERE: a LEFT JOIN with the value, which has one row, or one for each key that the subquery's
// own WHERE compares with the query around.
#include <algorithm>

#include <fmt/format.h>

#include "process/plan/rules.h"
#include "process/plan/select_binder.h"

namespace mainstem::process::plan {
namespace {

// Only references to the query around; there is one at least.
bool ReadsOuterOnly(const BoundExpr& expr) {
  std::vector<int> refs;  // sorted
  CollectInputRefs(expr, &refs);
  return !refs.empty() && refs.front() >= kOuterBase;
}

}  // namespace

bool IsOuterEquality(const ExprPtr& condition) {
  if (!condition->IsCallTo("=") || condition->args().size() != 2) return false;
  const BoundExpr& left = *condition->args()[0];
  const BoundExpr& right = *condition->args()[1];
  return ReadsOuter(left) ? ReadsOuterOnly(left) && !ReadsOuter(right) : ReadsOuterOnly(right);
}

Result<ExprPtr> Binder::BindScalarSubquery(const sql::SubqueryExpr& subquery,
                                           const ExprScope& scope) {
  const bool exists = subquery.subquery == sql::SubqueryKind::kExists;
  if (!exists && subquery.subquery != sql::SubqueryKind::kScalar) {
    return NotYet(subquery.span, "ARRAY, MAP or MULTISET of a subquery");
  }
  if (scope.scalars == nullptr) {
    return NotYet(subquery.span, fmt::format("a subquery in {}", scope.clause));
  }
  ScalarSubquery bound;
  {
    const InSubqueryOf inside(this, scope.around);
    ASSIGN_OR_RETURN(bound, BindScalarSource(*subquery.query, exists));
  }
  const LogicalType type =
      exists ? LogicalType::Boolean().NotNull() : bound.value->type().WithNullable(true);
  bound.span = subquery.span;
  return AddScalar(std::move(bound), type, scope);
}

Result<ScalarSubquery> Binder::BindScalarSource(const sql::Query& query, bool exists) {
  if (const sql::Select* select = PlainSelect(query)) {
    return SelectBinder(this, *select, nullptr).BindScalar(exists);
  }
  ASSIGN_OR_RETURN(Relation rows, BindQuery(query));
  if (!exists && rows.node->columns.size() != 1) {
    return OneColumnWanted(query.span, rows.node->columns.size());
  }
  auto node = std::make_shared<GroupAggregateNode>();
  node->span = ToSpan(query.span);
  node->state_ttl_ms = StateTtlMillis();
  AggregateSpec& spec = node->aggregates.emplace_back();
  spec.call.name = exists ? "COUNT" : "SINGLE_VALUE";
  if (!exists) {
    spec.args = {0};
    spec.call.args = {rows.node->columns[0].type().WithTimeAttribute(TimeAttribute::kNone)};
  }
  ASSIGN_OR_RETURN(spec.result, Aggregate::ResultType(spec.call));
  node->columns.emplace_back("value", spec.result);
  node->inputs = {rows.node};
  ScalarSubquery out;
  out.value = RefTo(node->columns, 0);
  if (exists) out.counts = {0};
  out.exists = exists;
  out.node = std::move(node);
  return out;
}

Status Binder::OneColumnWanted(const sql::SourceSpan& span, size_t columns) const {
  return Error(
      span, fmt::format("a subquery that stands for a value has one column, this one {}", columns));
}

Result<ScalarSubquery> SelectBinder::BindScalar(bool exists) {
  RETURN_IF_ERROR(CheckClauses());
  RETURN_IF_ERROR(BindInput());
  if (select_.where != nullptr) RETURN_IF_ERROR(BindWhere());
  RETURN_IF_ERROR(BindItems());
  if (!exists && exprs_.size() != 1) {
    return binder_.OneColumnWanted(select_.span, exprs_.size());
  }
  if (!aggregates_.overs.empty() || (exists && !aggregates_.aggregates.empty())) {
    return binder_.NotYet(select_.span, exists ? "EXISTS with an aggregate" : "OVER in a subquery");
  }
  if (aggregates_.aggregates.empty()) {
    BoundAggregate& one = aggregates_.aggregates.emplace_back();
    one.call.name = exists ? "COUNT" : "SINGLE_VALUE";
    if (exists) {
      exprs_.clear();
    } else {
      one.args = {exprs_[0]};
      one.call.args = {exprs_[0]->type().WithTimeAttribute(TimeAttribute::kNone)};
    }
    ASSIGN_OR_RETURN(one.result, Aggregate::ResultType(one.call));
    exprs_ = {MakeInputRef(kAggregateBase, one.result, one.call.name, ToSpan(select_.span))};
  }
  std::vector<std::pair<int, ExprPtr>> keys;  // position in group_, and what it equals outside
  if (!std::all_of(correlated_.begin(), correlated_.end(), IsOuterEquality)) {
    RETURN_IF_ERROR(JoinOuterValues());
  }
  for (const ExprPtr& condition : correlated_) {
    ExprPtr inner = condition->args()[0];
    ExprPtr outer = condition->args()[1];
    if (ReadsOuter(*inner)) std::swap(inner, outer);
    group_.push_back(std::move(inner));
    keys.emplace_back(static_cast<int>(group_.size()) - 1, std::move(outer));
  }
  is_grouped_ = true;
  input_.window.reset();  // windows are no keys here
  RETURN_IF_ERROR(BindGrouping(nullptr));
  ScalarSubquery out;
  for (const auto& [position, outer] : keys) {
    const int column = group_output_[static_cast<size_t>(position)];
    ASSIGN_OR_RETURN(
        ExprPtr equal,
        binder_.CallFunction("=", {RefTo(output_->columns, column), outer}, select_.span));
    out.conditions.push_back(std::move(equal));
  }
  if (keys.empty() && !exists) {  // no row of nothing, as in Flink: NULL, a COUNT too
    Columns columns;
    columns.emplace_back("value", exprs_[0]->type());
    out.node = MakeProject(output_, {exprs_[0]}, std::move(columns), ToSpan(select_.span));
    out.value = RefTo(out.node->columns, 0);
    return out;
  }
  for (size_t i = 0; i < aggregates_.aggregates.size(); ++i) {
    if (UpperAscii(aggregates_.aggregates[i].call.name) != "COUNT") continue;
    out.counts.push_back(aggregate_begin_ + static_cast<int>(i));
  }
  out.node = output_;
  out.value = exprs_[0];
  out.exists = exists;
  return out;
}

// Conditions other than equalities are asked for each value that the query around has: those join
// the input, which then is compared with the query around by equality.
Status SelectBinder::JoinOuterValues() {
  const Relation& around = *binder_.outer_;
  std::vector<int> wanted;  // columns of the query around
  for (const ExprPtr& condition : correlated_) {
    std::vector<int> refs;
    CollectInputRefs(*condition, &refs);
    for (const int ref : refs) {
      if (ref >= kOuterBase) wanted.push_back(ref - kOuterBase);
    }
  }
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  std::vector<ExprPtr> exprs;
  Columns columns;
  for (const int column : wanted) {
    exprs.push_back(RefTo(around.node->columns, column));
    columns.push_back(around.node->columns[static_cast<size_t>(column)]);
  }
  Relation values;
  values.node =
      MakeProject(around.node, std::move(exprs), std::move(columns), ToSpan(select_.where->span));
  values = binder_.Distinct(std::move(values), select_.where->span);
  auto join = std::make_shared<JoinNode>();
  join->span = ToSpan(select_.where->span);
  join->state_ttl_ms.fill(binder_.StateTtlMillis());
  join->inputs = {input_.node, values.node};
  join->columns = input_.node->columns;
  const auto left_count = static_cast<int>(join->columns.size());
  join->columns.insert(join->columns.end(), values.node->columns.begin(),
                       values.node->columns.end());
  const auto place_of = [&](int outer) {
    const auto at = std::lower_bound(wanted.begin(), wanted.end(), outer);
    return left_count + static_cast<int>(at - wanted.begin());
  };
  for (const ExprPtr& condition : correlated_) {
    join->conditions.push_back(ReplaceInputRefs(condition, [&](const BoundExpr& ref) {
      const int index =
          ref.index() >= kOuterBase ? place_of(ref.index() - kOuterBase) : ref.index();
      return MakeInputRef(index, ref.type(), ref.name(), ref.span());
    }));
  }
  correlated_.clear();
  for (const int column : wanted) {
    const RowField& field = around.node->columns[static_cast<size_t>(column)];
    const ExprPtr outer = MakeInputRef(kOuterBase + column, field.type(), field.name());
    ASSIGN_OR_RETURN(ExprPtr equal,
                     binder_.CallFunction("=", {RefTo(join->columns, place_of(column)), outer},
                                          select_.where->span));
    correlated_.push_back(std::move(equal));
  }
  input_.node = std::move(join);
  return Status::OK();
}

Status Binder::ApplyScalars(std::vector<ScalarSubquery> scalars, const OuterColumn& outer_column,
                            PlanNodePtr* node, std::vector<ExprPtr*> exprs) {
  std::vector<ExprPtr> values;
  for (ScalarSubquery& scalar : scalars) {
    const auto left_count = static_cast<int>((*node)->columns.size());
    auto join = std::make_shared<JoinNode>();
    join->type = JoinType::kLeft;
    join->span = ToSpan(scalar.span);
    join->state_ttl_ms.fill(StateTtlMillis());
    join->columns = (*node)->columns;
    const Columns& right = scalar.node->columns;
    join->columns.insert(join->columns.end(), right.begin(), right.end());
    for (const ExprPtr& condition : scalar.conditions) {
      Status failed;
      join->conditions.push_back(ReplaceInputRefs(condition, [&](const BoundExpr& ref) -> ExprPtr {
        if (ref.index() < kOuterBase) {
          return MakeInputRef(ref.index() + left_count, ref.type(), ref.name(), ref.span());
        }
        Result<ExprPtr> column = outer_column(ref.index() - kOuterBase, ref.span());
        failed &= column.status();
        return column.ok() ? *column : MakeInputRef(0, ref.type(), ref.name(), ref.span());
      }));
      RETURN_IF_ERROR(failed);
    }
    MakeJoinNullable(join->type, static_cast<size_t>(left_count), &join->columns);
    ASSIGN_OR_RETURN(ExprPtr value, ScalarValue(scalar, join->columns, left_count));
    values.push_back(std::move(value));
    join->inputs = {*node, scalar.node};
    *node = std::move(join);
  }
  for (ExprPtr* expr : exprs) {
    if (*expr == nullptr) continue;
    *expr = ReplaceInputRefs(*expr, [&](const BoundExpr& ref) {
      if (ref.index() >= kScalarBase) return values[static_cast<size_t>(ref.index() - kScalarBase)];
      return MakeInputRef(ref.index(), ref.type(), ref.name(), ref.span());
    });
  }
  return Status::OK();
}

// Over the columns of the join. Where nothing was joined, a COUNT is 0.
Result<ExprPtr> Binder::ScalarValue(const ScalarSubquery& scalar, const Columns& columns,
                                    int left_count) {
  std::map<int, ExprPtr> counts;
  for (const int column : scalar.counts) {
    const ExprPtr zero = MakeBigIntLiteral(0, ToSpan(scalar.span));
    ASSIGN_OR_RETURN(
        counts[column],
        CallFunction("COALESCE", {RefTo(columns, column + left_count), zero}, scalar.span));
  }
  ExprPtr value = ReplaceInputRefs(scalar.value, [&](const BoundExpr& ref) {
    const auto count = counts.find(ref.index());
    return count != counts.end() ? count->second : RefTo(columns, ref.index() + left_count);
  });
  if (!scalar.exists) return value;
  return CallFunction(">", {value, MakeBigIntLiteral(0, ToSpan(scalar.span))}, scalar.span);
}

}  // namespace mainstem::process::plan

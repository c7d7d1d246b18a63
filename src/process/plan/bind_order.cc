// ORDER BY, LIMIT, OFFSET, FETCH.
#include <limits>

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include "process/plan/select_binder.h"

namespace mainstem::process::plan {

// A name given in SELECT, a number of its list, else anything over the input.
Status SelectBinder::BindOrderItem(const sql::OrderItem& item) {
  const bool nulls_first = item.nulls_first.value_or(!item.descending);
  std::vector<ScopeColumn> scope;
  Columns columns;
  for (size_t i = 0; i < visible_columns_; ++i) {
    scope.push_back({{}, names_[i]});
    columns.emplace_back(names_[i], exprs_[i]->type());
  }
  ASSIGN_OR_RETURN(const int ordinal, binder_.OrdinalOf(*item.expr, visible_columns_));
  int column = ordinal;
  if (column < 0) {
    const Result<ExprPtr> over_output =
        binder_.BindExpr(*item.expr, {&scope, &columns, nullptr, "ORDER BY"});
    ExprPtr expr;
    if (over_output.ok()) {
      expr = ReplaceInputRefs(*over_output, [this](const BoundExpr& ref) {
        return exprs_[static_cast<size_t>(ref.index())];
      });
    } else if (select_.distinct) {
      return over_output.status();
    } else {
      ASSIGN_OR_RETURN(expr, binder_.BindExpr(*item.expr, Scope("ORDER BY")));
    }
    for (size_t i = 0; column < 0 && i < exprs_.size(); ++i) {
      if (exprs_[i]->Equals(*expr)) column = static_cast<int>(i);
    }
    if (column < 0) {
      column = static_cast<int>(exprs_.size());
      names_.push_back(fmt::format("$order{}", column));
      exprs_.push_back(std::move(expr));
    }
  }
  order_.push_back({column, item.descending, nulls_first});
  return Status::OK();
}

Status SelectBinder::BindOrder() {
  visible_columns_ = exprs_.size();
  if (ordered_ == nullptr) return Status::OK();
  for (const sql::OrderItem& item : ordered_->order_by) RETURN_IF_ERROR(BindOrderItem(item));
  return Status::OK();
}

// ORDER BY 2: the position, else -1.
Result<int> Binder::OrdinalOf(const sql::Expr& expr, size_t column_count) const {
  const auto* literal = sql::TryAs<sql::LiteralExpr>(&expr);
  if (literal == nullptr || literal->literal != sql::LiteralKind::kInteger) return -1;
  int ordinal = 0;
  if (!absl::SimpleAtoi(literal->text, &ordinal) || ordinal < 1 ||
      static_cast<size_t>(ordinal) > column_count) {
    return Error(expr.span,
                 fmt::format("ORDER BY {}: the query has {} columns", literal->text, column_count));
  }
  return ordinal - 1;
}

Result<Relation> Binder::BindOrdered(const sql::Query& query) {
  std::vector<SortKey> order;
  Relation relation;
  size_t visible = 0;
  if (query.body->kind == sql::BodyKind::kSelect) {
    SelectBinder select(this, static_cast<const sql::Select&>(*query.body), &query);
    ASSIGN_OR_RETURN(relation, select.Bind());
    order = select.order();
    visible = select.visible_columns();
  } else {
    ASSIGN_OR_RETURN(relation, BindBody(*query.body));
    visible = relation.scope.size();
    for (const sql::OrderItem& item : query.order_by) {
      ASSIGN_OR_RETURN(int column, OrdinalOf(*item.expr, visible));
      if (column < 0) {
        ASSIGN_OR_RETURN(
            const ExprPtr key,
            BindExpr(*item.expr, {&relation.scope, &relation.node->columns, nullptr, "ORDER BY"}));
        if (key->kind() != ExprKind::kInputRef) {
          return NotYet(item.expr->span, "ORDER BY an expression over a set operation");
        }
        column = key->index();
      }
      order.push_back({column, item.descending, item.nulls_first.value_or(!item.descending)});
    }
  }
  ASSIGN_OR_RETURN(relation.node, SortAndLimit(query, order, relation.node));
  if (relation.scope.size() == visible) return relation;
  std::vector<ExprPtr> exprs;
  for (size_t i = 0; i < visible; ++i) {
    exprs.push_back(RefTo(relation.node->columns, static_cast<int>(i)));
  }
  Columns columns(relation.node->columns.begin(),
                  relation.node->columns.begin() + static_cast<ptrdiff_t>(visible));
  relation.node =
      MakeProject(relation.node, std::move(exprs), std::move(columns), ToSpan(query.order_by_span));
  relation.scope.resize(visible);
  return relation;
}

Result<PlanNodePtr> Binder::SortAndLimit(const sql::Query& query, const std::vector<SortKey>& order,
                                         PlanNodePtr input) {
  const bool is_limit = query.limit != nullptr || query.offset != nullptr;
  if (!order.empty() && (!is_limit || batch())) {
    ASSIGN_OR_RETURN(input, Sort(query, order, std::move(input)));
  }
  if (!is_limit) return input;
  int64_t offset = 0;
  int64_t count = std::numeric_limits<int64_t>::max();
  if (query.offset != nullptr) {
    ASSIGN_OR_RETURN(offset, BindCount(*query.offset, "OFFSET"));
  }
  if (query.limit != nullptr) {
    ASSIGN_OR_RETURN(count, BindCount(*query.limit, "LIMIT"));
  } else if (!batch()) {
    return Error(query.offset->span, "OFFSET without LIMIT or FETCH is not supported on a stream",
                 "all rows but the first few would have to be kept: add LIMIT n");
  }
  if (count == 0) {
    return MakeFilter(std::move(input), MakeBoolLiteral(false), ToSpan(query.limit_span));
  }
  auto node = std::make_shared<RankNode>();
  node->is_limit = true;
  if (!batch()) node->order = order;
  node->start = offset + 1;
  node->end = count > std::numeric_limits<int64_t>::max() - offset
                  ? std::numeric_limits<int64_t>::max()
                  : offset + count;
  node->state_ttl_ms = StateTtlMillis();
  node->span = ToSpan(query.limit_span);
  node->columns = input->columns;
  node->inputs = {std::move(input)};
  return PlanNodePtr(std::move(node));
}

// A stream can be sorted by its time only; what ends, at its end.
Result<PlanNodePtr> Binder::Sort(const sql::Query& query, const std::vector<SortKey>& order,
                                 PlanNodePtr input) {
  auto node = std::make_shared<SortNode>();
  const TimeAttribute time =
      input->columns[static_cast<size_t>(order[0].column)].type().time_attribute();
  if (!batch()) {
    if (order[0].descending || time == TimeAttribute::kNone) {
      return Error(query.order_by_span, "sort on a non-time-attribute field is not supported",
                   "an endless stream has no last row to wait for: order by the time attribute "
                   "first, ascending, or add a LIMIT");
    }
    node->time = time == TimeAttribute::kRowtime ? OverTime::kRowtime : OverTime::kProctime;
  }
  node->order = order;
  node->span = ToSpan(query.order_by_span);
  node->columns = input->columns;
  node->inputs = {std::move(input)};
  return PlanNodePtr(std::move(node));
}

}  // namespace mainstem::process::plan

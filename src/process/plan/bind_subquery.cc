// [NOT] IN and [NOT] EXISTS with a subquery, as conjuncts of WHERE: SEMI and ANTI joins. The
// subquery may read the query around it in its own WHERE.
#include <algorithm>

#include <fmt/format.h>

#include "process/plan/binder.h"

namespace mainstem::process::plan {

const sql::Select* PlainSelect(const sql::Query& query) {
  if (!query.with.empty() || !query.order_by.empty() || query.limit != nullptr ||
      query.offset != nullptr || query.body->kind != sql::BodyKind::kSelect) {
    return nullptr;
  }
  const auto& select = static_cast<const sql::Select&>(*query.body);
  const bool grouped = select.group_by_span.has_value() || select.having != nullptr;
  return grouped || select.distinct ? nullptr : &select;
}

bool ReadsOuter(const BoundExpr& expr) {
  std::vector<int> refs;
  CollectInputRefs(expr, &refs);
  return std::any_of(refs.begin(), refs.end(),
                     [](int ref) { return ref >= kOuterBase && ref < kScalarBase; });
}

ExprPtr OnTheRight(const ExprPtr& expr, int left_count) {
  return ReplaceInputRefs(expr, [left_count](const BoundExpr& ref) {
    const int index =
        ref.index() >= kOuterBase ? ref.index() - kOuterBase : ref.index() + left_count;
    return MakeInputRef(index, ref.type(), ref.name(), ref.span());
  });
}

std::optional<SubqueryTest> Binder::AsSubqueryTest(const sql::Expr& conjunct) {
  if (const auto* unary = sql::TryAs<sql::UnaryExpr>(&conjunct)) {
    if (unary->op != sql::UnaryOp::kNot) return std::nullopt;
    std::optional<SubqueryTest> test = AsSubqueryTest(*unary->operand);
    if (test.has_value()) test->negated = !test->negated;
    return test;
  }
  if (const auto* in = sql::TryAs<sql::InExpr>(&conjunct)) {
    if (in->query == nullptr) return std::nullopt;
    return SubqueryTest{in->operand.get(), in->query.get(), in->negated, in->span};
  }
  if (const auto* quantified = sql::TryAs<sql::QuantifiedExpr>(&conjunct)) {
    const bool is_in = quantified->op == sql::BinaryOp::kEqual && !quantified->all;
    const bool is_not_in = quantified->op == sql::BinaryOp::kNotEqual && quantified->all;
    if (quantified->query == nullptr || (!is_in && !is_not_in)) return std::nullopt;
    return SubqueryTest{quantified->operand.get(), quantified->query.get(), is_not_in,
                        quantified->span};
  }
  const auto* subquery = sql::TryAs<sql::SubqueryExpr>(&conjunct);
  if (subquery == nullptr || subquery->subquery != sql::SubqueryKind::kExists) return std::nullopt;
  return SubqueryTest{nullptr, subquery->query.get(), false, subquery->span};
}

Result<SubquerySource> Binder::BindSubquerySource(const sql::Query& query) {
  if (const sql::Select* select = PlainSelect(query)) {
    // COUNT(*) without GROUP BY is not plain either, which only binding tells.
    const auto has_aggregate = [&](const sql::SelectItem& item) {
      const auto* call = sql::TryAs<sql::FunctionExpr>(item.expr.get());
      return call != nullptr && Aggregate::IsAggregate(call->name.last());
    };
    if (std::none_of(select->items.begin(), select->items.end(), has_aggregate)) {
      return BindSelectSource(*select);
    }
  }
  SubquerySource source;
  ASSIGN_OR_RETURN(source.relation, BindQuery(query));
  const Columns& columns = source.relation.node->columns;
  for (size_t i = 0; i < columns.size(); ++i) {
    source.items.push_back(RefTo(columns, static_cast<int>(i)));
  }
  return source;
}

Status Binder::ApplySubqueryTest(const SubqueryTest& test, Relation* input) {
  const ExprScope scope{&input->scope, &input->node->columns, nullptr, "WHERE"};
  std::vector<ExprPtr> operands;
  if (test.operand != nullptr) {
    const auto* row = sql::TryAs<sql::ConstructorExpr>(test.operand);
    if (row != nullptr && row->constructor == sql::ConstructorKind::kRow) {
      ASSIGN_OR_RETURN(operands, BindAll(row->elements, scope));
    } else {
      ASSIGN_OR_RETURN(ExprPtr operand, BindExpr(*test.operand, scope));
      operands.push_back(std::move(operand));
    }
  }
  SubquerySource source;
  {
    const InSubqueryOf inside(this, input);
    ASSIGN_OR_RETURN(source, BindSubquerySource(*test.query));
  }
  if (test.operand != nullptr && source.items.size() != operands.size()) {
    return Error(test.span, fmt::format("IN compares {} values with the {} columns of the subquery",
                                        operands.size(), source.items.size()));
  }
  auto join = std::make_shared<JoinNode>();
  join->type = test.negated ? JoinType::kAnti : JoinType::kSemi;
  join->span = ToSpan(test.span);
  join->state_ttl_ms.fill(StateTtlMillis());
  join->inputs = {input->node, source.relation.node};
  join->columns = input->node->columns;
  const auto left_count = static_cast<int>(input->node->columns.size());
  for (const ExprPtr& condition : source.correlated) {
    join->conditions.push_back(OnTheRight(condition, left_count));
  }
  for (size_t i = 0; i < operands.size(); ++i) {
    const ExprPtr item = OnTheRight(source.items[i], left_count);
    ASSIGN_OR_RETURN(ExprPtr test_expr, CallFunction("=", {operands[i], item}, test.span));
    // x NOT IN (..) is not TRUE where a comparison is unknown.
    if (test.negated && test_expr->type().nullable()) {
      std::vector<ExprPtr> cases = {test_expr};
      for (const ExprPtr& side : {operands[i], item}) {
        if (!side->type().nullable()) continue;
        ASSIGN_OR_RETURN(ExprPtr is_null, CallFunction("IS NULL", {side}, test.span));
        cases.push_back(std::move(is_null));
      }
      ASSIGN_OR_RETURN(test_expr, CallFunction("OR", std::move(cases), test.span));
    }
    join->conditions.push_back(std::move(test_expr));
  }
  input->node = std::move(join);
  return Status::OK();
}

}  // namespace mainstem::process::plan

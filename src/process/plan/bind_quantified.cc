// x IN (SELECT ..) that is no conjunct of WHERE, and x > ANY (SELECT ..), x <> ALL (SELECT ..):
// from what the subquery gives, put beside each row as bind_scalar.cc does with one value.
#include <fmt/format.h>

#include "process/plan/aggregate_scope.h"
#include "process/plan/binder.h"
#include "process/plan/rules.h"

namespace mainstem::process::plan {
namespace {

constexpr int kSetNulls = 0;  // fields of the ROW that tells what is in a subquery
constexpr int kSetLeast = 1;
constexpr int kSetGreatest = 2;

sql::BinaryOp Opposite(sql::BinaryOp op) {
  switch (op) {
    case sql::BinaryOp::kEqual: return sql::BinaryOp::kNotEqual;
    case sql::BinaryOp::kNotEqual: return sql::BinaryOp::kEqual;
    case sql::BinaryOp::kLess: return sql::BinaryOp::kGreaterEqual;
    case sql::BinaryOp::kLessEqual: return sql::BinaryOp::kGreater;
    case sql::BinaryOp::kGreater: return sql::BinaryOp::kLessEqual;
    default: return sql::BinaryOp::kLess;
  }
}

}  // namespace

ExprPtr Binder::AddScalar(ScalarSubquery scalar, const LogicalType& type, const ExprScope& scope) {
  const bool is_argument = scope.aggregates != nullptr && scope.aggregates->inside_aggregate;
  std::vector<ScalarSubquery>& scalars = is_argument ? *scope.argument_scalars : *scope.scalars;
  const sql::SourceSpan span = scalar.span;
  scalars.push_back(std::move(scalar));
  return MakeInputRef(kScalarBase + static_cast<int>(scalars.size()) - 1, type, "subquery",
                      ToSpan(span));
}

Result<Relation> Binder::BindSetSubquery(const sql::Query& query, const ExprScope& scope,
                                         size_t columns, const sql::SourceSpan& span) {
  if (scope.scalars == nullptr) return NotYet(span, fmt::format("a subquery in {}", scope.clause));
  const InSubqueryOf inside(this, scope.around);
  ASSIGN_OR_RETURN(Relation rows, BindQuery(query));
  if (rows.node->columns.size() != columns) {
    return Error(span, fmt::format("{} values are compared with the {} columns of the subquery",
                                   columns, rows.node->columns.size()));
  }
  return rows;
}

Result<ExprPtr> Binder::SetFacts(const Relation& rows, const ExprScope& scope,
                                 const sql::SourceSpan& span, bool bounds) {
  const Columns& in = rows.node->columns;
  ASSIGN_OR_RETURN(const ExprPtr is_null, CallFunction("IS NULL", {RefTo(in, 0)}, span));
  ASSIGN_OR_RETURN(ExprPtr flag,
                   CallFunction("CASE", {is_null, MakeIntLiteral(1), MakeIntLiteral(0)}, span));
  const LogicalType value_type = in[0].type().WithTimeAttribute(TimeAttribute::kNone);
  Columns columns;
  columns.emplace_back("nulls", flag->type());
  columns.emplace_back("value", value_type);
  auto node = std::make_shared<GroupAggregateNode>();
  node->span = ToSpan(span);
  node->state_ttl_ms = StateTtlMillis();
  const auto aggregate = [&](const char* name, int column, const LogicalType& type) -> Status {
    AggregateSpec& spec = node->aggregates.emplace_back();
    spec.call.name = name;
    spec.args = {column};
    spec.call.args = {type};
    ASSIGN_OR_RETURN(spec.result, Aggregate::ResultType(spec.call));
    node->columns.emplace_back(fmt::format("set{}", node->columns.size()), spec.result);
    return Status::OK();
  };
  RETURN_IF_ERROR(Locate(aggregate("MAX", 0, flag->type()), span));
  if (bounds) {
    RETURN_IF_ERROR(Locate(aggregate("MIN", 1, value_type), span));
    RETURN_IF_ERROR(Locate(aggregate("MAX", 1, value_type), span));
  }
  node->inputs = {
      MakeProject(rows.node, {std::move(flag), RefTo(in, 0)}, std::move(columns), node->span)};
  std::vector<ExprPtr> facts;
  for (size_t i = 0; i < node->columns.size(); ++i) {
    facts.push_back(RefTo(node->columns, static_cast<int>(i)));
  }
  ScalarSubquery scalar;
  ASSIGN_OR_RETURN(scalar.value, CallFunction("ROW", std::move(facts), span));
  scalar.node = std::move(node);
  scalar.span = span;
  const LogicalType type = scalar.value->type().WithNullable(true);
  return AddScalar(std::move(scalar), type, scope);
}

Result<ExprPtr> Binder::SetFact(const ExprPtr& facts, int field, const sql::SourceSpan& span) {
  const std::string& name = facts->type().fields()[static_cast<size_t>(field)].name();
  return CallFunction("FIELD", {facts, MakeStringLiteral(name, ToSpan(span))}, span);
}

Result<ExprPtr> Binder::InSubquery(const sql::Expr& operand, const sql::Query& query,
                                   const ExprScope& scope, const sql::SourceSpan& span) {
  std::vector<const sql::Expr*> values = {&operand};
  const auto* row = sql::TryAs<sql::ConstructorExpr>(&operand);
  if (row != nullptr && row->constructor == sql::ConstructorKind::kRow) {
    values.clear();
    for (const sql::ExprPtr& element : row->elements) values.push_back(element.get());
  }
  ASSIGN_OR_RETURN(Relation rows, BindSetSubquery(query, scope, values.size(), span));
  ExprScope inner = scope;
  inner.only_true_counts = false;
  std::vector<ExprPtr> operands;
  ScalarSubquery found;
  PlanNodePtr node = Distinct(rows, span).node;
  bool unknown = false;
  for (size_t i = 0; i < values.size(); ++i) {
    ASSIGN_OR_RETURN(ExprPtr value, BindExpr(*values[i], inner));
    const ExprPtr item = RefTo(node->columns, static_cast<int>(i));
    // The join sees the columns of the query around.
    const ExprScope around{&scope.around->scope, &scope.around->node->columns, nullptr,
                           scope.clause};
    ASSIGN_OR_RETURN(const ExprPtr outside, BindExpr(*values[i], around));
    const ExprPtr outer = ReplaceInputRefs(outside, [](const BoundExpr& ref) {
      return MakeInputRef(ref.index() + kOuterBase, ref.type(), ref.name(), ref.span());
    });
    ASSIGN_OR_RETURN(ExprPtr equal, CallFunction("=", {item, outer}, span));
    unknown = unknown || equal->type().nullable();
    found.conditions.push_back(std::move(equal));
    operands.push_back(std::move(value));
  }
  // Behind the values, so that a row that came with none of them tells.
  std::vector<ExprPtr> marked;
  Columns columns = node->columns;
  for (size_t i = 0; i < columns.size(); ++i) marked.push_back(RefTo(columns, static_cast<int>(i)));
  marked.push_back(MakeBoolLiteral(true));
  columns.emplace_back("found", LogicalType::Boolean().NotNull());
  found.span = span;
  found.node = MakeProject(std::move(node), std::move(marked), std::move(columns), ToSpan(span));
  const int at = static_cast<int>(found.node->columns.size()) - 1;
  const ExprPtr marker = MakeInputRef(at, LogicalType::Boolean(), "found");
  ASSIGN_OR_RETURN(found.value, CallFunction("IS NOT NULL", {marker}, span));
  const ExprPtr is_found = AddScalar(std::move(found), LogicalType::Boolean().NotNull(), scope);
  if (!unknown || scope.only_true_counts) return is_found;
  if (values.size() > 1) {
    return NotYet(span, "IN of several values that may be NULL, where it is no condition of WHERE");
  }
  ASSIGN_OR_RETURN(const ExprPtr facts, SetFacts(rows, scope, span, false));
  ASSIGN_OR_RETURN(const ExprPtr nulls, SetFact(facts, kSetNulls, span));
  ASSIGN_OR_RETURN(const ExprPtr is_empty, CallFunction("IS NULL", {nulls}, span));
  ASSIGN_OR_RETURN(const ExprPtr is_null, CallFunction("IS NULL", {operands[0]}, span));
  ASSIGN_OR_RETURN(const ExprPtr has_null, CallFunction("=", {nulls, MakeIntLiteral(1)}, span));
  const ExprPtr no = MakeBoolLiteral(false);
  const ExprPtr none = MakeNullLiteral(LogicalType::Boolean(), ToSpan(span));
  return CallFunction(
      "CASE", {is_empty, no, is_null, none, is_found, MakeBoolLiteral(true), has_null, none, no},
      span);
}

Result<ExprPtr> Binder::BindInSubquery(const sql::InExpr& in, const ExprScope& scope) {
  ExprScope inner = scope;
  if (in.negated) inner.only_true_counts = false;
  ASSIGN_OR_RETURN(ExprPtr test, InSubquery(*in.operand, *in.query, inner, in.span));
  if (!in.negated) return test;
  return CallFunction("NOT", {std::move(test)}, in.span);
}

// x op ALL (..) is NOT (x opposite-op ANY (..)).
Result<ExprPtr> Binder::BindQuantified(const sql::QuantifiedExpr& node, const ExprScope& scope) {
  ExprScope inner = scope;
  inner.only_true_counts = false;
  const auto negated = [&](Result<ExprPtr> any) -> Result<ExprPtr> {
    if (!any.ok() || !node.all) return any;
    return CallFunction("NOT", {*any}, node.span);
  };
  if (node.query == nullptr) {
    ASSIGN_OR_RETURN(const ExprPtr operand, BindExpr(*node.operand, inner));
    ExprPtr all;
    for (const sql::ExprPtr& item : node.list) {
      ASSIGN_OR_RETURN(ExprPtr value, BindExpr(*item, inner));
      ASSIGN_OR_RETURN(ExprPtr test, CallFunction(sql::SymbolOf(node.op),
                                                  {operand, std::move(value)}, node.span));
      if (all != nullptr) {
        ASSIGN_OR_RETURN(test,
                         CallFunction(node.all ? "AND" : "OR", {all, std::move(test)}, node.span));
      }
      all = std::move(test);
    }
    return all;
  }
  const sql::BinaryOp op = node.all ? Opposite(node.op) : node.op;
  if (op == sql::BinaryOp::kEqual) {
    return negated(InSubquery(*node.operand, *node.query, node.all ? inner : scope, node.span));
  }
  ASSIGN_OR_RETURN(const ExprPtr operand, BindExpr(*node.operand, inner));
  ASSIGN_OR_RETURN(const Relation rows, BindSetSubquery(*node.query, scope, 1, node.span));
  ASSIGN_OR_RETURN(const ExprPtr facts, SetFacts(rows, inner, node.span, true));
  ASSIGN_OR_RETURN(const ExprPtr nulls, SetFact(facts, kSetNulls, node.span));
  ASSIGN_OR_RETURN(const ExprPtr least, SetFact(facts, kSetLeast, node.span));
  ASSIGN_OR_RETURN(const ExprPtr greatest, SetFact(facts, kSetGreatest, node.span));
  const auto compare = [&](const ExprPtr& bound) {
    return CallFunction(sql::SymbolOf(op), {operand, bound}, node.span);
  };
  ExprPtr test;
  if (op == sql::BinaryOp::kNotEqual) {
    ASSIGN_OR_RETURN(const ExprPtr low, compare(least));
    ASSIGN_OR_RETURN(const ExprPtr high, compare(greatest));
    ASSIGN_OR_RETURN(test, CallFunction("OR", {low, high}, node.span));
  } else {
    const bool is_less = op == sql::BinaryOp::kLess || op == sql::BinaryOp::kLessEqual;
    ASSIGN_OR_RETURN(test, compare(is_less ? greatest : least));
  }
  ASSIGN_OR_RETURN(const ExprPtr is_empty, CallFunction("IS NULL", {nulls}, node.span));
  ASSIGN_OR_RETURN(const ExprPtr is_true, CallFunction("IS TRUE", {test}, node.span));
  ASSIGN_OR_RETURN(const ExprPtr has_null,
                   CallFunction("=", {nulls, MakeIntLiteral(1)}, node.span));
  return negated(
      CallFunction("CASE",
                   {is_empty, MakeBoolLiteral(false), is_true, MakeBoolLiteral(true), has_null,
                    MakeNullLiteral(LogicalType::Boolean(), ToSpan(node.span)), test},
                   node.span));
}

}  // namespace mainstem::process::plan

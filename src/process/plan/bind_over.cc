// f(..) OVER (..): binding of the function, its window and frame; the OVER node of a SELECT.
#include <algorithm>

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include "process/expr/cast.h"
#include "process/plan/select_binder.h"

namespace mainstem::process::plan {
namespace {

bool IsNumbering(std::string_view name) {
  return name == "ROW_NUMBER" || name == "RANK" || name == "DENSE_RANK";
}

bool NeedsAllRows(std::string_view name) {
  return name == "LEAD" || name == "NTILE" || name == "PERCENT_RANK" || name == "CUME_DIST" ||
         name == "NTH_VALUE";
}

bool SameOrder(const BoundOver& a, const BoundOver& b) {
  return a.order.size() == b.order.size() &&
         std::equal(a.order.begin(), a.order.end(), b.order.begin(),
                    [](const BoundOver::OrderKey& x, const BoundOver::OrderKey& y) {
                      return x.expr->Equals(*y.expr) && x.descending == y.descending &&
                             x.nulls_first == y.nulls_first;
                    });
}

// ROWS and RANGE from the beginning are the same for who only counts; LAG has no frame.
bool FrameMatters(const BoundOver& over) { return over.call.name != "LAG"; }

}  // namespace

Result<const sql::WindowSpec*> Binder::NamedWindow(const sql::Identifier& name,
                                                   const ExprScope& scope) {
  std::vector<std::string> names;
  for (const sql::NamedWindow& window : *scope.aggregates->windows) {
    if (window.name.text == name.text) return &window.spec;
    names.push_back(window.name.text);
  }
  return Error(name.span, fmt::format("there is no window '{}' in a WINDOW clause", name.text),
               sql::DidYouMean(name.text, names));
}

Status Binder::BindWindowSpec(const sql::WindowSpec& spec, const ExprScope& scope, int depth,
                              BoundOver* over, const sql::WindowFrame** frame) {
  if (spec.base.has_value()) {
    if (depth > kNamedWindowDepthMax) return Error(spec.span, "windows are named in a circle");
    ASSIGN_OR_RETURN(const sql::WindowSpec* base, NamedWindow(*spec.base, scope));
    RETURN_IF_ERROR(BindWindowSpec(*base, scope, depth + 1, over, frame));
  }
  for (const sql::ExprPtr& key : spec.partition_by) {
    ASSIGN_OR_RETURN(ExprPtr bound, BindExpr(*key, scope));
    over->partition.push_back(std::move(bound));
  }
  for (const sql::OrderItem& item : spec.order_by) {
    ASSIGN_OR_RETURN(ExprPtr bound, BindExpr(*item.expr, scope));
    over->order.push_back(
        {std::move(bound), item.descending, item.nulls_first.value_or(!item.descending)});
  }
  if (spec.frame.has_value()) *frame = &*spec.frame;
  return Status::OK();
}

Status Binder::BindFrame(const sql::WindowFrame& frame, const sql::SourceSpan& span,
                         BoundOver* over) {
  using Kind = sql::FrameBoundKind;
  const Kind end = frame.end.has_value() ? frame.end->kind : Kind::kCurrentRow;
  if (end == Kind::kFollowing || end == Kind::kUnboundedFollowing ||
      frame.begin.kind == Kind::kFollowing) {
    return Error(span, "OVER windows with FOLLOWING are not supported on a stream",
                 "the rows that follow are not there yet: let the frame end with CURRENT ROW");
  }
  if (end != Kind::kCurrentRow) {
    return Error(span, "a frame that ends before the current row is not supported",
                 "let the frame end with CURRENT ROW, and subtract that row's part");
  }
  over->rows = frame.rows;
  if (frame.begin.kind == Kind::kUnboundedPreceding) return Status::OK();
  over->preceding = 0;
  if (frame.begin.kind == Kind::kCurrentRow) return Status::OK();
  const sql::Expr& distance = *frame.begin.distance;
  if (!frame.rows) {
    if (distance.kind != sql::ExprKind::kInterval) {
      return Error(distance.span, "data type mismatch between ORDER BY and RANGE clause",
                   "a RANGE over time is an interval: RANGE BETWEEN INTERVAL '5' SECOND PRECEDING "
                   "AND CURRENT ROW");
    }
    ASSIGN_OR_RETURN(over->preceding, BindIntervalMillis(distance, "the length of the frame"));
    return Status::OK();
  }
  ASSIGN_OR_RETURN(over->preceding, BindCount(distance, "the number of PRECEDING rows"));
  return Status::OK();
}

Result<int64_t> Binder::BindCount(const sql::Expr& expr, std::string_view what) {
  const auto* literal = sql::TryAs<sql::LiteralExpr>(&expr);
  if (literal == nullptr || literal->literal != sql::LiteralKind::kInteger) {
    return Error(expr.span, fmt::format("{} must be a whole number, not negative", what),
                 "write its digits, such as 10");
  }
  int64_t count = 0;
  if (!absl::SimpleAtoi(literal->text, &count)) {
    return Error(expr.span, fmt::format("{} is larger than {}", what, INT64_MAX));
  }
  return count;
}

Result<LogicalType> Binder::BindOverCall(const sql::FunctionExpr& call, BoundOver* over) {
  const std::string& name = over->call.name;
  if (IsNumbering(name)) {
    if (!over->args.empty()) return Error(call.span, fmt::format("{} takes no argument", name));
    if (over->order.empty()) {
      return Error(call.span, fmt::format("{} needs ORDER BY in its OVER clause", name),
                   "say which row is the first: OVER (PARTITION BY .. ORDER BY ..)");
    }
    return LogicalType::BigInt().NotNull();
  }
  if (name == "LAG") {
    if (over->args.empty() || over->args.size() > 3) {
      return Error(call.span, "LAG takes one to three arguments",
                   "LAG(value[, offset[, default]])");
    }
    over->call.offset = 1;
    if (over->args.size() > 1) {
      ASSIGN_OR_RETURN(over->call.offset, BindCount(*call.arguments[1].value, "the offset of LAG"));
    }
    const LogicalType type = over->args[0]->type().WithTimeAttribute(TimeAttribute::kNone);
    if (over->args.size() < 3) {
      over->args.resize(1);
      return type.WithNullable(true);
    }
    Result<ExprPtr> fallback = BindImplicitCast(over->args[2], type);
    if (!fallback.ok()) return Locate(fallback.status(), call.arguments[2].value->span);
    over->args = {over->args[0], *fallback};
    return type.WithNullable((*fallback)->type().nullable());
  }
  over->call.is_grouped = true;
  const Result<LogicalType> type = Aggregate::ResultType(over->call);
  if (!type.ok()) return Locate(type.status(), call.span);
  return type->WithTimeAttribute(TimeAttribute::kNone);
}

Result<ExprPtr> Binder::BindOver(const sql::FunctionExpr& call, const std::string& name,
                                 const ExprScope& scope) {
  AggregateScope* aggregates = scope.aggregates;
  if (aggregates == nullptr || scope.clause == "HAVING" || scope.clause == "FILTER") {
    return Error(call.span, fmt::format("an OVER window is not allowed in {}", scope.clause),
                 "compute it in a subquery, and use its result outside");
  }
  if (NeedsAllRows(name)) {
    return Error(call.span, fmt::format("{} is not supported on a stream", name),
                 name == "LEAD" ? "the row that follows is not there yet: LAG looks back"
                                : "it depends on rows that are still to come");
  }
  if (!IsNumbering(name) && name != "LAG" && !Aggregate::IsAggregate(name)) {
    return Error(call.over->span, "OVER must be applied to an aggregate function");
  }
  if (call.filter != nullptr) {
    return Error(call.filter->span, "FILTER and OVER do not go together",
                 "write CASE WHEN condition THEN value END in the argument");
  }
  if (call.ignore_nulls) return NotYet(call.span, "IGNORE NULLS");
  ExprScope inner = scope;
  inner.scalars = nullptr;
  BoundOver over;
  over.span = call.span;
  over.call.name = name;
  over.call.distinct = call.distinct;
  for (const auto& argument : call.arguments) {
    ASSIGN_OR_RETURN(ExprPtr arg, BindExpr(*argument.value, inner));
    over.args.push_back(std::move(arg));
  }
  if (name == "PERCENTILE") RETURN_IF_ERROR(BindPercentages(call, &over.args, &over.call));
  const sql::WindowFrame* frame = nullptr;
  RETURN_IF_ERROR(BindWindowSpec(*call.over, inner, 0, &over, &frame));
  if (frame != nullptr && (IsNumbering(name) || name == "LAG")) {
    return Error(call.over->span, fmt::format("{} takes no ROWS or RANGE", name));
  }
  if (frame != nullptr) RETURN_IF_ERROR(BindFrame(*frame, call.over->span, &over));
  if (name == "ROW_NUMBER") over.rows = true;
  for (const ExprPtr& arg : over.args) {
    over.call.args.push_back(arg->type().WithTimeAttribute(TimeAttribute::kNone));
  }
  ASSIGN_OR_RETURN(over.result, BindOverCall(call, &over));
  for (size_t i = 0; i < aggregates->overs.size(); ++i) {
    const BoundOver& have = aggregates->overs[i];
    if (have.call.name == name && have.call.distinct == over.call.distinct &&
        have.call.offset == over.call.offset && have.call.percentages == over.call.percentages &&
        have.call.percentages_are_array == over.call.percentages_are_array &&
        SameExprs(have.args, over.args) && SameExprs(have.partition, over.partition) &&
        SameOrder(have, over) && have.rows == over.rows && have.preceding == over.preceding) {
      return MakeInputRef(kOverBase + static_cast<int>(i), have.result, name, ToSpan(call.span));
    }
  }
  aggregates->overs.push_back(std::move(over));
  return MakeInputRef(kOverBase + static_cast<int>(aggregates->overs.size()) - 1,
                      aggregates->overs.back().result, name, ToSpan(call.span));
}

Status SelectBinder::CheckOver(const BoundOver& over, const BoundOver& first) const {
  const bool same_frame = !FrameMatters(over) || !FrameMatters(first) ||
                          (over.rows == first.rows && over.preceding == first.preceding);
  if (same_frame && SameExprs(over.partition, first.partition) && SameOrder(over, first)) {
    return Status::OK();
  }
  return binder_.Error(over.span,
                       "all OVER functions of one SELECT must have the same window: PARTITION BY, "
                       "ORDER BY and frame",
                       "compute the other one in a subquery");
}

// The input's columns, then what the windows need computed, then the functions' results.
Status SelectBinder::BindOvers() {
  const PlanNodePtr base = output_ != nullptr ? output_ : input_.node;
  std::vector<ExprPtr> below;
  Columns columns = base->columns;
  for (size_t i = 0; i < columns.size(); ++i) {
    below.push_back(RefTo(columns, static_cast<int>(i)));
  }
  const auto column_of = [&](const ExprPtr& expr) -> Result<int> {
    ExprPtr value = expr;
    if (is_grouped_) {
      ASSIGN_OR_RETURN(value, Rewrite(expr));
    }
    for (size_t i = 0; i < below.size(); ++i) {
      if (below[i]->Equals(*value)) return static_cast<int>(i);
    }
    columns.emplace_back(fmt::format("$over{}", below.size()), value->type());
    below.push_back(std::move(value));
    return static_cast<int>(below.size()) - 1;
  };
  auto node = std::make_shared<OverNode>();
  const BoundOver* first = &aggregates_.overs.front();
  for (const BoundOver& over : aggregates_.overs) {
    RETURN_IF_ERROR(CheckOver(over, *first));
    if (!FrameMatters(*first)) first = &over;
    AggregateSpec& spec = node->functions.emplace_back();
    spec.call = over.call;
    spec.result = over.result;
    for (const ExprPtr& arg : over.args) {
      ASSIGN_OR_RETURN(const int column, column_of(arg));
      spec.args.push_back(column);
    }
  }
  for (const ExprPtr& key : first->partition) {
    ASSIGN_OR_RETURN(const int column, column_of(key));
    node->partition.push_back(column);
  }
  for (const BoundOver::OrderKey& key : first->order) {
    ASSIGN_OR_RETURN(const int column, column_of(key.expr));
    node->order.push_back({column, key.descending, key.nulls_first});
  }
  node->rows = first->rows;
  node->preceding = first->preceding;
  node->span = ToSpan(first->span);
  node->state_ttl_ms = state_ttl_ms_.value_or(binder_.StateTtlMillis());
  if (!node->order.empty()) {
    const TimeAttribute time =
        columns[static_cast<size_t>(node->order[0].column)].type().time_attribute();
    node->time = time == TimeAttribute::kRowtime    ? OverTime::kRowtime
                 : time == TimeAttribute::kProctime ? OverTime::kProctime
                                                    : OverTime::kNone;
  }
  node->inputs = {below.size() == base->columns.size()
                      ? base
                      : MakeProject(base, below, columns, ToSpan(select_.span))};
  for (size_t i = 0; i < node->functions.size(); ++i) {
    columns.emplace_back(fmt::format("w0$o{}", i), node->functions[i].result);
  }
  node->columns = columns;
  node->own_columns = node->functions.size();
  const int first_own = node->first_own_column();
  for (ExprPtr& expr : exprs_) {
    expr = ReplaceInputRefs(expr, [&](const BoundExpr& ref) {
      if (ref.index() < kOverBase) return RefTo(columns, ref.index(), ref.span());
      return RefTo(columns, first_own + ref.index() - kOverBase, ref.span());
    });
  }
  output_ = std::move(node);
  return Status::OK();
}

}  // namespace mainstem::process::plan

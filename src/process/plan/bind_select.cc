// SELECT: the order of its clauses, the select list, the result.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "process/plan/rules.h"
#include "process/plan/select_binder.h"

namespace mainstem::process::plan {

namespace {

void SplitSyntax(const sql::Expr& expr, std::vector<const sql::Expr*>* out) {
  const auto* binary = sql::TryAs<sql::BinaryExpr>(&expr);
  if (binary == nullptr || binary->op != sql::BinaryOp::kAnd) return out->push_back(&expr);
  SplitSyntax(*binary->left, out);
  SplitSyntax(*binary->right, out);
}

}  // namespace

Result<Relation> SelectBinder::Bind() {
  RETURN_IF_ERROR(CheckClauses());
  allow_untyped_null_ = std::exchange(binder_.allow_untyped_null_, false);
  RETURN_IF_ERROR(BindInput());
  if (select_.where != nullptr) RETURN_IF_ERROR(BindWhere());
  if (!correlated_.empty()) {
    return binder_.NotYet(
        select_.where->span,
        "a correlated subquery with an aggregate, grouping, DISTINCT, LIMIT or a set operation",
        "FROM .., LATERAL (SELECT ..) takes some of them");
  }
  ASSIGN_OR_RETURN(const ExprPtr having, BindAfterWhere());
  if (is_grouped_) {
    RETURN_IF_ERROR(BindGrouping(having));
  } else if (!scalars_.empty()) {
    std::vector<ExprPtr*> exprs;
    for (ExprPtr& expr : exprs_) exprs.push_back(&expr);
    RETURN_IF_ERROR(JoinToInput(std::move(scalars_), std::move(exprs)));
  }
  if (!aggregates_.overs.empty()) RETURN_IF_ERROR(BindOvers());
  return Project();
}

Result<ExprPtr> SelectBinder::BindAfterWhere() {
  RETURN_IF_ERROR(BindGroupBy());
  aggregates_.is_grouped = !group_.empty() || aggregates_.legacy.has_value();
  RETURN_IF_ERROR(BindItems());
  RETURN_IF_ERROR(BindOrder());
  RETURN_IF_ERROR(BindQualify());
  ExprPtr having;
  if (select_.having != nullptr) {
    ASSIGN_OR_RETURN(having, binder_.BindPredicate(*select_.having, Scope("HAVING")));
  }
  is_grouped_ = select_.group_by_span.has_value() || having != nullptr ||
                !aggregates_.aggregates.empty() || !aggregates_.groupings.empty();
  return having;
}

Binder::ExprScope SelectBinder::Scope(std::string_view clause) {
  const bool takes_subqueries = clause == "SELECT" || clause == "HAVING";
  return {&input_.scope,
          &input_.node->columns,
          &aggregates_,
          clause,
          nullptr,
          takes_subqueries ? &scalars_ : nullptr,
          &argument_scalars_,
          &input_};
}

Binder::ExprScope SelectBinder::PlainScope(std::string_view clause) const {
  return {&input_.scope, &input_.node->columns, nullptr, clause};
}

Status SelectBinder::CheckClauses() {
  aggregates_.windows = &select_.windows;
  RETURN_IF_ERROR(CheckFromNames());
  return ReadHints();
}

Status SelectBinder::BindInput() {
  std::swap(binder_.hints_, hints_);
  Result<Relation> input = binder_.BindFrom(select_.from.get());
  std::swap(binder_.hints_, hints_);
  ASSIGN_OR_RETURN(input_, std::move(input));
  return Status::OK();
}

// Subqueries come last: what they test has passed the rest.
Status SelectBinder::BindWhere() {
  std::vector<const sql::Expr*> conjuncts;
  SplitSyntax(*select_.where, &conjuncts);
  std::vector<SubqueryTest> tests;
  std::vector<const sql::Expr*> plain;
  for (const sql::Expr* conjunct : conjuncts) {
    if (auto test = Binder::AsSubqueryTest(*conjunct)) {
      tests.push_back(*test);
    } else {
      plain.push_back(conjunct);
    }
  }
  // A WHERE without subqueries is one predicate.
  if (tests.empty() && binder_.outer_ == nullptr) plain = {select_.where.get()};
  for (const sql::Expr* conjunct : plain) {
    std::vector<ScalarSubquery> scalars;
    Binder::ExprScope scope = PlainScope("WHERE");
    scope.scalars = &scalars;
    scope.around = &input_;
    scope.only_true_counts = true;
    binder_.outer_allowed_ = true;
    Result<ExprPtr> bound = binder_.BindPredicate(*conjunct, scope);
    binder_.outer_allowed_ = false;
    ASSIGN_OR_RETURN(ExprPtr predicate, std::move(bound));
    if (!ReadsOuter(*predicate)) {
      RETURN_IF_ERROR(FilterBy(std::move(predicate), std::move(scalars), conjunct->span));
    } else if (scalars.empty()) {
      correlated_.push_back(std::move(predicate));
    } else {
      return binder_.NotYet(conjunct->span, "a subquery beside columns of the query around");
    }
  }
  for (const SubqueryTest& test : tests) {
    RETURN_IF_ERROR(binder_.ApplySubqueryTest(test, &input_));
  }
  return Status::OK();
}

Status SelectBinder::JoinToInput(std::vector<ScalarSubquery> scalars, std::vector<ExprPtr*> exprs) {
  const Columns columns = input_.node->columns;
  const auto outer_column = [&](int index, SourceSpan span) -> Result<ExprPtr> {
    return RefTo(columns, index, span);
  };
  return binder_.ApplyScalars(std::move(scalars), outer_column, &input_.node, std::move(exprs));
}

// What needs no subquery comes first.
Status SelectBinder::FilterBy(ExprPtr predicate, std::vector<ScalarSubquery> scalars,
                              const sql::SourceSpan& span) {
  if (scalars.empty()) {
    input_.node = MakeFilter(input_.node, std::move(predicate), ToSpan(span));
    return Status::OK();
  }
  std::vector<ExprPtr> conjuncts;
  std::vector<ExprPtr> with_subquery;
  SplitConjunction(predicate, &conjuncts);
  for (ExprPtr& conjunct : conjuncts) {
    std::vector<int> refs;
    CollectInputRefs(*conjunct, &refs);
    if (!refs.empty() && refs.back() >= kScalarBase) {
      with_subquery.push_back(std::move(conjunct));
    } else {
      input_.node = MakeFilter(input_.node, std::move(conjunct), ToSpan(span));
    }
  }
  const Columns columns = input_.node->columns;
  std::vector<ExprPtr> all;
  for (size_t i = 0; i < columns.size(); ++i) all.push_back(RefTo(columns, static_cast<int>(i)));
  std::vector<ExprPtr*> exprs;
  for (ExprPtr& conjunct : with_subquery) exprs.push_back(&conjunct);
  RETURN_IF_ERROR(JoinToInput(std::move(scalars), std::move(exprs)));
  for (ExprPtr& conjunct : with_subquery) {
    input_.node = MakeFilter(input_.node, std::move(conjunct), ToSpan(span));
  }
  input_.node = MakeProject(input_.node, std::move(all), columns, ToSpan(span));
  return Status::OK();
}

Result<SubquerySource> SelectBinder::BindSource() {
  RETURN_IF_ERROR(CheckClauses());
  RETURN_IF_ERROR(BindInput());
  if (select_.where != nullptr) RETURN_IF_ERROR(BindWhere());
  RETURN_IF_ERROR(BindItems());
  if (!aggregates_.aggregates.empty() || !aggregates_.overs.empty() || !scalars_.empty()) {
    return binder_.NotYet(select_.span, "an aggregate or a subquery in the SELECT of a subquery");
  }
  return SubquerySource{std::move(input_), std::move(exprs_), std::move(correlated_)};
}

Status SelectBinder::BindItems() {
  for (const sql::SelectItem& item : select_.items) {
    if (item.expr->kind == sql::ExprKind::kStar) {
      RETURN_IF_ERROR(ExpandStar(sql::As<sql::StarExpr>(*item.expr)));
      continue;
    }
    ASSIGN_OR_RETURN(ExprPtr expr, binder_.BindExpr(*item.expr, Scope("SELECT")));
    if (expr->type().root() == TypeRoot::kNull && !allow_untyped_null_) {
      return binder_.Error(item.expr->span, "illegal use of NULL: its type is not known",
                           "write CAST(NULL AS type)");
    }
    names_.push_back(NameOf(item));
    exprs_.push_back(std::move(expr));
  }
  return Status::OK();
}

std::string SelectBinder::NameOf(const sql::SelectItem& item) const {
  if (item.alias.has_value()) return item.alias->text;
  if (item.expr->kind == sql::ExprKind::kColumn) {
    return sql::As<sql::ColumnExpr>(*item.expr).parts.back().text;
  }
  const auto* field = sql::TryAs<sql::FieldExpr>(item.expr.get());
  if (field != nullptr && field->base->kind != sql::ExprKind::kSubscript) return field->field.text;
  return fmt::format("EXPR${}", exprs_.size());
}

Status SelectBinder::ExpandStar(const sql::StarExpr& star) {
  if (select_.from == nullptr) return binder_.Error(star.span, "SELECT * needs a FROM");
  std::vector<size_t> columns;
  std::vector<std::string> tables;
  for (size_t i = 0; i < input_.scope.size(); ++i) {
    const ScopeColumn& column = input_.scope[i];
    if (!star.qualifier.empty()) {
      const size_t count = star.qualifier.size();
      bool same = column.qualifier.size() >= count;
      for (size_t q = 0; same && q < count; ++q) {
        same = column.qualifier[column.qualifier.size() - count + q] == star.qualifier[q].text;
      }
      if (!column.qualifier.empty()) tables.push_back(column.qualifier.back());
      if (!same) continue;
    } else if (column.only_qualified) {
      continue;
    }
    columns.push_back(i);
  }
  if (!star.qualifier.empty()) {
    std::stable_sort(columns.begin(), columns.end(), [&](size_t a, size_t b) {
      return input_.scope[a].place < input_.scope[b].place;
    });
  }
  for (const size_t i : columns) {
    names_.push_back(input_.scope[i].name);
    exprs_.push_back(RefTo(input_.node->columns, static_cast<int>(i), ToSpan(star.span)));
  }
  if (!columns.empty()) return Status::OK();
  sql::ColumnExpr row;
  row.parts = star.qualifier;
  row.span = star.span;
  const Result<ExprPtr> bound = binder_.BindColumn(row, Scope("SELECT"));
  if (bound.ok() && (*bound)->type().root() == TypeRoot::kRow) {
    for (const RowField& field : (*bound)->type().fields()) {
      ASSIGN_OR_RETURN(ExprPtr expr, binder_.BindField(*bound, {field.name(), star.span}));
      names_.push_back(field.name());
      exprs_.push_back(std::move(expr));
    }
    return Status::OK();
  }
  return binder_.Error(star.span,
                       fmt::format("there is no table '{}' in FROM", star.qualifier.back().text),
                       sql::DidYouMean(star.qualifier.back().text, tables));
}

Relation SelectBinder::Project() {
  PlanNodePtr below = output_ != nullptr ? output_ : input_.node;
  MakeNamesUnique(&names_);
  Columns columns;
  Relation out;
  for (size_t i = 0; i < exprs_.size(); ++i) {
    LogicalType type = exprs_[i]->type();
    if (exprs_[i]->IsCallTo("PROCTIME")) type = type.WithTimeAttribute(TimeAttribute::kProctime);
    columns.emplace_back(names_[i], type);
    out.scope.push_back({{}, names_[i]});
  }
  out.window = WindowOfResult();
  out.node = MakeProject(std::move(below), exprs_, std::move(columns), ToSpan(select_.span));
  if (select_.qualify != nullptr) KeepQualified(&out);
  if (select_.distinct) return binder_.Distinct(std::move(out), select_.distinct_span);
  return out;
}

// A name given in SELECT goes before a column of FROM, as that of what OVER gives mostly is.
Status SelectBinder::BindQualify() {
  if (select_.qualify == nullptr) return Status::OK();
  std::vector<ScopeColumn> scope;
  Columns columns;
  for (size_t i = 0; i < visible_columns_; ++i) {
    scope.push_back({{}, names_[i]});
    columns.emplace_back(names_[i], exprs_[i]->type());
  }
  const Result<ExprPtr> over_output =
      binder_.BindPredicate(*select_.qualify, {&scope, &columns, nullptr, "QUALIFY"});
  ExprPtr predicate;
  if (over_output.ok()) {
    predicate = ReplaceInputRefs(*over_output, [this](const BoundExpr& ref) {
      return exprs_[static_cast<size_t>(ref.index())];
    });
  } else {
    ASSIGN_OR_RETURN(predicate, binder_.BindPredicate(*select_.qualify, Scope("QUALIFY")));
  }
  if (aggregates_.overs.empty()) {
    return binder_.Error(select_.qualify->span, "QUALIFY needs a function with OVER",
                         "rows are filtered in WHERE, groups in HAVING");
  }
  names_.push_back("$qualify");
  exprs_.push_back(std::move(predicate));
  return Status::OK();
}

// The predicate of QUALIFY is the last column; it goes.
void SelectBinder::KeepQualified(Relation* relation) const {
  const Columns all = relation->node->columns;
  const int last = static_cast<int>(all.size()) - 1;
  PlanNodePtr kept = MakeFilter(relation->node, RefTo(all, last), ToSpan(select_.qualify->span));
  std::vector<ExprPtr> exprs;
  for (int i = 0; i < last; ++i) exprs.push_back(RefTo(all, i));
  relation->node = MakeProject(std::move(kept), std::move(exprs),
                               Columns(all.begin(), all.end() - 1), ToSpan(select_.qualify->span));
  relation->scope.pop_back();
}

// The window's columns that came through the projection unchanged.
std::optional<WindowColumns> SelectBinder::WindowOfResult() const {
  int start = -1, end = -1, time = -1;
  WindowColumns window;
  if (is_grouped_) {
    if (window_aggregate_ == nullptr) return std::nullopt;
    window.window = window_aggregate_->window;
    start = property_begin_;
    end = property_begin_ + 1;
    time = with_time_ ? property_begin_ + 2 : -1;
  } else {
    if (!input_.window.has_value()) return std::nullopt;
    window = *input_.window;
    start = window.start;
    end = window.end;
    time = window.time;
  }
  window.start = window.end = window.time = -1;
  for (size_t i = 0; i < exprs_.size(); ++i) {
    if (IsColumn(exprs_[i], start)) window.start = static_cast<int>(i);
    if (IsColumn(exprs_[i], end)) window.end = static_cast<int>(i);
    if (IsColumn(exprs_[i], time)) window.time = static_cast<int>(i);
  }
  return window;
}

Result<Relation> Binder::BindSelect(const sql::Select& select) {
  return SelectBinder(this, select, nullptr).Bind();
}

Result<SubquerySource> Binder::BindSelectSource(const sql::Select& select) {
  return SelectBinder(this, select, nullptr).BindSource();
}

}  // namespace mainstem::process::plan

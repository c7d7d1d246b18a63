// SELECT: projection, or grouping with ordinary or windowed aggregates.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "process/plan/aggregate_scope.h"
#include "process/plan/binder.h"

namespace mainstem::process::plan {

// Binds one SELECT. The select list is bound over the input with aggregates as pretended columns;
// if there are any, or a GROUP BY, the bound trees are then rewritten over the aggregate's output.
class SelectBinder {
 public:
  SelectBinder(Binder* binder, const sql::Select& select) : binder_(*binder), select_(select) {}

  Result<Relation> Bind() {
    RETURN_IF_ERROR(CheckClauses());
    allow_untyped_null_ = std::exchange(binder_.allow_untyped_null_, false);
    ASSIGN_OR_RETURN(input_, binder_.BindFrom(select_.from.get()));
    if (select_.where != nullptr) RETURN_IF_ERROR(BindWhere());
    RETURN_IF_ERROR(BindGroupBy());
    RETURN_IF_ERROR(BindItems());
    ExprPtr having;
    if (select_.having != nullptr) {
      ASSIGN_OR_RETURN(having, binder_.BindPredicate(*select_.having, Scope("HAVING")));
    }
    const bool grouped =
        select_.group_by_span.has_value() || having != nullptr || !aggregates_.aggregates.empty();
    if (grouped) RETURN_IF_ERROR(BindGrouping(having));
    return Project();
  }

 private:
  Binder::ExprScope Scope(std::string_view clause) {
    return {&input_.scope, &input_.node->columns, &aggregates_, clause};
  }
  Binder::ExprScope PlainScope(std::string_view clause) const {
    return {&input_.scope, &input_.node->columns, nullptr, clause};
  }

  Status CheckClauses() {
    if (!select_.windows.empty()) {
      return binder_.NotYet(select_.windows.front().spec.span, "a WINDOW clause");
    }
    for (const sql::Hint& hint : select_.hints) {
      if (hint.name.text == "STATE_TTL" && hint.options.size() == 1) {
        const Result<int64_t> ttl = ParseDurationMillis(hint.options[0].second);
        if (!ttl.ok()) return binder_.Locate(ttl.status(), hint.span);
        state_ttl_ms_ = *ttl;
        continue;
      }
      return binder_.NotYet(hint.span, "the hint " + hint.name.text);
    }
    return Status::OK();
  }

  Status BindWhere() {
    ASSIGN_OR_RETURN(ExprPtr predicate, binder_.BindPredicate(*select_.where, PlainScope("WHERE")));
    input_.node = MakeFilter(input_.node, std::move(predicate), ToSpan(select_.where->span));
    return Status::OK();
  }

  // ---- GROUP BY

  Status BindGroupBy() {
    for (const sql::GroupingElement& element : select_.group_by) {
      RETURN_IF_ERROR(BindGroupingElement(element));
    }
    return Status::OK();
  }

  Status BindGroupingElement(const sql::GroupingElement& element) {
    switch (element.kind) {
      case sql::GroupingKind::kSet:
        for (const sql::GroupingElement& inner : element.elements) {
          RETURN_IF_ERROR(BindGroupingElement(inner));
        }
        return Status::OK();
      case sql::GroupingKind::kExpr: break;
      case sql::GroupingKind::kSets: return binder_.NotYet(element.span, "GROUPING SETS");
      case sql::GroupingKind::kCube: return binder_.NotYet(element.span, "CUBE");
      case sql::GroupingKind::kRollup: return binder_.NotYet(element.span, "ROLLUP");
    }
    const auto* call = sql::TryAs<sql::FunctionExpr>(element.expr.get());
    if (call != nullptr) {
      const std::string name = UpperAscii(call->name.last());
      if (name == "TUMBLE" || name == "HOP" || name == "SESSION") {
        return BindLegacyWindow(*call, name);
      }
    }
    Result<ExprPtr> bound = binder_.BindExpr(*element.expr, PlainScope("GROUP BY"));
    if (!bound.ok()) return NamesAnAlias(*element.expr, bound.status());
    ExprPtr key = std::move(bound).ValueUnsafe();
    for (const ExprPtr& have : group_) {
      if (have->Equals(*key)) return Status::OK();
    }
    group_.push_back(std::move(key));
    return Status::OK();
  }

  // GROUP BY sees the columns of FROM, not the names given in SELECT.
  Status NamesAnAlias(const sql::Expr& expr, const Status& error) const {
    const auto* column = sql::TryAs<sql::ColumnExpr>(&expr);
    if (column == nullptr || column->parts.size() != 1) return error;
    for (const sql::SelectItem& item : select_.items) {
      if (!item.alias.has_value() || item.alias->text != column->parts[0].text) continue;
      return binder_.Error(
          expr.span,
          fmt::format("'{}' is a name given in SELECT, which GROUP BY does not see",
                      item.alias->text),
          fmt::format("write GROUP BY {}", ToSql(*item.expr)));
    }
    return error;
  }

  // GROUP BY TUMBLE(ts, INTERVAL ..)
  Status BindLegacyWindow(const sql::FunctionExpr& call, const std::string& name) {
    if (aggregates_.legacy.has_value()) {
      return binder_.Error(call.span, "GROUP BY takes one window at most");
    }
    const size_t wanted = name == "HOP" ? 3 : 2;
    if (call.arguments.size() != wanted) {
      return binder_.Error(call.span,
                           fmt::format("{} in GROUP BY takes {} arguments", name, wanted),
                           name == "HOP" ? "HOP(time, slide, size)" : name + "(time, length)");
    }
    LegacyWindow legacy;
    legacy.function = name;
    ASSIGN_OR_RETURN(legacy.time,
                     binder_.BindExpr(*call.arguments[0].value, PlainScope("GROUP BY")));
    const LogicalType& time = legacy.time->type();
    if (time.time_attribute() == TimeAttribute::kNone) {
      return binder_.Error(call.arguments[0].value->span,
                           fmt::format("window aggregate can only be defined over a time attribute "
                                       "column, but {} encountered",
                                       time.ToErrorString()),
                           "declare a WATERMARK for the column in CREATE TABLE");
    }
    Window& window = legacy.window;
    window.kind = name == "TUMBLE" ? WindowKind::kTumble
                  : name == "HOP"  ? WindowKind::kHop
                                   : WindowKind::kSession;
    window.event_time = time.time_attribute() == TimeAttribute::kRowtime;
    window.local_time_zone = time.root() == TypeRoot::kTimestampLtz;
    ASSIGN_OR_RETURN(window.size_ms, binder_.BindIntervalMillis(*call.arguments.back().value,
                                                                "the length of the window"));
    if (name == "HOP") {
      ASSIGN_OR_RETURN(window.slide_ms, binder_.BindIntervalMillis(*call.arguments[1].value,
                                                                   "the slide of the window"));
    }
    RETURN_IF_ERROR(binder_.CheckWindow(window, call.span));
    for (const auto& argument : call.arguments) {
      legacy.arguments_sql += ToSql(*argument.value) + ", ";
    }
    legacy.time_type =
        (window.local_time_zone ? LogicalType::TimestampLtz(3) : LogicalType::Timestamp(3))
            .NotNull()
            .WithTimeAttribute(time.time_attribute());
    aggregates_.legacy = std::move(legacy);
    return Status::OK();
  }

  // ---- select list

  Status BindItems() {
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

  std::string NameOf(const sql::SelectItem& item) const {
    if (item.alias.has_value()) return item.alias->text;
    if (item.expr->kind == sql::ExprKind::kColumn) {
      return sql::As<sql::ColumnExpr>(*item.expr).parts.back().text;
    }
    if (item.expr->kind == sql::ExprKind::kField) {
      return sql::As<sql::FieldExpr>(*item.expr).field.text;
    }
    return fmt::format("EXPR${}", exprs_.size());
  }

  Status ExpandStar(const sql::StarExpr& star) {
    if (select_.from == nullptr) return binder_.Error(star.span, "SELECT * needs a FROM");
    bool any = false;
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
      }
      any = true;
      names_.push_back(column.name);
      exprs_.push_back(RefTo(input_.node->columns, static_cast<int>(i), ToSpan(star.span)));
    }
    if (any) return Status::OK();
    return binder_.Error(star.span,
                         fmt::format("there is no table '{}' in FROM", star.qualifier.back().text),
                         sql::DidYouMean(star.qualifier.back().text, tables));
  }

  // ---- grouping

  // Index of `expr` among the columns computed below the aggregate; added when new.
  int Computed(const ExprPtr& expr) {
    for (size_t i = 0; i < below_.size(); ++i) {
      if (below_[i]->Equals(*expr)) return static_cast<int>(i);
    }
    below_.push_back(expr);
    return static_cast<int>(below_.size()) - 1;
  }

  bool IsColumn(const ExprPtr& expr, int index) const {
    return index >= 0 && expr->kind() == ExprKind::kInputRef && expr->index() == index;
  }

  // GROUP BY names window_start and window_end: a window aggregate, else an ordinary one.
  bool GroupsByWindow() const {
    if (!input_.window.has_value()) return false;
    const auto has = [this](int column) {
      return std::any_of(group_.begin(), group_.end(),
                         [&](const ExprPtr& key) { return IsColumn(key, column); });
    };
    return has(input_.window->start) && has(input_.window->end);
  }

  Status BindGrouping(const ExprPtr& having) {
    const bool window_table = GroupsByWindow();
    const bool windowed = window_table || aggregates_.legacy.has_value();
    if (window_table && aggregates_.legacy.has_value()) {
      return binder_.Error(*select_.group_by_span, "GROUP BY takes one window at most");
    }
    // Where each grouping expression comes out; properties as kPropertyBase + property.
    std::vector<int> keys;
    for (const ExprPtr& key : group_) {
      if (window_table && IsColumn(key, input_.window->start)) {
        group_output_.push_back(kPropertyBase + static_cast<int>(WindowProperty::kStart));
      } else if (window_table && IsColumn(key, input_.window->end)) {
        group_output_.push_back(kPropertyBase + static_cast<int>(WindowProperty::kEnd));
      } else if (window_table && IsColumn(key, input_.window->time)) {
        group_output_.push_back(kPropertyBase + static_cast<int>(WindowProperty::kTime));
        with_time_ = true;
        time_type_ = key->type();
      } else {
        group_output_.push_back(static_cast<int>(keys.size()));
        keys.push_back(Computed(key));
      }
    }
    std::vector<AggregateSpec> specs;
    for (const BoundAggregate& aggregate : aggregates_.aggregates) {
      AggregateSpec spec;
      spec.call = aggregate.call;
      spec.result = aggregate.result;
      for (const ExprPtr& arg : aggregate.args) spec.args.push_back(Computed(arg));
      if (aggregate.filter != nullptr) spec.filter = Computed(aggregate.filter);
      specs.push_back(std::move(spec));
    }
    PlanNodePtr node = windowed ? MakeWindowAggregate(keys, std::move(specs))
                                : MakeGroupAggregate(keys, std::move(specs));
    node->span = ToSpan(select_.group_by_span.value_or(select_.span));
    const PlanNodePtr below = ProjectBelow();
    node->inputs = {below};
    FillColumns(node.get(), keys);
    output_ = node;
    if (having != nullptr) {
      ASSIGN_OR_RETURN(ExprPtr predicate, Rewrite(having));
      output_ = MakeFilter(output_, std::move(predicate), ToSpan(select_.having->span));
    }
    for (ExprPtr& expr : exprs_) {
      ASSIGN_OR_RETURN(expr, Rewrite(expr));
    }
    return Status::OK();
  }

  PlanNodePtr ProjectBelow() {
    if (below_.empty()) return input_.node;  // COUNT(*) alone
    Columns columns;
    std::vector<std::string> names;
    for (size_t i = 0; i < below_.size(); ++i) {
      names.push_back(below_[i]->kind() == ExprKind::kInputRef ? below_[i]->name()
                                                               : fmt::format("$f{}", i));
    }
    MakeNamesUnique(&names);
    for (size_t i = 0; i < below_.size(); ++i) columns.emplace_back(names[i], below_[i]->type());
    return MakeProject(input_.node, below_, std::move(columns), ToSpan(select_.span));
  }

  PlanNodePtr MakeGroupAggregate(const std::vector<int>& keys, std::vector<AggregateSpec> specs) {
    auto node = std::make_shared<GroupAggregateNode>();
    node->keys = keys;
    node->aggregates = std::move(specs);
    node->state_ttl_ms = state_ttl_ms_.value_or(binder_.StateTtlMillis());
    return node;
  }

  PlanNodePtr MakeWindowAggregate(const std::vector<int>& keys, std::vector<AggregateSpec> specs) {
    auto node = std::make_shared<WindowAggregateNode>();
    node->keys = keys;
    node->aggregates = std::move(specs);
    node->properties = {WindowProperty::kStart, WindowProperty::kEnd};
    if (aggregates_.legacy.has_value()) {
      node->window = aggregates_.legacy->window;
      node->window.time_column = Computed(aggregates_.legacy->time);
      with_time_ = true;
      time_type_ = aggregates_.legacy->time_type;
    } else {
      const WindowColumns& window = *input_.window;
      node->window = window.window;
      node->attached_start = Computed(RefTo(input_.node->columns, window.start));
      node->attached_end = Computed(RefTo(input_.node->columns, window.end));
      node->window.time_column =
          window.time < 0 ? -1 : Computed(RefTo(input_.node->columns, window.time));
    }
    if (with_time_) node->properties.push_back(WindowProperty::kTime);
    return node;
  }

  void FillColumns(PlanNode* node, const std::vector<int>& keys) {
    Columns& out = node->columns;
    const Columns& in = node->inputs[0]->columns;
    std::vector<std::string> names;
    std::vector<LogicalType> types;
    for (const int key : keys) {
      const RowField& column = in[static_cast<size_t>(key)];
      names.push_back(column.name());
      types.push_back(column.type().WithTimeAttribute(TimeAttribute::kNone));
    }
    aggregate_begin_ = static_cast<int>(keys.size());
    for (size_t i = 0; i < aggregates_.aggregates.size(); ++i) {
      names.push_back(fmt::format("agg${}", i));
      types.push_back(aggregates_.aggregates[i].result);
    }
    property_begin_ = static_cast<int>(names.size());
    if (node->kind == NodeKind::kWindowAggregate) {
      names.insert(names.end(), {"window_start", "window_end"});
      types.insert(types.end(), 2, LogicalType::Timestamp(3).NotNull());
      if (with_time_) {
        names.push_back("window_time");
        types.push_back(time_type_);
      }
    }
    MakeNamesUnique(&names);
    for (size_t i = 0; i < names.size(); ++i) out.emplace_back(names[i], types[i]);
  }

  // A tree over the input becomes one over the aggregate's output.
  Result<ExprPtr> Rewrite(const ExprPtr& expr) {
    const Columns& columns = output_->columns;
    for (size_t i = 0; i < group_.size(); ++i) {
      if (!group_[i]->Equals(*expr)) continue;
      const int at = group_output_[i];
      return RefTo(columns, at >= kPropertyBase ? property_begin_ + at - kPropertyBase : at,
                   expr->span());
    }
    if (expr->kind() == ExprKind::kInputRef) {
      const int index = expr->index();
      if (index >= kPropertyBase) {
        return RefTo(columns, property_begin_ + index - kPropertyBase, expr->span());
      }
      if (index >= kAggregateBase) {
        return RefTo(columns, aggregate_begin_ + index - kAggregateBase, expr->span());
      }
      return NotGrouped(*expr);
    }
    if (expr->args().empty()) return expr;
    std::vector<ExprPtr> args;
    for (const ExprPtr& arg : expr->args()) {
      ASSIGN_OR_RETURN(ExprPtr rewritten, Rewrite(arg));
      args.push_back(std::move(rewritten));
    }
    return WithArgs(*expr, std::move(args));
  }

  Status NotGrouped(const BoundExpr& expr) const {
    const sql::SourceSpan span{
        static_cast<uint32_t>(expr.span().begin), static_cast<uint32_t>(expr.span().end),
        static_cast<uint32_t>(expr.span().line), static_cast<uint32_t>(expr.span().column)};
    const std::string hint =
        select_.group_by_span.has_value()
            ? fmt::format("add {0} to GROUP BY, or take one value of the group: MAX({0})",
                          expr.name())
            : "there is no GROUP BY, so all rows are one group";
    return binder_.Error(span, fmt::format("expression '{}' is not being grouped", expr.name()),
                         hint);
  }

  // ---- result

  Relation Project() {
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
    if (select_.distinct) return binder_.Distinct(std::move(out), select_.distinct_span);
    return out;
  }

  // The window's columns that came through the projection unchanged.
  std::optional<WindowColumns> WindowOfResult() const {
    int start = -1, end = -1, time = -1;
    WindowColumns window;
    if (output_ != nullptr) {
      const PlanNode* node = output_.get();
      if (node->kind == NodeKind::kFilter) node = node->inputs[0].get();
      if (node->kind != NodeKind::kWindowAggregate) return std::nullopt;
      window.window = static_cast<const WindowAggregateNode*>(node)->window;
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

  Binder& binder_;
  const sql::Select& select_;
  Relation input_;
  AggregateScope aggregates_;
  std::vector<ExprPtr> group_;
  std::vector<int> group_output_;
  std::vector<ExprPtr> exprs_;
  std::vector<std::string> names_;
  std::vector<ExprPtr> below_;  // computed under the aggregate
  PlanNodePtr output_;          // of the aggregate; null: not grouped
  int aggregate_begin_ = 0;
  int property_begin_ = 0;
  bool with_time_ = false;
  bool allow_untyped_null_ = false;
  std::optional<int64_t> state_ttl_ms_;  // of the hint
  LogicalType time_type_;
};

Result<Relation> Binder::BindSelect(const sql::Select& select) {
  return SelectBinder(this, select).Bind();
}

}  // namespace mainstem::process::plan

// GROUP BY: keys, grouping sets, windows, and the select list over their output.
#include <algorithm>

#include <fmt/format.h>

#include "process/plan/select_binder.h"

namespace mainstem::process::plan {
namespace {

constexpr size_t kGroupingSetsMax = 1024;
constexpr size_t kCubeColumnsMax = 11;  // 2^11 sets are more than kGroupingSetsMax

// Every set of `a` together with every one of `b`; sorted, without repeats inside.
std::vector<std::vector<int>> Cross(const std::vector<std::vector<int>>& a,
                                    const std::vector<std::vector<int>>& b) {
  std::vector<std::vector<int>> out;
  for (const std::vector<int>& left : a) {
    for (const std::vector<int>& right : b) {
      std::vector<int>& both = out.emplace_back();
      std::set_union(left.begin(), left.end(), right.begin(), right.end(),
                     std::back_inserter(both));
      if (out.size() > kGroupingSetsMax) return out;
    }
  }
  return out;
}

}  // namespace

Status SelectBinder::BindGroupBy() {
  for (const sql::GroupingElement& element : select_.group_by) {
    ASSIGN_OR_RETURN(const GroupingSets sets, BindGroupingElement(element));
    sets_ = Cross(sets_, sets);
    if (sets_.size() > kGroupingSetsMax) {
      return binder_.Error(element.span,
                           fmt::format("GROUP BY has more than {} grouping sets", kGroupingSetsMax),
                           "list those that are needed: GROUPING SETS ((a, b), (a), ())");
    }
  }
  return Status::OK();
}

Result<SelectBinder::GroupingSets> SelectBinder::BindGroupingElement(
    const sql::GroupingElement& element) {
  if (element.kind == sql::GroupingKind::kExpr) return BindGroupingExpr(*element.expr);
  std::vector<GroupingSets> parts;
  for (const sql::GroupingElement& inner : element.elements) {
    ASSIGN_OR_RETURN(GroupingSets sets, BindGroupingElement(inner));
    parts.push_back(std::move(sets));
  }
  GroupingSets out;
  switch (element.kind) {
    case sql::GroupingKind::kExpr: break;
    case sql::GroupingKind::kSets:
      for (const GroupingSets& part : parts) out.insert(out.end(), part.begin(), part.end());
      return out;
    case sql::GroupingKind::kSet:
      out = {{}};
      for (const GroupingSets& part : parts) out = Cross(out, part);
      return out;
    case sql::GroupingKind::kRollup:
      for (size_t count = parts.size() + 1; count-- > 0;) {
        GroupingSets prefix = {{}};
        for (size_t i = 0; i < count; ++i) prefix = Cross(prefix, parts[i]);
        out.insert(out.end(), prefix.begin(), prefix.end());
      }
      return out;
    case sql::GroupingKind::kCube:
      // Too many are refused by the caller; do not make them first.
      if (parts.size() > kCubeColumnsMax) parts.resize(kCubeColumnsMax);
      for (size_t mask = size_t{1} << parts.size(); mask-- > 0;) {
        GroupingSets subset = {{}};
        for (size_t i = 0; i < parts.size(); ++i) {
          if ((mask >> (parts.size() - 1 - i) & 1) != 0) subset = Cross(subset, parts[i]);
        }
        out.insert(out.end(), subset.begin(), subset.end());
      }
      return out;
  }
  return out;
}

Result<SelectBinder::GroupingSets> SelectBinder::BindGroupingExpr(const sql::Expr& expr) {
  const auto* call = sql::TryAs<sql::FunctionExpr>(&expr);
  if (call != nullptr) {
    const std::string name = UpperAscii(call->name.last());
    if (name == "TUMBLE" || name == "HOP" || name == "SESSION") {
      RETURN_IF_ERROR(BindLegacyWindow(*call, name));
      return GroupingSets{{}};
    }
  }
  Result<ExprPtr> bound = binder_.BindExpr(expr, PlainScope("GROUP BY"));
  if (!bound.ok()) return NamesAnAlias(expr, bound.status());
  ExprPtr key = std::move(bound).ValueUnsafe();
  for (size_t i = 0; i < group_.size(); ++i) {
    if (group_[i]->Equals(*key)) return GroupingSets{{static_cast<int>(i)}};
  }
  group_.push_back(std::move(key));
  return GroupingSets{{static_cast<int>(group_.size()) - 1}};
}

// GROUP BY sees the columns of FROM, not the names given in SELECT.
Status SelectBinder::NamesAnAlias(const sql::Expr& expr, const Status& error) const {
  const auto* column = sql::TryAs<sql::ColumnExpr>(&expr);
  if (column == nullptr || column->parts.size() != 1) return error;
  for (const sql::SelectItem& item : select_.items) {
    if (!item.alias.has_value() || item.alias->text != column->parts[0].text) continue;
    return binder_.Error(expr.span,
                         fmt::format("'{}' is a name given in SELECT, which GROUP BY does not see",
                                     item.alias->text),
                         fmt::format("write GROUP BY {}", ToSql(*item.expr)));
  }
  return error;
}

// GROUP BY TUMBLE(ts, INTERVAL ..)
Status SelectBinder::BindLegacyWindow(const sql::FunctionExpr& call, const std::string& name) {
  if (aggregates_.legacy.has_value()) {
    return binder_.Error(call.span, "GROUP BY takes one window at most");
  }
  const size_t wanted = name == "HOP" ? 3 : 2;
  if (call.arguments.size() != wanted) {
    return binder_.Error(call.span, fmt::format("{} in GROUP BY takes {} arguments", name, wanted),
                         name == "HOP" ? "HOP(time, slide, size)" : name + "(time, length)");
  }
  LegacyWindow legacy;
  legacy.function = name;
  ASSIGN_OR_RETURN(legacy.time, binder_.BindExpr(*call.arguments[0].value, PlainScope("GROUP BY")));
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
          .WithTimeAttribute(time.time_attribute());
  aggregates_.legacy = std::move(legacy);
  return Status::OK();
}

// Index of `expr` among the columns computed below the aggregate; added when new.
int SelectBinder::Computed(const ExprPtr& expr) {
  for (size_t i = 0; i < below_.size(); ++i) {
    if (below_[i]->Equals(*expr)) return static_cast<int>(i);
  }
  below_.push_back(expr);
  return static_cast<int>(below_.size()) - 1;
}

bool SelectBinder::IsColumn(const ExprPtr& expr, int index) const {
  return index >= 0 && expr->kind() == ExprKind::kInputRef && expr->index() == index;
}

bool SelectBinder::IsInEverySet(size_t key) const {
  return std::all_of(sets_.begin(), sets_.end(), [&](const auto& set) {
    return std::binary_search(set.begin(), set.end(), static_cast<int>(key));
  });
}

// Each grouping set has window_start and window_end: a window aggregate, else an ordinary one.
bool SelectBinder::GroupsByWindow() const {
  if (!input_.window.has_value()) return false;
  const auto has = [this](int column) {
    for (size_t i = 0; i < group_.size(); ++i) {
      if (IsColumn(group_[i], column)) return IsInEverySet(i);
    }
    return false;
  };
  return has(input_.window->start) && has(input_.window->end);
}

Status SelectBinder::BindGrouping(const ExprPtr& having) {
  RETURN_IF_ERROR(JoinArgumentScalars());
  for (const GroupingCall& call : aggregates_.groupings) {
    for (const ExprPtr& arg : call.args) {
      const bool grouped = std::any_of(group_.begin(), group_.end(),
                                       [&](const ExprPtr& key) { return key->Equals(*arg); });
      if (!grouped) return NotGrouped(*arg);
    }
  }
  const bool window_table = GroupsByWindow();
  const bool windowed = window_table || aggregates_.legacy.has_value();
  if (window_table && aggregates_.legacy.has_value()) {
    return binder_.Error(*select_.group_by_span, "GROUP BY takes one window at most");
  }
  // Where each grouping expression comes out; properties as kPropertyBase + property.
  std::vector<int> keys;
  for (size_t i = 0; i < group_.size(); ++i) {
    const ExprPtr& key = group_[i];
    if (window_table && IsColumn(key, input_.window->start)) {
      group_output_.push_back(kPropertyBase + static_cast<int>(WindowProperty::kStart));
    } else if (window_table && IsColumn(key, input_.window->end)) {
      group_output_.push_back(kPropertyBase + static_cast<int>(WindowProperty::kEnd));
    } else if (window_table && IsColumn(key, input_.window->time) && IsInEverySet(i)) {
      group_output_.push_back(kPropertyBase + static_cast<int>(WindowProperty::kTime));
      with_time_ = true;
      time_type_ = key->type();
    } else {
      group_output_.push_back(static_cast<int>(keys.size()));
      keys.push_back(Computed(key));
    }
  }
  std::vector<AggregateSpec> specs;
  for (const BoundAggregate& aggregate : aggregates_.aggregates) specs.push_back(SpecOf(aggregate));
  PlanNodePtr node = windowed ? MakeWindowAggregate(keys, std::move(specs))
                              : MakeGroupAggregate(keys, std::move(specs));
  node->span = ToSpan(select_.group_by_span.value_or(select_.span));
  const PlanNodePtr below = ProjectBelow();
  node->inputs = {below};
  if (sets_.size() > 1) RETURN_IF_ERROR(Expand(node.get(), &keys));
  FillColumns(node.get(), keys);
  output_ = node;
  if (windowed) window_aggregate_ = static_cast<const WindowAggregateNode*>(node.get());
  ExprPtr predicate;
  if (having != nullptr) {
    ASSIGN_OR_RETURN(predicate, Rewrite(having));
  }
  std::vector<ExprPtr*> exprs = {&predicate};
  for (ExprPtr& expr : exprs_) {
    ASSIGN_OR_RETURN(expr, Rewrite(expr));
    exprs.push_back(&expr);
  }
  if (!scalars_.empty()) {
    const auto outer_column = [this](int index, SourceSpan span) {
      return Rewrite(RefTo(input_.node->columns, index, span));
    };
    RETURN_IF_ERROR(binder_.ApplyScalars(std::move(scalars_), outer_column, &output_, exprs));
  }
  if (predicate != nullptr) {
    output_ = MakeFilter(output_, std::move(predicate), ToSpan(select_.having->span));
  }
  return Status::OK();
}

Status SelectBinder::JoinArgumentScalars() {
  if (argument_scalars_.empty()) return Status::OK();
  std::vector<ExprPtr*> exprs;
  for (BoundAggregate& aggregate : aggregates_.aggregates) {
    for (ExprPtr& arg : aggregate.args) exprs.push_back(&arg);
    exprs.push_back(&aggregate.filter);
  }
  return JoinToInput(std::move(argument_scalars_), std::move(exprs));
}

PlanNodePtr SelectBinder::ProjectBelow() {
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

AggregateSpec SelectBinder::SpecOf(const BoundAggregate& aggregate) {
  AggregateSpec spec;
  spec.call = aggregate.call;
  spec.result = aggregate.result;
  for (const ExprPtr& arg : aggregate.args) spec.args.push_back(Computed(arg));
  if (aggregate.filter != nullptr) spec.filter = Computed(aggregate.filter);
  return spec;
}

Status SelectBinder::Expand(PlanNode* node, std::vector<int>* keys) {
  auto expand = std::make_shared<ExpandNode>();
  expand->span = node->span;
  expand->columns = node->inputs[0]->columns;
  expand->inputs = node->inputs;
  expand->grouping = *keys;
  std::vector<int> copied;  // the position in group_ of each copied column
  for (size_t i = 0; i < group_output_.size(); ++i) {
    if (group_output_[i] < kPropertyBase) copied.push_back(static_cast<int>(i));
  }
  const auto has = [](const std::vector<int>& set, int position) {
    return std::binary_search(set.begin(), set.end(), position);
  };
  for (size_t i = 0; i < copied.size(); ++i) {
    const RowField& column = expand->columns[static_cast<size_t>((*keys)[i])];
    const bool everywhere = std::all_of(sets_.begin(), sets_.end(),
                                        [&](const auto& set) { return has(set, copied[i]); });
    const LogicalType type = column.type().WithTimeAttribute(TimeAttribute::kNone);
    expand->columns.emplace_back(column.name() + "$g",
                                 type.WithNullable(type.nullable() || !everywhere));
  }
  expand->columns.emplace_back("$e", LogicalType::BigInt().NotNull());
  for (size_t i = 0; i < aggregates_.groupings.size(); ++i) {
    expand->columns.emplace_back(fmt::format("$grouping{}", i), LogicalType::BigInt().NotNull());
  }
  for (size_t s = 0; s < sets_.size(); ++s) {
    std::vector<bool>& present = expand->sets.emplace_back();
    for (const int position : copied) present.push_back(has(sets_[s], position));
    std::vector<int64_t>& constants = expand->constants.emplace_back();
    constants.push_back(static_cast<int64_t>(s));
    for (const GroupingCall& call : aggregates_.groupings) {
      ASSIGN_OR_RETURN(const int64_t value, GroupingValue(call, s));
      constants.push_back(value);
    }
  }
  expand->own_columns = expand->columns.size() - node->inputs[0]->columns.size();
  keys->clear();
  for (size_t i = 0; i < expand->own_columns; ++i) {
    keys->push_back(expand->first_own_column() + static_cast<int>(i));
  }
  grouping_begin_ = static_cast<int>(copied.size()) + 1;
  if (node->kind == NodeKind::kWindowAggregate) {
    static_cast<WindowAggregateNode*>(node)->keys = *keys;
  } else {
    static_cast<GroupAggregateNode*>(node)->keys = *keys;
  }
  node->inputs = {std::move(expand)};
  return Status::OK();
}

// GROUPING_ID(a, b): a bit for each argument, the first one highest: 1 when the set lacks it.
Result<int64_t> SelectBinder::GroupingValue(const GroupingCall& call, size_t set) const {
  if (call.counts_repeats) {
    return std::count(sets_.begin(), sets_.begin() + static_cast<ptrdiff_t>(set), sets_[set]);
  }
  int64_t value = 0;
  for (const ExprPtr& arg : call.args) {
    const auto at = std::find_if(group_.begin(), group_.end(),
                                 [&](const ExprPtr& key) { return key->Equals(*arg); });
    const int position = static_cast<int>(at - group_.begin());
    value =
        value * 2 + (std::binary_search(sets_[set].begin(), sets_[set].end(), position) ? 0 : 1);
  }
  return value;
}

PlanNodePtr SelectBinder::MakeGroupAggregate(const std::vector<int>& keys,
                                             std::vector<AggregateSpec> specs) {
  auto node = std::make_shared<GroupAggregateNode>();
  node->keys = keys;
  node->aggregates = std::move(specs);
  node->state_ttl_ms = state_ttl_ms_.value_or(binder_.StateTtlMillis());
  return node;
}

PlanNodePtr SelectBinder::MakeWindowAggregate(const std::vector<int>& keys,
                                              std::vector<AggregateSpec> specs) {
  auto node = std::make_shared<WindowAggregateNode>();
  node->keys = keys;
  node->aggregates = std::move(specs);
  node->properties = {WindowProperty::kStart, WindowProperty::kEnd};
  if (aggregates_.legacy.has_value()) {
    node->window = aggregates_.legacy->window;
    node->window.time_column = Computed(aggregates_.legacy->time);
    if (node->window.kind == WindowKind::kSession) node->window.partition_keys = keys;
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

void SelectBinder::FillColumns(PlanNode* node, const std::vector<int>& keys) {
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
Result<ExprPtr> SelectBinder::Rewrite(const ExprPtr& expr) {
  const Columns& columns = output_->columns;
  for (size_t i = 0; i < group_.size(); ++i) {
    if (!group_[i]->Equals(*expr)) continue;
    const int at = group_output_[i];
    return RefTo(columns, at >= kPropertyBase ? property_begin_ + at - kPropertyBase : at,
                 expr->span());
  }
  if (expr->kind() == ExprKind::kInputRef) {
    const int index = expr->index();
    if (index >= kOverBase) return expr;
    if (index >= kGroupingBase) {
      if (grouping_begin_ < 0) return MakeBigIntLiteral(0, expr->span());
      return RefTo(columns, grouping_begin_ + index - kGroupingBase, expr->span());
    }
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

Status SelectBinder::NotGrouped(const BoundExpr& expr) const {
  const sql::SourceSpan span{
      static_cast<uint32_t>(expr.span().begin), static_cast<uint32_t>(expr.span().end),
      static_cast<uint32_t>(expr.span().line), static_cast<uint32_t>(expr.span().column)};
  // The plan may know a column by another name than the query: that of VALUES, or of a subquery.
  const bool is_column = expr.kind() == ExprKind::kInputRef && expr.index() >= 0 &&
                         static_cast<size_t>(expr.index()) < input_.scope.size();
  const std::string& name =
      is_column ? input_.scope[static_cast<size_t>(expr.index())].name : expr.name();
  const std::string hint =
      select_.group_by_span.has_value()
          ? fmt::format("add {0} to GROUP BY, or take one value of the group: MAX({0})", name)
          : "there is no GROUP BY, so all rows are one group";
  return binder_.Error(span, fmt::format("expression '{}' is not being grouped", name), hint);
}

}  // namespace mainstem::process::plan

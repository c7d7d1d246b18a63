// MATCH_RECOGNIZE: the pattern, and expressions over the rows of its variables.
#include <algorithm>

#include <fmt/format.h>

#include "process/plan/binder.h"
#include "process/plan/match_scope.h"

namespace mainstem::process::plan {
namespace {

using Navigation = MatchScope::Navigation;
using Kind = MatchNavigation::Kind;

// The reference to a navigation, which is noted once.
ExprPtr Refer(MatchScope* scope, Navigation navigation, const std::string& name,
              const SourceSpan& span) {
  std::vector<Navigation>& have = scope->navigations;
  size_t at = 0;
  for (; at < have.size(); ++at) {
    if (have[at].kind == navigation.kind && have[at].element == navigation.element &&
        have[at].offset == navigation.offset && have[at].call.name == navigation.call.name &&
        have[at].call.separator == navigation.call.separator &&
        SameExprs(have[at].args, navigation.args)) {
      break;
    }
  }
  const LogicalType type = navigation.type;
  if (at == have.size()) have.push_back(std::move(navigation));
  return MakeInputRef(static_cast<int>(at), type, name, span);
}

int ElementOf(const MatchScope& scope, std::string_view variable) {
  for (size_t i = 0; i < scope.pattern.size(); ++i) {
    if (scope.pattern[i].variable == variable) return static_cast<int>(i);
  }
  return MatchScope::kNone;
}

std::vector<std::string> Variables(const std::vector<PatternElement>& pattern) {
  std::vector<std::string> names;
  for (const PatternElement& element : pattern) names.push_back(element.variable);
  return names;
}

}  // namespace

Status Binder::BindPattern(const sql::MatchTable& table, MatchNode* node) {
  bool may_be_empty = true;
  for (const sql::MatchTable::Element& parsed : table.pattern) {
    for (const PatternElement& have : node->pattern) {
      if (have.variable != parsed.variable.text) continue;
      return Error(parsed.variable.span,
                   fmt::format("pattern variable '{}' stands twice", have.variable),
                   "give the second one a name of its own, and its own condition");
    }
    PatternElement& element = node->pattern.emplace_back();
    element.variable = parsed.variable.text;
    element.min = parsed.min;
    element.max = parsed.max;
    const bool is_optional = parsed.min == 0 && parsed.max == 1;
    element.greedy = !parsed.is_reluctant && !is_optional && parsed.min != parsed.max;
    if (is_optional && parsed.is_reluctant) {
      return Error(parsed.variable.span, "a reluctant optional variable is not supported",
                   fmt::format("write {}?", element.variable));
    }
    // As in the dialect: where the greedy one ends would not be decided.
    const bool may_be_absent = parsed.min == 0 && (parsed.max == 1 || parsed.max < 0);
    const size_t count = node->pattern.size();
    if (may_be_absent && count > 1 && node->pattern[count - 2].greedy) {
      return Error(parsed.variable.span, "an optional variable cannot follow a greedy one",
                   fmt::format("make '{}' reluctant, or let '{}' be there once at least",
                               node->pattern[count - 2].variable, element.variable));
    }
    may_be_empty = may_be_empty && parsed.min == 0;
  }
  if (may_be_empty) {
    return Error(table.pattern_span, "the pattern could match no rows at all",
                 "let one variable at least be there: A+ instead of A*");
  }
  if (node->pattern.back().greedy) {
    return Error(table.pattern.back().variable.span,
                 "a greedy quantifier is not allowed at the end of a pattern",
                 fmt::format("end with a plain variable, or make it reluctant: {}+?",
                             node->pattern.back().variable));
  }
  node->skip = static_cast<MatchSkip>(table.skip);
  if (table.skip_to.has_value()) {
    const std::vector<std::string> names = Variables(node->pattern);
    const auto at = std::find(names.begin(), names.end(), table.skip_to->text);
    if (at == names.end()) {
      return Error(table.skip_to->span,
                   fmt::format("there is no pattern variable '{}'", table.skip_to->text),
                   sql::DidYouMean(table.skip_to->text, names));
    }
    node->skip_element = static_cast<int>(at - names.begin());
  }
  if (table.within != nullptr) {
    ASSIGN_OR_RETURN(node->within_ms, BindIntervalMillis(*table.within, "WITHIN"));
    if (node->within_ms <= 0)
      return Error(table.within->span, "WITHIN must be longer than nothing");
  }
  return Status::OK();
}

Status Binder::BindDefinitions(const sql::MatchTable& table, const ExprScope& scope,
                               MatchNode* node) {
  node->conditions.resize(node->pattern.size());
  for (const sql::MatchTable::Definition& definition : table.definitions) {
    const int element = ElementOf(*scope.match, definition.variable.text);
    if (element < 0) {
      return Error(definition.variable.span,
                   fmt::format("'{}' is not in the pattern", definition.variable.text),
                   sql::DidYouMean(definition.variable.text, Variables(node->pattern)));
    }
    ExprPtr& condition = node->conditions[static_cast<size_t>(element)];
    if (condition != nullptr) {
      return Error(definition.variable.span,
                   fmt::format("'{}' is defined twice", definition.variable.text),
                   "combine the conditions with AND");
    }
    ASSIGN_OR_RETURN(condition, BindPredicate(*definition.condition, scope));
  }
  return Status::OK();
}

Result<Relation> Binder::BindMatch(const sql::MatchTable& table) {
  ASSIGN_OR_RETURN(const Relation input, BindTableRef(*table.input));
  auto node = std::make_shared<MatchNode>();
  node->span = ToSpan(table.pattern_span);
  RETURN_IF_ERROR(BindPattern(table, node.get()));
  const ExprScope plain{&input.scope, &input.node->columns, nullptr, "MATCH_RECOGNIZE"};
  Columns columns = input.node->columns;
  std::vector<ExprPtr> below;
  for (size_t i = 0; i < columns.size(); ++i) {
    below.push_back(RefTo(columns, static_cast<int>(i)));
  }
  const auto column_of = [&](const ExprPtr& expr) {
    for (size_t i = 0; i < below.size(); ++i) {
      if (below[i]->Equals(*expr)) return static_cast<int>(i);
    }
    columns.emplace_back(fmt::format("$match{}", below.size()), expr->type());
    below.push_back(expr);
    return static_cast<int>(below.size()) - 1;
  };
  Relation out;
  for (const sql::ExprPtr& key : table.partition_by) {
    ASSIGN_OR_RETURN(const ExprPtr bound, BindExpr(*key, plain));
    if (bound->kind() != ExprKind::kInputRef) {
      return Error(key->span, "PARTITION BY of MATCH_RECOGNIZE takes columns",
                   "compute it in a subquery or a view below");
    }
    node->partition.push_back(bound->index());
    const RowField& column = columns[static_cast<size_t>(bound->index())];
    node->columns.emplace_back(column.name(),
                               column.type().WithTimeAttribute(TimeAttribute::kNone));
    out.scope.push_back({{}, input.scope[static_cast<size_t>(bound->index())].name});
  }
  for (const sql::OrderItem& item : table.order_by) {
    ASSIGN_OR_RETURN(const ExprPtr bound, BindExpr(*item.expr, plain));
    node->order.push_back(
        {column_of(bound), item.descending, item.nulls_first.value_or(!item.descending)});
  }
  const auto time_of = [&] {
    return columns[static_cast<size_t>(node->order[0].column)].type().time_attribute();
  };
  if (node->order.empty() || time_of() == TimeAttribute::kNone || node->order[0].descending) {
    return Error(table.order_by.empty() ? table.pattern_span : table.order_by[0].expr->span,
                 "MATCH_RECOGNIZE needs ORDER BY a time attribute, ascending, first",
                 "order by the column that has the WATERMARK, or by a column AS PROCTIME()");
  }
  node->event_time = time_of() == TimeAttribute::kRowtime;
  MatchScope match;
  match.pattern = node->pattern;
  match.time_type = columns[static_cast<size_t>(node->order[0].column)].type();
  ExprScope scope{&input.scope, &input.node->columns, nullptr, "DEFINE", &match};
  RETURN_IF_ERROR(BindDefinitions(table, scope, node.get()));
  scope.clause = "MEASURES";
  match.allows_time = true;
  for (const sql::SelectItem& measure : table.measures) {
    ASSIGN_OR_RETURN(ExprPtr bound, BindExpr(*measure.expr, scope));
    LogicalType type = bound->type();
    const bool is_time =
        bound->kind() == ExprKind::kInputRef &&
        match.navigations[static_cast<size_t>(bound->index())].kind >= Kind::kRowtime;
    if (!is_time) type = type.WithTimeAttribute(TimeAttribute::kNone);
    node->columns.emplace_back(measure.alias->text, type);
    out.scope.push_back({{}, measure.alias->text});
    node->measures.push_back(std::move(bound));
  }
  for (Navigation& navigation : match.navigations) {
    MatchNavigation& made = node->navigations.emplace_back();
    made.kind = navigation.kind;
    made.element = navigation.element;
    made.offset = navigation.offset;
    made.type = navigation.type;
    if (navigation.kind == Kind::kAggregate) {
      made.aggregate.call = navigation.call;
      made.aggregate.result = navigation.type;
      for (const ExprPtr& arg : navigation.args) made.aggregate.args.push_back(column_of(arg));
    } else if (navigation.kind == Kind::kRowtime) {
      made.column = node->order[0].column;
    } else if (!navigation.args.empty()) {
      made.column = column_of(navigation.args[0]);
    }
  }
  node->inputs = {below.size() == input.node->columns.size()
                      ? input.node
                      : MakeProject(input.node, std::move(below), columns, node->span)};
  out.node = std::move(node);
  return out;
}

Result<ExprPtr> Binder::BindMatchColumn(const sql::ColumnExpr& column, const ExprScope& scope) {
  MatchScope* match = scope.match;
  int element = column.parts.size() > 1 ? ElementOf(*match, column.parts[0].text) : -1;
  sql::ColumnExpr plain;
  plain.span = column.span;
  plain.parts.assign(column.parts.begin() + (element >= 0 ? 1 : 0), column.parts.end());
  ExprScope input = scope;
  input.match = nullptr;
  if (element == MatchScope::kNone) element = -1;  // t.a, or a field of a row
  ASSIGN_OR_RETURN(ExprPtr value, BindColumn(plain, input));
  if (match->inside) {
    if (match->inside_element != MatchScope::kNone && match->inside_element != element) {
      return Error(column.span,
                   "the columns of one FIRST, LAST or aggregate must be of one variable",
                   "combine the results: SUM(A.x) + SUM(B.x)");
    }
    match->inside_element = element;
    return value;
  }
  Navigation navigation;
  navigation.element = element;
  navigation.type = value->type().WithTimeAttribute(TimeAttribute::kNone);
  navigation.args = {std::move(value)};
  return Refer(match, std::move(navigation), sql::ToSql(column), ToSpan(column.span));
}

Result<ExprPtr> Binder::BindOfVariable(const sql::Expr& expr, const ExprScope& scope,
                                       int* variable) {
  MatchScope* match = scope.match;
  if (match->inside) {
    return Error(expr.span, "FIRST, LAST and aggregates cannot be nested in a pattern");
  }
  match->inside = true;
  match->inside_element = *variable;
  Result<ExprPtr> bound = BindExpr(expr, scope);
  match->inside = false;
  *variable = match->inside_element;
  return bound;
}

Result<ExprPtr> Binder::BindMatchFunction(const sql::FunctionExpr& call, const std::string& name,
                                          const ExprScope& scope) {
  if (name == "PREV" || name == "NEXT") {
    return Error(call.span, fmt::format("{} is not supported in a pattern", name),
                 "LAST(A.x, 1) is the row of A before its last one");
  }
  if (name == "CLASSIFIER" || name == "MATCH_NUMBER") {
    return Error(call.span, fmt::format("{} is not supported", name));
  }
  if (call.over != nullptr) return Error(call.span, "OVER is not allowed in a pattern");
  if (name == "MATCH_ROWTIME" || name == "MATCH_PROCTIME") return BindMatchTime(call, name, scope);
  if (Aggregate::IsAggregate(name)) return BindMatchAggregate(call, name, scope);
  if (name != "FIRST" && name != "LAST") return ExprPtr();
  if (call.arguments.empty() || call.arguments.size() > 2) {
    return Error(call.span, fmt::format("{} takes a value and, if you like, an offset", name),
                 fmt::format("{}(A.x, 1)", name));
  }
  Navigation navigation;
  navigation.kind = name == "FIRST" ? Kind::kFirst : Kind::kLast;
  int variable = MatchScope::kNone;
  ASSIGN_OR_RETURN(ExprPtr value, BindOfVariable(*call.arguments[0].value, scope, &variable));
  if (variable == MatchScope::kNone) {
    return Error(call.span, fmt::format("{} needs a column of a pattern variable", name));
  }
  if (call.arguments.size() > 1) {
    ASSIGN_OR_RETURN(navigation.offset,
                     BindCount(*call.arguments[1].value, fmt::format("the offset of {}", name)));
  }
  navigation.element = variable;
  navigation.type = value->type().WithTimeAttribute(TimeAttribute::kNone);
  // Rows so far back need not be there.
  if (navigation.offset > 0) navigation.type = navigation.type.WithNullable(true);
  navigation.args = {std::move(value)};
  return Refer(scope.match, std::move(navigation), sql::ToSql(call), ToSpan(call.span));
}

Result<ExprPtr> Binder::BindMatchAggregate(const sql::FunctionExpr& call, const std::string& name,
                                           const ExprScope& scope) {
  if (call.distinct) {
    return Error(call.span, "DISTINCT is not supported in aggregates of a pattern");
  }
  if (call.filter != nullptr || !call.within_group.empty() || call.ignore_nulls) {
    return Error(call.span, fmt::format("{} of a pattern takes nothing but its arguments", name));
  }
  Navigation navigation;
  navigation.kind = Kind::kAggregate;
  navigation.call.name = name;
  navigation.call.is_grouped = true;
  int variable = MatchScope::kNone;
  for (const auto& argument : call.arguments) {
    ASSIGN_OR_RETURN(ExprPtr value, BindOfVariable(*argument.value, scope, &variable));
    navigation.call.args.push_back(value->type().WithTimeAttribute(TimeAttribute::kNone));
    navigation.args.push_back(std::move(value));
  }
  if (name == "LISTAGG" && navigation.args.size() == 2) {
    const std::optional<std::string> separator = CallSite(name, navigation.args).StringLiteral(1);
    if (!separator.has_value()) {
      return Error(call.arguments[1].value->span, "the separator of LISTAGG must be a string");
    }
    navigation.call.separator = *separator;
    navigation.args.pop_back();
    navigation.call.args.pop_back();
  }
  if (call.arguments.empty() && !call.star) {
    return Error(call.span, fmt::format("{} needs an argument", name));
  }
  navigation.element = variable == MatchScope::kNone ? -1 : variable;
  const Result<LogicalType> type = Aggregate::ResultType(navigation.call);
  if (!type.ok()) return Locate(type.status(), call.span);
  navigation.type = type->WithTimeAttribute(TimeAttribute::kNone);
  return Refer(scope.match, std::move(navigation), sql::ToSql(call), ToSpan(call.span));
}

Result<ExprPtr> Binder::BindMatchTime(const sql::FunctionExpr& call, const std::string& name,
                                      const ExprScope& scope) {
  MatchScope* match = scope.match;
  if (!match->allows_time) {
    return Error(call.span, fmt::format("{}() is only allowed in MEASURES", name));
  }
  const bool is_rowtime = name == "MATCH_ROWTIME";
  const bool has_rowtime = match->time_type.time_attribute() == TimeAttribute::kRowtime;
  if (is_rowtime && !has_rowtime) {
    return Error(call.span, "MATCH_ROWTIME() needs a pattern in the order of event time",
                 "use MATCH_PROCTIME(), or order by the column that has the WATERMARK");
  }
  Navigation navigation;
  navigation.kind = is_rowtime ? Kind::kRowtime : Kind::kProctime;
  navigation.type =
      is_rowtime
          ? match->time_type.NotNull()
          : LogicalType::TimestampLtz(3).NotNull().WithTimeAttribute(TimeAttribute::kProctime);
  return Refer(match, std::move(navigation), name + "()", ToSpan(call.span));
}

}  // namespace mainstem::process::plan

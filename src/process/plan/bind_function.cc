// Calls: scalar functions, aggregates, window auxiliaries, the JSON functions with clauses.
#include <absl/strings/match.h>
#include <arrow/api.h>
#include <fmt/format.h>

#include "process/expr/cast.h"
#include "process/expr/evaluator.h"
#include "process/plan/aggregate_scope.h"
#include "process/plan/binder.h"
#include "process/plan/rules.h"

namespace mainstem::process::plan {
namespace {

// Finds "X ON EMPTY" among the clauses; `which` is " ON EMPTY". The default if it is not there.
std::string ClauseOf(const sql::FunctionExpr& call, std::string_view which, std::string fallback) {
  for (const std::string& clause : call.clauses) {
    if (clause.ends_with(which)) return clause.substr(0, clause.size() - which.size());
  }
  return fallback;
}

bool IsGroupWindow(std::string_view name) {
  return name == "TUMBLE" || name == "HOP" || name == "SESSION" || name == "CUMULATE";
}

// TUMBLE_START and the like: the window and what is asked of it.
bool IsWindowAuxiliary(std::string_view name, std::string* window, WindowProperty* property) {
  for (const std::string_view function : {"TUMBLE", "HOP", "SESSION"}) {
    if (!name.starts_with(function) || name.size() <= function.size()) continue;
    const std::string_view rest = name.substr(function.size());
    *window = function;
    if (rest == "_START")
      *property = WindowProperty::kStart;
    else if (rest == "_END")
      *property = WindowProperty::kEnd;
    else if (rest == "_ROWTIME" || rest == "_PROCTIME")
      *property = WindowProperty::kTime;
    else
      continue;
    return true;
  }
  return false;
}

}  // namespace

Result<ExprPtr> Binder::BindFunction(const sql::FunctionExpr& call, const ExprScope& scope) {
  const std::string name = UpperAscii(call.name.last());
  if (scope.match != nullptr) {
    ASSIGN_OR_RETURN(ExprPtr bound, BindMatchFunction(call, name, scope));
    if (bound != nullptr) return bound;
  }
  if (call.over != nullptr) return BindOver(call, name, scope);
  std::string window;
  WindowProperty property = WindowProperty::kStart;
  if (IsWindowAuxiliary(name, &window, &property)) return BindWindowAuxiliary(call, name, scope);
  if (IsGroupWindow(name)) {
    return Error(call.span, fmt::format("{}(..) stands in GROUP BY or in FROM TABLE(..)", name));
  }
  if (name == "GROUPING" || name == "GROUPING_ID" || name == "GROUP_ID") {
    return BindGroupingCall(call, name, scope);
  }
  if (Aggregate::IsAggregate(name)) return BindAggregate(call, name, scope);
  if (call.distinct || call.filter != nullptr || call.star) {
    return Error(call.span, fmt::format("{} is no aggregate function, so it takes no {}", name,
                                        call.star       ? "*"
                                        : call.distinct ? "DISTINCT"
                                                        : "FILTER"));
  }
  for (const auto& argument : call.arguments) {
    if (argument.name.has_value()) {
      return Error(argument.name->span, fmt::format("{} takes no named arguments", name));
    }
  }
  if (name == "JSON") {
    return Error(call.span, "JSON(..) stands in JSON_OBJECT and JSON_ARRAY only");
  }
  if (name.starts_with("JSON_")) return BindJson(call, name, scope);
  std::vector<ExprPtr> args;
  for (const auto& argument : call.arguments) {
    ASSIGN_OR_RETURN(ExprPtr arg, BindExpr(*argument.value, scope));
    args.push_back(std::move(arg));
  }
  return CallFunction(name, std::move(args), call.span);
}

Result<ExprPtr> Binder::BindAggregate(const sql::FunctionExpr& call, const std::string& name,
                                      const ExprScope& scope) {
  AggregateScope* aggregates = scope.aggregates;
  if (aggregates == nullptr) {
    return Error(call.span, fmt::format("an aggregate function is not allowed in {}", scope.clause),
                 scope.clause == "WHERE" ? "filter groups with HAVING" : "");
  }
  if (aggregates->inside_aggregate) {
    return Error(call.span, "aggregate functions cannot be nested",
                 "aggregate in a subquery, and that again outside");
  }
  if (!call.within_group.empty()) {
    if (name == "ARRAY_AGG") return NotYet(call.span, "ordered input of an aggregate");
    return Error(call.span, fmt::format("{} takes no order of its input", name),
                 "it takes the values as they come; order them in a Top-N before it");
  }
  if (call.ignore_nulls && name != "ARRAY_AGG") {
    return Error(call.span, fmt::format("{} takes no IGNORE NULLS", name),
                 "FILTER (WHERE .. IS NOT NULL) leaves out what is NULL");
  }
  aggregates->inside_aggregate = true;
  BoundAggregate bound;
  bound.call.name = name;
  bound.call.distinct = call.distinct;
  bound.call.is_grouped = aggregates->is_grouped && call.filter == nullptr;
  for (const auto& argument : call.arguments) {
    ASSIGN_OR_RETURN(ExprPtr arg, BindExpr(*argument.value, scope));
    bound.args.push_back(std::move(arg));
  }
  if (name == "JSON_OBJECTAGG" || name == "JSON_ARRAYAGG") {
    // What one row gives; the aggregate puts these together.
    const bool object = name == "JSON_OBJECTAGG";
    const std::string on_null = ClauseOf(call, " ON NULL", object ? "NULL" : "ABSENT");
    bound.args.insert(bound.args.begin(), MakeSymbol(on_null, ToSpan(call.span)));
    ASSIGN_OR_RETURN(ExprPtr part, CallFunction(object ? "JSON_OBJECT" : "JSON_ARRAY",
                                                std::move(bound.args), call.span));
    bound.args = {std::move(part)};
  }
  if (call.filter != nullptr) {
    ExprScope inner = scope;
    inner.clause = "FILTER";
    ASSIGN_OR_RETURN(bound.filter, BindPredicate(*call.filter, inner));
  }
  if (call.ignore_nulls && !bound.args.empty()) {
    ASSIGN_OR_RETURN(ExprPtr kept, CallFunction("IS NOT NULL", {bound.args[0]}, call.span));
    if (bound.filter != nullptr) {
      ASSIGN_OR_RETURN(kept, CallFunction("AND", {bound.filter, std::move(kept)}, call.span));
    }
    bound.filter = std::move(kept);
    bound.call.is_grouped = false;
  }
  aggregates->inside_aggregate = false;
  if (name == "LISTAGG" && bound.args.size() == 2) {
    const std::vector<ExprPtr> args = bound.args;
    const std::optional<std::string> separator = CallSite(name, args).StringLiteral(1);
    if (!separator.has_value()) {
      return Error(call.arguments[1].value->span, "the separator of LISTAGG must be a string");
    }
    bound.call.separator = *separator;
    bound.args.pop_back();
  }
  if (name == "PERCENTILE") RETURN_IF_ERROR(BindPercentages(call, &bound.args, &bound.call));
  if (!call.star && call.arguments.empty()) {
    return Error(call.span, fmt::format("{} needs an argument", name),
                 name == "COUNT" ? "count rows with COUNT(*)" : "");
  }
  if (call.star && name != "COUNT") return Error(call.span, "only COUNT takes *");
  if (name == "COUNT" && bound.args.size() > 1) {
    return Error(call.span, "COUNT takes one argument", "count combinations: COUNT(ROW(a, b))");
  }
  for (const ExprPtr& arg : bound.args) {
    if (arg->type().root() == TypeRoot::kNull) {
      return Error(call.span, "illegal use of NULL: its type is not known",
                   "write CAST(NULL AS ..)");
    }
    bound.call.args.push_back(arg->type().WithTimeAttribute(TimeAttribute::kNone));
  }
  const Result<LogicalType> type = Aggregate::ResultType(bound.call);
  if (!type.ok()) return Locate(type.status(), call.span);
  bound.result = type->WithTimeAttribute(TimeAttribute::kNone);
  // The same aggregate asked for twice is computed once.
  size_t index = 0;
  for (; index < aggregates->aggregates.size(); ++index) {
    const BoundAggregate& have = aggregates->aggregates[index];
    const bool same_filter = (have.filter == nullptr) == (bound.filter == nullptr) &&
                             (have.filter == nullptr || have.filter->Equals(*bound.filter));
    const bool same = have.call.name == bound.call.name &&
                      have.call.distinct == bound.call.distinct &&
                      have.call.separator == bound.call.separator &&
                      have.call.percentages == bound.call.percentages &&
                      have.call.percentages_are_array == bound.call.percentages_are_array &&
                      SameExprs(have.args, bound.args) && same_filter;
    if (same) break;
  }
  ExprPtr ref =
      MakeInputRef(kAggregateBase + static_cast<int>(index), bound.result, name, ToSpan(call.span));
  if (index == aggregates->aggregates.size()) aggregates->aggregates.push_back(std::move(bound));
  return ref;
}

Status Binder::BindPercentages(const sql::FunctionExpr& call, std::vector<ExprPtr>* args,
                               AggregateCall* out) const {
  static constexpr std::string_view kForm =
      "PERCENTILE(number, percentage or ARRAY of percentages [, frequency])";
  if (args->size() < 2 || args->size() > 3 || !(*args)[0]->type().IsNumeric()) {
    return Error(call.span, "PERCENTILE takes a number and a percentage", std::string(kForm));
  }
  const sql::SourceSpan& span = call.arguments[1].value->span;
  const auto refuse = [&] {
    return Error(span, "the percentage of PERCENTILE must be a constant from 0.0 to 1.0",
                 "0.5 is the median; ARRAY[0.5, 0.99] gives an array");
  };
  const LogicalType number = LogicalType::Double().NotNull();
  out->percentages_are_array = (*args)[1]->type().root() == TypeRoot::kArray;
  const auto wanted = BindCast(
      (*args)[1], out->percentages_are_array ? LogicalType::Array(number).NotNull() : number);
  std::vector<int> refs;
  CollectInputRefs(*(*args)[1], &refs);
  if (!wanted.ok() || !refs.empty()) return refuse();
  const auto value = EvaluateConstant(*wanted, EvalContext{});
  if (!value.ok() || !(*value)->is_valid) return refuse();
  std::shared_ptr<arrow::Array> values;
  if (out->percentages_are_array) {
    values = static_cast<const arrow::BaseListScalar&>(**value).value;
  } else {
    ASSIGN_OR_RETURN(values, arrow::MakeArrayFromScalar(**value, 1));
  }
  const auto& numbers = static_cast<const arrow::DoubleArray&>(*values);
  for (int64_t i = 0; i < numbers.length(); ++i) {
    if (numbers.IsNull(i) || !(numbers.Value(i) >= 0 && numbers.Value(i) <= 1)) return refuse();
    out->percentages.push_back(numbers.Value(i));
  }
  ASSIGN_OR_RETURN((*args)[0], BindCast((*args)[0], LogicalType::Double()));
  if (args->size() == 3) {
    if (!(*args)[2]->type().IsInteger()) {
      return Error(call.arguments[2].value->span,
                   "the frequency of PERCENTILE must be a whole number", std::string(kForm));
    }
    ASSIGN_OR_RETURN((*args)[2], BindCast((*args)[2], LogicalType::BigInt()));
  }
  args->erase(args->begin() + 1);
  return Status::OK();
}

Result<ExprPtr> Binder::BindGroupingCall(const sql::FunctionExpr& call, const std::string& name,
                                         const ExprScope& scope) {
  if (scope.aggregates == nullptr || scope.aggregates->inside_aggregate) {
    return Error(call.span, fmt::format("{} is not allowed here", name),
                 "it tells of GROUP BY: use it in SELECT or HAVING");
  }
  GroupingCall bound;
  bound.counts_repeats = name == "GROUP_ID";
  for (const auto& argument : call.arguments) {
    ASSIGN_OR_RETURN(ExprPtr arg, BindExpr(*argument.value, scope));
    bound.args.push_back(std::move(arg));
  }
  if (bound.args.empty() != bound.counts_repeats || bound.args.size() > 62) {
    return Error(call.span, bound.counts_repeats
                                ? "GROUP_ID takes no argument"
                                : fmt::format("{} takes 1 to 62 columns of GROUP BY", name));
  }
  std::vector<GroupingCall>& calls = scope.aggregates->groupings;
  calls.push_back(std::move(bound));
  return MakeInputRef(kGroupingBase + static_cast<int>(calls.size()) - 1,
                      LogicalType::BigInt().NotNull(), name, ToSpan(call.span));
}

Result<ExprPtr> Binder::BindWindowAuxiliary(const sql::FunctionExpr& call, const std::string& name,
                                            const ExprScope& scope) {
  std::string window;
  WindowProperty property = WindowProperty::kStart;
  IsWindowAuxiliary(name, &window, &property);
  if (scope.aggregates == nullptr || !scope.aggregates->legacy.has_value() ||
      scope.aggregates->legacy->function != window) {
    return Error(call.span, fmt::format("{} needs a GROUP BY {}(..)", name, window));
  }
  const LegacyWindow& legacy = *scope.aggregates->legacy;
  std::string arguments;
  for (const auto& argument : call.arguments) arguments += ToSql(*argument.value) + ", ";
  if (arguments != legacy.arguments_sql) {
    return Error(call.span, fmt::format("the arguments of {} differ from those of {} in GROUP BY",
                                        name, window));
  }
  scope.aggregates->any_property = true;
  const LogicalType type =
      property == WindowProperty::kTime ? legacy.time_type : LogicalType::Timestamp(3).NotNull();
  return MakeInputRef(kPropertyBase + static_cast<int>(property), type, name, ToSpan(call.span));
}

Status Binder::CheckReturning(const sql::FunctionExpr& call, const std::string& name,
                              const LogicalType& type) const {
  bool good = type.IsCharacter();
  if (name == "JSON_QUERY") {
    good |= type.root() == TypeRoot::kArray && type.element().IsCharacter();
  } else {
    good |= type.root() == TypeRoot::kInteger || type.root() == TypeRoot::kDouble ||
            type.root() == TypeRoot::kBoolean;
  }
  if (good) return Status::OK();
  return Error(call.span, fmt::format("{} cannot be RETURNING {}", name, type.ToErrorString()),
               name == "JSON_QUERY" ? "it gives STRING or ARRAY<STRING>"
                                    : "it gives STRING, INTEGER, DOUBLE or BOOLEAN: CAST the rest");
}

Result<ExprPtr> Binder::BindJson(const sql::FunctionExpr& call, const std::string& name,
                                 const ExprScope& scope) {
  const SourceSpan span = ToSpan(call.span);
  std::vector<ExprPtr> args;
  const bool builds = name == "JSON_OBJECT" || name == "JSON_ARRAY";
  for (const auto& argument : call.arguments) {
    // JSON(text) has a meaning in what these build only.
    const auto* inner = sql::TryAs<sql::FunctionExpr>(argument.value.get());
    if (builds && inner != nullptr && inner->arguments.size() == 1 &&
        absl::EqualsIgnoreCase(inner->name.last(), "JSON")) {
      ASSIGN_OR_RETURN(ExprPtr text, BindExpr(*inner->arguments[0].value, scope));
      ASSIGN_OR_RETURN(ExprPtr json, CallFunction("JSON", {std::move(text)}, inner->span));
      args.push_back(std::move(json));
      continue;
    }
    ASSIGN_OR_RETURN(ExprPtr arg, BindExpr(*argument.value, scope));
    args.push_back(std::move(arg));
  }
  for (size_t i = 0; !builds && i < std::min<size_t>(args.size(), 2); ++i) {
    if (args[i]->type().root() != TypeRoot::kNull || name == "JSON_STRING" ||
        name == "JSON_QUOTE" || name == "JSON_UNQUOTE") {
      continue;
    }
    return Error(call.span, "illegal use of NULL: its type is not known", "write CAST(NULL AS ..)");
  }
  if (name == "JSON_EXISTS") {
    if (!call.clauses.empty()) {
      args.push_back(MakeSymbol(ClauseOf(call, " ON ERROR", "FALSE"), span));
    }
  } else if (name == "JSON_VALUE") {
    size_t next = 0;
    for (const std::string_view which : {" ON EMPTY", " ON ERROR"}) {
      const std::string behaviour = ClauseOf(call, which, "NULL");
      ExprPtr value = MakeNullLiteral(LogicalType::Null(), span);
      if (behaviour == "DEFAULT" && next < call.clause_values.size()) {
        ASSIGN_OR_RETURN(value, BindExpr(*call.clause_values[next++], scope));
        if (call.returning != nullptr && value->type().root() != TypeRoot::kNull) {
          const Result<ExprPtr> cast = BindCast(value, LogicalType::String(), span);
          if (!cast.ok()) return Locate(cast.status(), call.span);
          value = *cast;
        }
      }
      args.push_back(MakeSymbol(behaviour, span));
      args.push_back(std::move(value));
    }
  } else if (name == "JSON_QUERY") {
    std::string wrapper = "WITHOUT";
    for (const std::string& clause : call.clauses) {
      if (!clause.ends_with("WRAPPER")) continue;
      if (clause.find("WITHOUT") != std::string::npos)
        wrapper = "WITHOUT";
      else
        wrapper =
            clause.find(" CONDITIONAL") != std::string::npos ? "CONDITIONAL" : "UNCONDITIONAL";
    }
    args.push_back(MakeSymbol(wrapper, span));
    args.push_back(MakeSymbol(ClauseOf(call, " ON EMPTY", "NULL"), span));
    args.push_back(MakeSymbol(ClauseOf(call, " ON ERROR", "NULL"), span));
  } else if (name == "JSON_OBJECT" || name == "JSON_ARRAY") {
    const std::string on_null =
        ClauseOf(call, " ON NULL", name == "JSON_OBJECT" ? "NULL" : "ABSENT");
    args.insert(args.begin(), MakeSymbol(on_null, span));
  } else if (!call.clauses.empty()) {
    return Error(call.span, fmt::format("{} takes no clause {}", name, call.clauses.front()));
  }
  LogicalType type;
  if (call.returning != nullptr) {
    ASSIGN_OR_RETURN(type, BindType(*call.returning));
    RETURN_IF_ERROR(CheckReturning(call, name, type));
  }
  if (type.root() == TypeRoot::kArray) {
    return CallFunction("$JSON_QUERY_ARRAY", std::move(args), call.span);
  }
  ASSIGN_OR_RETURN(ExprPtr bound, CallFunction(name, std::move(args), call.span));
  if (call.returning == nullptr) return bound;
  Result<ExprPtr> cast = BindCast(bound, type.WithNullable(true), span);
  if (!cast.ok()) return Locate(cast.status(), call.span);
  return cast;
}

}  // namespace mainstem::process::plan

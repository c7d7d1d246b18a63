// FROM TABLE(TUMBLE | HOP | CUMULATE | SESSION (..)).
#include <array>

#include <fmt/format.h>

#include "process/plan/binder.h"

namespace mainstem::process::plan {
namespace {

struct WindowFunction {
  std::string_view name;
  WindowKind kind;
  // Parameters in order; those from `required` on may be missing.
  std::array<std::string_view, 5> parameters;
  size_t count;
  size_t required;
};
constexpr std::array<WindowFunction, 4> kFunctions = {{
    {"TUMBLE", WindowKind::kTumble, {"DATA", "TIMECOL", "SIZE", "OFFSET"}, 4, 3},
    {"HOP", WindowKind::kHop, {"DATA", "TIMECOL", "SLIDE", "SIZE", "OFFSET"}, 5, 4},
    {"CUMULATE", WindowKind::kCumulate, {"DATA", "TIMECOL", "STEP", "SIZE", "OFFSET"}, 5, 4},
    {"SESSION", WindowKind::kSession, {"DATA", "TIMECOL", "GAP"}, 3, 3},
}};

const WindowFunction* FindFunction(const std::string& name) {
  for (const WindowFunction& function : kFunctions) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

std::string Form(const WindowFunction& function) {
  std::string out = fmt::format("{}(TABLE table, DESCRIPTOR(time column)", function.name);
  for (size_t i = 2; i < function.count; ++i) {
    out += i < function.required ? ", " : "[, ";
    out += function.parameters[i];
    if (i >= function.required) out += "]";
  }
  return out + ")";
}

}  // namespace

Status Binder::CheckWindow(const Window& window, const sql::SourceSpan& span) {
  if (window.size_ms <= 0) return Error(span, "the length of a window must be positive");
  const bool slides = window.kind == WindowKind::kHop || window.kind == WindowKind::kCumulate;
  if (slides && window.slide_ms <= 0) {
    return Error(span, "the slide or step of a window must be positive");
  }
  if (window.kind == WindowKind::kSession && batch()) {
    return Error(span, "SESSION windows are not supported in batch mode");
  }
  return Status::OK();
}

Result<Relation> Binder::BindWindowInput(const sql::Expr& data,
                                         const std::vector<sql::ExprPtr>** keys) {
  if (data.kind == sql::ExprKind::kTableArgument) {
    const auto& argument = sql::As<sql::TableArgumentExpr>(data);
    if (!argument.order_by.empty()) return NotYet(data.span, "ORDER BY of a table argument");
    *keys = &argument.partition_by;
    const sql::Query& query = *argument.query;
    if (query.body->kind == sql::BodyKind::kTable) {
      return BindTableRef(static_cast<const sql::TableQuery&>(*query.body).table);
    }
    return BindQuery(query);
  }
  if (data.kind == sql::ExprKind::kSubquery) {
    return BindQuery(*sql::As<sql::SubqueryExpr>(data).query);
  }
  return Error(data.span, "the first argument of a window function is a table",
               "write TABLE and the table's name");
}

Status Binder::BindTimeColumn(const sql::Expr& descriptor, const Relation& input,
                              std::string_view function, Window* window) {
  const auto* columns = sql::TryAs<sql::DescriptorExpr>(&descriptor);
  if (columns == nullptr || columns->columns.size() != 1) {
    return Error(descriptor.span, "the time column is given as DESCRIPTOR(column)");
  }
  const sql::Identifier& name = columns->columns[0];
  std::vector<std::string> names;
  int found = -1;
  for (size_t i = 0; i < input.scope.size(); ++i) {
    names.push_back(input.scope[i].name);
    if (input.scope[i].name == name.text) found = static_cast<int>(i);
  }
  if (found < 0) {
    return Error(name.span, fmt::format("column '{}' not found in the window's table", name.text),
                 sql::DidYouMean(name.text, names));
  }
  const LogicalType& type = input.node->columns[static_cast<size_t>(found)].type();
  const bool is_time = type.time_attribute() != TimeAttribute::kNone;
  if (!type.IsTimestamp() || (!is_time && !batch())) {
    return Error(
        name.span,
        fmt::format("the window function {} requires the timecol to be a time attribute, "
                    "but '{}' is {}",
                    function, name.text, type.ToErrorString()),
        type.IsTimestamp()
            ? "declare a WATERMARK for it in CREATE TABLE; GROUP BY, joins and CAST make a "
              "plain timestamp of a time attribute"
            : "declare a TIMESTAMP(3) column with a WATERMARK in CREATE TABLE");
  }
  window->time_column = found;
  window->event_time = type.time_attribute() != TimeAttribute::kProctime;
  window->local_time_zone = type.root() == TypeRoot::kTimestampLtz;
  return Status::OK();
}

Result<Relation> Binder::BindWindowTable(const sql::FunctionTable& table) {
  const auto& call = sql::As<sql::FunctionExpr>(*table.call);
  const std::string name = UpperAscii(call.name.last());
  const WindowFunction* function = FindFunction(name);
  if (function == nullptr) {
    std::vector<std::string> names;
    for (const WindowFunction& known : kFunctions) names.emplace_back(known.name);
    const std::string hint = sql::DidYouMean(name, names);
    return Error(call.name.span, fmt::format("there is no table function {}", name), hint);
  }
  std::array<const sql::Expr*, 5> arguments{};
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    const auto& argument = call.arguments[i];
    size_t at = i;
    if (argument.name.has_value()) {
      const std::string parameter = UpperAscii(argument.name->text);
      for (at = 0; at < function->count && function->parameters[at] != parameter; ++at) {
      }
    }
    if (at >= function->count || arguments[at] != nullptr) {
      const sql::SourceSpan span =
          argument.name.has_value() ? argument.name->span : argument.value->span;
      return Error(span, fmt::format("{} takes no such argument", name),
                   "write " + Form(*function));
    }
    arguments[at] = argument.value.get();
  }
  for (size_t i = 0; i < function->required; ++i) {
    if (arguments[i] == nullptr) {
      return Error(call.span,
                   fmt::format("{} misses its argument {}", name, function->parameters[i]),
                   "write " + Form(*function));
    }
  }
  const std::vector<sql::ExprPtr>* keys = nullptr;
  ASSIGN_OR_RETURN(Relation input, BindWindowInput(*arguments[0], &keys));
  Window window;
  window.kind = function->kind;
  RETURN_IF_ERROR(BindTimeColumn(*arguments[1], input, name, &window));
  for (size_t i = 2; i < function->count; ++i) {
    if (arguments[i] == nullptr) continue;
    ASSIGN_OR_RETURN(
        int64_t millis,
        BindIntervalMillis(*arguments[i], fmt::format("{}'s {}", name, function->parameters[i])));
    const std::string_view parameter = function->parameters[i];
    if (parameter == "OFFSET")
      window.offset_ms = millis;
    else if (parameter == "SLIDE" || parameter == "STEP")
      window.slide_ms = millis;
    else
      window.size_ms = millis;
  }
  RETURN_IF_ERROR(CheckWindow(window, call.span));
  if (window.slide_ms > 0 && window.size_ms % window.slide_ms != 0) {
    const std::string_view part = window.kind == WindowKind::kHop ? "slide" : "step";
    const std::string_view whole = window.kind == WindowKind::kHop ? "size" : "max size";
    return Error(call.span,
                 fmt::format("{0} table function based aggregate requires {1} must be an integral "
                             "multiple of {2}, but got {1} {3} ms and {2} {4} ms",
                             name, whole, part, window.size_ms, window.slide_ms));
  }
  if (keys != nullptr && !keys->empty() && window.kind != WindowKind::kSession) {
    return Error(keys->front()->span, fmt::format("{} takes no PARTITION BY", name),
                 "group by the column after the window function");
  }
  const ExprScope scope{&input.scope, &input.node->columns, nullptr, "PARTITION BY"};
  for (size_t i = 0; keys != nullptr && i < keys->size(); ++i) {
    ASSIGN_OR_RETURN(ExprPtr key, BindExpr(*(*keys)[i], scope));
    if (key->kind() != ExprKind::kInputRef) {
      return NotYet((*keys)[i]->span, "PARTITION BY an expression");
    }
    window.partition_keys.push_back(key->index());
  }

  auto node = std::make_shared<WindowTableNode>();
  node->window = window;
  node->span = ToSpan(call.span);
  node->columns = input.node->columns;
  const LogicalType bound = LogicalType::Timestamp(3).NotNull();
  const LogicalType time =
      (window.local_time_zone ? LogicalType::TimestampLtz(3) : LogicalType::Timestamp(3))
          .NotNull()
          .WithTimeAttribute(window.event_time ? TimeAttribute::kRowtime
                                               : TimeAttribute::kProctime);
  std::vector<std::string> names;
  for (const ScopeColumn& column : input.scope) names.push_back(column.name);
  names.insert(names.end(), {"window_start", "window_end", "window_time"});
  MakeNamesUnique(&names);
  const int first = static_cast<int>(input.scope.size());
  node->columns.emplace_back(names[names.size() - 3], bound);
  node->columns.emplace_back(names[names.size() - 2], bound);
  node->columns.emplace_back(names[names.size() - 1], time);
  node->inputs = {input.node};
  Relation out;
  for (const std::string& column : names) out.scope.push_back({{}, column});
  out.window = WindowColumns{first, first + 1, first + 2, window};
  out.node = std::move(node);
  return out;
}

}  // namespace mainstem::process::plan

// Calls of functions and operators: what the registry binds, and what is settled before it.
#include <algorithm>

#include <absl/functional/function_ref.h>

#include "process/expr/cast.h"
#include "process/plan/binder.h"

namespace mainstem::process::plan {
namespace {

// Text beside a date or a time is read as one, in all that compares.
Status ReadTextAsTime(std::string_view name, std::vector<ExprPtr>* args) {
  static constexpr std::string_view kComparing[] = {"=",  "<>",      "<",           "<=", ">",
                                                    ">=", "BETWEEN", "NOT BETWEEN", "IN", "NOT IN"};
  if (std::ranges::find(kComparing, name) == std::end(kComparing)) return Status::OK();
  const auto time =
      std::ranges::find_if(*args, [](const ExprPtr& arg) { return arg->type().IsDatetime(); });
  if (time == args->end()) return Status::OK();
  const LogicalType type = (*time)->type().WithTimeAttribute(TimeAttribute::kNone);
  for (ExprPtr& arg : *args) {
    if (!arg->type().IsCharacter()) continue;
    const bool is_nullable = arg->type().nullable();
    ASSIGN_OR_RETURN(arg, BindCast(arg, type.WithNullable(is_nullable)));
  }
  return Status::OK();
}

// IN and BETWEEN, other than `=`, take text beside numbers: a text that is looked for in a list of
// numbers makes text of them, in all other places it is read as a number.
Status ReadTextAsNumber(std::string_view name, std::vector<ExprPtr>* args) {
  const bool is_in = name == "IN" || name == "NOT IN";
  if (!is_in && name != "BETWEEN" && name != "NOT BETWEEN") return Status::OK();
  const auto number =
      std::ranges::find_if(*args, [](const ExprPtr& arg) { return arg->type().IsNumeric(); });
  if (number == args->end()) return Status::OK();
  const bool as_text = is_in && args->front()->type().IsCharacter();
  const LogicalType type = as_text ? LogicalType::String() : (*number)->type();
  for (ExprPtr& arg : *args) {
    if (as_text ? !arg->type().IsNumeric() : !arg->type().IsCharacter()) continue;
    const bool is_nullable = arg->type().nullable();
    ASSIGN_OR_RETURN(arg, BindCast(arg, type.WithNullable(is_nullable)));
  }
  return Status::OK();
}

// What takes NULL without a type (all of them beside an argument that has one, but for the first
// three lines); the rest of the functions and operators does not.
bool TakesUntypedNull(std::string_view name, const std::vector<ExprPtr>& args) {
  static constexpr std::string_view kAlways[] = {"=",
                                                 "<>",
                                                 "<",
                                                 "<=",
                                                 ">",
                                                 ">=",
                                                 "IN",
                                                 "NOT IN",
                                                 "BETWEEN",
                                                 "NOT BETWEEN",
                                                 "IS NULL",
                                                 "IS NOT NULL",
                                                 "IS DISTINCT FROM",
                                                 "IS NOT DISTINCT FROM",
                                                 "TYPEOF",
                                                 "JSON_STRING",
                                                 "JSON_QUOTE",
                                                 "JSON_UNQUOTE",
                                                 "PRINTF",
                                                 "SPLIT",
                                                 "STARTSWITH",
                                                 "ENDSWITH",
                                                 "BTRIM",
                                                 "TRANSLATE",
                                                 "UNHEX",
                                                 "URL_ENCODE",
                                                 "URL_DECODE",
                                                 "TO_TIMESTAMP_LTZ",
                                                 "INET_ATON",
                                                 "INET_NTOA",
                                                 "REGEXP_COUNT",
                                                 "REGEXP_EXTRACT_ALL",
                                                 "REGEXP_INSTR",
                                                 "REGEXP_SUBSTR"};
  static constexpr std::string_view kBesideATypedOne[] = {
      "ROW", "CASE", "COALESCE", "IFNULL", "NULLIF", "ARRAY", "MAP", "ELT",
      // What these get comes from clauses, and is checked there.
      "JSON_VALUE", "JSON_QUERY", "JSON_OBJECT", "JSON_ARRAY"};
  if (std::ranges::find(kAlways, name) != std::end(kAlways)) return true;
  const auto is_typed = [](const ExprPtr& arg) { return arg->type().root() != TypeRoot::kNull; };
  if (name.starts_with("ARRAY_") || name.starts_with("MAP_")) {
    return !args.empty() && is_typed(args[0]);
  }
  if (std::ranges::find(kBesideATypedOne, name) == std::end(kBesideATypedOne)) return false;
  // Of CASE every second argument is a condition.
  for (size_t i = 0; i < args.size(); ++i) {
    const bool is_condition = name == "CASE" && i % 2 == 0 && i + 1 < args.size();
    if (!is_condition && is_typed(args[i])) return name != "NULLIF" || i == 0;
  }
  return false;
}

bool IsRow(const ExprPtr& expr) { return expr->IsCallTo("ROW"); }

using CallOf = absl::FunctionRef<Result<ExprPtr>(std::string_view name, std::vector<ExprPtr> args)>;

// (a, b) = (c, d) is a = c AND b = d, so that it may be unknown; IN is one such for each row of the
// list. Null: the call is none of these.
Result<ExprPtr> CompareRows(std::string_view name, const std::vector<ExprPtr>& args, CallOf call) {
  const bool is_in = name == "IN" || name == "NOT IN";
  if ((name != "=" && !is_in) || !std::ranges::all_of(args, IsRow)) return ExprPtr();
  ExprPtr any;
  for (size_t i = 1; i < args.size(); ++i) {
    const std::vector<ExprPtr>&left = args[0]->args(), &right = args[i]->args();
    if (left.size() != right.size()) return ExprPtr();
    ExprPtr same;
    for (size_t field = 0; field < left.size(); ++field) {
      ASSIGN_OR_RETURN(ExprPtr equal, call("=", {left[field], right[field]}));
      if (same != nullptr) {
        ASSIGN_OR_RETURN(equal, call("AND", {same, std::move(equal)}));
      }
      same = std::move(equal);
    }
    if (any != nullptr) {
      ASSIGN_OR_RETURN(same, call("OR", {any, std::move(same)}));
    }
    any = std::move(same);
  }
  return name == "NOT IN" ? call("NOT", {std::move(any)}) : Result<ExprPtr>(any);
}

}  // namespace

Result<ExprPtr> Binder::CallFunction(std::string_view name, std::vector<ExprPtr> args,
                                     const sql::SourceSpan& span) {
  const auto call = [&](std::string_view inner, std::vector<ExprPtr> of) {
    return CallFunction(inner, std::move(of), span);
  };
  ASSIGN_OR_RETURN(ExprPtr rows, CompareRows(name, args, call));
  if (rows != nullptr) return rows;
  for (const ExprPtr& arg : args) {
    if (arg->type().root() != TypeRoot::kNull || TakesUntypedNull(name, args)) continue;
    return Error(span, "illegal use of NULL: its type is not known", "write CAST(NULL AS ..)");
  }
  RETURN_IF_ERROR(Locate(ReadTextAsTime(name, &args), span));
  RETURN_IF_ERROR(Locate(ReadTextAsNumber(name, &args), span));
  Result<ExprPtr> bound = context_.functions->Bind(name, std::move(args), ToSpan(span));
  if (bound.ok()) return bound;
  return Locate(bound.status(), span);
}

}  // namespace mainstem::process::plan

#include "process/expr/function_registry.h"

#include <algorithm>
#include <cctype>

#include <arrow/scalar.h>
#include <fmt/format.h>

#include "core/suggest.h"
#include "process/expr/aggregate.h"
#include "process/expr/cast.h"

namespace mainstem::process {
namespace {

bool IsSymbolic(std::string_view name) {
  return !name.empty() && !std::isalpha(static_cast<unsigned char>(name[0]));
}

// Types print without precision in "no match" errors: <NUMERIC>, <CHARACTER>, <DATE>.
std::string FamilyText(const LogicalType& type) {
  if (type.IsNumeric()) return "<NUMERIC>";
  if (type.IsCharacter()) return "<CHARACTER>";
  if (type.IsBinary()) return "<BINARY>";
  if (type.IsTimestamp()) return "<TIMESTAMP>";
  if (type.root() == TypeRoot::kTime) return "<TIME>";
  return fmt::format("<{}>", type.ToErrorString());
}

// Called by name, but in a clause of their own: bound by the planner.
constexpr std::string_view kOfClauses[] = {
    "ROW_NUMBER", "RANK", "DENSE_RANK", "LAG", "TUMBLE", "HOP", "CUMULATE", "SESSION", "UNNEST"};

std::string HintText(const std::vector<std::string>& names) {
  if (names.empty()) return "SHOW FUNCTIONS lists all functions";
  return fmt::format("did you mean {}?", fmt::join(names, ", "));
}

}  // namespace

std::string UpperAscii(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

std::vector<LogicalType> CallSite::types() const {
  std::vector<LogicalType> types;
  for (const ExprPtr& arg : args_) types.push_back(arg->type());
  return types;
}

bool CallSite::AnyNullable() const {
  return std::any_of(args_.begin(), args_.end(),
                     [](const ExprPtr& arg) { return arg->type().nullable(); });
}

std::optional<std::string> CallSite::StringLiteral(size_t i) const {
  const BoundExpr& arg = *args_[i];
  if (arg.kind() != ExprKind::kLiteral || arg.IsNullLiteral()) return std::nullopt;
  if (!arg.type().IsCharacter() && arg.type().root() != TypeRoot::kSymbol) return std::nullopt;
  return std::string(static_cast<const arrow::StringScalar&>(*arg.value()).view());
}

std::optional<int64_t> CallSite::IntLiteral(size_t i) const {
  const BoundExpr* arg = args_[i].get();
  const bool negative = arg->IsCallTo("NEGATE");
  if (negative) arg = arg->args()[0].get();
  if (arg->kind() != ExprKind::kLiteral || arg->IsNullLiteral()) return std::nullopt;
  int64_t value = 0;
  switch (arg->type().root()) {
    case TypeRoot::kTinyInt:
      value = static_cast<const arrow::Int8Scalar&>(*arg->value()).value;
      break;
    case TypeRoot::kSmallInt:
      value = static_cast<const arrow::Int16Scalar&>(*arg->value()).value;
      break;
    case TypeRoot::kInteger:
      value = static_cast<const arrow::Int32Scalar&>(*arg->value()).value;
      break;
    case TypeRoot::kBigInt:
      value = static_cast<const arrow::Int64Scalar&>(*arg->value()).value;
      break;
    default: return std::nullopt;
  }
  return negative ? -value : value;
}

std::string CallSite::Signature() const {
  if (IsSymbolic(name_) && args_.size() == 2) {
    return fmt::format("<{}> {} <{}>", type(0).ToErrorString(), name_, type(1).ToErrorString());
  }
  std::string text = fmt::format("{}(", name_);
  for (size_t i = 0; i < args_.size(); ++i) {
    text += fmt::format("{}<{}>", i == 0 ? "" : ", ", type(i).ToErrorString());
  }
  return text + ")";
}

Status CallSite::CannotApply(std::string_view supported_forms) const {
  return MakeError(
      ErrorCode::kSemanticError,
      {.message = fmt::format("Cannot apply '{}' to arguments of type '{}'", name_, Signature()),
       .detail = fmt::format("Supported form(s): {}", supported_forms)});
}

void FunctionRegistry::Add(FunctionEntry entry) {
  const std::string name = entry.name;
  const bool inserted = entries_.emplace(name, std::move(entry)).second;
  CHECK(inserted);
}

bool FunctionRegistry::Contains(std::string_view name) const {
  return entries_.contains(UpperAscii(name));
}

std::vector<std::string> FunctionRegistry::Names() const {
  std::vector<std::string> names = Aggregate::Names();
  names.insert(names.end(), std::begin(kOfClauses), std::end(kOfClauses));
  for (const auto& [name, entry] : entries_) {
    if (!IsSymbolic(name)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::vector<std::string> FunctionRegistry::NearNames(std::string_view name) const {
  std::vector<std::pair<size_t, std::string>> near;
  for (const std::string& known : Names()) {
    const size_t distance = EditDistance(name, known);
    if (distance <= 1 + name.size() / 4) near.emplace_back(distance, known);
  }
  std::sort(near.begin(), near.end());
  std::vector<std::string> names;
  for (size_t i = 0; i < near.size() && i < 3; ++i) names.push_back(near[i].second);
  return names;
}

Result<ExprPtr> FunctionRegistry::Bind(std::string_view name, std::vector<ExprPtr> args,
                                       SourceSpan span) const {
  const std::string upper = UpperAscii(name);
  const auto found = entries_.find(upper);
  const CallSite site(upper, args);
  const bool known = found != entries_.end();
  const int count = static_cast<int>(args.size());
  if (!known || count < found->second.args_min ||
      (found->second.args_max >= 0 && count > found->second.args_max)) {
    std::vector<std::string> families;
    for (const LogicalType& type : site.types()) families.push_back(FamilyText(type));
    const std::string message = fmt::format("No match found for function signature {}({})", upper,
                                            fmt::join(families, ", "));
    if (!known) {
      return MakeError(ErrorCode::kSemanticError,
                       {.message = message, .hint = HintText(NearNames(upper))});
    }
    const FunctionEntry& entry = found->second;
    const std::string wanted = entry.args_max < 0 ? fmt::format("at least {}", entry.args_min)
                               : entry.args_max == entry.args_min
                                   ? fmt::format("{}", entry.args_min)
                                   : fmt::format("{} to {}", entry.args_min, entry.args_max);
    return MakeError(
        ErrorCode::kSemanticError,
        {.message = message,
         .detail = fmt::format("{} takes {} argument(s), not {}", upper, wanted, count)});
  }
  const FunctionEntry& entry = found->second;
  if (entry.rewrite) return entry.rewrite(*this, site, span);
  ASSIGN_OR_RETURN(Signature signature, entry.infer(site));
  for (size_t i = 0; i < signature.args.size(); ++i) {
    if (signature.args[i].EqualsIgnoreNullability(args[i]->type())) continue;
    ASSIGN_OR_RETURN(args[i], BindImplicitCast(std::move(args[i]), signature.args[i]));
  }
  auto function = std::make_shared<BoundFunction>(
      BoundFunction{upper, entry.flags, entry.form, std::move(signature.kernel)});
  if (signature.can_fail) function->flags.can_fail = *signature.can_fail;
  return MakeCall(std::move(function), signature.result, std::move(args), span);
}

}  // namespace mainstem::process

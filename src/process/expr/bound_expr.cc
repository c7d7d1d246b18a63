#include "process/expr/bound_expr.h"

#include <algorithm>

#include <arrow/scalar.h>
#include <fmt/format.h>

#include "core/status.h"
#include "process/expr/function_registry.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {
namespace {

uint64_t Mix(uint64_t seed, uint64_t value) {
  seed ^= value + 0x9e3779b97f4a7c15ULL + (seed << 6) + (seed >> 2);
  return seed;
}

uint64_t HashType(const LogicalType& type) {
  return Mix(static_cast<uint64_t>(type.root()),
             static_cast<uint64_t>(type.precision()) * 64 + static_cast<uint64_t>(type.scale()));
}

// Number of characters, not bytes.
int32_t CharacterCount(std::string_view text) {
  return static_cast<int32_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string LiteralText(const BoundExpr& expr) {
  if (expr.IsNullLiteral()) return fmt::format("NULL:{}", expr.type().ToErrorString());
  const std::string text = expr.value()->ToString();
  switch (expr.type().root()) {
    case TypeRoot::kChar:
    case TypeRoot::kVarChar: {
      std::string quoted = "'";
      for (char c : text) quoted += c == '\'' ? std::string("''") : std::string(1, c);
      return quoted + "'";
    }
    case TypeRoot::kBoolean: return text == "true" ? "TRUE" : "FALSE";
    case TypeRoot::kDate:
    case TypeRoot::kTime:
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz: return text;
    case TypeRoot::kIntervalYearMonth: return text + ":INTERVAL MONTH";
    case TypeRoot::kIntervalDayTime:
      return fmt::format(
          "{}:INTERVAL SECOND",
          static_cast<double>(static_cast<const arrow::DurationScalar&>(*expr.value()).value) /
              1000);
    default: return text;
  }
}

bool IsInfix(std::string_view name) {
  static constexpr std::string_view kInfix[] = {"+",
                                                "-",
                                                "*",
                                                "/",
                                                "%",
                                                "=",
                                                "<>",
                                                "<",
                                                "<=",
                                                ">",
                                                ">=",
                                                "||",
                                                "AND",
                                                "OR",
                                                "IS DISTINCT FROM",
                                                "IS NOT DISTINCT FROM",
                                                "LIKE",
                                                "NOT LIKE",
                                                "SIMILAR TO",
                                                "NOT SIMILAR TO"};
  return std::find(std::begin(kInfix), std::end(kInfix), name) != std::end(kInfix);
}

std::string Join(std::span<const ExprPtr> args, std::string_view separator) {
  std::string text;
  for (const ExprPtr& arg : args) {
    if (!text.empty()) text += separator;
    text += arg->ToString();
  }
  return text;
}

std::string CaseText(std::span<const ExprPtr> args) {
  std::string text = "CASE";
  for (size_t i = 0; i + 1 < args.size(); i += 2) {
    text += fmt::format(" WHEN {} THEN {}", args[i]->ToString(), args[i + 1]->ToString());
  }
  return text + fmt::format(" ELSE {} END", args.back()->ToString());
}

std::string CallText(const std::string& name, std::span<const ExprPtr> args) {
  if (IsInfix(name) && args.size() >= 2) return "(" + Join(args, " " + name + " ") + ")";
  if (name == "CASE") return CaseText(args);
  if (name == "NEGATE") return fmt::format("-{}", args[0]->ToString());
  if (name == "NOT") return fmt::format("NOT {}", args[0]->ToString());
  if (name == "ITEM") return fmt::format("{}[{}]", args[0]->ToString(), args[1]->ToString());
  if (name == "FIELD" && !args[1]->IsNullLiteral()) {
    return fmt::format("{}.{}", args[0]->ToString(), args[1]->value()->ToString());
  }
  if (name == "BETWEEN" || name == "NOT BETWEEN") {
    return fmt::format("{} {} {} AND {}", args[0]->ToString(), name, args[1]->ToString(),
                       args[2]->ToString());
  }
  if (name == "IN" || name == "NOT IN") {
    return fmt::format("{} {} ({})", args[0]->ToString(), name, Join(args.subspan(1), ", "));
  }
  if (name.starts_with("IS ") && args.size() == 1) {
    return fmt::format("{} {}", args[0]->ToString(), name);
  }
  return fmt::format("{}({})", name, Join(args, ", "));
}

}  // namespace

bool BoundExpr::IsNullLiteral() const { return kind_ == ExprKind::kLiteral && !value_->is_valid; }

std::string BoundExpr::ToString() const {
  switch (kind_) {
    case ExprKind::kLiteral: return LiteralText(*this);
    case ExprKind::kInputRef: return name_.empty() ? fmt::format("${}", index_) : name_;
    case ExprKind::kCast:
      return fmt::format("{}({} AS {})", is_try_ ? "TRY_CAST" : "CAST", args_[0]->ToString(),
                         type_.WithNullable(true).ToString());
    case ExprKind::kCall: return CallText(name_, args_);
  }
  return {};
}

bool BoundExpr::Equals(const BoundExpr& other) const {
  if (this == &other) return true;
  if (hash_ != other.hash_ || kind_ != other.kind_ || !(type_ == other.type_) ||
      is_try_ != other.is_try_ || index_ != other.index_ || args_.size() != other.args_.size()) {
    return false;
  }
  if (kind_ == ExprKind::kCall && name_ != other.name_) return false;
  if (kind_ == ExprKind::kLiteral && !value_->Equals(*other.value_)) return false;
  return std::equal(args_.begin(), args_.end(), other.args_.begin(),
                    [](const ExprPtr& a, const ExprPtr& b) { return a->Equals(*b); });
}

ExprPtr MakeLiteral(std::shared_ptr<arrow::Scalar> value, LogicalType type, SourceSpan span) {
  auto expr = std::shared_ptr<BoundExpr>(new BoundExpr());
  expr->kind_ = ExprKind::kLiteral;
  expr->hash_ = Mix(HashType(type), value->is_valid ? value->hash() : 1);
  expr->value_ = std::move(value);
  expr->type_ = std::move(type);
  expr->span_ = span;
  return expr;
}

ExprPtr MakeNullLiteral(LogicalType type, SourceSpan span) {
  auto scalar = arrow::MakeNullScalar(ToArrowType(type));
  return MakeLiteral(std::move(scalar), type.WithNullable(true), span);
}
ExprPtr MakeBoolLiteral(bool value, SourceSpan span) {
  return MakeLiteral(std::make_shared<arrow::BooleanScalar>(value),
                     LogicalType::Boolean().NotNull(), span);
}
ExprPtr MakeIntLiteral(int32_t value, SourceSpan span) {
  return MakeLiteral(std::make_shared<arrow::Int32Scalar>(value), LogicalType::Int().NotNull(),
                     span);
}
ExprPtr MakeBigIntLiteral(int64_t value, SourceSpan span) {
  return MakeLiteral(std::make_shared<arrow::Int64Scalar>(value), LogicalType::BigInt().NotNull(),
                     span);
}
ExprPtr MakeDoubleLiteral(double value, SourceSpan span) {
  return MakeLiteral(std::make_shared<arrow::DoubleScalar>(value), LogicalType::Double().NotNull(),
                     span);
}
ExprPtr MakeStringLiteral(std::string value, SourceSpan span) {
  const int32_t length = CharacterCount(value);
  return MakeLiteral(std::make_shared<arrow::StringScalar>(std::move(value)),
                     LogicalType::Char(length).NotNull(), span);
}
ExprPtr MakeSymbol(std::string upper_case_text, SourceSpan span) {
  return MakeLiteral(std::make_shared<arrow::StringScalar>(std::move(upper_case_text)),
                     LogicalType::Symbol(), span);
}
ExprPtr MakeIntervalMillisLiteral(int64_t millis, SourceSpan span) {
  return MakeLiteral(std::make_shared<arrow::DurationScalar>(millis, arrow::TimeUnit::MILLI),
                     LogicalType::IntervalDayTime().NotNull(), span);
}
ExprPtr MakeIntervalMonthsLiteral(int32_t months, SourceSpan span) {
  return MakeLiteral(std::make_shared<arrow::Int32Scalar>(months),
                     LogicalType::IntervalYearMonth().NotNull(), span);
}

ExprPtr MakeInputRef(int index, LogicalType type, std::string name, SourceSpan span) {
  auto expr = std::shared_ptr<BoundExpr>(new BoundExpr());
  expr->kind_ = ExprKind::kInputRef;
  expr->index_ = index;
  expr->hash_ = Mix(HashType(type), static_cast<uint64_t>(index) + 77);
  expr->type_ = std::move(type);
  expr->name_ = std::move(name);
  expr->span_ = span;
  return expr;
}

ExprPtr MakeCall(std::shared_ptr<const BoundFunction> function, LogicalType type,
                 std::vector<ExprPtr> args, SourceSpan span) {
  auto expr = std::shared_ptr<BoundExpr>(new BoundExpr());
  expr->kind_ = ExprKind::kCall;
  expr->name_ = function->name;
  expr->function_ = std::move(function);
  expr->hash_ = Mix(HashType(type), std::hash<std::string>()(expr->name_));
  for (const ExprPtr& arg : args) expr->hash_ = Mix(expr->hash_, arg->hash());
  expr->type_ = std::move(type);
  expr->args_ = std::move(args);
  expr->span_ = span;
  return expr;
}

ExprPtr MakeUncheckedCast(ExprPtr operand, LogicalType type, bool is_try, SourceSpan span) {
  auto expr = std::shared_ptr<BoundExpr>(new BoundExpr());
  expr->kind_ = ExprKind::kCast;
  expr->is_try_ = is_try;
  expr->hash_ = Mix(Mix(HashType(type), is_try ? 3 : 2), operand->hash());
  expr->type_ = std::move(type);
  expr->args_.push_back(std::move(operand));
  expr->span_ = span;
  return expr;
}

ExprPtr WithArgs(const BoundExpr& expr, std::vector<ExprPtr> args) {
  if (expr.kind() == ExprKind::kCast) {
    return MakeUncheckedCast(std::move(args[0]), expr.type(), expr.is_try(), expr.span());
  }
  CHECK(expr.kind() == ExprKind::kCall);
  return MakeCall(expr.function(), expr.type(), std::move(args), expr.span());
}

ExprPtr ReplaceInputRefs(const ExprPtr& expr,
                         const std::function<ExprPtr(const BoundExpr&)>& replace) {
  if (expr->kind() == ExprKind::kInputRef) return replace(*expr);
  if (expr->args().empty()) return expr;
  bool changed = false;
  std::vector<ExprPtr> args;
  for (const ExprPtr& arg : expr->args()) {
    args.push_back(ReplaceInputRefs(arg, replace));
    changed |= args.back() != arg;
  }
  return changed ? WithArgs(*expr, std::move(args)) : expr;
}

void CollectInputRefs(const BoundExpr& expr, std::vector<int>* indexes) {
  if (expr.kind() == ExprKind::kInputRef) {
    auto at = std::lower_bound(indexes->begin(), indexes->end(), expr.index());
    if (at == indexes->end() || *at != expr.index()) indexes->insert(at, expr.index());
  }
  for (const ExprPtr& arg : expr.args()) CollectInputRefs(*arg, indexes);
}

bool IsDeterministic(const BoundExpr& expr) {
  if (expr.kind() == ExprKind::kCall) {
    const FunctionFlags& flags = expr.function()->flags;
    if (!flags.deterministic || flags.dynamic) return false;
  }
  return std::all_of(expr.args().begin(), expr.args().end(),
                     [](const ExprPtr& arg) { return IsDeterministic(*arg); });
}

bool IsConstant(const BoundExpr& expr) {
  if (expr.kind() == ExprKind::kInputRef) return false;
  if (expr.kind() == ExprKind::kCall) {
    const FunctionFlags& flags = expr.function()->flags;
    if (!flags.deterministic || flags.dynamic) return false;
  }
  return std::all_of(expr.args().begin(), expr.args().end(),
                     [](const ExprPtr& arg) { return IsConstant(*arg); });
}

void SplitConjunction(const ExprPtr& predicate, std::vector<ExprPtr>* conjuncts) {
  if (!predicate->IsCallTo("AND")) {
    conjuncts->push_back(predicate);
    return;
  }
  for (const ExprPtr& arg : predicate->args()) SplitConjunction(arg, conjuncts);
}

}  // namespace mainstem::process
